"""From the bytes of a file to batches of records: where frames and segments begin, and where they are broken.

The file may grow while it is read, and may be anybody's: no length is believed before it was checked, memory stays
within a few batches, and so does time: what unpacks to a multiple of itself is allowed in proportion to what does not
(`Budget`). What the records mean is the business of player.py.
"""

from __future__ import annotations

import errno
import os
import zlib
from typing import TYPE_CHECKING, Any, Final

from .codec import BadRecord, unpack_batch
from .compression import UNPACKERS, BadData, BeyondLimit, Unpacker, available
from .format import (
    BATCH_RAW_BYTES_MAX,
    FRAME_HEADER_BYTES,
    KIND_SNAPSHOT,
    KIND_TRAILER,
    SCAN_BYTES,
    SEGMENT_HEADER_BYTES,
    SYNC_MARKER,
    BadHeader,
    Segment,
    unpack_frame,
    unpack_segment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER_START: Final = SYNC_MARKER[:3]
# One client's message over and over, in batches of 64, unpacks to 62 times what it takes in the file.
COST_FREE: Final = 128 << 20
COST_PER_PACKED_BYTE: Final = 512
# What an octet that may begin an object costs beyond the others, in the time of an octet.
COST_OF_OBJECT: Final = 8
# What stands in a list within an event is looked at one by one.
COST_OF_ITEM: Final = 128
# An octet of a batch of which nothing is known.
COST_OF_ANYTHING: Final = 32
# A record, or an effect in one.
COST_OF_RECORD: Final = 128
# Up to here even octets that are all objects are paid for by the packed ones.
PAID_RATIO: Final = COST_PER_PACKED_BYTE // (1 + COST_OF_OBJECT)
_PLAIN: Final = bytes(range(128))


class Broken(ValueError):
    """The bytes at `offset` are not what was written; the text says what is wrong with them."""

    def __init__(self, offset: int, what: str) -> None:
        """Keep the place and the finding."""
        super().__init__(what)
        self.offset = offset
        self.what = what


class TooMuch(Broken):
    """What the file unpacks to is out of all proportion; nothing behind it is looked at either."""


def cost_of(raw: bytes) -> int:
    """What it may cost to make records of these octets: in msgpack most things begin with one beyond 127."""
    return len(raw) + COST_OF_OBJECT * len(raw.translate(None, _PLAIN))


class Budget:
    """How much more may be unpacked of one file, by all who read in it."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        """Begin with what is free."""
        self._left = COST_FREE

    def spend(self, offset: int, cost: int, packed_bytes: int = 0) -> None:
        """Take `cost` for what was found at `offset` in so many octets. Raises TooMuch."""
        self._left -= cost - COST_PER_PACKED_BYTE * packed_bytes
        if self._left < 0:
            raise TooMuch(offset, "unpacks to more than any recording")


    def spend_on_records(self, scan: Scan) -> None:
        """Take what a batch of objects without a meaning costs: who makes one of very few octets can make many."""
        if scan.raw_bytes > PAID_RATIO * scan.packed_bytes:
            self.spend(scan.offset, COST_OF_ANYTHING * scan.raw_bytes)


class Window:
    """A file seen through a buffer."""

    __slots__ = ("_data", "_start", "budget", "fd")

    def __init__(self, fd: int) -> None:
        """Look at an open file, which stays the caller's."""
        self.fd = fd
        self.budget = Budget()
        self._start = 0
        self._data = b""

    def get(self, offset: int, size: int) -> bytes:
        """Return `size` bytes at `offset`, fewer at the end of the file. Raises OSError."""
        at = offset - self._start
        if at < 0 or at + size > len(self._data):
            self._data = os.pread(self.fd, max(size, SCAN_BYTES), offset)
            self._start = offset
            at = 0
        return self._data[at : at + size]

    def size(self) -> int:
        """Return the file's length, as it is now."""
        return os.fstat(self.fd).st_size

    def find_marker(self, offset: int) -> int | None:
        """Return the place of the next whole segment header at or after `offset`; holes of the file are passed over."""
        while data := os.pread(self.fd, SCAN_BYTES + SEGMENT_HEADER_BYTES, offset := self._data_from(offset)):
            at = data.find(SYNC_MARKER)
            while at >= 0:
                if is_header(os.pread(self.fd, SEGMENT_HEADER_BYTES, offset + at)):
                    return offset + at
                at = data.find(SYNC_MARKER, at + 1)
            offset += SCAN_BYTES
        return None

    def _data_from(self, offset: int) -> int:
        """Where the file has octets of its own at or after `offset`: a hole reads as zeros, however large it is."""
        try:
            return os.lseek(self.fd, offset, os.SEEK_DATA)
        except OSError as error:
            # ENXIO: nothing but a hole follows. Else: this file system does not tell.
            return max(offset, self.size()) if error.errno == errno.ENXIO else offset

    def only_zeros(self, offset: int) -> bool:
        """Whether nothing but zeros follows: what some file systems leave after a loss of power."""
        while data := os.pread(self.fd, SCAN_BYTES, offset := self._data_from(offset)):
            if data.count(0) != len(data):
                return False
            offset += len(data)
        return True


def is_header(data: bytes) -> bool:
    """Whether `data` is a segment header."""
    if len(data) < SEGMENT_HEADER_BYTES:
        return False
    try:
        unpack_segment(data)
    except BadHeader:
        return False
    return True


class Scan:
    """Reads a tape's batches from `offset` on; `segment` is that of the last batch.

    `torn` is the offset of an unfinished batch at the end of the file, None where the file ends between batches.
    `raw_bytes` is the length of the last batch when it was unpacked, `packed_bytes` what it takes in the file.
    """

    __slots__ = ("_unpacker", "offset", "packed_bytes", "raw_bytes", "segment", "torn", "window")

    def __init__(self, window: Window, offset: int) -> None:
        """Begin at a segment header."""
        self.window = window
        self.offset = offset
        self.segment: Segment | None = None
        self.torn: int | None = None
        self.raw_bytes = self.packed_bytes = 0
        self._unpacker: Unpacker | None = None

    def next_batch(self) -> tuple[Any, ...] | None:
        """Return the records of the next batch; None at the end of what is there. Raises Broken, OSError."""
        while not (records := self.step()) and records is not None:
            pass
        return records

    def step(self) -> tuple[Any, ...] | None:
        """As `next_batch`, but a segment's header is a step, too, without records."""
        frame = self._next_frame()
        if frame is None:
            return None
        packed, crc, end = frame
        if crc is None:
            self.raw_bytes = self.packed_bytes = 0
            return ()
        records = self._open_batch(packed, crc)
        self.offset = end
        return records

    def skip_batch(self) -> bool:
        """Go over one batch or header without unpacking it; False at the end. Raises Broken, OSError."""
        frame = self._next_frame()
        if frame is None:
            return False
        self.offset = frame[2]
        return True

    def resynchronise(self) -> bool:
        """Go to the next segment header beyond the damage; False if there is none."""
        at = self.window.find_marker(self.offset + 1)
        if at is None:
            return False
        self.offset, self.segment, self._unpacker = at, None, None
        return True

    def _next_frame(self) -> tuple[bytes, int | None, int] | None:
        """Return (packed data, CRC, offset after it) of a frame; CRC None for a segment header, then entered."""
        at = self.offset
        head = self.window.get(at, FRAME_HEADER_BYTES)
        if head[:3] == MARKER_START:
            return self._enter_segment(at)
        self.torn = None
        if len(head) < FRAME_HEADER_BYTES:
            self._ends(at, head)
            return None
        try:
            size, crc = unpack_frame(head)
        except BadHeader as error:
            if self.window.only_zeros(at):
                self._ends(at, head)
                return None
            raise Broken(at, str(error)) from None
        if self.segment is None:
            raise Broken(at, "no segment begins here")
        packed = self.window.get(at + FRAME_HEADER_BYTES, size)
        if len(packed) < size:
            self._ends(at, head)
            return None
        return packed, crc, at + FRAME_HEADER_BYTES + size

    def _enter_segment(self, at: int) -> tuple[bytes, int | None, int] | None:
        """Read the segment header at `at` and begin its stream."""
        data = self.window.get(at, SEGMENT_HEADER_BYTES)
        if len(data) < SEGMENT_HEADER_BYTES:
            self._ends(at, data)
            return None
        try:
            segment = unpack_segment(data)
        except BadHeader as error:
            raise Broken(at, str(error)) from None
        if segment.kind > KIND_SNAPSHOT:
            raise Broken(at, f"segment of unknown kind {segment.kind}")
        if segment.kind != KIND_TRAILER and not available(segment.codec):
            raise Broken(at, f"codec {segment.codec} is not available")
        self.segment = segment
        self._unpacker = None if segment.kind == KIND_TRAILER else UNPACKERS[segment.codec]()
        self.offset = at + SEGMENT_HEADER_BYTES
        self.torn = None
        return b"", None, self.offset

    def _ends(self, at: int, head: bytes) -> None:
        """Take the end of the file as a torn tail, unless more of the tape follows it. Raises Broken."""
        self.torn = at if head else None
        if head and self.window.find_marker(at + 1) is not None:
            raise Broken(at, "batch cut short")

    def _open_batch(self, packed: bytes, crc: int) -> tuple[Any, ...]:
        """Return the records in a frame's data. Raises Broken."""
        if self._unpacker is None:
            raise Broken(self.offset, "batch outside of a segment")
        try:
            raw = self._unpacker.unpack(packed, BATCH_RAW_BYTES_MAX)
            if zlib.crc32(raw) != crc:
                raise Broken(self.offset, "batch checksum")
            self.raw_bytes, self.packed_bytes = len(raw), len(packed) + FRAME_HEADER_BYTES
            dear = self.raw_bytes > PAID_RATIO * self.packed_bytes
            if dear:
                self.window.budget.spend(self.offset, cost_of(raw), self.packed_bytes)
            records = unpack_batch(raw)
        except (BadData, BadRecord) as error:
            if isinstance(error, BeyondLimit):
                self.window.budget.spend(self.offset, BATCH_RAW_BYTES_MAX, len(packed))
            raise Broken(self.offset, str(error)) from None
        if type(records) is not tuple:
            raise Broken(self.offset, "batch is not an array")
        if dear:
            fields = sum(len(record) for record in records if type(record) is tuple)
            self.window.budget.spend(self.offset, COST_OF_RECORD * fields)
        return records


def hop(window: Window, offset: int) -> Iterator[tuple[int, Segment]]:
    """Yield (offset, header) of every segment, without unpacking any; goes on behind damage. Raises OSError."""
    scan = Scan(window, offset)
    while True:
        before = scan.segment
        try:
            if not scan.skip_batch():
                return
        except Broken:
            if not scan.resynchronise():
                return
            continue
        if scan.segment is not before and scan.segment is not None:
            yield scan.offset - SEGMENT_HEADER_BYTES, scan.segment
