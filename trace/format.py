"""The bytes of a tape that are not records: magic, segment and frame headers, limits.

docs/trace-format.md draws what is computed here. This module only packs and checks: it opens no file, and it knows
nothing of events. All numbers stand in network order.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

# As PNG's: a byte over 127, a name, and line ends that a transfer as text would change.
MAGIC: Final = b"\x89DHCPTAP\r\n\x1a\n"
VERSION: Final = 1
FILE_HEADER: Final = struct.Struct(">12sHH")
FILE_HEADER_BYTES: Final = FILE_HEADER.size

# The first three bytes, read as a frame's length, are beyond the limit: a marker is never taken for a frame.
SYNC_MARKER: Final = bytes.fromhex("ffffffc3a154617065d1e88b3c0f96b7")
SEGMENT_FIELDS: Final = struct.Struct(">16sBBHQQqq")
SEGMENT_CRC: Final = struct.Struct(">I")
SEGMENT_HEADER_BYTES: Final = SEGMENT_FIELDS.size + SEGMENT_CRC.size

KIND_RECORDS: Final = 0
KIND_INDEX: Final = 1
KIND_TRAILER: Final = 2
KIND_SNAPSHOT: Final = 3

# Length of the compressed data with its check in front, then the CRC-32 of the raw data.
FRAME_HEADER: Final = struct.Struct(">II")
FRAME_HEADER_BYTES: Final = FRAME_HEADER.size
# So that the zeros that a file system leaves where it lost a block are no frame of no length.
CHECK_SEED: Final = 0x5A

# A record up to here stands whole in a frame; a longer one comes in parts, so that a reader of damaged files never has
# to believe a length, and holds no more than a frame of either form at a time.
RECORD_BYTES_WHOLE: Final = 1 << 20
BATCH_RAW_BYTES_MAX: Final = RECORD_BYTES_WHOLE
BATCH_PACKED_BYTES_MAX: Final = BATCH_RAW_BYTES_MAX + (64 << 10)
PART_BYTES: Final = 512 << 10
RECORD_BYTES_MAX: Final = 256 << 20
# A record beyond the first is at most so many times as long as the file that it stands in.
RECORD_BYTES_FREE: Final = 16 << 20
RECORD_BYTES_PER_FILE_BYTE: Final = 32
# What a look at one event unpacks, and what one damaged octet may cost; a smaller segment compresses worse.
SEGMENT_RAW_BYTES: Final = 1 << 20
# Zstandard makes so little of one message over and over that a reader would take it for an attack (scan.Budget): what
# is beyond this multiple goes on by deflate, which never is. It is looked at from the second number of octets on.
STORM_RATIO: Final = 96
STORM_RAW_BYTES: Final = 64 << 10
SEGMENTS_PER_INDEX: Final = 64
# Events whose effects were not read yet: a file that never has them must not fill the reader's memory.
PENDING_EVENTS_MAX: Final = 1 << 16
PENDING_BYTES_MAX: Final = 16 << 20
SCAN_BYTES: Final = 1 << 20

# The tape's own records: numbers from 128, for ever, as those of events and effects.
INFO: Final = 128
EFFECTS: Final = 129
EFFECTS_AT: Final = 130
SNAPSHOT: Final = 131
PART: Final = 132
INDEX: Final = 133
HANDLED: Final = 134
STORED: Final = 135
TALLY: Final = 136

TAPE_RECORDS: Final[dict[int, tuple[str, tuple[str, ...]]]] = {
    INFO: ("Info", ("writer_version", "host", "python", "created_us", "records")),
    EFFECTS: ("Effects", ("effects...",)),
    EFFECTS_AT: ("EffectsAt", ("seq",)),
    SNAPSHOT: ("Snapshot", ("seq", "packed")),
    PART: ("Part", ("number", "last", "bytes")),
    INDEX: ("Index", ("previous", "segments")),
    HANDLED: ("Handled", ("mono_us",)),
    STORED: ("Stored", ("behind", "synced_us", "left_us")),
    TALLY: ("Tally", ("next_seq", "raw_octets", "effects", "clients", "events")),
}


class Segment(NamedTuple):
    """What a segment's header says.

    `first_seq` is the number of the first event in it, `effects_seq` that of the event which its first effects
    belong to; `wall_us` and `mono_us` are the times of the event before, which the first event's are counted from.
    A snapshot's `first_seq` is that of the event after it. In a trailer `effects_seq` is the offset of the last index.
    """

    kind: int
    codec: int
    first_seq: int
    effects_seq: int
    wall_us: int
    mono_us: int


class BadHeader(ValueError):
    """A header that is not one; the text says in what."""


def record_bytes_max(file_bytes: int) -> int:
    """Return how long a record in a file of this length may be."""
    return min(RECORD_BYTES_MAX, max(RECORD_BYTES_FREE, RECORD_BYTES_PER_FILE_BYTE * file_bytes))


def file_header() -> bytes:
    """Return the bytes that a tape begins with."""
    return FILE_HEADER.pack(MAGIC, VERSION, 0)


def pack_segment(segment: Segment) -> bytes:
    """Return a segment's header with its CRC."""
    kind, codec, *numbers = segment
    fields = SEGMENT_FIELDS.pack(SYNC_MARKER, kind, codec, 0, *numbers)
    return fields + SEGMENT_CRC.pack(zlib.crc32(fields))


def unpack_segment(data: bytes) -> Segment:
    """Return what the header in `data` (SEGMENT_HEADER_BYTES) says; raises BadHeader."""
    fields = data[: SEGMENT_FIELDS.size]
    marker, kind, codec, _, *numbers = SEGMENT_FIELDS.unpack(fields)
    if marker != SYNC_MARKER:
        raise BadHeader("no sync marker")
    if SEGMENT_CRC.pack(zlib.crc32(fields)) != data[SEGMENT_FIELDS.size :]:
        raise BadHeader("segment header checksum")
    return Segment(kind, codec, *numbers)


def pack_frame(packed: bytes, crc: int) -> bytes:
    """Return a frame: the header for `packed`, whose raw form has the CRC-32 `crc`, and `packed` itself."""
    size = len(packed)
    check = CHECK_SEED ^ (size & 0xFF) ^ (size >> 8 & 0xFF) ^ (size >> 16)
    return FRAME_HEADER.pack(size << 8 | check, crc) + packed


def unpack_frame(data: bytes) -> tuple[int, int]:
    """Return (length of the packed data, CRC-32 of the raw) from a frame's header; raises BadHeader."""
    word, crc = FRAME_HEADER.unpack(data)
    size = word >> 8
    if word & 0xFF != CHECK_SEED ^ (size & 0xFF) ^ (size >> 8 & 0xFF) ^ (size >> 16):
        raise BadHeader("frame length checksum")
    if size > BATCH_PACKED_BYTES_MAX:
        raise BadHeader("frame length beyond the limit")
    return size, crc
