"""Frames by a ring of memory that the kernel shares (packet(7), PACKET_RX_RING, TPACKET_V2): no system call for any.

Each frame lies there with the moment when it came, so that a standing queue costs no more to look through than another.
What does not fit is the kernel's to drop, as with a socket's buffer. Why not TPACKET_V3: it hands over blocks, and a
block that is not full waits for a timer.

Refused: sending, and knowing what a frame is. Where the system has no such ring, or no memory for one, opening it
raises OSError, and whoever asked reads the socket instead.
"""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket

# Numbers of the Linux interface that the socket module does not name.
_SOL_PACKET: Final = 263
_PACKET_RX_RING: Final = 5
_PACKET_VERSION: Final = 10
_TPACKET_V2: Final = 1
_STATUS_USER: Final = 1

# `struct tpacket_req`: octets of a block, blocks, octets of a frame, frames.
_REQUEST: Final = struct.Struct("=IIII")
# `struct tpacket2_hdr` behind its status: length on the wire, length here, where it begins, where the network header
# does, seconds and nanoseconds since 1970.
_HEADER: Final = struct.Struct("=IHHII")
_HEADER_AT: Final = 8

# A frame of ISC's longest (1,536 octets) with the kernel's header and link-level address before it.
SLOT_OCTETS: Final = 2048
_SLOT_WORDS: Final = SLOT_OCTETS // 4
_BLOCK_SLOTS: Final = 32
SLOTS_MAXIMUM: Final = 2048
SLOTS_MINIMUM: Final = 256


def slots_for(interfaces: int) -> int:
    """How many frames may wait on each of so many interfaces: 4 MiB for all of them, 512 KiB for one at least."""
    shared = SLOTS_MAXIMUM // max(1, interfaces)
    return max(SLOTS_MINIMUM, shared - shared % _BLOCK_SLOTS)


class Ring:
    """The ring of a packet socket that is not bound yet. Raises OSError; the socket is then as it was."""

    __slots__ = ("_at", "_map", "_slots", "_words")

    def __init__(self, made: socket.socket, slots: int) -> None:
        made.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        wanted = _REQUEST.pack(_BLOCK_SLOTS * SLOT_OCTETS, slots // _BLOCK_SLOTS, SLOT_OCTETS, slots)
        made.setsockopt(_SOL_PACKET, _PACKET_RX_RING, wanted)
        try:
            self._map = mmap.mmap(made.fileno(), slots * SLOT_OCTETS)
        except OSError:
            made.setsockopt(_SOL_PACKET, _PACKET_RX_RING, bytes(_REQUEST.size))
            raise
        self._words = memoryview(self._map).cast("I")
        self._slots = slots
        self._at = 0

    def take(self, room: int) -> list[tuple[bytes, int]]:
        """The frames that wait, at most `room`, each with the microsecond since 1970 at which it came."""
        found: list[tuple[bytes, int]] = []
        octets, words, at = self._map, self._words, self._at
        for _ in range(room):
            if not words[at * _SLOT_WORDS] & _STATUS_USER:
                break
            slot = at * SLOT_OCTETS
            length, begin, _, seconds, nanoseconds = _HEADER.unpack_from(octets, slot + _HEADER_AT)
            frame = octets[slot + begin : slot + begin + length]
            words[at * _SLOT_WORDS] = 0
            at = at + 1 if at + 1 < self._slots else 0
            found.append((frame, seconds * 1_000_000 + nanoseconds // 1_000))
        self._at = at
        return found

    @property
    def crowded(self) -> bool:
        """Whether three quarters of it are full: soon the kernel drops what comes, whatever it is."""
        return bool(self._words[(self._at + 3 * self._slots // 4) % self._slots * _SLOT_WORDS] & _STATUS_USER)

    def close(self) -> None:
        """Give the memory back."""
        self._words.release()
        self._map.close()
