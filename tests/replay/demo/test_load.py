"""The demonstration's load: it must notice a server that answers wrongly, or the demonstration shows nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from dhcpd.replay.demo import load
from dhcpd.replay.demo.demo import _free_port
from dhcpd.replay.demo.load import LoadFailed, Relay, options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVER_IDENTIFIER = bytes([54, 4, 127, 0, 0, 1])
KINDS = {1: 2, 3: 5, 8: 5}


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[int, bytes], bytes | None]], int]]:
    """Start a server that answers (message type, payload); returns its port."""
    sockets: list[socket.socket] = []

    def start(answer: Callable[[int, bytes], bytes | None]) -> int:
        port = _free_port()
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", port))
        sockets.append(made)

        def loop() -> None:
            with contextlib.suppress(OSError):  # the socket is closed when the test is over
                while True:
                    payload, peer = made.recvfrom(4096)
                    if not payload:
                        return
                    reply = answer(options(payload)[53][0], payload)
                    if reply is not None:
                        made.sendto(reply, peer)

        threading.Thread(target=loop, daemon=True).start()
        return port

    yield start
    for made in sockets:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", made.getsockname())
        made.close()


def reply(kind: int, payload: bytes) -> bytes:
    number = int.from_bytes(payload[30:34], "big")
    given = (0x7F100001 + number).to_bytes(4, "big")
    return payload[:16] + given + payload[20:240] + bytes([53, 1, kind]) + SERVER_IDENTIFIER + b"\xff"


def good(kind: int, payload: bytes) -> bytes | None:
    if kind == 7:
        return None
    wrong = options(payload).get(50) == bytes([198, 51, 100, 7])
    return reply(6 if wrong else KINDS[kind], payload)


def test_every_script_is_led_to_its_end(serve: Callable[..., int]) -> None:
    port = serve(good)
    with Relay("127.0.0.2", "127.0.0.1", port) as relay:
        counts = relay.run(100)
    assert (counts.exchanges, counts.renewals, counts.releases, counts.informs, counts.refusals) == (100, 50, 20, 10, 2)


def test_a_wrong_kind_of_answer_is_noticed(serve: Callable[..., int]) -> None:
    port = serve(lambda _kind, payload: reply(2, payload))
    with Relay("127.0.0.2", "127.0.0.1", port) as relay, pytest.raises(LoadFailed, match="message type 2"):
        relay.run(3)


def test_another_address_than_promised_is_noticed(serve: Callable[..., int]) -> None:
    def fickle(kind: int, payload: bytes) -> bytes:
        made = reply(KINDS[kind], payload)
        return made if kind == 1 else made[:16] + b"\x7f\x10\x10\x10" + made[20:]

    port = serve(fickle)
    with Relay("127.0.0.2", "127.0.0.1", port) as relay, pytest.raises(LoadFailed, match="promised another"):
        relay.run(1)


def test_silence_is_noticed(serve: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "RETRY_AFTER_S", 0.01)
    port = serve(lambda _kind, _payload: None)
    with Relay("127.0.0.2", "127.0.0.1", port) as relay, pytest.raises(LoadFailed, match="no answer to its discover"):
        relay.run(1)
