"""Where a machine begins on a tape: new at event 1, else restored from a snapshot.

A tape of the flight recorder begins at any number, and its first snapshot, which may stand behind events that came
while it was made, is of the state before its first event. Who plays or seeks asks here, so that all of them begin
alike. What a snapshot holds is the engine's business.
"""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ...engine.lease.snapshot import SnapshotError
from ...engine.machine import Machine
from ...trace import DamagedTape, NoBeginning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...trace import SnapshotEntry, Tape


class Beginning(NamedTuple):
    """A machine, and the number of the first event to tell it; `snapshot`: what it was made of, None for a new one."""

    machine: Machine
    from_seq: int
    snapshot: SnapshotEntry | None


def restore(snapshot: SnapshotEntry) -> Machine:
    """The machine that gave this snapshot. Raises SnapshotError or DamagedTape, whatever was made of its data."""
    try:
        return Machine.restore(cast("dict[str, Any]", snapshot.data))
    except (SnapshotError, DamagedTape):
        raise
    except Exception as error:
        raise DamagedTape(0, f"snapshot of event {snapshot.seq}: {error!r}", snapshot.seq) from error


@contextlib.contextmanager
def _collector_at_rest() -> Iterator[None]:
    """What a snapshot makes stays: looking for garbage in it again and again would cost more than making it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_collector_at_rest()
def beginning(tape: Tape, seq: int = 0) -> Beginning:
    """The latest place, not behind the state after event `seq`, from which `tape` can be played; 0: its first event.

    Raises NoBeginning where the tape goes on from another one and holds no snapshot to begin with; DamagedTape.
    """
    snapshot = tape.snapshot(max(seq, tape.first_seq - 1))
    if snapshot is None or snapshot.seq == 0:
        if tape.first_seq > 1:
            raise NoBeginning(tape.path, tape.first_seq, "it holds no snapshot of the state before")
        return Beginning(Machine(), 1, None)
    try:
        return Beginning(restore(snapshot), snapshot.seq + 1, snapshot)
    except SnapshotError as error:
        if tape.first_seq > 1:
            raise NoBeginning(tape.path, tape.first_seq, str(error)) from error
        return Beginning(Machine(), 1, None)
