"""The lease file on a disk: appended to, synced, and replaced as a whole by a rewrite.

The program (in its storage thread) and playback write through the same class, so that the same effects give the same
file to the byte. It decides nothing: when to append, sync or rewrite is said by the engine's effects. It refuses to
leave half a record behind: an append that fails is cut off again, and where that cannot be done nothing is written
behind it. What could not be synced is cut off, too: the kernel may have forgotten it and say so only once.

Better than ISC dhcpd on purpose: while a new file is being made, records go to the old one *and* to the new one, so
that a rewrite that fails costs nothing, the directory is synced after the change of names, a backup
is there until the next one is, and somebody who removes or replaces the file under the server is noticed.

See docs/behaviour/lease-file.md#what-is-written-when, docs/behaviour/lease-file.md#failures-of-a-rewrite.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path
from typing import Final

from ..engine.model.context import interpreted
from . import locking, opening

# Group-writable as ISC's, less the umask.
FILE_MODE: Final = 0o664
# A new file is synced as it grows: replies that wait for the disk never wait for more of it than this.
_UNSYNCED_OCTETS_MAX: Final = 1 << 20
# What link(2) says where the file system, or a rule about other users' files, does not have it.
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})


@interpreted
class StorageError(OSError):
    """The lease file could not be written.

    `operation` is that of the event `StorageFailed`: `open`, `append`, `sync`, `create`, `write`, `backup`,
    `install`, or `lost` where the file is not the one at `path` any more; `path` the file; `reason` the text of errno.
    """

    def __init__(self, operation: str, path: str, error: OSError) -> None:
        super().__init__(error.errno, error.strerror, path)
        self.operation = operation
        self.path = path
        self.reason = error.strerror or str(error)


@interpreted
class LeaseFileInUse(StorageError):
    """Another process has locked the lease file; `pid` is its number, 0 where the system does not say."""

    def __init__(self, path: str, error: locking.LockedError) -> None:
        super().__init__("open", path, error)
        self.pid = error.pid


class LeaseFile:
    """A lease file that is open for appending.

    `owner` is the (uid, gid) that each rewritten file is given, None for the process's own. `discard` is for `-T`:
    what is appended goes nowhere. `durable=False` leaves out every sync (`dont-use-fsync`, and playback). `mode` is
    that of the files that are made, less the umask. `exclusive`: no other process may have it so, too, while this one
    has. Raises StorageError("open") where the file cannot be opened for append, or is none; LeaseFileInUse.
    """

    __slots__ = (
        "_discard", "_durable", "_exclusive", "_fd", "_identity", "_meanwhile", "_mode", "_new_fd", "_new_path",
        "_octets", "_owner", "_sound_octets", "_unsynced", "path",
    )  # fmt: skip

    def __init__(
        self,
        path: str,
        *,
        owner: tuple[int, int] | None = None,
        discard: bool = False,
        durable: bool = True,
        mode: int = FILE_MODE,
        exclusive: bool = False,
    ) -> None:
        self.path = path
        self._exclusive = exclusive
        self._owner = owner
        self._discard = discard
        self._durable = durable
        self._mode = mode
        self._new_fd = -1
        self._new_path = ""
        self._unsynced = 0
        self._meanwhile: list[bytes] = []
        try:
            self._fd = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC) if discard else self._open()
        except locking.LockedError as locked:
            raise LeaseFileInUse(path, locked) from locked
        except OSError as error:
            raise StorageError("open", path, error) from error
        # The length so far, and how much of it is sound: synced, or about to be.
        self._note_file()

    def _note_file(self) -> None:
        """Which file the open one is, and how long."""
        there = os.fstat(self._fd)
        self._identity = there.st_dev, there.st_ino
        self._octets = self._sound_octets = there.st_size

    def _open(self) -> int:
        """Open for append, and lock; anew where the server that had it has just put another file in its place."""
        while True:
            fd = _open(self.path, self._mode)
            if not self._exclusive:
                return fd
            try:
                locking.lock(fd, self.path)
                if locking.is_at(fd, self.path):
                    return fd
            except OSError:
                os.close(fd)
                raise
            os.close(fd)

    @property
    def rewriting(self) -> bool:
        """Whether a new file is open."""
        return self._new_fd >= 0

    def append(self, data: bytes) -> None:
        """Put records behind the others: all of `data` or nothing. Raises StorageError("append")."""
        try:
            if not self._discard:
                self._cut_off(self._octets)
            _write_all(self._fd, data)
        except OSError as error:
            self._cut_off_if_possible(self._octets)
            raise StorageError("append", self.path, error) from error
        self._octets += len(data)
        if self._new_fd >= 0:
            self._meanwhile.append(data)

    def _cut_off(self, octets: int) -> None:
        """Cut half a record off again, which would cost the reader the next one too.

        See docs/behaviour/lease-file.md#damaged-files.
        """
        if os.fstat(self._fd).st_size > octets:
            os.ftruncate(self._fd, octets)

    def _cut_off_if_possible(self, octets: int) -> None:
        """Cut half a record off; where that fails, the next append tries first."""
        if not self._discard:
            self._octets = octets
            with contextlib.suppress(OSError):
                self._cut_off(octets)

    def sync(self) -> None:
        """Return when what was appended would survive a power failure. Raises StorageError("sync")."""
        if self._durable and not self._discard:
            try:
                os.fdatasync(self._fd)
            except OSError as error:
                self._cut_off_if_possible(self._sound_octets)
                raise StorageError("sync", self.path, error) from error
        self._sound_octets = self._octets

    def check(self) -> None:
        """Raise StorageError("lost") where the file at `path` is another one than this, none at all, or shorter."""
        if self._discard:
            return
        try:
            there = os.stat(self.path)  # noqa: PTH116 - it is looked at with every record
        except OSError as error:
            raise StorageError("lost", self.path, error) from error
        if (there.st_dev, there.st_ino) != self._identity:
            raise StorageError("lost", self.path, OSError(errno.ESTALE, "another file is in its place"))
        if there.st_size < self._octets:
            raise StorageError("lost", self.path, OSError(errno.ESTALE, "its end was cut off"))

    def begin_rewrite(self, suffix: str) -> None:
        """Open `<path>.<suffix>`, empty; an open rewrite is given up for it."""
        self.abandon_rewrite()
        path = f"{self.path}.{suffix}"
        try:
            self._new_fd = opening.create(path, self._mode, flags=os.O_APPEND)
            self._new_path = path
            self._unsynced = 0
            if self._exclusive:
                locking.lock(self._new_fd, path)
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
            self._unsynced += len(data)
            if self._durable and self._unsynced >= _UNSYNCED_OCTETS_MAX:
                os.fdatasync(self._new_fd)
                self._unsynced = 0
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
        """`path` exists at every instant, and so does a backup once there was one: names change by renaming only."""
        step, backup = "backup", self._new_path + "~"
        try:
            if _back_up(self.path, backup, self._owner):
                Path(backup).rename(self.path + "~")
            step = "install"
            Path(self._new_path).rename(self.path)
        except OSError as error:
            self.abandon_rewrite()
            raise StorageError(step, self.path, error) from error
        finally:
            _remove(backup)  # also where both names were one file's: then rename(2) does nothing
        self._take_over()
        if self._durable:
            _sync_folder(self.path)

    def _take_over(self) -> None:
        """Append to the new file from now on."""
        os.close(self._fd)
        self._fd = self._new_fd
        self._note_file()
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
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])


def _open(path: str, mode: int) -> int:
    """Open for append; a file that is not there is made."""
    flags = os.O_WRONLY | os.O_APPEND
    try:
        fd = opening.open_existing(path, flags)
    except FileNotFoundError:
        return opening.create(path, mode, flags=os.O_APPEND)
    if not opening.is_regular(os.fstat(fd)):
        os.close(fd)
        raise OSError(errno.EINVAL, opening.NOT_REGULAR, path)
    return fd


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):  # it may never have been there, or its folder be gone
        Path(path).unlink()


def _back_up(path: str, backup: str, owner: tuple[int, int] | None) -> bool:
    """Give the file at `path` a second name, or a copy where there are no links; False where somebody removed it."""
    _remove(backup)
    try:
        os.link(path, backup, follow_symlinks=False)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _copy(path, backup, owner)
    return True


def _copy(path: str, backup: str, owner: tuple[int, int] | None) -> None:
    with (
        open(opening.open_existing(path, os.O_RDONLY), "rb") as source,  # noqa: PTH123 - a descriptor
        open(opening.create(backup), "wb") as target,  # noqa: PTH123 - as above
    ):
        shutil.copyfileobj(source, target)
        os.fchmod(target.fileno(), stat.S_IMODE(os.fstat(source.fileno()).st_mode))
        if owner is not None:
            os.fchown(target.fileno(), *owner)


def _sync_folder(path: str) -> None:
    """The names are on disk too. Some file systems cannot, and say so by an error that changes nothing."""
    with contextlib.suppress(OSError):
        folder = os.open(Path(path).parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
