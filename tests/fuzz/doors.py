"""The doors through which a stranger's octets come in, each as a function of octets.

A door returns when the server has dealt with the octets as it should, and raises when it has not: whatever the code
under test raises, or `Hang` where it took too long. What is a clear refusal (a parse message, a tape that is no tape)
is dealt with. Used by the fuzzer (run.py) and, on the seeds that are kept, by test_seeds.py.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import struct
import tempfile
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from click.testing import CliRunner

from dhcpd.disk.configuration import SourceFile
from dhcpd.engine import startup
from dhcpd.replay.capture.importing import Capture, NotImported, import_pcap
from dhcpd.replay.capture.reading import CaptureError, datagrams
from dhcpd.replay.command.cli import cli
from dhcpd.replay.isc import import_isc
from dhcpd.replay.world.host import START_US, Host
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import DamagedTape, Entry, NewerTape, NotATape, SnapshotEntry, TapeError, open_tape
from dhcpd.trace import events as ev
from dhcpd.trace.format import (
    FILE_HEADER_BYTES,
    FRAME_HEADER_BYTES,
    SEGMENT_HEADER_BYTES,
    SYNC_MARKER,
    BadHeader,
    pack_frame,
    unpack_frame,
)
from tests.fuzz.dns_door import dns_answers
from tests.fuzz.failover_door import failover
from tests.fuzz.known_worlds import KNOWN_WORLDS
from tests.fuzz.omapi_door import omapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


ROOT: Final = Path(__file__).resolve().parents[2]
SEEDS: Final = ROOT / "fixtures" / "fuzz"
WORLDS: Final = sorted((SEEDS / "worlds").glob("*.conf"))
CONFIGURATIONS: Final = [path.read_bytes() for path in WORLDS]
# One input may take this much of the processor's time. The fuzzer's instruments slow everything down: it sets more.
LIMIT_S: Final = float(os.environ.get("FUZZ_LIMIT_S", "1"))
SEARCHING: Final = "FUZZ_LIMIT_S" in os.environ
PACKETS_MAX: Final = 24
SERVER: Final = 0x0A4D0001
LINKS: Final = (
    ethernet("eth0", 2, b"\x02\0\0\0\0\xfe", (SERVER, 24)),
    ethernet("eth1", 3, b"\x02\0\0\0\0\xff", (0x0A4E0001, 24)),
)


class Hang(Exception):
    """One input took longer than LIMIT_S."""


class Wrong(Exception):
    """What was done is wrong though nothing was raised; the text says what."""


class Run(Host):
    """A machine of one configuration, told what a program would tell it."""

    def __init__(self, configuration: bytes, leases: bytes = b"") -> None:
        super().__init__()
        # Two pieces, so that an item is cut where it may be.
        pieces = leases[: len(leases) // 2], leases[len(leases) // 2 :]
        words = ("-pf", "/p", "-p", "67")
        self.start(Beginning([SourceFile("c", configuration, "")], pieces, LINKS, words=words, seed=b"seed" * 4))


def packet(data: bytes) -> None:
    """The first octet chooses a configuration; then steps: kind, two octets of length or number, octets of a packet.

    Bits of the kind: 1 a packet, else time goes by; 2 through a relay's port and address; 4 on the second interface;
    8 an echo reply for the last address that was pinged; 16 the answer to a search for a name.
    """
    with patch.object(startup, "load_configuration", KNOWN_WORLDS):
        run = Run(CONFIGURATIONS[data[0] % len(CONFIGURATIONS)] if data else CONFIGURATIONS[0])
    for kind, number, payload in steps_of(data[1:]):
        if kind & 8:
            run.tell(ev.PingReply(0, 0, SERVER & ~0xFF | number & 0xFF))
        if kind & 16:
            run.tell(ev.NameAnswer(0, 0, SERVER & ~0xFF | number & 0xFF, "name"))
        if kind & 1:
            source = int.from_bytes(payload[24:28], "big") if kind & 2 else 0
            interface = "eth1" if kind & 4 else "eth0"
            run.tell(ev.Packet(0, 0, interface, source, 67 if kind & 2 else 68, payload))
        else:
            run.wait(number % 64)
    run.wait(3600)


def steps_of(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(kind, number, payload) of each step."""
    at = 0
    for _ in range(PACKETS_MAX):
        head = data[at : at + 3]
        if len(head) < 3:
            return
        kind, number = head[0], int.from_bytes(head[1:], "big")
        size = number if kind & 1 else 0
        yield kind, number, data[at + 3 : at + 3 + size]
        at += 3 + size


def packet_steps(world: int, *payloads: bytes) -> bytes:
    """Input of the door `packet` that has the payloads come in a row, a second apart, each through whom it says."""
    made = bytes([world])
    for payload in payloads:
        relayed = 2 if payload[24:28] != bytes(4) else 0
        made += struct.pack("!BH", 1 | relayed, len(payload)) + payload + struct.pack("!BH", 0, 1)
    return made


DISCOVER: Final = bytes.fromhex("0101060061626364") + bytes(20) + b"\x02\0\0\0\0\x01" + bytes(202) + (
    b"\x63\x82\x53\x63\x35\x01\x01\x0c\x04anna\x37\x04\x01\x03\x0f\x2b\xff"
)


def configuration(data: bytes) -> None:
    """A configuration's text; where it is accepted, a server of it starts and answers a DISCOVER."""
    run = Run(data)
    if run.machine.server is None:
        return
    if run.machine.serving:
        run.tell(ev.Packet(0, 0, "eth0", 0, 68, DISCOVER))
        run.wait(10)


