"""A share of one processor for a server, by a control group: so that a client can ask for far more than it carries.

On few processors the client of a quick server cannot ask for eight times what the server does; of one that has a tenth
of a processor it can, with the other nine tenths and the rest of the machine for itself. What comes is then handled
as ever: the queue, its limits and the order of what is thrown away know nothing of the share.

Refused: groups for anything but a benchmark; where the system has no such control, opening one raises OSError.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

# Often, so that a group that has had its share is not away for longer than a busy machine's scheduler would have it.
_PERIOD_US: Final = 10_000
_MEMBERS: Final = "cgroup.procs"
# Where the control of processors is: with version 2 of control groups, and with version 1.
_UNIFIED: Final = Path("/sys/fs/cgroup")
_OWN: Final = Path("/sys/fs/cgroup/cpu")


class Share:
    """A context manager: meanwhile the process `pid` with all its threads has `share` of one processor at most.

    Raises OSError where the system has no such control, or not for us.
    """

    def __init__(self, pid: int, share: float) -> None:
        """Nothing is limited yet."""
        self._pid = pid
        self._quota_us = int(_PERIOD_US * share)
        self._root = _OWN if (_OWN / "cpu.cfs_quota_us").exists() else _UNIFIED
        self._group = self._root / f"bench{os.getpid()}"

    def __enter__(self) -> Self:
        """Make the group, and move the process into it."""
        if self._root == _UNIFIED:
            (self._root / "cgroup.subtree_control").write_text("+cpu")
        self._group.mkdir()
        try:
            self._limit()
            (self._group / _MEMBERS).write_text(str(self._pid))
        except OSError:
            self._group.rmdir()
            raise
        return self

    def _limit(self) -> None:
        if self._root == _UNIFIED:
            (self._group / "cpu.max").write_text(f"{self._quota_us} {_PERIOD_US}")
        else:
            (self._group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (self._group / "cpu.cfs_quota_us").write_text(str(self._quota_us))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the processes that are left go, and remove the group."""
        for pid in (self._group / _MEMBERS).read_text().split():
            with contextlib.suppress(OSError):  # it has ended
                (self._root / _MEMBERS).write_text(pid)
        self._group.rmdir()
