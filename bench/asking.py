"""What questions to the running server cost: the longest that packets wait for one, and what being watched takes.

The waits are processor time of the thread that serves, turn by turn (`Admin.turn`, between two batches of packets): a
wait on the clock would be the machine's other work. The machine has leases as a server of many years has, its memory
is as the program settles it, and each question is asked alone, so that it is known whose a long turn is.

What a scrape and `dhcpd-admin watch` take is processor time of the server: of many in a row at rest, for what one
takes, and beside exchanges, in pairs of runs in turn, with and without both.
"""

from __future__ import annotations

import select
import socket
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dhcpd.admin.http.listening import open_unix
from dhcpd.admin.http.server import Admin
from dhcpd.admin.site import Site
from dhcpd.admin.table import ROUTES
from dhcpd.adminctl.client import Client
from dhcpd.cli import Limits
from dhcpd.disk.configuration import SourceFile
from dhcpd.engine.machine import Machine
from dhcpd.process import memory
from dhcpd.process.privileges import Privileges
from dhcpd.recording.recorder import Recorder
from dhcpd.recording.segments import Segments
from dhcpd.replay.looking.figures.counters import Counters
from dhcpd.replay.world.disk import Disk
from dhcpd.replay.world.host import START_US, Host
from dhcpd.replay.world.starting import Beginning, ethernet, starting
from dhcpd.trace import TapeWriter
from dhcpd.trace.effects import CommandAnswer

from . import load, measure
from .peers import PEERS, Running, isc_configuration
from .world import World

if TYPE_CHECKING:
    from pathlib import Path


