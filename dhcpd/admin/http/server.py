"""HTTP for operators, in the turns of the loop: accepts, reads, works in slices and answers, and holds nobody up.

The question here is how somebody who asks much, slowly or maliciously costs DHCP's clients nothing. A turn of the loop
gives TURN_US to all of this, and what is begun in it is short: one read of one connection, one slice of one answer. So
a packet waits for no more than a turn and the slice that was begun last. A fork, which is the longest of these, has a
turn of its own. Nothing grows without bound:
CONNECTIONS_MAXIMUM connections, of which the one that was silent longest makes room; one request of each, whose size
connection.py limits; an answer in memory for each. A request that does not come to its end, and an answer that nobody
takes, have their time.

A task for each connection, as trio would have it, was rejected: all that are ready would have their turn at once, and
the order in which changes pass the door would be the scheduler's.

Questions read the machine's state and are no events. Changes are: each is a Command, its answer the engine's
CommandAnswer, which leaves when what was stored before it is synced.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from ...trace.events import Command, ConfigurationEnd
from ..changes import outcome
from ..parameters import read_values
from ..problems import PHRASES, Problem
from ..routes import Change, Errand, Reload, Routes, Text
from ..slices import encode
from .connection import Connection
from .errands import Errands

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from ...process.child import Child
    from ...trace.effects import CommandAnswer, Effect
    from ...trace.events import Event
    from ..routes import Route
    from ..site import Site
    from .connection import Request
    from .listening import Listener

TURN_US: Final = 1_000
CONNECTIONS_MAXIMUM: Final = 32
READY_MAXIMUM: Final = 4
READ_OCTETS: Final = 8 << 10
WRITE_OCTETS: Final = 64 << 10
REQUEST_US: Final = 10_000_000
IDLE_US: Final = 60_000_000
ANSWER_US: Final = 30_000_000
LINGER_US: Final = 2_000_000
_PROBLEM: Final = "application/problem+json"
_JSON: Final = "application/json"
# What the engine says of a command -> HTTP's status.
STATUS_OF: Final = {"done": 200, "invalid": 400, "not-found": 404, "conflict": 409, "failed": 503}
_CREDENTIALS: Final = struct.Struct("3i")


def monotonic_us() -> int:
    """The clock that never jumps, in microseconds."""
    return time.monotonic_ns() // 1000


class _Peer:
    """A connection and its request. `work` is under way; with `waits_for` it goes on when that has come.

    `lingers`: all is said, and what still comes is thrown away, so that the last answer is not lost by a reset.
    """

    __slots__ = ("everything", "http", "lingers", "mask", "socket", "until_us", "waits_for", "who", "work")

    def __init__(self, made: socket.socket, who: str, *, everything: bool) -> None:
        self.socket = made
        self.who = who
        self.everything = everything
        self.http = Connection()
        self.lingers = False
        self.work: Generator[Any, Any, Any] | None = None
        self.waits_for: int | Child | type[Reload] | None = None
        self.mask = select.EPOLLIN
        self.until_us = 0

    def wanted(self) -> int:
        """What epoll is to look for: nothing is read while a request is under way."""
        if self.http.waiting and not self.lingers:
            return select.EPOLLOUT
        return 0 if self.work is not None else select.EPOLLIN


class Admin:
    """The listeners and connections of a run, for its loop: readable at `fileno`, worked on by `turn`.

    `due_us` is when a time is over though nothing is readable, in microseconds of the monotonic clock, 0 for never.
    """

    def __init__(
        self,
        site: Site,
        routes: Routes,
        listeners: Iterable[Listener],
        clock: Callable[[], int] = monotonic_us,
    ) -> None:
        self._site = site
        self._routes = routes
        self._reload: Callable[[], None] = lambda: None
        self._clock = clock
        self._epoll = select.epoll()
        self._listeners = {one.socket.fileno(): one for one in listeners}
        self._peers: dict[int, _Peer] = {}
        self._ready: deque[_Peer] = deque()
        self._calls: dict[int, _Peer] = {}
        self._next_call = 1
        self._events: list[Event] = []
        self._errands = Errands(self._epoll)
        self._wanted: deque[tuple[_Peer, Errand]] = deque()
        for descriptor in self._listeners:
            self._epoll.register(descriptor, select.EPOLLIN)

    def reload_by(self, reload: Callable[[], None]) -> None:
        """Use this to have the configuration read again; `heard` is told when it was."""
        self._reload = reload

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._epoll.fileno()

    @property
    def busy(self) -> bool:
        """Whether there is work to go on with."""
        return bool(self._ready or self._wanted)

    @property
    def due_us(self) -> int:
        """When a time is over though nothing is readable, in microseconds of the monotonic clock, 0 for never."""
        return min((peer.until_us for peer in self._peers.values() if peer.until_us), default=0)

    def take(self) -> list[Event]:
        """The changes that were asked for, as events whose time the caller sets."""
        events, self._events = self._events, []
        return events

    # The turn of the loop

    def turn(self) -> None:
        """Do what there is to do, for some TURN_US."""
        if self._wanted:
            self._begin(*self._wanted.popleft())
            return
        until_us = self._clock() + TURN_US
        for descriptor, mask in self._epoll.poll(0, READY_MAXIMUM):
            self._look(descriptor, mask)
        while self._ready and self._clock() < until_us:
            self._go_on(self._ready.popleft())
        if self._peers:
            self._look_at_clock()

    def _look(self, descriptor: int, mask: int) -> None:
        listener = self._listeners.get(descriptor)
        peer = self._peers.get(descriptor)
        if listener is not None:
            self._accept(listener)
        elif peer is not None:
            if mask & (select.EPOLLERR | select.EPOLLHUP):
                self._end(peer)
            elif mask & select.EPOLLOUT:
                self._write(peer)
            elif mask & select.EPOLLIN:
                self._read(peer)
        else:
            done = self._errands.look(descriptor)
            if done is not None:
                self._resume_all(*done)

    def _look_at_clock(self) -> None:
        now_us = self._clock()
        for peer in [one for one in self._peers.values() if 0 < one.until_us <= now_us]:
            self._end(peer)

    # Connections

    def _accept(self, listener: Listener) -> None:
        try:
            made, _ = listener.socket.accept()
        except OSError:
            return
        if len(self._peers) >= CONNECTIONS_MAXIMUM and not self._make_room():
            made.close()
            return
        made.setblocking(False)
        peer = _Peer(made, _who(made), everything=listener.everything)
        peer.until_us = self._clock() + IDLE_US
        self._peers[made.fileno()] = peer
        self._epoll.register(made.fileno(), peer.mask)

    def _make_room(self) -> bool:
        """End the connection that has been silent longest; those that are being answered stay."""
        silent = min(
            (peer for peer in self._peers.values() if peer.work is None), key=lambda one: one.until_us, default=None
        )
        if silent is not None:
            self._end(silent)
        return silent is not None

    def _read(self, peer: _Peer) -> None:
        try:
            data = peer.socket.recv(READ_OCTETS)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._end(peer)
            return
        if peer.lingers:
            if not data:
                self._end(peer)
            return
        was_idle = peer.http.idle
        peer.http.receive(data)
        if data and was_idle:
            peer.until_us = self._clock() + REQUEST_US
        self._ask(peer)

    def _ask(self, peer: _Peer) -> None:
        """Begin with the next request, if it has come as a whole."""
        try:
            request = peer.http.next_request()
        except Problem as problem:
            self._refuse(peer, problem)
            peer.http.closing = True
            self._push(peer)
            return
        if request is None:
            self._push(peer)
            return
        peer.until_us = 0
        peer.work = self._answer(peer, request)
        self._ready.append(peer)
        self._watch(peer)

    def _push(self, peer: _Peer) -> None:
        """Send what is to be sent, and read again behind it."""
        if peer.http.waiting:
            self._write(peer)
        elif peer.http.closing:
            self._linger(peer)
        else:
            self._watch(peer)

    def _linger(self, peer: _Peer) -> None:
        """All is said: say that, and wait a moment for the peer's end."""
        peer.lingers = True
        peer.until_us = self._clock() + LINGER_US
        try:
            peer.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._end(peer)
            return
        self._watch(peer)

    def _write(self, peer: _Peer) -> None:
        try:
            peer.http.sent(peer.socket.send(peer.http.next_octets(WRITE_OCTETS)))
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self._end(peer)
            return
        now_us = self._clock()
        if peer.http.waiting:
            peer.until_us = now_us + ANSWER_US
        elif peer.http.closing:
            self._linger(peer)
            return
        else:
            peer.until_us = now_us + (IDLE_US if peer.http.idle else REQUEST_US)
            if peer.work is None:
                self._ask_behind(peer)
                return
        self._watch(peer)

    def _ask_behind(self, peer: _Peer) -> None:
        """A request that came together with the one before has its turn, which may wait for nothing more to come."""
        if peer.http.idle:
            self._watch(peer)
        else:
            self._ask(peer)

    def _watch(self, peer: _Peer) -> None:
        wanted = peer.wanted()
        if wanted != peer.mask:
            peer.mask = wanted
            self._epoll.modify(peer.socket.fileno(), wanted)

    def _end(self, peer: _Peer) -> None:
        """A connection is over, and with it what it has asked for: a change that is under way goes on."""
        descriptor = peer.socket.fileno()
        if self._peers.pop(descriptor, None) is None:
            return
        self._epoll.unregister(descriptor)
        with contextlib.suppress(ValueError):
            self._ready.remove(peer)
        if peer.work is not None:
            peer.work.close()
            peer.work = None
        if peer.waits_for is not None and not isinstance(peer.waits_for, int | type):
            self._errands.drop(peer.waits_for)
        peer.waits_for = None
        peer.socket.close()

    # Requests

    def _answer(self, peer: _Peer, request: Request) -> Generator[Any, Any, tuple[int, str, bytes]]:
        """The work that a request is: (status, content type, body) in the end. Raises Problem."""
        route, within = self._routes.find(request.method, request.path)
        if not (peer.everything or route.everywhere):
            raise Problem(403, "this address is for metrics alone", "ask on the Unix socket (--admin-socket)")
        values = {
            **read_values(within, route.within),
            **read_values(request.query, route.query),
            **read_values(request.body, route.body),
        }
        yield
        answer = route.run(self._site, values)
        if hasattr(answer, "send"):
            answer = yield from answer
        if isinstance(answer, Text):
            return 200, answer.content_type, answer.body
        body = yield from encode(answer)
        return _status_of(route, answer), _JSON, body

    def _go_on(self, peer: _Peer, value: Any = None) -> None:
        """One slice of a request's work; what it waits for from now on, or its answer."""
        assert peer.work is not None, "who is ready has work"
        try:
            step = peer.work.send(value) if not isinstance(value, Exception) else peer.work.throw(value)
        except StopIteration as done:
            status, content_type, body = done.value
            peer.http.answer(status, content_type, body)
            peer.work = None
            self._push(peer)
        except Problem as problem:
            self._refuse(peer, problem)
            peer.work = None
            self._push(peer)
        else:
            self._wait(peer, step)

    def _wait(self, peer: _Peer, step: Change | Errand | Reload | None) -> None:
        if isinstance(step, Change):
            call, self._next_call = self._next_call, self._next_call + 1
            self._events.append(Command(0, 0, call, peer.who, step.name, step.arguments))
            self._calls[call] = peer
            peer.waits_for = call
        elif isinstance(step, Errand):
            self._wanted.append((peer, step))
        elif isinstance(step, Reload):
            peer.waits_for = Reload
            self._reload()
        else:
            self._ready.append(peer)

    def _begin(self, peer: _Peer, errand: Errand) -> None:
        """Have a child make what a request waits for, unless nobody waits any more."""
        if peer.work is None:
            return
        try:
            peer.waits_for = self._errands.begin(errand.make)
        except Problem as problem:
            self._go_on(peer, problem)

    def _refuse(self, peer: _Peer, problem: Problem) -> None:
        status = problem.status if problem.status in PHRASES else 400
        body = b"".join([*_pieces(problem.as_object())])
        peer.http.answer(status, _PROBLEM, body)

    # What was waited for

    def _resume_all(self, awaited: object, value: Any) -> None:
        for peer in [one for one in self._peers.values() if one.waits_for == awaited]:
            peer.waits_for = None
            self._go_on(peer, value)

    def answered(self, answer: CommandAnswer) -> None:
        """The engine has answered a command, and what it promises is on the disk."""
        self._resume_call(answer.call, answer)

    def failed(self, call: int) -> None:
        """What the engine has answered is not on the disk."""
        advice = "the log has the reason; ask for what is there now before you try again"
        detail = "the lease file could not be written, so that the change may be lost"
        self._resume_call(call, Problem(503, detail, advice))

    def _resume_call(self, call: int, value: Any) -> None:
        peer = self._calls.pop(call, None)
        if peer is not None and peer.waits_for == call:
            peer.waits_for = None
            self._go_on(peer, value)

    def heard(self, events: Sequence[Event], effects: Sequence[Sequence[Effect]]) -> None:
        """Events have passed the door, and these are their effects."""
        for event, done in zip(events, effects, strict=True):
            if type(event) is ConfigurationEnd:
                self._resume_all(Reload, outcome(done, waits=self._site.machine.changing_over))

    def close(self) -> None:
        """Close everything."""
        self._errands.close()
        for peer in list(self._peers.values()):
            self._end(peer)
        for listener in self._listeners.values():
            listener.close()
        self._epoll.close()


def _status_of(route: Route, answer: Any) -> int:
    if route.method == "POST" and isinstance(answer, dict) and answer.get("result") == "waits":
        return 202
    return 200


def _pieces(value: Any) -> Sequence[bytes]:
    """A short answer, at once."""
    work = encode(value)
    try:
        while True:
            next(work)
    except StopIteration as done:
        return [done.value]


def _who(made: socket.socket) -> str:
    """Who is at the other end of a Unix socket, as the kernel knows it."""
    if made.family != socket.AF_UNIX:
        return ""
    try:
        octets = made.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError:
        return ""
    pid, uid, _gid = _CREDENTIALS.unpack(octets)
    return f"uid {uid}, pid {pid}"
