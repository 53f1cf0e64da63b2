"""The connections of all relationships: who calls, whose a connection is, its handshake, and how it ends.

A connection belongs to the relationship whose partner has its address, until a CONNECT names another one. Both servers
call each other, so that connections cross and are lost as a matter of course: what matters is that each gets its
handshake within fifteen seconds or goes, that the first one that has it is the link, and that whatever happens to
another one does not hurt it. After every loss the partner is called again in a few seconds.

What is sent during one event leaves as one piece a connection, at its end (`flush`), and waits for the disk where any
of it does.

Where this differs from ISC: a partner without a route is called every five seconds, and not every ninety; two
relationships between the same two addresses work; a primary refuses to be the secondary of another primary; nothing
but a handshake is understood before the handshake is over (docs/differences.md).

Source: docs/behaviour/failover.md#connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...trace.effects import ERROR, INFO, StreamClose, StreamListen, StreamOpen, StreamSend
from ..model import notices
from . import balancing, incoming, moving
from .endpoint import LINK, LISTEN, REST, SECOND_US
from .link import (
    ALREADY_CONNECTED,
    LINK_STARTUP_S,
    NAME_OCTETS_MAX,
    NO_MCLT,
    RETRY_LISTEN_S,
    Link,
    LinkRow,
    connect_ack_refused,
    connect_refused,
    printable,
)
from .messages import (
    PROTOCOL_VERSION,
    BindingAck,
    BindingUpdate,
    Connect,
    ConnectAck,
    Contact,
    Disconnect,
    PoolRequest,
    PoolResponse,
    StateMessage,
    UpdateDone,
    UpdateRequest,
    UpdateRequestAll,
    message_of,
    octets,
)
from .rules.binding import Reason, Refusal, reason_text
from .rules.patience import AT_ONCE_MAX, WAITING_OCTETS_MAX, WIDE, due_us, heeded
from .wire import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...trace.events import StreamListenFailed, StreamOpened
    from ..service.server import Server
    from ..streams import Streams
    from .endpoint import Endpoint
    from .messages import Message

SERVICE: Final = "failover"
VENDOR: Final = b"isc-4.4.3-P1"
# What a server of ISC's before 3.1 said in the place of its hash buckets, and what is logged of it.
_OLD_HBA: Final = b"isc-V3.0."
_OLD_PARTNER: Final = (
    "WARNING: failover as of versions 3.1.0 and on are not reverse compatible with versions 3.0.x."
)
_NOT_A_SECONDARY: Final = Refusal(Reason.INVALID_PARTNER, "both servers are primary")

# What ISC says of an attempt to connect, or to listen, that fails at once.
_ERRNO_TEXTS: Final = {
    "EADDRNOTAVAIL": "address not available",
    "EADDRINUSE": "address in use",
    "ENETUNREACH": "network unreachable",
}
_UNEXPECTED: Final = "unexpected error"


class Connections:
    """Every connection of every relationship, and what of them is to be sent at the end of the event.

    `links` go by stream number; `endpoints` are the relationships', by name. A StreamPart (streams.py); octets that
    break the protocol end their connection, and raise nothing.
    """

    __slots__ = ("_calls", "_complaints", "_host", "_out", "_streams", "endpoints", "links")

    def __init__(self, host: Server, streams: Streams, endpoints: Mapping[str, Endpoint]) -> None:
        """No connection yet; `streams` are the machine's."""
        self._host = host
        self._streams = streams
        self.endpoints = endpoints
        self.links: dict[int, Link] = {}
        self._calls = 0
        # Stream -> what is to leave at the end of the event, and whether it waits for the disk.
        self._out: dict[int, tuple[list[bytes], bool]] = {}
        # Relationship -> what was said last of calls that fail.
        self._complaints: dict[str, str] = {}

    # Streams

    def opened(self, event: StreamOpened) -> None:
        """A connection stands."""
        endpoint = self._caller(event.stream) if event.stream & 1 else self._called_by(event)
        if endpoint is None:
            self._host.log(INFO, "failover: listener: no matching state")
            self._host.effects.append(StreamClose(event.stream, flush=False))
            return
        called = endpoint.calling == event.stream
        if called:
            endpoint.calling = 0
            self._complaints.pop(endpoint.name, None)
        link = self.links[event.stream] = Link(event.stream, endpoint.name, self._host.now_us, called=called)
        endpoint.site.alarm(endpoint, LINK, link.stream, self._host.now_us + LINK_STARTUP_S * SECOND_US)
        if endpoint.primary:
            self._send_connect(endpoint, link)

    def _caller(self, stream: int) -> Endpoint | None:
        return next((one for one in self.endpoints.values() if one.calling == stream), None)

    def _called_by(self, event: StreamOpened) -> Endpoint | None:
        """The relationship of a connection that was accepted, by addresses; best one without a link that we greet."""
        found = [
            one for one in self.endpoints.values()
            if self.address_of(one.settings.peer_address) == event.peer and one.settings.port == event.local_port
        ]  # fmt: skip
        found.sort(key=lambda one: (one.link is not None, not one.primary))
        return found[0] if found else None

    def received(self, stream: int, data: bytes) -> None:
        """Octets came."""
        link = self.links.get(stream)
        if link is None:
            return
        link.heard_us = self._host.now_us
        endpoint = self.endpoints[link.endpoint]
        if endpoint.site.alarm_at(endpoint, REST, stream) is None:
            self._read(link, data)
        elif link.splitter.keep(data) > WAITING_OCTETS_MAX:
            self._host.log(*notices.PARTNER_FLOODS(peer=endpoint.name))
            self._drop(link, "the partner asks for more than can be done")

    def go_on(self, stream: int) -> None:
        """What was too much of what came is heeded now, or another part of it."""
        link = self.links.get(stream)
        if link is not None:
            self._read(link, b"")

    def _read(self, link: Link, data: bytes) -> None:
        """Heed what has come, as far as it is not too much (rules/patience.py)."""
        before = self.endpoints[link.endpoint].updates.last_taken
        wide = 0
        try:
            for frame in link.splitter.feed(data):
                if frame.kind in WIDE:
                    wide += 1
                    if not self._is_heeded(link, wide):
                        break
                message = message_of(frame)
                if message is not None:
                    self._receive(link, message)
                if link.stream not in self.links:
                    return
        except ProtocolError as error:
            for line in error.lines:
                self._host.log(ERROR, line)
            self._drop(link, "the partner broke the protocol")
            return
        endpoint = self.endpoints[link.endpoint]
        if endpoint.link is link:
            incoming.has_read(endpoint, before)

    def _is_heeded(self, link: Link, wide: int) -> bool:
        """Whether a message that may have every lease looked at is heeded now, `wide` of this turn; else it waits."""
        endpoint, now_us = self.endpoints[link.endpoint], self._host.now_us
        if endpoint.link is not link:
            return True
        due = due_us(endpoint.busy_us, now_us)
        if wide <= AT_ONCE_MAX and due <= now_us:
            endpoint.busy_us = heeded(endpoint.busy_us, now_us)
            return True
        endpoint.site.alarm(endpoint, REST, link.stream, max(due, now_us + 1))
        return False

    def half_closed(self, stream: int) -> None:
        """The partner sends no more: the connection is of no use."""
        link = self.links.get(stream)
        if link is not None:
            self._drop(link, "the partner closed the connection")

    def closed(self, stream: int, error: str) -> None:
        """A connection has ended, or could not be made."""
        link = self.links.get(stream)
        if link is not None:
            self._forget(link, f"the connection was lost ({error or 'closed'})")
            return
        endpoint = self._caller(stream)
        if endpoint is not None:
            endpoint.calling = 0
            if error in _ERRNO_TEXTS:
                self._complain(endpoint, _ERRNO_TEXTS[error])
            endpoint.retry()

    def listen_failed(self, event: StreamListenFailed) -> None:
        """Nobody can call us."""
        for endpoint in self.endpoints.values():
            address = self.address_of(endpoint.settings.address)
            if (address, endpoint.settings.port) == (event.address, event.port):
                self._complain(endpoint, _ERRNO_TEXTS.get(event.error, _UNEXPECTED))
                endpoint.alarm(LISTEN, RETRY_LISTEN_S)

    def _complain(self, endpoint: Endpoint, text: str) -> None:
        """Say what goes wrong, once."""
        if self._complaints.get(endpoint.name) != text:
            self._complaints[endpoint.name] = text
            self._host.log(ERROR, f"failover peer {endpoint.name}: {text}")

    def _drop(self, link: Link, why: str, *, flush: bool = False) -> None:
        """End a connection."""
        self._close(link.stream, flush=flush)
        self._forget(link, why)

    def _forget(self, link: Link, why: str) -> None:
        """A connection is no more."""
        self.links.pop(link.stream, None)
        self._out.pop(link.stream, None)
        endpoint = self.endpoints[link.endpoint]
        endpoint.site.no_alarm(endpoint, REST, link.stream)
        endpoint.tell("the link ends" if endpoint.link is link else f"connection {link.stream} ends", why)
        if endpoint.link is link:
            moving.lost_link(endpoint, why)
        else:
            endpoint.site.no_alarm(endpoint, LINK, link.stream)
            endpoint.retry()

    # Messages

    def _receive(self, link: Link, message: Message) -> None:
        endpoint = self.endpoints[link.endpoint]
        endpoint.skew_s = message.time - self._host.now
        handshake = _HANDSHAKE.get(type(message))
        if handshake is not None:
            handshake(self, link, message)
        elif endpoint.link is link:
            _RECEIVERS[type(message)](endpoint, message)

    def _send_on(self, link: Link, message: Message) -> None:
        """Send a message of the handshake."""
        link.sent_us = self._host.now_us
        self.send(link.stream, octets(message), durable=False)

    def _send_connect(self, endpoint: Endpoint, link: Link) -> None:
        settings = endpoint.settings
        self._send_on(
            link,
            Connect(
                self._host.now,
                link.xid(),
                name=wire_name(endpoint),
                max_unacked=settings.max_unacked_updates,
                receive_timer=settings.max_response_delay,
                vendor=VENDOR,
                version=PROTOCOL_VERSION,
                tls=0,
                mclt=endpoint.mclt,
                hba=endpoint.hba,
            ),
        )

    def _connect(self, link: Link, message: Connect) -> None:
        """The primary greets."""
        endpoint = self._named(link, message.name)
        called = self.endpoints[link.endpoint]
        if link.called and called.primary and endpoint is not None and endpoint is not called:
            # Two relationships with one partner, each the other's primary: the one that called has the connection, and
            # its CONNECT is on the way there; the partner could not know, and greeted too.
            return
        refusal = connect_refused(message, self._host.now, known=endpoint is not None)
        if refusal is None and endpoint is not None and endpoint.primary:
            refusal = _NOT_A_SECONDARY
        if refusal is not None:
            self._refuse_connect(link, message, endpoint, refusal)
            return
        assert endpoint is not None, "an unknown name is refused"
        # ISC's pair never hears these two refusals: the connection just ends.
        if endpoint.link is not None or message.mclt is None:
            text = ALREADY_CONNECTED.text if endpoint.link is not None else NO_MCLT.text
            self._drop(link, f"a CONNECT was refused: {text}")
            return
        if message.hba is not None and message.hba.startswith(_OLD_HBA):
            self._host.log(ERROR, _OLD_PARTNER)
        self._adopt(link, endpoint)
        endpoint.hba, endpoint.mclt = message.hba, message.mclt
        self._take_terms(endpoint, message)
        self._send_on(link, self._connect_ack(endpoint, message, None))
        moving.begin_link(endpoint)
        endpoint.linked(link)
        endpoint.send_state()
        endpoint.begin_timers()

    def _named(self, link: Link, name: bytes | None) -> Endpoint | None:
        """The relationship of a name, where its partner has the address that the connection comes from."""
        mine = self.endpoints[link.endpoint].settings
        for endpoint in self.endpoints.values():
            if wire_name(endpoint) == name and (
                self.address_of(endpoint.settings.peer_address) == self.address_of(mine.peer_address)
            ):
                return endpoint
        return None

    def _adopt(self, link: Link, endpoint: Endpoint) -> None:
        """A connection turns out to be another relationship's."""
        if link.endpoint != endpoint.name:
            endpoint.site.no_alarm(self.endpoints[link.endpoint], LINK, link.stream)
            link.endpoint = endpoint.name

    def _take_terms(self, endpoint: Endpoint, message: Connect | ConnectAck) -> None:
        """What the partner announces of itself; what it leaves out stays as it was."""
        if message.max_unacked is not None:
            endpoint.partner_unacked = message.max_unacked
        if message.receive_timer is not None:
            endpoint.partner_delay_s = message.receive_timer

    def _connect_ack(self, endpoint: Endpoint | None, message: Connect, refusal: Refusal | None) -> ConnectAck:
        settings = None if endpoint is None else endpoint.settings
        return ConnectAck(
            self._host.now,
            message.xid,
            name=_repeated(message.name) if endpoint is None else wire_name(endpoint),
            max_unacked=None if settings is None else settings.max_unacked_updates,
            receive_timer=None if settings is None else settings.max_response_delay,
            vendor=VENDOR,
            version=PROTOCOL_VERSION,
            tls=None if message.tls is None else 0,
            reject=None if refusal is None else int(refusal.reason),
            message=None if refusal is None else refusal.text.encode("ascii"),
        )

    def _refuse_connect(self, link: Link, message: Connect, endpoint: Endpoint | None, refusal: Refusal) -> None:
        name = "unknown" if message.name is None else printable(message.name)
        self._host.log(ERROR, f"Failover CONNECT from {name}: {refusal.text}")
        self._send_on(link, self._connect_ack(endpoint, message, refusal))
        self._host.log(INFO, f"failover: disconnect: {refusal.text}")
        self._drop(link, f"a CONNECT was refused: {refusal.text}", flush=True)

    def _connect_acknowledged(self, link: Link, message: ConnectAck) -> None:
        """The secondary answers our CONNECT."""
        endpoint = self.endpoints[link.endpoint]
        if not endpoint.primary:
            return
        if message.reject is not None and message.name is not None:
            self._host.log(ERROR, f"Failover CONNECT to {endpoint.name} rejected: {reason_text(message.reject)}")
            self._drop(link, f"the partner refused the connection (reason {message.reject})")
            return
        refusal = connect_ack_refused(message, self._host.now, wire_name(endpoint), linked=endpoint.link is not None)
        if refusal is not None:
            self._host.log(ERROR, f"Failover CONNECTACK from {endpoint.name}: {refusal.text}")
            text = refusal.text.encode("ascii")
            self._send_on(link, Disconnect(self._host.now, link.xid(), int(refusal.reason), text))
            self._drop(link, f"the partner's CONNECTACK was refused: {refusal.text}", flush=True)
            return
        moving.begin_link(endpoint)
        endpoint.linked(link)
        endpoint.send_state()
        self._take_terms(endpoint, message)
        endpoint.begin_timers()

    def _disconnected(self, link: Link, message: Disconnect) -> None:
        if message.reject:
            self._host.log(ERROR, f"Failover DISCONNECT from {link.endpoint}: {reason_text(message.reject)}")
        self._drop(link, "the partner said DISCONNECT")

    def startup_over(self, stream: int) -> None:
        """The handshake of a connection has taken too long."""
        link = self.links.get(stream)
        if link is not None:
            self._host.log(INFO, "failover: link startup timeout")
            self._drop(link, "no handshake in time")

    # Calling and sending

    def call(self, endpoint: Endpoint) -> None:
        """Try to open a connection, where there is none and none is tried."""
        if endpoint.link is not None or endpoint.calling:
            return
        own, address = self.address_of(endpoint.settings.address), self.address_of(endpoint.settings.peer_address)
        if own is None or address is None:
            self._complain(endpoint, _UNEXPECTED)
            endpoint.retry()
            return
        self._calls += 1
        endpoint.calling = 2 * self._calls - 1
        self._streams.called(endpoint.calling, SERVICE)
        self._host.effects.append(StreamOpen(endpoint.calling, SERVICE, own, address, endpoint.settings.peer_port))

    def listen(self, endpoint: Endpoint) -> None:
        """Accept connections; several relationships may share an address and a port."""
        address = self.address_of(endpoint.settings.address)
        if address is None:
            endpoint.alarm(LISTEN, RETRY_LISTEN_S)
            return
        listen = StreamListen(SERVICE, address, endpoint.settings.port)
        if listen not in self._host.effects:
            self._host.effects.append(listen)

    def send(self, stream: int, data: bytes, *, durable: bool) -> None:
        """Send at the end of the event."""
        pieces, waits = self._out.setdefault(stream, ([], False))
        pieces.append(data)
        if durable and not waits:
            self._out[stream] = (pieces, True)

    def drop(self, stream: int, why: str) -> None:
        """End a connection at once."""
        link = self.links.get(stream)
        if link is not None:
            self._drop(link, why)

    def finish(self, link: Link, why: str) -> None:
        """End a connection when what was said is delivered."""
        self._drop(link, why, flush=True)

    def _close(self, stream: int, *, flush: bool) -> None:
        pieces, durable = self._out.pop(stream, ([], False))
        if flush and pieces:
            self._host.effects.append(StreamSend(stream, b"".join(pieces), durable))
        self._host.effects.append(StreamClose(stream, flush))

    def flush(self) -> None:
        """The end of an event: what was said leaves."""
        if self._out:
            for stream, (pieces, durable) in self._out.items():
                self._host.effects.append(StreamSend(stream, b"".join(pieces), durable))
            self._out.clear()

    def address_of(self, said: int | str | None) -> int | None:
        """An address, or the first one of a host name; None where it is not known."""
        if isinstance(said, str):
            found = self._host.addresses_of(said)
            return found[0] if found else None
        return said


    # Snapshots

    def plain(self) -> dict[str, Any]:
        """Everything, as plain data."""
        return {
            "links": [link.plain() for link in self.links.values()],
            "calls": self._calls,
            "complaints": dict(self._complaints),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take over what `plain` gave."""
        for fields in data["links"]:
            link = Link.restored(LinkRow(*fields))
            self.links[link.stream] = link
            if link.greeted:
                self.endpoints[link.endpoint].link = link
        self._calls = data["calls"]
        self._complaints = dict(data["complaints"])


def wire_name(endpoint: Endpoint) -> bytes:
    """The name as it goes over the connection."""
    return endpoint.name.encode("latin-1", "replace")


def _repeated(name: bytes | None) -> bytes | None:
    """A name that is not known here, as it goes back to who said it."""
    return None if name is None else name[:NAME_OCTETS_MAX]


_HANDSHAKE: Final[dict[type[Message], Callable[[Connections, Link, Any], None]]] = {
    Connect: Connections._connect,
    ConnectAck: Connections._connect_acknowledged,
    Disconnect: Connections._disconnected,
}


def _ignore(_endpoint: Endpoint, _message: Message) -> None:
    """A sign of life."""


# What is done about each message on the link.
_RECEIVERS: Final[dict[type[Message], Callable[[Endpoint, Any], None]]] = {
    StateMessage: moving.receive_state,
    Contact: _ignore,
    PoolRequest: lambda endpoint, message: balancing.receive_request(endpoint, message.xid),
    PoolResponse: balancing.receive_response,
    BindingUpdate: incoming.receive_update,
    BindingAck: incoming.receive_ack,
    UpdateRequest: lambda endpoint, message: incoming.receive_request(endpoint, message.xid, everything=False),
    UpdateRequestAll: lambda endpoint, message: incoming.receive_request(endpoint, message.xid, everything=True),
    UpdateDone: moving.receive_update_done,
}
