"""Connections between simulated machines: bytes in order, and each way in which a connection ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dhcpd.replay.world import World
from dhcpd.trace import events as ev
from dhcpd.trace.effects import StreamClose, StreamListen, StreamListenEnd, StreamOpen, StreamSend

if TYPE_CHECKING:
    from dhcpd.replay.world import Peer, Server
    from dhcpd.trace.effects import Effect

CONFIGURATION = "subnet 10.0.0.0 netmask 255.255.255.0 { }"
ONE, TWO, PORT = 0x0A000001, 0x0A000002, 647
STREAMS = (ev.StreamOpened, ev.StreamData, ev.StreamHalfClosed, ev.StreamClosed, ev.StreamListenFailed)


class Pair:
    """Two servers; `heard` holds what each was told of streams, without times."""

    def __init__(self) -> None:
        self.world = World()
        self.heard: dict[str, list[tuple]] = {"one": [], "two": []}
        self.one, self.two = self.start("one", "10.0.0.1/24"), self.start("two", "10.0.0.2/24")
        self.two.stream_listen(StreamListen("failover", 0, PORT))

    def start(self, name: str, address: str) -> Server:
        server = self.world.server(CONFIGURATION, name=name, eth0=address)
        heard = self.heard[name]

        def told(event: ev.Event, effects: list[Effect]) -> None:
            del effects
            if isinstance(event, STREAMS):
                heard.append((type(event).__name__, *event[2:]))

        server.told = told  # type: ignore[method-assign]
        return server

    def open(self) -> None:
        self.one.stream_open(StreamOpen(1, "failover", 0, TWO, PORT))
        self.world.wait(seconds=1)
        self.heard["one"].clear()
        self.heard["two"].clear()

    def send(self, data: bytes) -> None:
        self.one.stream_send(StreamSend(1, data, durable=False))


def test_a_call_opens_both_ends_with_numbers_of_their_own():
    pair = Pair()
    pair.one.stream_open(StreamOpen(1, "failover", 0, TWO, PORT))
    pair.world.wait(seconds=1)
    (ours,), (theirs,) = pair.heard["one"], pair.heard["two"]
    assert ours == ("StreamOpened", 1, "failover", ONE, theirs[6], TWO, PORT)
    assert theirs == ("StreamOpened", 2, "failover", TWO, PORT, ONE, ours[4])


def test_bytes_come_in_order_however_late():
    pair = Pair()
    pair.open()
    pair.world.network.delay_us = (1, 500_000)
    sent = [bytes([number]) * 30_000 for number in range(20)]
    for data in sent:
        pair.send(data)
    pair.send(b"x" * 200_000)
    pair.world.wait(seconds=20)
    assert b"".join(data for _kind, _stream, data in pair.heard["two"]) == b"".join(sent) + b"x" * 200_000
    assert max(len(data) for _kind, _stream, data in pair.heard["two"]) <= 65_536


@pytest.mark.parametrize(("down_s", "arrives"), [(60, True), (1000, False)])
def test_what_is_sent_over_a_cut_way_waits_for_it_and_not_for_ever(down_s: int, arrives: bool):
    pair = Pair()
    pair.open()
    pair.world.network.cut("one", "two")
    pair.send(b"first")
    pair.world.wait(seconds=down_s / 2)
    pair.send(b"second")
    pair.world.wait(seconds=down_s / 2)
    pair.world.network.heal()
    pair.world.wait(seconds=5)
    if arrives:
        assert pair.heard["two"] == [("StreamData", 2, b"first"), ("StreamData", 2, b"second")]
    else:
        assert pair.heard == {"one": [("StreamClosed", 1, "ETIMEDOUT")], "two": []}


def test_nobody_takes_a_call():
    pair = Pair()
    pair.two.stream_listen_end(StreamListenEnd("failover", 0, PORT))
    pair.open()
    pair.one.stream_open(StreamOpen(3, "failover", 0, TWO, PORT))
    pair.world.wait(seconds=1)
    assert pair.heard["one"] == [("StreamClosed", 3, "ECONNREFUSED")]


def test_a_call_into_nothing_fails_after_a_while():
    pair = Pair()
    pair.one.stream_open(StreamOpen(1, "failover", 0, TWO + 7, PORT))
    pair.world.wait(minutes=1)
    assert pair.heard["one"] == []
    pair.world.wait(minutes=2)
    assert pair.heard["one"] == [("StreamClosed", 1, "ETIMEDOUT")]


def test_both_sides_close_and_nothing_sent_is_lost():
    pair = Pair()
    pair.open()
    pair.send(b"last words")
    pair.one.stream_close(StreamClose(1, flush=True))
    pair.world.wait(seconds=1)
    assert pair.heard["two"] == [("StreamData", 2, b"last words"), ("StreamHalfClosed", 2)]
    pair.two.stream_send(StreamSend(2, b"not told any more", durable=False))
    pair.two.stream_close(StreamClose(2, flush=True))
    pair.world.wait(seconds=1)
    assert pair.heard["one"] == [("StreamClosed", 1, "")]
    assert pair.heard["two"][2:] == [("StreamClosed", 2, "")]


def test_who_does_not_close_its_side_is_not_waited_for():
    pair = Pair()
    pair.open()
    pair.one.stream_close(StreamClose(1, flush=True))
    pair.world.wait(seconds=6)
    assert pair.heard["one"] == [("StreamClosed", 1, "linger")]
    assert pair.heard["two"] == [("StreamHalfClosed", 2), ("StreamClosed", 2, "ECONNRESET")]


def test_a_discarded_connection_is_reset():
    pair = Pair()
    pair.open()
    pair.one.stream_close(StreamClose(1, flush=False))
    pair.world.wait(seconds=1)
    assert pair.heard == {"one": [("StreamClosed", 1, "")], "two": [("StreamClosed", 2, "ECONNRESET")]}


def test_a_killed_process_resets_a_dark_machine_leaves_a_half_open_connection():
    pair = Pair()
    pair.open()
    pair.two.kill()
    pair.world.wait(seconds=1)
    assert pair.heard["one"] == [("StreamClosed", 1, "ECONNRESET")]

    pair = Pair()
    pair.open()
    pair.two.lose_power()
    pair.world.wait(minutes=5)
    assert pair.heard["one"] == []
    pair.send(b"anybody there?")
    pair.world.wait(minutes=1)
    assert pair.heard["one"] == []
    pair.world.server(CONFIGURATION, name="two")
    pair.world.wait(seconds=2)
    assert pair.heard["one"] == [("StreamClosed", 1, "ECONNRESET")]
    assert pair.heard["two"] == []


def test_a_port_that_is_taken_is_told():
    pair = Pair()
    pair.world.peer("test", "10.0.0.2").listen(7911)
    pair.two.tell(ev.Remark(0, 0, 6, ""))
    pair.two.stream_listen(StreamListen("omapi", TWO, 7911))
    pair.two.tell(ev.Remark(0, 0, 6, ""))
    assert pair.heard["two"] == [("StreamListenFailed", "omapi", TWO, 7911, "EADDRINUSE")]


def test_a_promise_that_is_lost_with_the_disk_closes_its_connection():
    pair = Pair()
    pair.open()
    pair.one.stream_lost(1)
    pair.world.wait(seconds=1)
    assert pair.heard["one"] == [("StreamClosed", 1, "storage")]


def test_a_test_speaks_for_itself():
    pair = Pair()
    peer: Peer = pair.world.peer("shell", "10.0.0.99")
    end = peer.call(TWO, PORT)
    pair.world.wait(seconds=1)
    end.send(b"hello")
    pair.world.wait(seconds=1)
    assert [row[0] for row in pair.heard["two"]] == ["StreamOpened", "StreamData"]
    pair.two.stream_send(StreamSend(2, b"who is there?", durable=False))
    pair.two.stream_close(StreamClose(2, flush=True))
    pair.world.wait(seconds=1)
    assert (bytes(peer.data), peer.half_ended, peer.errors) == (b"who is there?", 1, [])
    end.finish()
    pair.world.wait(seconds=1)
    assert peer.errors == [""]
    peer.listen(80)
    pair.one.stream_open(StreamOpen(1, "web", 0, peer.address, 80))
    pair.world.wait(seconds=1)
    assert len(peer.ends) == 2
