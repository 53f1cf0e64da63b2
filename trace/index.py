"""Where in a tape to begin: segments by event number, by time, by client; snapshots by event number.

An index stands in the tape after every 64 segments, each naming the one before it, and the trailer of a tape that was
closed names the last. Without a trailer (the process was killed) the same table, less the clients, comes from hopping
over the file from header to header: nothing needs to be unpacked for it. A client's entry is two bytes of a checksum:
a segment that it names may not hold the client, one that it does not name never does.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .codec import BadRecord
from .format import FILE_HEADER_BYTES, INDEX, KIND_INDEX, KIND_RECORDS, KIND_SNAPSHOT, SEGMENT_HEADER_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Where a BOOTP message has its chaddr, and how much of it an index looks at.
CHADDR: Final = slice(28, 34)
# No file is longer; an offset beyond would be an error of the operating system's instead of the tape's.
OFFSET_MAX: Final = 1 << 48


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
    return b"".join(sorted({(checksum & 0xFFFF).to_bytes(2) for checksum in checksums}))


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
