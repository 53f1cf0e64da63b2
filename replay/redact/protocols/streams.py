"""What came on connections: put together over the pieces in which it came, and cut into the same pieces again.

A message may begin in one event and end in another, so a connection is surveyed as a whole and rewritten as a whole,
when its first piece is wanted. What of a message had come before a recording that begins with a snapshot stands in
that snapshot, and is the connection's first piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....engine.failover.connections import SERVICE as FAILOVER
from ....engine.failover.link import LinkRow
from ....engine.omapi.connection import ConnectionRow
from ....engine.omapi.server import SERVICE as OMAPI
from ....engine.omapi.wire import HEADER_OCTETS
from ....trace import events as ev
from .. import sources
from . import failover, omapi
from .failover import FailoverWriter
from .omapi import OmapiWriter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ....engine.omapi.signing import Key
    from ....trace import effects as ef
    from ....trace.events import Event
    from ..findings import Findings
    from ..sources import Writer
    from .messages import Messages


class Connection:
    """One connection's octets, from its beginning or from a snapshot on; `held` of them stand in the snapshot."""

    __slots__ = ("data", "greeted", "header_octets", "held", "service")

    def __init__(self, service: str) -> None:
        self.service = service
        self.data = bytearray()
        self.held = 0
        self.greeted = False
        self.header_octets = HEADER_OCTETS

    def holds(self, data: bytes) -> None:
        """These octets came before the snapshot."""
        self.data += data
        self.held = len(data)


class Streams:
    """All connections of a recording, by number."""

    def __init__(self) -> None:
        self.connections: dict[int, Connection] = {}

    def take(self, event: Event) -> None:
        """Take in an event."""
        if isinstance(event, ev.StreamOpened):
            self.connections[event.stream] = Connection(event.service)
        elif isinstance(event, ev.StreamData):
            self.connections.setdefault(event.stream, Connection("")).data += event.data

    def take_state(self, state: dict[str, Any]) -> None:
        """Take in what a snapshot holds of connections."""
        for stream, service in state["streams"]:
            self.connections[stream] = Connection(service)
        if state["omapi"] is not None:
            for row in map(ConnectionRow.of, state["omapi"]["connections"]["connections"]):
                connection = self.connections.setdefault(row.stream, Connection(OMAPI))
                connection.header_octets, connection.greeted = row.reader.header_octets, row.reader.greeted
                connection.holds(row.reader.held)
        if state["failover"] is not None:
            for link in (LinkRow(*fields) for fields in state["failover"]["connections"]["links"]):
                self.connections.setdefault(link.stream, Connection(FAILOVER)).holds(link.held)

    def survey(self, findings: Findings) -> None:
        """Take what they name into `findings`."""
        for connection in self.connections.values():
            data = bytes(connection.data)
            if connection.service == OMAPI:
                omapi.survey(data, walked(connection), findings, sources.survey)
            elif connection.service == FAILOVER:
                failover.survey(data, findings)


def walked(connection: Connection) -> list[omapi.Walked]:
    """The messages of an OMAPI connection."""
    return omapi.walk(bytes(connection.data), greeted=connection.greeted, header_octets=connection.header_octets)


class StreamWriter:
    """Rewrites events and effects of connections, in the order of the recording."""

    def __init__(self, streams: Streams, writer: Writer, messages: Messages, keys: Iterable[Key]) -> None:
        """`keys` are those of all original configurations."""
        self._streams = streams
        self._omapi = OmapiWriter(writer, messages, keys)
        self._failover = FailoverWriter(writer, messages)
        self._meaningless = messages.meaningless
        self._rest: dict[int, memoryview] = {}

    def event(self, event: ev.StreamData) -> ev.StreamData:
        """The next piece of a connection."""
        connection = self._streams.connections[event.stream]
        if event.stream not in self._rest:
            self._rest[event.stream] = memoryview(self._rewritten(connection))[connection.held :]
        rest = self._rest[event.stream]
        octets = len(event.data)
        self._rest[event.stream] = rest[octets:]
        return event._replace(data=bytes(rest[:octets]))

    def _rewritten(self, connection: Connection) -> bytes:
        data = bytes(connection.data)
        if connection.service == OMAPI:
            return self._omapi.rewrite(data, walked(connection))
        if connection.service == FAILOVER:
            return self._failover.rewrite(data)
        # Of no connection that the machine has, or no longer has: it is told, and ignored.
        return self._meaningless(data)

    def effect(self, effect: ef.StreamSend) -> ef.StreamSend:
        """What the server sent: whole messages, or its greeting."""
        connection = self._streams.connections.get(effect.stream)
        service = connection.service if connection is not None else ""
        if service == FAILOVER:
            return effect._replace(data=self._failover.rewrite(effect.data))
        return effect._replace(data=self._omapi.rewrite(effect.data, omapi.walk(effect.data, greeted=True)))

    def omapi_state(self, part: dict[str, Any]) -> dict[str, Any]:
        """OMAPI's part of a state."""
        connections = dict(part["connections"])
        connections["connections"] = [
            self._omapi_row(ConnectionRow.of(fields)) for fields in connections["connections"]
        ]
        last, rows = connections["handles"]
        connections["handles"] = [last, [self._omapi.reference(list(row)) for row in rows]]
        return part | {"connections": connections}

    def _omapi_row(self, row: ConnectionRow) -> ConnectionRow:
        return row._replace(reader=row.reader._replace(held=self._held(row.stream)))

    def failover_state(self, part: dict[str, Any]) -> dict[str, Any]:
        """The failover relationships of a state."""
        return self._failover.state(part, self._held)

    def _held(self, stream: int) -> bytes:
        connection = self._streams.connections[stream]
        return self._rewritten(connection)[: connection.held]
