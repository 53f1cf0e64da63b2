"""From batches of records to events with their effects: pairing, parts put together, numbers checked, waiting bounded.

A stranger's records may be of the wrong make, or never complete anything: the former raises one of MISFIT, and what
waits is bounded. Where the batches come from, and what is done about damage, is the business of reader.py.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from .codec import WITH_LISTS, BadRecord, decode_effects, decode_event, items_in, unpack
from .effects import Effect
from .errors import DamagedTape
from .events import Event
from .format import (
    EFFECTS,
    EFFECTS_AT,
    HANDLED,
    INFO,
    KIND_RECORDS,
    KIND_SNAPSHOT,
    PART,
    PENDING_BYTES_MAX,
    PENDING_EVENTS_MAX,
    RECORD_BYTES_FREE,
    SNAPSHOT,
    STORED,
    Segment,
    record_bytes_max,
)
from .scan import COST_OF_ITEM
from .versions import Version, with_serving

if TYPE_CHECKING:
    from .scan import Window

EVENT_ID_MAX: Final = 63
# What decoding raises on records of the wrong make, BadRecord among it.
MISFIT: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)


class Entry(NamedTuple):
    """An event with its number and its effects; `effects` is None where they never reached the tape."""

    seq: int
    event: Event
    effects: tuple[Effect, ...] | None


class SnapshotEntry:
    """The state after event `seq`, whose time is `wall_us`. It may stand on the tape behind later events."""

    __slots__ = ("_packed", "seq", "wall_us")

    def __init__(self, seq: int, packed: bytes, wall_us: int = 0) -> None:
        """Keep the bytes; they are unpacked when asked for."""
        self.seq = seq
        self.wall_us = wall_us
        self._packed = packed

    @property
    def data(self) -> object:
        """The plain data, arrays as tuples. Raises DamagedTape."""
        try:
            value: object = unpack(self._packed)
        except BadRecord as error:
            raise DamagedTape(0, f"snapshot of event {self.seq}: {error}", self.seq) from None
        return value


class Handled(NamedTuple):
    """The machine had answered all events up to `seq`, from the last note of this kind on, at `mono_us`."""

    seq: int
    mono_us: int


class Stored(NamedTuple):
    """What had waited for the disk up to event `seq` was synced at `synced_us`, and its replies were sent by `left_us`.

    Both are readings of the monotonic clock; `left_us` is None where storing failed, so that no reply was sent.
    """

    seq: int
    synced_us: int
    left_us: int | None


Found: TypeAlias = "Entry | SnapshotEntry | Handled | Stored"


class Player:
    """Turns batches of records into entries: pairs events with effects, puts parts together, checks the numbers."""

    __slots__ = (
        "_batch_bytes", "_effects_seq", "_mono_us", "_noted", "_parts", "_parts_number", "_pending", "_pending_bytes",
        "_segment", "_snapshot_us", "_version", "_wall_us", "_window", "next_seq",
    )  # fmt: skip

    def __init__(self, window: Window, version: Version, *, noted: bool = False) -> None:
        """Begin before the first segment of a file; with `noted` the tape's notes of time come out, too."""
        self.next_seq = 1
        self._version = version
        self._noted = noted
        self._window = window
        self.restart()

    def restart(self) -> None:
        """Forget what came before: the next segment is the first, or follows damage."""
        self._segment: Segment | None = None
        self._pending: deque[Event] = deque()
        self._pending_bytes = self._batch_bytes = 0
        self._forget_parts()
        self._effects_seq = self._wall_us = self._mono_us = self._snapshot_us = 0

    def enter(self, segment: Segment) -> None:
        """Go over to another segment; raises BadRecord if its numbers do not follow."""
        if segment.kind not in (KIND_RECORDS, KIND_SNAPSHOT):
            return
        if self._segment is None:
            self.next_seq = segment.first_seq
            self._effects_seq = segment.effects_seq
        elif segment.kind == KIND_RECORDS:
            if segment.first_seq != self.next_seq or segment.effects_seq < self._effects_seq:
                raise BadRecord("event numbers do not follow")
            self._effects_seq = segment.effects_seq
        if segment.kind == KIND_RECORDS:
            self._segment = segment
            self._wall_us, self._mono_us = segment.wall_us, segment.mono_us
        self._snapshot_us = segment.wall_us
        self._forget_parts()

    def _forget_parts(self) -> None:
        self._parts = bytearray()
        self._parts_number = 0

    def take(self, records: tuple[Any, ...], raw_bytes: int, out: list[Found]) -> None:
        """Append to `out` what the records, of so many octets, complete; raises one of MISFIT, or NewerRecord."""
        self._batch_bytes = raw_bytes
        self._pending_bytes += raw_bytes
        try:
            self._take_each(records, out)
        except MISFIT:
            self._version.check(records)
            raise

    def _take_each(self, records: tuple[Any, ...], out: list[Found]) -> None:
        for record in records:
            number = record[0]
            if number <= EVENT_ID_MAX:
                if number in WITH_LISTS:
                    self._window.budget.spend(0, COST_OF_ITEM * items_in(record))
                event = decode_event(record, self._wall_us, self._mono_us)
                self._wall_us, self._mono_us = event[0], event[1]
                self._pending.append(event)
                self.next_seq += 1
                self._bound_pending(out)
            elif number == EFFECTS:
                self._take_effects(record, out)
            else:
                self._take_own(record, out)

    def _bound_pending(self, out: list[Found]) -> None:
        """Give up waiting for effects that are too long in coming: the oldest's; of large events all but the last's."""
        waiting = len(self._pending)
        if waiting > PENDING_EVENTS_MAX:
            self._release(1, out)
        elif self._pending_bytes > PENDING_BYTES_MAX and waiting > 1:
            self._release(waiting - 1, out)
            self._pending_bytes = self._batch_bytes

    def waits_before(self, seq: int) -> bool:
        """Whether an event before number `seq` still waits for its effects."""
        return bool(self._pending) and self.next_seq - len(self._pending) < seq

    def rest(self) -> list[Found]:
        """Return the events whose effects never came."""
        out: list[Found] = []
        self._release(len(self._pending), out)
        return out

    def _take_effects(self, record: tuple[Any, ...], out: list[Found]) -> None:
        """Pair the next effects with their event, if that was read."""
        seq = self._effects_seq
        self._effects_seq = seq + 1
        pending = self._pending
        skipped = seq - (self.next_seq - len(pending))
        if skipped < 0:
            return
        if skipped:
            self._release(min(skipped, len(pending)), out)
        if not pending:
            raise BadRecord("effects without an event")
        effects = decode_effects(record)
        event = pending.popleft()
        if self._version.lacks_serving:
            effects = with_serving(event, effects)
        out.append(Entry(seq, event, effects))
        if not pending:
            self._pending_bytes = self._batch_bytes

    def _take_own(self, record: tuple[Any, ...], out: list[Found]) -> None:
        """Take one of the tape's own records."""
        number, *fields = record
        types = [*map(type, fields)]
        if number == EFFECTS_AT and types == [int]:
            (self._effects_seq,) = fields
        elif number == SNAPSHOT and types == [int, bytes]:
            seq, packed = fields
            out.append(SnapshotEntry(seq, packed, self._snapshot_us))
        elif number == PART and types == [int, bool, bytes]:
            self._take_part(record, out)
        elif number in (HANDLED, STORED):
            self._take_note(record, out)
        elif number != INFO:
            raise BadRecord(f"unknown record {number}")

    def _take_note(self, record: tuple[Any, ...], out: list[Found]) -> None:
        """Take a note of when something was done, which nothing but a look at figures needs."""
        number, *fields = record
        if not all(type(field) is int for field in fields[:2]):
            raise BadRecord("field of the wrong type")
        if not self._noted:
            return
        if number == HANDLED:
            (since_us,) = fields
            out.append(Handled(self._effects_seq - 1, self._mono_us + since_us))
            return
        behind, synced, left = fields
        synced_us = self._mono_us + synced
        out.append(Stored(self.next_seq - 1 - behind, synced_us, None if left is None else synced_us + left))

    def _take_part(self, record: tuple[Any, ...], out: list[Found]) -> None:
        """Put a part to those before it; take the record when it is whole."""
        _, number, last, piece = record
        if number != self._parts_number or not piece:
            raise BadRecord("parts of a record do not follow")
        self._parts += piece
        self._parts_number += 1
        if len(self._parts) > RECORD_BYTES_FREE and len(self._parts) > record_bytes_max(self._window.size()):
            raise BadRecord("record longer than any in such a file")
        if last:
            length, whole = len(self._parts), unpack(self._parts)
            self._forget_parts()
            if whole[0] == PART:
                raise BadRecord("parts within parts")
            self.take((whole,), length, out)

    def _release(self, count: int, out: list[Found]) -> None:
        """Give up waiting for the effects of the oldest `count` events."""
        for _ in range(count):
            seq = self.next_seq - len(self._pending)
            out.append(Entry(seq, self._pending.popleft(), None))