ROUNDS: Final = 3
_CONFIGURATION: Final = "/dhcpd.conf"
_LEASE_FILE: Final = "/dhcpd.leases"
_SERVER: Final = 10 << 24 | 1
_ENOUGH_TURNS: Final = 1_000_000
_ASKED_AT_REST: Final = 200
# What `dhcpd-admin watch` asks, with its route, every so many seconds.
WATCHES: Final = {"scrape": ("metrics", "/metrics", 1.0), "watch": ("pools", "/v1/pools", 2.0)}
# A machine on which less of the rate is answered does not carry it.
CARRIED: Final = 0.95
# Every route (tests/dhcpd/admin/test_measured.py), and the walks over all leases that find nobody.
QUESTIONS: Final = (
    ("GET", "/v1/status"),
    ("GET", "/v1/leases?limit=1000"),
    ("GET", "/v1/leases?state=abandoned"),
    ("GET", "/v1/leases?hostname=nobody"),
    ("GET", "/v1/leases?client_id=01:02:03"),
    ("GET", "/v1/leases/10.1.0.7"),
    ("GET", "/v1/clients/10.1.0.7"),
    ("GET", "/v1/clients/02:00:00:00:00:07"),
    ("GET", "/v1/clients/nobody"),
    ("GET", "/v1/pools"),
    ("POST", "/v1/hosts"),
    ("GET", "/v1/hosts?limit=1000"),
    ("GET", "/v1/hosts/bench"),
    ("DELETE", "/v1/hosts/bench"),
    ("GET", "/v1/classes"),
    ("GET", "/v1/failover"),
    ("GET", "/v1/dns"),
    ("GET", "/v1/configuration?what=10.1.0.7"),
    ("GET", "/v1/configuration?what=all"),
    ("GET", "/v1/explain?client=02:00:00:00:00:07"),
    ("GET", "/v1/reloads"),
    ("GET", "/v1/report"),
    ("GET", "/v1/recording"),
    ("POST", "/v1/recording/rotate"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("POST", "/v1/leases/10.1.0.7/reserve"),
    ("POST", "/v1/leases/10.1.0.7/unreserve"),
    ("POST", "/v1/leases/10.1.0.8/release"),
    ("POST", "/v1/leases/10.1.0.9/abandon"),
)
BODIES: Final = {"/v1/hosts": b'{"name":"bench","hardware":"02:00:00:00:ff:07"}'}


class Office:
    """A machine with `count` leases, asked on a real socket in `folder`, in turns as the loop has them."""

    def __init__(self, folder: Path, count: int) -> None:
        measure.lease_file(folder / "leases", count)
        self.host = Host(int(time.time()) * 1_000_000 if count else START_US)
        self.host.start(Beginning(
            [SourceFile(_CONFIGURATION, isc_configuration(max(count, 4096)).encode(), "")],
            [(folder / "leases").read_bytes()],
            [ethernet("eth0", 2, b"\x02\0\0\0\0\xfe", (_SERVER, 8))],
            lease_file=_LEASE_FILE,
        ))  # fmt: skip
        # The server has neither file in memory, and no collection looks at what its start made (dhcpd/loop.py).
        self.host.disk = Disk()
        (folder / "leases").unlink()
        memory.settle()
        memory.gather()
        machine = self.host.machine
        self._recorder = _recorder(str(folder / "trace"))
        site = Site(
            machine, _CONFIGURATION, _LEASE_FILE, 0, lambda: self.host.now_us, self._recorder, Counters(machine)
        )
        self._path = str(folder / "socket")
        self._admin = Admin(site, ROUTES, [open_unix(self._path, Privileges())])

    def longest_ms(self, method: str, target: str) -> float:
        """The longest turn of a request, from its connection to the end of its answer, in processor time."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.connect(self._path)
            body = BODIES.get(target, b"") if method == "POST" else b""
            head = f"{method} {target} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
            asking.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
            asking.setblocking(False)
            longest_ns, heard = 0, b""
            for _ in range(_ENOUGH_TURNS):
                longest_ns = max(longest_ns, self._turn())
                data = _received(asking)
                if data == b"":
                    break
                heard += data or b""
        if not heard.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4")):
            raise RuntimeError(f"{method} {target}: {heard[:200]!r}")
        return longest_ns / 1e6

    def _turn(self) -> int:
        """A turn, with the changes that it asks for; what the turn itself took."""
        if not self._admin.busy:
            select.select([self._admin], [], [], 0.01)
        begun = time.thread_time_ns()
        self._admin.turn()
        took = time.thread_time_ns() - begun
        for event in self._admin.take():
            for effect in self.host.tell(event):
                if isinstance(effect, CommandAnswer):
                    self._admin.answered(effect)
        return took

    def close(self) -> None:
        """End it."""
        self._admin.close()
        self._recorder.close()


def _recorder(path: str) -> Recorder:
    """A recording of a start, for what asks one: reading it is a child's work, and not measured here."""
    recorder = Recorder(TapeWriter.create(path, version="bench"), Segments(path), Limits(), lambda _level, _text: None)
    machine = Machine()
    for event in starting(Beginning([SourceFile(_CONFIGURATION, isc_configuration(4096).encode(), "")])):
        recorder.write_effects(recorder.write_events([event]), [machine.apply(event)])
    return recorder


def _received(asking: socket.socket) -> bytes | None:
    try:
        return asking.recv(1 << 20)
    except BlockingIOError:
        return None


def waits(folder: Path, count: int) -> dict[str, float]:
    """Of each question the longest turn in milliseconds, the least of ROUNDS times: interrupts are nobody's fault."""
    office = Office(folder, count)
    try:
        return {
            f"{method} {target}": min(office.longest_ms(method, target) for _ in range(ROUNDS))
            for method, target in QUESTIONS
        }
    finally:
        office.close()


def shares(rate: int, seconds: int, rounds: int) -> dict[str, float]:
    """What being watched costs the server.

    `scrape ms`, `watch ms`: processor time of one, at rest; `scrape`, `watch`: percent of a processor, at the pace of
    WATCHES. `watched`: percent of a processor for both beside `rate` exchanges a second, the median of differences
    between a run with them and one without, next to each other. `exchanges`: percent for these, `rate`: how many a
    second there were.
    """
    peer = replace(PEERS["ours-tf"], extra=["--admin-socket", "admin.sock"])
    with measure.scratch() as home, World() as world, Running(world, peer, home, 4096) as running:
        load.run(world, rate, 3600, seconds)
        found = {}
        for name, (_command, target, every) in WATCHES.items():
            found[f"{name} ms"] = _at_rest_ms(running, home, target)
            found[name] = found[f"{name} ms"] / every / 10
        shares_of: dict[bool, list[float]] = {True: [], False: []}
        rates = []
        for number in range(rounds):
            for watched in (True, False) if number % 2 else (False, True):
                share, outcome = _beside(running, world, home, rate, seconds, watched=watched)
                shares_of[watched].append(share)
                rates.append(outcome.rate)
        found["rate"], found["exchanges"] = statistics.median(rates), statistics.median(shares_of[False])
        found["watched"] = statistics.median(
            one - other for one, other in zip(shares_of[True], shares_of[False], strict=True)
        )
    return found


def _at_rest_ms(running: Running, home: Path, target: str) -> float:
    """Milliseconds of the server's processor time for one answer of many in a row."""
    client = Client(str(home / "admin.sock"))
    begun = running.processor_seconds()
    for _ in range(_ASKED_AT_REST):
        client.octets("GET", target)
    return (running.processor_seconds() - begun) * 1e3 / _ASKED_AT_REST


def _beside(
    running: Running, world: World, home: Path, rate: int, seconds: int, *, watched: bool
) -> tuple[float, load.Outcome]:
    """Percent of a processor that the server takes for a run of exchanges, watched or not."""
    with ExitStack() as stack:
        if watched:
            for command, _target, every in WATCHES.values():
                watching = stack.enter_context(_watch(home, command, every))
                stack.callback(watching.terminate)
        begun = running.processor_seconds()
        outcome = load.run(world, rate, 3600, seconds)
        return 100 * (running.processor_seconds() - begun) / seconds, outcome


def _watch(home: Path, command: str, every: float) -> subprocess.Popen[bytes]:
    words = ["--socket", str(home / "admin.sock"), "--json", "watch", "--every", str(every), command]
    return subprocess.Popen([sys.executable, "-m", "dhcpd.adminctl", *words], stdout=subprocess.DEVNULL)
