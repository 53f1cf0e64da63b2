"""Times as people write them: a time of day, a date and time, an offset from a beginning; and spans of time.

All times are UTC, as everywhere in a recording. Nothing is guessed: what reads as no time is an error that lists
the forms.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Final

FORMS: Final = "12 (an event), end, +90s, +1h30m, 14:05:00, 2026-11-24T14:05:00"
_UTC: Final = timezone.utc  # noqa: UP017 - the name that every supported Python has
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=_UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_UNITS: Final = {"d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000}
_PIECE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(ms|[dhms])")
_OF_DAY: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?")


class NoMoment(ValueError):
    """`text` is no moment or span of time."""

    def __init__(self, text: str, forms: str = FORMS) -> None:
        super().__init__(f"{text!r} is none of: {forms}")
        self.text = text


def span_us(text: str) -> int:
    """Microseconds of `90s`, `5m`, `1h30m`, `500ms`. Raises NoMoment, for 0 too."""
    total, at = 0, 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            raise NoMoment(text, "90s, 5m, 1h30m, 500ms")
        total += round(float(piece[1]) * _UNITS[piece[2]])
        at = piece.end()
    if not total:
        raise NoMoment(text, "90s, 5m, 1h30m, 500ms")
    return total


def time_us(text: str, start_us: int) -> int:
    """Microseconds since 1970 of a time; `start_us`, that of the first event, gives the day and where `+` begins.

    Raises NoMoment.
    """
    if text.startswith("+"):
        return start_us + span_us(text[1:])
    of_day = _OF_DAY.fullmatch(text)
    try:
        if of_day is not None:
            day = _EPOCH + timedelta(microseconds=start_us)
            hour, minute, second = (int(part or 0) for part in of_day.groups()[:3])
            micro = int((of_day[4] or "0").ljust(6, "0"))
            found = day.replace(hour=hour, minute=minute, second=second, microsecond=micro)
        else:
            found = datetime.fromisoformat(text.removesuffix(" UTC"))
    except (ValueError, OverflowError):
        raise NoMoment(text) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=_UTC)
    return (found - _EPOCH) // _MICROSECOND
