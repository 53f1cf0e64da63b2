"""Where in a tape to begin: segments by event number, by time, by client; snapshots by event number.

An index stands in the tape after every 64 segments, each naming the one before it, and the trailer of a tape that was
closed names the last. Without a trailer (the process was killed) the same table, less the clients, comes from hopping
over the file from header to header: nothing needs to be unpacked for it. A client's entry is two bytes of a checksum:
a segment that it names may not hold the client, one that it does not name never does.

Behind each index stands what the file holds, counted while it was written, so that nobody need read all of it to know.
The counts are of the whole file so far. Events are counted by kind, effects together, since counting those by kind
would cost the server more than packing them. Clients are counted in a fixed bitmap by a checksum of the first six
octets of chaddr (linear counting): exact for some thousands of clients, to one in 300 for millions. Refused: keeping
the clients themselves, which anybody on the network could make many of.
"""

from __future__ import annotations

import math
import struct
import zlib
from bisect import bisect_right
from collections import Counter
from itertools import chain, pairwise, zip_longest
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .codec import BadRecord
from .events import EVENT_IDS, Packet
from .format import FILE_HEADER_BYTES, INDEX, KIND_INDEX, KIND_RECORDS, KIND_SNAPSHOT, SEGMENT_HEADER_BYTES, TALLY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .events import Event

# No file is longer; an offset beyond would be an error of the operating system's instead of the tape's.
OFFSET_MAX: Final = 1 << 48
_CLIENT_BITS_LOG: Final = 23
CLIENT_BITS: Final = 1 << _CLIENT_BITS_LOG
# A checksum alone puts numbers that follow each other into different places too well to be counted by chance. Its
# product with this stays below 2^61, where the compiled build needs no long arithmetic; the bits are its middle ones.
_MIX: Final = 0x1B873593
_UNUSED_BITS: Final = 32 - _CLIENT_BITS_LOG
_FIELDS: Final = 5


class IndexEntry(NamedTuple):
    """One segment: its offset in the file, what its header says, and whom it may hold (None: not known)."""

    offset: int
    kind: int
    first_seq: int
    wall_us: int
    mono_us: int
    clients: bytes | None


def client_hash(chaddr: bytes) -> bytes:
    """Return the two bytes that stand for a client, from the first six bytes of its chaddr."""
    return (zlib.crc32(chaddr) & 0xFFFF).to_bytes(2)


def pack_clients(checksums: Iterable[int]) -> bytes:
    """Return an index entry's `clients`, from the CRC-32 of the first six bytes of each one's chaddr."""
    numbers = sorted({checksum & 0xFFFF for checksum in checksums})
    return struct.pack(f">{len(numbers)}H", *numbers)


def entries_of(record: tuple[Any, ...]) -> tuple[int, list[IndexEntry]]:
    """Return (offset of the index before, entries) of an INDEX record; raises BadRecord."""
    if len(record) != 3 or record[0] != INDEX or type(record[1]) is not int or type(record[2]) is not tuple:  # noqa: PLR2004
        raise BadRecord("not an index")
    entries = []
    for fields in record[2]:
        shape = tuple(map(type, fields)) if type(fields) is tuple else ()
        if shape[:5] != (int,) * 5 or shape[5:] not in ((bytes,), (type(None),)):
            raise BadRecord("index entry")
        if not 0 <= fields[0] <= OFFSET_MAX:
            raise BadRecord("offset of an index entry")
        entries.append(IndexEntry(*fields))
    return record[1], entries


def is_rising(before: int, entries: Iterable[IndexEntry], offset: int) -> bool:
    """Whether the entries are in the order of the file, between the offsets of two indexes."""
    least = before + SEGMENT_HEADER_BYTES if before else FILE_HEADER_BYTES
    places = [entry.offset for entry in entries]
    return not places or (
        places[0] >= least
        and all(later - earlier >= SEGMENT_HEADER_BYTES for earlier, later in pairwise([*places, offset]))
    )


class Index:
    """The segments of a tape in order; `from_file` tells whether it stood there or was found by hopping.

    `last_offset` is where the last index stands in the file, 0 for none.
    """

    def __init__(self, entries: Iterable[IndexEntry], *, from_file: bool, last_offset: int = 0) -> None:
        """Keep the entries, which must be in the order of the file; those of indexes tell where the last one is."""
        everything = list(entries)
        self.from_file = from_file
        self.last_offset = max((entry.offset for entry in everything if entry.kind == KIND_INDEX), default=last_offset)
        self.segments = [entry for entry in everything if entry.kind == KIND_RECORDS]
        self.snapshots = [entry for entry in everything if entry.kind == KIND_SNAPSHOT]
        self._firsts = [entry.first_seq for entry in self.segments]

    def segment_of(self, seq: int) -> IndexEntry | None:
        """Return the segment to begin in for event `seq`; None on a tape without segments."""
        if not self.segments:
            return None
        return self.segments[max(0, bisect_right(self._firsts, seq) - 1)]

    def segment_at(self, wall_us: int) -> IndexEntry | None:
        """Return the last segment that no event before `wall_us` lies behind."""
        found = None
        for entry in self.segments:
            if found is not None and entry.wall_us >= wall_us:
                break
            found = entry
        return found

    def snapshot_before(self, seq: int) -> int | None:
        """Return the number of the latest event, not after `seq`, whose state a snapshot holds."""
        found = self.snapshots_until(seq)
        return found[0].first_seq - 1 if found else None

    def snapshots_until(self, seq: int) -> list[IndexEntry]:
        """Return the entries of the snapshots not after event `seq`, the latest first."""
        found = [entry for entry in self.snapshots if entry.first_seq - 1 <= seq]
        return sorted(found, key=lambda entry: entry.first_seq, reverse=True)

    def with_client(self, chaddr: bytes) -> Iterator[tuple[IndexEntry, IndexEntry | None]]:
        """Yield (segment, the one after it) of every segment that may hold `chaddr`."""
        wanted = client_hash(chaddr[:6])
        for entry, following in zip_longest(self.segments, self.segments[1:]):
            clients = entry.clients
            if clients is None or wanted in {clients[at : at + 2] for at in range(0, len(clients), 2)}:
                yield entry, following


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
            place = checksum * _MIX >> _UNUSED_BITS & CLIENT_BITS - 1
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
            self._events.update([type(event) for event in events if type(event) is not Packet])

    def record(self, next_seq: int) -> tuple[Any, ...]:
        """Return the record of the counts so far; `next_seq` is the number of the first event not among them."""
        counts = [(EVENT_IDS[kind], count) for kind, count in self._events.items()]
        if self.packets:
            counts.append((EVENT_IDS[Packet], self.packets))
        return (TALLY, next_seq, self.raw_octets, self.effects, len(self.clients), tuple(sorted(counts)))


def chaddrs_of(events: Sequence[Event]) -> list[bytes]:
    """As much of each packet's hardware address as an index looks at."""
    return [event.payload[28:34] for event in events if type(event) is Packet]


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
