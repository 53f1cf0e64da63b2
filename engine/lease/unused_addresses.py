"""Addresses that were never used, in the order in which ISC dhcpd hands them out, at no cost for each of them.

ISC makes a lease for every address of every range and, at the start, walks them in the order of a hash table: the
address modulo 100003 decides, and within one bucket the latest entered comes first. Leases that
follow each other in this walk and belong to the same queue with the same sort time form a *run*; within a queue the
run met last stands first. The addresses without history are nearly all of a fresh pool, so this module never lists
them: it finds the runs of a pool from the last to the first as they are asked for. What breaks a run is another pool's
address, or a lease with history; buckets.py tells where there are other pools. As a pool's ranges are entered one
after another, no other pool's address stands among its own in a bucket: only in front of them, or behind.

It knows addresses and numbers of pools only: nothing of leases, and it never changes after the start. No pool costs
anything by the number of the others.

See docs/behaviour/decisions.md#order-of-a-fresh-pool.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from .buckets import MODULUS, Buckets, Piece, pieces_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Span(NamedTuple):
    """Addresses `low` to `high`, both in, of pool number `pool`; `subnet` is the place in the pool's range_subnets."""

    low: int
    high: int
    pool: int
    subnet: int


class Stretch(NamedTuple):
    """Buckets `first` to `last`, both in, that the same pieces of one pool cover, latest entered first."""

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


def _stretches(pieces: list[Piece]) -> Iterator[Stretch]:
    """The stretches that a pool's pieces cover, the last one first, each when it is asked for."""
    begins: dict[int, list[Piece]] = {}
    ends: dict[int, list[Piece]] = {}
    for piece in pieces:
        begins.setdefault(piece.first, []).append(piece)
        ends.setdefault(piece.last + 1, []).append(piece)
    cuts = sorted(begins.keys() | ends.keys(), reverse=True)
    open_now: list[tuple[int, Piece]] = []
    for behind, cut in pairwise(cuts):
        for piece in begins.get(behind, ()):
            open_now.remove((-piece.entered, piece))
        for piece in ends.get(behind, ()):
            insort(open_now, (-piece.entered, piece))
        if open_now:
            yield Stretch(cut, behind - 1, tuple([piece for _order, piece in open_now]))


def _bucket(address: int) -> int:
    return address % MODULUS


