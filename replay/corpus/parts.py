"""A recording in parts that can be played side by side, each from a snapshot to a later one.

A part begins with a machine restored from the snapshot before its first event, and must end in the state that the
snapshot behind its last event holds: so the parts together say what one playback says. Where a snapshot cannot be
used (another version of the program wrote it) the part says so, and the recording is played in one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from ...engine.lease.snapshot import SnapshotError
from ...trace import DamagedTape, NewerTape, NotATape, TapeError, open_tape
from ..playing.digest import digest
from ..playing.play import Playback, with_history
from ..playing.resume import Beginning, beginning, restore
from ..playing.verdict import Status, Verdict
from .state import state_differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...engine.machine import Machine
    from ...trace import Entry, SnapshotEntry, Tape

# Below this the restoring of a machine costs more than a second core gains.
PART_EVENTS_MINIMUM: Final = 5_000


class Part(NamedTuple):
    """Events `after` + 1 to `until` of the tape at `path`; `after` 0: from its beginning, `until` 0: to its end."""

    path: str
    after: int = 0
    until: int = 0


class PartResult(NamedTuple):
    """`verdict` of a part played in `seconds`; `useless_snapshot`: nothing was played, the snapshot is not for us."""

    verdict: Verdict
    seconds: float
    useless_snapshot: bool = False


def split(path: str, pieces: int) -> list[Part]:
    """At most `pieces` parts of about as many events each; one where nothing can be said of the file yet."""
    try:
        with open_tape(path) as tape:
            index = tape.index()
            if not index.segments:
                return [Part(path)]
            first, last = tape.first_seq - 1, index.segments[-1].first_seq
            snapshots = sorted({entry.first_seq - 1 for entry in index.snapshots})
    except TapeError:
        return [Part(path)]
    size = max(PART_EVENTS_MINIMUM, -(-(last - first) // max(1, pieces)))
    cuts = [first]
    for seq in snapshots:
        if seq - cuts[-1] >= size and last - seq >= size // 2:
            cuts.append(seq)
    return [Part(path, after, until) for after, until in zip([0, *cuts[1:]], [*cuts[1:], 0], strict=True)]


def play_part(part: Part) -> PartResult:
    """Play it. Never raises: what keeps it from being played is its verdict."""
    started = time.monotonic()
    try:
        with open_tape(part.path) as tape:
            verdict = _play(tape, part)
    except SnapshotError as error:
        return PartResult(Verdict(Status.UNJUDGED, damage=str(error)), time.monotonic() - started, True)
    except (NotATape, DamagedTape) as error:
        verdict = Verdict(Status.DAMAGED, damage=str(error))
    except NewerTape as error:
        verdict = Verdict(Status.UNJUDGED, damage=f"{error}; a newer dhcpd reads it")
    except TapeError as error:
        verdict = Verdict(Status.UNJUDGED, damage=str(error))
    return PartResult(verdict, time.monotonic() - started)


class _Stretch:
    """A tape that ends behind event `until`, for a Playback."""

    def __init__(self, tape: Tape, until: int) -> None:
        self._tape = tape
        self._until = until

    def iterate(self, *, from_seq: int) -> Iterator[Entry | SnapshotEntry]:
        for entry in self._tape.iterate(from_seq=from_seq):
            if self._until and entry.seq > self._until:
                return
            yield entry


def _play(tape: Tape, part: Part) -> Verdict:
    start = _beginning(tape, part)
    later = not part.after and start.snapshot is not None
    notice = f"the recording begins at event {start.from_seq:,} with a snapshot" if later else ""
    playback = Playback(start.machine, None, None, notice)
    stretch = cast("Tape", _Stretch(tape, part.until))
    damage = playback.run(stretch, start.from_seq)
    difference = playback.difference
    if difference is not None:
        difference = with_history(tape, difference)
    torn = 0 if part.until else tape.torn_bytes
    verdict = playback.verdict(difference, damage, torn)
    if verdict.status is not Status.SAME or not part.until:
        return verdict
    return _arrived(tape, start.machine, verdict, part.until)


def _beginning(tape: Tape, part: Part) -> Beginning:
    """Where the part begins. Raises SnapshotError, NoBeginning, DamagedTape."""
    if not part.after:
        return beginning(tape)
    snapshot = _snapshot(tape, part.after)
    return Beginning(restore(snapshot), part.after + 1, snapshot)


def _snapshot(tape: Tape, seq: int) -> SnapshotEntry:
    found = tape.snapshot(seq)
    if found is None or found.seq != seq:
        raise DamagedTape(0, f"the snapshot of event {seq} cannot be read", seq)
    return found


def _arrived(tape: Tape, machine: Machine, verdict: Verdict, seq: int) -> Verdict:
    """The verdict, but DIFFERENT where the machine is not in the state that the recording's snapshot holds."""
    expected, got = _snapshot(tape, seq).data, machine.snapshot()
    if not isinstance(expected, dict) or expected.get("version") != got["version"] or digest(expected) == digest(got):
        return verdict
    return verdict.diverged(seq, state_differences(expected, got))
