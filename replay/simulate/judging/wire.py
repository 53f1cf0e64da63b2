"""What goes over a failover connection, read a second time: nothing of the engine's own reader is used.

Who judges a server by what it told and heard must not take its word for that. Pieces hold whole messages, as this
server sends them; what is cut off at the end is left out.

Source: docs/behaviour/failover.md#wire-format.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

BNDUPD, BNDACK, CONNECT, CONNECTACK, STATE, DISCONNECT = 3, 4, 5, 6, 10, 12
_HEADER: Final = struct.Struct("!HBBII")
_OPTION: Final = struct.Struct("!HH")
_ADDRESS, _ENDS, _POTENTIAL, _REJECT, _STATE = 2, 13, 18, 21, 24
_KEPT: Final = frozenset({_ADDRESS, _ENDS, _POTENTIAL, _REJECT, _STATE})
_READ: Final = frozenset({BNDUPD, BNDACK, CONNECTACK, DISCONNECT, STATE})


class Said(NamedTuple):
    """A message: `address`, `ends`, `potential`, `reject`, `state` are its options 2, 13, 18, 21, 24, None for none."""

    kind: int
    xid: int
    address: int | None
    ends: int | None
    potential: int | None
    reject: int | None
    state: int | None


def messages(data: bytes) -> Iterator[Said]:
    """The messages of a piece, in order."""
    at, end = 0, len(data)
    while at + _HEADER.size <= end:
        length, kind, offset, _time, xid = _HEADER.unpack_from(data, at)
        if length < _HEADER.size or at + length > end:
            return
        if kind in _READ:
            found = _options(data, at + offset, at + length)
            yield Said(kind, xid, found.get(_ADDRESS), found.get(_ENDS), found.get(_POTENTIAL),
                       found.get(_REJECT), found.get(_STATE))  # fmt: skip
        else:
            yield Said(kind, xid, None, None, None, None, None)
        at += length


def _options(data: bytes, at: int, end: int) -> dict[int, int]:
    found = {}
    while at + _OPTION.size <= end:
        code, length = _OPTION.unpack_from(data, at)
        at += _OPTION.size
        if code in _KEPT:
            found[code] = int.from_bytes(data[at : at + length], "big")
        at += length
    return found
