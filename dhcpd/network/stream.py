"""One TCP connection of the engine: its state, and the small things that all who hold sockets for the engine share.

The life of a connection. The engine's wish is a `StreamClose`; the peer's end is its FIN.

    state       begins with                 ends with
    CALLING     StreamOpen                  OPEN when the connection stands, CLOSED on error or wish (discard)
    OPEN        accept, or CALLING's end    ENDING on wish (flush), CLOSED on error or wish (discard)
    ENDING      StreamClose with flush      LINGERING when all is sent, CLOSED if the peer has ended, on error or time
    LINGERING   our FIN                     CLOSED on the peer's end, on error or time
    CLOSED      StreamClosed is told        never: numbers are not used again

Data of a peer is told in OPEN only; later it is read and thrown away, since closing with data unread resets the
connection, and the peer might lose our last answer (RFC 1122 4.2.2.13).
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import time
from enum import Enum
from typing import Final

from .fifo import Fifo

# Beyond this nothing more is read of a peer until it has taken its answers.
PAUSE_OCTETS: Final = 256 << 10


class State(Enum):
    """How far a connection has come."""

    CALLING = 1
    OPEN = 2
    ENDING = 3
    LINGERING = 4


class Stream:
    """One connection. `mask` is what epoll was asked for, `until_us` when the peer's time to end is over.

    `peer` is the address of who called, empty where we did; `spoke`: something came of it.
    """

    __slots__ = ("fifo", "mask", "number", "peer", "peer_ended", "service", "socket", "spoke", "state", "until_us")

    def __init__(self, number: int, service: str, made: socket.socket, state: State) -> None:
        self.number = number
        self.service = service
        self.socket = made
        self.state = state
        self.fifo = Fifo()
        self.mask = 0
        self.peer = ""
        self.spoke = False
        self.peer_ended = False
        self.until_us = 0

    def wanted(self) -> int:
        """What epoll should tell of it."""
        if self.state is State.CALLING:
            return select.EPOLLOUT
        paused = self.state is State.OPEN and self.fifo.octets > PAUSE_OCTETS
        reads = 0 if self.peer_ended or paused else select.EPOLLIN
        return reads | (select.EPOLLOUT if self.fifo.ready else 0)


def monotonic_us() -> int:
    """The clock that never jumps, in microseconds."""
    return time.monotonic_ns() // 1000


def error_name(error: OSError) -> str:
    """The name of errno as in errno(3)."""
    return errno.errorcode.get(error.errno or 0, f"E{error.errno or 0}")


def raise_pending(made: socket.socket) -> None:
    """Raise the OSError that a call which was begun has come to, if it has."""
    number = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, "")


def shut(made: socket.socket) -> None:
    """Close for good, though a process that writes a snapshot may still have a copy of the descriptor."""
    with contextlib.suppress(OSError):
        made.shutdown(socket.SHUT_RDWR)
    made.close()


def address_number(address: str) -> int:
    """A dotted quad as a 32-bit number."""
    return int.from_bytes(socket.inet_aton(address), "big")
