"""How long the look at a large recording takes: a gigabyte of a site of 20,000 clients.

The recording is made once, by the engine behind the program's own door and recorder, with the snapshots that those
make; time is made up, a renewal every half lease, so that days take minutes. Clients come through relay agents, with
circuit identifiers, host names, random transactions and, as cable modems do, long vendor options of their own, so that
the file is no easier to compress than a real one. `python -m bench.looking FOLDER` makes it in FOLDER, if it is not
there, and prints the figures.
"""

from __future__ import annotations

import random
import select
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dhcpd.cli import Limits
from dhcpd.disk.configuration import SourceFile
from dhcpd.door import Door
from dhcpd.engine.machine import Machine
from dhcpd.recording.recorder import Recorder
from dhcpd.recording.segments import Segments
from dhcpd.replay.world.messages import message, option
from dhcpd.replay.world.starting import Beginning, ethernet, starting
from dhcpd.trace import TapeWriter, open_tape
from dhcpd.trace import events as ev
from dhcpd.trace.effects import RewriteEnd, Send, Wake

from .verifying import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dhcpd.recording.snapshots import SnapshotChild
    from dhcpd.trace.events import Event

CLIENTS: Final = 20_000
OCTETS: Final = 1_000_000_000
BATCH: Final = 16
MOMENTS: Final = 10
_START_US: Final = 1_790_000_000_000_000
_BETWEEN_US: Final = 90_000
_HANDLED_US, _SYNCED_US, _LEFT_US = 60, 400, 460
_SERVER: Final = 0x0A000001
_RELAYS: Final = 48
_VENDOR_OPTIONS: Final = ((43, 240), (125, 120))
_WANTED: Final = bytes([55, 8, 1, 3, 6, 15, 28, 42, 119, 121, 57, 2, 5, 192])
CONFIGURATION: Final = b"""
authoritative; ping-check false; default-lease-time 3600; max-lease-time 3600;
option domain-name "site.example.org"; option domain-name-servers 10.0.0.2, 10.0.0.3; option ntp-servers 10.0.0.4;
subnet 10.0.0.0 netmask 255.128.0.0 { option routers 10.0.0.1; range 10.1.0.0 10.1.255.255; }
"""


