"""The recording while the server runs: what is written where, when a snapshot is made, when a new segment begins.

*Snapshots.* Seeking plays from the last one, so that they should stand close; a snapshot of many leases is large, so
that they should not. One is made when the tape has grown since the last by SNAPSHOT_EVENTS_MINIMUM events (less than
half a second of playback) and by as many octets as the last snapshot took (so that they are never more than half of
the file), and when making the last took, of processor time, no more than a hundredth of the time since (so that it is
not put off where the machine is busy with other things). A tenth would be as dear as the rest of the recording where
there are many leases, on the core of whoever else works. What the server itself loses by a snapshot (the
fork, and the pages that it copies as they change) is a twelfth of what the child takes, and is not counted. Who records
little has none: the start is near.

*Segments* (`--trace-max-size`). When FILE is full a new one is begun as FILE.next, with the number of the next event,
and a child begins to write down the state before that event. Until that snapshot stands in the new file, which may be
behind its first events, events go to both; then FILE gets its old name and the new file its. So every file that is
not called `.next` plays alone whenever the process is killed, numbers have no gap, and what came while the snapshot
was made stands in both files. A file is also ended when it is as old as old ones may be, so that nothing older than
twice `--trace-keep` is left.

A disk that is full, or that has only left what the lease file may need, costs the oldest segment; where there is none
the recording pauses, and the service goes on. The events of a pause are counted, so that numbers stay those of the
run; when there is room again a new file is begun as a segment is, with a snapshot. Nothing here is an event: playback
knows nothing of it.
"""

from __future__ import annotations

import contextlib
import errno
import time
from typing import TYPE_CHECKING, Final, TypeVar

from ..engine.model import notices
from ..process.build import VERSION
from ..process.child import ChildFailed
from ..trace import TapeWriteFailed, TapeWriter
from .room import Room
from .snapshots import SnapshotChild

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..cli import Limits
    from ..trace import SnapshotPlace
    from ..trace.effects import Effect
    from ..trace.events import End, Event
    from .segments import Segments

