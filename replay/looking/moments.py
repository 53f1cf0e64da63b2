"""Moments of a recording as people write them: an event's number, `end`, or a time (showing/times.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..playing.seek import first_us, last_seq, seq_at
from ..showing.times import time_us

if TYPE_CHECKING:
    from ...trace import Tape

_EVENT_DIGITS_MAXIMUM: Final = 18
_END: Final = "end"


def us_of(tape: Tape, text: str) -> int:
    """Microseconds since 1970 of a moment that is a time, 0 for any other. Raises NoMoment, TapeError."""
    return 0 if text == _END or _is_event(text) else time_us(text, first_us(tape))


def _is_event(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _EVENT_DIGITS_MAXIMUM


def seq_of(tape: Tape, text: str) -> int:
    """The event whose state held at a moment: the numbered one, the last of all, or the last not later.

    Raises NoMoment, TapeError.
    """
    if text == _END:
        return last_seq(tape)
    if _is_event(text):
        return int(text)
    return seq_at(tape, time_us(text, first_us(tape)))
