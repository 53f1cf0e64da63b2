"""Streams over real sockets on the loopback: what is told, what leaves, and what a hostile peer costs."""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dhcpd.network import streams as streams_module
from dhcpd.network.stream import PAUSE_OCTETS
from dhcpd.network.streams import Streams
from dhcpd.trace.effects import StreamClose, StreamListen, StreamListenEnd, StreamOpen, StreamSend
from dhcpd.trace.events import StreamClosed, StreamData, StreamHalfClosed, StreamListenFailed, StreamOpened
from tests.dhcpd.network.waiting import PATIENCE_S, Ear

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = 0x7F000001
HERE = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[3]


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.us = 1

    def __call__(self) -> int:
        return self.us


class Site:
    """Streams that listen for `omapi`, and their clients."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.streams = Streams(self.clock)
        self.ear = Ear(self.streams)
        self.port = 0
        self.sockets: list[socket.socket] = []

    def listen(self, service: str = "omapi") -> int:
        self.streams.listen(StreamListen(service, LOOPBACK, 0))
        (listener,) = [one for key, one in self.streams._listeners.items() if key[0] == service]
        self.port = listener.socket.getsockname()[1]
        return self.port

    def client(self) -> socket.socket:
        made = socket.create_connection((HERE, self.port), PATIENCE_S)
        self.sockets.append(made)
        return made

    def accepted(self) -> tuple[socket.socket, int]:
        """A client, and the number of its stream."""
        before = len([event for event in self.ear.heard if isinstance(event, StreamOpened)])
        client = self.client()
        return client, self.ear.of(StreamOpened, before + 1)[-1].stream

    def send(self, stream: int, data: bytes, *, held: bool = False) -> None:
        self.streams.send(StreamSend(stream, data, held), held=held)
        self.streams.push()

    def close(self, stream: int, *, flush: bool) -> None:
        self.streams.close_one(StreamClose(stream, flush))
        self.streams.push()

    def end_of(self, stream: int) -> str:
        """How a stream ended, when it has."""
        self.ear.until(lambda heard: any(type(one) is StreamClosed and one.stream == stream for one in heard))
        (closed,) = [one for one in self.ear.heard if type(one) is StreamClosed and one.stream == stream]
        return str(closed.error)

    def data_of(self, stream: int) -> bytes:
        return b"".join(one.data for one in self.ear.heard if type(one) is StreamData and one.stream == stream)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    made.listen()
    yield made
    for one in made.sockets:
        one.close()
    made.streams.finish(0)


def read_all(client: socket.socket) -> bytes:
    client.settimeout(PATIENCE_S)
    found = b""
    while piece := client.recv(1 << 16):
        found += piece
    return found


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


# Connections


def test_an_accepted_connection_tells_both_ends_and_has_an_even_number(site: Site) -> None:
    client, number = site.accepted()
    (opened,) = site.ear.of(StreamOpened)
    assert opened[2:] == (2, "omapi", LOOPBACK, site.port, LOOPBACK, client.getsockname()[1])
    assert site.accepted()[1] == number + 2


def test_bytes_go_both_ways_and_both_ends_may_close(site: Site) -> None:
    client, number = site.accepted()
    client.sendall(b"question")
    site.ear.until(lambda _: site.data_of(number) == b"question")
    site.send(number, b"ans")
    site.send(number, b"wer")
    assert client.recv(100) in (b"ans", b"answer")
    client.shutdown(socket.SHUT_WR)
    site.ear.of(StreamHalfClosed)
    site.send(number, b", late")
    site.close(number, flush=True)
    assert read_all(client).endswith(b", late")
    assert site.end_of(number) == ""


def test_a_call_comes_from_the_address_that_is_given(site: Site) -> None:
    site.streams.call(StreamOpen(7, "failover", 0x7F000009, LOOPBACK, site.port))
    ours, theirs = site.ear.of(StreamOpened, 2)
    if theirs.stream == 7:
        ours, theirs = theirs, ours
    assert (ours.stream, ours.service, ours.local, ours.peer, ours.peer_port) == (
        7, "failover", 0x7F000009, LOOPBACK, site.port,
    )  # fmt: skip
    assert (theirs.peer, theirs.peer_port) == (0x7F000009, ours.local_port)
    site.send(7, b"hello")
    site.ear.until(lambda _: site.data_of(theirs.stream) == b"hello")


def test_what_is_sent_on_a_call_before_it_stands_leaves_when_it_does(site: Site) -> None:
    site.streams.call(StreamOpen(1, "failover", 0, LOOPBACK, site.port))
    site.send(1, b"early")
    site.ear.until(lambda _: site.data_of(2) == b"early")


def test_a_call_to_nobody_is_refused(site: Site) -> None:
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        site.streams.call(StreamOpen(1, "failover", 0, LOOPBACK, probe.getsockname()[1]))
        assert site.end_of(1) == "ECONNREFUSED"


def test_a_call_from_an_address_that_is_not_ours_fails_at_once(site: Site) -> None:
    site.streams.call(StreamOpen(1, "failover", 0xC0000201, LOOPBACK, site.port))
    assert [event[2:] for event in site.streams.told()] == [(1, "EADDRNOTAVAIL")]


def test_a_peer_that_resets_is_told_by_name(site: Site) -> None:
    client, number = site.accepted()
    reset(client)
    assert site.end_of(number) == "ECONNRESET"


def test_a_peer_that_resets_behind_its_end_is_told_too(site: Site) -> None:
    client, number = site.accepted()
    client.shutdown(socket.SHUT_WR)
    site.ear.of(StreamHalfClosed)
    reset(client)
    assert site.end_of(number)


def test_an_end_with_flush_delivers_what_waits_and_then_waits_for_the_peer(site: Site) -> None:
    client, number = site.accepted()
    data = os.urandom(4 << 20)
    site.send(number, data)
    site.close(number, flush=True)
    client.settimeout(PATIENCE_S)
    found = b""
    while len(found) < len(data):
        site.streams.take()
        found += client.recv(1 << 20)
    assert found == data
    client.sendall(b"nobody hears this")
    site.ear.until(lambda _: bool(select.select([client], [], [], 0)[0]))
    assert client.recv(1) == b""
    client.close()
    assert site.end_of(number) == ""
    assert site.data_of(number) == b""


def test_an_end_without_flush_throws_away_what_waits(site: Site) -> None:
    client, number = site.accepted()
    site.send(number, b"never", held=True)
    site.close(number, flush=False)
    site.streams.release(number)
    assert site.end_of(number) == ""
    assert read_all(client) == b""


def test_a_peer_that_never_ends_is_not_waited_for(site: Site) -> None:
    _, number = site.accepted()
    site.close(number, flush=True)
    assert site.streams.take() == []
    assert site.streams.due_us == site.clock.us + streams_module.LINGER_US
    site.clock.us = site.streams.due_us
    assert site.end_of(number) == "linger"
    assert site.streams.due_us == 0


# Held bytes


def test_held_bytes_leave_when_they_are_released_and_later_ones_behind_them(site: Site) -> None:
    client, number = site.accepted()
    site.send(number, b"one, ")
    site.send(number, b"two, ", held=True)
    site.send(number, b"three, ")
    site.send(number, b"four", held=True)
    client.settimeout(PATIENCE_S)
    assert client.recv(100) == b"one, "
    site.streams.release(number)
    site.streams.push()
    assert client.recv(100) == b"two, three, "
    site.close(number, flush=True)
    assert site.streams.due_us == 0, "the peer's time begins when all may leave"
    site.streams.release(number)
    site.streams.push()
    assert client.recv(100) == b"four"
    client.close()
    assert site.end_of(number) == ""


def test_a_stream_that_lost_bytes_is_closed(site: Site) -> None:
    client, number = site.accepted()
    site.send(number, b"promise", held=True)
    site.streams.fail(number)
    assert site.end_of(number) == "storage"
    assert read_all(client) == b""
    site.send(number, b"more")
    site.streams.release(number)
    site.streams.fail(number)
    assert site.streams.take() == []


@pytest.mark.parametrize("outcome", ["stored", "refused"])
def test_an_end_is_told_when_the_disk_has_settled_what_was_held(site: Site, outcome: str) -> None:
    client, number = site.accepted()
    site.send(number, b"promise", held=True)
    reset(client)
    other, other_number = site.accepted()
    other.close()
    site.ear.until(lambda heard: any(type(one) is StreamHalfClosed for one in heard))
    assert not [one for one in site.ear.heard if type(one) is StreamClosed], "nobody knows yet what became of it"
    site.send(number, b"another promise", held=True)
    site.streams.release(number)
    assert site.streams.take() == []
    if outcome == "stored":
        site.streams.release(number)
    else:
        site.streams.fail(number)
    assert site.end_of(number) == ("ECONNRESET" if outcome == "stored" else "storage")
    site.streams.release(number)
    site.streams.fail(number)
    site.close(other_number, flush=True)
    assert site.end_of(other_number) == ""


# Bounds


def test_who_does_not_take_its_answers_is_not_read_from_until_it_does(site: Site) -> None:
    client, number = site.accepted()
    site.send(number, bytes(PAUSE_OCTETS + (8 << 20) // 2))
    client.sendall(b"another question")
    other, other_number = site.accepted()
    other.sendall(b"mine")
    site.ear.until(lambda _: site.data_of(other_number) == b"mine")
    assert site.data_of(number) == b""
    client.settimeout(PATIENCE_S)
    left = PAUSE_OCTETS + (8 << 20) // 2
    while left:
        left -= len(client.recv(1 << 20))
        site.ear.heard += site.streams.take()
    site.ear.until(lambda _: site.data_of(number) == b"another question")


def test_more_than_may_wait_ends_the_connection(site: Site) -> None:
    _, number = site.accepted()
    for _ in range(100):
        site.send(number, bytes(streams_module.WAITING_OCTETS_MAXIMUM // 50))
    assert site.end_of(number) == "backlog"


def test_one_turn_reads_little_of_each(site: Site) -> None:
    clients = [site.accepted() for _ in range(3)]
    for client, _ in clients:
        client.setblocking(False)
        client.send(bytes(1 << 20))
    found = site.streams.take()
    octets = sum(len(event.data) for event in found if isinstance(event, StreamData))
    assert 0 < octets <= 3 * streams_module.READ_OCTETS


def test_five_hundred_at_once_are_served_and_the_slow_ones_cost_the_others_nothing(site: Site) -> None:
    clients = [site.accepted() for _ in range(500)]
    for client, _ in clients[::2]:
        client.sendall(b"q")
    site.ear.of(StreamData, 250)
    for _, number in clients[::2]:
        site.send(number, b"answer")
    for client, _ in clients[::2]:
        client.settimeout(PATIENCE_S)
        assert client.recv(100) == b"answer"
    assert not [event for event in site.ear.heard if isinstance(event, StreamClosed)]


def test_who_is_silent_longest_makes_room(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.streams, "_room", 3)
    talker, first = site.accepted()
    _, second = site.accepted()
    _, third = site.accepted()
    talker.sendall(b"I am here")
    site.ear.of(StreamData)
    _, fourth = site.accepted()
    assert site.end_of(second) == "crowded"
    assert {one.stream for one in site.ear.heard if isinstance(one, StreamClosed)} == {second}
    talker.sendall(b"still")
    site.ear.of(StreamData, 2)
    assert third < fourth
    assert first == 2


def test_who_opens_many_ends_their_own(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site.streams, "_room", 5)
    numbers = []
    for turn, peer in enumerate(("10.0.0.1", "10.0.0.66", "10.0.0.66", "10.0.0.66", "10.0.0.2")):
        client, number = site.accepted()
        client.sendall(b"hello")
        site.ear.of(StreamData, turn + 1)
        site.streams._streams[number].peer = peer
        numbers.append(number)
    _, sixth = site.accepted()
    assert site.end_of(numbers[1]) == "crowded"
    # Who has said nothing yet goes before all who have.
    site.accepted()
    assert site.end_of(sixth) == "crowded"
    ended = [one.stream for one in site.ear.heard if isinstance(one, StreamClosed)]
    assert ended == [numbers[1], sixth]


def test_a_service_is_not_crowded_out_by_another(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    omapi = site.port
    site.listen("failover")
    monkeypatch.setattr(site.streams, "_room", 2)
    _, peer = site.accepted()
    site.port = omapi
    for _ in range(5):
        site.accepted()
    ended = {one.stream for one in site.ear.heard if isinstance(one, StreamClosed)}
    assert len(ended) == 3
    assert peer not in ended


FEW_DESCRIPTORS = """
import os, resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
from dhcpd.network.streams import Streams
from dhcpd.trace.effects import StreamListen
streams = Streams()
streams.listen(StreamListen("omapi", 0x7F000001, 0))
(listener,) = streams._listeners.values()
ours = []
for _ in range(300):
    if len(ours) == 40:
        ours.pop(0).close()
    ours.append(socket.create_connection(listener.socket.getsockname()))
    streams.take()
