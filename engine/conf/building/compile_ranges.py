"""Which subnet, pool or range has an address: first-hit lists made into sorted intervals.

ISC walks a list and takes the first entry that fits; the walk is done here once, for all addresses, by painting
intervals in the list's order. Looking up is a bisection. Nothing costs by the address. Masks with holes, which ISC
accepts, cannot be intervals and are walked, as far as the list is in front of the interval found.

See docs/behaviour/configuration.md#subnets, docs/behaviour/configuration.md#ranges.
"""

from __future__ import annotations

from bisect import bisect_right
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...model.configuration import Subnet

_T = TypeVar("_T")

ADDRESSES: Final = 1 << 32
_LABEL_GAP: Final = 1 << 40


class Intervals(Generic[_T]):
    """What the first of many (low, high, value) has an address: made once, O(n log n), asked in O(log n)."""

    def __init__(self, entries: Sequence[tuple[int, int, _T]]) -> None:
        """`entries` in order of preference, both ends in."""
        self.starts: list[int] = [0]
        self.owners: list[int] = [-1]
        self.values = [entry[2] for entry in entries]
        edges = [(low, index) for index, (low, _high, _value) in enumerate(entries)]
        edges += [(high + 1, -1) for _low, high, _value in entries]
        edges.sort()
        active: list[int] = []
        for position, index in edges:
            if index >= 0:
                heappush(active, index)
            while active and entries[active[0]][1] < position:
                heappop(active)
            self._paint(position, active[0] if active else -1)

    def _paint(self, position: int, owner: int) -> None:
        if self.starts[-1] == position:
            self.owners[-1] = owner
        elif self.owners[-1] != owner:
            self.starts.append(position)
            self.owners.append(owner)

    def index(self, address: int) -> int:
        """The place in the list of the entry that has the address, -1 for none."""
        return self.owners[bisect_right(self.starts, address) - 1]

    def find(self, address: int) -> _T | None:
        """The value for an address."""
        found = self.owners[bisect_right(self.starts, address) - 1]
        return None if found < 0 else self.values[found]


def _has_holes(netmask: int) -> bool:
    inverse = netmask ^ (ADDRESSES - 1)
    return inverse & (inverse + 1) != 0


def subnet_finder(subnets: Sequence[Subnet]) -> Callable[[int], Subnet | None]:
    """`find_subnet` for a look-up list."""
    plain = [subnet for subnet in subnets if not _has_holes(subnet.netmask)]
    places = [index for index, subnet in enumerate(subnets) if not _has_holes(subnet.netmask)]
    intervals = Intervals(
        [(subnet.number, subnet.number | (subnet.netmask ^ (ADDRESSES - 1)), subnet) for subnet in plain],
    )
    holed = [(index, subnet) for index, subnet in enumerate(subnets) if _has_holes(subnet.netmask)]
    if not holed:
        return intervals.find

    def find(address: int) -> Subnet | None:
        found = intervals.index(address)
        bound = places[found] if found >= 0 else len(subnets)
        for index, subnet in holed:
            if index < bound and address in subnet:
                return subnet
        return None if found < 0 else plain[found]

    return find


class _Entry:
    """A subnet in the look-up list; `label` orders entries without counting them."""

    __slots__ = ("following", "label", "previous", "subnet")

    def __init__(self, subnet: Subnet) -> None:
        self.subnet = subnet
        self.label = 0
        self.previous: _Entry | None = None
        self.following: _Entry | None = None


class LookupList:
    """Subnets in ISC's order: a new one stands before the first that overlaps it and is wider, else in front.

    (`append`: else behind, the order within a shared network.) The overlapping ones are found by mask, so that
    thousands of subnets need no walk.
    """

    def __init__(self, *, append: bool) -> None:
        """Empty."""
        self._append = append
        self._first: _Entry | None = None
        self._last: _Entry | None = None
        self._by_mask: dict[int, dict[int, list[_Entry]]] = {}

    def __iter__(self) -> _Walk:
        return _Walk(self._first)

    def add(self, subnet: Subnet) -> None:
        """Enter one more."""
        entry = _Entry(subnet)
        before = self._first_wider(subnet)
        if before is None and not self._append:
            before = self._first
        self._insert(entry, before)
        masked = self._by_mask.setdefault(subnet.netmask, {})
        masked.setdefault(subnet.number, []).append(entry)

    def find(self, address: int) -> Subnet | None:
        """The first that contains the address."""
        found: _Entry | None = None
        for netmask, numbers in self._by_mask.items():
            for entry in numbers.get(address & netmask, []):
                if found is None or entry.label < found.label:
                    found = entry
        return None if found is None else found.subnet

    def _first_wider(self, subnet: Subnet) -> _Entry | None:
        """Of the entries that overlap `subnet` with a wider mask, the one that stands first."""
        found: _Entry | None = None
        length = subnet.netmask.bit_count()
        for netmask, numbers in self._by_mask.items():
            if netmask.bit_count() >= length:
                continue
            for entry in self._overlapping(subnet, netmask, numbers):
                if found is None or entry.label < found.label:
                    found = entry
        return found

    @staticmethod
    def _overlapping(subnet: Subnet, netmask: int, numbers: dict[int, list[_Entry]]) -> list[_Entry]:
        if netmask & subnet.netmask == netmask:
            return numbers.get(subnet.number & netmask, [])
        common = netmask & subnet.netmask
        return [
            entry
            for entries in numbers.values()
            for entry in entries
            if (entry.subnet.number ^ subnet.number) & common == 0
        ]

    def _insert(self, entry: _Entry, before: _Entry | None) -> None:
        previous = self._last if before is None else before.previous
        entry.previous, entry.following = previous, before
        if previous is None:
            self._first = entry
        else:
            previous.following = entry
        if before is None:
            self._last = entry
        else:
            before.previous = entry
        self._label(entry)

    def _label(self, entry: _Entry) -> None:
        previous, following = entry.previous, entry.following
        if previous is None:
            entry.label = 0 if following is None else following.label - _LABEL_GAP
        elif following is None:
            entry.label = previous.label + _LABEL_GAP
        else:
            entry.label = (previous.label + following.label) // 2
            if entry.label == previous.label:
                self._label_all()

    def _label_all(self) -> None:
        here, label = self._first, 0
        while here is not None:
            here.label = label
            label += _LABEL_GAP
            here = here.following


class _Walk:
    """An iterator over a LookupList."""

    def __init__(self, first: _Entry | None) -> None:
        self._here = first

    def __iter__(self) -> _Walk:
        return self

    def __next__(self) -> Subnet:
        here = self._here
        if here is None:
            raise StopIteration
        self._here = here.following
        return here.subnet
