"""The lease file's rewrite, in slices, and what is done when the file cannot be written.

A rewrite begins at the start, and then at the first commit an hour after the last. It is made of
slices so that packets are never held up; what is stored meanwhile goes to both files. Which lease is written how is
engine/lease's business; doing it to a disk is the program's.

See docs/behaviour/lease-file.md#when-the-file-is-rewritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..trace.effects import DEBUG, ERROR, INFO, Log, RewriteBegin, RewriteEnd, RewritePart
from .model import notices

if TYPE_CHECKING:
    from ..trace.effects import Effect
    from ..trace.events import StorageFailed
    from .lease.file.writer import Rewriter

# Every record goes behind the others, so the file grows with the traffic. ISC has rewritten it after an hour since 3.0.
INTERVAL_S: Final = 3600


class Rewriting:
    """Whether a rewrite is open, since when the last one counts, and what the file is called.

    `test`: for `-T` the new file is only tried. `begun_at` is in seconds since 1970; it counts even when the rewrite
    fails, so that a failing one is tried again an hour later and not at each packet.
    """

    __slots__ = ("begun_at", "lease_file", "rewriter", "test")

    def __init__(self, lease_file: str, *, test: bool) -> None:
        """No rewrite is open and none was made yet."""
        self.lease_file = lease_file
        self.test = test
        self.begun_at = 0
        self.rewriter: Rewriter | None = None

    @property
    def open(self) -> bool:
        """Whether slices are still to come."""
        return self.rewriter is not None

    def begin(self, rewriter: Rewriter, now: int, effects: list[Effect]) -> None:
        """Open a rewrite whose content `rewriter` gives."""
        self.rewriter = rewriter
        self.begun_at = now
        effects.append(RewriteBegin(str(now)))

    def advance(self, effects: list[Effect]) -> None:
        """Write one slice, and close the rewrite behind the last."""
        if self.rewriter is None:
            return
        data = self.rewriter.next_slice()
        if data is not None:
            effects.append(RewritePart(data))
            return
        effects += [Log(INFO, line) for line in self.rewriter.summary()]
        effects.append(RewriteEnd(not self.test))
        if self.test:
            path = f"{self.lease_file}.{self.begun_at}"
            effects.append(Log(DEBUG, f"Lease file test successful, removing temp lease file: {path}"))
        self.rewriter = None

    def abandon(self) -> None:
        """The new file could not be made: the old one stays in use, and no slice is wanted any more."""
        self.rewriter = None

    def snapshot(self) -> dict[str, Any]:
        """Plain data. An open rewrite is begun anew by `restore`'s caller: its slices are not state that matters."""
        return {
            "lease_file": self.lease_file,
            "test": self.test,
            "begun_at": self.begun_at,
            "rewriter": None if self.rewriter is None else self.rewriter.snapshot(),
        }


def failure_line(event: StorageFailed) -> str:
    """ISC's line for a lease file that could not be written.

    See docs/behaviour/lease-file.md#the-record-before-the-answer, docs/behaviour/lease-file.md#failures-of-a-rewrite.
    """
    path, error = event.path, event.error
    texts = {
        "append": notices.LEASE_FILE_UNWRITABLE(path=path, reason=error).text,
        "sync": f"commit_leases: unable to commit, fsync(): {error}",
        "create": f"Can't create new lease file: {error}",
        "write": notices.NEW_LEASE_FILE_UNWRITABLE(path=path, reason=error).text,
        "backup": f"Can't backup lease database {path} to {path}~: {error}",
        "install": f"Can't install new lease database {path}: {error}",
        "lost": notices.LEASE_FILE_GONE(path=path, reason=error).text,
    }
    return texts.get(event.operation, f"{event.operation} {path}: {error}")


def log_failure(event: StorageFailed, effects: list[Effect]) -> None:
    """Say what failed, at the level that ISC uses."""
    effects.append(Log(ERROR, failure_line(event)))
