"""Reading a tape: events with their effects in order, snapshots, and a report of what is damaged.

The question here is what to do about a file that is not whole. A tail that is cut off is normal, costs only what had
not reached the kernel, and raises nothing. Damage before the end raises DamagedTape after the last good event, since a
replay over a gap would be another run; who only looks asks for `resync` and gets what can be had, with a list of gaps.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from .codec import BadRecord
from .compression import STORED, ZSTD, ZSTD_LIBRARY, available
from .errors import CodecMissing, DamagedTape, NewerTape, NotATape, TapeUnreadable
from .events import Event, Packet
from .format import (
    FILE_HEADER,
    FILE_HEADER_BYTES,
    INDEX,
    INFO,
    KIND_INDEX,
    KIND_RECORDS,
    KIND_SNAPSHOT,
    KIND_TRAILER,
    MAGIC,
    SEGMENT_HEADER_BYTES,
    TALLY,
    VERSION,
    BadHeader,
    Segment,
    unpack_segment,
)
from .index import Index, IndexEntry, Tallied, entries_of, is_rising, tallied_of
from .player import MISFIT, Entry, Found, Player, SnapshotEntry
from .scan import Broken, Scan, TooMuch, Window, hop
from .versions import NewerRecord, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


INDEXES_MAX: Final = 1 << 20
# The effects of a segment's last events stand in the first batch or two of the next.
BATCHES_BEHIND_MAX: Final = 16


class TapeInfo(NamedTuple):
    """What a tape says of itself; `records` is the table of record numbers: name and fields."""

    writer_version: str
    host: str
    python: str
    created_us: int
    records: dict[int, tuple[str, tuple[str, ...]]]


class Damage(NamedTuple):
    """A stretch that was lost: `length` bytes from `offset`; events between the two numbers are missing.

    `next_seq` is None where nothing readable follows.
    """

    offset: int
    length: int
    what: str
    last_good_seq: int
    next_seq: int | None


def info_of(records: tuple[Any, ...] | None) -> TapeInfo | None:
    """Return what the tape says of itself, if its first batch holds that; raises one of MISFIT."""
    if not records or records[0][0] != INFO:
        return None
    _, version, host, python, created, table = records[0]
    return TapeInfo(str(version), str(host), str(python), int(created), dict(table))


class Tape:
    """A tape open for reading. `damage` and `torn_bytes` describe the last iteration.

    `complete` tells whether the writer closed it; `info` is empty where the beginning is damaged. `first_seq` is the
    number of the first event, or of that which is to come: beyond 1 where the tape goes on from a snapshot.
    """

    def __init__(self, fd: int, path: str) -> None:
        """Take over an open file whose beginning was found to be a tape's; `open_tape` is the way in."""
        self.path = path
        self.damage: list[Damage] = []
        self.torn_bytes = 0
        self.last_seq = 0
        self._window = Window(fd)
        self._index: Index | None = None
        self.complete = self._trailer() is not None
        self.first_seq = 1
        self.info = self._read_info()

    def __enter__(self) -> Self:
        """Return the tape."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; iterations that are under way end in an error."""
        if self._window.fd >= 0:
            os.close(self._window.fd)
            self._window.fd = -1

    def iterate(
        self, *, from_seq: int = 1, resync: bool = False, wait: Callable[[], bool] | None = None
    ) -> Iterator[Entry | SnapshotEntry]:
        """Yield events with their effects, and snapshots, in order, from event `from_seq` on.

        Damage raises DamagedTape after the last good event, or with `resync` is noted in `damage` and skipped. A
        record of a newer program raises NewerTape after the event before it.
        `wait` is called at the end of the file: True to look again, False to stop. Raises TapeUnreadable.
        """
        for found in self._play(self._begin_at(from_seq), resync=resync, wait=wait):
            if found.seq >= from_seq and isinstance(found, Entry | SnapshotEntry):
                yield found

    def iterate_noted(self, *, from_seq: int = 1) -> Iterator[Found]:
        """As `iterate`, and with the notes of when events were handled and stored, where they stand."""
        for found in self._play(self._begin_at(from_seq), resync=False, wait=None, noted=True):
            if found.seq >= from_seq:
                yield found

    def batches(self, offset: int) -> Iterator[tuple[Any, ...]]:
        """Yield the batches of records, as they were unpacked, of the segment at `offset`. Raises DamagedTape."""
        scan = Scan(self._window, offset)
        first: Segment | None = None
        try:
            while (records := scan.step()) is not None and (first is None or scan.segment is first):
                first = scan.segment
                # Whatever they are is taken here, and costs who takes it as much as records of the wrong make.
                self._window.budget.spend_on_records(scan)
                yield records
        except Broken as broken:
            raise DamagedTape(broken.offset, broken.what, 0) from None

    def _begin_at(self, seq: int) -> int:
        """The offset from which on event `seq` is to be found."""
        entry = self.index().segment_of(seq) if seq > 1 else None
        return FILE_HEADER_BYTES if entry is None else entry.offset

    def tally(self) -> Tallied | None:
        """Return the counts that stand behind the last index; None where there are none, or they are damaged."""
        offset = self.index().last_offset
        if not offset:
            return None
        with contextlib.suppress(*MISFIT):
            records = Scan(self._window, offset).next_batch() or ()
            return next((tallied_of(record) for record in records if record[0] == TALLY), None)
        return None

    def index(self) -> Index:
        """Return the index: the one that stands in a closed tape, else one found by hopping over the file."""
        if self._index is None or not self._index.from_file:
            self._index = self._stored_index() or Index(
                (
                    IndexEntry(offset, segment.kind, segment.first_seq, segment.wall_us, segment.mono_us, None)
                    for offset, segment in hop(self._window, FILE_HEADER_BYTES)
                ),
                from_file=False,
            )
        return self._index

    def seek_time(self, wall_us: int) -> int | None:
        """Return the number of the first event at or after this time; None if there is none. Raises DamagedTape."""
        entry = self.index().segment_at(wall_us)
        if entry is None:
            return None
        events = self._play(entry.offset, resync=True, wait=None)
        return next((e.seq for e in events if isinstance(e, Entry) and e.event[0] >= wall_us), None)

    def snapshot(self, seq: int) -> SnapshotEntry | None:
        """Return the latest whole snapshot that is not after event `seq`. Raises TapeUnreadable."""
        for entry in self.index().snapshots_until(seq):
            with contextlib.suppress(DamagedTape):
                found = next(self._play(entry.offset, resync=False, wait=None, alone=True), None)
                if isinstance(found, SnapshotEntry):
                    return found
        return None

    def client(self, hardware: bytes, *, from_seq: int = 1) -> Iterator[Entry]:
        """Yield the packets of the client with this hardware address (chaddr), with their effects."""
        behind = 0
        for segment, following in self.index().with_client(hardware):
            if following is not None and following.first_seq <= from_seq:
                continue
            for entry in self._play(segment.offset, resync=True, wait=None, following=following):
                if following is not None and entry.seq >= following.first_seq:
                    break
                if entry.seq >= max(from_seq, behind) and isinstance(entry, Entry) and is_of(entry.event, hardware):
                    behind = entry.seq + 1
                    yield entry

    def _play(
        self,
        offset: int,
        *,
        resync: bool,
        wait: Callable[[], bool] | None,
        noted: bool = False,
        following: IndexEntry | None = None,
        alone: bool = False,
    ) -> Iterator[Found]:
        """Yield what the tape holds from the segment at `offset` on, up to `following` where given, or it `alone`."""
        scan = Scan(self._window, offset)
        player = Player(self._window, Version(self.info.records), noted=noted)
        self.damage, self.torn_bytes, self.last_seq = [], 0, 0
        out: list[Found] = []
        segment: Segment | None = None
        behind = 0
        while True:
            broken = None
            try:
                more = self._step(scan, player, out)
            except NewerRecord as newer:
                yield from (*out, *player.rest())
                raise NewerTape(self.path, newer.what) from None
            except Broken as error:
                broken, resync = error, resync and not isinstance(error, TooMuch)
                more = resync
                out += player.rest()
            if out:
                yield from out
                self.last_seq = max(self.last_seq, out[-1].seq)
                out = []
            if broken is not None:
                self._note(scan, broken, player, resync=resync)
                more = self.damage[-1].next_seq is not None
            if following is not None and scan.offset > following.offset:
                behind += 1
                if behind > BATCHES_BEHIND_MAX or not player.waits_before(following.first_seq):
                    yield from player.rest()
                    return
            if alone and segment is not None and scan.segment is not segment:
                return
            segment = scan.segment
            if not more and (wait is None or broken is not None or not wait()):
                yield from player.rest()
                self.torn_bytes = 0 if scan.torn is None else self._window.size() - scan.torn
                return

    def _step(self, scan: Scan, player: Player, out: list[Found]) -> bool:
        """Take the next batch; False at the end of the file. Raises Broken, NewerRecord, TapeUnreadable."""
        before, at = scan.segment, scan.offset
        try:
            records = scan.step()
            segment = scan.segment
            if segment is not before and segment is not None:
                player.enter(segment)
            if records is None:
                return False
            if segment is not None and segment.kind in (KIND_RECORDS, KIND_SNAPSHOT):
                player.take(records, scan.raw_bytes, out)
        except TooMuch as more:
            raise TooMuch(at, more.what) from None
        except Broken:
            raise
        except OSError as error:
            raise TapeUnreadable(self.path, error.errno or 0, error.strerror or str(error)) from None
        except MISFIT as misfit:
            self._window.budget.spend_on_records(scan)
            what = str(misfit) if isinstance(misfit, BadRecord) else "record of the wrong make"
            raise Broken(at, what) from None
        return True

    def _note(self, scan: Scan, broken: Broken, player: Player, *, resync: bool) -> None:
        """Raise DamagedTape, or go to the next segment and note what lies between."""
        if not resync:
            raise DamagedTape(broken.offset, broken.what, self.last_seq)
        found = scan.resynchronise()
        player.restart()
        end = scan.offset if found else self._window.size()
        next_seq = self._next_seq(end) if found else None
        self.damage.append(Damage(broken.offset, end - broken.offset, broken.what, self.last_seq, next_seq))

    def _next_seq(self, offset: int) -> int:
        """Return the number of the first event behind the segment header at `offset`."""
        here = unpack_segment(self._window.get(offset, SEGMENT_HEADER_BYTES))
        if here.kind != KIND_SNAPSHOT:
            return here.first_seq
        # A snapshot's number may lie far back.
        behind = (segment.first_seq for _, segment in hop(self._window, offset) if segment.kind != KIND_SNAPSHOT)
        return next(behind, here.first_seq)

    def _read_info(self) -> TapeInfo:
        """Return what the tape says of itself, as far as that can be read."""
        scan = Scan(self._window, FILE_HEADER_BYTES)
        try:
            info = info_of(scan.next_batch())
        except MISFIT:
            info = None
        if scan.segment is not None:
            self.first_seq = scan.segment.first_seq
        return info or TapeInfo("", "", "", 0, {})

    def _trailer(self) -> Segment | None:
        """Return the trailer, if the file ends in one."""
        end = self._window.size() - SEGMENT_HEADER_BYTES
        if end < FILE_HEADER_BYTES:
            return None
        try:
            segment = unpack_segment(self._window.get(end, SEGMENT_HEADER_BYTES))
        except BadHeader:
            return None
        return segment if segment.kind == KIND_TRAILER else None

    def _stored_index(self) -> Index | None:
        """Return the index that stands in the file; None without a trailer, or where any part of it is damaged.

        Each names what lies between the index before it and itself, in the order of the file.
        """
        trailer = self._trailer()
        offset = trailer.effects_seq if trailer and trailer.effects_seq < self._window.size() else 0
        chain: list[list[IndexEntry]] = []
        while offset and len(chain) < INDEXES_MAX:
            try:
                before, entries = self._read_index(offset)
            except MISFIT:
                return None
            if not 0 <= before < offset or not is_rising(before, entries, offset):
                return None
            chain.append(entries)
            offset = before
        if trailer is None or not chain:
            return None
        gathered = (entry for part in reversed(chain) for entry in part)
        return Index(gathered, from_file=True, last_offset=trailer.effects_seq)

    def _read_index(self, offset: int) -> tuple[int, list[IndexEntry]]:
        """Return (offset of the index before, entries) of the index at `offset`; raises one of MISFIT."""
        scan = Scan(self._window, offset)
        records = scan.next_batch()
        if scan.segment is None or scan.segment.kind != KIND_INDEX or not records or records[0][0] != INDEX:
            raise BadRecord("no index here")
        return entries_of(records[0])


