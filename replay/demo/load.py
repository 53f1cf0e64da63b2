"""A relay full of clients, small enough to read: the traffic of `make demo` and of tests, over plain UDP sockets.

Each client goes through a script of messages: without an address through the relay, with one directly, from and to the
client's port. A bounded number is in flight; what is not answered is repeated, and each answer is checked. It is no
benchmark (bench/ is) and no conformance test; it knows only the options that it sends.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_FLIGHT_MAXIMUM: Final = 32
RETRY_AFTER_S: Final = 1.0
ATTEMPTS_MAXIMUM: Final = 5

_HEADER: Final = struct.Struct("!BBBB4sHHIIII16s64s128s4s")
_COOKIE: Final = b"\x63\x82\x53\x63"
_DISCOVER, _OFFER, _REQUEST, _ACK, _NAK, _RELEASE, _INFORM = 1, 2, 3, 5, 6, 7, 8
_REQUESTED_ADDRESS, _MESSAGE_TYPE, _SERVER_IDENTIFIER, _HOST_NAME, _WANTED = 50, 53, 54, 12, 55
_WANTS: Final = bytes([1, 3, 6, 15, 51])
# (step, every so many clients, beginning with which).
_EXTRAS: Final = (("renew", 2, 1), ("release", 5, 0), ("inform", 10, 1), ("wrong", 50, 3))
_END: Final = 255
_YIADDR: Final = slice(16, 20)
_XID: Final = slice(4, 8)
_OPTIONS_AT: Final = _HEADER.size


class LoadFailed(Exception):
    """The server did not answer, or not as it should; the text says whom and what."""


@dataclass(slots=True)
class Counts:
    """What came of the load. An exchange is a client's whole DISCOVER, OFFER, REQUEST, ACK."""

    exchanges: int = 0
    renewals: int = 0
    releases: int = 0
    informs: int = 0
    refusals: int = 0
    repeated: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Client:
    """One client on its way through its script; `address` and `server` are what it was given, 0 for not yet."""

    number: int
    script: deque[str]
    address: int = 0
    server: bytes = b""
    xid: bytes = b""
    sent: bytes = b""
    sent_at_s: float = 0.0
    attempts: int = 0
    step: str = ""
    messages: int = field(default=0)

    @property
    def hardware(self) -> bytes:
        """A locally administered address that tells the number."""
        return b"\x02\xd0" + self.number.to_bytes(4, "big")


def scripts(clients: int) -> Iterator[deque[str]]:
    """What each client does: all get an address; some renew it, give it back, ask for more, or want a wrong one."""
    for number in range(clients):
        more = [step for step, every, rest in _EXTRAS if number % every == rest]
        yield deque(["discover", "request", *more])


