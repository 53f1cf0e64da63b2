"""When pools will be full, if things go on: looked at by the time of events.

Two straight lines, each through two moments: how many addresses were free then and are now. That of the last hour,
looked at once a minute, is for the alert that wants an hour's notice. That of the last week, looked at once an hour,
compares a moment with the same hour of an earlier day, so that it does not take the morning for a trend; in a run of
less than a day it goes from the first look on. Both know a run, or a recording, from its beginning only.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from ....engine.machine import Machine

LOOK_US: Final = 60_000_000
LOOKS_KEPT: Final = 61
HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
HOURS_KEPT: Final = 7 * 24 + 1
# Pools whose counts are looked at; the others have no forecast.
POOLS_MAXIMUM: Final = 4_096
_SECOND_US: Final = 1_000_000

# Microseconds since 1970, and the free addresses of each pool then.
Look: TypeAlias = "tuple[int, tuple[int, ...]]"


class Forecast:
    """The two lines of each pool, by Pool.index. `due_us`: when it is to be looked again (microseconds since 1970)."""

    __slots__ = ("_hourly_us", "_hours", "_looks", "due_us")

    def __init__(self) -> None:
        self.due_us = 0
        self._hourly_us = 0
        self._looks: deque[Look] = deque(maxlen=LOOKS_KEPT)
        self._hours: deque[Look] = deque(maxlen=HOURS_KEPT)

    def look(self, machine: Machine, wall_us: int) -> None:
        """Note how many addresses of each pool are free now. A machine with other pools begins anew."""
        server = machine.server
        if server is None or not machine.serving:
            return
        self.due_us = wall_us + LOOK_US
        free = tuple([server.database.counts(pool).free for pool in server.configuration.pools[:POOLS_MAXIMUM]])
        if self._looks and len(self._looks[-1][1]) != len(free):
            self._looks.clear()
            self._hours.clear()
        self._looks.append((wall_us, free))
        if wall_us >= self._hourly_us:
            self._hourly_us = wall_us + HOUR_US
            self._hours.append((wall_us, free))

    def seconds(self, index: int) -> float | None:
        """In how many seconds the pool of this number has no free address, if it goes on so; None for never."""
        return _left_s(self._looks[0], self._looks[-1], index) if self._looks else None

    def seconds_by_days(self, index: int) -> float | None:
        """The same by the line of the last days."""
        if not self._hours or not self._looks:
            return None
        now_us = self._looks[-1][0]
        days = (now_us - self._hours[0][0]) // DAY_US
        earlier = (one for one in self._hours if now_us - one[0] <= days * DAY_US + HOUR_US // 2)
        return _left_s(next(earlier, self._hours[0]) if days else self._hours[0], self._looks[-1], index)


def _left_s(first: Look, last: Look, index: int) -> float | None:
    (began_us, before), (now_us, now) = first, last
    if index >= len(now) or before[index] <= now[index] or now_us <= began_us:
        return None
    return now[index] * (now_us - began_us) / (before[index] - now[index]) / _SECOND_US
