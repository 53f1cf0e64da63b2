"""How far a look through a recording has come: event so-and-so of so many, on a status line.

How much there is to do is known from the recording's index, to a segment. The line itself, and when it is shown, is
statusline.py's.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ..showing.describe import moment
from ..showing.statusline import StatusLine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...trace import Entry, Tape

_ENTRIES_BETWEEN: Final = 256
_SECONDS: Final = 19


class Reading(StatusLine):
    """`at` is called with every entry; `total` is the number of the last event, or about that; `quiet`: say nothing."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        super().__init__()
        self._total = total
        self._quiet = quiet
        self._left = _ENTRIES_BETWEEN

    def at(self, entry: Entry) -> None:
        """An entry was reached."""
        self._left -= 1
        if self._left <= 0:
            self._left = _ENTRIES_BETWEEN
            self.at_seq(entry.seq, entry.event.wall_us)

    def at_seq(self, seq: int, wall_us: int = 0) -> None:
        """Event `seq`, of time `wall_us` where that is known, was reached."""
        if self._quiet or not self.is_due():
            return
        share = f" of about {self._total:,}" if self._total >= seq else ""
        when = f", {moment(wall_us)[:_SECONDS]} UTC" if wall_us else ""
        self.show(f"event {seq:,}{share}{when}")


@contextmanager
def reading(tape: Tape, *, as_json: bool, until: int = 0) -> Iterator[Reading]:
    """Progress up to event `until` (0: the last), for people at a terminal. Raises TapeError."""
    quiet = as_json or not sys.stderr.isatty()
    segments = [] if quiet or until else tape.index().segments
    line = Reading(until or (segments[-1].first_seq if segments else 0), quiet=quiet)
    try:
        yield line
    finally:
        line.clear()
