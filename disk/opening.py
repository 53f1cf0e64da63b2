"""Opening files where others may write, too: what is created is new, what is read is a file, and links are looked at.

The server begins as root, and its lease file may lie in a folder of the user that it becomes. Whoever can write there
can plant a link under the name of a file that is to come, and root would write into whatever the link names. So what
is created is created by `create`, never through a link and never over what is there; what exists already is opened by
`open_existing`, which goes through a link only where root or we ourselves made it. Who reads a file that a user named
takes `read_only`: a device or a pipe has no end, and is refused before the first octet.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Final, TypeAlias

# For files that tell who was where; a lease file is as readable as ISC's, since others read that.
PRIVATE_MODE: Final = 0o600
# As many as the kernel follows.
_LINKS_MAXIMUM: Final = 40
# Nothing to read is an empty file: configurations for tests are made so.
_DEV_NULL: Final = os.makedev(1, 3)
# No file of ours comes near; one with a hole may say any size, and is not read to its end.
READ_OCTETS_MAXIMUM: Final = 8 << 30
NOT_REGULAR: Final = "not a regular file"

Name: TypeAlias = "str | bytes | os.PathLike[str]"


def create(path: Name, mode: int = PRIVATE_MODE, *, flags: int = 0) -> int:
    """The descriptor of a new, empty file, open for writing; `flags` go to open(2) as well.

    A file or a link of this name is removed first: the link, and not what it names. Raises OSError, EEXIST among them
    where the name is a folder's or a device's, or where somebody is quicker.
    """
    wanted = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC | flags
    try:
        return os.open(path, wanted, mode)
    except FileExistsError:
        status = os.lstat(path)
        if not (is_regular(status) or stat.S_ISLNK(status.st_mode)):
            raise
        os.unlink(path)  # noqa: PTH108 - a name may be octets
        return os.open(path, wanted, mode)


def rewrite(path: Name, mode: int) -> int:
    """The descriptor of the file at `path`, emptied, or made with `mode` where there is none. Raises OSError.

    The file stays the same one, so that a device may be named, and a file in a folder that we may not write.
    """
    try:
        fd = open_existing(path, os.O_WRONLY)
    except FileNotFoundError:
        return create(path, mode)
    if is_regular(os.fstat(fd)):
        os.ftruncate(fd, 0)
    return fd


def open_existing(path: Name, flags: int) -> int:
    """The descriptor of a file that exists, never waiting for a pipe's other end. Raises OSError.

    A link is followed where root or our own user made it; that of anybody else is ELOOP.
    """
    return os.open(_followed(path), flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)


def _followed(path: Name) -> str | bytes:
    """The name behind the links; each is looked at and read through one descriptor, so that nobody can swap it."""
    name: str | bytes = os.fspath(path)
    for _ in range(_LINKS_MAXIMUM):
        link = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            status = os.fstat(link)
            if not stat.S_ISLNK(status.st_mode):
                return name
            if status.st_uid not in (0, os.geteuid()):
                break
            name = _beside(name, os.readlink(b"", dir_fd=link))
        finally:
            os.close(link)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


def _beside(name: str | bytes, target: bytes) -> bytes:
    return os.path.join(os.path.dirname(os.fsencode(name)), target)  # noqa: PTH118, PTH120 - octets


def read_only(path: Name, octets_maximum: int = READ_OCTETS_MAXIMUM) -> int:
    """The descriptor of a regular file, or of /dev/null, for reading.

    Raises OSError, also for what is neither (`not a regular file`): a pipe or a device is not waited for. EFBIG beyond
    `octets_maximum`, since most files are read whole.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    status = os.fstat(fd)
    if is_regular(status) or (stat.S_ISCHR(status.st_mode) and status.st_rdev == _DEV_NULL):
        if status.st_size <= octets_maximum:
            return fd
        os.close(fd)
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
    os.close(fd)
    if stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, NOT_REGULAR, path)


def is_regular(status: os.stat_result) -> bool:
    """Whether it is a file's."""
    return stat.S_ISREG(status.st_mode)
