"""How long requests may wait: with more load than can be carried, the oldest are thrown away unread.

A socket's queue that never empties makes every answer late, and late enough each comes when its client has given up or
asked again: the server is as busy as it can be, for nobody. A small buffer, as ISC dhcpd has, helps against that by
throwing away the newest, and bursts with them. Here a burst may wait as long as it takes. Only a queue that has not
been empty for a while is a standing one, and from that what is old is dropped, which costs a hundredth of an answer at
most: DISCOVERs first, since whoever sends a REQUEST has cost an OFFER already, which would be lost with it.

The age is the kernel's time stamp of the frame. What is dropped never passes the door: the recording has how many they
were, with those for which the kernel had no room, in a line of the program (a `Remark`).
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final

from .engine.model import notices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .trace.effects import Log

# Clients wait four seconds for an answer, testers one.
STANDING_US: Final = 1_000_000
# After a pause of the loop (a slow disk) the queue is old as well, but soon empty.
STANDING_BATCHES: Final = 8
AGE_MAXIMUM_US: Final = 800_000
DISCOVER_AGE_MAXIMUM_US: Final = 200_000
# So many may be thrown away before the loop gets its turn.
READS_MAXIMUM: Final = 2_048
_REMARK_INTERVAL_US: Final = 10_000_000

# SO_TIMESTAMPNS, which is also the type of the control message that it asks for.
_SO_TIMESTAMPNS: Final = 35
OPTIONS_AT: Final = 240
DISCOVER_MARK: Final = b"\x35\x01\x01"
_FOREVER_US: Final = 1 << 62
_TIMESPEC: Final = struct.Struct("@ll")
STAMP_SPACE: Final = socket.CMSG_SPACE(_TIMESPEC.size)


def ask_for_stamps(made: socket.socket) -> None:
    """Let the kernel tell when each frame came; it comes before all other control messages. Raises OSError."""
    made.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def came_us(extra: Sequence[tuple[int, int, bytes]]) -> int | None:
    """When a message came, microseconds since 1970, by its control messages; None where they have no stamp."""
    for level, kind, stamp in extra:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(stamp) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(stamp)
            found: int = seconds * 1_000_000 + nanoseconds // 1_000
            return found
    return None


def fresh_since(wall_us: int, *, crowded: bool) -> tuple[int, int]:
    """Since when DISCOVERs, and since when other messages have come that have not waited too long at `wall_us`.

    `crowded`: hardly anything more finds room, so that every DISCOVER in the way of a REQUEST waits too long.
    """
    discovers = _FOREVER_US if crowded else wall_us - DISCOVER_AGE_MAXIMUM_US
    return discovers, wall_us - AGE_MAXIMUM_US


def is_stale(data: bytes, payload_at: int, stamp_us: int | None, wall_us: int) -> bool:
    """Whether a message that came at `stamp_us` has waited too long; where that is not known it has not.

    A DISCOVER is known where its type is the first option, as nearly every client has it.
    """
    if stamp_us is None:
        return False
    discovers, others = fresh_since(wall_us, crowded=False)
    first = payload_at + OPTIONS_AT
    return stamp_us < (discovers if data[first : first + len(DISCOVER_MARK)] == DISCOVER_MARK else others)


class Backlog:
    """One socket's queue: `standing` says, for the batch that begins, whether it has been full for too long."""

    __slots__ = ("_batch", "_batches", "_empty_us", "dropped", "standing")

    def __init__(self) -> None:
        self.standing = False
        self.dropped = 0
        self._batch = -1
        self._batches = 0
        self._empty_us = 0

    def begin(self, batch: int, mono_us: int) -> None:
        """The socket is readable in batch number `batch`; where it was not in the one before, it had been emptied."""
        if batch != self._batch + 1:
            self.emptied(mono_us)
        self._batch = batch
        self._batches += 1
        self.standing = self._batches > STANDING_BATCHES and mono_us - self._empty_us > STANDING_US

    def emptied(self, mono_us: int) -> None:
        """Nothing is left."""
        self._empty_us = mono_us
        self._batches = 0


class Tally:
    """How many were dropped, told now and then."""

    __slots__ = ("_count", "_told_us")

    def __init__(self) -> None:
        self._count = 0
        self._told_us = -_REMARK_INTERVAL_US

    def add(self, count: int) -> None:
        """Count more."""
        self._count += count

    def told(self, mono_us: int) -> Log | None:
        """The line to log of what was not told yet, None where there is nothing, or it is not time for one."""
        if not self._count or mono_us - self._told_us < _REMARK_INTERVAL_US:
            return None
        count, self._count = self._count, 0
        self._told_us = mono_us
        return notices.REQUESTS_TOO_LATE(count=count)
