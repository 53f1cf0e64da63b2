"""Subnets in the order in which ISC dhcpd looks through them, without its walks.

Its two lists (of all subnets, and of those of one shared network) are kept in an order of their own, the first that
fits counts, and each declaration walks them. Here an entry has a label that tells its place, and entries are found by
mask and number, so that thousands of subnets cost what they are. Masks with holes, which ISC accepts, are walked.

See docs/behaviour/configuration.md#subnets.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

_T = TypeVar("_T")

_ALL_ONES: Final = (1 << 32) - 1
# Between the labels of neighbours: room for 600 insertions at one place before all are labelled anew.
_LABEL_GAP: Final = 1 << 600


def has_holes(netmask: int) -> bool:
    """Whether a mask is not a row of ones and then zeros."""
    inverse = netmask ^ _ALL_ONES
    return inverse & (inverse + 1) != 0


class _Entry(Generic[_T]):
    """A subnet in the list; `label` orders entries without counting them.

    `previous` and `following` are the labels of its neighbours: entries that referred to each other would stay in
    memory, with all that they lead to, until garbage is collected.
    """

    __slots__ = ("following", "label", "netmask", "number", "previous", "value")

    def __init__(self, number: int, netmask: int, value: _T) -> None:
        self.number = number
        self.netmask = netmask
        self.value = value
        self.label = 0
        self.previous: int | None = None
        self.following: int | None = None


class _OneMask(Generic[_T]):
    """The entries of one mask by number, of equals the one that stands first; `numbers` in ascending order."""

    __slots__ = ("first", "holes", "length", "numbers")

    def __init__(self, netmask: int) -> None:
        self.first: dict[int, _Entry[_T]] = {}
        self.numbers: list[int] = []
        self.length = netmask.bit_count()
        self.holes = has_holes(netmask)

    def add(self, entry: _Entry[_T]) -> None:
        known = self.first.get(entry.number)
        if known is None:
            insort(self.numbers, entry.number)
        if known is None or entry.label < known.label:
            self.first[entry.number] = entry

    def overlapping(self, number: int, netmask: int, mine: int) -> list[_Entry[_T]]:
        """Those that share an address with a subnet; `mine` is the mask of these."""
        if self.holes or has_holes(netmask):
            common = mine & netmask
            return [entry for entry in self.first.values() if (entry.number ^ number) & common == 0]
        # Plain masks compare as their lengths do: a wider or equal one holds the whole subnet, or nothing of it.
        if mine <= netmask:
            found = self.first.get(number & mine)
            return [] if found is None else [found]
        low = bisect_left(self.numbers, number)
        high = bisect_right(self.numbers, number | (netmask ^ _ALL_ONES), lo=low)
        return [self.first[one] for one in self.numbers[low:high]]


class SubnetList(Generic[_T]):
    """Subnets in ISC's order: a new one stands before the first that overlaps it and is wider, else in front.

    (`append`: else behind, the order within a shared network.)
    """

    def __init__(self, *, append: bool) -> None:
        """Empty."""
        self._append = append
        self._first: int | None = None
        self._last: int | None = None
        self._by_label: dict[int, _Entry[_T]] = {}
        self._by_mask: dict[int, _OneMask[_T]] = {}

    def __iter__(self) -> Iterator[_T]:
        label = self._first
        while label is not None:
            here = self._by_label[label]
            yield here.value
            label = here.following

    def __bool__(self) -> bool:
        """Whether any was entered."""
        return self._first is not None

    def add(self, number: int, netmask: int, value: _T) -> None:
        """Enter one more."""
        entry = _Entry(number, netmask, value)
        before = self._first_wider(number, netmask)
        if before is None and not self._append:
            before = self._at(self._first)
        self._insert(entry, before)
        same = self._by_mask.get(netmask)
        if same is None:
            same = self._by_mask[netmask] = _OneMask(netmask)
        same.add(entry)

    def find(self, address: int) -> _T | None:
        """The first that contains the address."""
        found: _Entry[_T] | None = None
        for netmask, same in self._by_mask.items():
            entry = same.first.get(address & netmask)
            if entry is not None and (found is None or entry.label < found.label):
                found = entry
        return None if found is None else found.value

    def first_overlapping(self, number: int, netmask: int) -> _T | None:
        """The first that shares an address with a subnet."""
        found: _Entry[_T] | None = None
        for mask, same in self._by_mask.items():
            for entry in same.overlapping(number, netmask, mask):
                if found is None or entry.label < found.label:
                    found = entry
        return None if found is None else found.value

    def _first_wider(self, number: int, netmask: int) -> _Entry[_T] | None:
        """Of the entries that overlap a subnet with a wider mask, the one that stands first."""
        found: _Entry[_T] | None = None
        length = netmask.bit_count()
        for mask, same in self._by_mask.items():
            if same.length < length:
                for entry in same.overlapping(number, netmask, mask):
                    if found is None or entry.label < found.label:
                        found = entry
        return found

    def _at(self, label: int | None) -> _Entry[_T] | None:
        return None if label is None else self._by_label[label]

    def _insert(self, entry: _Entry[_T], before: _Entry[_T] | None) -> None:
        entry.previous = self._last if before is None else before.previous
        entry.following = None if before is None else before.label
        label = _between(entry.previous, entry.following)
        if label == entry.previous:
            self._label_all()
            self._insert(entry, before)
            return
        entry.label = label
        self._by_label[label] = entry
        previous = self._at(entry.previous)
        if previous is None:
            self._first = label
        else:
            previous.following = label
        if before is None:
            self._last = label
        else:
            before.previous = label

    def _label_all(self) -> None:
        """Give all of them labels anew, as far apart as at first."""
        entries: list[_Entry[_T]] = []
        label = self._first
        while label is not None:
            entries.append(self._by_label[label])
            label = entries[-1].following
        last = len(entries) - 1
        for at, entry in enumerate(entries):
            entry.label = at * _LABEL_GAP
            entry.previous = None if at == 0 else entry.label - _LABEL_GAP
            entry.following = None if at == last else entry.label + _LABEL_GAP
        self._by_label = {entry.label: entry for entry in entries}
        self._first, self._last = entries[0].label, entries[-1].label


def _between(previous: int | None, following: int | None) -> int:
    """A label between two, `previous` itself where there is none left."""
    if previous is None:
        return 0 if following is None else following - _LABEL_GAP
    if following is None:
        return previous + _LABEL_GAP
    return (previous + following) // 2
