"""What playing a tape found: plain data, with the exit status that `git bisect run` understands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ...trace.effects import Effect
    from ...trace.events import Event


# What ended a program that gave no verdict, as shells tell it: 128 and the signal, for ^C and a reader that went away.
INTERRUPTED: Final = 130
NO_READER: Final = 141


class Status(IntEnum):
    """The exit status of `dhcpd -play` and `dhcpd-trace verify`.

    SAME: every recorded effect came again. DIFFERENT: one did not. DAMAGED: the tape is not whole, or no tape at all;
    it was played to its last good event, and up to there nothing differed. UNJUDGED: nothing can be said, because the
    tape is of a newer format or a file could not be read or written; 125 tells `git bisect run` to skip.
    """

    SAME = 0
    DIFFERENT = 1
    DAMAGED = 2
    UNJUDGED = 125


@dataclass(frozen=True, slots=True)
class Difference:
    """The first event whose effects were not those recorded.

    `history` holds the client's events before it as (number, event, recorded effects), oldest first. `failure` is
    the traceback where the engine failed on the event; `recorded` is False where the tape ends before the effects.
    """

    seq: int
    event: Event
    expected: tuple[Effect, ...]
    got: tuple[Effect, ...]
    client: str = ""
    history: tuple[tuple[int, Event, tuple[Effect, ...]], ...] = ()
    failure: str = ""
    recorded: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """The whole result. `effects` counts those that were compared; `unrecorded` the events without recorded effects.

    `state` names what is not as the recording's snapshot of event `last_seq` has it, though every effect came again.
    """

    status: Status
    events: int = 0
    effects: int = 0
    unrecorded: int = 0
    last_seq: int = 0
    difference: Difference | None = None
    damage: str = ""
    notices: tuple[str, ...] = ()
    state: tuple[str, ...] = ()

    def diverged(self, seq: int, state: tuple[str, ...]) -> Verdict:
        """The same playback, which after event `seq` was in another state than the run."""
        return replace(self, status=Status.DIFFERENT, last_seq=seq, state=state)

    def closing_line(self) -> str:
        """The last line of a playback: what was played and how many differences were found."""
        counted = f"{self.events:,} events, {self.effects:,} effects"
        if self.status is Status.UNJUDGED:
            return f"cannot be judged: {self.damage}"
        if self.difference is not None:
            return f"{counted}, 1 difference: at event {self.difference.seq:,}"
        if self.state:
            return f"{counted}, 0 differences, but another state after event {self.last_seq:,}"
        if self.status is Status.DAMAGED:
            return f"{counted}, 0 differences up to the damage: {self.damage}"
        return f"{counted}, 0 differences"
