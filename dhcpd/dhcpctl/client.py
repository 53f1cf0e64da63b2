"""A client that blocks: one TCP connection, one socket, no thread.

`open`, `update`, `refresh` and `remove` ask and wait; each has a `send_...` that only asks, so that many requests
may be under way, and `wait` for one of them later. Answers come in order, and are read whenever somebody waits.

One Client is for one thread. Nothing is asked again by itself: after a ConnectionLost only the program can know whether
asking twice does harm.

Source: docs/behaviour/omapi.md#the-calls-of-dhcpctl.
"""

from __future__ import annotations

import secrets
import select
import socket
import time
from typing import TYPE_CHECKING, Final, Self

from ..engine.omapi.status import NO_MORE, SUCCESS, TIMED_OUT, UNKNOWN_HOST
from ..engine.omapi.wire import PORT
from .errors import CannotConnect, ConnectionLost, Refused, TimedOut
from .session import Request, Session, State

if TYPE_CHECKING:
    from types import TracebackType

    from ..engine.omapi.signing import Key
    from .objects import Object

READ_OCTETS: Final = 64 * 1024
_FIRST_ID_BITS: Final = 31


def connect(
    host: str = "127.0.0.1", port: int = PORT, key: Key | None = None, timeout_s: float | None = None
) -> Client:
    """A client that is connected, and has opened `key` where one is given. OMAPI goes over IPv4 only.

    `host` is a dotted quad or a name. Raises CannotConnect: `code` 0x60000 for a name that nobody knows, 29 where
    nobody listens or what does speaks no OMAPI, 2 after `timeout_s` seconds, else the server's status about the key (23
    for another name or algorithm, 0x6000b for a key that is not the one of `omapi-key`).
    """
    deadline = Deadline(timeout_s)
    try:
        address = socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)[0][4]
    except (OSError, UnicodeError) as error:
        raise CannotConnect(UNKNOWN_HOST, host) from error
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        return _begun(connection, address, key, deadline)
    except BaseException:
        connection.close()
        raise


