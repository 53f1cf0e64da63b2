"""OMAPI's cost: hosts made over one connection and over many, look-ups, and what packets notice of it.

The client is a process of its own in the server's namespace. It makes its requests before it begins, so that what is
measured is the server: each connection has one request out at a time.

    python -m bench.omapi PLAN      a client: PLAN as JSON, its figures as JSON on standard output
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from dhcpd.engine.omapi.signing import Key, full_algorithm, sign
from dhcpd.engine.omapi.wire import GREETING, MESSAGE_OCTETS_MAX, OPEN, UPDATE, Message, Reader, integer

from . import disks, load, measure
from .peers import OMAPI_PORT, Running
from .world import World

if TYPE_CHECKING:
    from .peers import Peer

_KEY = Key("bench", full_algorithm("hmac-md5"), bytes(range(16)))
_FIXED_BASE = 10 << 24 | 200 << 16
_RECV_OCTETS = 1 << 16
_CONNECT_S = 20
_MEANWHILE_RATE = 1000
_MEANWHILE_CLIENTS = 3600
_MEANWHILE_S = 20
_SLICES = 20
# On a slow disk, one connection makes two hundred a second at most.
_SLOWLY_MADE = 2000


@dataclass(frozen=True)
class Plan:
    """What a client does: `kind` make or look, hosts `first` to `first + count`, over so many connections."""

    kind: str
    first: int
    count: int
    connections: int


def _request(kind: str, number: int, authid: int, id_: int) -> bytes:
    values = {b"name": b"bench%d" % number}
    message = {b"type": b"host"}
    if kind == "make":
        values |= {
            b"hardware-address": (0x02AB << 32 | number).to_bytes(6, "big"),
            b"hardware-type": integer(1),
            b"ip-address": integer(_FIXED_BASE + number),
        }
        message |= {b"create": integer(1), b"exclusive": integer(1)}
    return sign(Message(OPEN, 0, id_, 0, message, values, authid=authid), _KEY)


class _Connection:
    """One connection with the key opened; `left` are its requests, `answers` what came for them."""

    def __init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", OMAPI_PORT), timeout=_CONNECT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(MESSAGE_OCTETS_MAX)
        asked = {b"name": _KEY.name.encode(), b"algorithm": _KEY.algorithm.encode()}
        self.socket.sendall(GREETING + sign(Message(OPEN, 0, 1, 0, {b"type": b"authenticator"}, asked), None))
        while (opened := self.reader.next_message()) is None:
            self.reader.feed(self.socket.recv(_RECV_OCTETS))
        self.authid = opened.handle
        self.left: list[bytes] = []
        self.answers: list[bytes] = []

    def check(self) -> None:
        """Raise RuntimeError unless each answer came by itself, and is a host; to be called when all is measured."""
        for octets in self.answers:
            self.reader.feed(octets)
            found = self.reader.next_message()
            if found is None or found.op != UPDATE or self.reader.held_octets:
                raise RuntimeError(f"refused, or no answer: {octets!r}")


def run(plan: Plan) -> dict[str, float]:
    """Carry a plan out: seconds in all, and milliseconds of an answer at the begin and at the end, by the median.

    `client s`: the processor time that this client has taken.
    """
    connections = [_Connection() for _ in range(plan.connections)]
    for number in range(plan.first, plan.first + plan.count):
        one = connections[number % plan.connections]
        one.left.append(_request(plan.kind, number, one.authid, number + 2))
    for one in connections:
        one.left.reverse()
    begun, begun_processor = time.perf_counter(), time.process_time()
    came = _exchange(connections)
    seconds, processor = time.perf_counter() - begun, time.process_time() - begun_processor
    for one in connections:
        one.check()
    # Over one connection each answer is asked for when the one before has come.
    took = [later - earlier for earlier, later in pairwise([begun, *came])]
    share = max(1, plan.count // 10)
    return {
        "seconds": seconds,
        "client s": processor,
        "first ms": statistics.median(took[:share]) * 1e3,
        "last ms": statistics.median(took[-share:]) * 1e3,
    }


def _exchange(connections: list[_Connection]) -> list[float]:
    """Send each connection's requests, each when the one before is answered; when the answers came.

    Next to nothing is done with an answer while it is measured: what takes the client's time is not the server's.
    """
    came: list[float] = []
    clock = time.perf_counter
    with select.epoll() as epoll:
        busy = {}
        for one in connections:
            one.socket.setblocking(True)
            if one.left:
                busy[one.socket.fileno()] = (one.socket.recv, one.socket.send, one.left, one.answers)
                epoll.register(one.socket.fileno(), select.EPOLLIN)
                one.socket.send(one.left.pop())
        while busy:
            for descriptor, _mask in epoll.poll(_CONNECT_S):
                recv, send, left, answers = busy[descriptor]
                answers.append(recv(_RECV_OCTETS))
                came.append(clock())
                if left:
                    send(left.pop())
                else:
                    epoll.unregister(descriptor)
                    del busy[descriptor]
    return came


def _client(world: World, plan: Plan) -> dict[str, float]:
    command = world.within(world.server, sys.executable, "-m", "bench.omapi", json.dumps(asdict(plan)))
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    if done.returncode:
        raise RuntimeError(f"client {plan}: {done.stderr[-500:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def figures(peers: dict[str, Peer], count: int, many: int) -> dict[str, float]:
    """Hosts a second over one connection and over `many`, and for the latter with packets meanwhile, of each server.

    Rates are taken from servers that run at the same time, a slice of the hosts each in turn, so that what the disk and
    the processor have else to do hits all alike. `meanwhile drops`: percent of 1,000 exchanges a second that were lost;
    `look first`, `look last`: milliseconds of a look-up with few hosts and with all of them, over one connection.
    `slow disk rate`: fewer hosts, on a disk whose syncs take disks.SYNC_MS longer; only where one can be had.
    Keys end in `/` and the server's.
    """
    found: dict[str, float] = {}
    for connections in (1, many):
        for key, seconds in _taken_in_turn(peers, count, connections).items():
            found[f"rate/{connections}/{key}"] = count / seconds
    if not disks.missing():
        found |= _on_a_slow_disk(peers, many)
    for key, peer in peers.items():
        found |= {f"{name}/{key}": value for name, value in _meanwhile(peer, count, many).items()}
    return found


def _on_a_slow_disk(peers: dict[str, Peer], many: int) -> dict[str, float]:
    with measure.scratch() as home:
        library = disks.slowed(home)
        slow = {key: replace(peer, preload=library) for key, peer in peers.items()}
        return {
            f"slow disk rate/{connections}/{key}": _SLOWLY_MADE / seconds
            for connections in (1, many)
            for key, seconds in _taken_in_turn(slow, _SLOWLY_MADE, connections).items()
        }


def _taken_in_turn(peers: dict[str, Peer], count: int, connections: int) -> dict[str, float]:
    """The seconds that each server takes for `count` hosts, in slices; their order changes from slice to slice."""
    seconds = dict.fromkeys(peers, 0.0)
    share = count // _SLICES
    with contextlib.ExitStack() as stack:
        worlds: dict[str, World] = {}
        for number, (key, peer) in enumerate(peers.items()):
            home = stack.enter_context(measure.scratch())
            worlds[key] = stack.enter_context(World(str(number)))
            stack.enter_context(Running(worlds[key], peer, home, 4096))
        for turn in range(_SLICES):
            for key in list(peers)[:: 1 if turn % 2 else -1]:
                seconds[key] += _client(worlds[key], Plan("make", turn * share, share, connections))["seconds"]
    return seconds


def _meanwhile(peer: Peer, count: int, many: int) -> dict[str, float]:
    """What look-ups cost, and how many packets are lost while hosts are made."""
    found: dict[str, float] = {}
    with measure.scratch() as home, World() as world, Running(world, peer, home, 4096):
        few = count // _SLICES
        _client(world, Plan("make", 0, few, 1))
        found["look first ms"] = _client(world, Plan("look", 0, few, 1))["first ms"]
        packets = load.start(world, _MEANWHILE_RATE, _MEANWHILE_CLIENTS, _MEANWHILE_S, measure.PATIENCE_S)
        _client(world, Plan("make", few, count - few, many))
        found["meanwhile drops"] = load.finish(packets, _MEANWHILE_S).drops_percent
        found["look last ms"] = _client(world, Plan("look", count - few, few, 1))["last ms"]
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(Plan(**json.loads(sys.argv[1])))))
