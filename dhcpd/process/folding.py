"""Floods: of a line of ours that comes with every packet a few are shown, and then how many more there were.

Only what a notice says of itself (`floods`) is folded; ISC's lines are counted by who reads them, and all go out. The
recording knows nothing of it: what the engine said is on the tape, whatever the log shows of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from ..engine.model.notices import Said

if TYPE_CHECKING:
    from collections.abc import Callable

SHOWN: Final = 5
WINDOW_S: Final = 10


class Folded(NamedTuple):
    """What stands for `more` lines that were not shown, of which `said` is the last."""

    said: Said
    more: int

    @property
    def text(self) -> str:
        """The line for them."""
        return f"{self.said} - and {self.more} more like this in {WINDOW_S} s"


class _Window:
    __slots__ = ("count", "ends_s", "last")

    def __init__(self, ends_s: float) -> None:
        self.ends_s = ends_s
        self.count = 0
        self.last: Said | None = None


class Folding:
    """Which lines are shown. `clock` gives monotonic seconds."""

    __slots__ = ("_clock", "_windows")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    @property
    def due_s(self) -> float:
        """When `take` has something to say, by the clock; 0 where nothing is folded."""
        if not self._windows:
            return 0.0
        return min((one.ends_s for one in self._windows.values() if one.count > SHOWN), default=0.0)

    def admits(self, said: Said) -> bool:
        """Whether this line is shown; to be asked once for each. What `take` gives is to be shown before it."""
        if not said.notice.floods:
            return True
        window = self._windows.get(said.notice.id)
        if window is None:
            window = self._windows[said.notice.id] = _Window(self._clock() + WINDOW_S)
        window.count += 1
        window.last = said
        return window.count <= SHOWN

    def take(self, *, at_once: bool = False) -> list[Folded]:
        """What stands for the lines of windows that are over, or of all."""
        if not self._windows:
            return []
        now_s = self._clock()
        over = [key for key, window in self._windows.items() if at_once or window.ends_s <= now_s]
        ended = [self._windows.pop(key) for key in over]
        return [Folded(one.last, one.count - SHOWN) for one in ended if one.last is not None and one.count > SHOWN]
