"""Recordings of at most a mebibyte that somebody made to keep a reader busy, or to fill its memory."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from dhcpd.trace.codec import pack
from dhcpd.trace.compression import PACKERS, ZLIB, ZSTD, available
from dhcpd.trace.format import (
    INDEX,
    INFO,
    KIND_INDEX,
    KIND_RECORDS,
    KIND_SNAPSHOT,
    KIND_TRAILER,
    PART,
    SNAPSHOT,
    Segment,
    file_header,
    pack_frame,
    pack_segment,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OCTETS_MAXIMUM = 1 << 20
TEXT = "\U0001f600"


class Maker:
    """A tape that holds whatever it is told."""

    def __init__(self) -> None:
        self.data = bytearray(file_header())
        self.packer: Any = None

    def segment(self, kind: int = KIND_RECORDS, first: int = 1, effects: int = 1) -> int:
        at = len(self.data)
        self.data += pack_segment(Segment(kind, ZLIB, first, effects, 0, 0))
        self.packer = PACKERS[ZLIB]()
        return at

    def raw(self, raw: bytes) -> None:
        self.data += pack_frame(self.packer.pack(raw), zlib.crc32(raw))

    def records(self, *records: object) -> None:
        self.raw(pack(records))

    @property
    def full(self) -> bool:
        return len(self.data) > OCTETS_MAXIMUM - 4096


def bomb() -> bytes:
    """A segment with one frame that unpacks to more than a mebibyte: with Zstandard, of a hundred octets."""
    codec = ZSTD if available(ZSTD) else ZLIB
    raw = bytes((1 << 20) + 1)
    frame = pack_frame(PACKERS[codec]().pack(raw), zlib.crc32(raw))
    return pack_segment(Segment(KIND_RECORDS, codec, 1, 1, 0, 0)) + frame


def _info() -> tuple[object, ...]:
    return (INFO, "0.1.0", "host", "3.11", 0, {1: ("Boot", ("wall_us",))})


def _begun() -> Maker:
    made = Maker()
    made.segment()
    made.records(_info())
    return made


def _dense(item: bytes, count: int) -> bytes:
    return b"\x91\xdd" + count.to_bytes(4, "big") + item * count


def _frames(item: bytes, count: int) -> Callable[[], bytes]:
    """Segment behind segment, each with a batch that unpacks to as many objects as there can be."""

    def make() -> bytes:
        made = _begun()
        raw = _dense(item, count)
        while not made.full:
            made.segment()
            made.raw(raw)
        return bytes(made.data)

    return make


def _parts(whole_of: Callable[[], bytes]) -> Callable[[], bytes]:
    """One record in parts, as long as it goes."""

    def make() -> bytes:
        whole = whole_of()
        made = _begun()
        number = 0
        while not made.full and number < 500:
            piece = whole[number << 19 : (number + 1) << 19]
            if not piece:
                break
            made.records((PART, number, len(whole) <= (number + 1) << 19, piece))
            number += 1
        return bytes(made.data)

    return make


def _snapshot_of(state: bytes) -> bytes:
    """A snapshot of the state before the first event."""
    made = Maker()
    made.segment(first=5, effects=5)
    made.records(_info())
    made.segment(KIND_SNAPSHOT, 5, 5)
    whole = pack((SNAPSHOT, 4, state))
    for number in range((len(whole) >> 19) + 1):
        made.records((PART, number, len(whole) <= (number + 1) << 19, whole[number << 19 : (number + 1) << 19]))
    made.segment(first=5, effects=5)
    made.records((10, 1, 1))
    return bytes(made.data)


def _texts() -> bytes:
    """Events whose effects never come, each with a text that takes four times its octets."""
    made = _begun()
    text = "a" * 900_000 + TEXT
    while not made.full:
        made.records((26, 1, 1, 6, text))
    return bytes(made.data)


def _addresses() -> bytes:
    """Well-made events with as many items as go into a batch."""
    made = _begun()
    while not made.full:
        made.records((13, 1, 1, "a", (1,) * 1_000_000, ""), (129,))
    return bytes(made.data)


def _links() -> bytes:
    made = _begun()
    links = ((("e", 1, 1, b"", 1, ((1, 1),)),) * 60_000)
    while not made.full:
        made.records((6, 1, 1, links, ""), (129,))
    return bytes(made.data)


def _index_in_circles() -> bytes:
    """An index whose entries all name one place."""
    made = _begun()
    at = made.segment()
    for _ in range(200):
        made.records(*[(10, 1, 1)] * 100)
    entries: list[tuple[object, ...]] = [(at, number % 2 * 3, 1, 0, 0, None) for number in range(50_000)]
    index = made.segment(KIND_INDEX)
    made.records((INDEX, 0, entries))
    made.data += pack_segment(Segment(KIND_TRAILER, 0, 1, index, 0, 0))
    return bytes(made.data)


def _index_of_empty_segments() -> bytes:
    """Segments without an event, each said to be followed by events."""
    made = _begun()
    entries: list[tuple[object, ...]] = []
    while len(made.data) < OCTETS_MAXIMUM // 2:
        entries.append((made.segment(first=9), KIND_RECORDS, 9 + len(entries), 0, 0, None))
    index = made.segment(KIND_INDEX, 9)
    made.records((INDEX, 0, entries))
    made.data += pack_segment(Segment(KIND_TRAILER, 0, 9, index, 0, 0))
    return bytes(made.data)


def _zeros() -> bytes:
    """Valid records that are nothing but long."""
    made = _begun()
    while not made.full:
        made.records((4, 1, 1, bytes(1_000_000)), (129,))
    return bytes(made.data)


def _timers() -> bytes:
    """As many events as there can be."""
    made = _begun()
    while not made.full:
        made.records(*[(10, 1, 1)] * 100_000)
    return bytes(made.data)


def _effects() -> bytes:
    """As many effects as there can be."""
    made = _begun()
    while not made.full:
        made.records((10, 1, 1), (129, *[(67, 0)] * 100_000))
    return bytes(made.data)


MAKERS: dict[str, Callable[[], bytes]] = {
    "maps": _frames(b"\x80", 1_000_000),
    "lists": _frames(b"\x91\x01", 500_000),
    "texts": _frames(b"\xa2ab", 340_000),
    "numbers": _frames(b"\x01", 1_000_000),
    "a text in parts": _parts(lambda: pack((26, 1, 1, 6, "a" * (40 << 20) + TEXT))),
    "maps in parts": _parts(lambda: b"\x93\x0a\x01\xdd\x02\x00\x00\x00" + b"\x80" * (32 << 20)),
    "lists in parts": _parts(lambda: b"\x93\x0a\x01\xdd\x01\x00\x00\x00" + b"\x91\x01" * (16 << 20)),
    "a snapshot of maps": lambda: _snapshot_of(b"\xdd\x01\xf0\x00\x00" + b"\x80" * (31 << 20)),
    "a snapshot of lists": lambda: _snapshot_of(b"\xdd\x00\xf0\x00\x00" + b"\x91\x01" * (15 << 20)),
    "events with texts": _texts,
    "events with addresses": _addresses,
    "events with links": _links,
    "timers": _timers,
    "effects": _effects,
    "an index in circles": _index_in_circles,
    "an index of empty segments": _index_of_empty_segments,
    "zeros": _zeros,
}


def write(path: Path, name: str) -> None:
    """Make one."""
    data = MAKERS[name]()
    assert len(data) <= OCTETS_MAXIMUM
    path.write_bytes(data)


def write_snapshot_of_lists(path: Path) -> None:
    """Short enough to be put together, and too many lists for its length."""
    path.write_bytes(_snapshot_of(b"\xdd\x00\x40\x00\x00" + b"\x91\x01" * (4 << 20)))


def write_sparse(path: Path, octets: int) -> None:
    """A good beginning, and a hole."""
    with path.open("wb") as file:
        file.write(bytes(_begun().data))
        file.truncate(octets)
