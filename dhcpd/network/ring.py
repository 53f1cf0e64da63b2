"""Frames by a ring of memory that the kernel shares (packet(7), PACKET_RX_RING, TPACKET_V2): no system call for any.

Each frame lies there with the moment when it came, so that a standing queue costs no more to look through than another.
What does not fit is the kernel's to drop, as with a socket's buffer; it tells how many. Why not TPACKET_V3: it hands
over blocks, and a block that is not full waits for a timer.

Of a standing queue what is old is passed over where it lies: under overload most frames are there only to be dropped.

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
_PACKET_STATISTICS: Final = 6
_PACKET_VERSION: Final = 10
_TPACKET_V2: Final = 1
_STATUS_USER: Final = 1

# `struct tpacket_req`: octets of a block, blocks, octets of a frame, frames.
_REQUEST: Final = struct.Struct("=IIII")
# `struct tpacket_stats`: frames, and those of them that found no room.
_STATISTICS: Final = struct.Struct("=II")
# `struct tpacket2_hdr` behind its status and the length on the wire: length here, where it begins, where the network
# header does, seconds and nanoseconds since 1970; and its first two alone.
_HEADER: Final = struct.Struct("=IHHII")
_PLACE: Final = struct.Struct("=IH").unpack_from
_HEADER_AT: Final = 8

# A frame of ISC's longest (1,536 octets) with the kernel's header and link-level address before it.
SLOT_OCTETS: Final = 2048
_SLOT_WORDS: Final = SLOT_OCTETS // 4
_BLOCK_SLOTS: Final = 32
SLOTS_MAXIMUM: Final = 2048
SLOTS_MINIMUM: Final = 256


def found_no_room(made: socket.socket) -> int:
    """How many frames the kernel has dropped since this was asked last, since a packet socket was full."""
    _, dropped = _STATISTICS.unpack(made.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size))
    return int(dropped)


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

    def take(self, room: int) -> list[bytes]:
        """The frames that wait, at most `room`."""
        found: list[bytes] = []
        octets, words, slots, at = self._map, self._words, self._slots, self._at
        for _ in range(room):
            status_at = at * _SLOT_WORDS
            if not words[status_at] & _STATUS_USER:
                break
            slot = at * SLOT_OCTETS
            length, begin = _PLACE(octets, slot + _HEADER_AT)
            begin += slot
            found.append(octets[begin : begin + length])
            words[status_at] = 0
            at += 1
            if at == slots:
                at = 0
        self._at = at
        return found

    def take_fresh(
        self, room: int, looks: int, mark: bytes, mark_at: int, since_us: tuple[int, int]
    ) -> tuple[list[bytes], int]:
        """Of the next frames, at most `looks`, those that came since, at most `room`; and how many it looked at.

        `since_us`, microseconds since 1970: for frames that have `mark` at `mark_at`, and for all others.
        """
        found: list[bytes] = []
        octets, words, at = self._map, self._words, self._at
        marked_us, others_us = since_us
        looked = 0
        while looked < looks and len(found) < room:
            if not words[at * _SLOT_WORDS] & _STATUS_USER:
                break
            slot = at * SLOT_OCTETS
            length, begin, _, seconds, nanoseconds = _HEADER.unpack_from(octets, slot + _HEADER_AT)
            begin += slot
            place = begin + mark_at
            since = marked_us if octets[place : place + len(mark)] == mark else others_us
            if seconds * 1_000_000 + nanoseconds // 1_000 >= since:
                found.append(octets[begin : begin + length])
            words[at * _SLOT_WORDS] = 0
            looked += 1
            at = at + 1 if at + 1 < self._slots else 0
        self._at = at
        return found, looked

    @property
    def crowded(self) -> bool:
        """Whether three quarters of it are full: soon the kernel drops what comes, whatever it is."""
        return bool(self._words[(self._at + 3 * self._slots // 4) % self._slots * _SLOT_WORDS] & _STATUS_USER)

    def close(self) -> None:
        """Give the memory back."""
        self._words.release()
        self._map.close()
