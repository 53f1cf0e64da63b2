"""How much room there is for a recording: the disk's, less a reserve for a lease file that stands on the same disk.

A recording is worth less than the service: a disk that it filled would keep leases from being stored. The reserve is
what a rewrite of the lease file takes, at least RESERVE_OCTETS, and at most an eighth of a small disk.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

RESERVE_OCTETS: Final = 4 << 20
_DISK_SHARE: Final = 8
# Before a recording goes on there is to be as much again, and a little to begin with.
_BEGINNING_OCTETS: Final = 64 << 10
_PLENTY: Final = 1 << 62


class Room:
    """The room in `folder`, an open one. `lease_file` is the path of the lease file once it is known, else empty."""

    __slots__ = ("_folder", "lease_file")

    def __init__(self, folder: int) -> None:
        self._folder = folder
        self.lease_file = ""

    def free(self) -> tuple[int, int]:
        """(octets that may be written, octets that are to stay free); the first is large where nobody tells."""
        try:
            disk = os.statvfs(self._folder)
        except OSError:  # a folder that may not be read
            return _PLENTY, 0
        blocks = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
        return blocks * disk.f_frsize, self._reserve(disk.f_blocks * disk.f_frsize)

    def _reserve(self, disk_octets: int) -> int:
        try:
            status = Path(self.lease_file).stat() if self.lease_file else None
            if status is None or status.st_dev != os.fstat(self._folder).st_dev:
                return 0
        except OSError:
            return 0
        return min(max(RESERVE_OCTETS, status.st_size), disk_octets // _DISK_SHARE)

    def is_short(self) -> bool:
        """Whether the reserve would be written into."""
        free, reserve = self.free()
        return free < reserve

    def suffices(self, octets: int) -> bool:
        """Whether a recording may go on that begins with so many octets."""
        free, reserve = self.free()
        return free >= 2 * reserve + octets + _BEGINNING_OCTETS
