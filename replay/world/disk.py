"""A disk with a lease file, in memory: what was written, what of it is safe, and what becomes of the rest.

A real file is written by appending and synced by and by; who writes it may be told that the disk is full, and when the
power fails what was not synced is there in part or not at all. All three are had here on demand, since a server's
promises are worth what they are worth then. The order of steps is that of disk/lease_file.py: records go to the old
file while a new one is written, and are in the new one, too, before that takes the old one's place.
"""

from __future__ import annotations

import errno
import os
from typing import Final

OPERATIONS: Final = ("append", "sync", "create", "write", "backup", "install")


class DiskError(Exception):
    """The disk fails; `operation` is one of OPERATIONS, as in the event StorageFailed, and `reason` errno's text."""

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"{operation}: {reason}")
        self.operation = operation
        self.reason = reason


class Disk:
    """A lease file on a disk that may fail or lose power.

    `content` is the lease file as a reader sees it now, `synced` how many octets of it a power failure leaves.
    `failing` names operations that fail from now on.
    """

    def __init__(self, content: bytes = b"") -> None:
        """A disk that holds this lease file, safely."""
        self.content = bytearray(content)
        self.synced = len(content)
        self.failing: set[str] = set()
        self._new: bytearray | None = None
        self._meanwhile = bytearray()

    def append(self, data: bytes) -> None:
        """Write behind what is there. Raises DiskError, and nothing is written."""
        self._check("append")
        self.content += data
        if self._new is not None:
            self._meanwhile += data

    def sync(self) -> None:
        """Make safe what is there. Raises DiskError, and what is safe is what was."""
        self._check("sync")
        self.synced = len(self.content)

    def begin_rewrite(self, suffix: str = "") -> None:
        """Begin a new file, whose name ends so until it is installed. Raises DiskError."""
        del suffix  # names are nothing here
        self._new, self._meanwhile = None, bytearray()
        self._check("create")
        self._new = bytearray()

    def rewrite(self, data: bytes) -> None:
        """Write a part of the new file; nothing where there is none. Raises DiskError, and the new file is gone."""
        if self._new is not None:
            try:
                self._check("write")
            except DiskError:
                self._new = None
                raise
            self._new += data

    def end_rewrite(self, *, install: bool) -> bool:
        """Put the new file in the place of the old one, synced; whether that was done. Raises DiskError."""
        new, self._new = self._new, None
        if new is None or not install:
            return False
        self._check("backup")
        self._check("install")
        self.content = new + self._meanwhile
        self.synced = len(self.content)
        return True

    def lose_power(self, kept: float = 0.0) -> None:
        """Forget what was not synced, but for this part of it (0 to 1), which may end within a record.

        Nothing fails any more: the machine is booted anew, with a disk that works.
        """
        unsafe = len(self.content) - self.synced
        del self.content[self.synced + int(unsafe * kept) :]
        self.synced = len(self.content)
        self._new = None
        self.failing.clear()

    def _check(self, operation: str) -> None:
        assert operation in OPERATIONS, operation
        if operation in self.failing:
            raise DiskError(operation, os.strerror(errno.ENOSPC))
