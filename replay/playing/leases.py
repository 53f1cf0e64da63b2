"""The lease file of a playback: the storage effects of the engine, carried out once more on a file of ours.

The file is made in a folder of its own beside the one that was asked for, and takes its place at the end: playback
touches no other path, a run's `dhcpd.leases~` least of all, and a playback that is broken off leaves everything as it
was. What the disk of the recorded run refused cannot be told effect by effect; it is reported as a notice.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from ...disk import opening
from ...disk.lease_file import LeaseFile
from ...engine.lease.file.writer import Rewriter
from ...trace import effects as fx
from ...trace import events as ev

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ...engine.machine import Machine

# Records are gathered and written in pieces of about this many octets.
GATHERED_OCTETS_MAXIMUM: Final = 1 << 18


class LeaseFileFollower:
    """Carries out Store and Rewrite... effects, and what events say about the run's own file.

    `path` is where the file goes at the end, in the place of a file or a link of this name, for its owner's eyes only.
    Raises OSError where the system refuses. A context manager: on leaving it the temporary folder is gone; `install`
    is to be called before.
    """

    def __init__(self, path: str) -> None:
        """Make the folder beside `path`."""
        self.path = os.path.abspath(path)  # noqa: PTH100 - links are not followed, as Path.resolve would
        self.notices: list[str] = []
        self._folder = tempfile.TemporaryDirectory(prefix=".playback-", dir=self._beside())
        self._file = LeaseFile(str(Path(self._folder.name) / "leases"), durable=False, mode=opening.PRIVATE_MODE)
        self._gathered: list[bytes] = []
        self._octets = 0
        self._install_pending = False
        self._discard = False

    def _beside(self) -> str | None:
        """The folder of the lease file; the system's for temporary files where that is a device such as /dev/null."""
        return None if _is_special(self.path) else str(Path(self.path).parent)

    def __enter__(self) -> Self:
        """Nothing to do: the folder stands."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Remove the folder."""
        self._file.close()
        self._folder.cleanup()

    def event(self, event: ev.Event) -> None:
        """Before the engine sees `event`: what it tells about the run's lease file."""
        step = _ON_EVENT.get(type(event))
        if step is not None:
            step(self, event)

    def begin_with(self, pieces: Iterable[bytes]) -> None:
        """Write a whole lease file first, where the recording begins later than the run."""
        for piece in pieces:
            self._file.append(piece)

    def effects(self, effects: Sequence[fx.Effect]) -> None:
        """After the engine answered: carry out what concerns the lease file."""
        for effect in effects:
            step = _ON_EFFECT.get(type(effect))
            if step is not None:
                step(self, effect)

    def install(self) -> None:
        """Put the file in the place that was asked for."""
        self._write_gathered()
        self._file.close()
        made = Path(self._folder.name) / "leases"
        if _is_special(self.path):
            # A pipe that nobody reads is an error at once.
            device = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            os.set_blocking(device, True)
            with made.open("rb") as source, open(device, "wb") as target:  # noqa: PTH123 - a descriptor
                shutil.copyfileobj(source, target)
        else:
            made.replace(self.path)

    # What the engine asked for

    def _gather(self, data: bytes) -> None:
        if self._discard:
            return
        self._gathered.append(data)
        self._octets += len(data)
        if self._octets > GATHERED_OCTETS_MAXIMUM:
            self._write_gathered()

    def _write_gathered(self) -> None:
        if self._gathered:
            self._file.append(b"".join(self._gathered))
            self._gathered.clear()
            self._octets = 0

    def _store(self, effect: fx.Store) -> None:
        self._gather(effect.data)

    def _settings(self, effect: fx.Settings) -> None:
        # `dhcpd -T` throws away what it would append.
        self._discard = effect.test == "T"

    def _begin(self, effect: fx.RewriteBegin) -> None:
        self._write_gathered()
        self._install_pending = False
        self._file.begin_rewrite(effect.suffix)

    def _part(self, effect: fx.RewritePart) -> None:
        self._file.rewrite_part(effect.data)

    def _end(self, effect: fx.RewriteEnd) -> None:
        self._install_pending = effect.install
        if not effect.install:
            self._write_gathered()
            self._file.end_rewrite(install=False)

    # What the run told

    def _lease_file_part(self, event: ev.LeaseFilePart) -> None:
        """The file as the run found it comes first."""
        self._file.append(event.content)

    def _installed(self, _event: ev.RewriteInstalled) -> None:
        if self._install_pending:
            self._write_gathered()
            self._file.end_rewrite(install=True)
            self._install_pending = False

    def _failed(self, event: ev.StorageFailed) -> None:
        if event.operation == "lost":
            what = f"{event.path}: {event.error}"
            self.notices.append(f"the run's lease file was taken away ({what}), and a new one was written")
            return
        what = f"the run could not write its lease file ({event.operation} {event.path}: {event.error})"
        self.notices.append(f"{what}: the played file may hold records that the run's lacks")
        if self._install_pending or event.operation in ("create", "write", "backup", "install"):
            self._write_gathered()
            self._file.end_rewrite(install=False)
            self._install_pending = False


def lease_file_of(machine: Machine, now: int) -> Iterator[bytes]:
    """The lease file that a rewrite at `now` (seconds since 1970) would give, in pieces; the machine stays as it is."""
    server = machine.server
    if server is None:
        return
    rewriter = Rewriter(server.database, server.configuration, server.utc_offset_s, now)
    while (piece := rewriter.next_slice()) is not None:
        yield piece


def _is_special(path: str) -> bool:
    try:
        return not stat.S_ISREG(Path(path).stat().st_mode)
    except OSError:
        return False


_ON_EVENT: Final[dict[type[ev.Event], Callable[[LeaseFileFollower, Any], None]]] = {
    ev.LeaseFilePart: LeaseFileFollower._lease_file_part,
    ev.RewriteInstalled: LeaseFileFollower._installed,
    ev.StorageFailed: LeaseFileFollower._failed,
}
_ON_EFFECT: Final[dict[type[fx.Effect], Callable[[LeaseFileFollower, Any], None]]] = {
    fx.Settings: LeaseFileFollower._settings,
    fx.Store: LeaseFileFollower._store,
    fx.RewriteBegin: LeaseFileFollower._begin,
    fx.RewritePart: LeaseFileFollower._part,
    fx.RewriteEnd: LeaseFileFollower._end,
}
