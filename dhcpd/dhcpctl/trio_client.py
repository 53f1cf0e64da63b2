"""A client for trio: any number of tasks may ask over one connection, and each waits for its own answer.

One task reads; it lives in the nursery of `connect_trio`, and ends with it. Time limits are trio's own
(`trio.fail_after`): a wait that is cancelled leaves its request outstanding, and the connection as it was.

Source: docs/behaviour/omapi.md#the-calls-of-dhcpctl.
"""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from ..engine.omapi.status import NO_MORE, UNKNOWN_HOST
from ..engine.omapi.wire import PORT
from .client import READ_OCTETS, first_session, raise_for
from .errors import CannotConnect, ConnectionLost
from .session import Request, Session, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..engine.omapi.signing import Key
    from .objects import Object


@asynccontextmanager
async def connect_trio(
    host: str = "127.0.0.1", port: int = PORT, key: Key | None = None
) -> AsyncIterator[TrioClient]:
    """A client that is connected, and has opened `key` where one is given; it is closed at the end of the block.

    Raises CannotConnect, as `connect` does, but for the time limit.
    """
    stream = await _stream_to(host, port)
    async with stream, trio.open_nursery() as nursery:
        client = TrioClient(stream, first_session(key))
        failure = await client.begin()
        if failure is None:
            nursery.start_soon(client.read_on)
            try:
                yield client
            finally:
                nursery.cancel_scope.cancel()
    if failure is not None:
        raise CannotConnect(failure)


async def _stream_to(host: str, port: int) -> trio.SocketStream:
    try:
        found = await trio.socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CannotConnect(UNKNOWN_HOST, host) from error
    connection = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        await connection.connect(found[0][4])
    except OSError as error:
        connection.close()
        raise CannotConnect(NO_MORE, error.strerror or "") from error
    return trio.SocketStream(connection)


class TrioClient:
    """A connection to a server; made by `connect_trio`. Its calls are those of Client, to be awaited."""

    def __init__(self, stream: trio.SocketStream, session: Session) -> None:
        self._stream = stream
        self._session = session
        self._sending = trio.Lock()

    @property
    def lost(self) -> bool:
        """Whether the connection is over; a new one must be made then."""
        return self._session.state is State.LOST

    async def begin(self) -> int | None:
        """Greet, and open the key; None, or the status of what went wrong."""
        while self._session.state in (State.GREETING, State.PROVING):
            await self._flush()
            await self._read()
        return self._session.failure

    async def read_on(self) -> None:
        """Read answers until the connection ends."""
        while not self.lost:
            await self._read()

    async def open(
        self, about: Object, *, create: bool = False, update: bool = False, exclusive: bool = False
    ) -> None:
        """Find the object that its attributes name, or make it; see Client.open. Raises Refused and ConnectionLost."""
        self._must_live()
        await self._finish(self._session.open(about, create=create, update=update, exclusive=exclusive))

    async def update(self, about: Object) -> None:
        """Have the server take the attributes that were changed here; see Client.update."""
        self._must_live()
        await self._finish(self._session.update(about))

    async def refresh(self, about: Object) -> None:
        """Take over the server's values of an open object."""
        self._must_live()
        await self._finish(self._session.refresh(about))

    async def remove(self, about: Object) -> None:
        """Have the server delete an open object."""
        self._must_live()
        await self._finish(self._session.remove(about))

    def _must_live(self) -> None:
        if self.lost:
            raise ConnectionLost

    async def _finish(self, request: Request) -> None:
        ended = trio.Event()
        request.then(lambda _request: ended.set())
        await self._flush()
        await ended.wait()
        raise_for(request)

    async def _flush(self) -> None:
        """Send what is to be sent. It is sent whole, cancelled or not: half a message would be the last."""
        async with self._sending:
            output = self._session.take_output()
            if not output:
                return
            try:
                with trio.CancelScope(shield=True):
                    await self._stream.send_all(output)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self._session.lose()

    async def _read(self) -> None:
        try:
            data = await self._stream.receive_some(READ_OCTETS)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        self._session.receive(bytes(data))
