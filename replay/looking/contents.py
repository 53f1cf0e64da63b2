"""Where the octets of a recording are: by kind of record, before compression and in the file.

A large file is not read whole: of its segments at most SEGMENTS_SAMPLED, evenly spread, are looked at, and what they
hold is taken for all but the first, which has the start of the run and stands for itself. What a kind takes in the
file is told by compressing it by itself, and dividing what its segment really takes in that proportion; so the figures
of two kinds can be compared, and they add up to the file.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...trace import DamagedTape
from ...trace.codec import BadRecord, pack, record_table
from ...trace.format import EFFECTS, TAPE_RECORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ...trace import IndexEntry, Tape

SEGMENTS_SAMPLED: Final = 12
_NAMES: Final = {number: name for number, (name, _) in {**record_table(), **TAPE_RECORDS}.items()}
_LEVEL: Final = 1


class KindShare(NamedTuple):
    """A kind of record: how many, their octets before compression, and what they take in the file."""

    kind: str
    records: int
    raw: int
    packed: int


@dataclass(slots=True)
class Contents:
    """`kinds` by what they take, the largest first; `exact`: every segment was read."""

    file: int
    events_and_effects: int
    snapshots: int
    exact: bool
    kinds: list[KindShare] = field(default_factory=list)


@dataclass(slots=True)
class _Kind:
    """The records of one kind in one segment."""

    count: int = 0
    raw: int = 0
    packed: int = 0
    packer: Any = field(default_factory=lambda: zlib.compressobj(_LEVEL))

    def add(self, record: Any) -> None:
        data = pack(record)
        self.count += 1
        self.raw += len(data)
        self.packed += len(self.packer.compress(data))


def contents(tape: Tape, *, whole: bool, progress: Callable[[int], None] | None = None) -> Contents:
    """What is in a recording; `whole`: read all of it. `progress` gets the number of each segment's first event."""
    index = tape.index()
    size = Path(tape.path).stat().st_size
    starts = sorted({*(entry.offset for entry in (*index.segments, *index.snapshots)), size})
    ends = dict(pairwise(starts))
    lengths = {entry.offset: max(0, ends.get(entry.offset, entry.offset) - entry.offset) for entry in index.segments}
    taken = index.segments if whole else _spread(index.segments)
    first = lengths[taken[0].offset] if taken else 0
    looked_at = sum(lengths[entry.offset] for entry in taken[1:])
    scale = (sum(lengths.values()) - first) / looked_at if looked_at else 1.0
    sums: dict[str, list[float]] = {}
    for entry in taken:
        if progress is not None:
            progress(entry.first_seq)
        factor = 1.0 if entry is taken[0] else scale
        for share in _of_segment(tape, entry, lengths[entry.offset]):
            before = sums.get(share.kind, [0.0, 0.0, 0.0])
            sums[share.kind] = [old + new * factor for old, new in zip(before, share[1:], strict=True)]
    kinds = [KindShare(kind, *map(round, found)) for kind, found in sums.items()]
    kinds.sort(key=lambda share: (-share.packed, share.kind))
    snapshots = sum(ends.get(entry.offset, entry.offset) - entry.offset for entry in index.snapshots)
    return Contents(size, sum(lengths.values()), snapshots, len(taken) == len(index.segments), kinds)


def _spread(segments: Sequence[IndexEntry]) -> list[IndexEntry]:
    """Some of them, evenly spread, the first and the last among them."""
    if len(segments) <= SEGMENTS_SAMPLED:
        return list(segments)
    last = len(segments) - 1
    return [segments[number * last // (SEGMENTS_SAMPLED - 1)] for number in range(SEGMENTS_SAMPLED)]


def _of_segment(tape: Tape, entry: IndexEntry, octets: int) -> Iterator[KindShare]:
    """The kinds in a segment that takes so many octets; none of one that is damaged at its beginning."""
    kinds: dict[int, _Kind] = {}
    with suppress(DamagedTape, BadRecord):
        for batch in tape.batches(entry.offset):
            for number, record in _records(batch):
                kinds.setdefault(number, _Kind()).add(record)
    for kind in kinds.values():
        kind.packed += len(kind.packer.flush())
    together = sum(kind.packed for kind in kinds.values())
    for number, kind in kinds.items():
        name = _NAMES.get(number, f"record {number}")
        yield KindShare(name, kind.count, kind.raw, round(octets * kind.packed / together))


def _records(batch: tuple[Any, ...]) -> Iterator[tuple[int, Any]]:
    """(number, record) of a batch, each effect by itself. Raises BadRecord."""
    for record in batch:
        if not isinstance(record, tuple) or not record or not isinstance(record[0], int):
            raise BadRecord("not a record")
        if record[0] == EFFECTS:
            yield from _records(record[1:])
        else:
            yield record[0], record
