"""Counts over time in a bounded number of buckets whose span grows with what comes.

The length of a recording is not known before it is read, and its clock may have jumped, so buckets begin short and are
merged whenever there would be too many of them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from .limits import BUCKETS_MAXIMUM

_SECOND_US: Final = 1_000_000
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
# Spans that a person can name, each a multiple of the one before, so that buckets can be merged; then they double.
SPANS_US: Final = tuple(
    round(seconds * _SECOND_US)
    for seconds in (
        0.01, 0.02, 0.1, 0.2, 1, 2, 10, 30, _MINUTE, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE,
        _HOUR, 2 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 7 * _DAY, 28 * _DAY,
    )
)  # fmt: skip


@dataclass(slots=True)
class Column:
    """What came and went in one bucket, by message; `unanswered` by message, too."""

    received: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)

    def add(self, other: Column) -> None:
        """Take another bucket's counts in."""
        self.received.update(other.received)
        self.sent.update(other.sent)
        self.unanswered.update(other.unanswered)


@dataclass(slots=True)
class Timeline:
    """The buckets by their number: that which holds time t is t // span_us."""

    span_us: int = SPANS_US[0]
    columns: dict[int, Column] = field(default_factory=dict)
    _low: int = 0
    _high: int = 0

    def at(self, wall_us: int) -> Column:
        """The bucket of a moment."""
        column = self.columns.get(wall_us // self.span_us)
        if column is None:
            self._reach(wall_us)
            column = self.columns.setdefault(wall_us // self.span_us, Column())
        return column

    def _reach(self, wall_us: int) -> None:
        """Make sure that a moment has its place."""
        number = wall_us // self.span_us
        if not self.columns:
            self._low = self._high = number
            self.columns[number] = Column()
        while max(self._high, number) - min(self._low, number) >= BUCKETS_MAXIMUM:
            self._widen()
            number = wall_us // self.span_us
        self._low, self._high = min(self._low, number), max(self._high, number)

    def _widen(self) -> None:
        span = next((one for one in SPANS_US if one > self.span_us), 2 * self.span_us)
        merged: dict[int, Column] = {}
        for number, column in self.columns.items():
            merged.setdefault(number * self.span_us // span, Column()).add(column)
        self._low, self._high = self._low * self.span_us // span, self._high * self.span_us // span
        self.span_us, self.columns = span, merged

    @property
    def numbers(self) -> range:
        """The numbers of all buckets from the first to the last, empty ones too."""
        return range(self._low, self._high + 1) if self.columns else range(0)
