"""Waiting for what happens on real sockets, and never for a time."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from dhcpd.trace.events import Event

PATIENCE_S = 60.0


class Source(Protocol):
    """Streams, or Dns."""

    def fileno(self) -> int: ...

    def take(self) -> list[Event]: ...


class Ear:
    """Everything that was told so far; `until` waits for more of it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.heard: list[Any] = []

    def until(self, enough: Callable[[list[Any]], bool]) -> list[Any]:
        """Take what comes until it is enough."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self.heard += self.source.take()
            if enough(self.heard):
                return self.heard
            left = deadline - time.monotonic()
            assert left > 0, f"never came; heard {self.heard[-5:]}"
            select.select([self.source], [], [], min(left, 0.05))

    def of(self, kind: type[Any], count: int = 1) -> list[Any]:
        """The events of this kind, when there are so many."""
        self.until(lambda heard: sum(isinstance(event, kind) for event in heard) >= count)
        return [event for event in self.heard if isinstance(event, kind)]
