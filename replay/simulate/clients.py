"""Clients that are told when to act, and then do what a client does: one message or exchange at a time.

A client keeps what it was given until that ends, gives it back, refuses it, or forgets it (it was switched off, and
knows nothing or only its old address). What it holds by its own knowledge is what the invariants are about
(promises.py), so that it says so: `Holdings` is told when it lets go of everything, and of a refusal.

Source: RFC 2131 section 4.4.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from ...engine.wire.packet import ACK, DECLINE, DISCOVER, NAK, OFFER, RELEASE, REQUEST
from ..world.messages import message
from ..world.simulated.clock import SECOND_US
from ..world.simulated.network import BROADCAST

if TYPE_CHECKING:
    from ..world.simulated.clock import Clock
    from ..world.simulated.network import Network

# So long a client waits for more offers behind the first, and for any answer at all.
_MORE_OFFERS_US: Final = 200_000
_PATIENCE_US: Final = 6 * SECOND_US
# Whoever gives an address back says nothing for so long, so that no message of before comes behind the next exchange.
QUIET_US: Final = 8 * SECOND_US
_OPTIONS_AT: Final = 240
_MESSAGE_TYPE, _REQUESTED, _LEASE_TIME, _SERVER, _CLIENT_ID = 53, 50, 51, 54, 61
_XID, _YIADDR = slice(4, 8), slice(16, 20)
_PARTS: Final = 1 << 16


class Heard(NamedTuple):
    """What a reply says, as far as a client looks at it; addresses are numbers."""

    kind: int
    address: int
    server: int
    lease_s: int


def heard(payload: bytes) -> Heard:
    """A server's reply."""
    kind = server = lease_s = 0
    at, end = _OPTIONS_AT, len(payload)
    while at + 1 < end and payload[at] != 255:  # noqa: PLR2004 - the end option
        code, length = payload[at], payload[at + 1]
        if code == _MESSAGE_TYPE:
            kind = payload[at + 2]
        elif code == _SERVER:
            server = int.from_bytes(payload[at + 2 : at + 6], "big")
        elif code == _LEASE_TIME:
            lease_s = int.from_bytes(payload[at + 2 : at + 6], "big")
        at += 2 + length
    return Heard(kind, int.from_bytes(payload[_YIADDR], "big"), server, lease_s)


class Holdings(Protocol):
    """Who wants to know what clients do with their addresses."""

    def let_go(self, client: str) -> None:
        """The client uses no address any more."""

    def took(self, client: str, address: int) -> None:
        """The client uses this address, and no other."""

    def refused(self, client: str, address: int) -> None:
        """A client that uses an address was told by a server that it may not."""


