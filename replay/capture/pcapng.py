"""The octets of a pcapng file (draft-ietf-opsawg-pcapng), as far as Wireshark needs them for frames with comments.

One section, interfaces of type Ethernet, enhanced packet blocks with microseconds. Nothing is known here of DHCP.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

_SECTION: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_PACKET: Final = 6
_ORDER: Final = 0x1A2B3C4D
_UNKNOWN_LENGTH: Final = 0xFFFFFFFFFFFFFFFF
_ETHERNET: Final = 1
_COMMENT: Final = 1
_NAME: Final = 2
_PROGRAM: Final = 4
_FLAGS: Final = 2
_INBOUND, _OUTBOUND = 1, 2
_NAME_OCTETS_MAX: Final = 255
_TIME_US_MAX: Final = (1 << 64) - 1
_COMMENT_OCTETS_MAX: Final = 65_000


class Writer:
    """Writes to `file`, a section's beginning first; `program` says who."""

    def __init__(self, file: BinaryIO, program: str) -> None:
        self._file = file
        self._interfaces = 0
        body = struct.pack("<IHHQ", _ORDER, 1, 0, _UNKNOWN_LENGTH)
        self._block(_SECTION, body + _option(_PROGRAM, program.encode()) + _option(0, b""))

    def interface(self, name: str) -> int:
        """Begin an interface; its number."""
        options = _option(_NAME, name.encode("utf-8", "replace")[:_NAME_OCTETS_MAX]) + _option(0, b"")
        self._block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, 0) + options)
        self._interfaces += 1
        return self._interfaces - 1

    def packet(self, interface: int, wall_us: int, frame: bytes, comment: str, *, inbound: bool) -> None:
        """A frame with a comment of any length; what is beyond the format's limit is cut."""
        time_us = max(0, wall_us) & _TIME_US_MAX
        head = struct.pack("<IIIII", interface, time_us >> 32, time_us & 0xFFFFFFFF, len(frame), len(frame))
        text = comment.encode("utf-8", "replace")[:_COMMENT_OCTETS_MAX].decode("utf-8", "ignore").encode()
        options = _option(_COMMENT, text) if text else b""
        options += _option(_FLAGS, struct.pack("<I", _INBOUND if inbound else _OUTBOUND)) + _option(0, b"")
        self._block(_PACKET, head + _padded(frame) + options)

    def _block(self, kind: int, body: bytes) -> None:
        length = struct.pack("<I", len(body) + 12)
        self._file.write(struct.pack("<I", kind) + length + body + length)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)
