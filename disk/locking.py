"""One server a lease file: a lock of flock(2) on it, and who has it where somebody else does.

The pid file keeps two servers of one configuration apart; two with pid files of their own (or none) would write into
one lease file by turns, and promise an address twice. The lock is the kernel's, so that a server that was killed has
none, and it hangs on the file and not on its name: who replaces the file locks the new one first. Readers, and programs
that know nothing of the lock, are not held up. Where the file system has no such locks there is none, in silence.
"""

from __future__ import annotations

import errno
import fcntl
import os
from typing import Final

# What flock(2) says where the file system does not have it.
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})
_LOCKS: Final = "/proc/locks"
_FIELDS: Final = 6


class LockedError(OSError):
    """Another process has the lock; `pid` is its number, 0 where the system does not say."""

    def __init__(self, path: str, pid: int) -> None:
        super().__init__(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK), path)
        self.pid = pid


def lock(fd: int, path: str) -> None:
    """Lock an open file until its last descriptor is closed. Raises LockedError, OSError."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LockedError(path, holder(fd)) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def is_at(fd: int, path: str) -> bool:
    """Whether the open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))  # noqa: PTH116 - both the same way
    except FileNotFoundError:
        return False


def holder(fd: int) -> int:
    """Who has a lock on the file, as proc(5) lists locks; 0 where that is not to be seen, or not clear.

    The file is told by the number of its inode: the device that is listed is another one on stacked file systems.
    """
    number = os.fstat(fd).st_ino
    try:
        with open(_LOCKS, encoding="ascii") as table:  # noqa: PTH123 - no path of a user's
            rows = [line.split() for line in table]
    except OSError:
        return 0
    found = {
        int(row[4])
        for row in rows
        if len(row) > _FIELDS and row[1] == "FLOCK" and row[5].rpartition(":")[2] == str(number)
    }
    return max(found.pop(), 0) if len(found) == 1 else 0
