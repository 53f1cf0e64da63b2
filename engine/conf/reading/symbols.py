"""What has been declared so far, as far as the reader must know: ISC's parser checks meaning while it reads.

Names of classes, hosts, groups, keys and failover peers; subnets and ranges, kept as intervals and never address by
address.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..subnet_list import SubnetList

if TYPE_CHECKING:
    from collections.abc import Callable


class Names(Protocol):
    """Names of one kind: a set of its own, or what is in force elsewhere (`NamesInForce`)."""

    def __contains__(self, name: object, /) -> bool:
        """Whether the name is taken."""

    def add(self, name: str, /) -> None:
        """It was declared."""

    def discard(self, name: str, /) -> None:
        """It was deleted."""


class NamesInForce:
    """Names that are asked for where they are in force, and what a text that is being read says of them besides.

    A declaration of one host must not cost by how many there are, so that nothing is copied.
    """

    __slots__ = ("_is_known", "_said")

    def __init__(self, is_known: Callable[[str], bool]) -> None:
        """The text has said nothing yet."""
        self._is_known = is_known
        self._said: dict[object, bool] = {}

    def __contains__(self, name: object, /) -> bool:
        """What the text said of a name last, else whether it is in force."""
        said = self._said.get(name)
        return self._is_known(str(name)) if said is None else said

    def add(self, name: str, /) -> None:
        """The text declares it."""
        self._said[name] = True

    def discard(self, name: str, /) -> None:
        """The text deletes it."""
        self._said[name] = False


@dataclass
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


@dataclass
class Network:
    """A shared network being read, or the one that a lone subnet implies."""

    name: str
    subnets: SubnetList[tuple[int, int]] = field(default_factory=lambda: SubnetList(append=True))
    interface: str | None = None
    failover_peer: str | None = None


@dataclass
class Symbols:
    """Everything declared in one run, over all included files."""

    classes: Names = field(default_factory=set[str])
    hosts: Names = field(default_factory=set[str])
    groups: Names = field(default_factory=set[str])
    keys: set[str] = field(default_factory=set)
    peers: set[str] = field(default_factory=set)
    subnets: SubnetList[tuple[int, int]] = field(default_factory=lambda: SubnetList(append=False))
    leases: Intervals = field(default_factory=Intervals)
    hosts_warned: bool = False
