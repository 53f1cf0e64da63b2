"""DNS for the engine: messages out, what answers them in.

The engine writes the messages, reads the answers, keeps the time and sends again; this module only tells which datagram
is an answer. That is the whole of its policy: one from the address and port that were asked, with the id that was
asked with, and the QR bit (RFC 1035 4.1.1, RFC 5452 9.1), while the question waits, and one for each time that it was
sent. Everything else is dropped in silence: any host may send us datagrams. Over TCP each question has a connection of
its own, and the length in front (RFC 7766 8).

The system draws the source ports (dns_ports.py). Nothing is cached, and no name is looked up here.
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
from .dns_ports import Port, Ports, text_of
from .stream import error_name, monotonic_us, raise_pending

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..trace.effects import DnsOpen, DnsSend
    from ..trace.events import Event

RESOLV_CONF: Final = "/etc/resolv.conf"
# Beyond these the oldest question is forgotten, or a connection refused (`crowded`).
QUESTIONS_MAXIMUM: Final = 16_384
CONNECTIONS_MAXIMUM: Final = 32
_MESSAGE_OCTETS_MAXIMUM: Final = 65_535
_RESOLV_CONF_OCTETS_MAXIMUM: Final = 64 << 10
_HEADER_OCTETS: Final = 12
_LENGTH: Final = struct.Struct("!H")
_QR: Final = 0x80
_FAMILIES: Final = {4: socket.AF_INET, 16: socket.AF_INET6}
# Over TCP so many messages that answer something else are read before ours; who sends more is left.
_OTHERS_MAXIMUM: Final = 16


class _Asked(NamedTuple):
    """Whom a question went to, and its id."""

    server: bytes
    port: int
    id: bytes


class _Question:
    """A question that waits: whom it went to, until when by the clock that never jumps, and over which connection.

    Without either it was not sent, and waits for its time to be over.
    """

    __slots__ = ("asked", "call", "port", "until_us")

    def __init__(self, asked: _Asked, until_us: int, call: _Call | None = None, port: Port | None = None) -> None:
        self.asked = asked
        self.until_us = until_us
        self.call = call
        self.port = port


class _Call:
    """A question over TCP: `left` is to be sent, `found` came so far, behind so many `others` that are no answer."""

    __slots__ = ("found", "left", "others", "query", "socket")

    def __init__(self, query: int, made: socket.socket, payload: bytes) -> None:
        self.query = query
        self.socket = made
        self.left = memoryview(_LENGTH.pack(len(payload)) + payload)
        self.found = bytearray()
        self.others = 0

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
        self._ports = Ports(self._epoll)
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
        for query in [query for query, question in self._questions.items() if question.port is not None]:
            self._forget(query)
        self._ports.close()
        errors = tuple(self._ports.allow(source) for source in effect.sources)
        self._events.append(DnsOpened(0, 0, _content(self._resolv_conf), errors))

    def send(self, effect: DnsSend) -> None:
        """Send a question, for the first time or again."""
        asked = _Asked(effect.server, effect.port, effect.payload[:2])
        waiting = self._questions.get(effect.query)
        if waiting is not None and waiting.port is not None and waiting.asked == asked:
            waiting.until_us = self._time(effect)
            waiting.port.send(effect.payload)
            return
        self._forget(effect.query)
        if len(effect.server) not in self._ports.sources:
            self._tell(effect.query, error="EAFNOSUPPORT")
        elif effect.tcp:
            self._call(effect, asked)
        else:
            self._ask(effect, asked)

    def _ask(self, effect: DnsSend, asked: _Asked) -> None:
        """Who cannot be reached does not answer: the time-out is the engine's, and the same for all."""
        self._make_room()
        port, dropped = self._ports.take(effect.server, effect.port, effect.query)
        for query in dropped:
            self._forget(query)
        self._questions[effect.query] = _Question(asked, self._time(effect), port=port)
        if port is not None:
            self._numbers[asked] = effect.query
            port.send(effect.payload)

    def _call(self, effect: DnsSend, asked: _Asked) -> None:
        if len(self._calls) >= CONNECTIONS_MAXIMUM:
            self._tell(effect.query, error="crowded")
            return
        try:
            made = self._connecting(effect)
        except OSError as error:
            self._tell(effect.query, error=error_name(error))
            return
        call = self._calls[made.fileno()] = _Call(effect.query, made, effect.payload)
        self._epoll.register(made.fileno(), select.EPOLLIN | select.EPOLLOUT)
        self._make_room()
        self._questions[effect.query] = _Question(asked, self._time(effect), call=call)

    def _connecting(self, effect: DnsSend) -> socket.socket:
        """A connection that is being made. Raises OSError."""
        made = socket.socket(_FAMILIES[len(effect.server)], socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            source = self._ports.sources[len(effect.server)]
            if any(source):
                made.bind((text_of(source), 0))
            with contextlib.suppress(BlockingIOError):
                made.connect((text_of(effect.server), effect.port))
        except OSError:
            made.close()
            raise
        return made

    def _make_room(self) -> None:
        if len(self._questions) >= QUESTIONS_MAXIMUM:
            self._forget(next(iter(self._questions)))

    def _time(self, effect: DnsSend) -> int:
        """Until when it waits, which is looked at then."""
        until_us = self._clock() + effect.wait_us
        heappush(self._times, (until_us, effect.query))
        return until_us

    def _forget(self, query: int) -> None:
        question = self._questions.pop(query, None)
        if question is None:
            return
        if self._numbers.get(question.asked) == query:
            del self._numbers[question.asked]
        if question.port is not None:
            self._ports.give_back(question.port, query)
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
        for descriptor, _ in self._epoll.poll(0) if self._calls or self._ports else ():
            call, port = self._calls.get(descriptor), self._ports.of(descriptor)
            if call is not None:
                self._exchange(call)
            elif port is not None:
                self._hear(port)
        now_us = self._clock() if self._times else 0
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
        self._ports.close()
        self._epoll.close()

    def _hear(self, port: Port) -> None:
        for payload in port.heard():
            if _is_answer(payload):
                query = self._numbers.get(_Asked(port.server, port.number, payload[:2]))
                if query is not None and query in port.waiting:
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
                call.others += 1
                if call.others > _OTHERS_MAXIMUM:
                    self._tell(call.query, error="length")
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