class Relay:
    """A relay agent at `address` and the server's port, and its clients at the port behind. A context manager."""

    def __init__(self, address: str, server: str, port: int, *, patience_s: float = RETRY_AFTER_S) -> None:
        """Open the sockets; raises OSError where an address is taken. After `patience_s` a message is repeated."""
        self._patience_s = patience_s
        self._giaddr = int.from_bytes(socket.inet_aton(address), "big")
        self._server = (server, port)
        self._relay = _socket(address, port)
        # On Linux all of 127.0.0.0/8 is here, so that one socket stands for every client that has an address.
        self._direct = _socket("0.0.0.0", port + 1)  # noqa: S104 - whatever address a client was given
        self._flying: dict[bytes, Client] = {}
        self.counts = Counts()

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the sockets."""
        self._relay.close()
        self._direct.close()

    def run(self, clients: int) -> Counts:
        """Lead `clients` through their scripts; raises LoadFailed."""
        waiting = deque(Client(number, script) for number, script in enumerate(scripts(clients)))
        started = time.monotonic()
        while waiting or self._flying:
            while waiting and len(self._flying) < IN_FLIGHT_MAXIMUM:
                self._next(waiting.popleft())
            self._receive()
            self._repeat()
        self.counts.seconds = time.monotonic() - started
        return self.counts

    def _next(self, client: Client) -> None:
        """Send the client's next message that wants an answer; a release wants none."""
        while client.script:
            client.step = client.script.popleft()
            client.messages += 1
            client.xid = (client.number << 4 | client.messages).to_bytes(4, "big")
            client.sent = message(client, 0 if client.step in _DIRECT else self._giaddr)
            client.attempts = 0
            if client.step != "release":
                self._flying[client.xid] = client
                self._send(client)
                return
            self._send(client)
            self.counts.releases += 1

    def _send(self, client: Client) -> None:
        client.attempts += 1
        if client.attempts > ATTEMPTS_MAXIMUM:
            message = f"client {client.hardware.hex(':')}: no answer to its {client.step}"
            raise LoadFailed(message)
        client.sent_at_s = time.monotonic()
        used = self._direct if client.step in _DIRECT else self._relay
        used.sendto(client.sent, self._server)

    def _receive(self) -> None:
        ready, _, _ = select.select([self._relay, self._direct], [], [], 0.1)
        for one in ready:
            payload = one.recv(4096)
            client = self._flying.pop(payload[_XID], None)
            if client is not None:
                self._answered(client, payload)
                self._next(client)

    def _repeat(self) -> None:
        now = time.monotonic()
        for client in self._flying.values():
            if now - client.sent_at_s > self._patience_s:
                self.counts.repeated += 1
                self._send(client)

    def _answered(self, client: Client, payload: bytes) -> None:
        """Check the answer and remember what it gives."""
        found = options(payload)
        kind = found.get(_MESSAGE_TYPE, b"\0")[0]
        if kind != _ANSWERS[client.step]:
            message = f"client {client.hardware.hex(':')}: its {client.step} was answered by message type {kind}"
            raise LoadFailed(message)
        if client.step == "discover":
            client.address = int.from_bytes(payload[_YIADDR], "big")
            client.server = found.get(_SERVER_IDENTIFIER, b"")
        elif client.step in ("request", "renew") and int.from_bytes(payload[_YIADDR], "big") != client.address:
            message = f"client {client.hardware.hex(':')}: was promised another address than it got"
            raise LoadFailed(message)
        self._count(client.step)

    def _count(self, step: str) -> None:
        counts = self.counts
        if step == "request":
            counts.exchanges += 1
        elif step == "renew":
            counts.renewals += 1
        elif step == "inform":
            counts.informs += 1
        elif step == "wrong":
            counts.refusals += 1


def _socket(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    return made


# What a client that has an address sends by itself.
_DIRECT: Final = frozenset({"renew", "release", "inform"})
_ANSWERS: Final = {"discover": _OFFER, "request": _ACK, "renew": _ACK, "inform": _ACK, "wrong": _NAK}
_TYPES: Final = {
    "discover": _DISCOVER,
    "request": _REQUEST,
    "renew": _REQUEST,
    "release": _RELEASE,
    "inform": _INFORM,
    "wrong": _REQUEST,
}


def message(client: Client, giaddr: int) -> bytes:
    """The message of the client's present step, as its relay forwards it; a `giaddr` of 0: as the client sends it."""
    step = client.step
    ciaddr = client.address if step in _DIRECT else 0
    hops = int(giaddr != 0)
    header = _HEADER.pack(
        1, 1, 6, hops, client.xid, 0, 0, ciaddr, 0, 0, giaddr, client.hardware, b"", b"", _COOKIE
    )  # fmt: skip
    area = [_option(_MESSAGE_TYPE, bytes([_TYPES[step]]))]
    if step == "request":
        area += [_option(_REQUESTED_ADDRESS, client.address.to_bytes(4, "big"))]
        area += [_option(_SERVER_IDENTIFIER, client.server)]
    elif step == "release":
        area += [_option(_SERVER_IDENTIFIER, client.server)]
    elif step == "wrong":
        area += [_option(_REQUESTED_ADDRESS, socket.inet_aton("198.51.100.7"))]
    if step != "release":
        area += [_option(_HOST_NAME, b"demo-%d" % client.number), _option(_WANTED, _WANTS)]
    return header + b"".join(area) + bytes([_END])


def _option(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value


def options(payload: bytes) -> dict[int, bytes]:
    """The options of a reply, the last of each code; as far as they can be read."""
    found: dict[int, bytes] = {}
    at = _OPTIONS_AT
    while at + 1 < len(payload) and payload[at] != _END:
        if payload[at] == 0:
            at += 1
            continue
        found[payload[at]] = payload[at + 2 : at + 2 + payload[at + 1]]
        at += 2 + payload[at + 1]
    return found
