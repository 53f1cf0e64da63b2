"""How fast and in how much memory recordings are verified: in one process, in two, a short one and a long one.

The recordings are made by the engine itself, without a network: clients that get an address and renew it in turn, with
a snapshot every SNAPSHOT_EVENTS events. The gain of a second core is told twice: by the clock, which is fair on an idle
machine only, and by the processor time that the parts of a recording take against the whole.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from dhcpd.engine.machine import Machine
from dhcpd.replay.corpus import parts
from dhcpd.replay.corpus.verify import PARTS_A_WORKER
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import TapeWriter
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Send

from .measure import scratch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dhcpd.trace.effects import Effect
    from dhcpd.trace.events import Event

CLIENTS = 2000
SHORT_PACKETS, LONG_PACKETS = 20_000, 240_000
SNAPSHOT_EVENTS = 10_000
ROUNDS = 3
_START_US = 1_790_000_000_000_000
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


def make(path: Path, packets: int) -> None:
    """A recording of so many packets."""
    machine = Machine()
    with TapeWriter.create(path, version="bench", host="bench", created_us=_START_US) as writer:
        answers: list[Effect] = []
        for event in _events(packets, answers):
            effects = machine.apply(event)
            answers[:] = effects
            seq = writer.write_events([event])
            writer.write_effects(seq, [effects])
            if seq % SNAPSHOT_EVENTS == 0:
                writer.write_snapshot(seq, machine.snapshot())


def _events(packets: int, answers: list[Effect]) -> Iterator[Event]:
    """The start, then packets; `answers` holds the effects of the event before."""
    words = ("-cf", "/etc/dhcpd.conf", "-lf", "/var/lib/dhcpd.leases", "-pf", "/run/dhcpd.pid", "-p", "67")
    now = (_START_US, 0)
    yield ev.Boot(*now, "bench", words, (), "bench", 1, b"seed" * 4, 67, "little", 0)
    yield ev.ConfigurationFile(*now, "/etc/dhcpd.conf", CONFIGURATION, "")
    yield ev.ConfigurationEnd(*now, "/etc/dhcpd.conf", reload=False)
    yield ev.LeaseFileEnd(*now, "")
    yield ev.RewriteContinue(*now)
    yield ev.RewriteContinue(*now)
    yield ev.Interfaces(*now, (ev.Link("eth0", 2, 1, b"\x02\0\0\0\0\xfe", 0x1043, ((_SERVER, 16),)),), "")
    yield ev.Listening(*now, plain_udp=False)
    addresses: list[int] = []
    for number in range(packets):
        at = number * 20_000
        yield ev.Packet(_START_US + at, at, "eth0", _SERVER + 1, 67, _message(number, addresses, answers))
        if number < 2 * CLIENTS and number % 2 == 0:
            addresses.append(_yiaddr(answers))


def _message(number: int, addresses: list[int], answers: list[Effect]) -> bytes:
    """DISCOVER and REQUEST of every client, then renewals in turn."""
    if number >= 2 * CLIENTS:
        client, kind, options, ciaddr = number % CLIENTS, 3, b"", addresses[number % CLIENTS]
    else:
        client, kind, options, ciaddr = number // 2, 1 + number % 2 * 2, b"", 0
    if kind == 3 and not ciaddr:
        offered = _yiaddr(answers).to_bytes(4, "big")
        options = bytes([50, 4]) + offered + bytes([54, 4]) + _SERVER.to_bytes(4, "big")
    hardware = b"\x02\0" + client.to_bytes(4, "big")
    header = struct.pack("!BBBBIHHIIII16s192x", 1, 1, 6, 1, number, 0, 0, ciaddr, 0, 0, _SERVER + 1, hardware)
    return header + b"\x63\x82\x53\x63" + bytes([53, 1, kind]) + options + _WANTED + b"\xff"


def _yiaddr(effects: list[Effect]) -> int:
    return next(int.from_bytes(one.payload[16:20], "big") for one in effects if isinstance(one, Send))
