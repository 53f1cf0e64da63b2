"""TCP between servers, and between a test and a server: bytes in order, and every way in which that ends.

What a connection does when the network does not let things pass is what makes protocols on top of it hard, so it is had
here on demand, in the world's time: a call into nothing fails only after a while, one that nobody takes fails at once;
what is sent over a cut way waits, is there when the way heals in time, and ends the connection when it does not; a peer
whose power fails leaves a connection that only looks open, until somebody sends on it and finds a stranger there.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from .clock import SECOND_US

if TYPE_CHECKING:
    from .clock import Clock
    from .network import Network

# As Linux has it: how often what was not acknowledged is sent again, and when a call or a connection is given up.
AGAIN_US: Final = SECOND_US
CALL_GIVEN_UP_US: Final = 127 * SECOND_US
DATA_GIVEN_UP_US: Final = 924 * SECOND_US
PIECE_OCTETS_MAXIMUM: Final = 65_536
TIMED_OUT, REFUSED, RESET = "ETIMEDOUT", "ECONNREFUSED", "ECONNRESET"


class Owner(Protocol):
    """Who has an end of a connection. `name` is its name in the network."""

    name: str

    def opened(self, end: End) -> None:
        """The connection stands."""

    def received(self, end: End, data: bytes) -> None:
        """Bytes came."""

    def half_closed(self, end: End) -> None:
        """The other side sends no more."""

    def closed(self, end: End, error: str) -> None:
        """The connection is over, or could not be made; `error` is an errno name or empty."""


class End:
    """One end of a connection. `address` and `port` are its own; `peer` is the other end.

    `stalled`: nothing that it sends arrives any more, not even its end, though the way is free for others.
    """

    __slots__ = ("_tcp", "address", "arrives_us", "finished", "heard_end", "over", "owner", "peer", "port", "service",
                 "stalled", "under_way")  # fmt: skip

    def __init__(self, tcp: Tcp, owner: Owner, address: int, port: int, service: str) -> None:
        """Not open yet."""
        self.owner = owner
        self.address = address
        self.port = port
        self.service = service
        self.peer: End | None = None
        self.over = self.finished = self.heard_end = self.stalled = False
        # Pieces that did not arrive yet, and since when; when the last of them will at the earliest.
        self.under_way: deque[tuple[bytes, int]] = deque()
        self.arrives_us = 0
        self._tcp = tcp

    def send(self, data: bytes) -> None:
        """Send bytes; lost where the connection is over or was finished."""
        if not self.over and not self.finished:
            for at in range(0, len(data), PIECE_OCTETS_MAXIMUM):
                self._tcp.carry(self, data[at : at + PIECE_OCTETS_MAXIMUM])

    def finish(self) -> None:
        """Send no more: the other side hears of it behind the last bytes. Over when both sides have finished."""
        if not self.over and not self.finished:
            self.finished = True
            self._tcp.carry(self, b"")

    def reset(self) -> None:
        """End at once; the other side loses what it was sent and did not take yet."""
        if not self.over:
            self._tcp.reset(self)

    def vanish(self) -> None:
        """The power failed: this end is no more, and nobody is told."""
        self.over = True


class Peer:
    """A party that a test plays itself: it says what the test says, and keeps what it hears.

    `ends` are its connections in the order in which they opened, `data` what came on all of them, `errors` how they
    ended; `half_ended` counts the sides that send no more.
    """

    def __init__(self, tcp: Tcp, name: str, address: int) -> None:
        """Nobody was called yet. World.peer makes one."""
        self.name = name
        self.address = address
        self.ends: list[End] = []
        self.data = bytearray()
        self.errors: list[str] = []
        self.half_ended = 0
        self._tcp = tcp
        tcp.live_at(address, name)

    def call(self, address: int, port: int) -> End:
        """Call an address and port, both numbers."""
        return self._tcp.call(self, self.address, address, port, "")

    def listen(self, port: int) -> None:
        """Take calls."""
        self._tcp.listen(self, self.address, port, "")

    def opened(self, end: End) -> None:
        """Keep a connection."""
        self.ends.append(end)

    def received(self, _end: End, data: bytes) -> None:
        """Keep what came."""
        self.data += data

    def half_closed(self, _end: End) -> None:
        """Count."""
        self.half_ended += 1

    def closed(self, _end: End, error: str) -> None:
        """Keep how it ended."""
        self.errors.append(error)


class Tcp:
    """All listeners, and what is under way.

    `refusing` names parties that refuse every call. `call_us`: so much later than other things a call arrives, at most,
    so that calls overtake each other.
    """

    def __init__(self, network: Network, clock: Clock) -> None:
        """Nobody listens."""
        self.refusing: set[str] = set()
        self.call_us = 0
        self._network = network
        self._clock = clock
        # By address, or by the name of a party that listens at all of its own.
        self._listeners: dict[tuple[int | str, int], tuple[Owner, str]] = {}
        self._homes: dict[int, str] = {}
        self._port = 49_152

    def live_at(self, address: int, name: str) -> None:
        """A party has an address; empty for nobody."""
        if name:
            self._homes[address] = name
        else:
            self._homes.pop(address, None)

    def listen(self, owner: Owner, address: int, port: int, service: str) -> bool:
        """Accept connections; False where somebody does already."""
        return self._listeners.setdefault((address or owner.name, port), (owner, service))[0] is owner

    def listen_end(self, owner: Owner, address: int, port: int) -> None:
        """Accept no more."""
        if self._listeners.get((address or owner.name, port), (None, ""))[0] is owner:
            del self._listeners[address or owner.name, port]

    def forget(self, owner: Owner) -> None:
        """Nobody listens there any more: the process has ended."""
        for key in [key for key, (one, _service) in self._listeners.items() if one is owner]:
            del self._listeners[key]

    def call(self, owner: Owner, local: int, address: int, port: int, service: str) -> End:
        """Call an address and port; `opened` or `closed` tells what becomes of it."""
        self._port += 1
        end = End(self, owner, local, self._port, service)
        arrive = partial(self._arrive_call, end, address, port, self._clock.now_us)
        self._clock.after(self._network.lateness_us(self.call_us), arrive)
        return end

    def _arrive_call(self, end: End, address: int, port: int, since_us: int) -> None:
        if end.over:
            return
        home, here = self._homes.get(address), end.owner.name
        if home is None or not (self._network.passes(here, home) and self._network.passes(home, here)):
            if self._clock.now_us - since_us >= CALL_GIVEN_UP_US:
                self._end(end, TIMED_OUT)
            else:
                self._clock.after(AGAIN_US, partial(self._arrive_call, end, address, port, since_us))
            return
        listener = self._listeners.get((address, port)) or self._listeners.get((home, port))
        if listener is None or listener[0].name != home or home in self.refusing:
            self._clock.after(self._network.lateness_us(), partial(self._end, end, REFUSED))
            return
        owner, service = listener
        other = End(self, owner, address, port, service)
        end.peer, other.peer = other, end
        # Nothing that is sent at once comes before the news that the connection stands.
        other.arrives_us = self._clock.now_us + self._network.lateness_us()
        self._clock.at(other.arrives_us, partial(self._opened, end))
        owner.opened(other)

    def _opened(self, end: End) -> None:
        if not end.over:
            end.owner.opened(end)

    # Data: a piece of no octets is the end of what a side sends.

    def carry(self, end: End, data: bytes) -> None:
        """Bring a piece to the other end, behind those before it."""
        now_us = self._clock.now_us
        end.under_way.append((data, now_us))
        end.arrives_us = max(end.arrives_us, now_us + self._network.lateness_us())
        self._clock.at(end.arrives_us, partial(self._arrive, end))

    def _arrive(self, end: End) -> None:
        """The first piece that is under way arrives, if it can; else it is sent again."""
        peer = end.peer
        if end.over or peer is None:
            return
        here, there = end.owner.name, peer.owner.name
        there_at_all = self._homes.get(peer.address) == there and not end.stalled
        if not there_at_all or not (self._network.passes(here, there) and self._network.passes(there, here)):
            if self._clock.now_us - end.under_way[0][1] >= DATA_GIVEN_UP_US:
                self._end(end, TIMED_OUT)
            else:
                self._clock.after(AGAIN_US, partial(self._arrive, end))
        elif peer.over:
            self._end(end, RESET)
        else:
            self._take(peer, end, end.under_way.popleft()[0])

    def _take(self, peer: End, end: End, data: bytes) -> None:
        if data:
            peer.owner.received(peer, data)
            return
        peer.heard_end = True
        if end.heard_end:
            self._end(peer, "")
            self._end(end, "")
        else:
            peer.owner.half_closed(peer)

    def reset(self, end: End) -> None:
        """An end goes at once, and the other one hears of it where it can."""
        peer = end.peer
        self._end(end, "")
        passes = peer is not None and not end.stalled and self._network.passes(end.owner.name, peer.owner.name)
        if peer is not None and not peer.over and passes:
            self._clock.after(self._network.lateness_us(), partial(self._end, peer, RESET))

    def _end(self, end: End, error: str) -> None:
        if not end.over:
            end.over = True
            end.owner.closed(end, error)
