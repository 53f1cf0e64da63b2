"""Does the engine, told the same, do the same again? `dhcpd -play FILE -lf LEASES`.

The events of a tape go into a machine, one after the other, and what it asks for is compared with what it asked for
when the tape was recorded. Nothing is sent, executed or looked up; no path is written but the lease file that was
given. The first difference ends the playback, because everything behind it would only be its consequence; it is
shown as a card (card.py). The recorded effects are compared whole, without exception.
"""

from __future__ import annotations

import traceback
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Protocol

from ...engine.machine import Machine
from ...trace import DamagedTape, Entry, NewerTape, NotATape, TapeError, open_tape
from ..showing.decode import client_of, hardware_of
from ..showing.terminal import safe
from .card import card
from .compare import same
from .leases import LeaseFileFollower, lease_file_of
from .resume import beginning
from .verdict import Difference, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...trace import Tape
    from ...trace.effects import Effect
    from ...trace.events import Event
    from .resume import Beginning

HISTORY_EVENTS: Final = 6
# How often `watch` is called: often enough for the eye, too seldom to be felt.
WATCH_EVENTS: Final = 4096
_MICROSECONDS: Final = 1_000_000


class Player(Protocol):
    """What plays: a machine, or anything that answers events as one."""

    def apply(self, event: Event) -> list[Effect]:
        """Take in one event; returns what is to be done."""
        ...


def play(
    tape: Tape,
    lease_path: str | None,
    machine_factory: Callable[[], Player] = Machine,
    *,
    watch: Callable[[int, int], None] | None = None,
    from_seq: int = 1,
) -> Verdict:
    """Play `tape` on a new machine and compare; write the lease file to `lease_path`, to none where that is None.

    `watch` is called now and then with (number, wall_us) of the event just played. `from_seq` is the number of the
    first event to play, for a machine that `machine_factory` has restored from a snapshot taken just before. A tape
    that goes on from another one is played from its first snapshot, and `machine_factory` is not asked. Raises
    OSError where the lease file cannot be written, NoBeginning where there is nothing to begin with; a damaged tape
    is not an error but a verdict.
    """
    with ExitStack() as stack:
        follower = None if lease_path is None else stack.enter_context(LeaseFileFollower(lease_path))
        if from_seq < tape.first_seq:
            start = beginning(tape)
            from_seq = start.from_seq
            playback = Playback(start.machine, follower, watch, _begin_with(follower, start))
        else:
            playback = Playback(machine_factory(), follower, watch)
        damage = playback.run(tape, from_seq)
        difference = playback.difference
        if difference is not None:
            difference = with_history(tape, difference)
        if follower is not None:
            follower.install()
        return playback.verdict(difference, damage, tape.torn_bytes)


