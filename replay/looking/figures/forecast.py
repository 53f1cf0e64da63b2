"""When pools will be full, if the last hour goes on: looked at once a minute by the time of events.

A straight line through two moments: how many addresses were in use when it began and now. It knows nothing of days and
weeks; it is for the alert that wants an hour's notice.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ....engine.machine import Machine

LOOK_US: Final = 60_000_000
LOOKS_KEPT: Final = 61
# Pools whose counts are looked at; the others have no forecast.
POOLS_MAXIMUM: Final = 4_096
_SECOND_US: Final = 1_000_000


class Forecast:
    """See the module. `due_us`: when it is to be looked again (microseconds since 1970)."""

    __slots__ = ("_looks", "due_us")

    def __init__(self) -> None:
        self.due_us = 0
        self._looks: deque[tuple[int, tuple[int, ...]]] = deque(maxlen=LOOKS_KEPT)

    def look(self, machine: Machine, wall_us: int) -> None:
        """Note how many addresses of each pool are free now. A machine with other pools begins anew."""
        server = machine.server
        if server is None or not machine.serving:
            return
        self.due_us = wall_us + LOOK_US
        free = tuple([server.database.counts(pool).free for pool in server.configuration.pools[:POOLS_MAXIMUM]])
        if self._looks and len(self._looks[-1][1]) != len(free):
            self._looks.clear()
        self._looks.append((wall_us, free))

    def seconds(self, index: int) -> float | None:
        """In how many seconds the pool of this number has no free address, if it goes on so; None for never."""
        if len(self._looks) < 2 or index >= len(self._looks[-1][1]):  # noqa: PLR2004 - a line has two ends
            return None
        (began_us, before), (now_us, now) = self._looks[0], self._looks[-1]
        taken = before[index] - now[index]
        if taken <= 0 or now_us <= began_us:
            return None
        return now[index] * (now_us - began_us) / taken / _SECOND_US
