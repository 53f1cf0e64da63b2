"""The pid file: is another server running, and ours for who asks next.

As in ISC dhcpd the file is all the protection that there is against a second instance, a number that means nothing
counts as a running server, and nobody removes the file when the server is killed.

See docs/behaviour/start.md#the-pid-file.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

from ..disk import opening

ALREADY_RUNNING: Final = "There's already a DHCP server running."
_OCTETS_MAXIMUM: Final = 19
_FILE_MODE: Final = 0o644
_INT_SIGN: Final = 1 << 31
_INT_MASK: Final = (1 << 32) - 1


def server_is_running(path: str) -> bool:
    """Whether the file names a process that lives; an absent, unreadable or empty file does not."""
    try:
        with open(opening.read_only(path), "rb") as file:  # noqa: PTH123 - a descriptor
            content = file.read(_OCTETS_MAXIMUM)
    except OSError:
        return False
    return bool(content) and _is_running(_leading_number(content))


def _leading_number(content: bytes) -> int:
    """As sscanf's %d, which cuts a long number to 32 bits; 0 where there is no number, which counts as running."""
    text = content.lstrip()
    sign, digits = (-1, text[1:]) if text[:1] == b"-" else (1, text)
    length = next((at for at, octet in enumerate(digits) if octet not in b"0123456789"), len(digits))
    number = min(max(sign * int(digits[:length] or b"0"), -1 << 63), (1 << 63) - 1)
    return ((number + _INT_SIGN) & _INT_MASK) - _INT_SIGN


def _is_running(pid: int) -> bool:
    if pid == os.getpid():
        return False
    if pid <= 0:
        return True
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return True


def write(path: str) -> None:
    """Put our number into the file; raises OSError."""
    fd = opening.rewrite(path, _FILE_MODE)
    try:
        os.write(fd, b"%d\n" % os.getpid())
    finally:
        os.close(fd)


def remove(path: str) -> None:
    """Take our file away, as far as we still may."""
    with contextlib.suppress(OSError):
        os.unlink(path)  # noqa: PTH108 - a name, not a path
