"""Which pools share a bucket of ISC dhcpd's table of addresses: an address's bucket is its remainder by MODULUS.

What the order of a fresh pool asks of a bucket is little: the first and the last pool that have addresses in it, and
how many addresses are in it. All three change only where some range begins or ends, so that one sweep over these
places answers for every bucket, whatever the number of pools and the size of their ranges.

It knows addresses and numbers of pools only, and never changes.
"""

from __future__ import annotations

from bisect import bisect_right
from heapq import heappop, heappush
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The size of ISC's hash table of addresses. Users see it: a range that crosses a multiple is not given out upwards.
MODULUS: Final = 100003
NOBODY: Final = -1


class Piece(NamedTuple):
    """The addresses k * MODULUS + b, for b from `first` to `last` and k from `high_row` down to `low_row`, all ends in.

    `entered` counts the ranges in the order of their declaration.
    """

    entered: int
    low_row: int
    high_row: int
    pool: int
    first: int
    last: int


def pieces_of(low: int, high: int, pool: int, entered: int) -> Iterator[Piece]:
    """The pieces of the addresses from `low` to `high`, both in: at most three."""
    low_row, low_bucket = divmod(low, MODULUS)
    high_row, high_bucket = divmod(high, MODULUS)
    if low_row == high_row:
        yield Piece(entered, low_row, high_row, pool, low_bucket, high_bucket)
        return
    cuts = sorted({0, low_bucket, high_bucket + 1, MODULUS})
    for first, behind in pairwise(cuts):
        bottom = low_row if first >= low_bucket else low_row + 1
        top = high_row if first <= high_bucket else high_row - 1
        if bottom <= top:
            yield Piece(entered, bottom, top, pool, first, behind - 1)


class Buckets:
    """Stretches of buckets in which nothing changes: stretch i goes from `starts[i]` to where the next one begins.

    `lowest[i]` and `highest[i]` are the numbers of the first and the last pool that have addresses in such a bucket,
    NOBODY where none has; `depth[i]` is how many addresses there are in one.
    """

    __slots__ = ("depth", "highest", "lowest", "starts")

    def __init__(self, pieces: Iterable[Piece]) -> None:
        """Of all pieces of all pools."""
        self.starts = [0]
        self.lowest = [NOBODY]
        self.highest = [NOBODY]
        self.depth = [0]
        opening = sorted(pieces, key=lambda piece: piece.first)
        changes: dict[int, int] = {}
        for piece in opening:
            rows = piece.high_row - piece.low_row + 1
            changes[piece.first] = changes.get(piece.first, 0) + rows
            changes[piece.last + 1] = changes.get(piece.last + 1, 0) - rows
        self._sweep(opening, changes)

    def _sweep(self, opening: list[Piece], changes: dict[int, int]) -> None:
        """From bucket to bucket at which something begins or ends."""
        at = depth = 0
        lowest: list[tuple[int, int]] = []
        highest: list[tuple[int, int]] = []
        for bucket in sorted(changes):
            while at < len(opening) and opening[at].first == bucket:
                piece = opening[at]
                heappush(lowest, (piece.pool, piece.last))
                heappush(highest, (-piece.pool, piece.last))
                at += 1
            for heap in (lowest, highest):
                while heap and heap[0][1] < bucket:
                    heappop(heap)
            depth += changes[bucket]
            if lowest:
                self._add(bucket, lowest[0][0], -highest[0][0], depth)
            else:
                self._add(bucket, NOBODY, NOBODY, 0)

    def _add(self, bucket: int, lowest: int, highest: int, depth: int) -> None:
        if (self.lowest[-1], self.highest[-1], self.depth[-1]) != (lowest, highest, depth):
            self.starts.append(bucket)
            self.lowest.append(lowest)
            self.highest.append(highest)
            self.depth.append(depth)

    def stretch(self, bucket: int) -> int:
        """The number of the stretch that a bucket lies in."""
        return bisect_right(self.starts, bucket) - 1

    def none_between(self, before: int, after: int) -> bool:
        """Whether no bucket between two has an address in it."""
        if after == before + 1:
            return True
        here = self.stretch(before + 1)
        return self.lowest[here] == NOBODY and (here + 1 == len(self.starts) or self.starts[here + 1] >= after)
