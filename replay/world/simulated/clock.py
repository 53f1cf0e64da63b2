"""The one time of a world: what is to happen, in order, and nothing in between.

Nobody waits for this time: it jumps from one thing to the next. Servers have clocks of their own on top of it, which
may be wrong (world.py).
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND_US: Final = 1_000_000
# Things that follow from each other without any time going by; more than this many do so for ever.
_AT_ONCE_MAXIMUM: Final = 100_000


class Clock:
    """What is to happen in a world, by its moment. `now_us`: microseconds since 1970; `began_us`: at first."""

    def __init__(self, now_us: int) -> None:
        """Nothing is to happen yet."""
        self.now_us = self.began_us = now_us
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._entered = 0

    def at(self, at_us: int, what: Callable[[], None]) -> None:
        """Have something happen at a moment; now, if that has gone by. Of two for one moment the earlier entered."""
        self._entered += 1
        heappush(self._agenda, (max(at_us, self.now_us), self._entered, what))

    def after(self, us: int, what: Callable[[], None]) -> None:
        """Have something happen so many microseconds from now."""
        self.at(self.now_us + us, what)

    def wait(self, seconds: float) -> None:
        """Let time go by, with all that happens in it."""
        self.wait_for(lambda: False, seconds)

    def wait_for(self, done: Callable[[], bool], seconds: float) -> bool:
        """Let time go by until something is so, at most these seconds; whether it is."""
        until_us = self.now_us + round(seconds * SECOND_US)
        at_once = 0
        while not done():
            if not self._agenda or self._agenda[0][0] > until_us:
                self.now_us = until_us
                return done()
            at_us, _number, what = heappop(self._agenda)
            at_once = at_once + 1 if at_us == self.now_us else 0
            assert at_once < _AT_ONCE_MAXIMUM, "things go on without any time going by"
            self.now_us = at_us
            what()
        return True
