"""Dates of dhcpd.conf and the lease file as seconds. No time zones, no clock.

See docs/behaviour/configuration.md#dates, docs/behaviour/lease-file.md#dates-accepted.
"""

from __future__ import annotations

from typing import Final

_NEVER: Final = 0x7FFFFFFF
# Of years since 1900: 2038, which 31 bits of seconds do not hold to its end.
_LAST_YEAR: Final = 138
_DAYS_BEFORE: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_FEBRUARY: Final = 2


def seconds_since_epoch(year: int, month: int, day: int, hour: int, minute: int, second: int, zone: int) -> int:
    """UTC seconds; nothing is checked, as in ISC's server. A year above 1900 loses 1900; 2038 and later is never."""
    year = year - 1900 if year > 1900 else year  # noqa: PLR2004 - the rule's own number
    if year >= _LAST_YEAR:
        return _NEVER
    # Every fourth year is a leap year: 2100, the next that is not, is out of reach.
    days = 365 * (year - 70) + (year - 69) // 4
    days += _DAYS_BEFORE[(month - 1) % 12]
    if month > _FEBRUARY and (year - 72) % 4 == 0:
        days += 1
    return (days + day - 1) * 86400 + hour * 3600 + minute * 60 + second + zone
