"""TCP for the engine: listeners, calls, and connections whose bytes come as events and leave in order.

The question here is how a peer that is slow, silent or hostile costs nobody else anything. Nothing waits: each turn
reads a few kilobytes of a few connections, so that packets of DHCP have theirs. Nothing grows without bound: who does
not take its answers is not read from any more, which stops it by TCP's own means; what the engine sends unasked beyond
a limit ends the connection; when too many are there, those that nobody uses make room. Who says no goodbye is not
waited for. Each of these ends is told (`StreamClosed`), and none of them is decided here for the protocol's sake: what
bytes mean is the engine's business. An end before the disk has settled what is held is told behind that: the engine is
to know whether what it has answered is stored, also where nobody hears the answer.

A task for each connection, as trio would have it, was rejected: the order in which events pass the door would be its
scheduler's, and a sync that several connections wait for would wake each of them.

The life of one connection is in stream.py.
"""

from __future__ import annotations

import contextlib
import errno
import resource
import select
import socket
from collections import Counter
from typing import TYPE_CHECKING, Final

from ..engine.wire.text import dotted
from ..trace.events import StreamClosed, StreamData, StreamHalfClosed, StreamListenFailed, StreamOpened
from .stream import (
    PAUSE_OCTETS,
    State,
    Stream,
    address_number,
    error_name,
    monotonic_us,
    raise_pending,
    shut,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..trace.effects import StreamClose, StreamListen, StreamListenEnd, StreamOpen, StreamSend
    from ..trace.events import Event

READ_OCTETS: Final = 4 << 10
# Connections and calls that have their turn in one batch, and accepts of one listener.
READY_MAXIMUM: Final = 16
ACCEPTS_MAXIMUM: Final = 16
BACKLOG_CONNECTIONS: Final = 128
WAITING_OCTETS_MAXIMUM: Final = 8 << 20
# Accepted connections of one service, fewer where the system gives fewer descriptors.
CONNECTIONS_MAXIMUM: Final = 1_000
_SERVICES: Final = 2
# Descriptors that are left for all else: sockets of the service, lease file, recording, programs that are run.
_DESCRIPTORS_RESERVED: Final = 64
LINGER_US: Final = 5_000_000
# So long no connection is accepted when the system has no descriptor left and nobody can make room.
_PAUSE_US: Final = 1_000_000
_DESCRIPTORS_WANTED: Final = 4_096
_KEEPALIVE_IDLE_S: Final = 300
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
# How a stream ends whose answers waited for what could not be stored (trace/events.py).
NOT_STORED: Final = "storage"
_BROKEN: Final = select.EPOLLERR | select.EPOLLHUP


class _Listener:
    """A listening socket of `service`; `until_us`: paused until then, 0 where it is not."""

    __slots__ = ("service", "socket", "until_us")

    def __init__(self, service: str, made: socket.socket) -> None:
        self.service = service
        self.socket = made
        self.until_us = 0


class Streams:
    """All of them, and the one descriptor that becomes readable when any of them has something.

    The methods that carry out effects never wait and never raise; what comes of them is told by `take`, as events
    whose time the caller sets. `due_us` is when `take` has something to do though nothing is readable, 0 for never.
    """

    def __init__(self, clock: Callable[[], int] = monotonic_us) -> None:
        self._clock = clock
        self._epoll = select.epoll()
        self._streams: dict[int, Stream] = {}
        self._by_descriptor: dict[int, Stream | _Listener] = {}
        self._listeners: dict[tuple[str, int, int], _Listener] = {}
        # By service the accepted ones, the longest silent first.
        self._accepted: dict[str, dict[int, None]] = {}
        # What may have something to send, and what has a time to end by.
        self._dirty: dict[int, None] = {}
        self._ending: dict[int, None] = {}
        # Gone, with answers that wait for the disk: why each has ended.
        self._unsettled: dict[int, tuple[Stream, str]] = {}
        self._next_number = 2
        self._room = 1
        self._events: list[Event] = []

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._epoll.fileno()

    @property
    def due_us(self) -> int:
        """When a time is over, by the clock that never jumps; 0 for none."""
        if not self._by_descriptor:
            return 0
        times = [self._streams[number].until_us for number in self._ending]
        times += [one.until_us for one in self._listeners.values() if one.until_us]
        return min(times, default=0)

    # What effects ask for

    def listen(self, effect: StreamListen) -> None:
        """Begin to accept connections; a failure is told."""
        self._room = _room_for_connections()
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setblocking(False)
            made.bind((dotted(effect.address), effect.port))
            made.listen(BACKLOG_CONNECTIONS)
        except OSError as error:
            made.close()
            self._events.append(StreamListenFailed(0, 0, *effect, error=error_name(error)))
            return
        listener = _Listener(effect.service, made)
        self._listeners[effect.service, effect.address, effect.port] = listener
        self._by_descriptor[made.fileno()] = listener
        self._epoll.register(made.fileno(), select.EPOLLIN)

    def end_listening(self, effect: StreamListenEnd) -> None:
        """Accept no more there."""
        listener = self._listeners.pop((effect.service, effect.address, effect.port), None)
        if listener is not None:
            self._forget_descriptor(listener.socket)
            shut(listener.socket)

    def call(self, effect: StreamOpen) -> None:
        """Begin to connect; how that ends is told."""
        assert effect.stream % 2, "the engine's numbers are odd"
        assert effect.stream not in self._streams, "a number is used once"
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setblocking(False)
        try:
            if effect.local:
                made.bind((dotted(effect.local), 0))
            with contextlib.suppress(BlockingIOError):
                made.connect((dotted(effect.address), effect.port))
        except OSError as error:
            made.close()
            self._events.append(StreamClosed(0, 0, effect.stream, error_name(error)))
            return
        self._add(Stream(effect.stream, effect.service, made, State.CALLING))

    def send(self, effect: StreamSend, *, held: bool = False) -> None:
        """More to send; with `held` not before `release`. Dropped where the stream has ended, or is about to."""
        stream = self._streams.get(effect.stream)
        if stream is None or stream.state not in (State.CALLING, State.OPEN):
            if held and effect.stream in self._unsettled:
                self._unsettled[effect.stream][0].fifo.add(effect.data, held=True)
            return
        stream.fifo.add(effect.data, held=held)
        if stream.fifo.octets > WAITING_OCTETS_MAXIMUM:
            self._end(stream, "backlog")
        elif not held or stream.fifo.octets > PAUSE_OCTETS:  # else nothing may leave, and its peer is read from
            self._dirty[stream.number] = None

    def release(self, number: int) -> None:
        """What was held first may leave now."""
        stream = self._streams.get(number)
        if stream is not None:
            stream.fifo.release()
            self._dirty[number] = None
        elif number in self._unsettled:
            gone, error = self._unsettled[number]
            gone.fifo.release()
            if not gone.fifo.held:
                self._settled(number, error)

    def fail(self, number: int) -> None:
        """What was held will never leave: a stream with a hole is none."""
        stream = self._streams.get(number)
        if stream is not None:
            self._end(stream, NOT_STORED)
        elif number in self._unsettled:
            self._settled(number, NOT_STORED)

    def _settled(self, number: int, error: str) -> None:
        del self._unsettled[number]
        self._events.append(StreamClosed(0, 0, number, error))

    def close_one(self, effect: StreamClose) -> None:
        """End a connection as the effect says."""
        stream = self._streams.get(effect.stream)
        if stream is None:
            return
        if not effect.flush or stream.state is State.CALLING:
            self._end(stream, "")
        elif stream.state is State.OPEN:
            stream.state = State.ENDING
            self._dirty[stream.number] = None

    # The turn of the loop

    def push(self) -> None:
        """Send what may leave. To be called when a batch of effects is carried out."""
        while self._dirty:
            stream = self._streams.get(self._dirty.popitem()[0])
            if stream is not None and stream.state is not State.CALLING:
                self._write(stream)

    def take(self) -> list[Event]:
        """What has happened, at most a few kilobytes of it."""
        if self._by_descriptor:
            for descriptor, mask in self._epoll.poll(0, READY_MAXIMUM):
                self._look(descriptor, mask)
            self._look_at_clock()
            self.push()
        return self.told()

    @property
    def has_told(self) -> bool:
        """Whether something has come of effects that nobody took."""
        return bool(self._events)

    def told(self) -> list[Event]:
        """What has come of effects, without a look at the sockets."""
        events, self._events = self._events, []
        return events

    def finish(self, seconds: float) -> None:
        """Send what may leave, for at most so long, and close everything. Nothing more is told."""
        until_us = self._clock() + int(seconds * 1_000_000)
        for listener in self._listeners.values():
            self._forget_descriptor(listener.socket)
            shut(listener.socket)
        self._listeners.clear()
        for stream in self._streams.values():
            stream.peer_ended = True  # nothing is read any more
            self._dirty[stream.number] = None
        self.push()
        while (left_us := until_us - self._clock()) > 0 and any(one.fifo.ready for one in self._streams.values()):
            for descriptor, mask in self._epoll.poll(left_us / 1_000_000):
                self._look(descriptor, mask)
            self.push()
        for stream in list(self._streams.values()):
            self._end(stream, "")
        self._epoll.close()

    def _look(self, descriptor: int, mask: int) -> None:
        one = self._by_descriptor.get(descriptor)
        if isinstance(one, _Listener):
            self._accept(one)
        elif one is not None and one.state is State.CALLING:
            self._connected(one)
        elif one is not None:
            if mask & select.EPOLLOUT:
                self._dirty[one.number] = None
            if mask & (select.EPOLLIN | _BROKEN):
                self._read(one, broken=bool(mask & _BROKEN))

    def _look_at_clock(self) -> None:
        now_us = self._clock()
        for number in [one for one in self._ending if self._streams[one].until_us <= now_us]:
            self._end(self._streams[number], "linger")
        for listener in self._listeners.values():
            if listener.until_us and listener.until_us <= now_us:
                listener.until_us = 0
                self._epoll.modify(listener.socket.fileno(), select.EPOLLIN)

    # Connections begin

    def _accept(self, listener: _Listener) -> None:
        for _ in range(ACCEPTS_MAXIMUM):
            try:
                made, _ = listener.socket.accept()
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    return
                if not self._make_room(listener.service):
                    listener.until_us = self._clock() + _PAUSE_US
                    self._epoll.modify(listener.socket.fileno(), 0)
                    return
                continue
            self._begin_accepted(made, listener.service)

    def _begin_accepted(self, made: socket.socket, service: str) -> None:
        """An accepted connection gets a number, unless it is gone already."""
        try:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE_S)
            ends = made.getsockname(), made.getpeername()
        except OSError:
            made.close()
            return
        crowd = self._accepted.setdefault(service, {})
        if len(crowd) >= self._room:
            self._make_room(service)
        number, self._next_number = self._next_number, self._next_number + 2
        stream = Stream(number, service, made, State.OPEN)
        stream.peer = ends[1][0]
        self._add(stream)
        crowd[number] = None
        self._opened(stream, *ends)

    def _make_room(self, service: str) -> bool:
        """End the accepted connection that can be missed most easily; False where there is none.

        Those that never said anything come first, then the peers that have most of them, then who was silent longest:
        a stranger who opens hundreds ends his own, and nobody's who is at work.
        """
        crowd = [self._streams[number] for number in self._accepted.get(service, ())]
        if not crowd:
            return False
        crowd = [one for one in crowd if not one.spoke] or crowd
        counts = Counter(one.peer for one in crowd)
        most = max(counts.values())
        self._end(next(one for one in crowd if counts[one.peer] == most), "crowded")
        return True

    def _connected(self, stream: Stream) -> None:
        """A call has come to its end: the connection stands, or not."""
        try:
            raise_pending(stream.socket)
            ends = stream.socket.getsockname(), stream.socket.getpeername()
        except OSError as problem:
            self._end(stream, error_name(problem))
            return
        stream.state = State.OPEN
        self._opened(stream, *ends)
        self._dirty[stream.number] = None

    def _opened(self, stream: Stream, local: tuple[str, int], peer: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):
            stream.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ends = (address_number(local[0]), local[1], address_number(peer[0]), peer[1])
        self._events.append(StreamOpened(0, 0, stream.number, stream.service, *ends))
        self._watch(stream)

    def _add(self, stream: Stream) -> None:
        self._streams[stream.number] = stream
        self._by_descriptor[stream.socket.fileno()] = stream
        stream.mask = stream.wanted()
        self._epoll.register(stream.socket.fileno(), stream.mask)

    # Connections live

    def _read(self, stream: Stream, *, broken: bool) -> None:
        try:
            data = stream.socket.recv(READ_OCTETS)
        except (BlockingIOError, InterruptedError):
            data = None
        except OSError as error:
            self._end(stream, error_name(error))
            return
        if data:
            self._data(stream, data)
        elif broken:  # nothing more will come of it, and the system says why
            number = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._end(stream, error_name(OSError(number, "")) if number else "")
        elif data is not None:
            self._peer_ended(stream)

    def _data(self, stream: Stream, data: bytes) -> None:
        if stream.state is not State.OPEN:
            return
        self._events.append(StreamData(0, 0, stream.number, data))
        stream.spoke = True
        crowd = self._accepted.get(stream.service, {})
        if stream.number in crowd:
            del crowd[stream.number]
            crowd[stream.number] = None

    def _peer_ended(self, stream: Stream) -> None:
        stream.peer_ended = True
        if stream.state is State.LINGERING:
            self._end(stream, "")
            return
        if stream.state is State.OPEN:
            self._events.append(StreamHalfClosed(0, 0, stream.number))
        self._watch(stream)

    def _write(self, stream: Stream) -> None:
        try:
            stream.fifo.write(stream.socket)
            if stream.state is State.ENDING and not stream.fifo.octets:
                stream.socket.shutdown(socket.SHUT_WR)
                stream.state = State.LINGERING
        except OSError as error:
            self._end(stream, error_name(error))
            return
        if stream.state is State.LINGERING and stream.peer_ended:
            self._end(stream, "")
            return
        if stream.state in (State.ENDING, State.LINGERING) and not stream.until_us and not stream.fifo.held:
            stream.until_us = self._clock() + LINGER_US
            self._ending[stream.number] = None
        self._watch(stream)

    def _watch(self, stream: Stream) -> None:
        mask = stream.wanted()
        if mask != stream.mask:
            stream.mask = mask
            self._epoll.modify(stream.socket.fileno(), mask)

    # Connections end

    def _end(self, stream: Stream, error: str) -> None:
        del self._streams[stream.number]
        self._accepted.get(stream.service, {}).pop(stream.number, None)
        self._ending.pop(stream.number, None)
        self._dirty.pop(stream.number, None)
        self._forget_descriptor(stream.socket)
        shut(stream.socket)
        if stream.fifo.held and error != NOT_STORED:
            self._unsettled[stream.number] = stream, error
        else:
            self._events.append(StreamClosed(0, 0, stream.number, error))

    def _forget_descriptor(self, made: socket.socket) -> None:
        del self._by_descriptor[made.fileno()]
        self._epoll.unregister(made.fileno())


def _room_for_connections() -> int:
    """How many connections of one service there may be, with as many descriptors as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = _DESCRIPTORS_WANTED if hard == unlimited else min(_DESCRIPTORS_WANTED, hard)
    if soft != unlimited and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    if soft == unlimited:
        return CONNECTIONS_MAXIMUM
    return max(1, min(CONNECTIONS_MAXIMUM, (soft - _DESCRIPTORS_RESERVED) // _SERVICES))