class AddressTable:
    """All addresses of all pools, and their order at the start.

    `history` are the addresses of leases with history in the order of the walk, `in_place` those of them that are
    free, unreserved and have no end: these do not break the runs of their pool. Both are set once, after the lease
    file was read.
    """

    __slots__ = ("_buckets", "_lows", "_pieces", "_spans", "history", "in_place")

    def __init__(self, ranges: Iterable[tuple[int, int, int, int]]) -> None:
        """(low, high, pool number, subnet's place) in order of declaration, each pool's together."""
        spans = disjoint(ranges)
        self._pieces: dict[int, list[Piece]] = {}
        for entered, span in enumerate(spans):
            self._pieces.setdefault(span.pool, []).extend(pieces_of(span.low, span.high, span.pool, entered))
        self._buckets = Buckets([piece for pieces in self._pieces.values() for piece in pieces])
        self._spans = sorted(spans)
        self._lows = [span.low for span in self._spans]
        self.history: array[int] = array("I")
        self.in_place: frozenset[int] = frozenset()

    def find(self, address: int) -> Span | None:
        """The span that holds an address."""
        at = bisect_right(self._lows, address) - 1
        if at < 0:
            return None
        span = self._spans[at]
        return span if address <= span.high else None

    @property
    def spans(self) -> list[Span]:
        """Which addresses there are, and whose: tables with the same are the same but for their history."""
        return self._spans

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
        buckets = self._buckets
        if buckets.depth[buckets.stretch(first)] != len(self._history_in(first)):
            return False
        return buckets.none_between(first, second)

    def _history_in(self, bucket: int) -> array[int]:
        """The addresses with history in a bucket, in the order of the walk."""
        history = self.history
        low = bisect_left(history, bucket, key=_bucket)
        high = bisect_right(history, bucket, lo=low, key=_bucket)
        return history[low:high]

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
                high = bisect_right(wanted, last, lo=low, key=_bucket)
                some = wanted[low:high]
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
        after = MODULUS
        for stretch in _stretches(self._pieces.get(pool, [])):
            if run and not self._buckets.none_between(stretch.last, after):
                yield run
                run = []
            after = stretch.first
            for block in self._blocks(pool, stretch):
                if block is not None:
                    run.append(block)
                elif run:
                    yield run
                    run = []
        if run:
            yield run

    def _blocks(self, pool: int, stretch: Stretch) -> Iterator[Block | None]:
        """The blocks of a stretch, from its last bucket to its first; None where a run is broken."""
        first, last, pieces = stretch
        buckets = self._buckets
        number = buckets.stretch(last)
        while last >= first:
            begin = max(first, buckets.starts[number])
            if not buckets.lowest[number] == buckets.highest[number] == pool:
                yield from self._mixed(pool, Stretch(begin, last, pieces), number)
            elif len(pieces) == 1 and pieces[0].low_row == pieces[0].high_row and not self.in_place:
                yield from self._single(begin, last, pieces[0].low_row)
            else:
                yield from self._uniform(pool, Stretch(begin, last, pieces))
            last = begin - 1
            number -= 1

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
            yield from self._one_bucket(pool, bucket, pieces, self._history_in(bucket))
            at = bisect_left(history, bucket, hi=at, key=_bucket)
            last = bucket - 1
        if first <= last:
            yield first, last, pieces

    def _mixed(self, pool: int, stretch: Stretch, number: int) -> Iterator[Block | None]:
        """Buckets that other pools have addresses in, too: one by one. `number` is their stretch in buckets.py."""
        lower, higher = self._buckets.lowest[number] < pool, self._buckets.highest[number] > pool
        for bucket in range(stretch.last, stretch.first - 1, -1):
            entered = self._history_in(bucket)
            behind, ahead = lower, higher
            if entered:
                depth = self._buckets.depth[number] - _rows(stretch.pieces)
                behind, ahead = self._unused_of_others(pool, bucket, depth, entered, lower=lower, higher=higher)
            if behind:
                yield None
            yield from self._one_bucket(pool, bucket, stretch.pieces, entered, ahead=ahead)

    def _one_bucket(
        self, pool: int, bucket: int, pieces: tuple[Piece, ...], entered: array[int], *, ahead: bool = False
    ) -> Iterator[Block | None]:
        """One bucket, backwards: leases with history were entered last and come first in the walk.

        `ahead`: there are unused addresses of other pools in front of this pool's.
        """
        if not entered:
            yield bucket, bucket, pieces
        else:
            for piece in reversed(pieces):
                for row in range(piece.low_row, piece.high_row + 1):
                    address = row * MODULUS + bucket
                    if address not in entered:
                        yield range(address, address + 1)
        if ahead:
            yield None
        for address in reversed(entered):
            mine = address in self.in_place and self._pool_of(address) == pool
            yield range(address, address + 1) if mine else None

    def _unused_of_others(
        self, pool: int, bucket: int, depth: int, entered: array[int], *, lower: bool, higher: bool
    ) -> tuple[bool, bool]:
        """Whether pools with lower numbers, and with higher ones, have addresses without history in a bucket.

        `depth`: how many addresses the other pools have there. Counting answers, unless a bucket has both.
        """
        pools = [self._pool_of(address) for address in entered]
        used_lower = sum([one < pool for one in pools])
        used_higher = sum([one > pool for one in pools])
        if used_lower + used_higher == depth:
            return False, False
        if not (lower and higher):
            return lower, higher
        found_lower, found_higher = not used_lower, not used_higher
        for address, one in self._in_bucket(bucket):
            if found_lower and found_higher:
                break
            if address not in entered:
                found_lower |= one < pool
                found_higher |= one > pool
        return found_lower, found_higher

    def _in_bucket(self, bucket: int) -> Iterator[tuple[int, int]]:
        """The addresses of a bucket, ascending, each with its pool."""
        address = bucket
        while True:
            at = max(bisect_right(self._lows, address) - 1, 0)
            at += self._spans[at].high < address
            if at == len(self._spans):
                return
            span = self._spans[at]
            if address < span.low:
                address += -(-(span.low - address) // MODULUS) * MODULUS
            if address <= span.high:
                yield address, span.pool
                address += MODULUS

    def _pool_of(self, address: int) -> int:
        span = self.find(address)
        assert span is not None, f"an address of no pool with history: {address:#010x}"
        return span.pool


def _rows(pieces: tuple[Piece, ...]) -> int:
    """How many addresses pieces have in each bucket."""
    return sum([piece.high_row - piece.low_row + 1 for piece in pieces])


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
