"""What waits to be sent on one stream, in order: bytes of a stream do not overtake each other.

Some pieces are held until the lease file is synced. Whatever is added behind a held piece waits with it, and leaves
with it in as few system calls as there can be. Nothing is known here of connections, nor of why a piece is held.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import socket

# Linux takes 1,024 buffers in one call; more than these gain nothing.
_BUFFERS_MAXIMUM: Final = 64


class _Piece:
    """Bytes that are sent together. `held`: not before `release`."""

    __slots__ = ("data", "held")

    def __init__(self, data: memoryview, *, held: bool) -> None:
        self.data = data
        self.held = held


class Fifo:
    """The pieces of one stream. `octets` is how much waits, `held` how many pieces are held."""

    __slots__ = ("_pieces", "held", "octets")

    def __init__(self) -> None:
        self.octets = 0
        self.held = 0
        self._pieces: deque[_Piece] = deque()

    @property
    def ready(self) -> bool:
        """Whether there is anything that may leave."""
        return bool(self._pieces) and not self._pieces[0].held

    def add(self, data: bytes, *, held: bool) -> None:
        """More to send, behind everything before."""
        if data:
            self._pieces.append(_Piece(memoryview(data), held=held))
            self.octets += len(data)
            self.held += held

    def release(self) -> None:
        """Let the first held piece go, if any is: pieces are held and released in the same order."""
        for piece in self._pieces:
            if piece.held:
                piece.held = False
                self.held -= 1
                return

    def write(self, to: socket.socket) -> None:
        """Send what may leave and the socket takes; raises OSError where the connection is broken."""
        with contextlib.suppress(BlockingIOError, InterruptedError):
            while self.ready:
                offered = self._offered()
                taken = to.sendmsg(offered)
                self._drop(taken)
                if taken < sum(map(len, offered)):
                    return

    def _offered(self) -> list[memoryview]:
        offered: list[memoryview] = []
        for piece in self._pieces:
            if piece.held or len(offered) == _BUFFERS_MAXIMUM:
                break
            offered.append(piece.data)
        return offered

    def _drop(self, taken: int) -> None:
        """Forget what was taken; of the piece that was taken in part the rest stays."""
        self.octets -= taken
        while taken:
            piece = self._pieces[0]
            if taken < len(piece.data):
                piece.data = piece.data[taken:]
                return
            taken -= len(piece.data)
            self._pieces.popleft()
