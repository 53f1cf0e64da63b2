"""What did the machine hold at that moment? The state after any event of a tape, without playing all before it.

A machine is restored from the latest snapshot that is not behind the moment, and told the events between. Effects are
not compared: who wants to know whether they are the recorded ones plays (play.py). A moment that the tape does not
hold is an error, never the nearest one.
"""

from __future__ import annotations

from contextlib import contextmanager
from traceback import format_exception
from typing import TYPE_CHECKING, NamedTuple

from ...trace import Entry, TapeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...engine.machine import Machine
    from ...trace import Tape
    from ...trace.effects import Effect


class NoSuchMoment(TapeError):
    """The tape does not hold this moment. `seq`: the event that was asked for, 0 for a time; the text says what is."""

    def __init__(self, path: str, seq: int, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path
        self.seq = seq


class EngineFailed(Exception):
    """The engine raised at event `seq`, which is a defect of dhcpd; the cause is chained."""

    def __init__(self, seq: int, error: Exception) -> None:
        super().__init__(f"the engine failed at event {seq:,}, which is a defect of dhcpd: {error!r}")
        self.seq = seq

    @property
    def traceback(self) -> str:
        """Where the engine failed, in Python's words."""
        return "".join(format_exception(self.__cause__)) if self.__cause__ is not None else ""


@contextmanager
def engine_at(seq: int) -> Iterator[None]:
    """Around what the engine does about event `seq`. Raises EngineFailed for whatever it raises."""
    try:
        yield
    except Exception as error:
        raise EngineFailed(seq, error) from error


class Step(NamedTuple):
    """An entry of the tape, and what a machine that was told its event wants done."""

    entry: Entry
    effects: list[Effect]


def machine_at(tape: Tape, seq: int) -> Machine:
    """The machine as it was after event `seq`; 0, or one less than the tape's first event: before all.

    Raises NoSuchMoment, NoBeginning where the tape goes on from another one and holds no snapshot, EngineFailed,
    DamagedTape where the damage lies before the moment.
    """
    if seq < tape.first_seq - 1:
        raise NoSuchMoment(tape.path, seq, f"no event {seq:,}: the recording begins at event {tape.first_seq:,}")
    from .resume import beginning  # noqa: PLC0415 - who asks only for times and numbers needs no engine

    start = beginning(tape, seq)
    last = start.from_seq - 1
    for step in steps(tape, start.machine, last, seq):
        last = step.entry.seq
    if last < seq:
        raise NoSuchMoment(tape.path, seq, f"no event {seq:,}: the recording ends with event {last:,}")
    return start.machine


def steps(tape: Tape, machine: Machine, after: int, until: int | None = None) -> Iterator[Step]:
    """Tell `machine`, which is in the state after event `after`, the events up to `until` (None: all), one a step.

    Raises EngineFailed, DamagedTape.
    """
    if until is not None and after >= until:
        return
    for entry in tape.iterate(from_seq=after + 1):
        if not isinstance(entry, Entry):
            continue
        if until is not None and entry.seq > until:
            return
        with engine_at(entry.seq):
            effects = machine.apply(entry.event)
        yield Step(entry, effects)
        if entry.seq == until:
            return


def seq_at(tape: Tape, wall_us: int) -> int:
    """The number of the last event that is not later than `wall_us` (microseconds since 1970): its state held then.

    Where the clock was set back, that before the first later event. Raises NoSuchMoment before the first event.
    """
    first = first_us(tape)
    if wall_us < first:
        raise NoSuchMoment(tape.path, 0, "that is before the recording's first event")
    later = tape.seek_time(wall_us + 1)
    return last_seq(tape) if later is None else later - 1


def machine_at_time(tape: Tape, wall_us: int) -> Machine:
    """`machine_at` the last event that is not later than `wall_us` (microseconds since 1970)."""
    return machine_at(tape, seq_at(tape, wall_us))


def first_us(tape: Tape) -> int:
    """The time of the first event. Raises NoSuchMoment where there is none."""
    first = next((entry for entry in tape.iterate() if isinstance(entry, Entry)), None)
    if first is None:
        raise NoSuchMoment(tape.path, 0, "the recording holds no event")
    return first.event.wall_us


def last_seq(tape: Tape) -> int:
    """The number of the last event that can be read; from the last segment alone."""
    last = last_entry(tape)
    if last is not None:
        return last.seq
    segments = tape.index().segments
    return (segments[-1].first_seq if segments else tape.first_seq) - 1


def last_us(tape: Tape) -> int:
    """The time of the last event that can be read, 0 where there is none."""
    last = last_entry(tape)
    return 0 if last is None else last.event.wall_us


def last_entry(tape: Tape) -> Entry | None:
    """The last event that can be read, from the last segment alone unless that is damaged; None where there is none."""
    last: Entry | None = None
    starts = [segment.first_seq for segment in tape.index().segments[-2:]] or [tape.first_seq]
    for start in reversed(starts):
        for entry in tape.iterate(from_seq=start, resync=True):
            if isinstance(entry, Entry):
                last = entry
        if last is not None:
            break
    return last
