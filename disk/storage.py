"""The storage thread: appends and syncs the lease file while the loop works on the next batch.

Work goes in groups. While one group is being written and synced, everything that comes meanwhile gathers in the next,
so the slower the disk, the more replies share a sync. A group carries the replies that promise what it stores; the
loop sends them when the group is done, and throws them away when it failed (docs/architecture.md#the-four-laws).
With a reply waits the log line that tells of it, so that the log never claims what was not sent.

Records that nobody waits for (what a name server has answered, a lease that is over) rest for a moment, to share the
sync of the next reply: by themselves each would cost a sync, and the way to the thread and back.

Why a thread of its own and not trio's: a sync must start without waiting for the scheduler, and hand back within
tens of microseconds. The thread touches the lease file and nothing else.

Even so the way to the thread and back costs a busy machine as much as a quick disk's sync. Changes of operators that
come with nobody else at hand are carried out by the loop itself (`carry_out_now`), as long as the disk is quick: who
asks for ten thousand hosts one after the other waits for the disk, and for nothing else.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from ..trace.effects import CommandAnswer, Log, RewriteBegin, RewriteEnd, RewritePart, Send, Store, StreamSend
from .lease_file import LeaseFile, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Store | RewriteBegin | RewritePart | RewriteEnd

# Replies, and slices of a rewrite, that may wait before the loop stops to read more.
WAITING_REPLIES_MAXIMUM: Final = 512
WAITING_PARTS_MAXIMUM: Final = 8
# So long a record rests that nobody waits for. A machine that dies meanwhile has promised none of it to anybody.
REST_US: Final = 20_000
RESTING_MAXIMUM: Final = 512
# The loop waits for a disk whose last sync took no longer: who comes meanwhile waits so long, once longer if it stalls.
_QUICK_US: Final = 10_000
# Several that came together are not alone: of those that come so, more would gather while the thread is at work.
_QUICK_FOR_SEVERAL_US: Final = 1_000


class Reply(NamedTuple):
    """A reply that waits for the disk; `line` tells the log that it leaves, None where nothing does."""

    send: Send | StreamSend | CommandAnswer
    line: Log | None


@dataclass
class Group:
    """Work for the file in order, the replies that wait for it, and afterwards what became of it.

    `look`: there need be no work, the file is to be looked for. `of_rewrite`: some of it is a rewrite's. `failed`: the
    append or the sync did not succeed, so no reply may leave. `lost`: all was written, to a file that is not at its
    place any more, so that a reply may leave when a new file is there. `failures` also holds those of a rewrite, which
    hold no reply back. `installed`: a new lease file has taken its place. `last_seq` is the number of the last event
    that anything in it is of, `synced_us` when it was done, by the clock that never jumps.
    """

    work: list[Work] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    look: bool = False
    of_rewrite: bool = False
    failed: bool = False
    lost: StorageError | None = None
    failures: list[StorageError] = field(default_factory=list)
    installed: bool = False
    rewrite_ended: bool = False
    last_seq: int = 0
    synced_us: int = 0

    @property
    def may_rest(self) -> bool:
        """Whether it is records alone, and nobody waits for them."""
        return 0 < len(self.work) < RESTING_MAXIMUM and not (self.replies or self.look or self.of_rewrite)


def carry_out(file: LeaseFile, group: Group) -> None:
    """Do a group's work: neighbouring records in one write, one sync at the end, and a look for the file."""
    records: list[bytes] = []
    stored = False
    for one in group.work:
        if isinstance(one, Store):
            records.append(one.data)
            continue
        stored = _append(file, records, group) or stored
        records.clear()
        _rewrite(file, one, group)
    stored = _append(file, records, group) or stored
    if stored:
        _attempt(file.sync, group)
    try:
        file.check()
    except StorageError as error:
        group.lost = error


def _attempt(step: Callable[[], None], group: Group) -> bool:
    try:
        step()
    except StorageError as error:
        group.failed = True
        group.failures.append(error)
        return False
    return True


def _append(file: LeaseFile, records: list[bytes], group: Group) -> bool:
    data = b"".join(records)
    return bool(data) and _attempt(lambda: file.append(data), group)


def _rewrite(file: LeaseFile, work: RewriteBegin | RewritePart | RewriteEnd, group: Group) -> None:
    try:
        if isinstance(work, RewriteBegin):
            file.begin_rewrite(work.suffix)
        elif isinstance(work, RewritePart):
            file.rewrite_part(work.data)
        else:
            group.rewrite_ended = True
            group.installed = file.end_rewrite(work.install)
    except StorageError as error:
        group.failures.append(error)


