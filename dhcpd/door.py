"""The one door: every event goes on the tape, then into the machine, and its effects behind it.

Of time it notes only what playback does not need: when a batch had been answered, and when its promises were kept.

The door numbers nothing and decides nothing. When the tape cannot be written any more the recording ends, that is
said once, and the service goes on.

See docs/architecture.md#the-four-laws.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from .engine.model import notices
from .trace import TapeWriteFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .engine.model.configuration import Configuration
    from .engine.startup import Reading
    from .trace.effects import Effect
    from .trace.events import Event


def monotonic_us() -> int:
    """The clock that never jumps, in microseconds."""
    return time.monotonic_ns() // 1000


class Machine(Protocol):
    """What the program needs of engine.machine.Machine."""

    serving: bool
    ahead: Reading | None

    @property
    def rewriting(self) -> bool:
        """Whether a rewrite of the lease file is open."""

    @property
    def configuration(self) -> Configuration | None:
        """The configuration in force, None before there is one."""

    def apply(self, event: Event) -> list[Effect]:
        """Take in one event."""

    def snapshot(self) -> dict[str, Any]:
        """The state as plain data."""


class Tape(Protocol):
    """What the door writes to: a Recorder, or a TapeWriter as it is."""

    def write_events(self, events: Sequence[Event]) -> int:
        """Hand events over; the number of the first."""

    def write_effects(
        self, first_seq: int, effects: Sequence[Sequence[Effect]], handled_us: int | None = None
    ) -> None:
        """Keep the effects of events for the next write, and when they were there."""

    def write_stored(self, seq: int, synced_us: int, left_us: int | None) -> None:
        """Keep for the next batch when what waited for the disk was stored."""

    def flush(self) -> None:
        """Hand over what is kept."""

    def close(self) -> None:
        """End the tape in order."""


class Counting(Protocol):
    """What stands between the door and the machine where somebody counts (replay/looking/figures/counters.py)."""

    def apply(self, event: Event) -> list[Effect]:
        """Have the machine take in one event, and count."""

    def handled(self, mono_us: int) -> None:
        """All events so far are answered."""

    def stored(self, seq: int, synced_us: int, left_us: int | None) -> None:
        """What waited for the disk up to event `seq` was synced and has left, `left_us` None where it never will."""


class Door:
    """`pass_in` is all that events need. `first_seq` is the tape's number of the first event of the last batch.

    `engine_failed`: an event's answer was an exception, which a playback of the tape repeats.
    """

    __slots__ = ("_apply", "_clock", "_counting", "_log", "_next_seq", "_tape", "engine_failed", "first_seq")

    def __init__(
        self,
        machine: Machine,
        tape: Tape | None,
        log: Callable[[int, str], None],
        clock: Callable[[], int] = monotonic_us,
    ) -> None:
        self._apply = machine.apply
        self._counting: Counting | None = None
        self._next_seq = 1
        self._tape = tape
        self._log = log
        self._clock = clock
        self.first_seq = 0
        self.engine_failed = False

    def count_by(self, counting: Counting) -> None:
        """Let events pass by who counts; to be called once, by whoever made it for the machine."""
        self._counting = counting
        self._apply = counting.apply

    def pass_in(self, events: Sequence[Event]) -> list[list[Effect]]:
        """Record and apply events, in order; the effects of each."""
        if self._tape is None:
            return self._apply_unrecorded(events)
        try:
            first = self.first_seq = self._tape.write_events(events)
        except TapeWriteFailed as error:
            self._give_up(error)
            return self._apply_unrecorded(events)
        apply = self._apply
        self._next_seq = first + len(events)
        effects: list[list[Effect]] = []
        try:
            for event in events:
                effects.append(apply(event))  # noqa: PERF401 - what was done before a failure is wanted
        except BaseException:
            self.engine_failed = True
            raise
        finally:
            # Of an event that the engine fails on the tape has no effects, but of those before it.
            handled_us = self._clock()
            try:
                self._tape.write_effects(first, effects, handled_us)
            except TapeWriteFailed as error:
                self._give_up(error)
        if self._counting is not None:
            self._counting.handled(handled_us)
        return effects

    def _apply_unrecorded(self, events: Sequence[Event]) -> list[list[Effect]]:
        """Without a tape events have the numbers that they would have on one."""
        self.first_seq = self._next_seq
        self._next_seq += len(events)
        apply = self._apply
        effects = [apply(event) for event in events]
        if self._counting is not None:
            self._counting.handled(self._clock())
        return effects

    def stored(self, seq: int, synced_us: int, *, failed: bool) -> None:
        """Note on the tape that what waited for the disk up to event `seq` is synced, and its replies sent just now."""
        left_us = None if failed else self._clock()
        if self._tape is not None:
            self._tape.write_stored(seq, synced_us, left_us)
        if self._counting is not None:
            self._counting.stored(seq, synced_us, left_us)

    def flush(self) -> None:
        """Hand what is buffered to the kernel: to be called when there is time."""
        if self._tape is not None:
            try:
                self._tape.flush()
            except TapeWriteFailed as error:
                self._give_up(error)

    def close(self) -> None:
        """End the recording in order."""
        tape, self._tape = self._tape, None
        if tape is not None:
            try:
                tape.close()
            except TapeWriteFailed as error:
                self._log(*notices.RECORDING_NOT_ENDED(why=error))

    def _give_up(self, error: TapeWriteFailed) -> None:
        tape, self._tape = self._tape, None
        self._log(*notices.RECORDING_FAILED(why=error))
        if tape is not None:
            tape.close()
