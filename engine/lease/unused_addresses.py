"""Addresses that were never used, in the order in which ISC dhcpd hands them out, at no cost for each of them.

ISC makes a lease for every address of every range and, at the start, walks them in the order of a hash table: the
address modulo 100003 decides, and within one bucket the latest entered comes first. Leases that
follow each other in this walk and belong to the same queue with the same sort time form a *run*; within a queue the
run met last stands first. The addresses without history are nearly all of a fresh pool, so this module never lists
them: it keeps, for each stretch of buckets, which ranges cover it, and finds the runs of a pool from the last to the
first as they are asked for. What breaks a run is another pool's address, or a lease with history.

It knows addresses and numbers of pools only: nothing of leases, and it never changes after the start.

See docs/behaviour/decisions.md#order-of-a-fresh-pool.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

# The size of ISC's hash table of addresses. Users see it: a range that crosses a multiple is not given out upwards.
MODULUS: Final = 100003


class Span(NamedTuple):
    """Addresses `low` to `high`, both in, of pool number `pool`; `subnet` is the place in the pool's range_subnets."""

    low: int
    high: int
    pool: int
    subnet: int


class Piece(NamedTuple):
    """In each bucket b of some stretch: the addresses k * MODULUS + b, for k from `high_row` down to `low_row`.

    `entered` counts the ranges in the order of their declaration.
    """

    entered: int
    low_row: int
    high_row: int
    pool: int


class Stretch(NamedTuple):
    """Buckets `first` to `last`, both in, that the same pieces cover, latest entered first."""

    first: int
    last: int
    pieces: tuple[Piece, ...]


# Addresses one by one in order, or (first bucket, last bucket, pieces).
Block = range | tuple[int, int, tuple[Piece, ...]]


def disjoint(ranges: Iterable[tuple[int, int, int, int]]) -> list[Span]:
    """(low, high, pool, subnet) in order of declaration, without what an earlier one had already.

    See docs/behaviour/decisions.md#how-ranges-become-pools.
    """
    taken: list[tuple[int, int]] = []
    spans: list[Span] = []
    for low, high, pool, subnet in ranges:
        at = bisect_left(taken, (low, 0))
        if at and taken[at - 1][1] >= low:
            at -= 1
        begin = low
        new: list[tuple[int, int]] = []
        while at < len(taken) and taken[at][0] <= high:
            if begin < taken[at][0]:
                new.append((begin, taken[at][0] - 1))
            begin = max(begin, taken[at][1] + 1)
            at += 1
        if begin <= high:
            new.append((begin, high))
        spans += [Span(first, last, pool, subnet) for first, last in new]
        for one in new:
            insort(taken, one)
    return spans


def _pieces(entered: int, span: Span) -> Iterator[tuple[int, int, Piece]]:
    """(first bucket, last bucket, piece) of one span: at most three."""
    low_row, low_bucket = divmod(span.low, MODULUS)
    high_row, high_bucket = divmod(span.high, MODULUS)
    cuts = sorted({0, low_bucket, high_bucket + 1, MODULUS})
    for first, behind in pairwise(cuts):
        bottom = low_row if first >= low_bucket else low_row + 1
        top = high_row if first <= high_bucket else high_row - 1
        if bottom <= top:
            yield first, behind - 1, Piece(entered, bottom, top, span.pool)


def _stretches(spans: Sequence[Span]) -> list[Stretch]:
    """The stretches that hold any address, in order: one sweep over where pieces begin and end."""
    begins: dict[int, list[Piece]] = {}
    ends: dict[int, list[Piece]] = {}
    for entered, span in enumerate(spans):
        for first, last, piece in _pieces(entered, span):
            begins.setdefault(first, []).append(piece)
            ends.setdefault(last + 1, []).append(piece)
    cuts = sorted(begins.keys() | ends.keys())
    found: list[Stretch] = []
    open_now: list[tuple[int, Piece]] = []
    for cut, behind in pairwise(cuts):
        for piece in ends.get(cut, ()):
            open_now.remove((-piece.entered, piece))
        for piece in begins.get(cut, ()):
            insort(open_now, (-piece.entered, piece))
        if open_now:
            found.append(Stretch(cut, behind - 1, tuple([piece for _order, piece in open_now])))
    return found