class Site:
    """The clients, a machine behind a door, and a clock that is wound by hand."""

    def __init__(self, path: Path) -> None:
        """Begin the recording."""
        self.machine = Machine()
        self.now_us = _START_US
        self.wake_us = 0
        self._late_us = _HANDLED_US
        self._dice = random.Random(1)
        self._addresses = [0] * CLIENTS
        self._vendor = [self._vendor_options() for _ in range(CLIENTS)]
        self._next = 0
        self._children: list[SnapshotChild] = []
        writer = TapeWriter.create(path, version="bench", host="bench", created_us=_START_US)
        self.recorder = Recorder(writer, Segments(str(path)), Limits(), lambda _level, _text: None)
        self.recorder.watch_by(self._children.append, self._children.remove)
        self.door = Door(self.machine, self.recorder, lambda _level, _text: None, self._clock)
        for event in self._beginning():
            self._pass_in([event])
            while self.machine.rewriting:
                self._pass_in([ev.RewriteContinue(*self._now())])

    def _clock(self) -> int:
        return self.now_us - _START_US + self._late_us

    def _now(self) -> tuple[int, int]:
        return self.now_us, self.now_us - _START_US

    def _beginning(self) -> Iterator[Event]:
        link = ethernet("eth0", 2, b"\x02\0\0\0\0\xfe", (_SERVER, 9))
        files = [SourceFile("/etc/dhcpd.conf", CONFIGURATION, "")]
        wall_us, mono_us = self._now()
        for event in starting(Beginning(files, links=[link], words=("-pf", "/run/dhcpd.pid", "-p", "67"))):
            yield event._replace(wall_us=wall_us, mono_us=mono_us)

    def _vendor_options(self) -> bytes:
        return b"".join(bytes([code, octets]) + self._dice.randbytes(octets) for code, octets in _VENDOR_OPTIONS)

    def turn(self) -> None:
        """One batch of packets, and what else is due."""
        self.now_us += self._dice.randrange(2 * _BETWEEN_US * BATCH)
        due: list[Event] = []
        if self.machine.rewriting:
            due.append(ev.RewriteContinue(*self._now()))
        if self.wake_us and self.now_us >= self.wake_us:
            self.wake_us = 0
            due.append(ev.Timer(*self._now()))
        asking = [(self._next + number) % CLIENTS for number in range(BATCH)]
        self._next += BATCH
        new = [client for client in asking if not self._addresses[client] or self._dice.random() < 0.05]
        if new:
            self._pass_in([self._packet(client, 1, 0, 0) for client in new])
        renewing = [client for client in asking if client not in new]
        requests = [self._packet(client, 3, self._addresses[client], 0) for client in new]
        self._pass_in([*due, *requests, *(self._packet(client, 3, 0, self._addresses[client]) for client in renewing)])
        self.recorder.tend(self.machine.snapshot)

    def _pass_in(self, events: list[Event]) -> None:
        self._late_us = _HANDLED_US + self._dice.randrange(40) * len(events)
        installed = False
        for event, effects in zip(events, self.door.pass_in(events), strict=True):
            for effect in effects:
                if isinstance(effect, Send):
                    client = int.from_bytes(effect.payload[30:34], "big")
                    self._addresses[client] = int.from_bytes(effect.payload[16:20], "big")
                elif isinstance(effect, Wake):
                    self.wake_us = effect.at_us
                elif isinstance(effect, RewriteEnd):
                    installed = effect.install
            del event
        self._late_us += _LEFT_US
        last = self.door.first_seq + len(events) - 1
        self.door.stored(last, self._clock() - _LEFT_US + _SYNCED_US, failed=False)
        if installed:
            self._pass_in([ev.RewriteInstalled(*self._now())])

    def _packet(self, client: int, kind: int, wanted: int, ciaddr: int) -> Event:
        relay = _SERVER + 1 + client % _RELAYS
        hardware = b"\x02\0" + client.to_bytes(4, "big")
        name = b"host-%06d" % (client * 7919 % 1_000_003)
        circuit = b"sw%02d:ge-0/0/%d:%d" % (client % _RELAYS, client // _RELAYS % 48, client % 4094)
        options = option(61, b"\1" + hardware) + option(12, name)
        options += bytes([60, 9]) + b"docsis3.1" + _WANTED + self._vendor[client]
        if wanted:
            options += option(50, wanted.to_bytes(4, "big")) + option(54, _SERVER.to_bytes(4, "big"))
        agent = bytes([1, len(circuit)]) + circuit + bytes([2, 6]) + hardware
        options += option(82, agent)
        xid = self._dice.getrandbits(32)
        payload = message(kind, hardware, options, xid=xid, ciaddr=ciaddr, giaddr=relay, hops=1, octets=0)
        return ev.Packet(*self._now(), "eth0", relay, 67, payload)

    def close(self) -> None:
        """End the run, when a snapshot that is being made is there."""
        while self._children:
            select.select(self._children, [], [], 10)
            self.recorder.tend(self.machine.snapshot)
        self._pass_in([ev.End(*self._now(), "exit")])
        self.door.close()


def make(path: Path, octets: int = OCTETS) -> None:
    """A recording of at least so many octets."""
    site = Site(path)
    while not path.stat().st_size >= octets:
        for _ in range(256):
            site.turn()
    site.close()


def figures(path: Path) -> Iterator[tuple[str, float, float]]:
    """(command, seconds, resident MiB) of each look at the recording."""
    with open_tape(path) as tape:
        last = tape.index().segments[-1].first_seq
    dice = random.Random(2)
    looks = [("info", ()), ("show", ("--from", str(last - 1000)))]
    looks += [("at", (str(dice.randrange(1, last)),)) for _ in range(MOMENTS)]
    for verb, words in looks:
        used = run(verb, path, *words)
        yield " ".join((verb, *words)), used.seconds, used.resident_bytes / (1 << 20)


def main() -> int:
    """Make the recording where it is missing, and print what looking at it takes."""
    path = Path(sys.argv[1]) / "week.trace"
    if not path.exists():
        began = time.monotonic()
        make(path, int(sys.argv[2]) if len(sys.argv) > 2 else OCTETS)
        sys.stdout.write(f"made {path.stat().st_size:,} octets in {time.monotonic() - began:.0f} s\n")
    for what, seconds, resident in figures(path):
        sys.stdout.write(f"{what:<40} {seconds:7.2f} s {resident:7.1f} MiB\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