LEASE_WORLD: Final = b"""
class "few" { match hardware; lease limit 2; }
class "each" { spawn with option agent.circuit-id; lease limit 2; }
subclass "few" 1:2:3:4:5:6:7;
subnet 10.77.0.0 netmask 255.255.0.0 { range 10.77.0.0 10.77.0.255; on commit { set a = "a"; } }
subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.0 10.0.0.255; }
host one { hardware ethernet 02:00:00:00:00:01; }
"""


def leases(data: bytes) -> None:
    """A lease file, and a server of it that answers."""
    with patch.object(startup, "load_configuration", KNOWN_WORLDS):
        run = Run(LEASE_WORLD, data)
    if run.machine.server is None or not run.machine.serving:
        raise Wrong("a lease file kept the server from starting")
    run.tell(ev.Packet(0, 0, "eth0", 0, 68, DISCOVER))
    run.wait(100_000)


def trace(data: bytes) -> None:
    """A trace file: once as it is, once with its checksums put right, so that what they guard is met too."""
    octets = mended(data)
    for one in (data, octets) if octets != data else (data,):
        with tempfile.NamedTemporaryFile(dir=scratch(), suffix=".trace") as file:
            file.write(one)
            file.flush()
            look(file.name)


def scratch() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def mended(data: bytes) -> bytes:
    """The same with right checksums on segment headers, and on frames as far as they are stored uncompressed."""
    made = bytearray(data)
    at = FILE_HEADER_BYTES
    while at + FRAME_HEADER_BYTES <= len(made):
        if made[at : at + 3] == SYNC_MARKER[:3]:
            end = at + SEGMENT_HEADER_BYTES - 4
            made[end : end + 4] = struct.pack(">I", zlib.crc32(made[at:end]))
            at = end + 4
            continue
        try:
            size, _crc = unpack_frame(bytes(made[at : at + FRAME_HEADER_BYTES]))
        except BadHeader:
            size = int.from_bytes(made[at : at + 3], "big") & 0xFFF
        packed = bytes(made[at + FRAME_HEADER_BYTES : at + FRAME_HEADER_BYTES + size])
        made[at : at + FRAME_HEADER_BYTES + len(packed)] = pack_frame(packed, zlib.crc32(packed))
        at += FRAME_HEADER_BYTES + len(packed)
    return bytes(made)


VERBS: Final = (["info", "--json"], ["show", "--full"], ["show", "--json"], ["verify"], ["explain", "--event", "8"])


def look(path: str) -> None:
    """Everything that a reader does with a tape, then the verbs: in the fuzzer the one that the length chooses."""
    with contextlib.suppress(NotATape, NewerTape, DamagedTape), open_tape(path) as tape:
        look_inside(path)
        tape.index()
        tape.seek_time(START_US)
    chosen = Path(path).stat().st_size % len(VERBS)
    for words in VERBS[chosen : chosen + 1] if SEARCHING else VERBS:
        result = CliRunner().invoke(cli, [words[0], path, *words[1:]])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        if result.exit_code not in (0, 1, 2, 125):
            raise Wrong(f"{words}: exit status {result.exit_code}")


def look_inside(path: str) -> None:
    for resync in (False, True):
        with contextlib.suppress(TapeError), open_tape(path) as tape:
            last = 0
            for entry in tape.iterate(resync=resync):
                if isinstance(entry, Entry):
                    last = entry.seq
                    repr(entry)
                elif isinstance(entry, SnapshotEntry):
                    with contextlib.suppress(DamagedTape):
                        repr(entry.data)
            list(tape.client(b"\x02\0\0\0\0\x01"))
            tape.snapshot(last)
            list(tape.iterate(from_seq=max(1, last - 1), resync=resync))


def isc(data: bytes) -> None:
    """A trace file of ISC's server: played, recorded, its lease file written."""
    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        path = Path(folder) / "isc"
        path.write_bytes(data)
        import_isc(str(path), f"{folder}/out", f"{folder}/leases")


def pcap(data: bytes) -> None:
    """A capture file: its datagrams, and those that a server of the first configuration hears."""
    with contextlib.suppress(CaptureError):
        for one in datagrams(io.BytesIO(data), "capture", lambda _what: None):
            repr(one)
    with patch.object(startup, "load_configuration", KNOWN_WORLDS), contextlib.suppress(NotImported):
        files = [SourceFile("c", CONFIGURATIONS[0], "")]
        import_pcap(Capture(io.BytesIO(data), "capture", 67), files, [], SERVER, lambda _event, _effects: None)


DOORS: Final[dict[str, Callable[[bytes], None]]] = {
    "packet": packet,
    "configuration": configuration,
    "leases": leases,
    "trace": trace,
    "isc": isc,
    "pcap": pcap,
    "failover": failover,
    "omapi": omapi,
    "dns": dns_answers,
}


def knock(door: str, data: bytes) -> float:
    """Put the octets through a door; the seconds of processor time that it took. Raises what the door raises."""
    began = time.process_time()
    DOORS[door](data)
    took = time.process_time() - began
    if took > LIMIT_S:
        gc.collect()
        began = time.process_time()
        DOORS[door](data)
        took = min(took, time.process_time() - began)
        if took > LIMIT_S:
            raise Hang(f"{took:.2f} s for {len(data)} octets")
    return took