def _bucket(address: int) -> int:
    return address % MODULUS


class AddressTable:
    """All addresses of all pools, and their order at the start.

    `history` are the addresses of leases with history in the order of the walk, `in_place` those of them that are
    free, unreserved and have no end: these do not break the runs of their pool. Both are set once, after the lease
    file was read.
    """

    __slots__ = ("_firsts", "_lows", "_of_pool", "_spans", "_stretches", "history", "in_place")

    def __init__(self, ranges: Iterable[tuple[int, int, int, int]]) -> None:
        """(low, high, pool number, subnet's place) in order of declaration."""
        spans = disjoint(ranges)
        self._stretches = _stretches(spans)
        self._firsts = [stretch.first for stretch in self._stretches]
        self._spans = sorted(spans)
        self._lows = [span.low for span in self._spans]
        self._of_pool: dict[int, array[int]] = {}
        for number, stretch in enumerate(self._stretches):
            for pool in dict.fromkeys([piece.pool for piece in stretch.pieces]):
                self._of_pool.setdefault(pool, array("I")).append(number)
        self.history: array[int] = array("I")
        self.in_place: frozenset[int] = frozenset()

    def find(self, address: int) -> Span | None:
        """The span that holds an address."""
        at = bisect_right(self._lows, address) - 1
        if at < 0:
            return None
        span = self._spans[at]
        return span if address <= span.high else None

    def sizes(self) -> dict[int, int]:
        """How many addresses each pool has, by its number."""
        found: dict[int, int] = {}
        for span in self._spans:
            found[span.pool] = found.get(span.pool, 0) + span.high - span.low + 1
        return found

    def adjacent(self, before: int, after: int) -> bool:
        """Whether two addresses that follow each other in `history` follow each other in the walk, too."""
        first, second = before % MODULUS, after % MODULUS
        if first == second:
            return True
        if self._depth(first) != self._history_in(first):
            return False
        if second == first + 1:
            return True
        number = bisect_right(self._firsts, first) - 1
        if self._stretches[number].last > first:
            return False
        return self._stretches[number + 1].first >= second

    def _depth(self, bucket: int) -> int:
        """How many addresses fall into a bucket."""
        stretch = self._stretches[bisect_right(self._firsts, bucket) - 1]
        return sum([piece.high_row - piece.low_row + 1 for piece in stretch.pieces])

    def _history_in(self, bucket: int) -> int:
        history = self.history
        low = bisect_left(history, bucket, key=_bucket)
        return bisect_right(history, bucket, lo=low, key=_bucket) - low

    def unused(self, pool: int, filed: Callable[[int], bool]) -> Iterator[int]:
        """The addresses of a pool in the order of its free queue, but for those that have been filed by now.

        `filed` is asked when an address is about to come. Addresses in `in_place` come, too.
        """
        for run in self._runs(pool):
            for block in reversed(run):
                for address in block if isinstance(block, range) else _addresses(*block):
                    if not filed(address):
                        yield address

    def in_queue_order(self, pool: int, addresses: Iterable[int]) -> list[int]:
        """`addresses`, which stand among the pool's unused ones, in the order of its free queue.

        Walks the pool's blocks until all are found: for few and rare ones.
        """
        wanted = sorted(addresses, key=_bucket)
        found: list[int] = []
        for run in self._runs(pool):
            for block in reversed(run):
                first, last = (block[0] % MODULUS, block[-1] % MODULUS) if isinstance(block, range) else block[:2]
                low = bisect_left(wanted, first, key=_bucket)
                some = wanted[low : bisect_right(wanted, last, lo=low, key=_bucket)]
                if isinstance(block, range):
                    found += [address for address in some if address in block]
                elif some:
                    found += sorted(some, key=_order_within(block[2]))
            if len(found) == len(wanted):
                break
        return found

    def _runs(self, pool: int) -> Iterator[list[Block]]:
        """The runs of a pool, the last of the walk first; each as blocks, its last block first."""
        run: list[Block] = []
        expected = -1
        for number in reversed(self._of_pool.get(pool, ())):
            if number != expected and run:
                yield run
                run = []
            expected = number - 1
            stretch = self._stretches[number]
            first, last, pieces = stretch
            if any(piece.pool != pool for piece in pieces):
                walk = self._mixed(pool, stretch)
            elif len(pieces) == 1 and pieces[0].low_row == pieces[0].high_row and not self.in_place:
                walk = self._single(first, last, pieces[0].low_row)
            else:
                walk = self._uniform(pool, stretch)
            for block in walk:
                if block is not None:
                    run.append(block)
                elif run:
                    yield run
                    run = []
        if run:
            yield run

    def _single(self, first: int, last: int, row: int) -> Iterator[Block | None]:
        """A stretch of one address a bucket, downwards: the gaps between leases with history; None breaks a run."""
        history, base = self.history, row * MODULUS
        at = bisect_right(history, last, key=_bucket)
        down_to = bisect_left(history, first, hi=at, key=_bucket)
        while at > down_to:
            at -= 1
            bucket = history[at] - base
            if bucket < last:
                yield range(base + bucket + 1, base + last + 1)
            yield None
            last = bucket - 1
        if first <= last:
            yield range(base + first, base + last + 1)

    def _uniform(self, pool: int, stretch: Stretch) -> Iterator[Block | None]:
        """A stretch of one pool only: blocks between the buckets with history, and these address by address."""
        first, last, pieces = stretch
        history = self.history
        at = bisect_right(history, last, key=_bucket)
        while at and history[at - 1] % MODULUS >= first:
            bucket = history[at - 1] % MODULUS
            if bucket < last:
                yield bucket + 1, last, pieces
            yield from self._one_bucket(pool, bucket, pieces)
            at = bisect_left(history, bucket, hi=at, key=_bucket)
            last = bucket - 1
        if first <= last:
            yield first, last, pieces

    def _mixed(self, pool: int, stretch: Stretch) -> Iterator[Block | None]:
        """A stretch of several pools: bucket by bucket."""
        for bucket in range(stretch.last, stretch.first - 1, -1):
            yield from self._one_bucket(pool, bucket, stretch.pieces)

    def _one_bucket(self, pool: int, bucket: int, pieces: tuple[Piece, ...]) -> Iterator[Block | None]:
        """One bucket, backwards: leases with history were entered last and come first in the walk."""
        history = self.history
        low = bisect_left(history, bucket, key=_bucket)
        entered = history[low : bisect_right(history, bucket, lo=low, key=_bucket)]
        for piece in reversed(pieces):
            for row in range(piece.low_row, piece.high_row + 1):
                address = row * MODULUS + bucket
                if address not in entered:
                    yield range(address, address + 1) if piece.pool == pool else None
        for address in reversed(entered):
            mine = address in self.in_place and any(
                piece.pool == pool and piece.low_row <= address // MODULUS <= piece.high_row for piece in pieces
            )
            yield range(address, address + 1) if mine else None


def _order_within(pieces: tuple[Piece, ...]) -> Callable[[int], tuple[int, int, int]]:
    """What sorts addresses of a block into the order of the walk."""

    def place(address: int) -> tuple[int, int, int]:
        row, bucket = divmod(address, MODULUS)
        piece = next(at for at, one in enumerate(pieces) if one.low_row <= row <= one.high_row)
        return bucket, piece, -row

    return place


def _addresses(first: int, last: int, pieces: tuple[Piece, ...]) -> Iterator[int]:
    """A block's addresses in the order of the walk."""
    for bucket in range(first, last + 1):
        for piece in pieces:
            for row in range(piece.high_row, piece.low_row - 1, -1):
                yield row * MODULUS + bucket
