"""A DHCP client that does what a test tells it to, and the replies that it hears.

Nothing happens by itself: a test says `bind`, and time goes by until the answer is there. What a client sends is taken
from RFC 2131 section 4.4 and table 5; everything in it can be said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, Protocol

from ....engine.wire.packet import ACK, DECLINE, DISCOVER, INFORM, NAK, OFFER, RELEASE, REQUEST, TYPE_NAMES
from ...showing.decode import options_of, packet_fields
from ..messages import message
from .clock import SECOND_US
from .network import BROADCAST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ....engine.model.spaces import Registry
    from .clock import Clock
    from .network import Network

# So long a client waits: the server may ping an address for a second or more before it offers it.
ANSWER_S: Final = 10.0
_XID: Final = slice(4, 8)
_YIADDR: Final = slice(16, 20)
_REQUESTED_ADDRESS, _LEASE_TIME, _MESSAGE_TYPE, _SERVER_IDENTIFIER, _WANTED = 50, 51, 53, 54, 55
# Subnet mask, routers, name servers, host name, domain name, lease and renewal times.
_USUAL_WISHES: Final = bytes([1, 3, 6, 12, 15, 51, 58, 59])
# What answers a message; to others anything may.
_ANSWERS: Final[dict[int | None, tuple[str, ...]]] = {
    DISCOVER: (TYPE_NAMES[OFFER],),
    REQUEST: (TYPE_NAMES[ACK], TYPE_NAMES[NAK]),
    INFORM: (TYPE_NAMES[ACK], TYPE_NAMES[NAK]),
}


class NoAnswer(Exception):
    """A client was not given what it asked for.

    `asked` is the message (`DHCPDISCOVER`), `answer` what came instead, None for nothing; `lines` are the last of the
    servers' logs.
    """

    def __init__(self, client: str, asked: str, answer: Reply | None, lines: tuple[str, ...]) -> None:
        said = "no answer" if answer is None else answer.kind
        log = "".join(f"\n    {line}" for line in lines)
        super().__init__(f"{client} sent a {asked} and got {said}; the last lines of the log:{log}")
        self.client = client
        self.asked = asked
        self.answer = answer
        self.lines = lines


@dataclass(frozen=True, slots=True, repr=False)
class Reply:
    """A server's message as it was heard: at `at_us`, from the server with the name `server`."""

    payload: bytes
    server: str
    at_us: int
    registry: Registry | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.address} from {self.server}>"

    @property
    def kind(self) -> str:
        """`DHCPOFFER`, `DHCPACK`, `DHCPNAK`..., `BOOTREPLY`."""
        found = self.options.get(_MESSAGE_TYPE, b"\0")[0]
        return TYPE_NAMES.get(found, "BOOTREPLY")

    @property
    def address(self) -> str:
        """The address that is offered or given, in dotted form."""
        return str(IPv4Address(self.payload[_YIADDR]))

    @property
    def options(self) -> dict[int, bytes]:
        """The octets of each option."""
        return options_of(self.payload)

    @property
    def lease_s(self) -> int:
        """The lease time in seconds, 0 where there is none."""
        return int.from_bytes(self.options.get(_LEASE_TIME, b""), "big")

    def text(self, name: str) -> str:
        """An option as dhcpd.conf would have it, by its name there (`routers`); a header field by its own (`siaddr`).

        Empty where it is not in the message.
        """
        fields = dict(packet_fields(self.payload, self.registry))
        return fields.get(f"option {name}") or fields.get(name, "")


class Servers(Protocol):
    """What a client's tests want to know of the servers: their options' names, and what they logged."""

    def registry(self, server: str) -> Registry | None:
        """The options that a server's configuration knows."""

    def last_lines(self) -> tuple[str, ...]:
        """The end of the servers' logs."""


