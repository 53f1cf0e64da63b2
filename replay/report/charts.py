"""The geometry of a report's charts: numbers for the template to draw, no markup and no colours.

All charts over time share one horizontal axis, so that a moment stands at the same place in each. Vertical axes begin
at nought. What would be empty is no chart. Each is drawn twice, for a desk and for a phone, so that its letters can be
read on both: a style sheet shows the one that fits.
"""

from __future__ import annotations

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

# Of charts over time, in the units of their view box: to the left and right of what is drawn, widths, heights.
LEFT: Final = 48.0
RIGHT: Final = 12.0
WIDE: Final = 960.0
NARROW: Final = 380.0
_PANEL: Final = 104.0
_TOP: Final = 8.0
_AXIS: Final = 22.0
# So many marks on an axis of time at each width.
_TICKS: Final = {WIDE: 9, NARROW: 3}
_TICKS_WANTED: Final = 9
_MARGIN: Final = 40
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


class Drawing(NamedTuple):
    """A chart over time at one width. `bars` or `paths` (class and outline) are what is drawn; `baseline` is nought."""

    width: float
    height: float
    top: float
    baseline: float
    bars: tuple[Bar, ...]
    paths: tuple[tuple[str, str], ...]
    ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


class Panel(NamedTuple):
    """Counts over time: its series in the order in which they are piled, each with a value for each bucket."""

    title: str
    series: tuple[tuple[str, tuple[int, ...]], ...]
    drawings: tuple[Drawing, ...]


class PoolChart(NamedTuple):
    """A pool over time: (in use, abandoned) for each bucket, None where nothing is known."""

    row: PoolRow
    peak: int
    values: tuple[tuple[int, int] | None, ...]
    drawings: tuple[Drawing, ...]


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
    """Round times between two moments; what would stand at the very end runs into the one before."""
    length = end_us - start_us
    step = next((one for one in _STEPS_US if length <= one * wanted), ceil(length / wanted))
    first = -(-start_us // step) * step
    days = length > _DAY_US
    return tuple(
        Tick(left + width * (at - start_us) / length, _time_text(at, step, days=days))
        for at in range(first, end_us + 1 - length // _MARGIN, step)
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


def traffic(timeline: Timeline) -> list[Panel]:
    """Messages received, messages sent, and those without a good answer, over time; what never came is left out."""
    numbers = timeline.numbers
    per = span_text(timeline.span_us)
    rows = [
        (f"Received, messages per {per}", RECEIVED, [_kinds(timeline, at, "received", RECEIVED) for at in numbers]),
        (f"Sent, messages per {per}", SENT, [_kinds(timeline, at, "sent", SENT) for at in numbers]),
        (f"Refused and unanswered, per {per}", TROUBLE, [_trouble(timeline, at) for at in numbers]),
    ]
    panels = [_panel(timeline, title, names, values) for title, names, values in rows]
    return [panel for panel in panels if panel.series]


def _axis(timeline: Timeline, width: float, wanted: int) -> tuple[Tick, ...]:
    numbers = timeline.numbers
    start_us, end_us = numbers.start * timeline.span_us, numbers.stop * timeline.span_us
    return time_ticks(start_us, end_us, LEFT, width - LEFT - RIGHT, wanted)


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


def _panel(timeline: Timeline, title: str, names: Sequence[str], values: list[list[int]]) -> Panel:
    present = [(name, tuple(column[at] for column in values)) for at, name in enumerate(names)]
    series = tuple((name, counts) for name, counts in present if any(counts))
    drawings = tuple(_piles(timeline, names, values, width) for width in (WIDE, NARROW)) if series else ()
    return Panel(title, series, drawings)


def _piles(timeline: Timeline, names: Sequence[str], values: list[list[int]], width: float) -> Drawing:
    """A pile of bars for each bucket."""
    largest = max((sum(column) for column in values), default=0)
    step = nice_step(largest)
    full = max(step, -(-largest // step) * step)
    baseline = _TOP + _PANEL
    slot = (width - LEFT - RIGHT) / max(1, len(values))
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
    axis = _axis(timeline, width, _TICKS[width])
    return Drawing(width, baseline + _AXIS, _TOP, baseline, tuple(bars), (), axis, ticks)


def pool_charts(timeline: Timeline, pools: dict[int, list[PoolRow]], maximum: int) -> list[PoolChart]:
    """The pools that were fullest, at most so many, each over time; a bucket without events is as the one before.

    Pools of which no address was in use or abandoned are left out.
    """
    rows: list[list[PoolRow] | None] = []
    known: list[PoolRow] | None = None
    last = max(pools, default=0)
    for number in timeline.numbers:
        known = pools.get(number, known) if number <= last else None
        rows.append(known)
    names = dict.fromkeys((row.network, row.ranges) for held in rows if held for row in held)
    charts = [chart for name in names if (chart := _pool_chart(timeline, name, rows)) is not None]
    charts.sort(key=lambda chart: -chart.peak / max(1, chart.row.total))
    return charts[:maximum]


def _pool_chart(timeline: Timeline, name: tuple[str, str], rows: list[list[PoolRow] | None]) -> PoolChart | None:
    found = [next((row for row in held or () if (row.network, row.ranges) == name), None) for held in rows]
    present = [row for row in found if row is not None]
    if not any(row.active or row.abandoned for row in present):
        return None
    values = tuple(row and (row.active, row.abandoned) for row in found)
    full = max(1, *(row.total for row in present))
    drawings = tuple(_levels(timeline, values, full, width) for width in (WIDE / 2, NARROW))
    return PoolChart(present[-1], max(row.active for row in present), values, drawings)


def _levels(timeline: Timeline, values: Sequence[tuple[int, int] | None], full: int, width: float) -> Drawing:
    """What is in use, and above it what is abandoned, as areas below the pool's size."""
    baseline = _TOP + _PANEL
    slot = (width - LEFT - RIGHT) / max(1, len(values))
    active = _outline([one and (0, one[0]) for one in values], slot, baseline, _PANEL / full)
    paths = [("active", active)]
    if any(one and one[1] for one in values):
        outline = _outline([one and (one[0], sum(one)) for one in values], slot, baseline, _PANEL / full)
        paths.append(("abandoned", outline))
    ticks = tuple(Tick(baseline - _PANEL * at / full, f"{at:,}") for at in dict.fromkeys((0, max(1, full // 2), full)))
    axis = _axis(timeline, width, 3)
    return Drawing(width, baseline + _AXIS, _TOP, baseline, (), tuple(paths), axis, ticks)


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
    height: float = 62.0
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
