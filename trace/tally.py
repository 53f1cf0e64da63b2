"""What a file holds, counted while it is written, so that nobody need read all of it to know.

The counts stand behind each index, and are of the whole file so far. Events are counted by kind, effects together,
since counting those by kind would cost the server more than packing them. Clients are counted in a fixed bitmap by a
checksum of the first six octets of chaddr (linear counting): exact for some thousands of clients, to one in 300
for millions. Refused: keeping the clients themselves, which anybody on the network could make many of.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .codec import BadRecord
from .events import EVENT_IDS, Packet
from .format import TALLY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .events import Event

_CLIENT_BITS_LOG: Final = 23
CLIENT_BITS: Final = 1 << _CLIENT_BITS_LOG
# A checksum alone puts numbers that follow each other into different places too well to be counted by chance.
# (2^64 divided by the golden ratio, whose multiples scatter the best.)
_MIX: Final = 0x9E3779B97F4A7C15
_WORD: Final = (1 << 64) - 1
_UNUSED_BITS: Final = 64 - _CLIENT_BITS_LOG
_FIELDS: Final = 5


class Tallied(NamedTuple):
    """Counts of all events before `next_seq` in this file.

    `raw_octets` are those of records before they are compressed, without snapshots and indexes; `events` has the
    number of events by the number of their record.
    """

    next_seq: int
    raw_octets: int
    effects: int
    clients: int
    events: dict[int, int]


class ClientCount:
    """How many different addresses were seen, in a fixed megabyte. `marked`: bits that are set."""

    __slots__ = ("_bits", "marked")

    def __init__(self) -> None:
        """No client was counted yet."""
        self._bits = bytearray(CLIENT_BITS >> 3)
        self.marked = 0

    def update(self, checksums: Iterable[int]) -> None:
        """See the addresses that have these CRC-32s."""
        bits = self._bits
        for checksum in checksums:
            place = (checksum * _MIX & _WORD) >> _UNUSED_BITS
            mask = 1 << (place & 7)
            if not bits[place >> 3] & mask:
                bits[place >> 3] |= mask
                self.marked += 1

    def __len__(self) -> int:
        """The number: what is expected to have set so many bits."""
        # A full map would say infinitely many.
        empty = max(1, CLIENT_BITS - self.marked)
        return round(CLIENT_BITS * math.log(CLIENT_BITS / empty))


class Tally:
    """The writer's side, which adds to `raw_octets`, `effects` and `clients` itself."""

    __slots__ = ("_events", "clients", "effects", "packets", "raw_octets")

    def __init__(self) -> None:
        """All counts are nought."""
        self.raw_octets = self.effects = self.packets = 0
        self.clients = ClientCount()
        self._events: Counter[type[Any]] = Counter()

    def add_events(self, events: Sequence[Event], packets: int) -> None:
        """Count events that were written, of which so many are packets: mostly all."""
        self.packets += packets
        if packets != len(events):
            self._events.update([event.__class__ for event in events if event.__class__ is not Packet])

    def record(self, next_seq: int) -> tuple[Any, ...]:
        """Return the record of the counts so far; `next_seq` is the number of the first event not among them."""
        counts = [(EVENT_IDS[kind], count) for kind, count in self._events.items()]
        if self.packets:
            counts.append((EVENT_IDS[Packet], self.packets))
        return (TALLY, next_seq, self.raw_octets, self.effects, len(self.clients), tuple(sorted(counts)))


def tallied_of(record: tuple[Any, ...]) -> Tallied:
    """Return what a TALLY record says; raises BadRecord."""
    numbers, events = record[1:_FIELDS], record[_FIELDS:]
    if record[0] != TALLY or len(events) != 1 or type(events[0]) is not tuple:
        raise BadRecord("not a tally")
    pairs = [pair for pair in events[0] if type(pair) is tuple and len(pair) == 2]  # noqa: PLR2004
    flat = chain(numbers, *pairs)
    if len(pairs) != len(events[0]) or not all(map(_is_count, flat)):
        raise BadRecord("count of a tally")
    next_seq, raw_octets, effects, clients = numbers
    return Tallied(next_seq, raw_octets, effects, clients, dict(pairs))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 0
