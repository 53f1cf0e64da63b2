"""The geometry of a report's charts: numbers for the template to draw, no markup and no colours.

All charts over time share one horizontal axis, so that a moment stands at the same place in each. Vertical axes begin
at nought.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log10
from typing import TYPE_CHECKING, Final, NamedTuple

from ..showing.describe import moment
from ..showing.messages import ACK, BOOTREPLY, BOOTREQUEST, DECLINE, DISCOVER, INFORM, NAK, OFFER, RELEASE, REQUEST

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from ..looking.figures.histogram import Histogram
    from ..looking.leasetable import PoolRow
    from .timeline import Timeline

# Of charts over time, in the units of their view box.
LEFT: Final = 56.0
RIGHT: Final = 12.0
WIDTH: Final = 960.0
_PANEL: Final = 104.0
_PANEL_GAP: Final = 40.0
_TOP: Final = 22.0
_AXIS: Final = 24.0
_TICKS_WANTED: Final = 9
_UNANSWERED: Final = "no answer"
OTHER: Final = "other"
RECEIVED: Final = (DISCOVER, REQUEST, INFORM, RELEASE, DECLINE, BOOTREQUEST, OTHER)
SENT: Final = (OFFER, ACK, NAK, BOOTREPLY, OTHER)
TROUBLE: Final = (NAK, _UNANSWERED)
_DAY_US: Final = 86_400_000_000
_MINUTE_US: Final = 60_000_000
_SECOND_US: Final = 1_000_000
_MILLISECOND_US: Final = 1_000
# The bars of a distribution: 1, 2, 5 of each decade from 10 us to 1,000 s.
_EDGES_US: Final = (*(one * 10**decade for decade in range(1, 9) for one in (1, 2, 5)), 10**9)
# Steps between the marks on an axis of time.
_STEPS_US: Final = tuple(
    round(seconds * _SECOND_US)
    for seconds in (
        0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800,
        3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 2_419_200,
    )
)  # fmt: skip


class Tick(NamedTuple):
    """A place on an axis, and what stands there."""

    at: float
    text: str


class Bar(NamedTuple):
    """A rectangle of a series."""

    series: str
    x: float
    y: float
    width: float
    height: float


class Panel(NamedTuple):
    """One chart of a stack: `names` are its series, in the order in which they are piled; `baseline` is nought."""

    title: str
    names: tuple[str, ...]
    top: float
    baseline: float
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Stack:
    """Charts over time, one above the other. `series` is (panel's title, series, a value for each bucket)."""

    width: float
    height: float
    panels: tuple[Panel, ...]
    ticks: tuple[Tick, ...]
    series: tuple[tuple[str, str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class PoolChart:
    """A pool over time: `active` and `abandoned` are outlines, the second above the first; None: nothing known."""

    row: PoolRow
    peak: int
    active: str
    abandoned: str
    ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    values: tuple[tuple[int, int] | None, ...]
    width: float = WIDTH / 2
    height: float = 128.0
    top: float = 10.0
    baseline: float = 104.0


def slug(series: str) -> str:
    """The name of a series as a class of the style sheet has it."""
    return series.lower().replace(" ", "-")


def nice_step(largest: float, wanted: int = 4) -> int:
    """A step of 1, 2 or 5 times a power of ten that makes at most about `wanted` steps to `largest`."""
    rough = max(1.0, largest / wanted)
    power = 10 ** int(log10(rough))
    return int(next(power * one for one in (1, 2, 5, 10) if power * one >= rough))


def span_text(us: int) -> str:
    """A span as a person says it: `10 s`, `2 min`."""
    for size, name in ((_DAY_US, "d"), (3_600_000_000, "h"), (_MINUTE_US, "min"), (_SECOND_US, "s")):
        if us >= size:
            return f"{us / size:g} {name}"
    return f"{us / _MILLISECOND_US:g} ms"


def interval_text(us: int) -> str:
    """An interval to three figures: `12.3 ms`."""
    for size, name in ((_MINUTE_US * 2, "min"), (_SECOND_US, "s"), (_MILLISECOND_US, "ms")):
        if us >= size:
            return f"{us / (size if name != 'min' else _MINUTE_US):.3g} {name}"
    return f"{us} us"


def time_ticks(start_us: int, end_us: int, left: float, width: float, wanted: int = _TICKS_WANTED) -> tuple[Tick, ...]:
    """Round times between two moments."""
    length = end_us - start_us
    step = next((one for one in _STEPS_US if length <= one * wanted), ceil(length / wanted))
    first = -(-start_us // step) * step
    days = length > _DAY_US
    return tuple(
        Tick(left + width * (at - start_us) / length, _time_text(at, step, days=days))
        for at in range(first, end_us + 1, step)
    )


def _time_text(at_us: int, step_us: int, *, days: bool) -> str:
    date, _, rest = moment(at_us).removesuffix(" UTC").partition(" ")
    if not rest:
        return date
    if step_us >= _DAY_US:
        return date
    if step_us >= _MINUTE_US:
        return f"{date[5:]} {rest[:5]}" if days else rest[:5]
    return rest[:8] if step_us >= _SECOND_US else rest[:11]


def traffic(timeline: Timeline) -> Stack:
    """Messages received, messages sent, and those without a good answer, over time."""
    numbers = timeline.numbers
    per = span_text(timeline.span_us)
    rows = [
        (f"Received, messages per {per}", RECEIVED, [_kinds(timeline, at, "received", RECEIVED) for at in numbers]),
        (f"Sent, messages per {per}", SENT, [_kinds(timeline, at, "sent", SENT) for at in numbers]),
        (f"Refused and unanswered, per {per}", TROUBLE, [_trouble(timeline, at) for at in numbers]),
    ]
    panels, series = [], []
    top = _TOP
    for title, names, values in rows:
        present = tuple(name for at, name in enumerate(names) if any(column[at] for column in values))
        panels.append(_panel(title, names, values, top, present))
        series += [(title, name, tuple(column[names.index(name)] for column in values)) for name in present]
        top += _PANEL + _PANEL_GAP
    start_us, end_us = numbers.start * timeline.span_us, numbers.stop * timeline.span_us
    ticks = time_ticks(start_us, end_us, LEFT, WIDTH - LEFT - RIGHT)
    return Stack(WIDTH, top - _PANEL_GAP + _AXIS, tuple(panels), ticks, tuple(series))


def _kinds(timeline: Timeline, at: int, side: str, names: Sequence[str]) -> list[int]:
    column = timeline.columns.get(at)
    if column is None:
        return [0] * len(names)
    counts: Counter[str] = getattr(column, side)
    values = [counts[name] for name in names[:-1]]
    return [*values, counts.total() - sum(values)]


def _trouble(timeline: Timeline, at: int) -> list[int]:
    column = timeline.columns.get(at)
    return [0, 0] if column is None else [column.sent[NAK], column.unanswered.total()]


def _panel(
    title: str, names: Sequence[str], values: list[list[int]], top: float, present: tuple[str, ...]
) -> Panel:
    largest = max((sum(column) for column in values), default=0)
    step = nice_step(largest)
    full = max(step, -(-largest // step) * step)
    baseline = top + _PANEL
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(values))
    gap = min(2.0, slot * 0.15)
    bars = []
    for place, column in enumerate(values):
        pile = 0
        for name, count in zip(names, column, strict=True):
            if count:
                height = _PANEL * count / full
                y = baseline - _PANEL * pile / full - height
                bars.append(Bar(slug(name), LEFT + place * slot + gap / 2, y, slot - gap, height))
            pile += count
    ticks = tuple(Tick(baseline - _PANEL * at / full, f"{at:,}") for at in range(0, full + 1, step))
    return Panel(title, present, top, baseline, tuple(bars), ticks)


def pool_charts(timeline: Timeline, pools: dict[int, list[PoolRow]], maximum: int) -> list[PoolChart]:
    """The pools that were fullest, at most so many, each over time; a bucket without events is as the one before."""
    rows: list[list[PoolRow] | None] = []
    known: list[PoolRow] | None = None
    last = max(pools, default=0)
    for number in timeline.numbers:
        known = pools.get(number, known) if number <= last else None
        rows.append(known)
    names = dict.fromkeys((row.network, row.ranges) for held in rows if held for row in held)
    charts = [_pool_chart(timeline, name, rows) for name in names]
    charts.sort(key=lambda chart: -chart.peak / max(1, chart.row.total))
    return charts[:maximum]


def _pool_chart(timeline: Timeline, name: tuple[str, str], rows: list[list[PoolRow] | None]) -> PoolChart:
    found = [next((row for row in held or () if (row.network, row.ranges) == name), None) for held in rows]
    present = [row for row in found if row is not None]
    full = max(1, *(row.total for row in present))
    peak = max(row.active for row in present)
    empty = PoolChart(present[-1], peak, "", "", (), (), ())
    room, width = empty.baseline - empty.top, empty.width - LEFT - RIGHT
    slot = width / max(1, len(found))
    start_us, end_us = timeline.numbers.start * timeline.span_us, timeline.numbers.stop * timeline.span_us
    step = max(1, full // 2)
    return PoolChart(
        row=present[-1],
        peak=peak,
        active=_outline([row and (0, row.active) for row in found], slot, empty.baseline, room / full),
        abandoned=_outline(
            [row and (row.active, row.active + row.abandoned) for row in found], slot, empty.baseline, room / full
        ) if any(row.abandoned for row in present) else "",
        ticks=time_ticks(start_us, end_us, LEFT, width, 4),
        y_ticks=tuple(Tick(empty.baseline - room * at / full, f"{at:,}") for at in dict.fromkeys((0, step, full))),
        values=tuple(row and (row.active, row.abandoned) for row in found),
    )  # fmt: skip


def _outline(spans: Sequence[tuple[int, int] | None], slot: float, baseline: float, scale: float) -> str:
    """The path of an area in steps between two values for each bucket; broken where nothing is known."""
    pieces, run = [], list[tuple[int, tuple[int, int]]]()
    for place, span in [*enumerate(spans), (len(spans), None)]:
        if span is not None:
            run.append((place, span))
        elif run:
            upper = [f"H{LEFT + at * slot:.1f}V{baseline - high * scale:.1f}" for at, (_, high) in run]
            lower = [f"V{baseline - low * scale:.1f}H{LEFT + at * slot:.1f}" for at, (low, _) in reversed(run)]
            end = LEFT + (run[-1][0] + 1) * slot
            first, low = run[0][0], run[0][1][0]
            begin = f"M{LEFT + first * slot:.1f},{baseline - low * scale:.1f}"
            pieces.append(f"{begin}{''.join(upper)}H{end:.1f}{''.join(lower)}Z")
            run = []
    return "".join(pieces)


class IntervalChart(NamedTuple):
    """How intervals spread: bars of 1, 2, 5 times powers of ten, with the lowest and highest place that is taken."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    width: float = 300.0
    height: float = 58.0
    baseline: float = 42.0


def interval_chart(intervals: Histogram) -> IntervalChart:
    """The chart of a distribution that is not empty, over all the steps between its ends."""
    counts = intervals.spread(_EDGES_US)
    low, high = min(counts), max(counts)
    low, high = max(0, low - 1), min(len(_EDGES_US), high + 1)
    plain = IntervalChart((), ())
    slot = plain.width / (high - low + 1)
    most = max(counts.values())
    room = plain.baseline - 4
    bars = [
        Bar("interval", (at - low) * slot + 0.5, plain.baseline - room * count / most, slot - 1, room * count / most)
        for at, count in sorted(counts.items())
    ]
    ticks = [
        Tick((at + 1 - low) * slot, interval_text(_EDGES_US[at]))
        for at in range(low, high)
        if high - low <= _TICKS_WANTED // 2 or str(_EDGES_US[at])[0] == "1"
    ]
    return IntervalChart(tuple(bars), tuple(ticks))
