"""The UDP sockets of DNS: many source ports, each for few questions to one server.

Whoever forges an answer has to guess the port as well as the id (RFC 5452, 9.2), so the port must not be one that a
later question has, too: the system draws it, and after so many questions another socket takes its place. Each is
connected to its server, so that the system drops what any other host sends there, before it could fill the buffer that
answers need, and no scan of strangers finds it.

Why the system, when the engine draws the ids: those are on the tape, with the seed of all that the engine will draw.
Somebody who is shown a recording of a server that still runs, a redacted one too, may reckon its ids, but no ports. A
recording needs none: a port changes no answer's meaning, and which are free is the host's affair.

Where so many are open that the oldest has to make room, its questions go without an answer, as if it had been lost.
"""

from __future__ import annotations

import contextlib
import select
import socket
from typing import TYPE_CHECKING, Final

from .stream import error_name

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTIONS_OF_A_PORT_MAXIMUM: Final = 128
PORTS_MAXIMUM: Final = 32
# Longer ones answer nothing that was asked: nobody was told that we take more than 512 (RFC 1035, 4.2.1).
DATAGRAM_OCTETS_MAXIMUM: Final = 4096
_DATAGRAMS_MAXIMUM: Final = 32
_RECEIVE_BUFFER_OCTETS: Final = 1 << 18
_FAMILIES: Final = {4: socket.AF_INET, 16: socket.AF_INET6}


class Port:
    """A socket connected to `server` at `number`; `left` questions may still be sent from it, `waiting` wait."""

    __slots__ = ("left", "number", "server", "socket", "waiting")

    def __init__(self, made: socket.socket, server: bytes, number: int) -> None:
        self.socket = made
        self.server = server
        self.number = number
        self.left = QUESTIONS_OF_A_PORT_MAXIMUM
        self.waiting: dict[int, None] = {}

    def send(self, payload: bytes) -> None:
        """Send, as far as that can be. An error of an earlier datagram is told at the next: it is passed over."""
        for _ in range(2):
            try:
                self.socket.send(payload)
            except ConnectionRefusedError:
                continue
            except OSError:
                pass
            return

    def heard(self) -> Iterator[bytes]:
        """What has come, at most a batch of it. Who cannot be reached does not answer: errors are passed over."""
        for _ in range(_DATAGRAMS_MAXIMUM):
            try:
                payload = self.socket.recv(DATAGRAM_OCTETS_MAXIMUM + 1)
            except ConnectionRefusedError:
                continue
            except OSError:
                return
            if len(payload) <= DATAGRAM_OCTETS_MAXIMUM:
                yield payload


class Ports:
    """All of them. `sources` holds the address that each family is to send from, by the octets of an address."""

    def __init__(self, epoll: select.epoll) -> None:
        """None is open; `epoll` is told of those that will be."""
        self.sources: dict[int, bytes] = {}
        self._epoll = epoll
        self._open: dict[int, Port] = {}
        self._current: dict[tuple[bytes, int], Port] = {}

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    def allow(self, source: bytes) -> str:
        """Send from this address from now on; the name of the error, or nothing."""
        try:
            self._socket(source).close()
        except OSError as error:
            return error_name(error)
        self.sources[len(source)] = source
        return ""

    def _socket(self, source: bytes) -> socket.socket:
        """A socket of that address, at a port that the system draws. Raises OSError."""
        family = _FAMILIES[len(source)]
        made = socket.socket(family, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind((text_of(source), 0))
        except OSError:
            made.close()
            raise
        return made

    def take(self, server: bytes, number: int, query: int) -> tuple[Port | None, list[int]]:
        """The port for a question to a server; None where it cannot be reached. And the questions that made room."""
        port = self._current.get((server, number))
        dropped: list[int] = []
        if port is None or not port.left:
            dropped = self._make_room()
            port = self._connected(server, number)
        if port is not None:
            port.left -= 1
            port.waiting[query] = None
        return port, dropped

    def _connected(self, server: bytes, number: int) -> Port | None:
        retired = self._current.pop((server, number), None)
        if retired is not None and not retired.waiting:
            self._close(retired)
        try:
            made = self._socket(self.sources[len(server)])
        except OSError:
            return None
        try:
            made.connect((text_of(server), number))
        except OSError:
            made.close()
            return None
        port = self._open[made.fileno()] = self._current[server, number] = Port(made, server, number)
        self._epoll.register(made.fileno(), select.EPOLLIN)
        return port

    def _make_room(self) -> list[int]:
        """Close the oldest where there are too many; its questions."""
        if len(self._open) < PORTS_MAXIMUM:
            return []
        oldest = next(iter(self._open.values()))
        waiting = list(oldest.waiting)
        self._close(oldest)
        return waiting

    def give_back(self, port: Port, query: int) -> None:
        """A question waits no more."""
        port.waiting.pop(query, None)
        if not port.waiting and self._current.get((port.server, port.number)) is not port:
            self._close(port)

    def of(self, descriptor: int) -> Port | None:
        """The port of a descriptor, None for another's."""
        return self._open.get(descriptor)

    def _close(self, port: Port) -> None:
        if self._open.pop(port.socket.fileno(), None) is not None:
            with contextlib.suppress(KeyError):
                if self._current[port.server, port.number] is port:
                    del self._current[port.server, port.number]
            self._epoll.unregister(port.socket.fileno())
            port.socket.close()

    def close(self) -> None:
        """Close them all, and send from nowhere."""
        for port in list(self._open.values()):
            self._close(port)
        self.sources.clear()


def text_of(address: bytes) -> str:
    """An address of 4 or 16 octets as the socket functions want it."""
    return socket.inet_ntop(_FAMILIES[len(address)], address)
