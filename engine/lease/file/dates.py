"""The dates of the lease file: written and read, in seconds since 1970.

No clock and no time zone data: the local form's comment uses the offset that the machine had when it started.

See docs/behaviour/lease-file.md#dates-as-written, docs/behaviour/lease-file.md#dates-accepted.
"""

from __future__ import annotations

from typing import Final

from ...model.lease import NEVER

_DAY_S: Final = 86400
# Those of about three days.
_KEPT_MINUTES: Final = 4096
# ISC counts time in 32 bits with a sign, which end in January 2038: later is never.
_LAST_YEAR: Final = 2037
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS_BEFORE_MONTH: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_LEAP_CYCLE: Final = 4
_FEBRUARY: Final = 2
_THURSDAY: Final = 4
_SECONDS: Final = {b"%02d" % second: second for second in range(100)}
_SECOND_TEXTS: Final = tuple([f"{second:02};" for second in range(60)])


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
    """Reads the dates of one file. Minutes are kept: leases end in few of them, but in most seconds of each."""

    __slots__ = ("_minutes",)

    def __init__(self) -> None:
        """Nothing is known."""
        self._minutes: dict[bytes, int] = {}

    def read(self, text: bytes) -> int:
        """Seconds of `never`, `epoch N` or `W Y/M/D h:m:s` in the layout that is written."""
        minute = self._minutes.get(text[:-2])
        return self._new(text) if minute is None else minute + _SECONDS[text[-2:]]

    def _new(self, text: bytes) -> int:
        if text == b"never":
            return NEVER
        if text.startswith(b"epoch "):
            return max(0, wrapped(int(text[6:])))
        day_s = seconds_of(int(text[2:6]), int(text[7:9]), int(text[10:12]), 0, 0, 0)
        if day_s == NEVER:
            return NEVER
        if len(self._minutes) >= _KEPT_MINUTES:
            self._minutes.clear()
        minute = self._minutes[text[:-2]] = day_s + int(text[13:15]) * 3600 + int(text[16:18]) * 60
        return minute + _SECONDS[text[-2:]]


def wrapped(number: int) -> int:
    """A number as 32 bits with a sign keep it."""
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)


class DateWriter:
    """Writes dates in one of the two forms; the text ends with `;` (and the comment of the local form)."""

    __slots__ = ("_local", "_minutes", "_offset_s")

    def __init__(self, *, local: bool, utc_offset_s: int) -> None:
        """`local` is `db-time-format local;`, `utc_offset_s` the local time's seconds east of UTC."""
        self._local = local
        self._offset_s = utc_offset_s if local else 0
        # Each minute as it is written, without its second: of the local form with `%02d` in the place of it.
        self._minutes: dict[int, str] = {}

    def text(self, seconds: int) -> str:
        """The date of a time after 1970, in seconds since then; NEVER is `never;`."""
        if seconds == NEVER:
            return "never;"
        minute, second = divmod(seconds + self._offset_s, 60)
        known = self._minutes.get(minute) or self._new_minute(minute)
        return f"epoch {seconds}; # {known % second}" if self._local else known + _SECOND_TEXTS[second]

    def _new_minute(self, number: int) -> str:
        day, rest = divmod(number, _DAY_S // 60)
        hour, minute = divmod(rest, 60)
        year, month, day_of_month = civil(day)
        weekday = (day + _THURSDAY) % 7
        made = f"{weekday} {year}/{month:02}/{day_of_month:02} {hour:02}:{minute:02}:"
        if self._local:
            made = f"{_DAYS[weekday]} {_MONTHS[month - 1]} {day_of_month:02} {hour:02}:{minute:02}:%02d {year}"
        if len(self._minutes) >= _KEPT_MINUTES:
            self._minutes.clear()
        self._minutes[number] = made
        return made
