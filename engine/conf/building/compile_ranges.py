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

from ..subnet_list import has_holes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...model.configuration import Subnet

_T = TypeVar("_T")

ADDRESSES: Final = 1 << 32


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
            # Only the top must still be in force: what has ended below it is dropped when it comes up.
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


def subnet_finder(subnets: Sequence[Subnet]) -> Callable[[int], Subnet | None]:
    """`find_subnet` for a look-up list."""
    plain = [subnet for subnet in subnets if not has_holes(subnet.netmask)]
    places = [index for index, subnet in enumerate(subnets) if not has_holes(subnet.netmask)]
    intervals = Intervals(
        [(subnet.number, subnet.number | (subnet.netmask ^ (ADDRESSES - 1)), subnet) for subnet in plain],
    )
    holed = [(index, subnet) for index, subnet in enumerate(subnets) if has_holes(subnet.netmask)]
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
