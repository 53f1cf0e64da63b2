"""The second pass over a tape: a machine is told every event, for the verdict, the pools, and the clients' stories.

What is told of packets and answers is what was recorded; the machine gives reasons, states of leases and pools. Where
it leaves the recording, that is the verdict, and the rest is told all the same; where it fails, or there is no state
to begin with, the stories go on without reasons.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Final, NamedTuple

from ...engine.model.change import Cause
from ...trace import DamagedTape, Entry, NoBeginning
from ...trace.effects import Ping, Send
from ...trace.events import Packet
from ..looking.history import not_permitted, why
from ..looking.leasetable import CAUSES, PoolRow, pool_rows, row_of
from ..looking.operations import OMAPI, Operations
from ..playing.compare import same
from ..playing.play import with_history
from ..playing.resume import beginning
from ..playing.verdict import Difference, Status, Verdict
from ..showing.decode import client_of, hardware_of_payload, message_name
from ..showing.messages import NAK, UNANSWERABLE, key_of, read_message
from .limits import OPERATIONS_MAXIMUM
from .survey import WATCH_EVENTS
from .troubles import Fullness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ...engine.machine import Machine
    from ...engine.model.change import Change as LeaseChange
    from ...engine.model.spaces import Registry
    from ...engine.service.reasons import Reason
    from ...trace import Tape
    from ...trace.effects import Effect
    from ..looking.operations import Operation
    from ..showing.messages import Message
    from .stories import Change, Stories, Story

# What stays in memory is no news of a lease: an offer that is not taken leaves no trace.
_IN_MEMORY: Final = frozenset({Cause.OFFER, Cause.CONFIRM})
_NO_REASONS: Final[list[Reason]] = []


class Caused(NamedTuple):
    """A lease's change as a story tells it, and why it changed."""

    change: Change
    why: str


