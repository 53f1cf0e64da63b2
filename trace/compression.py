"""How the bytes of a segment are compressed: one stream a segment, brought to a byte boundary after every batch.

A batch that was handed to the kernel is thereby readable though its segment goes on. Every codec gives the same two
small objects. Refused: a codec that can only unpack what it likes (zip bombs): `unpack` takes a limit and keeps it.
"""

from __future__ import annotations

import sys
import zlib
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

STORED: Final = 0
ZLIB: Final = 1
ZSTD: Final = 2
# What pip is to install where Python has it not by itself.
ZSTD_LIBRARY: Final = "backports.zstd"
CODEC_IDS: Final[dict[str, int]] = {"stored": STORED, "zlib": ZLIB, "zstd": ZSTD}

# Every synchronised deflate stream ends in these bytes, so they need not be kept (as in RFC 7692, section 7.2.1).
SYNC_TAIL: Final = b"\x00\x00\xff\xff"
ZLIB_LEVEL: Final = 3
ZLIB_WINDOW_BITS: Final = 15
# With its own window (512 KiB): a narrower one is a little quicker, and takes 50 octets in the place of 39 for an
# exchange of clients whose numbers follow each other.
ZSTD_LEVEL: Final = 1
# A snapshot is packed beside the service, and written while packets wait: in a fifth fewer octets.
ZSTD_LEVEL_DENSE: Final = 6
# 8 MiB: what a frame may make the reader allocate, whatever window its header announces.
ZSTD_WINDOW_LOG_MAX: Final = 23


class BadData(ValueError):
    """Compressed data that does not unpack; the text says why."""


class BeyondLimit(BadData):
    """It unpacks to more than it may, which was found out by unpacking as much."""

    def __init__(self) -> None:
        """There is but one thing to say."""
        super().__init__("batch beyond the limit")


class Packer(Protocol):
    """Compresses the batches of one segment."""

    def pack(self, raw: bytes) -> bytes:
        """Return the next batch compressed."""
        ...


class Unpacker(Protocol):
    """Unpacks the batches of one segment, in order."""

    def unpack(self, packed: bytes, limit: int) -> bytes:
        """Return the next batch; raises BadData if it is broken or longer than `limit` bytes."""
        ...


class StoredCodec:
    """No compression: for looking at a tape with `xxd`, and for tests."""

    def pack(self, raw: bytes) -> bytes:
        """Return `raw`."""
        return raw

    def unpack(self, packed: bytes, limit: int) -> bytes:
        """Return `packed`."""
        if len(packed) > limit:
            raise BeyondLimit
        return packed


class ZlibPacker:
    """Raw deflate (RFC 1951), which every Python reads."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        """Begin a stream."""
        self._stream = zlib.compressobj(ZLIB_LEVEL, zlib.DEFLATED, -ZLIB_WINDOW_BITS)

    def pack(self, raw: bytes) -> bytes:
        """Return the next batch compressed, without the four bytes that every one ends in."""
        stream = self._stream
        return (stream.compress(raw) + stream.flush(zlib.Z_SYNC_FLUSH))[:-4]


class ZlibUnpacker:
    """Raw deflate (RFC 1951)."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        """Begin a stream."""
        self._stream = zlib.decompressobj(-ZLIB_WINDOW_BITS)

    def unpack(self, packed: bytes, limit: int) -> bytes:
        """Return the next batch; raises BadData."""
        stream = self._stream
        try:
            raw = stream.decompress(packed + SYNC_TAIL, limit)
        except zlib.error as error:
            raise BadData(str(error)) from None
        # Input is left only where the limit stopped the output.
        if stream.unconsumed_tail:
            raise BeyondLimit
        # A final block within a batch: the writer never makes one, and what follows it could not be read.
        if stream.eof:
            raise BadData("compressed stream ends early")
        return raw


@cache
def _zstd() -> Any:
    """The library for Zstandard, Python's own from 3.14 on; raises ImportError."""
    return import_module("compression.zstd" if sys.version_info >= (3, 14) else ZSTD_LIBRARY)


class ZstdPacker:
    """Zstandard (RFC 8878): in half of the time and half of the octets of deflate, where its library is there."""

    __slots__ = ("_compress", "_flush")

    def __init__(self, level: int = ZSTD_LEVEL) -> None:
        """Begin a frame of Zstandard; raises ImportError."""
        stream = _zstd().ZstdCompressor(level=level)
        self._compress: Callable[[bytes, int], bytes] = stream.compress
        self._flush: int = stream.FLUSH_BLOCK

    def pack(self, raw: bytes) -> bytes:
        """Return the next batch compressed."""
        return self._compress(raw, self._flush)


class ZstdUnpacker:
    """Zstandard (RFC 8878)."""

    __slots__ = ("_error", "_stream")

    def __init__(self) -> None:
        """Begin a frame of Zstandard; raises ImportError."""
        zstd = _zstd()
        self._error: type[Exception] = zstd.ZstdError
        options = {zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG_MAX}
        self._stream: Any = zstd.ZstdDecompressor(options=options)

    def unpack(self, packed: bytes, limit: int) -> bytes:
        """Return the next batch; raises BadData."""
        try:
            raw: bytes = self._stream.decompress(packed, limit + 1)
        except (self._error, EOFError) as error:
            raise BadData(str(error)) from None
        if len(raw) > limit:
            raise BeyondLimit
        return raw


PACKERS: Final[dict[int, Callable[[], Packer]]] = {STORED: StoredCodec, ZLIB: ZlibPacker, ZSTD: ZstdPacker}
UNPACKERS: Final[dict[int, Callable[[], Unpacker]]] = {STORED: StoredCodec, ZLIB: ZlibUnpacker, ZSTD: ZstdUnpacker}


def dense_packer(codec: int) -> Packer:
    """One that takes its time, for what is packed as a whole; the same unpackers read it. Raises ImportError."""
    return ZstdPacker(ZSTD_LEVEL_DENSE) if codec == ZSTD else PACKERS[codec]()


@cache
def available(codec: int) -> bool:
    """Whether this Python can read and write segments of this codec."""
    if codec != ZSTD:
        return codec in PACKERS
    try:
        _zstd()
    except ImportError:
        return False
    return True


def preferred() -> str:
    """The codec of a new recording: Zstandard, or deflate where its library is not installed."""
    return "zstd" if available(ZSTD) else "zlib"
