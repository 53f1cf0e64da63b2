"""The sockets that questions come in by: a Unix socket for everything, and by option a TCP address for metrics.

They are opened when the server begins to serve: before privileges go, and behind the checks that no other server runs,
so that a socket that nobody answers at is one that a killed server has left, and is replaced.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ...process.privileges import Privileges

# For its owner and its group; who may connect may ask and change everything.
SOCKET_MODE: Final = 0o660
_BACKLOG: Final = 16
_PORT_MAXIMUM: Final = 65_535


class Listener:
    """A listening socket. `path` is that of a Unix socket, empty for TCP; `everything`: not only metrics."""

    __slots__ = ("everything", "path", "socket")

    def __init__(self, made: socket.socket, path: str) -> None:
        self.socket = made
        self.path = path
        self.everything = bool(path)

    def close(self) -> None:
        """Close it; a Unix socket's name goes, as far as we still may remove it."""
        self.socket.close()
        if self.path:
            with contextlib.suppress(OSError):
                os.unlink(self.path)  # noqa: PTH108 - a name


def open_unix(path: str, privileges: Privileges) -> Listener:
    """Listen at a path, for our user and group after the change of privileges. Raises OSError."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        made.setblocking(False)
        _remove_stale(path)
        # Nobody connects before owner and mode are set: that takes `listen`.
        made.bind(path)
        os.chmod(path, SOCKET_MODE)  # noqa: PTH101 - a name
        if os.geteuid() == 0 and (privileges.uid or privileges.gid):
            os.chown(path, privileges.uid or -1, privileges.gid or -1, follow_symlinks=False)
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return Listener(made, path)


def _remove_stale(path: str) -> None:
    """Remove a socket that nobody listens at."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        try:
            caller.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)  # noqa: PTH108 - a name


def open_tcp(address: str) -> Listener:
    """Listen at `ADDRESS:PORT`. Raises OSError, ValueError."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(tcp_address(address))
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return Listener(made, "")


def tcp_address(text: str) -> tuple[str, int]:
    """Address and port of `127.0.0.1:9547`; raises ValueError with what to write instead."""
    host, _, port = text.rpartition(":")
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        raise ValueError("give an IPv4 address and a port, as 127.0.0.1:9547") from None
    if not (port.isascii() and port.isdigit() and int(port) <= _PORT_MAXIMUM):
        raise ValueError("give a port from 0 to 65535 behind the address")
    return host, int(port)
