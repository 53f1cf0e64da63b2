"""Writing a tape while the server runs: one write(2) a batch, before the engine acts on it.

Effects wait in memory for the next batch of events, so that an idle disk and a busy server alike cost one system call
a batch; `flush` hands them over when there is nothing else to do. A write that fails ends the tape at its last whole
batch. Refused: overwriting anything, and deciding what the server does without a tape (its program decides).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
import zlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from .codec import encode_effects, pack, record_table
from .compression import CODEC_IDS, PACKERS, ZLIB, ZSTD, available, dense_packer, preferred
from .errors import TapeWriteFailed, UnrecordableValue
from .events import EVENT_IDS
from .format import (
    EFFECTS_AT,
    HANDLED,
    INDEX,
    INFO,
    KIND_INDEX,
    KIND_RECORDS,
    KIND_SNAPSHOT,
    KIND_TRAILER,
    PART,
    PART_BYTES,
    RECORD_BYTES_MAX,
    RECORD_BYTES_WHOLE,
    SEGMENT_RAW_BYTES,
    SEGMENTS_PER_INDEX,
    SNAPSHOT,
    STORED,
    STORM_RATIO,
    STORM_RAW_BYTES,
    TAPE_RECORDS,
    Segment,
    file_header,
    pack_frame,
    pack_segment,
)
from .index import IndexEntry, Tally, chaddrs_of, pack_clients

if TYPE_CHECKING:
    import mmap
    from collections.abc import Sequence

    from .compression import Packer
    from .effects import Effect
    from .events import Event

# A recording holds what every client sent, their names among it, and the secrets of the configuration.
MODE: Final = 0o600
NAMES_TRIED_MAX: Final = 100_000
# Times stand as signed 64-bit numbers in the headers of segments.
TIME_US_MAX: Final = (1 << 63) - 1
# Effects wait for a next batch that may be long in coming: no more of them than this.
WAITING_RECORDS_MAX: Final = 4096


def move_aside(path: str, folder: int | None = None) -> str | None:
    """Rename an existing regular file to `path.1`, `path.2`, ...: the first free. Return that name; raises OSError."""
    try:
        mode = os.stat(path, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise OSError(errno.EEXIST, "exists and is not a regular file")
    for number in range(1, NAMES_TRIED_MAX):
        name = f"{path}.{number}"
        # A hard link fails where the name is taken; a rename would silently replace what has it.
        with contextlib.suppress(FileExistsError):
            os.link(path, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            os.unlink(path, dir_fd=folder)
            return name
    raise OSError(errno.EEXIST, "no free name to move it aside to")


def frames_of(packer: Packer, records: Sequence[Any]) -> tuple[bytes, int]:
    """Return (frames, raw bytes in them) of records, which go into one frame unless that would be too big."""
    raw = pack(records)
    if len(raw) <= RECORD_BYTES_WHOLE:
        return pack_frame(packer.pack(raw), zlib.crc32(raw)), len(raw)
    if len(records) == 1:
        return frames_of_parts(packer, records[0])
    half = len(records) // 2
    first, first_bytes = frames_of(packer, records[:half])
    second, second_bytes = frames_of(packer, records[half:])
    return first + second, first_bytes + second_bytes


def frames_of_parts(packer: Packer, record: Sequence[Any]) -> tuple[bytes, int]:
    """Return (frames, raw bytes) of one big record as PART records; raises UnrecordableValue beyond the limit."""
    whole = pack(record)
    if len(whole) > RECORD_BYTES_MAX:
        raise UnrecordableValue(f"record of {len(whole)} bytes: the limit is {RECORD_BYTES_MAX}")
    frames = []
    for number, start in enumerate(range(0, len(whole), PART_BYTES)):
        end = start + PART_BYTES
        raw = pack(((PART, number, end >= len(whole), whole[start:end]),))
        frames.append(pack_frame(packer.pack(raw), zlib.crc32(raw)))
    return b"".join(frames), len(whole)


class SnapshotPlace(NamedTuple):
    """Where a snapshot belongs: after event `seq`, at that event's times; `codec` is that of its tape."""

    codec: int
    seq: int
    wall_us: int
    mono_us: int