def _begun(connection: socket.socket, address: object, key: Key | None, deadline: Deadline) -> Client:
    assert isinstance(address, tuple)
    try:
        connection.settimeout(deadline.left_s())
        connection.connect(address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Client(connection, first_session(key))
        client.begin(deadline)
    except TimeoutError as error:
        raise CannotConnect(TIMED_OUT) from error
    except TimedOut as error:
        raise CannotConnect(TIMED_OUT) from error
    except OSError as error:
        raise CannotConnect(NO_MORE, error.strerror or "") from error
    return client


def first_session(key: Key | None) -> Session:
    """A session whose ids begin where no other's do."""
    return Session(key, 1 + secrets.randbits(_FIRST_ID_BITS))


class Deadline:
    """When a wait has lasted long enough. `timeout_s` None: never."""

    def __init__(self, timeout_s: float | None) -> None:
        self._ends = None if timeout_s is None else time.monotonic() + timeout_s

    def left_s(self) -> float | None:
        """The seconds that are left, None for without end. Raises TimedOut where none are."""
        if self._ends is None:
            return None
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimedOut
        return left


class Client:
    """A connection to a server; made by `connect`, closed by `close` or the end of a `with`."""

    def __init__(self, connection: socket.socket, session: Session) -> None:
        self._connection = connection
        self._session = session
        self._unsent = bytearray()
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        connection.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def lost(self) -> bool:
        """Whether the connection is over; a new one must be made then."""
        return self._session.state is State.LOST

    def close(self) -> None:
        """End the connection; what was asked and is not answered may have been done or not."""
        self._session.lose()
        self._connection.close()

    def begin(self, deadline: Deadline) -> None:
        """Greet, and open the key. Raises CannotConnect and TimedOut."""
        self._flush(deadline)
        while self._session.state in (State.GREETING, State.PROVING):
            self._read(deadline)
            self._flush(deadline)
        if self._session.failure is not None:
            raise CannotConnect(self._session.failure)

    def open(
        self, about: Object, *, create: bool = False, update: bool = False, exclusive: bool = False,
        timeout_s: float | None = None,
    ) -> None:  # fmt: skip
        """Find the object that its attributes name, and take over the server's values; or make it (`create`).

        With `update`, one that is found takes the attributes; `exclusive` with `create` refuses one that is there.
        Raises Refused (23: not found, 18: there is one, ...), ConnectionLost and TimedOut, as all that wait.
        """
        self.wait(self.send_open(about, create=create, update=update, exclusive=exclusive), timeout_s)

    def update(self, about: Object, timeout_s: float | None = None) -> None:
        """Have the server take the attributes that were changed here.

        They count as changed until an open or a refresh is answered, and go with the next update again.
        """
        self.wait(self.send_update(about), timeout_s)

    def refresh(self, about: Object, timeout_s: float | None = None) -> None:
        """Take over the server's values of an open object."""
        self.wait(self.send_refresh(about), timeout_s)

    def remove(self, about: Object, timeout_s: float | None = None) -> None:
        """Have the server delete an open object."""
        self.wait(self.send_remove(about), timeout_s)

    def send_open(
        self, about: Object, *, create: bool = False, update: bool = False, exclusive: bool = False
    ) -> Request:
        """As `open`, without waiting."""
        self._must_live()
        return self._sent(self._session.open(about, create=create, update=update, exclusive=exclusive))

    def send_update(self, about: Object) -> Request:
        """As `update`, without waiting."""
        self._must_live()
        return self._sent(self._session.update(about))

    def send_refresh(self, about: Object) -> Request:
        """As `refresh`, without waiting."""
        self._must_live()
        return self._sent(self._session.refresh(about))

    def send_remove(self, about: Object) -> Request:
        """As `remove`, without waiting."""
        self._must_live()
        return self._sent(self._session.remove(about))

    def wait(self, request: Request, timeout_s: float | None = None) -> None:
        """Until the request has ended. Raises Refused, ConnectionLost, or TimedOut (it may be waited for again)."""
        deadline = Deadline(timeout_s)
        while request.code is None:
            self._flush(deadline)
            self._read(deadline)
        raise_for(request)

    def _must_live(self) -> None:
        if self.lost:
            raise ConnectionLost

    def _sent(self, request: Request) -> Request:
        self._flush(Deadline(None))
        return request

    def _flush(self, deadline: Deadline) -> None:
        """Send what is to be sent. Answers are read meanwhile: a server need not read of who does not."""
        while self._has_unsent():
            if self._wait_for(select.POLLIN | select.POLLOUT, deadline) & ~select.POLLOUT:
                self._receive()
            try:
                del self._unsent[: self._connection.send(self._unsent)]
            except BlockingIOError:
                continue
            except OSError:
                self._session.lose()

    def _has_unsent(self) -> bool:
        # What was received meanwhile may have made more to send.
        self._unsent += self._session.take_output()
        return bool(self._unsent) and not self.lost

    def _read(self, deadline: Deadline) -> None:
        if not self.lost:
            self._wait_for(select.POLLIN, deadline)
            self._receive()

    def _wait_for(self, what: int, deadline: Deadline) -> int:
        """Wait until one of `what` is possible; what is. Raises TimedOut."""
        self._poll.modify(self._connection, what)
        left_s = deadline.left_s()
        ready = self._poll.poll(None if left_s is None else left_s * 1000)
        if not ready:
            raise TimedOut
        return ready[0][1]

    def _receive(self) -> None:
        try:
            data = self._connection.recv(READ_OCTETS)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._session.receive(data)


def raise_for(request: Request) -> None:
    """Raise what a request that has ended comes to, where it is no success."""
    if request.lost:
        raise ConnectionLost
    if request.code != SUCCESS:
        assert request.code is not None
        raise Refused(request.code, request.message)
