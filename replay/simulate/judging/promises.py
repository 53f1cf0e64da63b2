"""What was promised to clients, and what may not be: kept by who sees every message, and knows more than any server.

    shared     no address is promised to two clients at a time, by whichever servers
    lead       no promise goes further than MCLT beyond what the partner is known to know (the end and the potential
               expiry of the lease, as it was acknowledged or told by the partner), or beyond now
    refused    no client is refused an address that it holds

A promise stands from the ACK that leaves until the time in it is over, or its client lets go. Two things excuse a
conflict, and a refusal. Clocks that were apart shorten promises by as much, since neither server can know (failover
does not correct skew, and a clock that is stepped on ends leases early). And while one server is in PARTNER-DOWN and
its partner serves all the same, nobody can keep them apart: an address that is promised then is left out (`spoilt`)
until no promise of that time is open. So it is where the one ends before the other comes back, who hears of it from
nobody; and while a server is in PARTNER-DOWN that has lost its disk, and was told of nothing yet that its partner has
promised. Who says PARTNER-DOWN of a living partner, or has somebody serve who knows nothing, gets what he asked for; a
run counts how often that came.

Times are microseconds of the world's clock, but those of servers, which are seconds of their own.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from ....trace.effects import StreamSend
from ...world.simulated.clock import SECOND_US
from . import wire

if TYPE_CHECKING:
    from collections import Counter

    from ....trace.effects import Effect

# A server's clock counts whole seconds.
_ROUNDING_US: Final = SECOND_US


class Violated(Exception):
    """Something that must hold does not: `invariant` is its name, `what` tells it."""

    def __init__(self, invariant: str, what: str) -> None:
        super().__init__(f"{invariant}: {what}")
        self.invariant = invariant
        self.what = what


class Promise(NamedTuple):
    """An address is a client's until then, by the word of a server."""

    client: str
    server: str
    ends_us: int


class Promises:
    """The promises that are open, by address and by client; Violated is raised where one is broken.

    `apart_us` is how far the servers' clocks have been apart; `met` counts what was met.
    """

    def __init__(self, met: Counter[str]) -> None:
        """Nothing was promised."""
        self.apart_us = 0
        self.met = met
        self._open: dict[int, dict[str, Promise]] = {}
        self._of: dict[str, set[int]] = {}
        self._spoilt: dict[int, int] = {}

    def acknowledged(self, promise: Promise, address: int, now_us: int, *, split: bool) -> None:
        """An ACK leaves. `split`: both servers of the address serve, and one is in PARTNER-DOWN. Raises Violated."""
        others = self._open.setdefault(address, {})
        if split:
            self._spoil(address, [*others.values(), promise])
        for other in list(others.values()):
            if other.ends_us <= now_us:
                del others[other.client]
            elif other.client != promise.client:
                self._conflict(address, other, promise, now_us)
        others[promise.client] = promise
        self._of.setdefault(promise.client, set()).add(address)

    def _spoil(self, address: int, promises: list[Promise]) -> None:
        self.met["promised while both serve and one is in partner-down"] += 1
        self._spoilt[address] = max(self._spoilt.get(address, 0), *[one.ends_us for one in promises])

    def _conflict(self, address: int, old: Promise, new: Promise, now_us: int) -> None:
        if self._is_excused(old, address, now_us):
            self.met["shared, and excused"] += 1
            return
        left_s = (old.ends_us - now_us) / SECOND_US
        raise Violated(
            "shared",
            f"{new.server} gives {IPv4Address(address)} to {new.client}, "
            f"which {old.server} has given to {old.client} for {left_s:.0f} more seconds",
        )

    def _is_excused(self, promise: Promise, address: int, now_us: int) -> bool:
        spoilt = self._spoilt.get(address, 0) > now_us
        return spoilt or promise.ends_us - self.apart_us - _ROUNDING_US <= now_us

    def is_excused(self, client: str, address: int, now_us: int) -> bool:
        """Whether a promise to a client may be broken: promises of a split are open, or some clock has it over.

        None is open where the last ACK promised less than the one before, and was lost on the way.
        """
        promise = self._open.get(address, {}).get(client)
        return promise is None or self._is_excused(promise, address, now_us)

    # What clients do with them

    def let_go(self, client: str) -> None:
        """The client uses no address any more."""
        for address in self._of.pop(client, ()):
            self._open.get(address, {}).pop(client, None)

    def took(self, client: str, address: int) -> None:
        """The client uses this address, and no other."""
        for other in self._of.get(client, set()) - {address}:
            self._open.get(other, {}).pop(client, None)
        self._of[client] = {address}


class Knowledge:
    """What the partner of one server is known to know: address -> its potential expiry, in seconds.

    Fed with every event of the server's failover streams, and with what it says there. That the partner knows less than
    before counts when the server has acknowledged it: till then it may forget it with its power, and the partner waits.
    """

    def __init__(self) -> None:
        """Nothing is known."""
        self.known: dict[int, int] = {}
        # (stream, xid) -> what was said there.
        self._told: dict[tuple[int, int], wire.Said] = {}
        # The same of what the partner said there, where it was less.
        self._less: dict[tuple[int, int], wire.Said] = {}

    def restarted(self) -> None:
        """The connections are gone."""
        self._told.clear()
        self._less.clear()

    def heard(self, stream: int, data: bytes, effects: list[Effect]) -> None:
        """Bytes came, and these are the effects: what the server refuses, it does not learn."""
        learned: dict[int, wire.Said] = {}
        for said in wire.messages(data):
            if said.kind == wire.BNDACK and said.reject is None:
                told = self._told.pop((stream, said.xid), None)
                if told is not None:
                    self._learn(told)
            elif said.kind == wire.BNDUPD:
                learned[said.xid] = said
        if learned:
            for effect in effects:
                if isinstance(effect, StreamSend) and effect.stream == stream:
                    self._refuse(learned, effect.data)
            for said in learned.values():
                if said.address is not None and self._of(said) < self.known.get(said.address, 0):
                    self._less[stream, said.xid] = said
                else:
                    self._learn(said)
                    self._less = {key: less for key, less in self._less.items() if less.address != said.address}

    def _refuse(self, learned: dict[int, wire.Said], data: bytes) -> None:
        for said in wire.messages(data):
            if said.kind == wire.BNDACK and said.reject is not None:
                learned.pop(said.xid, None)

    def _learn(self, said: wire.Said) -> None:
        if said.address is not None and said.potential is not None:
            # A server may tell of a lease that its partner gave, and whose end it knows better than its own promise.
            self.known[said.address] = self._of(said)

    @staticmethod
    def _of(said: wire.Said) -> int:
        return max(said.potential or 0, said.ends or 0)

    def said(self, stream: int, data: bytes) -> None:
        """The server says something."""
        for said in wire.messages(data):
            if said.kind == wire.BNDUPD:
                self._told[stream, said.xid] = said
            elif said.kind == wire.BNDACK and said.reject is None:
                less = self._less.pop((stream, said.xid), None)
                if less is not None:
                    self._learn(less)
