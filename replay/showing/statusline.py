"""How far something has come: one line on standard error that rewrites itself, on a terminal and only there.

Nothing is shown of what is over soon. Who works calls it as often as it likes; the line is rewritten a few times a
second. Whether there is a terminal, and whether the output is for a program, is decided by who makes it (console.py).
"""

from __future__ import annotations

import sys
import time
from typing import Final

FROM_S: Final = 1.0
EVERY_S: Final = 0.2


class StatusLine:
    """A line of text that is shown, shown again with other words, and taken away."""

    def __init__(self) -> None:
        self._from = self._shown = time.monotonic()
        self._width = 0

    def is_due(self) -> bool:
        """Whether it is time to show something again; True means that the caller does."""
        now = time.monotonic()
        if now - self._from < FROM_S or now - self._shown < EVERY_S:
            return False
        self._shown = now
        return True

    def show(self, text: str) -> None:
        """Write `text` over what stands there."""
        self._width = max(self._width, len(text))
        sys.stderr.write(f"\r{text:<{self._width}}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Leave an empty line behind."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0


class Progress(StatusLine):
    """The event that something has come to, and its time."""

    def __call__(self, seq: int, wall_us: int) -> None:
        """Show it, unless that was done just now."""
        if self.is_due():
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(wall_us // 1_000_000))
            self.show(f"event {seq:,}, {moment} UTC")


class Parts(StatusLine):
    """How many parts of many are done."""

    def __call__(self, done: int, total: int) -> None:
        """Show it, unless that was done just now."""
        if self.is_due():
            self.show(f"{done:,} of {total:,} parts played")


class Trials(StatusLine):
    """What has been tried, and how many events the best has."""

    def __call__(self, stage: str, events: int, trials: int) -> None:
        """Show it, unless that was done just now."""
        if self.is_due():
            self.show(f"{stage}: {events:,} events, {trials:,} tried")


class Simulated(StatusLine):
    """How many seeds were run, with how many events, and how many failed."""

    def __call__(self, seeds: int, total: int, events: int, failed: int) -> None:
        """Show it, unless that was done just now."""
        if self.is_due():
            self.show(f"{seeds:,} of {total:,} seeds, {events:,} events, {failed:,} failed")
