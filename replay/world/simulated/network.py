"""Wires and routes: who hears a datagram, how late, and whether at all.

A wire is an Ethernet by name; servers have interfaces on it, clients stand on it, and a relay agent speaks for clients
on a wire that no server is on. Between any two parties the way may be cut, in one direction or both; datagrams may be
late, lost or come twice. All of it by the dice of the world, so that the same seed gives the same run.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from ....trace import events as ev
from ...showing.decode import hardware_of_payload

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from ....trace import effects as ef
    from ....trace.events import Event
    from .clock import Clock

BROADCAST: Final = 0xFFFFFFFF
SERVER_PORT: Final = 67
CLIENT_PORT: Final = 68
_BROADCAST_LINK: Final = b"\xff" * 6


class ServerEnd(Protocol):
    """What the network needs of a server."""

    name: str
    wires: dict[str, str]

    def address_interface(self, address: int) -> str | None:
        """The interface that has an address, None for another's."""

    def hear(self, event: Event) -> None:
        """Take in what arrives."""


class ClientEnd(Protocol):
    """What the network needs of a client: `source` is its address, 0 for none; `relay` that of its relay agent."""

    name: str
    hardware: bytes
    wire: str
    relay: int
    source: int

    def hear(self, payload: bytes, server: str) -> None:
        """Take in a reply of the server with this name."""


class Network:
    """All wires of a world, who stands on each, and which ways are cut.

    Parties are told by name: a server by its own, a client by its hardware address as text. `delay_us`: the least and
    the most that a datagram takes. `loss`, `twice`: the parts of them that are lost, or come a second time. `in_use`:
    addresses, besides the clients', at which somebody answers pings.
    """

    def __init__(self, clock: Clock, random: Random) -> None:
        """Nobody is there yet."""
        self.delay_us = (200, 200)
        self.loss = 0.0
        self.twice = 0.0
        self.in_use: set[int] = set()
        self.servers: list[ServerEnd] = []
        self.clients: list[ClientEnd] = []
        self._clock = clock
        self._random = random
        self._cut: set[tuple[str, str]] = set()

    def cut(self, one: str, other: str, *, both: bool = True) -> None:
        """Let nothing pass from one party to another; with `both` nothing back either."""
        self._cut.add((one, other))
        if both:
            self._cut.add((other, one))

    def join(self, one: str, other: str) -> None:
        """Let everything pass between two parties again."""
        self._cut -= {(one, other), (other, one)}

    def heal(self) -> None:
        """Let everything pass again."""
        self._cut.clear()

    def passes(self, one: str, other: str) -> bool:
        """Whether anything passes from one party to another."""
        return (one, other) not in self._cut

    def lateness_us(self, more_us: int = 0) -> int:
        """How long the next datagram takes, or the next piece of a stream; `more_us`: up to so much longer."""
        low, high = self.delay_us
        return self._random.randint(low, high + more_us) if high + more_us > low else low

    def carry(self, one: str, other: str, arrive: Callable[[], None]) -> None:
        """Have a datagram arrive from one party at another, as the network is."""
        if self._random.random() < self.loss or not self.passes(one, other):
            return
        self._clock.after(self.lateness_us(), arrive)
        if self._random.random() < self.twice:
            self._clock.after(self.lateness_us(), arrive)

    # Who hears what

    def to_servers(self, client: ClientEnd, payload: bytes, destination: int) -> None:
        """A client's message: to the server that has an address, or to all that hear its broadcast or its relay."""
        relayed = client.relay and destination == BROADCAST
        source, port = (client.relay, SERVER_PORT) if relayed else (client.source, CLIENT_PORT)
        for server in self.servers:
            interface = self._hearing(server, client, destination)
            if interface is not None:
                event = ev.Packet(0, 0, interface, source, port, payload)
                self.carry(client.name, server.name, partial(server.hear, event))

    def _hearing(self, server: ServerEnd, client: ClientEnd, destination: int) -> str | None:
        """The interface at which a server hears a client. What a relay agent sends comes in at the first."""
        if destination != BROADCAST:
            return server.address_interface(destination)
        if client.relay:
            return next(iter(server.wires), None)
        return next((name for name, wire in server.wires.items() if wire == client.wire), None)

    def from_server(self, server: ServerEnd, effect: ef.Send) -> None:
        """A server's message, to the client that it is for, as far as that hears it."""
        hardware = hardware_of_payload(effect.payload)
        for client in self.clients:
            if client.hardware == hardware and self._reaches(server, client, effect):
                self.carry(server.name, client.name, partial(client.hear, effect.payload, server.name))

    def _reaches(self, server: ServerEnd, client: ClientEnd, effect: ef.Send) -> bool:
        if effect.raw:
            here = not client.relay and client.wire == server.wires.get(effect.interface)
            return here and effect.link in (client.hardware, _BROADCAST_LINK)
        if effect.destination == BROADCAST:
            return not client.relay and client.wire in server.wires.values()
        return effect.destination in (client.relay, client.source)

    def ping(self, server: ServerEnd, address: int) -> None:
        """An echo request, which is answered by whoever has the address."""
        who = next((client.name for client in self.clients if client.source == address), "")
        if not who and address not in self.in_use:
            return
        reply = partial(server.hear, ev.PingReply(0, 0, address))
        self.carry(server.name, who, partial(self.carry, who, server.name, reply))