class Storage:
    """The loop's side. `notify` is called, from the thread, when a group is done; the loop then calls `finished`.

    `seq` is the number of the event whose effects are being carried out.
    """

    __slots__ = (
        "_done", "_file", "_notify", "_queue", "_rests_until_us", "_took_us", "_under_way", "_worker", "seq", "waiting",
    )  # fmt: skip

    def __init__(self, file: LeaseFile, notify: Callable[[], None]) -> None:
        self.waiting = Group()
        self.seq = 0
        self._file = file
        self._notify = notify
        self._under_way: Group | None = None
        # What the last group took; at first nothing is known of the disk.
        self._took_us = _QUICK_US + 1
        # Until when what waits may rest, 0 where nothing does.
        self._rests_until_us = 0
        self._queue: queue.SimpleQueue[Group | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Group] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="storage", daemon=True)
        self._worker.start()

    def _work(self) -> None:
        while (group := self._queue.get()) is not None:
            self._carry_out(group)
            self._done.put(group)
            self._notify()

    def _carry_out(self, group: Group) -> None:
        begun_us = time.monotonic_ns() // 1000
        carry_out(self._file, group)
        group.synced_us = time.monotonic_ns() // 1000
        self._took_us = group.synced_us - begun_us

    @property
    def busy(self) -> bool:
        """Whether anything is not on disk yet."""
        return self._under_way is not None or bool(self.waiting.work)

    @property
    def full(self) -> bool:
        """Whether so much waits that nothing more should be read."""
        return len(self.waiting.replies) >= WAITING_REPLIES_MAXIMUM

    @property
    def room_for_parts(self) -> bool:
        """Whether another slice of a rewrite may come."""
        return len(self.waiting.work) < WAITING_PARTS_MAXIMUM

    def add(self, work: Work) -> None:
        """More to write."""
        self.waiting.work.append(work)
        self.waiting.of_rewrite |= type(work) is not Store
        self.waiting.last_seq = self.seq

    def look(self) -> None:
        """Have somebody look for the file soon."""
        self.waiting.look = True

    def hold(self, send: Send | StreamSend | CommandAnswer, line: Log | None = None) -> bool:
        """Keep a reply, and the line that tells of it, until everything stored so far is synced.

        False where it is, and the reply may leave.
        """
        group = self.waiting if self.waiting.work else self._under_way
        if group is None:
            return False
        group.replies.append(Reply(send, line))
        group.last_seq = self.seq
        return True

    def start(self) -> None:
        """Begin with what waits, unless the thread is still at the group before."""
        if self._under_way is None and (self.waiting.work or self.waiting.look):
            self._under_way, self.waiting = self.waiting, Group()
            self._rests_until_us = 0
            self._queue.put(self._under_way)

    def start_or_rest(self, now_us: int) -> None:
        """Begin with what waits, if somebody waits for it or it has rested; `now_us` by the clock that never jumps."""
        if self._under_way is not None:
            return
        if self.waiting.may_rest:
            self._rests_until_us = self._rests_until_us or now_us + REST_US
            if now_us < self._rests_until_us:
                return
        self.start()

    @property
    def due_us(self) -> int:
        """When what rests must rest no longer, by that clock; 0 where nothing does."""
        return self._rests_until_us

    def alone_with_streams(self, events: int) -> bool:
        """Whether the disk is quick, the thread is idle, and what waits is records that only streams wait for.

        `events`: so many came together.
        """
        waiting = self.waiting
        return (
            self._took_us <= (_QUICK_US if events == 1 else _QUICK_FOR_SEVERAL_US)
            and self._under_way is None
            and bool(waiting.replies)
            and all(type(one.send) is StreamSend for one in waiting.replies)
            and all(type(one) is Store for one in waiting.work)
        )

    def carry_out_now(self) -> Group:
        """Carry out what waits, in the caller's thread; the other one must be idle."""
        assert self._under_way is None, "one thread at a time has the file"
        group, self.waiting = self.waiting, Group()
        self._rests_until_us = 0
        self._carry_out(group)
        return group

    def finished(self, now_us: int) -> Group | None:
        """The group that is done, once; the next one is begun, or rests."""
        if self._done.empty():
            return None
        group = self._done.get()
        self._under_way = None
        self.start_or_rest(now_us)
        return group

    def wait(self) -> Group:
        """Stand still until the group under way is done (for the end of the run)."""
        group = self._done.get()
        self._under_way = None
        self.start()
        return group

    def close(self) -> None:
        """End the thread and close the file. Work that was not begun is lost: wait for it first."""
        self._queue.put(None)
        self._worker.join()
        self._file.close()
