"""How far a long look at a recording has come: a line on standard error, where that is a terminal.

Nothing is shown in the first two seconds, and nothing is left behind. How much there is to do is known from the
recording's index; where it is not (a file that grows), only how far the reading is.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from .describe import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..trace import Entry, Tape

QUIET_S: Final = 2.0
_EVERY_S: Final = 0.5
_ENTRIES_BETWEEN: Final = 256
_CLEAR: Final = "\r\x1b[K"


class Progress:
    """`at` is called with every entry; `total` is the number of the last event, or about that, 0 where unknown."""

    def __init__(self, doing: str, total: int, stream: TextIO) -> None:
        """Begin, and say nothing yet."""
        self._doing = doing
        self._total = total
        self._stream = stream if stream.isatty() else None
        self._next_s = time.monotonic() + QUIET_S
        self._left = _ENTRIES_BETWEEN
        self._shown = False

    def at(self, entry: Entry) -> None:
        """An entry was reached."""
        self._left -= 1
        if self._left > 0 or self._stream is None:
            return
        self._left = _ENTRIES_BETWEEN
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + _EVERY_S
            self._shown = True
            self._stream.write(f"{_CLEAR}{self._doing}: {self._where(entry)}")
            self._stream.flush()

    def _where(self, entry: Entry) -> str:
        share = f" of about {self._total:,}" if self._total >= entry.seq else ""
        return f"event {entry.seq:,}{share}, {moment(entry.event.wall_us)[:19]}"

    def close(self) -> None:
        """Leave the line empty."""
        if self._shown and self._stream is not None:
            self._shown = False
            self._stream.write(_CLEAR)
            self._stream.flush()


@contextmanager
def reading(tape: Tape, doing: str, until: int = 0) -> Iterator[Progress]:
    """Progress through a recording, up to event `until` (0: the last). Raises TapeError."""
    segments = tape.index().segments if sys.stderr.isatty() and not until else []
    progress = Progress(doing, until or (segments[-1].first_seq if segments else 0), sys.stderr)
    try:
        yield progress
    finally:
        progress.close()
