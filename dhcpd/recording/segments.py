"""The files of a recording that is cut into segments: FILE is the newest, older ones are named by their beginning.

`today.trace` becomes `today.20261125T204931Z.e000000120345.trace`: when it was begun (UTC) and with which event, so
that names sort by time, meet neither each other nor the `today.trace.1` of a file that was moved aside, tell where to
look, and still end as names of recordings do. Everything goes through the open folder, which stays the same after a
change of root or directory. Files of other names are never touched.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from typing import Final, NamedTuple

from ..trace import TapeError, open_tape

_MICROSECONDS: Final = 1_000_000
_NEXT: Final = ".next"
_NAMES_TRIED_MAXIMUM: Final = 1000
_DIGITS: Final = 12


class OldSegment(NamedTuple):
    """An older segment: its name, when it was last written (seconds since 1970), and its octets."""

    name: str
    ended_s: float
    octets: int


class Segments:
    """The folder of the recording at `path`. Raises OSError where it cannot be opened."""

    __slots__ = ("_named", "_root", "_shown", "_suffix", "folder", "name")

    def __init__(self, path: str) -> None:
        head, self.name = os.path.split(path)
        self._shown = os.path.join(os.path.abspath(head), "")  # noqa: PTH100, PTH118 - text for people
        flags = os.O_DIRECTORY | os.O_CLOEXEC
        try:
            self.folder = os.open(head or ".", os.O_RDONLY | flags)
        except PermissionError:  # a folder that may be written but not read: old segments are not found in it
            self.folder = os.open(head or ".", os.O_PATH | flags)
        self._root, self._suffix = os.path.splitext(self.name)  # noqa: PTH122 - a name, not a file
        self._named = re.compile(re.escape(self._root) + r"\.\d{8}T\d{6}Z\.e\d+(\.\d+)?" + re.escape(self._suffix))

    @property
    def next_name(self) -> str:
        """The name of a segment whose snapshot is still being made."""
        return self.name + _NEXT

    def shown(self, name: str) -> str:
        """The whole path of a file, for people."""
        return self._shown + name

    def archive(self, begun_us: int, first_seq: int) -> str:
        """Give FILE its old name, which is returned; raises OSError.

        No hard link, which would never replace a file: Linux refuses it to a user who does not own FILE, and FILE may
        have been made before privileges were dropped.
        """
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(begun_us // _MICROSECONDS))
        wanted = f"{self._root}.{moment}.e{first_seq:0{_DIGITS}}"
        for number in range(_NAMES_TRIED_MAXIMUM):
            name = f"{wanted}.{number}{self._suffix}" if number else wanted + self._suffix
            if not self._exists(name):
                self._rename(self.name, name)
                return name
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), wanted)

    def _exists(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _rename(self, name: str, other: str) -> None:
        os.rename(name, other, src_dir_fd=self.folder, dst_dir_fd=self.folder)

    def archive_found(self) -> str | None:
        """Archive the tape that an earlier run left as FILE; None where there is none. Raises OSError."""
        try:
            with open_tape(self.shown(self.name)) as tape:
                begun_us, first_seq = tape.info.created_us, tape.first_seq
        except TapeError:
            return None
        return self.archive(begun_us, first_seq)

    def change_over(self, begun_us: int, first_seq: int) -> str:
        """Give FILE its old name, which is returned, and `next_name` FILE's. Both or none; raises OSError."""
        name = self.archive(begun_us, first_seq)
        try:
            self._rename(self.next_name, self.name)
        except OSError:
            self._rename(name, self.name)
            raise
        return name

    def discard_next(self) -> None:
        """Remove a segment that was begun and never got its snapshot: FILE holds what it holds."""
        with contextlib.suppress(OSError):
            os.unlink(self.next_name, dir_fd=self.folder)

    def old(self) -> list[OldSegment]:
        """The older segments, those that ended first first; none where the folder cannot be read."""
        found: list[OldSegment] = []
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if self._named.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(OSError):
                        status = entry.stat(follow_symlinks=False)
                        found.append(OldSegment(entry.name, status.st_mtime, status.st_size))
        return sorted(found, key=lambda one: (one.ended_s, one.name))

    def remove(self, old: OldSegment) -> bool:
        """Delete an older segment; whether that was possible."""
        try:
            os.unlink(old.name, dir_fd=self.folder)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Close the folder."""
        os.close(self.folder)
