"""What questions to the running server cost: the longest that packets wait for one, and what being watched takes.

The waits are processor time of the thread that serves, turn by turn (`Admin.turn`, between two batches of packets): a
wait on the clock would be the machine's other work. The machine has leases as a server of many years has, and each
question is asked alone, so that it is known whose a long turn is.

What a scrape and `dhcpd-admin watch` take is processor time as well: that of the server at rest, with and without them,
in pairs of runs in turn, held against that of exchanges.
"""

from __future__ import annotations

import gc
import select
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dhcpd.admin.http.listening import open_unix
from dhcpd.admin.http.server import Admin
from dhcpd.admin.site import Site
from dhcpd.admin.table import ROUTES
from dhcpd.disk.configuration import SourceFile
from dhcpd.process.privileges import Privileges
from dhcpd.replay.looking.figures.counters import Counters
from dhcpd.replay.world.disk import Disk
from dhcpd.replay.world.host import START_US, Host
from dhcpd.replay.world.starting import Beginning, ethernet

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
_WATCH_S: Final = 2.0
# Of each kind of answer one, and the walks over all leases that find nobody; changes that can be asked again and again.
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
    ("GET", "/v1/hosts?limit=1000"),
    ("GET", "/v1/classes"),
    ("GET", "/v1/failover"),
    ("GET", "/v1/dns"),
    ("GET", "/v1/configuration?what=10.1.0.7"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("POST", "/v1/leases/10.1.0.7/reserve"),
    ("POST", "/v1/leases/10.1.0.7/unreserve"),
)


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
        gc.collect()
        gc.freeze()
        machine = self.host.machine
        site = Site(machine, _CONFIGURATION, _LEASE_FILE, 0, lambda: self.host.now_us, None, Counters(machine))
        self._path = str(folder / "socket")
        self._admin = Admin(site, ROUTES, [open_unix(self._path, Privileges())])

    def longest_ms(self, method: str, target: str) -> float:
        """The longest turn of a request, from its connection to the end of its answer, in processor time."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.connect(self._path)
            asking.sendall(f"{method} {target} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
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
                if hasattr(effect, "call"):
                    self._admin.answered(effect)  # type: ignore[arg-type] - CommandAnswer alone has calls
        return took

    def close(self) -> None:
        """End it."""
        self._admin.close()


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
    """Percent of one processor that the server takes for a scrape a second and for `watch`, beside `exchanges`.

    `scrape`, `watch`: medians of differences between a run at rest that is asked and one that is not, next to each
    other. `exchanges`: what `rate` exchanges a second take.
    """
    peer = replace(PEERS["ours-tf"], extra=["--admin-socket", "admin.sock"])
    with measure.scratch() as home, World() as world, Running(world, peer, home, 4096) as running:
        before = running.processor_seconds()
        outcome = load.run(world, rate, 3600, seconds)
        spent = running.processor_seconds() - before
        found = {"exchanges": 100 * spent / (outcome.rate * seconds) * rate if outcome.rate else 0.0}
        for what, asking in (("scrape", ("metrics", 1.0)), ("watch", ("pools", _WATCH_S))):
            with_it, without = [], []
            for number in range(rounds):
                for asked in (True, False) if number % 2 else (False, True):
                    begun = running.processor_seconds()
                    _pause(home, seconds, asking if asked else None)
                    share = 100 * (running.processor_seconds() - begun) / seconds
                    (with_it if asked else without).append(share)
            found[what] = statistics.median(one - other for one, other in zip(with_it, without, strict=True))
    return found


def _pause(home: Path, seconds: int, asking: tuple[str, float] | None) -> None:
    """Let time go by, with `dhcpd-admin watch` where it is asked."""
    if asking is None:
        time.sleep(seconds)
        return
    command, every = asking
    count = max(1, int(seconds / every))
    words = ["--socket", str(home / "admin.sock"), "--json", "watch", "--every", str(every), "--count", str(count)]
    begun = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "dhcpd.adminctl", *words, command], check=True, stdout=subprocess.DEVNULL, timeout=600
    )
    time.sleep(max(0.0, seconds - (time.monotonic() - begun)))
