"""What has been declared so far, as far as the reader must know: ISC's parser checks meaning while it reads.

Names of classes, hosts, groups, keys and failover peers; subnets and ranges, kept as intervals and never address by
address.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

from ..subnet_list import SubnetList


@dataclass(slots=True)
class Intervals:
    """Ranges of addresses, both ends included, sorted and without overlaps."""

    items: list[tuple[int, int]] = field(default_factory=list)

    def overlaps(self, low: int, high: int) -> list[tuple[int, int]]:
        """The parts of low..high that are in already."""
        at = max(bisect_left(self.items, (low, low)) - 1, 0)
        found: list[tuple[int, int]] = []
        while at < len(self.items) and self.items[at][0] <= high:
            first, last = max(low, self.items[at][0]), min(high, self.items[at][1])
            if first <= last:
                found.append((first, last))
            at += 1
        return found

    def add(self, low: int, high: int) -> None:
        """Enter what of low..high is not in yet."""
        for first, last in self.overlaps(low, high):
            if low < first:
                insort(self.items, (low, first - 1))
            low = last + 1
        if low <= high:
            insort(self.items, (low, high))


@dataclass(slots=True)
class Network:
    """A shared network being read, or the one that a lone subnet implies."""

    name: str
    subnets: SubnetList[tuple[int, int]] = field(default_factory=lambda: SubnetList(append=True))
    interface: str | None = None
    failover_peer: str | None = None


@dataclass(slots=True)
class Symbols:
    """Everything declared in one run, over all included files."""

    classes: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    peers: set[str] = field(default_factory=set)
    subnets: SubnetList[tuple[int, int]] = field(default_factory=lambda: SubnetList(append=False))
    leases: Intervals = field(default_factory=Intervals)
    hosts_warned: bool = False