def _begin_with(follower: LeaseFileFollower | None, start: Beginning) -> str:
    """Begin the lease file with what the machine knows; returns the notice that tells so."""
    text = f"the recording begins at event {start.from_seq:,} with a snapshot"
    if follower is None:
        return text
    assert start.snapshot is not None, "a tape that begins later begins with a snapshot"
    follower.begin_with(lease_file_of(start.machine, start.snapshot.wall_us // _MICROSECONDS))
    return f"{text}: the lease file begins with that state as a rewrite gives it, not with the run's records before it"


class Playback:
    """One machine on its way through a tape. `difference` is set when it left the recorded way."""

    __slots__ = (
        "_effects", "_events", "_follower", "_last_seq", "_notice", "_player", "_unrecorded", "_watch", "difference",
    )  # fmt: skip

    def __init__(
        self,
        player: Player,
        follower: LeaseFileFollower | None,
        watch: Callable[[int, int], None] | None,
        notice: str = "",
    ) -> None:
        self._player = player
        self._follower = follower
        self._watch = watch
        self._notice = notice
        self._events = 0
        self._effects = 0
        self._unrecorded = 0
        self._last_seq = 0
        self.difference: Difference | None = None

    def run(self, tape: Tape, from_seq: int) -> str:
        """Play until the end, the first difference or the first damage, whose text is returned."""
        try:
            for entry in tape.iterate(from_seq=from_seq):
                if type(entry) is Entry and not self._step(entry):
                    break
        except DamagedTape as error:
            return str(error)
        return ""

    def _step(self, entry: Entry) -> bool:
        seq, event, expected = entry
        follower = self._follower
        if follower is not None:
            follower.event(event)
        try:
            got = self._player.apply(event)
        except Exception:  # noqa: BLE001 - whatever the engine did is the finding
            self.difference = _failure(entry, traceback.format_exc())
            return False
        if follower is not None:
            follower.effects(got)
        self._events += 1
        self._last_seq = seq
        if expected is None:
            self._unrecorded += 1
        elif not same(expected, got):
            self.difference = Difference(seq, event, expected, tuple(got), client_of(event, expected, got))
            return False
        else:
            self._effects += len(got)
        if self._watch is not None and not self._events % WATCH_EVENTS:
            self._watch(seq, event.wall_us)
        return True

    def verdict(self, difference: Difference | None, damage: str, torn_octets: int) -> Verdict:
        """The result as plain data."""
        notices = [self._notice] if self._notice else []
        notices += self._follower.notices if self._follower is not None else []
        if torn_octets and difference is None:
            notices.append(f"the tape ends in the middle of a record ({torn_octets} bytes): the run was cut short")
        if self._unrecorded:
            notices.append(
                f"{self._unrecorded:,} events at the end have no recorded effects: they were played, not compared"
            )
        status = Status.SAME
        if difference is not None:
            status = Status.DIFFERENT
        elif damage:
            status = Status.DAMAGED
        return Verdict(
            status=status,
            events=self._events,
            effects=self._effects,
            unrecorded=self._unrecorded,
            last_seq=self._last_seq,
            difference=difference,
            damage=damage,
            notices=tuple(notices),
        )


def _failure(entry: Entry, text: str) -> Difference:
    expected = entry.effects or ()
    return Difference(
        seq=entry.seq,
        event=entry.event,
        expected=expected,
        got=(),
        client=client_of(entry.event, expected, ()),
        failure=text,
        recorded=entry.effects is not None,
    )


def with_history(tape: Tape, difference: Difference) -> Difference:
    """The same difference with the client's events before it, looked up through the tape's index."""
    hardware = hardware_of(difference.event, difference.expected, difference.got)
    if not hardware:
        return difference
    found: deque[tuple[int, Event, tuple[Effect, ...]]] = deque(maxlen=HISTORY_EVENTS)
    try:
        for entry in tape.client(hardware):
            if entry.seq >= difference.seq:
                break
            found.append((entry.seq, entry.event, entry.effects or ()))
    except TapeError:
        return difference
    return Difference(
        seq=difference.seq,
        event=difference.event,
        expected=difference.expected,
        got=difference.got,
        client=difference.client,
        history=tuple(found),
        failure=difference.failure,
        recorded=difference.recorded,
    )


def play_file(
    trace_path: str,
    lease_path: str | None,
    machine_factory: Callable[[], Player] = Machine,
    *,
    watch: Callable[[int, int], None] | None = None,
) -> Verdict:
    """`play` of a file by its name; what keeps it from being played is a verdict too, never an exception."""
    try:
        with open_tape(trace_path) as tape:
            return play(tape, lease_path, machine_factory, watch=watch)
    except (NotATape, DamagedTape) as error:
        return Verdict(Status.DAMAGED, damage=str(error))
    except NewerTape as error:
        return Verdict(Status.UNJUDGED, damage=f"{error}; a newer dhcpd reads it")
    except TapeError as error:
        return Verdict(Status.UNJUDGED, damage=str(error))
    except OSError as error:
        where = error.filename or lease_path
        return Verdict(Status.UNJUDGED, damage=f"cannot write the lease file {where}: {error.strerror}")


def report(verdict: Verdict) -> list[str]:
    """The verdict as lines safe for a terminal: the card if there is one, the notices, the closing line."""
    lines = [] if verdict.difference is None else card(verdict.difference)
    if verdict.state:
        lines.append(f"The state after event {verdict.last_seq:,} is not the one that the recording's snapshot holds.")
        lines += [f"  {place}" for place in verdict.state]
    lines += [f"note: {notice}" for notice in verdict.notices]
    return [safe(line) for line in (*lines, verdict.closing_line())]
