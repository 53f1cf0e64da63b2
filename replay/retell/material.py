"""A recording in memory, made ready to be told again in part: its events, its beginning, and where it is at fault.

It is played once, to find every event whose recorded effects are not the engine's. Refused: recordings of more events
than memory should be asked for (cut them first: `dhcpd-trace slice`), and damaged ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ...engine.machine import Machine
from ...trace import Entry, open_tape
from ...trace import events as ev
from ..playing.compare import same
from ..playing.resume import beginning
from .faults import Fault
from .replayer import octets_in

if TYPE_CHECKING:
    from ...trace import Tape
    from ...trace.effects import Effect

EVENTS_MAXIMUM: Final = 2_000_000
# What the texts and the data of all records may take: so much, and so many times the file.
_OCTETS_FREE: Final = 16 << 20
_TIMES_MAX: Final = 128
# Without these no run begins. What the lease file held is not among them: it may be nothing.
START: Final = (
    ev.Boot, ev.ConfigurationFile, ev.ConfigurationEnd, ev.LeaseFileEnd, ev.Interfaces, ev.Listening,
)  # fmt: skip


class TooLong(Exception):
    """More events than are kept in memory; `events` is the limit."""

    def __init__(self, path: str, events: int) -> None:
        super().__init__(f"{path}: more than {events:,} events; cut a piece out of it first with dhcpd-trace slice")
        self.path = path
        self.events = events


class TooWide(TooLong):
    """More memory than a well-made file of this length could ask for, one client's packets over and over included."""

    def __init__(self, path: str) -> None:
        super().__init__(path, 0)
        self.args = (f"{path}: it unpacks to more than {_TIMES_MAX} times its length, as no server's recording does",)


@dataclass(slots=True)
class Material:
    """`entries` in order; `faults` by event number; `crash`: the number of the event on which the engine fails, or 0.

    `snapshot` is the state to begin with, None for a new machine. `serving`: the run came so far as to serve.
    """

    path: str
    writer_version: str = ""
    host: str = ""
    entries: list[Entry] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    crash: int = 0
    serving: bool = False
    snapshot: Any = None
    first_seq: int = 1

    @property
    def first_fault(self) -> int:
        """The number of the first event that `verify` would stop at; 0 for a recording without fault."""
        return min([*self.faults, *([self.crash] if self.crash else [])], default=0)

    def machine(self) -> Machine:
        """A machine as the run's was before the first event."""
        return Machine() if self.snapshot is None else Machine.restore(self.snapshot)


def load(path: str) -> Material:
    """Read and play a recording. Raises TapeError (damage, NoBeginning among them), TooLong."""
    with open_tape(path) as tape:
        return _load(tape, Material(path, tape.info.writer_version, tape.info.host))


def _load(tape: Tape, made: Material) -> Material:
    start = beginning(tape)
    made.snapshot = None if start.snapshot is None else start.snapshot.data
    made.first_seq = start.from_seq
    machine = start.machine
    left = _OCTETS_FREE + _TIMES_MAX * Path(tape.path).stat().st_size
    for entry in tape.iterate(from_seq=start.from_seq):
        if not isinstance(entry, Entry):
            continue
        made.entries.append(entry)
        left -= octets_in(entry.event) + sum(map(octets_in, entry.effects or ()))
        if left < 0:
            raise TooWide(str(tape.path))
        if len(made.entries) > EVENTS_MAXIMUM:
            raise TooLong(str(tape.path), EVENTS_MAXIMUM)
        got = _applied(machine, entry, made)
        if got is None:
            break
        if entry.effects is not None and not same(entry.effects, got):
            made.faults[entry.seq] = Fault(entry.effects, tuple(got))
    made.serving = machine.serving
    return made


def _applied(machine: Machine, entry: Entry, made: Material) -> list[Effect] | None:
    """What the engine does; None where it fails, behind which nothing can be told."""
    try:
        return machine.apply(entry.event)
    except Exception:  # noqa: BLE001 - a crash is what the recording may be about
        made.crash = entry.seq
        return None
