"""The card of a difference: what a person needs to understand it, on one screen, without opening the tape.

When, which client, what was expected against what came, field by field and only the fields that differ, and what the
client did before. Plain text, because it goes to logs, mails and bisect runs as often as to a terminal.
"""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING, Final

from ...trace.effects import RewritePart, Store
from ..showing.describe import answer_line, clock, effect_line, event_line, moment, record_fields
from .compare import Pair, differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...trace.effects import Effect
    from ..showing.decode import Field
    from .verdict import Difference

PAIRS_SHOWN_MAXIMUM: Final = 12
FAILURE_LINES_MAXIMUM: Final = 8
_ABSENT: Final = "(absent)"
_VALUE_WIDTH: Final = 60


def card(difference: Difference) -> list[str]:
    """The lines of the card."""
    lines = [
        f"Playback left the recording at event {difference.seq:,}.",
        "",
        f"  time    {moment(difference.event.wall_us)}",
        f"  client  {difference.client or 'none'}",
        f"  event   {event_line(difference.event)}",
        "",
    ]
    lines += _failure(difference) if difference.failure else _pairs(difference.expected, difference.got)
    return lines + _history(difference)


def _failure(difference: Difference) -> list[str]:
    lines = ["  The engine failed on this event; this is a defect of dhcpd:"]
    lines += [f"    {line}" for line in difference.failure.rstrip().splitlines()[-FAILURE_LINES_MAXIMUM:]]
    if not difference.recorded:
        lines.append("  The recording has no effects for it: the run may well have ended here too.")
    else:
        lines += ["  Recorded were:", *(f"    {effect_line(effect)}" for effect in difference.expected)]
    return [*lines, ""]


def _pairs(expected: Sequence[Effect], got: Sequence[Effect]) -> list[str]:
    pairs = differences(expected, got)
    lines: list[str] = []
    for pair in pairs[:PAIRS_SHOWN_MAXIMUM]:
        lines += [*_pair(pair, len(expected)), ""]
    if len(pairs) > PAIRS_SHOWN_MAXIMUM:
        lines += [f"  and {len(pairs) - PAIRS_SHOWN_MAXIMUM} more effects that differ", ""]
    return lines


def _pair(pair: Pair, expected_count: int) -> list[str]:
    if pair.expected is None:
        assert pair.got is not None, "a pair has a side"
        return ["  not recorded, but asked for now:", f"    got       {effect_line(pair.got)}"]
    head = f"  effect {pair.place} of {expected_count}, {type(pair.expected).__name__}:"
    if pair.moved_to:
        return [f"{head} other order", f"    now it is effect {pair.moved_to}: {effect_line(pair.expected)}"]
    if pair.got is None:
        return [head, f"    expected  {effect_line(pair.expected)}", "    got       nothing"]
    if isinstance(pair.expected, Store | RewritePart) and isinstance(pair.got, Store | RewritePart):
        return [head, *_text_difference(pair.expected.data, pair.got.data)]
    rows = field_differences(record_fields(pair.expected), record_fields(pair.got))
    return [head, *(rows or _octets_difference(pair.expected, pair.got))]


def _text_difference(expected: bytes, got: bytes) -> list[str]:
    """Lease records line by line: - recorded, + now."""
    old, new = (data.decode("latin-1").splitlines() for data in (expected, got))
    return [f"    {line}" for line in unified_diff(old, new, "expected", "got", lineterm="", n=2)]


def _octets_difference(one: Effect, other: Effect) -> list[str]:
    """Of what is shown alike: padding, the order of options, how a value is cut into them, the end of a long text."""
    expected, got = next(
        (
            (old, new)
            for old, new in zip(one, other, strict=True)
            if isinstance(old, bytes) and isinstance(new, bytes) and old != new
        ),
        (b"", b""),
    )
    at = next((at for at, (old, new) in enumerate(zip(expected, got, strict=False)) if old != new), None)
    at = min(len(expected), len(got)) if at is None else at
    old, new = (octets[at : at + 1].hex() or "the end" for octets in (expected, got))
    return [
        "    the same fields in another order or encoding:",
        f"    {len(expected):,} octets were recorded, {len(got):,} are sent now",
        f"    the first that differs, behind {at:,}: expected {old}, got {new}",
    ]


def field_differences(expected: Sequence[Field], got: Sequence[Field]) -> list[str]:
    """The fields whose values differ as a table, and how many do not; nothing where none differs."""
    old, new = dict(expected), dict(got)
    names = list(dict.fromkeys([*old, *new]))
    rows = [(name, old.get(name, _ABSENT), new.get(name, _ABSENT)) for name in names if old.get(name) != new.get(name)]
    if not rows:
        return []
    name_width = max(len("field"), *(len(row[0]) for row in rows))
    value_width = min(_VALUE_WIDTH, max(len("expected"), *(len(row[1]) for row in rows)))
    lines = [f"    {name:<{name_width}}  {value:<{value_width}}  {other}" for name, value, other in rows]
    rest = len(names) - len(rows)
    head = f"    {'field':<{name_width}}  {'expected':<{value_width}}  got"
    return [head, *lines, *([f"    ({rest} other fields are equal)"] if rest else [])]


def _history(difference: Difference) -> list[str]:
    if not difference.history:
        return []
    width = len(f"{difference.seq:,}")
    lines = ["  The client's last events, with the recorded answers:"]
    for seq, event, effects in difference.history:
        lines.append(f"    {seq:>{width},}  {clock(event.wall_us)}  {event_line(event)} -> {answer_line(effects)}")
    return [*lines, ""]
