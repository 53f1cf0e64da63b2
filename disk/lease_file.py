"""The lease file on a disk: appended to, synced, and replaced as a whole by a rewrite (leases-file 6).

The program (in its storage thread) and playback write through the same class, so that the same effects give the same
file to the byte. It decides nothing: when to append, sync or rewrite is said by the engine's effects. It refuses to
leave half a record behind: an append that fails is cut off again.

Better than ISC dhcpd on purpose: while a new file is being made, records go to the old one *and* to the new one, so
that a rewrite that fails costs nothing (leases-file 6.5), and the directory is synced after the change of names.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

# Group-writable as ISC's, less the umask.
FILE_MODE: Final = 0o664
_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


class StorageError(OSError):
    """The lease file could not be written.

    `operation` is that of the event `StorageFailed`: `open`, `append`, `sync`, `create`, `write`, `backup` or
    `install`; `path` the file; `reason` the text of errno.
    """

    def __init__(self, operation: str, path: str, error: OSError) -> None:
        super().__init__(error.errno, error.strerror, path)
        self.operation = operation
        self.path = path
        self.reason = error.strerror or str(error)


class LeaseFile:
    """A lease file that is open for appending.

    `owner` is the (uid, gid) that each rewritten file is given, None for the process's own. `discard` is for `-T`:
    what is appended goes nowhere. `durable=False` leaves out every sync (`dont-use-fsync`, and playback). Raises
    StorageError("open") where the file cannot be opened for append.
    """

    __slots__ = ("_discard", "_durable", "_fd", "_good_octets", "_meanwhile", "_new_fd", "_new_path", "_owner", "path")

    def __init__(
        self, path: str, *, owner: tuple[int, int] | None = None, discard: bool = False, durable: bool = True
    ) -> None:
        self.path = path
        self._owner = owner
        self._discard = discard
        self._durable = durable
        self._new_fd = -1
        self._new_path = ""
        self._meanwhile: list[bytes] = []
        try:
            self._fd = os.open(os.devnull if discard else path, _APPEND, FILE_MODE)
            self._good_octets = os.fstat(self._fd).st_size
        except OSError as error:
            raise StorageError("open", path, error) from error

    @property
    def rewriting(self) -> bool:
        """Whether a new file is open."""
        return self._new_fd >= 0

    def append(self, data: bytes) -> None:
        """Put records behind the others: all of `data` or nothing."""
        try:
            _write_all(self._fd, data)
        except OSError as error:
            self._cut_off()
            raise StorageError("append", self.path, error) from error
        self._good_octets += len(data)
        if self._new_fd >= 0:
            self._meanwhile.append(data)

    def _cut_off(self) -> None:
        """Half a record would cost the reader the next one too (leases-file 9.2)."""
        if not self._discard:
            with contextlib.suppress(OSError):  # the disk is gone altogether; the reader skips a half record
                os.ftruncate(self._fd, self._good_octets)

    def sync(self) -> None:
        """Return when what was appended would survive a power failure."""
        if self._durable and not self._discard:
            try:
                os.fdatasync(self._fd)
            except OSError as error:
                raise StorageError("sync", self.path, error) from error

    def begin_rewrite(self, suffix: str) -> None:
        """Open `<path>.<suffix>`, empty; an open rewrite is given up for it."""
        self.abandon_rewrite()
        path = f"{self.path}.{suffix}"
        try:
            self._new_fd = os.open(path, _NEW, FILE_MODE)
            self._new_path = path
            if self._owner is not None:
                os.fchown(self._new_fd, *self._owner)
        except OSError as error:
            self.abandon_rewrite()
            raise StorageError("create", path, error) from error

    def rewrite_part(self, data: bytes) -> None:
        """Write a slice of the new file; nothing where the rewrite was given up."""
        if self._new_fd < 0:
            return
        try:
            _write_all(self._new_fd, data)
        except OSError as error:
            path = self._new_path
            self.abandon_rewrite()
            raise StorageError("write", path, error) from error

    def end_rewrite(self, install: bool) -> bool:
        """Finish the new file and, if `install`, put it in the place of the old one; True where that was done."""
        if self._new_fd < 0:
            return False
        if not install:
            self.abandon_rewrite()
            return False
        self.rewrite_part(b"".join(self._meanwhile))
        try:
            if self._durable:
                os.fsync(self._new_fd)
        except OSError as error:
            path = self._new_path
            self.abandon_rewrite()
            raise StorageError("write", path, error) from error
        self._change_names()
        return True

    def _change_names(self) -> None:
        """`path` exists at every instant: a hard link for the backup, then a rename that is atomic."""
        step, backup = "backup", self.path + "~"
        try:
            _remove(backup)
            _link(self.path, backup)
            step = "install"
            Path(self._new_path).rename(self.path)
        except OSError as error:
            self.abandon_rewrite()
            raise StorageError(step, self.path, error) from error
        self._take_over()
        if self._durable:
            _sync_folder(self.path)

    def _take_over(self) -> None:
        """Append to the new file from now on."""
        os.close(self._fd)
        self._fd = self._new_fd
        self._good_octets = os.lseek(self._fd, 0, os.SEEK_END)
        self._new_fd = -1
        self._new_path = ""
        self._meanwhile = []

    def abandon_rewrite(self) -> None:
        """Remove the new file, if one is open; the old one stays in use."""
        if self._new_fd >= 0:
            os.close(self._new_fd)
            _remove(self._new_path)
        self._new_fd = -1
        self._new_path = ""
        self._meanwhile = []

    def close(self) -> None:
        """Close the file; a rewrite that is still open is given up. To be called once or more often."""
        self.abandon_rewrite()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _write_all(fd: int, data: bytes) -> None:
    """A write to a file is short only where the disk is full, and then the next one says so."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _remove(path: str) -> None:
    Path(path).unlink(missing_ok=True)


def _link(path: str, backup: str) -> None:
    """A lease file that somebody removed has no backup, and that is no reason to keep the new one out."""
    with contextlib.suppress(FileNotFoundError):
        os.link(path, backup)


def _sync_folder(path: str) -> None:
    """The names are on disk too. Some file systems cannot, and say so by an error that changes nothing."""
    with contextlib.suppress(OSError):
        folder = os.open(Path(path).parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
