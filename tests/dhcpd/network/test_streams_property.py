"""Any order of what peers and the engine do: bytes in order, nothing held or later leaves, each stream ends once."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpd.network.stream import address_number
from dhcpd.network.streams import Streams
from dhcpd.trace.effects import StreamClose, StreamListen, StreamSend
from dhcpd.trace.events import StreamClosed, StreamData, StreamHalfClosed, StreamOpened

HERE = "127.0.0.1"
PATIENCE_S = 20.0


@dataclass
class Peer:
    """A client, and what it and the engine know of each other."""

    socket: socket.socket
    said: bytes = b""
    heard: bytes = b""
    silent: bool = False
    gone: bool = False
    number: int = 0
    # The engine's side: (bytes, whether they are held), what it was told, and whether it wished the end.
    pieces: list[tuple[bytes, bool]] = field(default_factory=list)
    told: bytes = b""
    half_closed: bool = False
    wished: bool = False
    failed: bool = False
    closed: list[str] = field(default_factory=list)

    def may_hear(self) -> bytes:
        stop = next((at for at, (_, held) in enumerate(self.pieces) if held), len(self.pieces))
        return b"".join(data for data, _ in self.pieces[:stop])


class Site:
    """Streams, with a clock that the end puts forward."""

    def __init__(self) -> None:
        self.us = 1
        self.streams = Streams(lambda: self.us)
        self.streams.listen(StreamListen("omapi", address_number(HERE), 0))
        (listener,) = self.streams._listeners.values()
        self.port = listener.socket.getsockname()[1]
        self.peers: list[Peer] = []

    def take(self) -> None:
        for event in self.streams.take():
            if isinstance(event, StreamOpened):
                peer = next(one for one in self.peers if one.socket.getsockname()[1] == event.peer_port)
                peer.number = event.stream
            else:
                self.tell(event)
        for peer in self.peers:
            if not peer.gone:
                hear(peer)

    def tell(self, event: Any) -> None:
        peer = next(one for one in self.peers if one.number == event.stream)
        assert not peer.closed, "nothing comes behind the end"
        if isinstance(event, StreamData):
            assert not peer.half_closed
            assert not peer.wished
            peer.told += event.data
            assert peer.said.startswith(peer.told)
        elif isinstance(event, StreamHalfClosed):
            assert peer.silent
            assert peer.told == peer.said
            peer.half_closed = True
        else:
            assert isinstance(event, StreamClosed)
            peer.closed.append(event.error)

    def until(self, done: Any) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < deadline
            self.take()

    # Steps

    def call(self) -> None:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that much waits on our side
        made.connect((HERE, self.port))
        made.setblocking(False)
        peer = Peer(made)
        self.peers.append(peer)
        self.until(lambda: peer.number)

    def say(self, peer: Peer, octets: int) -> None:
        if not peer.silent and not peer.gone:
            with contextlib.suppress(OSError):
                data = bytes([len(peer.said) % 251]) * octets
                peer.said += data[: peer.socket.send(data)]

    def end(self, peer: Peer) -> None:
        if not peer.gone:
            peer.silent = True
            with contextlib.suppress(OSError):
                peer.socket.shutdown(socket.SHUT_WR)

    def reset(self, peer: Peer) -> None:
        if not peer.gone:
            peer.gone = True
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.socket.close()

    def send(self, peer: Peer, octets: int, *, held: bool) -> None:
        if not peer.wished and not peer.closed:
            data = bytes([len(peer.pieces) % 251]) * octets
            peer.pieces.append((data, held))
            self.streams.send(StreamSend(peer.number, data, held), held=held)
            self.streams.push()

    def release(self, peer: Peer) -> None:
        at = next((at for at, (_, held) in enumerate(peer.pieces) if held), None)
        if at is not None:
            peer.pieces[at] = (peer.pieces[at][0], False)
            self.streams.release(peer.number)
            self.streams.push()

    def fail(self, peer: Peer) -> None:
        peer.failed = peer.wished = True
        self.streams.fail(peer.number)

    def wish(self, peer: Peer, *, flush: bool) -> None:
        peer.wished = True
        peer.failed = peer.failed or not flush
        self.streams.close_one(StreamClose(peer.number, flush))
        self.streams.push()


def hear(peer: Peer) -> None:
    try:
        while piece := peer.socket.recv(1 << 16):
            peer.heard += piece
    except OSError:
        pass
    assert peer.may_hear().startswith(peer.heard)


OCTETS = st.sampled_from([1, 5_000, 300_000, 3_000_000])
WHO = st.integers(0, 2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["say", "plain", "held"]), WHO, OCTETS),
        st.tuples(st.sampled_from(["take", "take", "release", "release"]), WHO, st.just(0)),
        st.tuples(st.sampled_from(["end", "reset", "fail", "flush", "discard"]), WHO, st.just(0)),
    ),
    max_size=40,
)


def perform(site: Site, step: tuple[str, int, int]) -> None:
    what, who, octets = step
    peer = site.peers[who]
    {
        "say": lambda: site.say(peer, octets),
        "plain": lambda: site.send(peer, octets, held=False),
        "held": lambda: site.send(peer, octets, held=True),
        "take": site.take,
        "release": lambda: site.release(peer),
        "end": lambda: site.end(peer),
        "reset": lambda: site.reset(peer),
        "fail": lambda: site.fail(peer),
        "flush": lambda: site.wish(peer, flush=True),
        "discard": lambda: site.wish(peer, flush=False),
    }[what]()


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_any_order_of_what_peers_and_the_engine_do(steps: list[tuple[str, int, int]]) -> None:
    site = Site()
    for _ in range(3):
        site.call()
    for step in steps:
        perform(site, step)
    for _ in range(20):
        site.take()
    for peer in site.peers:
        while any(held for _, held in peer.pieces):
            site.release(peer)
        if not peer.wished:
            site.wish(peer, flush=True)
        if peer.failed or peer.gone or peer.closed:
            continue
        site.until(lambda peer=peer: peer.heard == peer.may_hear() or peer.closed)
        site.end(peer)
        site.until(lambda peer=peer: peer.closed)
        assert (peer.heard, peer.closed) == (peer.may_hear(), [""])
    site.us += 10_000_000_000
    site.until(lambda: all(peer.closed for peer in site.peers))
    site.take()
    assert all(len(peer.closed) == 1 for peer in site.peers)
    assert not site.streams._streams
    for peer in site.peers:
        peer.socket.close()
    site.streams.finish(0)
