"""Signals as something to read: the numbers of those that came, and a descriptor to wait for with all the others.

The interpreter's own handler writes a signal's number into a pipe the moment that it comes (`set_wakeup_fd`), so that
none falls between a look and the wait behind it, and nothing of the program runs in the middle of something else. The
same signal, come several times before anybody reads, counts once, as it may with the system. Only for the main thread.
"""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# What comes at a start waits until the loop listens: it would kill before, and leave a recording without its end.
EARLY: Final = frozenset({signal.SIGHUP, signal.SIGUSR2})
# So many may wait to be read; what comes beyond is one of them again.
_READ_OCTETS: Final = 4096


class Signals:
    """Signals of some numbers, heard from `begin` to `end`."""

    __slots__ = ("_before", "_numbers", "_read", "_wakeup", "_write")

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = tuple(numbers)
        self._before: dict[int, Any] = {}
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakeup = -1

    def fileno(self) -> int:
        """The descriptor that becomes readable when one came."""
        return self._read

    def begin(self) -> None:
        """Hear them, in place of whoever did."""
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in self._numbers:
            self._before[number] = signal.signal(number, _leave_it_to_the_reader)

    def take(self) -> list[int]:
        """The numbers of those that came since the last call, in order, each once."""
        with contextlib.suppress(BlockingIOError):
            return [number for number in dict.fromkeys(os.read(self._read, _READ_OCTETS)) if number in self._before]
        return []

    def end(self) -> None:
        """Leave them to whoever heard them before, and close the pipe."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._read)
        os.close(self._write)


def _leave_it_to_the_reader(_number: int, _frame: object) -> None:
    """The number is in the pipe already."""
