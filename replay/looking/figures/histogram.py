"""Spans of time, counted: quantiles of any number of them from some kilobytes.

A span falls into one of 64 slots for each doubling, so that a quantile is at most one part in 64 too large; below 128
microseconds, and the largest, it is exact. A sample would be smaller, but would miss the few slow ones that are looked
for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

SPAN_US_MAX: Final = 1 << 40
_SLOT_BITS: Final = 6
_SHARES: Final = (("median", 0.5), ("p90", 0.9), ("p99", 0.99))


@dataclass(slots=True)
class Histogram:
    """`count` spans, of which the longest took `maximum` microseconds."""

    count: int = 0
    maximum: int = 0
    slots: Counter[int] = field(default_factory=Counter)

    def add(self, us: int) -> None:
        """Count a span; one below nothing is nothing, one beyond twelve days is twelve days."""
        us = min(max(us, 0), SPAN_US_MAX)
        shift = max(0, us.bit_length() - _SLOT_BITS - 1)
        self.slots[(shift << _SLOT_BITS) + (us >> shift)] += 1
        self.count += 1
        self.maximum = max(self.maximum, us)

    def update(self, other: Histogram) -> None:
        """Count what another has counted, too."""
        self.slots.update(other.slots)
        self.count += other.count
        self.maximum = max(self.maximum, other.maximum)

    def quantile(self, share: float) -> int:
        """Microseconds that this share of the spans did not exceed; 0 of none."""
        left = share * self.count
        for slot in sorted(self.slots):
            left -= self.slots[slot]
            if left <= 0:
                return min(_upper(slot), self.maximum)
        return self.maximum

    def spread(self, edges: Sequence[int]) -> Counter[int]:
        """How many spans lie below `edges[0]` (0), from it to below `edges[1]` (1), and so on; to a slot's width."""
        found: Counter[int] = Counter()
        for slot, count in self.slots.items():
            found[bisect_right(edges, _upper(slot))] += count
        return found

    def figures(self) -> dict[str, int] | None:
        """`count`, `median`, `p90`, `p99` and `max` in microseconds; None where nothing was counted."""
        if not self.count:
            return None
        return {
            "count": self.count,
            **{name: self.quantile(share) for name, share in _SHARES},
            "max": self.maximum,
        }


def _upper(slot: int) -> int:
    """The longest span of a slot."""
    shift = max(0, (slot >> _SLOT_BITS) - 1)
    return ((slot - (shift << _SLOT_BITS) + 1) << shift) - 1