def is_of(event: Event, hardware: bytes) -> bool:
    """Whether `event` is a packet whose chaddr is `hardware`."""
    return event.__class__ is Packet and event.payload[28 : 28 + len(hardware)] == hardware


def open_tape(path: str | os.PathLike[str]) -> Tape:
    """Open a tape for reading; raises NotATape, NewerTape, CodecMissing, TapeUnreadable."""
    name = os.fspath(path)
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise TapeUnreadable(name, error.errno or 0, error.strerror or str(error)) from None
    try:
        check_beginning(fd, name)
        return Tape(fd, name)
    except OSError as error:
        os.close(fd)
        raise TapeUnreadable(name, error.errno or 0, error.strerror or str(error)) from None
    except BaseException:
        os.close(fd)
        raise


def check_beginning(fd: int, path: str) -> None:
    """Raise NotATape, NewerTape or CodecMissing unless the file begins as a tape that can be read."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise NotATape(path, "not a regular file")
    head = os.pread(fd, FILE_HEADER_BYTES + SEGMENT_HEADER_BYTES, 0)
    if not head:
        raise NotATape(path, "empty file")
    if len(head) < FILE_HEADER_BYTES or not head.startswith(MAGIC):
        raise NotATape(path, "it does not begin as one")
    _, version, _ = FILE_HEADER.unpack_from(head)
    if version > VERSION:
        raise NewerTape(path, f"tape format {version}")
    if version < VERSION:
        raise NotATape(path, f"no such format version: {version}")
    if codec_of(head[FILE_HEADER_BYTES:]) == ZSTD and not available(ZSTD):
        raise CodecMissing(path, ZSTD_LIBRARY)


def codec_of(header: bytes) -> int:
    """Return the codec that a segment's header names; STORED where it is none, which the scan tells of."""
    if len(header) < SEGMENT_HEADER_BYTES:
        return STORED
    try:
        return unpack_segment(header[:SEGMENT_HEADER_BYTES]).codec
    except BadHeader:
        return STORED
