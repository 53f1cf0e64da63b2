"""The measurements: each takes what it needs, cleans up, and returns plain figures."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import load
from .peers import ISC, Peer, Running, dotted
from .world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

_BASE = 10 << 24 | 1 << 16
# Addresses beside those of the lease file, for the clients of a load.
_FREE = 8192
# So long a packet may wait for its answer at the end of a run.
PATIENCE_S = 4


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="bench."))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def sustained(peer: Peer, size: int, seconds: int, start: int, limit: int) -> tuple[float, float, float]:
    """(sustained, peak, cost) of a fresh server with a pool of `size` addresses: exchanges a second, microseconds.

    An exchange is a 4-way one. The clients fill nine tenths of the pool, so that a server meets used and unused
    addresses. The cost is processor time an exchange at the highest rate that was sustained, 0 where none was.
    """
    clients = max(1, size * 9 // 10)
    with scratch() as home, World() as world, Running(world, peer, home, size) as running:
        good, peak = load.search(world, clients, seconds, start, limit)
        return good, peak, _processor_cost_of(running, int(good), clients, seconds) if good else 0.0


def trace_bytes(peer: Peer, size: int, rate: int, seconds: int) -> float:
    """Octets of trace an exchange, at rest, at `rate` exchanges a second."""
    with scratch() as home, World() as world:
        with Running(world, peer, home, size):
            outcome = load.run(world, rate, size * 9 // 10, seconds)
        exchanges = outcome.rate * seconds
        return (home / "trace.bin").stat().st_size / exchanges if exchanges else 0.0


def processor_costs(peers: list[Peer], size: int, rate: int, seconds: int, rounds: int) -> list[list[float]]:
    """Microseconds of processor an exchange, of each server, at a fixed rate: of each of `rounds`, taken in turn.

    Processor time is far less noisy than the highest rate, and a rate that is not the highest leaves batches as they
    are in service. Each server serves the same number of exchanges before it is measured. A round in which one of
    them was not heard counts for none.
    """
    found: list[list[float]] = [[] for _ in peers]
    for number in range(rounds):
        costs = [0.0] * len(peers)
        for place in range(len(peers)) if number % 2 else reversed(range(len(peers))):
            costs[place] = _processor_cost(peers[place], size, rate, seconds)
        if all(costs):
            for known, cost in zip(found, costs, strict=True):
                known.append(cost)
    return found


def _processor_cost(peer: Peer, size: int, rate: int, seconds: int) -> float:
    with scratch() as home, World() as world, Running(world, peer, home, size) as running:
        load.run(world, rate, size * 9 // 10, seconds)
        return _processor_cost_of(running, rate, size * 9 // 10, seconds)


def _processor_cost_of(running: Running, rate: int, clients: int, seconds: int) -> float:
    before = running.processor_seconds()
    outcome = load.run(running.world, rate, clients, seconds)
    spent = running.processor_seconds() - before
    return spent / (outcome.rate * seconds) * 1e6 if outcome.rate else 0.0


def date(seconds: float) -> str:
    """A moment as in a lease file."""
    moment = time.gmtime(seconds)
    return f"{(moment.tm_wday + 1) % 7} {time.strftime('%Y/%m/%d %H:%M:%S', moment)}"


def lease_file(path: Path, count: int, *, paired: bool = False) -> None:
    """A lease file of `count` active leases as ISC writes them: of one day, in the order of their last renewal."""
    order = random.Random(count)
    numbers = order.sample(range(count), count)
    now = time.time()
    states = "  next binding state free;\n  rewind binding state free;\n"
    if paired:
        states = "  next binding state expired;\n"
    with path.open("w") as out:
        for place, number in enumerate(numbers):
            hardware = (0x02 << 40 | number).to_bytes(6, "big")
            uid = "".join(f"\\{octet:03o}" for octet in b"\x01" + hardware)
            start = now - 3600 + 3600 * place / count
            out.write(
                f"lease {dotted(_BASE + number)} {{\n  starts {date(start)};\n"
                f"  ends {date(start + order.randrange(43_200, 86_400))};\n  cltt {date(start)};\n"
                f"  binding state active;\n{states}"
                f'  hardware ethernet {hardware.hex(":")};\n  uid "{uid}";\n}}\n'
            )


def start_up(peer: Peer, count: int) -> tuple[float, float, float]:
    """(seconds until it serves, octets of memory a lease, octets of memory at most) with `count` leases in the file."""
    size = max(count, 4096)
    with scratch() as home, World() as world:
        with Running(world, peer, home, 4096) as running:
            empty = running.resident_bytes()
        (home / "dhcpd.pid").unlink(missing_ok=True)
        lease_file(home / "dhcpd.leases", count)
        with Running(world, peer, home, size) as running:
            each = (running.resident_bytes() - empty) / count
            return running.started_s, each, running.resident_bytes("VmHWM")


def many_hosts(peer: Peer, count: int) -> tuple[float, float]:
    """(seconds until it serves, octets of memory a host) with `count` host declarations."""
    with scratch() as home, World() as world:
        with Running(world, peer, home, 4096) as running:
            empty = running.resident_bytes()
        (home / "dhcpd.pid").unlink(missing_ok=True)
        with Running(world, replace(peer, hosts=count), home, 4096) as running:
            return running.started_s, (running.resident_bytes() - empty) / count


def wide_range(peer: Peer) -> float:
    """Seconds until it serves with a range of 2**24 - 2**17 addresses."""
    with scratch() as home, World() as world, Running(world, peer, home, (1 << 24) - (1 << 17)) as running:
        return running.started_s


def reload_waits(peer: Peer, count: int, rate: int, seconds: int) -> tuple[load.Outcome, load.Outcome]:
    """The same load on a server with `count` leases, without and with a reload in its middle.

    What is answered late is not lost: it shows in the longest wait.
    """
    with scratch() as home, World() as world:
        lease_file(home / "dhcpd.leases", count)
        with Running(world, peer, home, count + _FREE) as running:
            load.run(world, rate, _FREE // 2, seconds)
            calm = load.finish(load.start(world, rate, _FREE // 2, seconds, PATIENCE_S), seconds)
            packets = load.start(world, rate, _FREE // 2, seconds, PATIENCE_S)
            time.sleep(seconds / 2)
            running.signal(signal.SIGHUP)
            return calm, load.finish(packets, seconds)


def playback(peers: dict[str, Peer], size: int, exchanges: int, rate: int) -> dict[str, tuple[float, float]]:
    """Messages that each plays a second, and a second of processor time, of a trace of its own of like traffic."""
    speeds = {}
    for key, peer in peers.items():
        with scratch() as home, World() as world:
            with Running(world, peer, home, size):
                outcome = load.run(world, rate, size * 9 // 10, max(1, exchanges // rate))
            messages = outcome.rate * max(1, exchanges // rate) * 2
            program = ISC if peer.kind == "isc" else peer.program
            words = [program, "-play", str(home / "trace.bin"), "-lf", str(home / "played.leases")]
            begun = time.monotonic()
            with (home / "played.out").open("wb") as out:
                playing = subprocess.Popen(words, stdout=out, stderr=out, cwd=home, env=peer.environment())
            _, status, usage = os.wait4(playing.pid, 0)
            playing.returncode = os.waitstatus_to_exitcode(status)
            spent = usage.ru_utime + usage.ru_stime
            speeds[key] = messages / (time.monotonic() - begun), messages / spent
    return speeds
