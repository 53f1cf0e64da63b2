"""Whatever is held and released when, a peer reads what was sent, in order, and nothing that is still held."""

from __future__ import annotations

import socket

from hypothesis import given
from hypothesis import strategies as st

from dhcpd.network.fifo import Fifo

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("plain"), st.integers(1, 40_000)),
        st.tuples(st.just("held"), st.integers(1, 40_000)),
        st.tuples(st.just("release"), st.just(0)),
        st.tuples(st.just("read"), st.integers(1, 90_000)),
    ),
    max_size=30,
)


def read(peer: socket.socket, octets: int) -> bytes:
    found = b""
    while len(found) < octets:
        try:
            piece = peer.recv(octets - len(found))
        except BlockingIOError:
            break
        found += piece
    return found


@given(STEPS)
def test_bytes_do_not_overtake_and_nothing_held_leaves(steps: list[tuple[str, int]]) -> None:
    ours, peer = socket.socketpair()
    with ours, peer:
        for one in (ours, peer):
            one.setblocking(False)
        fifo, pieces, found = Fifo(), list[tuple[bytes, bool]](), b""
        for number, (what, octets) in enumerate(steps):
            if what in ("plain", "held"):
                data = bytes([number]) * octets
                pieces.append((data, what == "held"))
                fifo.add(data, held=what == "held")
            elif what == "release":
                fifo.release()
                first = next((at for at, (_, held) in enumerate(pieces) if held), None)
                if first is not None:
                    pieces[first] = (pieces[first][0], False)
            else:
                found += read(peer, octets)
            fifo.write(ours)
            stop = next((at for at, (_, held) in enumerate(pieces) if held), len(pieces))
            free = b"".join(data for data, _ in pieces[:stop])
            assert free.startswith(found)
            assert fifo.held == sum(held for _, held in pieces)
            assert fifo.ready is (fifo.octets > sum(len(data) for data, _ in pieces[stop:]))
        while fifo.ready or len(found) < len(free if steps else b""):
            found += read(peer, 1 << 20)
            fifo.write(ours)
        assert found == (free if steps else b"")