crowd = len(streams._streams)
assert crowd > 50, crowd
spare = [os.open("/dev/null", os.O_RDONLY) for _ in range(60)]
"""


def test_strangers_leave_descriptors_for_all_else() -> None:
    command = [sys.executable, "-c", FEW_DESCRIPTORS]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


class Listening:
    """A listener for which the system has no descriptor, for so many times."""

    def __init__(self, real: socket.socket, times: int) -> None:
        self.real = real
        self.times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def accept(self) -> Any:
        if self.times:
            self.times -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self.real.accept()


def test_without_descriptors_the_silent_make_room(site: Site) -> None:
    _, silent = site.accepted()
    (listener,) = site.streams._listeners.values()
    listener.socket = Listening(listener.socket, 1)  # type: ignore[assignment]
    site.accepted()
    assert site.end_of(silent) == "crowded"


def test_without_descriptors_and_without_anybody_the_listener_rests(site: Site) -> None:
    (listener,) = site.streams._listeners.values()
    listener.socket = Listening(listener.socket, 1)  # type: ignore[assignment]
    site.client()
    assert site.ear.until(lambda _: site.streams.due_us > 0) == []
    assert select.select([site.streams], [], [], 0) == ([], [], []), "no busy waiting"
    site.clock.us = site.streams.due_us
    site.ear.of(StreamOpened)


# Listeners


def test_a_listener_that_cannot_be_is_told(site: Site) -> None:
    site.streams.listen(StreamListen("failover", LOOPBACK, site.port))
    assert [event[2:] for event in site.streams.told()] == [("failover", LOOPBACK, site.port, "EADDRINUSE")]
    site.streams.listen(StreamListen("failover", 0xC0000201, 0))
    (failed,) = site.streams.told()
    assert isinstance(failed, StreamListenFailed)
    assert failed.error == "EADDRNOTAVAIL"


def test_who_was_accepted_stays_when_the_listener_ends(site: Site) -> None:
    client, number = site.accepted()
    site.streams.end_listening(StreamListenEnd("omapi", LOOPBACK, 0))
    with pytest.raises(ConnectionRefusedError):
        site.client()
    client.sendall(b"still here")
    site.ear.until(lambda _: site.data_of(number) == b"still here")
    site.streams.end_listening(StreamListenEnd("omapi", LOOPBACK, 0))


def test_the_end_sends_what_may_leave_and_waits_for_nobody(site: Site) -> None:
    client, number = site.accepted()
    slow, slow_number = site.accepted()
    site.send(slow_number, bytes(6 << 20))
    site.send(number, b"last words")
    site.clock = site.streams._clock = streams_module.monotonic_us  # type: ignore[assignment]
    site.streams.finish(0.2)
    assert read_all(client) == b"last words"
    slow.close()
    site.streams = Streams()