SNAPSHOT_EVENTS_MINIMUM: Final = 10_000
SNAPSHOT_TIME_SHARE: Final = 100
# A segment holds at least as much of events as its snapshot takes, however small the size that was asked for.
SEGMENT_SNAPSHOTS: Final = 2
# After a failure (no process, no room, no permission) the next attempt.
RETRY_S: Final = 60.0
# How often a recording that pauses looks for room.
RESUME_S: Final = 5.0
# How often it is looked whether there is still room: a tenth of a second writes far less than the least reserve.
ROOM_LOOK_S: Final = 0.1
_HOUSEKEEPING_S: Final = 10.0
Written = TypeVar("Written")
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Recorder:
    """Writes the tape for the door (`write_events`, `write_effects`, `flush`, `close` as a TapeWriter's).

    `watch` and `unwatch` take something with a `fileno` whose readability is to wake the loop. `begun_us` is when FILE
    was begun.
    """

    __slots__ = (
        "_begun_s", "_begun_us", "_child", "_child_began_s", "_closed", "_events_seen", "_first_seq", "_kept_at_s",
        "_limits", "_log", "_look_at_s", "_mono_us", "_next", "_octets_seen", "_paused", "_rest_until_s",
        "_retry_at_s", "_room", "_said", "_segments", "_seq", "_snapshot_octets", "_tape", "_unwatch", "_wall_us",
        "_wanted", "_watch",
    )  # fmt: skip

    def __init__(self, tape: TapeWriter, segments: Segments, limits: Limits, log: Callable[[int, str], None]) -> None:
        self._tape = tape
        self._next: TapeWriter | None = None
        self._segments = segments
        self._limits = limits
        self._log = log
        self._watch: Callable[[SnapshotChild], None] = lambda _child: None
        self._unwatch: Callable[[SnapshotChild], None] = lambda _child: None
        self._child: SnapshotChild | None = None
        self._child_began_s = 0.0
        self._begin_counting(tape)
        self._snapshot_octets = 0
        self._rest_until_s = self._retry_at_s = 0.0
        self._kept_at_s = self._look_at_s = 0.0
        self._wanted = False
        self._said = ""
        self._closed = False
        self._room = Room(segments.folder)
        self._paused = False
        # What the tape would know if there were one: the number of the next event, and the times of the last.
        self._seq = tape.next_seq
        self._wall_us = self._mono_us = 0

    def _begin_counting(self, tape: TapeWriter) -> None:
        self._begun_us = time.time_ns() // 1000
        self._begun_s = time.monotonic()
        self._first_seq = self._events_seen = tape.next_seq
        self._octets_seen = 0

    def watch_by(self, watch: Callable[[SnapshotChild], None], unwatch: Callable[[SnapshotChild], None]) -> None:
        """Use these to be woken when a snapshot is ready."""
        self._watch, self._unwatch = watch, unwatch

    @property
    def path(self) -> str:
        """The whole name of FILE, for people."""
        return self._segments.shown(self._segments.name)

    @property
    def next_event(self) -> int:
        """The number that the next event has."""
        return self._seq

    @property
    def begun_us(self) -> int:
        """When FILE was begun, microseconds since 1970."""
        return self._begun_us

    @property
    def octets(self) -> int:
        """The length of FILE so far."""
        return self._tape.octets

    @property
    def paused(self) -> bool:
        """Whether there is no room, so that nothing is recorded."""
        return self._paused

    @property
    def older_files(self) -> list[str]:
        """The whole names of the files before FILE, the oldest first."""
        return [self._segments.shown(one.name) for one in self._segments.old()]

    def keep_room_for(self, lease_file: str) -> None:
        """Leave this file what it needs, where it is on the same disk."""
        self._room.lease_file = lease_file

    # What the door asks for

    def write_events(self, events: Sequence[Event]) -> int:
        """As TapeWriter's; where the disk is full the oldest segment makes room, or the recording pauses."""
        first = self._seq
        if not self._paused:
            tape = self._tape
            try:
                self._insist(tape, lambda: tape.write_events(events))
            except TapeWriteFailed as error:
                self._pause(str(error))
        self._seq += len(events)
        if events:
            self._wall_us, self._mono_us = events[-1][0], events[-1][1]
        fresh = self._next
        if fresh is not None:
            try:
                self._insist(fresh, lambda: fresh.write_events(events))
            except TapeWriteFailed as error:
                self._give_up_segment(str(error))
        return first

    def write_effects(
        self, first_seq: int, effects: Sequence[Sequence[Effect]], handled_us: int | None = None
    ) -> None:
        """As TapeWriter's."""
        # A write that fails here is one of effects that are kept all the same: the next one is made for them.
        if not self._paused:
            with contextlib.suppress(TapeWriteFailed):
                self._tape.write_effects(first_seq, effects, handled_us)
        if self._next is not None:
            with contextlib.suppress(TapeWriteFailed):
                self._next.write_effects(first_seq, effects, handled_us)

    def write_stored(self, seq: int, synced_us: int, left_us: int | None) -> None:
        """As TapeWriter's."""
        self._tape.write_stored(seq, synced_us, left_us)
        if self._next is not None:
            self._next.write_stored(seq, synced_us, left_us)

    def give_to(self, uid: int, gid: int) -> None:
        """As TapeWriter's, for who the server becomes: its children read what it has written before."""
        with contextlib.suppress(OSError):  # a file system without owners
            self._tape.give_to(uid, gid)

    def flush(self, *, sync: bool = False) -> None:
        """As TapeWriter's; a disk that is full has the recording pause."""
        tape = self._tape
        if not self._paused:
            try:
                self._insist(tape, lambda: tape.flush(sync=sync))
            except TapeWriteFailed as error:
                self._pause(str(error))

    def close(self) -> None:
        """End the recording in order; a snapshot, or a segment, that is not ready is given up."""
        if self._closed:
            return
        self._closed = True
        self._drop_child()
        self._drop_next()
        self._tape.close()
        self._segments.close()

    def _insist(self, tape: TapeWriter, step: Callable[[], Written]) -> Written:
        """Write to `tape`, again when room was made. Raises TapeWriteFailed."""
        while True:
            try:
                return step()
            except TapeWriteFailed as error:
                if not (error.number in _NO_ROOM and self._limits.segment_octets and self._make_room(tape, error)):
                    raise
                if not tape.revive():
                    raise

    def _make_room(self, tape: TapeWriter, error: TapeWriteFailed) -> bool:
        """Delete the oldest segment, or else the file that has no snapshot yet, for a write that found no room."""
        for old in self._segments.old():
            if self._segments.remove(old):
                self._log(*notices.RECORDING_PART_DELETED(why=error, old=self._segments.shown(old.name)))
                return True
        if self._next is None or tape is self._next:
            return False
        self._give_up_segment("no space left on the disk")
        return True

    # What the loop asks for

    def want_segment(self) -> None:
        """Begin a new segment soon, whatever the size (SIGUSR2)."""
        self._wanted = True

    def tend(self, take: Callable[[], object]) -> None:
        """To be called between batches: begin a snapshot that is due, take one in that is ready, delete what is old.

        `take` gives the machine's state; it is called in another process.
        """
        if self._closed:
            return
        if self._child is not None:
            if self._child.ended():
                self._take_in(self._child)
            return
        now_s = time.monotonic()
        if now_s >= self._look_at_s:
            self._look_at_s = now_s + ROOM_LOOK_S
            self._guard_reserve()
        if self._paused:
            self._resume(take, now_s)
            return
        full = self._wanted or (now_s >= self._retry_at_s and self._limits.segment_octets > 0 and self._is_full(now_s))
        grown = self._tape.next_seq - self._events_seen >= SNAPSHOT_EVENTS_MINIMUM
        if full or (grown and self._is_due(now_s)):
            self._begin_snapshot(take, now_s, segment=full)
        if now_s - self._kept_at_s >= _HOUSEKEEPING_S:
            self._kept_at_s = now_s
            self._delete_old()

    # A pause

    def _guard_reserve(self) -> None:
        """Where only the reserve is left the oldest segment goes, or the recording pauses."""
        while not self._paused and self._room.is_short():
            oldest = self._segments.old()[:1] if self._limits.segment_octets else []
            if not (oldest and self._segments.remove(oldest[0])):
                self._pause(f"{self.path}: what is left on this disk is kept for the lease file")

    def _pause(self, why: str) -> None:
        self._drop_child()
        self._drop_next()
        self._tape.close()
        self._paused = True
        self._retry_at_s = time.monotonic() + RESUME_S
        self._log(*notices.RECORDING_PAUSED(why=why))

    def _resume(self, take: Callable[[], object], now_s: float) -> None:
        """Begin a new file when it is time to look for room, and there is some; whoever asked is told where not."""
        if now_s < self._retry_at_s and not self._wanted:
            return
        self._retry_at_s = now_s + RESUME_S
        if self._room.suffices(2 * self._snapshot_octets):
            self._begin_snapshot(take, now_s, segment=True)
        elif self._wanted:
            self._wanted = False
            self._log(*notices.RECORDING_STILL_PAUSED(seq=self._tape.next_seq))

    def _is_due(self, now_s: float) -> bool:
        """Whether it is time for a snapshot within FILE, which has grown by enough events."""
        grown = self._tape.octets - self._octets_seen
        return grown >= self._snapshot_octets and now_s >= max(self._rest_until_s, self._retry_at_s)

    def _is_full(self, now_s: float) -> bool:
        """Whether FILE, which is to be ended some time, has had its octets, or its time."""
        limits, tape = self._limits, self._tape
        if tape.octets >= max(limits.segment_octets, SEGMENT_SNAPSHOTS * self._snapshot_octets):
            return True
        return 0 < limits.keep_s <= now_s - self._begun_s and tape.next_seq > self._first_seq

    def _begin_snapshot(self, take: Callable[[], object], now_s: float, *, segment: bool) -> None:
        if segment and not self._begin_segment(now_s):
            return
        self._child_began_s = now_s
        try:
            self._child = SnapshotChild(self._place(), take)
        except OSError as error:
            self._fail(f"no snapshot could be begun: {error.strerror}", now_s)
        else:
            self._watch(self._child)

    def _place(self) -> SnapshotPlace:
        """Where a snapshot of the present state belongs, in FILE or the new one."""
        tape = self._tape if self._next is None else self._next
        at = tape.snapshot_place()
        return at._replace(seq=self._seq - 1, wall_us=self._wall_us, mono_us=self._mono_us)

    def _begin_segment(self, now_s: float) -> bool:
        """Open the file that goes on with the next event; whether that was possible."""
        self._wanted = False
        self._segments.discard_next()
        try:
            self._next = TapeWriter.create(
                self._segments.next_name,
                version=VERSION,
                first_seq=self._seq,
                folder=self._segments.folder,
            )
        except TapeWriteFailed as error:
            self._segments.discard_next()
            if not (error.number in _NO_ROOM and self._limits.segment_octets and self._make_room(self._tape, error)):
                self._fail(f"no new file could be begun: {error}", now_s)
            return False
        return True

    def tell_crash(self, end: End) -> None:
        """Note that the program failed: nobody is told of this event but the reader of the recording."""
        self.write_events([end])

    def tell_failure(self) -> tuple[str, int]:
        """(FILE, number of its last event), everything handed to the kernel: for who reports that the engine failed."""
        self.flush(sync=True)
        return self.path, self._tape.next_seq - 1

    def _take_in(self, child: SnapshotChild) -> None:
        """The child is done: its snapshot goes on the tape, or completes the new file."""
        now_s = time.monotonic()
        self._unwatch(child)
        self._child = None
        # A child that the system does not tell about is taken to have worked all the time.
        busy_s = child.busy_s or now_s - self._child_began_s
        self._rest_until_s = now_s + SNAPSHOT_TIME_SHARE * busy_s
        tape = self._tape if self._next is None else self._next
        try:
            with child.made() as segment:
                octets = len(segment)
                self._insist(tape, lambda: tape.append_snapshot(child.place, segment))
        except ChildFailed as error:
            self._fail(f"a snapshot could not be made: {error}", now_s)
            return
        except TapeWriteFailed as failure:
            tape.revive()
            self._fail(f"a snapshot could not be kept: {failure}", now_s)
            return
        self._said = ""
        self._snapshot_octets = octets
        if self._next is None:
            self._events_seen, self._octets_seen = child.place.seq + 1, tape.octets
        else:
            self._change_over(self._next, child.place.seq)

    def _change_over(self, fresh: TapeWriter, last_seq: int) -> None:
        """The new file is whole: it becomes FILE, and FILE gets its old name."""
        try:
            name = self._segments.change_over(self._begun_us, self._first_seq)
        except OSError as error:
            self._fail(f"its name cannot be changed: {error.strerror}", time.monotonic())
            return
        lost = self._seq if not self._paused else self._tape.next_seq
        self._next, self._paused = None, False
        self._tape.close()
        self._tape, fresh.path = fresh, self.path
        self._begin_counting(fresh)
        self._events_seen = self._first_seq = last_seq + 1
        self._octets_seen = fresh.octets
        old = self._segments.shown(name)
        gap = f"; events {lost} to {last_seq} are not recorded" if lost <= last_seq else ""
        self._log(*notices.RECORDING_NEW_FILE(old=old, seq=last_seq + 1, path=self.path, gap=gap))
        self._delete_old()

    # What goes wrong, and what goes

    def _fail(self, text: str, now_s: float) -> None:
        """Say what was not possible, once for the same reason, and try again later."""
        self._retry_at_s = now_s + RETRY_S
        self._drop_next()
        if text != self._said:
            self._said = text
            self._log(*notices.RECORDING_SAME_FILE(path=self.path, why=text))

    def _give_up_segment(self, text: str) -> None:
        """The new file cannot be written: FILE goes on."""
        self._drop_child()
        self._fail(f"the new file cannot be written: {text}", time.monotonic())

    def _drop_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            self._unwatch(child)
            child.abandon()

    def _drop_next(self) -> None:
        fresh, self._next = self._next, None
        if fresh is not None:
            fresh.close()
            self._segments.discard_next()

    def _delete_old(self) -> None:
        """Delete the segments that are too old, and the oldest beyond the total."""
        limits = self._limits
        if not (limits.keep_s or limits.total_octets):
            return
        old = self._segments.old()
        octets = self._tape.octets + sum(one.octets for one in old)
        oldest_s = time.time() - limits.keep_s if limits.keep_s else 0.0
        for one in old:
            if one.ended_s >= oldest_s and not 0 < limits.total_octets < octets:
                break
            if self._segments.remove(one):
                octets -= one.octets
