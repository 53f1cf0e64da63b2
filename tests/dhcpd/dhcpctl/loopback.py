"""The machine's OMAPI on a real port of the loopback: a thread carries octets between sockets and the machine.

The test's own thread may send packets meanwhile: one lock keeps a machine from being told two things at a time.
"""

from __future__ import annotations

import select
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from dhcpd.trace import events as ev
from tests.engine.omapi.shell import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dhcpd.trace.effects import Effect, StreamClose, StreamSend

ADDRESS = "127.0.0.1"
_LOOPBACK = 0x7F000001


class Loopback(Server):
    """A server that clients of any make can call at `port`."""

    def __init__(self, *args: bytes) -> None:
        self.sockets: dict[int, socket.socket] = {}
        self.closing: set[int] = set()
        self.turn = threading.RLock()
        super().__init__(*args)
        self.door = socket.create_server((ADDRESS, 0))
        self.port: int = self.door.getsockname()[1]
        self.bell, self.rung = socket.socketpair()
        self.thread = threading.Thread(target=self.carry)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bell.close()
        self.thread.join()
        for one in (self.door, self.rung, *self.sockets.values()):
            one.close()

    def packet(self, *args: Any, **named: Any) -> list[Effect]:
        with self.turn:
            return super().packet(*args, **named)

    def stream_send(self, effect: StreamSend) -> None:
        self.sockets[effect.stream].sendall(effect.data)

    def stream_close(self, effect: StreamClose) -> None:
        self.closing.add(effect.stream)

    def carry(self) -> None:
        while True:
            numbers = {one.fileno(): number for number, one in self.sockets.items()}
            ready, _, _ = select.select([self.rung, self.door, *self.sockets.values()], [], [])
            with self.turn:
                if self.door in ready:
                    self.accept()
                for one in ready:
                    if one.fileno() in numbers:
                        self.read(numbers[one.fileno()], one)
                self.catch_up()
                for number in self.closing & self.sockets.keys():
                    self.sockets.pop(number).close()
            if self.rung in ready:
                return

    def accept(self) -> None:
        self.streams += 2
        self.sockets[self.streams], (_, port) = self.door.accept()
        self.tell(ev.StreamOpened(*self.now, self.streams, "omapi", _LOOPBACK, self.port, _LOOPBACK, port))

    def read(self, number: int, one: socket.socket) -> None:
        data = one.recv(65536)
        if data:
            self.tell(ev.StreamData(*self.now, number, data))
        else:
            self.tell(ev.StreamClosed(*self.now, number, 0))
            self.sockets.pop(number).close()


@contextmanager
def answering(*answers: bytes | None) -> Iterator[int]:
    """A port whose every connection gets these octets, one a message read; None ends it."""
    door = socket.create_server((ADDRESS, 0))

    def carry() -> None:
        while True:
            try:
                connection, _ = door.accept()
            except OSError:
                return
            with connection:
                for answer in answers:
                    if answer is None:
                        break
                    connection.sendall(answer)
                    connection.recv(65536)

    thread = threading.Thread(target=carry)
    thread.start()
    try:
        yield door.getsockname()[1]
    finally:
        door.shutdown(socket.SHUT_RDWR)
        door.close()
        thread.join()
