"""What recording costs, without a network: the door with and without a tape, in turn, by the processor time it takes.

A rate measured over a network mixes the tape's cost with how packets happen to fall into batches, which changes more
from run to run than the tape costs. Here both doors get the same exchanges in batches of the same size, a slice each
in turn, so that what else the machine does hits both alike. What sockets and disk cost beside the engine is measured by
`measure.processor_cost`. Snapshots are measured here, too: how long packets wait for the fork, and for the pages that
are copied behind it.
"""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

from dhcpd.cli import Limits
from dhcpd.disk.configuration import SourceFile
from dhcpd.door import Door
from dhcpd.process import memory
from dhcpd.recording.recorder import Recorder
from dhcpd.recording.segments import Segments
from dhcpd.recording.snapshots import SnapshotChild
from dhcpd.replay.world.host import Host
from dhcpd.replay.world.messages import message, option
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import TapeWriter
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Send

from .peers import isc_configuration

if TYPE_CHECKING:
    from pathlib import Path

    from dhcpd.engine.machine import Machine

SLICE_EXCHANGES = 640
# Behind a snapshot memory is gathered in a thread (process/memory.py), with a million leases for half of this.
_GATHERING_S = 1.0
_SERVER = 0x0A000001
_SEED = b"bench" * 4


def started(size: int, leases: Path | None = None, *, committed: bool = False) -> Machine:
    """A machine that serves a pool of `size` addresses, with what stands in a lease file."""
    host = Host(time.time_ns() // 1000)
    files = [SourceFile("/c", isc_configuration(size, committed=committed).encode(), "")]
    found = [] if leases is None else [leases.read_bytes()]
    link = ethernet("eth0", 2, b"\x02\0\0\0\0\xfe", (_SERVER, 8))
    host.start(Beginning(files, found, [link], words=("-pf", "/p", "-p", "67"), seed=_SEED))
    return host.machine


def said(kind: int, client: int, xid: int, options: bytes = b"") -> ev.Packet:
    """A DHCP message as perfdhcp's clients send it, at this moment."""
    hardware = (0x02 << 40 | client).to_bytes(6, "big")
    payload = message(kind, hardware, options + b"\x37\x03\x01\x03\x06", xid=xid, octets=0)
    return ev.Packet(time.time_ns() // 1000, time.monotonic_ns() // 1000, "eth0", 0, 68, payload)


class Side:
    """A machine behind a door of its own; `seconds` of processor time were spent on `exchanges`."""

    def __init__(self, door: Door) -> None:
        """Nothing is spent yet."""
        self.door = door
        self.seconds = 0.0
        self.exchanges = 0
        self._xid = 0

    def serve(self, clients: range, batch: int) -> None:
        """DISCOVER, OFFER, REQUEST, ACK with each client, `batch` messages at a time."""
        for first in range(clients.start, clients.stop, batch):
            numbers = range(first, min(first + batch, clients.stop))
            self._xid += batch
            discovers = [said(1, number, self._xid + number) for number in numbers]
            offers = self._pass_in(discovers)
            requests = [
                said(3, number, self._xid + number, option(50, address) + option(54, _SERVER.to_bytes(4, "big")))
                for number, address in zip(numbers, offers, strict=True)
            ]
            self._pass_in(requests)
            self.exchanges += len(numbers)

    def _pass_in(self, packets: list[ev.Packet]) -> list[bytes]:
        begun = time.process_time()
        effects = self.door.pass_in(packets)
        self.seconds += time.process_time() - begun
        return [effect.payload[16:20] for of_one in effects for effect in of_one if type(effect) is Send]


def recording_cost(folder: Path, size: int, batch: int, slices: int) -> tuple[float, float]:
    """(microseconds of processor an exchange in the engine, what recording adds to that) in batches of `batch`."""
    path = str(folder / f"door.{batch}.trace")
    recorder = Recorder(TapeWriter.create(path, version="bench"), Segments(path), Limits(), _say_nothing)
    plain, recorded = Side(Door(started(size), None, _say_nothing)), Side(Door(started(size), recorder, _say_nothing))
    for number in range(slices + 1):
        if number == 1:  # the first slice fills caches
            plain.seconds = recorded.seconds = 0.0
            plain.exchanges = recorded.exchanges = 0
        first = number * SLICE_EXCHANGES % (size * 9 // 10 - SLICE_EXCHANGES)
        for side in (plain, recorded) if number % 2 else (recorded, plain):
            side.serve(range(first, first + SLICE_EXCHANGES), batch)
    recorder.close()
    alone, both = (side.seconds / side.exchanges * 1e6 for side in (plain, recorded))
    return alone, both - alone


def snapshot_hold_up(home: Path, count: int, rounds: int) -> dict[str, float]:
    """What snapshots of the `count` leases of `home`/leases cost: milliseconds at most, but for `work` and `octets`.

    `fork`: until the child is there; `taken`: until what it has made is on the tape; `batch`: 32 packets while it
    works, `behind`: and in the second behind it, when memory is gathered again, `idle`: the same without one; `wait`:
    any of these packets, those included that come when one of the first two begins. `work`: seconds of processor time
    that the child took. As the program holds the leases: nothing that the start made is collected.
    """
    machine = started(count, home / "leases")
    memory.settle()
    memory.gather()
    side = Side(Door(machine, None, _say_nothing))
    _batches(side, count, 200)
    found = dict.fromkeys(("idle", "fork", "taken", "batch", "behind", "wait", "work", "octets"), 0.0)
    found["idle"] = max(_batches(side, count, 200))
    with TapeWriter.create(home / "snapshots.trace", version="bench") as tape:
        for _ in range(rounds):
            begun = time.perf_counter()
            child = SnapshotChild(tape.snapshot_place(), machine.snapshot)
            forked = (time.perf_counter() - begun) * 1e3
            batches = _batches(side, count, 2)
            wait = forked + batches[0]
            while not child.ended():
                batches += _batches(side, count, 2)
            begun = time.perf_counter()
            with child.made() as segment:
                octets = len(segment)
                tape.append_snapshot(child.place, segment)
            taken = (time.perf_counter() - begun) * 1e3
            behind = _batches(side, count, 1)
            wait = max(wait, taken + behind[0])
            while time.perf_counter() - begun < _GATHERING_S:
                behind += _batches(side, count, 2)
            once = {"fork": forked, "taken": taken, "batch": max(batches), "behind": max(behind), "work": child.busy_s}
            once["wait"] = max(wait, once["batch"], once["behind"])
            once["octets"] = float(octets)
            found = {name: max(value, once.get(name, 0.0)) for name, value in found.items()}
    gc.unfreeze()
    return found


def reload_hold_up(leases: Path, count: int, rounds: int) -> float:
    """Milliseconds that a packet waits at most for a reload of the configuration, with `count` leases of a file."""
    machine = started(count, leases)
    memory.settle()
    door = Door(machine, None, _say_nothing)
    files = machine.snapshot()["files"]
    longest = 0.0
    for _ in range(rounds):
        events: list[ev.Event] = [
            ev.ConfigurationFile(time.time_ns() // 1000, 0, name, content, "") for name, content in files.items()
        ]
        events.append(ev.ConfigurationEnd(time.time_ns() // 1000, 0, next(iter(files)), reload=True))
        begun = time.perf_counter()
        door.pass_in(events)
        longest = max(longest, (time.perf_counter() - begun) * 1e3)
        while machine.rewriting:
            door.pass_in([ev.RewriteContinue(time.time_ns() // 1000, 0)])
    gc.unfreeze()
    return longest


def _batches(side: Side, count: int, batches: int) -> list[float]:
    """Milliseconds that each of so many batches of 32 packets takes, of clients from everywhere."""
    spent = []
    for _ in range(batches):
        side.exchanges += 32
        packets = [said(1, (side.exchanges + number) * 7919 % count, number) for number in range(32)]
        begun = time.perf_counter()
        side.door.pass_in(packets)
        spent.append((time.perf_counter() - begun) * 1e3)
    return spent


def _say_nothing(_level: int, _text: str) -> None:
    """Log nothing: nobody reads the log of a measurement."""
