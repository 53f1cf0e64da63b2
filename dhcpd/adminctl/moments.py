"""Times on the command line, as people write them, by this machine's clock; all are UTC, as the answers' are."""

from __future__ import annotations

import re
import time
from typing import Final

import click

from ..replay.showing.times import NoMoment, span_us, time_us

_SECOND_US: Final = 1_000_000
_DAY_S: Final = 86_400
_MINUTE_S: Final = 60
_DIGITS: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
# 03:12 is a minute, and what happened in it counts.
_OF_MINUTE: Final = re.compile(r"(.*T)?[0-9]{1,2}:[0-9]{2}", re.ASCII)
_FORMS: Final = "14:05, 14:05:30, 2026-11-24T14:05, +2h, -1h30m, seconds since 1970"


def seconds_of(text: str, now_s: int) -> int:
    """Seconds since 1970 of a time: its last second, where it is a minute. Raises NoMoment.

    A time of day without a date is the last such time that has begun.
    """
    if _DIGITS.fullmatch(text):
        return int(text)
    if text.startswith("-"):
        return now_s - span_us(text[1:]) // _SECOND_US
    try:
        found = time_us(text, now_s * _SECOND_US) // _SECOND_US
    except NoMoment as error:
        raise NoMoment(text, _FORMS) from error
    if found > now_s and "T" not in text and not text.startswith("+"):
        found -= _DAY_S
    return found + _MINUTE_S - 1 if _OF_MINUTE.fullmatch(text) else found


def moment(text: str) -> int:
    """As `seconds_of`, for an option's value: refused as click refuses."""
    try:
        return seconds_of(text, int(time.time()))
    except NoMoment as error:
        raise click.BadParameter(str(error)) from error


def span(text: str) -> int:
    """Seconds of `12h`, `7d`, for an option's value."""
    try:
        return span_us(text) // _SECOND_US
    except NoMoment as error:
        raise click.BadParameter(str(error)) from error