class Client:
    """One client, made by `World.client`. Its calls raise NoAnswer where an answer that they need does not come.

    `wire` names the Ethernet that it stands on; with `relay`, the address (a number) of a relay agent there, servers on
    other wires hear it. `options` are in each of its messages. `source` is its address, 0 for none; `lease` the last
    acknowledgement, None where there is none, or it is over or was given back; `heard` are all replies.
    """

    def __init__(
        self,
        network: Network,
        clock: Clock,
        servers: Servers,
        hardware: bytes,
        *,
        wire: str,
        relay: int = 0,
        options: Mapping[int, bytes] | None = None,
    ) -> None:
        """Nothing was said yet."""
        self.name = hardware.hex(":")
        self.hardware = hardware
        self.wire = wire
        self.relay = relay
        self.options = {_WANTED: _USUAL_WISHES, **(options or {})}
        self.source = 0
        self.lease: Reply | None = None
        self.heard: list[Reply] = []
        self._network = network
        self._clock = clock
        self._servers = servers
        self._xid = int.from_bytes(hardware[-3:], "big") << 8

    # Speaking and hearing

    def say(
        self, kind: int | None, options: Mapping[int, bytes] | None = None, *, to: int = BROADCAST, **fields: int
    ) -> None:
        """Send a message: its type (None for BOOTP), more options, and fields as in messages.message."""
        if self.relay and to == BROADCAST:
            fields = {"giaddr": self.relay, "hops": 1, **fields}
        payload = message(kind, self.hardware, {**self.options, **(options or {})}, **{"xid": self._xid, **fields})
        self._network.to_servers(self, payload, to)

    def hear(self, payload: bytes, server: str) -> None:
        """Keep a reply."""
        self.heard.append(Reply(payload, server, self._clock.now_us, self._servers.registry(server)))

    def ask(
        self, kind: int | None, options: Mapping[int, bytes] | None = None, *, to: int = BROADCAST,
        seconds: float = ANSWER_S, **fields: int,
    ) -> Reply | None:  # fmt: skip
        """Send a message, and let time go by until the first answer; None where none comes within these seconds.

        As a client does, it passes over what is no answer to that message, or answers one of before.
        """
        before, wanted = len(self.heard), _ANSWERS.get(kind)
        xid = fields.get("xid", self._xid).to_bytes(4, "big")

        def answers() -> list[Reply]:
            found = [reply for reply in self.heard[before:] if reply.payload[_XID] == xid]
            return [reply for reply in found if wanted is None or reply.kind in wanted]

        self.say(kind, options, to=to, **fields)
        self._clock.wait_for(lambda: bool(answers()), seconds)
        return next(iter(answers()), None)

    # What a client does

    def bind(self) -> Reply:
        """DISCOVER, OFFER, REQUEST, ACK. Raises NoAnswer."""
        offer = self.discover()
        if offer is None:
            raise self._no_answer(DISCOVER, offer)
        return self.request(offer)

    def discover(self) -> Reply | None:
        """Look for a server; its offer."""
        self._xid += 1
        return self.ask(DISCOVER)

    def request(self, offer: Reply) -> Reply:
        """Take an offer. Raises NoAnswer."""
        wanted = {_REQUESTED_ADDRESS: offer.payload[_YIADDR], _SERVER_IDENTIFIER: offer.options[_SERVER_IDENTIFIER]}
        return self._bound(self.ask(REQUEST, wanted))

    def reboot(self, address: str) -> Reply:
        """Ask for an address that was had before (RFC 2131 section 3.2). Raises NoAnswer."""
        self._xid += 1
        self.source = 0
        return self._bound(self.ask(REQUEST, {_REQUESTED_ADDRESS: IPv4Address(address).packed}))

    def renew(self) -> Reply:
        """Ask the lease's own server for more time. Raises NoAnswer."""
        return self._again(self._server())

    def rebind(self) -> Reply:
        """Ask any server for more time. Raises NoAnswer."""
        return self._again(BROADCAST)

    def _again(self, to: int) -> Reply:
        assert self.lease is not None, f"{self.name} has no lease"
        self._xid += 1
        return self._bound(self.ask(REQUEST, to=to, ciaddr=self.source))

    def _bound(self, answer: Reply | None) -> Reply:
        if answer is None or answer.kind != TYPE_NAMES[ACK]:
            if answer is not None and answer.kind == TYPE_NAMES[NAK]:
                self._forget()
            raise self._no_answer(REQUEST, answer)
        self.lease = answer
        self.source = int(IPv4Address(answer.address))
        self._clock.after(answer.lease_s * SECOND_US, partial(self._expire, answer))
        return answer

    def _expire(self, lease: Reply) -> None:
        if self.lease is lease:
            self._forget()

    def release(self) -> None:
        """Give the address back."""
        self.say(RELEASE, self._own_server(), to=self._server(), ciaddr=self.source)
        self._forget()

    def decline(self) -> None:
        """Refuse the address: somebody else uses it."""
        self.say(DECLINE, {**self._own_server(), _REQUESTED_ADDRESS: self.source.to_bytes(4, "big")})
        self._forget()

    def inform(self, address: str) -> Reply | None:
        """Ask for options with an address of one's own."""
        self._xid += 1
        self.source = int(IPv4Address(address))
        return self.ask(INFORM, ciaddr=self.source)

    def _forget(self) -> None:
        self.lease, self.source = None, 0

    def _own_server(self) -> dict[int, bytes]:
        assert self.lease is not None, f"{self.name} has no lease"
        return {_SERVER_IDENTIFIER: self.lease.options[_SERVER_IDENTIFIER]}

    def _server(self) -> int:
        return int.from_bytes(self._own_server()[_SERVER_IDENTIFIER], "big")

    def _no_answer(self, asked: int, answer: Reply | None) -> NoAnswer:
        return NoAnswer(self.name, TYPE_NAMES[asked], answer, self._servers.last_lines())
