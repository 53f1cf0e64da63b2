"""Failover messages of a program that is not quite this one: options are missing that must be there, or too short.

What is spoilt is only what the receiver must refuse, so that nothing wrong is taken for true.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...trace.effects import StreamSend

_HEADER: Final = struct.Struct("!HBB")
_HEADER_OCTETS: Final = 12
_OPTION: Final = struct.Struct("!HH")
_BNDUPD, _CONNECT = 3, 5
_STATUS, _HARDWARE, _HBA = 3, 5, 11
# Active, expired, released: who had them must be told. Abandoned: nobody has it.
_HELD: Final = frozenset({2, 3, 4})
_ABANDONED: Final = 5
_SOMEBODY: Final = b"\1\2\0\0\0\0\0"


def garbled(effect: StreamSend) -> StreamSend:
    """The same, with hardware addresses left out, or told where nobody is, and an HBA that is too short."""
    if len(effect.data) < _HEADER_OCTETS:
        return effect
    return effect._replace(data=b"".join(_spoilt(frame) for frame in _frames(effect.data)))


def _frames(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        length = max(int.from_bytes(data[at : at + 2], "big"), 2)
        yield data[at : at + length]
        at += length


def _spoilt(frame: bytes) -> bytes:
    if len(frame) < _HEADER_OCTETS or frame[2] not in (_BNDUPD, _CONNECT):
        return frame
    options = list(_options(frame[_HEADER_OCTETS:]))
    status = next((value[0] for code, value in options if code == _STATUS and value), 0)
    if frame[2] == _CONNECT:
        options = [(code, value[:-1] if code == _HBA else value) for code, value in options]
    elif status in _HELD:
        options = [(code, value) for code, value in options if code != _HARDWARE]
    elif status == _ABANDONED:
        options.append((_HARDWARE, _SOMEBODY))
    body = b"".join(_OPTION.pack(code, len(value)) + value for code, value in options)
    return _HEADER.pack(_HEADER_OCTETS + len(body), frame[2], frame[3]) + frame[4:_HEADER_OCTETS] + body


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _OPTION.size <= len(data):
        code, length = _OPTION.unpack_from(data, at)
        at += _OPTION.size
        yield code, data[at : at + length]
        at += length
