"""The one door: every event goes on the tape, then into the machine, and its effects behind it (design, laws 2 and 3).

The door numbers nothing and decides nothing. When the tape cannot be written any more the recording ends, that is
said once, and the service goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .trace import TapeWriteFailed
from .trace.effects import ERROR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .trace import TapeWriter
    from .trace.effects import Effect
    from .trace.events import Event


class Machine(Protocol):
    """What the program needs of engine.machine.Machine."""

    serving: bool

    @property
    def rewriting(self) -> bool:
        """Whether a rewrite of the lease file is open."""

    def apply(self, event: Event) -> list[Effect]:
        """Take in one event."""


class Door:
    """`pass_in` is all that anybody needs."""

    __slots__ = ("_log", "_machine", "_tape")

    def __init__(self, machine: Machine, tape: TapeWriter | None, log: Callable[[int, str], None]) -> None:
        self._machine = machine
        self._tape = tape
        self._log = log

    def pass_in(self, events: Sequence[Event]) -> list[list[Effect]]:
        """Record and apply events, in order; the effects of each."""
        apply = self._machine.apply
        if self._tape is None:
            return [apply(event) for event in events]
        try:
            first = self._tape.write_events(events)
        except TapeWriteFailed as error:
            self._give_up(error)
            return [apply(event) for event in events]
        effects = [apply(event) for event in events]
        try:
            self._tape.write_effects(first, effects)
        except TapeWriteFailed as error:
            self._give_up(error)
        return effects

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
                self._log(ERROR, str(error))

    def _give_up(self, error: TapeWriteFailed) -> None:
        tape, self._tape = self._tape, None
        self._log(ERROR, f"{error} - the recording ends here, the service goes on")
        if tape is not None:
            tape.close()
