"""DNS for the engine: messages out, what answers them in.

The engine writes the messages, reads the answers, keeps the time and sends again; this module only tells which datagram
is an answer. That is the whole of its policy: one from the address and port that were asked, with the id that was
asked with, and the QR bit (RFC 1035 4.1.1, RFC 5452 9.1), while the question waits, and one for each time that it was
sent. Everything else is dropped in silence: any host may send us datagrams. Over TCP each question has a connection of
its own, and the length in front (RFC 7766 8).

The system draws the source ports. Nothing is cached, and no name is looked up here.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, NamedTuple

from ..disk import opening
from ..trace.events import DnsAnswer, DnsOpened
from .stream import error_name, monotonic_us, raise_pending

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..trace.effects import DnsOpen, DnsSend
    from ..trace.events import Event

RESOLV_CONF: Final = "/etc/resolv.conf"
DATAGRAMS_MAXIMUM: Final = 32
# Beyond these the oldest question is forgotten, or a connection refused (`crowded`).
QUESTIONS_MAXIMUM: Final = 16_384
CONNECTIONS_MAXIMUM: Final = 32
_MESSAGE_OCTETS_MAXIMUM: Final = 65_535
_RESOLV_CONF_OCTETS_MAXIMUM: Final = 64 << 10
_HEADER_OCTETS: Final = 12
_LENGTH: Final = struct.Struct("!H")
_QR: Final = 0x80
_FAMILIES: Final = {4: socket.AF_INET, 16: socket.AF_INET6}
_RECEIVE_BUFFER_OCTETS: Final = 1 << 20


class _Asked(NamedTuple):
    """Whom a question went to, and its id."""

    server: bytes
    port: int
    id: bytes


class _Question:
    """A question that waits: whom it went to, until when by the clock that never jumps, and its connection if any."""

    __slots__ = ("asked", "call", "until_us")

    def __init__(self, asked: _Asked, until_us: int, call: _Call | None) -> None:
        self.asked = asked
        self.until_us = until_us
        self.call = call


class _Call:
    """A question over TCP: `left` is to be sent, `found` came so far."""

    __slots__ = ("found", "left", "query", "socket")

    def __init__(self, query: int, made: socket.socket, payload: bytes) -> None:
        self.query = query
        self.socket = made
        self.left = memoryview(_LENGTH.pack(len(payload)) + payload)
        self.found = bytearray()

    def message(self) -> bytes | None:
        """The next whole message, taken out; None where there is none yet. Raises ValueError for a length of 0."""
        if len(self.found) < _LENGTH.size:
            return None
        (octets,) = _LENGTH.unpack_from(self.found)
        if not octets:
            raise ValueError("no message has a length of 0")
        end = _LENGTH.size + octets
        if len(self.found) < end:
            return None
        message = bytes(self.found[_LENGTH.size : end])
        del self.found[:end]
        return message


class Dns:
    """The sockets, the questions that wait, and the one descriptor that becomes readable when anything came.

    As in `Streams`, nothing waits or raises; what comes of an effect is told by `take`, as events without time.
    """

    def __init__(self, clock: Callable[[], int] = monotonic_us, resolv_conf: str = RESOLV_CONF) -> None:
        self._clock = clock
        self._resolv_conf = resolv_conf
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._sources: dict[int, bytes] = {}
        self._calls: dict[int, _Call] = {}
        self._questions: dict[int, _Question] = {}
        self._numbers: dict[_Asked, int] = {}
        self._times: list[tuple[int, int]] = []
        self._events: list[Event] = []

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._epoll.fileno()

    @property
    def due_us(self) -> int:
        """When a question may be forgotten, by the clock that never jumps; 0 for none."""
        return self._times[0][0] if self._times else 0

    # What effects ask for

    def open(self, effect: DnsOpen) -> None:
        """Open the sockets, in place of those before; `DnsOpened` is told."""
        for old in self._sockets.values():
            self._epoll.unregister(old.fileno())
            old.close()
        self._sockets.clear()
        errors = tuple(self._open_one(source) for source in effect.sources)
        self._events.append(DnsOpened(0, 0, _content(self._resolv_conf), errors))

    def _open_one(self, source: bytes) -> str:
        """The name of the error, or nothing."""
        family = _FAMILIES[len(source)]
        made = None
        try:
            made = socket.socket(family, socket.SOCK_DGRAM)
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind((socket.inet_ntop(family, source), 0))
        except OSError as error:
            if made is not None:
                made.close()
            return error_name(error)
        self._sockets[len(source)] = made
        self._sources[len(source)] = source
        self._epoll.register(made.fileno(), select.EPOLLIN)
        return ""

    def send(self, effect: DnsSend) -> None:
        """Send a question, for the first time or again."""
        asked = _Asked(effect.server, effect.port, effect.payload[:2])
        self._forget(effect.query)
        if len(effect.server) not in self._sockets:
            self._tell(effect.query, error="EAFNOSUPPORT")
            return
        if effect.tcp:
            self._call(effect, asked)
            return
        self._wait(effect, asked, None)
        # Who cannot be reached does not answer: the time-out is the engine's, and the same for all.
        with contextlib.suppress(OSError):
            self._sockets[len(effect.server)].sendto(effect.payload, (_text(effect.server), effect.port))

    def _call(self, effect: DnsSend, asked: _Asked) -> None:
        if len(self._calls) >= CONNECTIONS_MAXIMUM:
            self._tell(effect.query, error="crowded")
            return
        made = socket.socket(_FAMILIES[len(effect.server)], socket.SOCK_STREAM)
        made.setblocking(False)
        try:
            source = self._sources[len(effect.server)]
            if any(source):
                made.bind((_text(source), 0))
            with contextlib.suppress(BlockingIOError):
                made.connect((_text(effect.server), effect.port))
        except OSError as error:
            made.close()
            self._tell(effect.query, error=error_name(error))
            return
        call = self._calls[made.fileno()] = _Call(effect.query, made, effect.payload)
        self._epoll.register(made.fileno(), select.EPOLLIN | select.EPOLLOUT)
        self._wait(effect, asked, call)

    def _wait(self, effect: DnsSend, asked: _Asked, call: _Call | None) -> None:
        if len(self._questions) >= QUESTIONS_MAXIMUM:
            self._forget(next(iter(self._questions)))
        until_us = self._clock() + effect.wait_us
        self._questions[effect.query] = _Question(asked, until_us, call)
        if call is None:
            self._numbers[asked] = effect.query
        heappush(self._times, (until_us, effect.query))

    def _forget(self, query: int) -> None:
        question = self._questions.pop(query, None)
        if question is None:
            return
        if self._numbers.get(question.asked) == query:
            del self._numbers[question.asked]
        call = question.call
        if call is not None:
            self._epoll.unregister(call.socket.fileno())
            del self._calls[call.socket.fileno()]
            call.socket.close()

    def _tell(self, query: int, payload: bytes = b"", error: str = "") -> None:
        self._forget(query)
        self._events.append(DnsAnswer(0, 0, query, payload, error))

    # The turn of the loop

    def take(self) -> list[Event]:
        """What has come, at most a batch of it; questions whose time is over are forgotten."""
        if self._sockets:
            for descriptor, _ in self._epoll.poll(0):
                call = self._calls.get(descriptor)
                if call is not None:
                    self._exchange(call)
                for octets, made in self._sockets.items():
                    if made.fileno() == descriptor:
                        self._hear(octets, made)
            now_us = self._clock()
            while self._times and self._times[0][0] <= now_us:
                _, query = heappop(self._times)
                question = self._questions.get(query)
                if question is not None and question.until_us <= now_us:
                    self._forget(query)
        return self.told()

    @property
    def has_told(self) -> bool:
        """Whether something has come of effects that nobody took."""
        return bool(self._events)

    def told(self) -> list[Event]:
        """What has come of effects, without a look at the sockets."""
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """Close everything."""
        for query in list(self._questions):
            self._forget(query)
        for made in self._sockets.values():
            made.close()
        self._epoll.close()

    def _hear(self, octets: int, made: socket.socket) -> None:
        for _ in range(DATAGRAMS_MAXIMUM):
            try:
                payload, where = made.recvfrom(_MESSAGE_OCTETS_MAXIMUM)
            except OSError:
                return
            server = socket.inet_pton(_FAMILIES[octets], where[0].partition("%")[0])
            if _is_answer(payload):
                query = self._numbers.get(_Asked(server, where[1], payload[:2]))
                if query is not None:
                    self._tell(query, payload)

    def _exchange(self, call: _Call) -> None:
        try:
            if call.left:
                raise_pending(call.socket)
                call.left = call.left[call.socket.send(call.left) :]
                if not call.left:
                    self._epoll.modify(call.socket.fileno(), select.EPOLLIN)
            found = call.socket.recv(_MESSAGE_OCTETS_MAXIMUM)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as problem:
            self._tell(call.query, error=error_name(problem))
            return
        if found:
            self._read(call, found)
        else:
            self._tell(call.query, error="end")

    def _read(self, call: _Call, found: bytes) -> None:
        call.found += found
        asked = self._questions[call.query].asked
        try:
            while (message := call.message()) is not None:
                if _is_answer(message) and message[:2] == asked.id:
                    self._tell(call.query, message)
                    return
        except ValueError:
            self._tell(call.query, error="length")


def _content(path: str) -> bytes:
    """The resolver's configuration; empty where there is none, or nothing that a resolver would read."""
    try:
        with open(opening.read_only(path), "rb") as file:  # noqa: PTH123 - a descriptor
            return file.read(_RESOLV_CONF_OCTETS_MAXIMUM)
    except OSError:
        return b""


def _is_answer(payload: bytes) -> bool:
    return len(payload) >= _HEADER_OCTETS and bool(payload[2] & _QR)


def _text(address: bytes) -> str:
    return socket.inet_ntop(_FAMILIES[len(address)], address)
