"""Making a recording say what this engine does, on purpose: the same events, their effects recorded anew.

The old recording is kept aside. What changed is counted by kind, so that a person can tell a wanted change from
another before the new recording is committed. Refused: damaged recordings, and those on which the engine fails.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from difflib import unified_diff
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...trace import Entry, Tape, TapeWriter, open_tape, pack_snapshot
from ...trace.writer import move_aside
from ..playing.compare import differences, same
from ..playing.play import play_file
from ..playing.resume import beginning
from ..playing.verdict import Status
from ..showing.describe import record_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...trace.effects import Effect
    from ..playing.resume import Beginning

DIFFERENCE_LINES_MAXIMUM: Final = 40


class CannotBless(Exception):
    """The engine fails on the recording; the text says where."""


@dataclass(slots=True)
class Blessing:
    """What was changed in the recording at `path`: how many events, which kinds of change how often.

    `moved` names the files that the old ones are in now; empty where nothing had to be changed.
    """

    path: Path
    events: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    moved: list[str] = field(default_factory=list)


def bless(path: Path, leases: Path) -> Blessing:
    """Record the effects anew; the lease file `leases`, where there is one, becomes what the playback gives.

    Raises CannotBless; TapeError where the recording is damaged, or cannot be written.
    """
    made = Blessing(path)
    with tempfile.TemporaryDirectory(prefix=".blessing-", dir=path.parent) as folder:
        new = Path(folder) / "trace"
        with open_tape(path) as tape:
            _record_anew(tape, new, made)
        if made.events:
            new.chmod(path.stat().st_mode)
            _replace(path, new, made)
        if leases.exists():
            _bless_leases(path, leases, Path(folder) / "leases", made)
    return made


def _record_anew(tape: Tape, new: Path, made: Blessing) -> None:
    info = tape.info
    start = beginning(tape)
    with TapeWriter.create(
        new, version=info.writer_version, host=info.host, created_us=info.created_us, first_seq=start.from_seq
    ) as writer:
        if start.snapshot is not None:
            place = writer.snapshot_place()._replace(wall_us=start.snapshot.wall_us)
            writer.append_snapshot(place, pack_snapshot(place, start.snapshot.data))
        _tell(tape, start, writer, made)


def _tell(tape: Tape, start: Beginning, writer: TapeWriter, made: Blessing) -> None:
    machine = start.machine
    snapshots = {entry.first_seq - 1 for entry in tape.index().snapshots} - {start.from_seq - 1}
    for entry in tape.iterate(from_seq=start.from_seq):
        if not isinstance(entry, Entry):
            continue
        try:
            got = machine.apply(entry.event)
        except Exception as error:
            raise CannotBless(f"the engine fails on event {entry.seq:,}: {error!r}") from error
        writer.write_effects(writer.write_events([entry.event]), [got])
        if entry.effects is None or not same(entry.effects, got):
            made.events += 1
            made.changes.update(changes(entry.effects, got))
        if entry.seq in snapshots:
            writer.write_snapshot(entry.seq, machine.snapshot())


def changes(expected: Sequence[Effect] | None, got: Sequence[Effect]) -> Iterator[str]:
    """A line for everything that is other than it was, without the values: lines that are equal can be counted."""
    if expected is None:
        yield "effects that had not been recorded"
        return
    for pair in differences(expected, got):
        if pair.expected is None or pair.got is None:
            one = pair.expected or pair.got
            yield f"{type(one).__name__}: {'came, does not any more' if pair.got is None else 'did not come, does now'}"
            continue
        old, new = dict(record_fields(pair.expected)), dict(record_fields(pair.got))
        for name in dict.fromkeys([*old, *new]):
            if old.get(name) != new.get(name):
                yield f"{type(pair.expected).__name__}: {name}"


def _bless_leases(path: Path, leases: Path, played: Path, made: Blessing) -> None:
    verdict = play_file(str(path), str(played))
    if verdict.status is not Status.SAME:
        raise CannotBless(verdict.closing_line())
    if lease_file_difference(path, leases.read_bytes(), played.read_bytes()):
        made.changes["the lease file"] += 1
        played.chmod(leases.stat().st_mode)
        _replace(leases, played, made)


def _replace(old: Path, new: Path, made: Blessing) -> None:
    moved = move_aside(str(old))
    if moved is not None:
        made.moved.append(moved)
    new.rename(old)


def lease_file_difference(trace: Path, expected: bytes, got: bytes) -> list[str]:
    """The first lines of the difference between a run's lease file and the played one; empty where there is none.

    A run that was killed may not have written all that its recording holds: its file need only be the beginning.
    """
    with open_tape(trace) as tape:
        whole = tape.complete
    if expected == got or (not whole and got.startswith(expected)):
        return []
    old, new = (data.decode("latin-1").splitlines() for data in (expected, got))
    return list(islice(unified_diff(old, new, "expected", "played", lineterm="", n=2), DIFFERENCE_LINES_MAXIMUM))