def pack_snapshot(place: SnapshotPlace, data: object) -> bytes:
    """Return a whole snapshot segment of plain `data`; raises UnrecordableValue.

    It opens and keeps nothing, so that another process than the writer's may do it.
    """
    segment = Segment(KIND_SNAPSHOT, place.codec, place.seq + 1, place.seq + 1, place.wall_us, place.mono_us)
    frames, _ = frames_of(dense_packer(place.codec), [(SNAPSHOT, place.seq, pack(data))])
    return pack_segment(segment) + frames


class TapeWriter:
    """A tape being written. Not for several threads at once.

    `next_seq` is the number that the next event gets; `octets` the length of the file so far; `moved_to` the name
    that an older file of this name has now, or None.
    """

    def __init__(self, fd: int, path: str, codec: int, moved_to: str | None, first_seq: int = 1) -> None:
        """Take over an open, empty file; `create` is the way in."""
        self.path = path
        self.moved_to = moved_to
        self.next_seq = first_seq
        self._fd = fd
        self._codec = self._segment_codec = codec
        self._offset = 0
        self._failure: TapeWriteFailed | None = None
        self._closed = False
        self._records: list[Sequence[Any]] = []
        self._notes: list[Sequence[Any]] = []
        self._tally = Tally()
        self._effects_seq = first_seq
        self._emitted_effects_seq = first_seq
        self._wall_us = self._mono_us = 0
        self._entries: list[IndexEntry] = []
        self._last_index = 0
        self._clients: set[bytes] = set()
        self._prefix = file_header()
        self._begin()

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        *,
        version: str,
        codec: str = "",
        host: str | None = None,
        created_us: int | None = None,
        first_seq: int = 1,
        folder: int | None = None,
    ) -> Self:
        """Begin a tape with mode 0600, moving an existing file aside. `version` is the writing program's.

        `first_seq` is the number of its first event. Beyond 1 the tape goes on where another one stopped, and plays
        alone as soon as it holds a snapshot of the state before that event. `folder` is an open directory that a
        relative `path` begins at, None for the working directory. `codec` is the preferred one where it is empty.

        Raises TapeWriteFailed; ValueError for a codec (`zlib`, `zstd`, `stored`) that is not there.
        """
        codec = codec or preferred()
        if codec not in CODEC_IDS or not available(CODEC_IDS[codec]):
            raise ValueError(f"tape codec {codec} is not available")
        name = os.fspath(path)
        try:
            moved_to = move_aside(name, folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            fd = os.open(name, flags, MODE, dir_fd=folder)
        except OSError as error:
            raise TapeWriteFailed(name, "create", error.errno or 0, error.strerror or str(error)) from None
        tape = cls(fd, name, CODEC_IDS[codec], moved_to, first_seq)
        created = time.time_ns() // 1000 if created_us is None else created_us
        node = os.uname().nodename if host is None else host
        table = {**record_table(), **TAPE_RECORDS}
        tape._records.append((INFO, version, node, sys.version.split()[0], created, table))
        try:
            tape.flush()
        except TapeWriteFailed:
            tape.close()
            raise
        return tape

    def write_events(self, events: Sequence[Event]) -> int:
        """Hand the events, and the effects that waited, to the kernel; return the number of `events[0]`.

        Raises TapeWriteFailed, and UnrecordableValue with nothing written and the waiting effects dropped.
        """
        first = self.next_seq
        if not events:
            return first
        if self._segment_raw >= SEGMENT_RAW_BYTES or self._in_storm():
            self._rotate()
        records = self._records + self._notes
        wall, mono = self._wall_us, self._mono_us
        for event in events:
            now_wall, now_mono = event.wall_us, event.mono_us
            record = (EVENT_IDS[type(event)], now_wall - wall, now_mono - mono) + event[2:]  # noqa: RUF005 - see codec
            records.append(record)
            wall, mono = now_wall, now_mono
        if (wall if wall >= 0 else ~wall) | (mono if mono >= 0 else ~mono) > TIME_US_MAX:
            raise UnrecordableValue("time beyond 64 bits")
        self._emit(records)
        self._notes = []
        self._wall_us, self._mono_us = wall, mono
        chaddrs = chaddrs_of(events)
        self._clients.update(chaddrs)
        self._tally.add_events(events, len(chaddrs))
        self.next_seq = first + len(events)
        return first

    def write_effects(
        self, first_seq: int, effects: Sequence[Sequence[Effect]], handled_us: int | None = None
    ) -> None:
        """Keep the effects of the events `first_seq`, `first_seq` + 1, ... for the next write.

        `handled_us`, where it is known, is the reading of the monotonic clock when they were there.

        Raises ValueError if such an event was not written, or its effects or later ones were written already;
        as `flush` when too many wait.
        """
        end = first_seq + len(effects)
        if first_seq < self._effects_seq or end > self.next_seq:
            raise ValueError(
                f"effects for event {first_seq}: {self._effects_seq} to {self.next_seq - 1} wait for theirs"
            )
        if first_seq != self._effects_seq:
            self._records.append((EFFECTS_AT, first_seq))
        self._records += encode_effects(effects)
        if handled_us is not None and effects:
            self._records.append((HANDLED, handled_us - self._mono_us))
        self._tally.effects += sum(map(len, effects))
        self._effects_seq = end
        if len(self._records) > WAITING_RECORDS_MAX:
            self.flush()

    def write_stored(self, seq: int, synced_us: int, left_us: int | None) -> None:
        """Keep for the next batch of events that all which waited for the disk up to event `seq` has been stored.

        Readings of the monotonic clock: when it was synced, and when the replies that had waited had been sent; None
        where storing failed and none was. Never causes a write of its own.
        """
        left = None if left_us is None else left_us - synced_us
        self._notes.append((STORED, self.next_seq - 1 - seq, synced_us - self._mono_us, left))

    @property
    def octets(self) -> int:
        """The length of the file so far, without what waits."""
        return self._offset

    def snapshot_place(self) -> SnapshotPlace:
        """Return what `pack_snapshot` must know of a snapshot of the state after all events so far."""
        return SnapshotPlace(self._codec, self.next_seq - 1, self._wall_us, self._mono_us)

    def write_snapshot(self, seq: int, data: object) -> None:
        """Write the state after event `seq`: plain data, in a segment of its own. Raises as `write_events`."""
        place = self.snapshot_place()._replace(seq=seq)
        self.append_snapshot(place, pack_snapshot(place, data))

    def append_snapshot(self, place: SnapshotPlace, segment: bytes | mmap.mmap) -> None:
        """Write what `pack_snapshot` made, whose event may lie back a while. Raises TapeWriteFailed."""
        self.flush()
        self._end_segment()
        entry = IndexEntry(self._offset, KIND_SNAPSHOT, place.seq + 1, place.wall_us, place.mono_us, b"")
        self._write(segment)
        self._entries.append(entry)
        self._rotate()

    def give_to(self, uid: int, gid: int) -> None:
        """Have the file belong to this user and group (-1: as it is); raises OSError."""
        os.fchown(self._fd, uid, gid)

    def flush(self, *, sync: bool = False) -> None:
        """Hand over what waits; with `sync`, to the disk. Raises TapeWriteFailed."""
        if self._failure is not None:
            raise self._failure
        if self._records:
            self._emit(self._records)
        if sync:
            try:
                os.fdatasync(self._fd)
            except OSError as error:
                self._fail("sync", error)

    def revive(self) -> bool:
        """Go on behind a write that failed, in a new segment; False where the file does not end as it should.

        The effects that waited still wait; the events of the failed write are to be written again.
        """
        if self._closed or os.fstat(self._fd).st_size != self._offset:
            return False
        self._failure = None
        self._end_segment()
        self._begin()
        return True

    def close(self) -> None:
        """Write what waits, the index and the trailer, and close the file; silent after a failure or a close."""
        if self._closed:
            return
        with contextlib.suppress(TapeWriteFailed):
            self._records += self._notes
            self.flush()
            self._end_segment()
            self._write_index()
            segment = Segment(KIND_TRAILER, 0, self.next_seq, self._last_index, self._wall_us, self._mono_us)
            self._write(pack_segment(segment))
        self._closed = True
        os.close(self._fd)

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the tape."""
        self.close()

    def _begin(self) -> None:
        """Begin a segment of events; its header goes out with its first batch."""
        first, wall_us, mono_us = self.next_seq, self._wall_us, self._mono_us
        segment = Segment(KIND_RECORDS, self._segment_codec, first, self._emitted_effects_seq, wall_us, mono_us)
        self._entry = IndexEntry(self._offset + len(self._prefix), KIND_RECORDS, first, wall_us, mono_us, None)
        self._prefix += pack_segment(segment)
        self._packer = PACKERS[self._segment_codec]()
        self._segment_raw = 0

    def _in_storm(self) -> bool:
        """Whether the segment holds little else than one message, of which Zstandard makes too little."""
        raw, octets = self._segment_raw, self._offset - self._entry.offset
        return self._segment_codec == ZSTD and raw > STORM_RAW_BYTES and raw > STORM_RATIO * octets

    def _end_segment(self) -> None:
        """Note the segment for the index, unless nothing of it was written."""
        if self._segment_raw:
            checksums = set(map(zlib.crc32, self._clients))
            self._entries.append(self._entry._replace(clients=pack_clients(checksums)))
            self._tally.clients.update(checksums)
        self._segment_raw = 0
        self._clients.clear()
        self._prefix = b""

    def _rotate(self) -> None:
        """End the segment and begin another, with an index between them when enough have gathered."""
        self._segment_codec = ZLIB if self._in_storm() else self._codec
        self._end_segment()
        if len(self._entries) >= SEGMENTS_PER_INDEX:
            self._write_index()
        self._begin()

    def _write_index(self) -> None:
        """Write the entries gathered since the last index, and the counts, as a segment of its own."""
        records = [(INDEX, self._last_index, self._entries), self._tally.record(self.next_seq)]
        segment = Segment(
            KIND_INDEX, self._codec, self.next_seq, self._emitted_effects_seq, self._wall_us, self._mono_us
        )
        frames, _ = frames_of(PACKERS[self._codec](), records)
        at = self._offset
        self._write(pack_segment(segment) + frames)
        self._last_index = at
        self._entries = []

    def _emit(self, records: list[Sequence[Any]]) -> None:
        """Write `records` as the next batch of the segment; what waited is among them."""
        if self._failure is not None:
            raise self._failure
        try:
            frames, raw_bytes = frames_of(self._packer, records)
        except UnrecordableValue:
            # The culprit may be among the effects that waited, and the compressor have seen what no file will hold.
            self._records, self._notes = [], []
            self._emitted_effects_seq = self._effects_seq
            self._rotate()
            raise
        self._write(self._prefix + frames)
        self._prefix = b""
        self._segment_raw += raw_bytes
        self._tally.raw_octets += raw_bytes
        self._records = []
        self._emitted_effects_seq = self._effects_seq

    def _write(self, data: bytes | mmap.mmap) -> None:
        """Append `data`: whole, or not at all and the tape ends here. Raises TapeWriteFailed."""
        try:
            written = os.write(self._fd, data)
            while written < len(data):  # short only where the disk is full, and then the next one says so
                written += os.write(self._fd, memoryview(data)[written:])
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._offset)
            self._fail("write", error)
        self._offset += len(data)

    def _fail(self, operation: str, error: OSError) -> None:
        """Remember that the tape has ended, and raise TapeWriteFailed."""
        self._failure = TapeWriteFailed(self.path, operation, error.errno or 0, error.strerror or str(error))
        raise self._failure from None
