"""The dates of the lease file: written and read, in seconds since 1970.

No clock and no time zone data: the local form's comment uses the offset that the machine had when it started.

See docs/behaviour/lease-file.md#dates-as-written, docs/behaviour/lease-file.md#dates-accepted.
"""

from __future__ import annotations

from typing import Final

from ...model.lease import NEVER

_DAY_S: Final = 86400
_KEPT_DATES: Final = 4096
# ISC counts time in 32 bits with a sign, which end in January 2038: later is never.
_LAST_YEAR: Final = 2037
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS_BEFORE_MONTH: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_LEAP_CYCLE: Final = 4
_FEBRUARY: Final = 2
_THURSDAY: Final = 4


def civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970-01-01 (Gregorian calendar)."""
    era, day_of_era = divmod(days + 719468, 146097)
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9  # noqa: PLR2004 - months count from March here
    return year + era * 400 + (month <= _FEBRUARY), month, day_of_year - (153 * shifted + 2) // 5 + 1


def seconds_of(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Seconds since 1970 of a date in UTC: every fourth year is a leap year, 2038 and later are NEVER.

    Years up to 1900 count from 1900; what lies before 1970 is 0.
    """
    if year <= 1900:  # noqa: PLR2004 - as ISC reads them
        year += 1900
    if year > _LAST_YEAR:
        return NEVER
    month = min(max(month, 1), 12)
    # No field is checked, as in ISC: a 31st of February is an early March.
    days = (year - 1970) * 365 + (year - 1969) // _LEAP_CYCLE + _DAYS_BEFORE_MONTH[month - 1] + day - 1
    if month > _FEBRUARY and year % _LEAP_CYCLE == 0:
        days += 1
    return max(0, days * _DAY_S + hour * 3600 + minute * 60 + second)




class DateReader:
    """Reads the dates of one file; most records share their dates with their neighbours."""

    __slots__ = ("_day", "_day_s", "_known")

    def __init__(self) -> None:
        """Nothing is known."""
        self._known: dict[bytes, int] = {b"never": NEVER}
        self._day = b""
        self._day_s = 0

    def read(self, text: bytes) -> int:
        """Seconds of `never`, `epoch N` or `W Y/M/D h:m:s` in the layout that is written."""
        seconds = self._known.get(text)
        if seconds is not None:
            return seconds
        if text.startswith(b"epoch "):
            seconds = max(0, wrapped(int(text[6:])))
        else:
            if text[2:12] != self._day:
                self._day = text[2:12]
                self._day_s = seconds_of(int(text[2:6]), int(text[7:9]), int(text[10:12]), 0, 0, 0)
            seconds = self._day_s
            if seconds != NEVER:
                seconds += int(text[13:15]) * 3600 + int(text[16:18]) * 60 + int(text[19:21])
        if len(self._known) > _KEPT_DATES:
            self._known = {b"never": NEVER}
        self._known[text] = seconds
        return seconds


def wrapped(number: int) -> int:
    """A number as 32 bits with a sign keep it."""
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)


class DateWriter:
    """Writes dates in one of the two forms; the text ends with `;` (and the comment of the local form)."""

    __slots__ = ("_day", "_day_text", "_known", "_local", "_utc_offset_s")

    def __init__(self, *, local: bool, utc_offset_s: int) -> None:
        """`local` is `db-time-format local;`, `utc_offset_s` the local time's seconds east of UTC."""
        self._local = local
        self._utc_offset_s = utc_offset_s
        self._known: dict[int, str] = {NEVER: "never;"}
        self._day = -1
        self._day_text = ""

    def text(self, seconds: int) -> str:
        """The date of a time after 1970."""
        found = self._known.get(seconds)
        if found is not None:
            return found
        if len(self._known) > _KEPT_DATES:
            self._known = {NEVER: "never;"}
        made = self._known[seconds] = self._local_text(seconds) if self._local else self._utc_text(seconds)
        return made

    def _utc_text(self, seconds: int) -> str:
        day, rest = divmod(seconds, _DAY_S)
        if day != self._day:
            year, month, day_of_month = civil(day)
            self._day = day
            self._day_text = f"{(day + _THURSDAY) % 7} {year}/{month:02}/{day_of_month:02} "
        hour, rest = divmod(rest, 3600)
        minute, second = divmod(rest, 60)
        return f"{self._day_text}{hour:02}:{minute:02}:{second:02};"

    def _local_text(self, seconds: int) -> str:
        day, rest = divmod(seconds + self._utc_offset_s, _DAY_S)
        year, month, day_of_month = civil(day)
        hour, rest = divmod(rest, 3600)
        minute, second = divmod(rest, 60)
        names = f"{_DAYS[(day + _THURSDAY) % 7]} {_MONTHS[month - 1]}"
        return f"epoch {seconds}; # {names} {day_of_month:02} {hour:02}:{minute:02}:{second:02} {year}"