class Client:
    """One client of a simulated site, told by its number; a ClientEnd (network.py) for what is sent to it.

    `source` is the address that it uses, 0 for none. A reply that makes no sense to it is ignored, as RFC 2131 wants.
    """

    def __init__(self, number: int, network: Network, clock: Clock, holdings: Holdings, relay: int) -> None:
        """Nothing was said yet; `relay` is the address of its relay agent, 0 for none."""
        self.number = number
        self.hardware = bytes((2, 0xC1, 0, 0, number >> 8, number & 255))
        self.name = self.hardware.hex(":")
        self.wire = "behind" if relay else "eth0"
        self.relay = relay
        self.source = 0
        self._network = network
        self._clock = clock
        self._holdings = holdings
        # Every other client has an identifier.
        self._own = {_CLIENT_ID: b"\0client-" + bytes((number,))} if number % 2 else {}
        self._xid = number << 16
        self._old = self._server = self._unanswered = 0
        self._ends_us = self._asked_us = self._quiet_until_us = 0
        self._waits_for = self._wants = 0
        self._offers: list[Heard] = []
        self._draw = 0

    def act(self, draw: int) -> None:
        """Do something that a client in this state may do; nothing while an answer is awaited."""
        now_us = self._clock.now_us
        if now_us < self._quiet_until_us or (self._waits_for and now_us < self._asked_us + _PATIENCE_US):
            return
        self._draw = draw >> 16
        part = (draw % _PARTS) / _PARTS
        acts = _BOUND if self.source else _UNBOUND
        next(act for below, act in acts if part < below)(self)

    def ask(self) -> None:
        """Renew, or ask for an address as who has just come."""
        self._unanswered = 0
        self.act(0)

    @property
    def unanswered(self) -> bool:
        """Whether what was asked last was not answered yet."""
        return bool(self._waits_for)

    @property
    def server(self) -> int:
        """The address of who gave the address that is used."""
        return self._server

    # Without an address

    def _discover(self) -> None:
        self._let_go()
        self._offers = []
        self._begin(OFFER, 0)
        secs = min(self._unanswered, 60)
        self._unanswered += 4
        self._say(DISCOVER, {}, secs=secs)

    def _reboot(self) -> None:
        """Ask for the address of before; what is used is not used till then."""
        if not self._old:
            self._discover()
            return
        # An address whose ACK it never heard is not its own: to ask for another one gives that up, also at the servers.
        self._holdings.took(self.name, self._old)
        self._begin(ACK, self._old)
        self._say(REQUEST, {_REQUESTED: self._old.to_bytes(4, "big")})

    # With one

    def _renew(self) -> None:
        self._begin(ACK, self.source)
        self._say(REQUEST, {}, to=self._server, ciaddr=self.source)

    def _rebind(self) -> None:
        self._begin(ACK, self.source)
        self._say(REQUEST, {}, ciaddr=self.source)

    def _release(self) -> None:
        source = self.source
        self._let_go()
        self._hush()
        self._say(RELEASE, {_SERVER: self._server.to_bytes(4, "big")}, to=self._server, ciaddr=source)

    def _decline(self) -> None:
        source = self.source
        self._let_go()
        self._old = 0
        self._hush()
        self._say(DECLINE, {_SERVER: self._server.to_bytes(4, "big"), _REQUESTED: source.to_bytes(4, "big")})

    def _restart(self) -> None:
        """It was switched off and on, and remembers its address."""
        self._reboot()

    # Hearing

    def hear(self, payload: bytes, _server: str) -> None:
        """Take in a reply to what was asked last."""
        if not self._waits_for or payload[_XID] != self._xid.to_bytes(4, "big"):
            return
        said = heard(payload)
        if said.kind == OFFER == self._waits_for:
            if not self._offers:
                self._clock.after(_MORE_OFFERS_US, partial(self._choose, self._xid))
            self._offers.append(said)
        elif self._waits_for == ACK and said.kind == ACK and said.address == self._wants:
            self._bind(said)
        elif self._waits_for == ACK and said.kind == NAK:
            self._refused()

    def _choose(self, xid: int) -> None:
        if self._waits_for == OFFER and xid == self._xid:
            offer = self._offers[self._draw % len(self._offers)]
            self._waits_for, self._wants, self._asked_us = ACK, offer.address, self._clock.now_us
            options = {_REQUESTED: offer.address.to_bytes(4, "big"), _SERVER: offer.server.to_bytes(4, "big")}
            self._say(REQUEST, options)

    def _bind(self, said: Heard) -> None:
        self._waits_for = self._unanswered = 0
        self.source = self._old = said.address
        self._server = said.server
        self._ends_us = self._asked_us + said.lease_s * SECOND_US
        self._holdings.took(self.name, said.address)
        self._clock.at(self._ends_us, partial(self._expire, self._ends_us))

    def _expire(self, ends_us: int) -> None:
        if self.source and ends_us == self._ends_us:
            self._let_go()

    def _refused(self) -> None:
        """A NAK: of an address that it uses by right, or of one that it only remembers."""
        if self.source and self._wants == self.source:
            self._holdings.refused(self.name, self.source)
        self._waits_for = self._old = 0
        self._let_go()

    # What all have

    def _let_go(self) -> None:
        self.source = 0
        self._holdings.let_go(self.name)

    def _hush(self) -> None:
        self._xid += 1
        self._waits_for = 0
        self._quiet_until_us = self._clock.now_us + QUIET_US

    def _begin(self, awaited: int, wanted: int) -> None:
        self._xid += 1
        self._waits_for, self._wants, self._asked_us = awaited, wanted, self._clock.now_us

    def _say(self, kind: int, options: dict[int, bytes], *, to: int = BROADCAST, **fields: int) -> None:
        if self.relay and to == BROADCAST:
            fields["giaddr"] = self.relay
        payload = message(kind, self.hardware, {**self._own, **options}, xid=self._xid, **fields)
        self._network.to_servers(self, payload, to)


# (the part of all below which it is done, what): see `Client.act`.
_UNBOUND: Final = ((0.85, Client._discover), (1.0, Client._reboot))
_BOUND: Final = (
    (0.45, Client._renew), (0.65, Client._rebind), (0.80, Client._release), (0.84, Client._decline),
    (0.92, Client._restart), (1.0, Client._discover),
)  # fmt: skip
