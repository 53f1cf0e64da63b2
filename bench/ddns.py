"""Dynamic DNS's cost: lease service with a name for every client, against the same service without.

The name server is a process of its own in the server's namespace; it says yes to every update at once, so that what is
measured is the DHCP server. Clients are perfdhcp's, which say no names: the configuration makes one of the hardware
address. Each name is new at a client's first exchange, an addition and its reverse, and known at the later ones.

    python -m bench.ddns      the name server, on 127.0.0.1 port 53, until its standard input ends
"""

from __future__ import annotations

import select
import socket
import statistics
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from . import load, measure
from .peers import Running
from .world import World

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from .peers import Peer

RATE: Final = 1000
# More than a run has exchanges: every client is new.
_NEW_CLIENTS: Final = 60_000
_ROUNDS: Final = 3
_PORT: Final = 53
_HEADER_OCTETS: Final = 12
_QUESTION_OCTETS: Final = 4
_DATAGRAM_OCTETS: Final = 4096
_READY: Final = b"ready\n"


def answer(asked: bytes) -> bytes:
    """NOERROR to a message that is not signed, with its zone."""
    end = _HEADER_OCTETS
    while asked[end]:
        end += asked[end] + 1
    end += 1 + _QUESTION_OCTETS
    return asked[:2] + bytes((asked[2] | 0x80, 0)) + asked[4:6] + bytes(6) + asked[_HEADER_OCTETS:end]


def serve() -> None:
    """Answer until standard input ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        door.bind(("127.0.0.1", _PORT))
        sys.stdout.buffer.write(_READY)
        sys.stdout.buffer.flush()
        while sys.stdin not in (ready := select.select([door, sys.stdin], [], [])[0]):
            assert ready == [door]
            asked, where = door.recvfrom(_DATAGRAM_OCTETS)
            door.sendto(answer(asked), where)


class NameServer:
    """The name server in a world: a context manager that waits until it answers."""

    def __init__(self, world: World) -> None:
        """Nothing is started yet."""
        self._command = world.within(world.server, sys.executable, "-m", "bench.ddns")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Raises RuntimeError where it does not come to answer."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        if self._process.stdout.readline() != _READY:
            raise RuntimeError("the name server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let its input end."""
        assert self._process is not None
        self._process.communicate(timeout=20)


def figures(peer: Peer, seconds: int, say: Callable[[str], None]) -> dict[str, float]:
    """Of a server with names and of the same without, by `with` and `without`.

    `rate`: exchanges a second that are answered where 1,000 are asked, all of new clients, the least of a few runs;
    `drops`: percent of them that are not, at most; `processor`: microseconds of it an exchange, the median.
    `sustained`: exchanges a second with few losses, by clients that come again.
    """
    found: dict[str, float] = {}
    sides = {"without": peer, "with": replace(peer, ddns=True)}
    runs: dict[str, list[tuple[float, float, float]]] = {side: [] for side in sides}
    for _ in range(_ROUNDS):
        for side, one in sides.items():
            runs[side].append(_new_clients(one, seconds))
    for side, of_one in runs.items():
        found[f"ddns/rate/{side}"] = min(rate for rate, _, _ in of_one)
        found[f"ddns/drops/{side}"] = max(drops for _, drops, _ in of_one)
        found[f"ddns/processor/{side}"] = statistics.median(spent for _, _, spent in of_one)
    for side, one in sides.items():
        with measure.scratch() as home, World() as world, NameServer(world), Running(world, one, home, 4096):
            found[f"ddns/sustained/{side}"] = load.search(world, 3600, seconds, 2000, 20_000)[0]
    for name, value in found.items():
        say(f"{name}: {value:,.2f}")
    return found


def _new_clients(peer: Peer, seconds: int) -> tuple[float, float, float]:
    """(exchanges a second, percent lost, microseconds of processor an exchange) at RATE, every client a new one."""
    with (
        measure.scratch() as home,
        World() as world,
        NameServer(world),
        Running(world, peer, home, _NEW_CLIENTS) as server,
    ):
        before = server.processor_seconds()
        outcome = load.run(world, RATE, _NEW_CLIENTS, seconds)
        spent = server.processor_seconds() - before
    exchanges = outcome.rate * seconds
    return outcome.rate, outcome.drops_percent, spent / exchanges * 1e6 if exchanges else 0.0


if __name__ == "__main__":
    serve()