class Playing:
    """A machine on its way through a tape, for a report.

    `pools`: the rows at the end of each bucket with events. `operations`: what was done to the server, of
    `operations_met` the first OPERATIONS_MAXIMUM. `kept_out`: by client, which lists let it into no pool.
    """

    def __init__(self, stories: Stories, span_us: int, first_us: int) -> None:
        self.stories = stories
        self.pools: dict[int, list[PoolRow]] = {}
        self.fullness = Fullness()
        self.operations: list[Operation] = []
        self.operations_met = 0
        self.kept_out: dict[bytes, str] = {}
        self._operating: Operations | None = None
        self.machine: Machine | None = None
        self._span_us = span_us
        self._first_us = first_us
        self._bucket: int | None = None
        self._difference: Difference | None = None
        self._events = self._effects = self._unrecorded = self._last_seq = 0
        self._notices: list[str] = []

    def run(self, tape: Tape, watch: Callable[[int, int], None] | None) -> Verdict:
        """Play a whole tape; the verdict is that of `dhcpd -play`. Raises TapeUnreadable."""
        damage = unjudged = ""
        from_seq = tape.first_seq
        try:
            start = beginning(tape)
            self.machine, from_seq = start.machine, start.from_seq
            self.machine.follow_leases()
            self._operating = Operations(self.machine)
            self.fullness.look(self.machine, self._first_us)
            if start.snapshot is not None:
                self._notices.append(f"the recording begins at event {from_seq:,} with a snapshot")
        except NoBeginning as error:
            unjudged = str(error)
        except DamagedTape as error:
            damage = str(error)
        try:
            for entry in tape.iterate():
                if type(entry) is Entry:
                    self._step(entry, told=entry.seq >= from_seq)
                    if watch is not None and not entry.seq % WATCH_EVENTS:
                        watch(entry.seq, entry.event.wall_us)
        except DamagedTape as error:
            damage = damage or str(error)
        self._sample(0)
        return self._verdict(tape, damage, unjudged)

    def _verdict(self, tape: Tape, damage: str, unjudged: str) -> Verdict:
        if unjudged:
            return Verdict(Status.UNJUDGED, damage=unjudged)
        difference = self._difference and with_history(tape, self._difference)
        status = Status.DIFFERENT if difference else Status.DAMAGED if damage else Status.SAME
        notices = list(self._notices)
        if tape.torn_bytes:
            notices.append(f"the tape ends in the middle of a record ({tape.torn_bytes} bytes): the run was cut short")
        if self._unrecorded:
            notices.append(f"{self._unrecorded:,} events at the end have no recorded effects: they were not compared")
        return Verdict(
            status, self._events, self._effects, self._unrecorded, self._last_seq, difference, damage, tuple(notices)
        )

    def _step(self, entry: Entry, *, told: bool) -> None:
        event = entry.event
        bucket = event.wall_us // self._span_us
        if bucket != self._bucket:
            self._sample(event.wall_us)
            self._bucket = bucket
        own = key_of(event.payload) if isinstance(event, Packet) else None
        story = None if own is None else self.stories.by_client.get(own)
        message = None if story is None or not isinstance(event, Packet) else read_message(event.payload)
        reasons = self._tell(entry, story, message) if told and self.machine is not None else _NO_REASONS
        written = self._operated(entry, reasons) if told else ""
        changes = self._changes(written) if told else {}
        if story is not None and message is not None:
            self._note_lists(message, reasons)
            own_changes = [one.change for one in changes.get(message.key, [])]
            self._tell_own(entry, story, message, why(reasons), own_changes)
        self._tell_others(entry, own, changes)

    def _note_lists(self, message: Message, reasons: Sequence[Reason]) -> None:
        """What keeps a client out, which the log calls `no free leases`; nothing if its network has room for it."""
        lists = not_permitted(reasons)
        if lists:
            self.kept_out[message.key] = lists

    def _tell_own(self, entry: Entry, story: Story, message: Message, reason: str, changes: list[Change]) -> None:
        """A line for the client whose packet it was; answers to others in the same event are not its own."""
        event = entry.event
        assert isinstance(event, Packet), "a message is a packet's"
        effects = [
            one
            for one in entry.effects or ()
            if not isinstance(one, Send) or hardware_of_payload(one.payload) == message.hardware
        ]
        place = (entry.seq, event.wall_us - self._first_us)
        self.stories.message(story, place, event, message, effects, reason, changes, self._registry)

    def _tell_others(self, entry: Entry, own: bytes | None, changes: dict[bytes, list[Caused]]) -> None:
        """A line for every other client that was answered, or whose lease changed, at this event."""
        sends = [effect for effect in entry.effects or () if isinstance(effect, Send)]
        heard = [hardware_of_payload(send.payload) for send in sends]
        place = (entry.seq, entry.event.wall_us - self._first_us)
        for key in dict.fromkeys([*heard, *changes]):
            story = self.stories.by_client.get(key) if key != own else None
            if story is not None:
                mine = [send for send, name in zip(sends, heard, strict=True) if name == key]
                caused = changes.get(key, [])
                reason = "; ".join(dict.fromkeys(one.why for one in caused))
                reason = reason or f"at a {type(entry.event).__name__} event"
                self.stories.later(story, place, reason, mine, [one.change for one in caused], self._registry)

    @property
    def _registry(self) -> Registry | None:
        server = None if self.machine is None else self.machine.server
        return None if server is None else server.configuration.registry

    def _tell(self, entry: Entry, story: Story | None, message: Message | None) -> list[Reason]:
        """Tell the machine, compare until the first difference; reasons where the story wants them."""
        assert self.machine is not None, "the caller looked"
        expected = entry.effects
        reasons = _NO_REASONS
        try:
            wanted = story is not None and story.wants_reasons(trouble=_is_trouble(message, expected or ()))
            if (self._operating is not None and self._operating.wants_reasons(entry)) or wanted:
                got, reasons = self.machine.explain(entry.event)
            else:
                got = self.machine.apply(entry.event)
        except Exception:  # noqa: BLE001 - whatever the engine did is the finding
            self._fail(entry, traceback.format_exc())
            return _NO_REASONS
        if self._difference is not None:
            return reasons
        self._events += 1
        self._last_seq = entry.seq
        if expected is None:
            self._unrecorded += 1
        elif same(expected, got):
            self._effects += len(got)
        else:
            client = client_of(entry.event, expected, got)
            self._difference = Difference(entry.seq, entry.event, expected, tuple(got), client)
        return reasons

    def _fail(self, entry: Entry, text: str) -> None:
        self.machine = None
        if self._difference is None:
            expected = entry.effects or ()
            client = client_of(entry.event, expected)
            self._difference = Difference(
                entry.seq, entry.event, expected, (), client, failure=text, recorded=entry.effects is not None
            )

    def _sample(self, now_us: int) -> None:
        """How the pools stand at the end of a bucket; `now_us` is when the next begins, 0 for none."""
        if self._bucket is not None and self.machine is not None:
            self.pools[self._bucket] = pool_rows(self.machine)
            if now_us:
                self.fullness.look(self.machine, now_us)

    def _operated(self, entry: Entry, reasons: Sequence[Reason]) -> str:
        """Keep what was done to the server at an event; returns who has written over OMAPI, empty for nobody."""
        if self._operating is None or self.machine is None:
            return ""
        found = list(self._operating.of(entry, reasons))
        self.operations_met += len(found)
        self.operations += found[: max(0, OPERATIONS_MAXIMUM - len(self.operations))]
        self.fullness.follow(self.machine, self.machine.changes, entry.event.wall_us)
        return next((one.who for one in found if one.kind == OMAPI), "")

    def _changes(self, written_by: str) -> dict[bytes, list[Caused]]:
        """The leases that were written, by the clients with a story that have or had them."""
        found: dict[bytes, list[Caused]] = {}
        if self.machine is None:
            return found
        for before, after, cause in _merged(self.machine.changes):
            old, new = row_of(before), row_of(after)
            if old == new:
                continue
            why = f"{CAUSES[cause]}: {written_by}" if cause is Cause.OPERATOR and written_by else CAUSES[cause]
            caused = Caused(self.stories.change(new.address, old.state, new.state, new.ends), why)
            for owner in dict.fromkeys((new.hardware, old.hardware)):
                if owner in self.stories.by_client:
                    found.setdefault(owner, []).append(caused)
        return found


def _merged(changes: Iterable[LeaseChange]) -> list[LeaseChange]:
    """What was written of each lease in one event: as it was before, as it is now, and why last."""
    found: dict[int, LeaseChange] = {}
    for one in changes:
        if one.cause not in _IN_MEMORY:
            first = found.get(one.after.address, one)
            found[one.after.address] = one._replace(before=first.before)
    return list(found.values())


def _is_trouble(message: Message | None, effects: Sequence[Effect]) -> bool:
    """Whether a message was refused, or got no answer and waits for none."""
    if message is None or message.name in UNANSWERABLE:
        return False
    replies = [message_name(effect.payload) for effect in effects if isinstance(effect, Send)]
    return NAK in replies or not (replies or any(isinstance(effect, Ping) for effect in effects))
