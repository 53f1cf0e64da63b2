"""Distributions of intervals in bounded memory: counts by size, good to a tenth for medians and percentiles.

A tape has no time for an effect. What can be told of time is what clients saw, from one packet of theirs to another,
and how long an answer waited for a later event (a ping that nobody answered).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from math import floor, log10
from typing import Final

# Twenty-four steps a decade: each is a tenth wider than the one before.
_STEPS: Final = 24
# The bars of a chart: 1, 2, 5 of each decade from 100 us to 1,000 s.
EDGES_US: Final = (*(one * 10**decade for decade in range(2, 9) for one in (1, 2, 5)), 10**9)


@dataclass(slots=True)
class Intervals:
    """Intervals in microseconds: how many, the largest, and how they spread; negative ones (a clock set back) are 0."""

    count: int = 0
    largest_us: int = 0
    _fine: Counter[int] = field(default_factory=Counter)
    bars: Counter[int] = field(default_factory=Counter)

    def add(self, us: int) -> None:
        """Count one."""
        us = max(us, 0)
        self.count += 1
        self.largest_us = max(self.largest_us, us)
        self._fine[floor(log10(us) * _STEPS) if us else -1] += 1
        self.bars[bisect_right(EDGES_US, us)] += 1

    def quantile_us(self, share: float) -> int:
        """The interval that this share of all does not exceed, to a tenth; 0 where there is none."""
        left = share * self.count
        for step in sorted(self._fine):
            left -= self._fine[step]
            if left <= 0:
                return min(self.largest_us, round(10 ** ((step + 1) / _STEPS))) if step >= 0 else 0
        return self.largest_us
