"""Becoming a daemon as ISC dhcpd 4.4 does it: one fork at the very beginning, and a parent whose status can be trusted.

The parent waits for one byte and exits with it: 0 once the server serves, 1 where the child died before. Until then
the child keeps the caller's standard error, so that what is wrong is seen.

See docs/behaviour/start.md#becoming-a-daemon.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

_STANDARD_DESCRIPTORS: Final = (0, 1, 2)


def open_standard_descriptors() -> None:
    """Let no file that is opened later become a standard descriptor that was closed at the start."""
    fd = os.open(os.devnull, os.O_RDWR)
    while fd <= _STANDARD_DESCRIPTORS[-1]:
        os.set_inheritable(fd, True)
        fd = os.open(os.devnull, os.O_RDWR)
    os.close(fd)


class Daemon:
    """The child's end of the start; made by `fork`. Without one (foreground) every method does nothing."""

    __slots__ = ("_pipe",)

    def __init__(self, pipe: int = -1) -> None:
        self._pipe = pipe

    @classmethod
    def fork(cls) -> Daemon:
        """Go on in a child; the parent never returns. Raises OSError where there is no pipe or no process."""
        reading, writing = os.pipe()
        if os.fork():
            os.close(writing)
            _wait_and_exit(reading)
        os.close(reading)
        return cls(writing)

    def release(self) -> None:
        """The server serves: let the parent go, leave its session, its terminal and its directory."""
        if self._pipe < 0:
            return
        with contextlib.suppress(OSError):  # a parent that was killed waits no more
            os.write(self._pipe, b"\x00")
        os.close(self._pipe)
        self._pipe = -1
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in _STANDARD_DESCRIPTORS:
            os.dup2(null, fd)
        if null > _STANDARD_DESCRIPTORS[-1]:
            os.close(null)
        os.chdir("/")


def _wait_and_exit(pipe: int) -> None:
    """The parent: its status is the byte, or 1 where none comes."""
    status = os.read(pipe, 1)
    os._exit(status[0] if status else 1)
