"""OMAPI in the machine: the listener, all connections, and the events of both.

A connection's requests are answered in the order in which they came, a share at a time: what is more than
REQUESTS_AT_ONCE waits on the agenda, SHARE_US behind others that wait, so that packets and other connections come in
between. An
answer to a change leaves when the change is synced (`StreamSend.durable`); if it cannot be stored, the program closes
the connection, and the change is taken back (unsure.py).

Limits: so many connections, of which one that nobody uses makes room for a new one (in the program, which also bounds
what a peer leaves unread); WAITING_OCTETS_MAX of requests that wait for their turn,
STRANGER_OCTETS_MAX of who has not signed any.

Source: docs/behaviour/omapi.md#transport, docs/behaviour/omapi.md#configuration-and-operation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from ...trace.effects import ERROR, Store, StreamClose, StreamListen, StreamListenEnd, StreamSend
from ..agenda import Owner
from ..model import notices
from ..service.reasons import Reason
from ..wire.text import dotted
from .connection import Connection, ConnectionRow, Stage
from .handles import Handles, Reference
from .objects.base import ObjectHost
from .objects.declaration import take_back
from .requests import Requests, Silence
from .status import text_of
from .unsure import Unsure
from .wire import GREETING, MESSAGE_OCTETS_MAX, OP_NAMES, STRANGER_OCTETS_MAX, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...trace.events import StreamListenFailed, StreamOpened
    from ..agenda import Agenda
    from ..draws import Draws
    from ..model.change import Reversal
    from ..service.reasons import Reasons
    from .objects.base import ObjectType
    from .requests import Access
    from .wire import Message

SERVICE: Final = "omapi"
LISTEN_AGAIN_US: Final = 5_000_000
REQUESTS_AT_ONCE: Final = 16
# So much time each connection's share has when several are waiting.
SHARE_US: Final = 2_000
WAITING_OCTETS_MAX: Final = MESSAGE_OCTETS_MAX + (1 << 16)
_ID_LIMIT: Final = 1 << 32
# How a connection ends whose answers waited for records that could not be stored (trace/events.py, StorageFailed).
NOT_STORED: Final = "storage"

# errno name -> ISC's word for why a listener cannot be opened.
_WHY: Final[dict[str, str]] = {
    "EADDRINUSE": "address not available",
    "EADDRNOTAVAIL": "address not available",
    "EACCES": "permission denied",
    "EPERM": "permission denied",
    "EMFILE": "not enough free resources",
    "ENFILE": "not enough free resources",
    "ENOBUFS": "not enough free resources",
    "ENOMEM": "not enough free resources",
}


class OmapiHost(ObjectHost, Protocol):
    """What is asked of the server, beside what objects ask. `now_us`: microseconds since 1970.

    `reversals`: how what was stored last is taken back.
    """

    now_us: int
    agenda: Agenda
    draws: Draws
    reasons: Reasons | None
    reversals: list[Reversal]


def _reason(
    connection: Connection, message: Message, code: int, asked: Reference | None, key: Reference | None
) -> Reason:
    """What was asked, what became of it, and by whom, for who wants to know.

    `asked` is what the message's handle stood for when it came, `key` what it was signed with.
    """
    kind = message.message.get(b"type", b"").decode("latin-1")
    named = f"{kind} {message.object.get(b'name', b'').decode('latin-1')}".rstrip()
    about = named if asked is None else _reference_text(asked)
    operation = OP_NAMES.get(message.op, f"operation {message.op}")
    subject = f"{operation} {about or f'object {message.handle}'}"
    names = ", ".join(name.decode("latin-1") for name in message.object)
    address, port = connection.peer
    who = f"OMAPI client {dotted(address)}:{port}{f', key {key.name}' if key is not None else ''}"
    return Reason("object", subject, text_of(code), f"{who}{f', gave {names}' if names else ''}")


def _reference_text(reference: Reference) -> str:
    """`lease 10.0.0.5`, `host alpha`."""
    name = dotted(reference.name) if reference.type == "lease" and isinstance(reference.name, int) else reference.name
    return f"{reference.type} {name}".rstrip()


class Omapi:
    """The listener at `port` (0: any free one) and `connections` by stream number; `listening` until a shutdown begins.

    A StreamPart (streams.py). What a peer sends ends its own connection at worst: nothing is raised.
    """

    __slots__ = ("_host", "_port", "_requests", "_unsure", "connections", "handles", "listening")

    def __init__(self, host: OmapiHost, port: int) -> None:
        self._host = host
        self._port = port
        self._requests: Requests | None = None
        self._unsure = Unsure()
        self.handles = Handles()
        self.connections: dict[int, Connection] = {}
        self.listening = False

    def serve(self, access: Access, types: Mapping[str, ObjectType]) -> None:
        """What keys there are, and what is shown: at the start, and again when the configuration is another."""
        self._requests = Requests(access, self.handles, types)

    # The listener

    def listen(self) -> None:
        """Accept connections from now on."""
        self.listening = True
        self._host.effects.append(StreamListen(SERVICE, 0, self._port))

    def listen_failed(self, event: StreamListenFailed) -> None:
        """The port cannot be had: say so, serve DHCP all the same, and try again until it can."""
        why = _WHY.get(event.error, "unexpected error")
        self._host.log(ERROR, f"Can't start OMAPI protocol: {why}")
        self._host.agenda.set(Owner.OMAPI_LISTEN, 0, self._host.now_us + LISTEN_AGAIN_US)

    def listen_again(self) -> None:
        """It is time to try again."""
        if self.listening:
            self.listen()

    def end_listening(self) -> None:
        """Accept no more; the connections stay."""
        if self.listening:
            self.listening = False
            self._host.agenda.cancel(Owner.OMAPI_LISTEN, 0)
            self._host.effects.append(StreamListenEnd(SERVICE, 0, self._port))

    # Connections

    def opened(self, event: StreamOpened) -> None:
        """A connection was accepted: our greeting waits for nothing."""
        first_id = self._host.draws.below(_ID_LIMIT)
        self.connections[event.stream] = Connection(event.stream, (event.peer, event.peer_port), first_id)
        self._host.effects.append(StreamSend(event.stream, GREETING, durable=False))

    def received(self, stream: int, data: bytes) -> None:
        """Octets came on a connection."""
        connection = self.connections[stream]
        if connection.stage is Stage.CLOSING:
            return
        reader = connection.reader
        reader.feed(data)
        self.answer(stream)
        if reader.held_octets > (WAITING_OCTETS_MAX if connection.trusted else STRANGER_OCTETS_MAX):
            self._break_off(connection)

    def half_closed(self, stream: int) -> None:
        """The peer sends no more: it gets what it asked for, then the end."""
        connection = self.connections[stream]
        connection.finishing = True
        self.answer(stream)

    def closed(self, stream: int, error: str) -> None:
        """A connection is gone; where its answers waited for a disk that failed, what they told of is taken back."""
        del self.connections[stream]
        self._host.agenda.cancel(Owner.OMAPI_REQUESTS, stream)
        if error == NOT_STORED:
            self._unsure.refuse(stream)
        else:
            self._unsure.settle(stream)
        for reversal in self._unsure.due():
            self._take_back(reversal)

    def _take_back(self, reversal: Reversal) -> None:
        assert self._requests is not None, "it listens when it knows what to serve"
        reference = Reference(*reversal.key)
        what = _reference_text(reference)
        take_back(self._host, reversal)
        if not self._requests.exists(reference):
            self.handles.forget(reference)
        self._host.log(*notices.TAKEN_BACK(what=what))
        if self._host.reasons is not None:
            self._host.reasons.append(Reason("object", what, "taken back", "its change could not be stored"))

    def answer(self, stream: int) -> None:
        """Answer a share of the requests that a connection has waiting; the others come next."""
        connection = self.connections[stream]
        try:
            for turn in range(REQUESTS_AT_ONCE):
                if not self._answer_one(connection, first=not turn):
                    self._finish(connection)
                    return
        except ProtocolError:
            self._break_off(connection)
            return
        self._host.agenda.set(Owner.OMAPI_REQUESTS, stream, self._next_share_us(stream))

    def _next_share_us(self, stream: int) -> int:
        """When a connection has its next share: at once where it is alone, else behind the others that wait for one.

        So what many busy connections ask for in one go is spread, and packets come in between.
        """
        agenda, now_us = self._host.agenda, self._host.now_us
        waiting = [agenda.at_us(Owner.OMAPI_REQUESTS, other) for other in self.connections if other != stream]
        last_us = max((at_us for at_us in waiting if at_us is not None), default=0)
        return max(now_us + 1, last_us + SHARE_US)

    def _answer_one(self, connection: Connection, *, first: bool) -> bool:
        """Answer the next request; False where there is none. `first`: of this turn's, which settles those before."""
        message = connection.next_request()
        if message is None:
            return False
        if first:
            self._unsure.settle(connection.stream)
        assert self._requests is not None, "it listens when it knows what to serve"
        host = self._host
        effects, reversals, reasons = host.effects, host.reversals, host.reasons
        before = len(effects)
        reversals.clear()
        asked = key = None
        if reasons is not None:
            asked, key = self.handles.reference(message.handle), self.handles.reference(message.authid)
        try:
            reply = self._requests.answer(connection, message)
        except Silence:
            return True
        durable = Store in map(type, effects[before:])
        effects.append(StreamSend(connection.stream, reply.octets, durable=durable))
        if reversals:
            self._unsure.note(connection.stream, reversals)
        if reasons is not None:
            reasons.append(_reason(connection, message, reply.code, asked, key))
        return True

    def _finish(self, connection: Connection) -> None:
        if connection.finishing and connection.stage is not Stage.CLOSING:
            connection.stage = Stage.CLOSING
            self._host.effects.append(StreamClose(connection.stream, flush=True))

    def _break_off(self, connection: Connection) -> None:
        """The peer broke a rule: what waits to be sent is thrown away, as ISC does it."""
        connection.stage = Stage.CLOSING
        self._host.agenda.cancel(Owner.OMAPI_REQUESTS, connection.stream)
        self._host.effects.append(StreamClose(connection.stream, flush=False))

    def close_all(self, *, flush: bool) -> None:
        """End every connection (the control object's shutdown)."""
        for connection in self.connections.values():
            if connection.stage is not Stage.CLOSING or not flush:
                connection.stage = Stage.CLOSING
                self._host.effects.append(StreamClose(connection.stream, flush=flush))

    # Snapshots

    def snapshot(self) -> dict[str, Any]:
        """The state as plain data."""
        return {
            "listening": self.listening,
            "handles": self.handles.snapshot(),
            "unsure": self._unsure.snapshot(),
            "connections": [connection.snapshot() for connection in self.connections.values()],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take over a snapshot; `serve` comes besides."""
        self.listening = data["listening"]
        self.handles.restore(data["handles"])
        self._unsure.restore(data["unsure"])
        connections = [Connection.restore(ConnectionRow.of(fields)) for fields in data["connections"]]
        self.connections = {connection.stream: connection for connection in connections}
