"""What a service manager is told: systemd's protocol of datagrams, without its library (sd_notify(3)).

`NOTIFY_SOCKET` names where they go, `WATCHDOG_USEC` how often a sign of life is expected. The socket is opened before
the root directory changes. Where there is no manager, or it listens no more, nothing happens: a server that serves does
not end because nobody hears how it is.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ServiceManager:
    """Who started this process and wants to know how it is.

    `due_us`: when the next sign of life is due, by the monotonic clock; 0 for never. `reloading`: a reload was told,
    and not its end.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.reloading = False
        self.due_us = 0
        self._every_us = _watchdog_us(environment) // 2
        self._socket = _connected(environment.get("NOTIFY_SOCKET", ""))

    def ready(self, now_us: int, status: str) -> None:
        """The server serves, from now on or again; the sign of life is expected from here."""
        self.reloading = False
        self._tell("READY=1", f"MAINPID={os.getpid()}", f"STATUS={status}")
        self.live(now_us)

    def reload(self, now_us: int) -> None:
        """The configuration is being read again; `now_us` is the manager's clock, too (CLOCK_MONOTONIC)."""
        self.reloading = True
        self._tell("RELOADING=1", f"MONOTONIC_USEC={now_us}", "STATUS=Reading the configuration again")

    def stop(self) -> None:
        """The server ends, in order."""
        self._tell("STOPPING=1", "STATUS=Ending: what was promised is stored and sent")

    def live(self, now_us: int) -> None:
        """Give a sign of life where one is due."""
        if self._every_us and self._socket is not None and now_us >= self.due_us:
            self.due_us = now_us + self._every_us
            self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is gone, or does not keep up: see the module
                self._socket.send("\n".join(lines).encode())


def _watchdog_us(environment: Mapping[str, str]) -> int:
    """How often a sign of life is expected of this process, in microseconds; 0 for never."""
    text, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not (text.isascii() and text.isdecimal()) or pid not in ("", str(os.getpid())):
        return 0
    return int(text)


def _connected(name: str) -> socket.socket | None:
    """A socket to the manager; its name is a path, or begins with @ for the abstract names of Linux (unix(7))."""
    if not name.startswith(("/", "@")):
        return None
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        made.connect("\0" + name[1:] if name[0] == "@" else name)
    except OSError:
        made.close()
        return None
    return made
