"""How the bytes of a segment are compressed: one stream a segment, brought to a byte boundary after every batch.

A batch that was handed to the kernel is thereby readable though its segment goes on. Every codec gives the same two
small objects. Refused: a codec that can only unpack what it likes (zip bombs): `unpack` takes a limit and keeps it.
"""

from __future__ import annotations

import zlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

STORED: Final = 0
ZLIB: Final = 1
ZSTD: Final = 2
CODEC_IDS: Final[dict[str, int]] = {"stored": STORED, "zlib": ZLIB, "zstd": ZSTD}

# Every synchronised deflate stream ends in these bytes, so they need not be kept (as in RFC 7692, section 7.2.1).
SYNC_TAIL: Final = b"\x00\x00\xff\xff"
ZLIB_LEVEL: Final = 3
ZLIB_WINDOW_BITS: Final = 15
ZSTD_LEVEL: Final = 1
# What a frame may make the reader allocate, whatever window its header announces.
ZSTD_WINDOW_BYTES_MAX: Final = 8 << 20
# 512 bytes can hold 128 blocks, each a run of at most 128 KiB: 16 MiB before the limit is looked at.
ZSTD_SLICE_BYTES: Final = 512


class BadData(ValueError):
    """Compressed data that does not unpack; the text says why."""


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
            raise BadData("batch beyond the limit")
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
            raise BadData("batch beyond the limit")
        # A final block within a batch: the writer never makes one, and what follows it could not be read.
        if stream.eof:
            raise BadData("compressed stream ends early")
        return raw


class ZstdPacker:
    """Zstandard (RFC 8878), where the extra `zstd` is installed."""

    __slots__ = ("_flush", "_stream")

    def __init__(self) -> None:
        """Begin a frame of Zstandard."""
        import zstandard  # noqa: PLC0415 - an extra, not always there

        self._stream = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()
        self._flush = zstandard.COMPRESSOBJ_FLUSH_BLOCK

    def pack(self, raw: bytes) -> bytes:
        """Return the next batch compressed."""
        return self._stream.compress(raw) + self._stream.flush(self._flush)


class ZstdUnpacker:
    """Zstandard (RFC 8878)."""

    __slots__ = ("_error", "_stream")

    def __init__(self) -> None:
        """Begin a frame of Zstandard."""
        import zstandard  # noqa: PLC0415 - an extra, not always there

        self._error = zstandard.ZstdError
        self._stream = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES_MAX).decompressobj()

    def unpack(self, packed: bytes, limit: int) -> bytes:
        """Return the next batch; raises BadData. Fed in slices, because the library knows no limit here."""
        pieces: list[bytes] = []
        size = 0
        try:
            for start in range(0, len(packed), ZSTD_SLICE_BYTES):
                piece = self._stream.decompress(packed[start : start + ZSTD_SLICE_BYTES])
                size += len(piece)
                if size > limit:
                    raise BadData("batch beyond the limit")
                pieces.append(piece)
        except self._error as error:
            raise BadData(str(error)) from None
        return b"".join(pieces)


PACKERS: Final[dict[int, Callable[[], Packer]]] = {STORED: StoredCodec, ZLIB: ZlibPacker, ZSTD: ZstdPacker}
UNPACKERS: Final[dict[int, Callable[[], Unpacker]]] = {STORED: StoredCodec, ZLIB: ZlibUnpacker, ZSTD: ZstdUnpacker}


def available(codec: int) -> bool:
    """Whether this Python can read and write segments of this codec."""
    return codec in PACKERS and (codec != ZSTD or find_spec("zstandard") is not None)
