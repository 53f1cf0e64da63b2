"""How fast and in how much memory recordings are verified: in one process, in two, a short one and a long one.

The recordings are made by the engine itself, without a network: clients that get an address and renew it in turn, with
a snapshot every SNAPSHOT_EVENTS events. The gain of a second core is told twice: by the clock, which is fair on an idle
machine only, and by the processor time that the parts of a recording take against the whole.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from dhcpd.disk.configuration import SourceFile
from dhcpd.replay.corpus import parts
from dhcpd.replay.corpus.verify import PARTS_A_WORKER
from dhcpd.replay.playing.verdict import Status
from dhcpd.replay.world.host import START_US, Host
from dhcpd.replay.world.messages import message, option
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import TapeWriter
from dhcpd.trace import events as ev

from .measure import scratch

if TYPE_CHECKING:
    from pathlib import Path

    from dhcpd.trace.effects import Effect, Send
    from dhcpd.trace.events import Event

CLIENTS = 2000
SHORT_PACKETS, LONG_PACKETS = 20_000, 240_000
SNAPSHOT_EVENTS = 10_000
ROUNDS = 3
_SERVER = 0x0A000001
_WANTED = bytes([55, 4, 1, 3, 6, 15])
CONFIGURATION = b"""
authoritative; ping-check false; default-lease-time 3600;
option domain-name "example.org"; option domain-name-servers 10.0.0.2, 10.0.0.3;
subnet 10.0.0.0 netmask 255.255.0.0 { option routers 10.0.0.1; range 10.0.1.0 10.0.16.255; }
"""


class Used(NamedTuple):
    """What a run of `dhcpd-trace` took."""

    seconds: float
    resident_bytes: int


def figures() -> dict[str, float]:
    """All of them: rates in events a minute, the gain of a second core, memory in MiB by verb and length."""
    found: dict[str, float] = {}
    with scratch() as home:
        short, long = home / "short.trace", home / "long.trace"
        make(short, SHORT_PACKETS)
        make(long, LONG_PACKETS)
        for verb in ("info", "show", "verify"):
            for name, path in (("short", short), ("long", long)):
                words = ["--jobs", "1"] if verb == "verify" else []
                found[f"verify/{verb} MiB/{name}"] = run(verb, path, *words).resident_bytes / (1 << 20)
        # In turns, and the best of each: what else the machine does meanwhile falls on both.
        rounds = [(run("verify", long, "--jobs", "1"), run("verify", long, "--jobs", "2")) for _ in range(ROUNDS)]
        one = min(first.seconds for first, _ in rounds)
        two = min(second.seconds for _, second in rounds)
        events = LONG_PACKETS * 60
        found |= {"verify/events a minute/1": events / one, "verify/events a minute/2": events / two}
        found["verify/processor seconds/1"], found["verify/processor seconds/2"] = processor_seconds(long)
    return found


def processor_seconds(path: Path) -> tuple[float, float]:
    """What playing takes in one, and what the busier of two processes has to do where they take parts in turn."""
    whole = _processor_seconds([parts.Part(str(path))])
    pieces = parts.split(str(path), 2 * PARTS_A_WORKER)
    return whole, max(_processor_seconds(pieces[0::2]), _processor_seconds(pieces[1::2]))


def _processor_seconds(played: list[parts.Part]) -> float:
    began = time.process_time()
    for part in played:
        verdict = parts.play_part(part).verdict
        if verdict.status is not Status.SAME:
            raise RuntimeError(verdict.closing_line())
    return time.process_time() - began


def run(verb: str, path: Path, *words: str) -> Used:
    """Run a verb on a recording, its output thrown away; raises CalledProcessError where it does not succeed."""
    command = [sys.executable, "-c", "from dhcpd.replay.command.cli import main; main()", verb, str(path), *words]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Used(time.monotonic() - began, usage.ru_maxrss * 1024)


class Site(Host):
    """Clients, and a machine that is recorded."""

    def __init__(self, writer: TapeWriter) -> None:
        """Start."""
        super().__init__()
        self._writer = writer
        self._offered = 0
        self._addresses = [0] * CLIENTS
        link = ethernet("eth0", 2, b"\x02\0\0\0\0\xfe", (_SERVER, 16))
        files = [SourceFile("/etc/dhcpd.conf", CONFIGURATION, "")]
        self.start(Beginning(files, links=[link], words=("-pf", "/run/dhcpd.pid", "-p", "67"), version="bench"))

    def told(self, event: Event, effects: list[Effect]) -> None:
        """Record it, with a snapshot now and then."""
        seq = self._writer.write_events([event])
        self._writer.write_effects(seq, [effects])
        if seq % SNAPSHOT_EVENTS == 0:
            self._writer.write_snapshot(seq, self.machine.snapshot())

    def send(self, effect: Send) -> None:
        """Hear a reply."""
        self._offered = int.from_bytes(effect.payload[16:20], "big")

    def packet(self, number: int) -> None:
        """DISCOVER and REQUEST of every client, then renewals in turn."""
        self.now_us = self.began_us + number * 20_000
        if number >= 2 * CLIENTS:
            client, kind, options, ciaddr = number % CLIENTS, 3, b"", self._addresses[number % CLIENTS]
        else:
            client, kind, options, ciaddr = number // 2, 1 + number % 2 * 2, b"", 0
        if kind == 3 and not ciaddr:
            options = option(50, self._offered.to_bytes(4, "big")) + option(54, _SERVER.to_bytes(4, "big"))
        hardware = b"\x02\0" + client.to_bytes(4, "big")
        payload = message(kind, hardware, options + _WANTED, xid=number, ciaddr=ciaddr, giaddr=_SERVER + 1, hops=1)
        self.tell(ev.Packet(0, 0, "eth0", _SERVER + 1, 67, payload))
        if not ciaddr:
            self._addresses[client] = self._offered


def make(path: Path, packets: int) -> None:
    """A recording of so many packets."""
    with TapeWriter.create(path, version="bench", host="bench", created_us=START_US) as writer:
        site = Site(writer)
        for number in range(packets):
            site.packet(number)
