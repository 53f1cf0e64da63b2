"""The octets of an ISC dhcpd trace file (`dhcpd -tf` of ISC dhcpd 3.0 to 4.4): header, frames, names of types.

Nothing in the file is trusted: every length is held against what the file still has, and each record is read on its
own, so that a damaged tail costs the tail alone. What a record's payload means is records.py's business.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC: Final = b"dHCp"
_VERSION_MAX: Final = 1
_HEADER: Final = struct.Struct(">4sIII")
_FRAME: Final = struct.Struct(">III")
_FRAME_BYTES_MIN: Final = 16
_FRAME_BYTES_MAX: Final = 4096
_ALIGN: Final = 8
_RECORD_BYTES_MAX: Final = 256 << 20
_NAME_BYTES_MAX: Final = 256


class IscTraceError(Exception):
    """Root of what can be wrong with an ISC trace; `path` is the file's name."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(f"{path}: {text}")
        self.path = path


class NotIscTrace(IscTraceError):
    """It is none, or its header is cut off."""


class NewerIscTrace(IscTraceError):
    """Of a version that no ISC dhcpd ever wrote."""


class DamagedIscTrace(IscTraceError):
    """It cannot be read on from `offset`; everything before was read."""

    def __init__(self, path: str, offset: int, text: str) -> None:
        super().__init__(path, f"damaged at octet {offset:,}: {text}")
        self.offset = offset


class RawRecord(NamedTuple):
    """One record: `type` is its name in the file, `when` seconds since 1970."""

    offset: int
    type: str
    when: int
    payload: bytes


def is_isc_trace(path: str) -> bool:
    """Whether the file begins as an ISC trace; False where it cannot be read."""
    try:
        with open_regular(path) as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def open_regular(path: str) -> BinaryIO:
    """The file, open for reading. Raises OSError, for a directory and a pipe too, on which reading would wait."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return os.fdopen(fd, "rb")


def read(file: BinaryIO, path: str) -> Iterator[RawRecord]:
    """Every record in order. Raises NotIscTrace, NewerIscTrace, and DamagedIscTrace behind the last good one."""
    frame_bytes = _read_header(file, path)
    size = os.fstat(file.fileno()).st_size
    names: dict[int, str] = {}
    offset = file.tell()
    while offset < size:
        frame = file.read(frame_bytes)
        if len(frame) < frame_bytes:
            raise DamagedIscTrace(path, offset, f"{len(frame)} octets of a record's header, {frame_bytes} wanted")
        index, length, when = _FRAME.unpack_from(frame)
        padded = -(-length // _ALIGN) * _ALIGN
        left = size - offset - frame_bytes
        if padded > left or length > _RECORD_BYTES_MAX:
            raise DamagedIscTrace(path, offset, f"a record of {length:,} octets, {max(left, 0):,} are left")
        payload = file.read(padded)[:length]
        if not index:
            _learn(names, payload)
        elif index not in names:
            raise DamagedIscTrace(path, offset, f"a record of type {index}, which the file does not name")
        else:
            yield RawRecord(offset, names[index], when, payload)
        offset += frame_bytes + padded


def _read_header(file: BinaryIO, path: str) -> int:
    """The length of a record's header; the file then stands at the first record."""
    head = file.read(_HEADER.size)
    if not head:
        raise NotIscTrace(path, "empty file")
    if not head.startswith(MAGIC):
        raise NotIscTrace(path, "not an ISC dhcpd trace file")
    if len(head) < _HEADER.size:
        raise NotIscTrace(path, f"cut off within its header: {len(head)} octets of {_HEADER.size}")
    head_bytes: int
    frame_bytes: int
    _magic, version, head_bytes, frame_bytes = _HEADER.unpack(head)
    if version > _VERSION_MAX:
        raise NewerIscTrace(path, f"ISC trace version {version}, only {_VERSION_MAX} is known")
    if head_bytes < _HEADER.size or not _FRAME_BYTES_MIN <= frame_bytes <= _FRAME_BYTES_MAX:
        raise NotIscTrace(path, f"headers of {head_bytes} and {frame_bytes} octets: no ISC dhcpd writes that")
    file.seek(head_bytes)
    return frame_bytes


def _learn(names: dict[int, str], payload: bytes) -> None:
    """A record of type 0 gives a number its name; one that is too short says nothing."""
    if len(payload) >= struct.calcsize(">I"):
        names[int.from_bytes(payload[:4], "big")] = payload[4 : 4 + _NAME_BYTES_MAX].decode("ascii", "replace")
