"""TCP connections in the machine: which part each belongs to, so that its events find it.

A part (OMAPI, failover) is known by the name of its service, the word in StreamListen and StreamOpen. A connection
belongs to the part whose listener accepted it, or that called, until StreamClosed, which is its last event. What
comes for a connection that nobody has (a recording that was cut) is ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..trace import events as ev


class StreamPart(Protocol):
    """A part of the machine that speaks over TCP."""

    def listen_failed(self, event: ev.StreamListenFailed) -> None:
        """Its listener could not be opened."""

    def opened(self, event: ev.StreamOpened) -> None:
        """A connection stands: accepted, or called."""

    def received(self, stream: int, data: bytes) -> None:
        """Octets came."""

    def half_closed(self, stream: int) -> None:
        """The peer sends no more."""

    def closed(self, stream: int, error: str) -> None:
        """The connection is gone, or could not be made."""


class Streams:
    """Whose each connection is, by stream number; `parts`: who is told of them, by the name of its service."""

    __slots__ = ("_owners", "parts")

    def __init__(self) -> None:
        """No part speaks over TCP yet."""
        self.parts: dict[str, StreamPart] = {}
        self._owners: dict[int, str] = {}

    def listen_failed(self, event: ev.StreamListenFailed) -> None:
        """A listener could not be opened."""
        part = self.parts.get(event.service)
        if part is not None:
            part.listen_failed(event)

    def called(self, stream: int, service: str) -> None:
        """A part has called: what comes of it is the part's."""
        self._owners[stream] = service

    def opened(self, event: ev.StreamOpened) -> None:
        """A connection stands."""
        part = self.parts.get(event.service)
        if part is not None:
            self._owners[event.stream] = event.service
            part.opened(event)

    def received(self, event: ev.StreamData) -> None:
        """Octets came."""
        part = self._part(event.stream)
        if part is not None:
            part.received(event.stream, event.data)

    def half_closed(self, event: ev.StreamHalfClosed) -> None:
        """A peer sends no more."""
        part = self._part(event.stream)
        if part is not None:
            part.half_closed(event.stream)

    def closed(self, event: ev.StreamClosed) -> None:
        """A connection is gone."""
        part = self._part(event.stream)
        if part is not None:
            del self._owners[event.stream]
            part.closed(event.stream, event.error)

    def _part(self, stream: int) -> StreamPart | None:
        service = self._owners.get(stream)
        return None if service is None else self.parts.get(service)

    def snapshot(self) -> list[tuple[int, str]]:
        """Whose each connection is."""
        return list(self._owners.items())

    def restore(self, data: Iterable[tuple[int, str]]) -> None:
        """Take over a snapshot."""
        self._owners = dict(data)
