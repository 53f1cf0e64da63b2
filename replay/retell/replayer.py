"""Telling events to a machine and writing down what it does about them: the tape of a run that might have been."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from ...trace import effects as fx
from ...trace import events as ev
from ..playing.compare import same
from .faults import carried_over

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ...engine.machine import Machine
    from ...trace import Entry, TapeWriter
    from ...trace.effects import Effect
    from ...trace.events import Event
    from .faults import Fault
    from .gate import Gate

BATCH_EVENTS: Final = 64
_BATCH_OCTETS: Final = 1 << 20


class Replayed(NamedTuple):
    """An event as it was told, and its effects as the new tape has them; `differs` from what the engine does.

    `effects` is None where the engine failed on the event.
    """

    event: Event
    effects: tuple[Effect, ...] | None
    differs: bool


class Replayer:
    """Tells one machine events of a recording, as far as they fit what the machine asked for.

    `punctual`: the world answers in time for what was asked, as a real one would: timers that were asked for come
    before the next event, rewrites of the lease file are brought to their end, and calls to who is not there are
    refused. Otherwise the machine gets what is among the events, and waits in vain for the rest.
    """

    def __init__(
        self, machine: Machine, gate: Gate, faults: Mapping[int, Fault], *, punctual: bool = False
    ) -> None:
        self._machine = machine
        self._gate = gate
        self._faults = faults
        self._punctual = punctual

    def replay(self, entries: Iterable[Entry]) -> Iterator[Replayed]:
        """Yield what was told and done, until the end or the engine's failure."""
        last: Event | None = None
        for entry in entries:
            if entry.effects is not None:
                self._gate.recorded(entry.effects)
            if self._punctual:
                for told in self._overdue(entry.event, last):
                    yield told
                    last = told.event
            event = self._gate.admit(entry.event)
            if event is None:
                continue
            told = self._apply(event, self._faults.get(entry.seq))
            yield told
            last = event
            if told.effects is None:
                return

    def _overdue(self, event: Event, last: Event | None) -> Iterator[Replayed]:
        """What comes by itself before `event`."""
        if last is None or isinstance(event, ev.RewriteContinue | ev.RewriteInstalled):
            return
        for refusal in self._gate.streams.refusals(last.wall_us, last.mono_us):
            yield self._apply(refusal, None)
        while self._machine.rewriting:
            told = self._apply(ev.RewriteContinue(last.wall_us, last.mono_us), None)
            yield told
            if told.effects is None:
                return
            if any(isinstance(one, fx.RewriteEnd) and one.install for one in told.effects):
                yield self._apply(ev.RewriteInstalled(last.wall_us, last.mono_us), None)
        while not isinstance(event, ev.Timer) and 0 < self._gate.wake_us <= event.wall_us:
            at = max(self._gate.wake_us, last.wall_us)
            last = ev.Timer(at, last.mono_us + at - last.wall_us)
            before = self._gate.wake_us
            yield self._apply(last, None)
            if self._gate.wake_us == before:
                return

    def _apply(self, event: Event, fault: Fault | None) -> Replayed:
        try:
            got = self._machine.apply(event)
        except Exception:  # noqa: BLE001 - a crash is what the recording may be about
            return Replayed(event, None, differs=True)
        self._gate.asked(got)
        if fault is None:
            return Replayed(event, tuple(got), differs=False)
        effects = carried_over(fault, got)
        return Replayed(event, effects, differs=not same(effects, got))


def fill(writer: TapeWriter, told: Iterable[Replayed]) -> int:
    """Put what was told on a tape, in batches; returns how many events that were. Raises TapeWriteFailed."""
    batch: list[Replayed] = []
    count = octets = 0
    for one in told:
        batch.append(one)
        count += 1
        octets += octets_in(one.event)
        if len(batch) == BATCH_EVENTS or octets > _BATCH_OCTETS:
            _put(writer, batch)
            batch.clear()
            octets = 0
    _put(writer, batch)
    return count


def octets_in(record: Event | Effect) -> int:
    """How much memory the texts and the data of a record take."""
    return sum(sys.getsizeof(field) for field in record if isinstance(field, bytes | str))


def _put(writer: TapeWriter, batch: list[Replayed]) -> None:
    if not batch:
        return
    first = writer.write_events([one.event for one in batch])
    effects = [one.effects for one in batch if one.effects is not None]
    writer.write_effects(first, effects)
