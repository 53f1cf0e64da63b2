"""A recording becomes a capture that Wireshark reads without complaint, and a capture becomes a recording again."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpd.disk.configuration import SourceFile
from dhcpd.replay.capture.importing import Capture, NotImported, import_pcap
from dhcpd.replay.capture.reading import CaptureError, datagrams
from dhcpd.replay.command.cli import cli
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import Entry, open_tape
from dhcpd.trace import effects as ef
from dhcpd.trace import events as ev

FIXTURES: Final = Path(__file__).resolve().parents[3] / "fixtures"
NAMES: Final = ["bootp", "dhclient", "dhcpcd", "dhcrelay", "perfdhcp", "udhcpc"]


def invoke(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def sent(path: Path) -> list[bytes]:
    """The messages sent, as they are."""
    with open_tape(path) as tape:
        return [
            effect.payload
            for entry in tape.iterate()
            if isinstance(entry, Entry)
            for effect in entry.effects or ()
            if isinstance(effect, ef.Send)
        ]


@pytest.mark.parametrize("name", NAMES)
def test_there_and_back(name: str, tmp_path: Path):
    trace, capture, back = FIXTURES / name / "trace.bin", tmp_path / "capture", tmp_path / "back"
    assert invoke("export", trace, "--pcapng", capture).exit_code == 0
    assert capture.stat().st_mode & 0o777 == 0o600
    with open_tape(trace) as tape:
        (links,) = [entry.event.links for entry in tape.iterate() if isinstance(entry.event, ev.Interfaces)]
    (address,) = [dotted(link.addresses[0][0]) for link in links if link.name == "eth0"]
    conf = FIXTURES / name / "dhcpd.conf"
    result = invoke("import-pcap", capture, "-cf", conf, "-o", back, "--address", address, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["answers"] == told["same"] > 0
    again = play_file(str(back), str(tmp_path / "leases"))
    assert again.status is Status.SAME
    assert len(sent(back)) == len(sent(trace))


def dotted(address: int) -> str:
    return ".".join(str(octet) for octet in address.to_bytes(4, "big"))


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_wireshark_reads_it_without_complaint(tmp_path: Path):
    capture = tmp_path / "capture.pcapng"
    assert invoke("export", FIXTURES / "dhcrelay/trace.bin", "--pcapng", capture).exit_code == 0
    words = ["tshark", "-r", capture, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-T", "fields"]
    fields = ["dhcp.option.dhcp", "frame.interface_name", "frame.comment", "ip.checksum.status", "udp.checksum.status"]
    for field in [*fields, "_ws.malformed", "frame.packet_flags_direction"]:
        words += ["-e", field]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows[:4]] == ["1", "2", "3", "5"]
    assert {row[1] for row in rows} == {"eth0", "fallback"}
    assert all(row[3] == row[4] == "1" and not row[5] for row in rows), "checksums, malformed"
    assert [row[6] for row in rows[:2]] == ["0x00000001", "0x00000002"]
    assert "event 10: Packet DHCPDISCOVER" in rows[0][2]
    assert "candidate: 10.77.1.1: chosen" in rows[0][2]
    assert "dhcpd.conf:4" in rows[0][2]


def test_only_what_is_wanted_is_exported(tmp_path: Path):
    capture = tmp_path / "capture"
    trace = FIXTURES / "perfdhcp/trace.bin"
    result = invoke("export", trace, "--pcapng", capture, "--from", 20, "--to", 23, "--no-reasons", "--json")
    assert json.loads(result.stdout)["frames"] == 8
    assert b"candidate" not in capture.read_bytes()
    (one,) = {message[28:34].hex(":") for message in sent(trace)[:1]}
    assert invoke("export", trace, "--pcapng", capture, "--client", one).exit_code == 0
    with capture.open("rb") as file:
        assert {found.payload[28:34].hex(":") for found in datagrams(file, "", print)} == {one}
    assert invoke("export", trace, "--pcapng", trace).exit_code == Status.UNJUDGED
    assert invoke("export", trace, "--pcapng", tmp_path / "no/capture").exit_code == Status.UNJUDGED


# Other layouts


def payload(kind: int, op: int = 1, yiaddr: int = 0, *, xid: int = 7) -> bytes:
    head = bytes([op, 1, 6, 0]) + xid.to_bytes(4, "big") + bytes(8) + yiaddr.to_bytes(4, "big") + bytes(8)
    body = head + b"\2\0\0\0\0\1" + bytes(10 + 192) + b"\x63\x82\x53\x63" + bytes([53, 1, kind])
    return body + (b"\x36\4\x0a\0\0\1" if op == 2 else b"") + b"\xff"


def packet(data: bytes, source: int = 0, destination: int = 0xFFFFFFFF, ports: tuple[int, int] = (68, 67)) -> bytes:
    udp = struct.pack(">HHHH", *ports, len(data) + 8, 0) + data
    return struct.pack(">BBHHHBBHII", 0x45, 0, len(udp) + 20, 0, 0, 64, 17, 0, source, destination) + udp


ETHERNET: Final = bytes(12) + b"\x08\0"
LINKS: Final = {
    "Ethernet": (1, ETHERNET),
    "VLAN": (1, bytes(12) + b"\x81\0\0\5\x08\0"),
    "two VLANs": (1, bytes(12) + b"\x88\xa8\0\5\x81\0\0\6\x08\0"),
    "raw": (101, b""),
    "loopback": (0, b"\2\0\0\0"),
    "any": (113, bytes(14) + b"\x08\0"),
    "any, second version": (276, b"\x08\0" + bytes(18)),
}


def classic(frames: list[bytes], link_type: int = 1, order: str = "<", magic: int = 0xA1B2C3D4) -> bytes:
    units = 1_000 if magic == 0xA1B23C4D else 1
    made = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65_535, link_type)
    for number, frame in enumerate(frames):
        made += struct.pack(f"{order}IIII", 1_790_000_000 + number, 250_000 * units, len(frame), len(frame)) + frame
    return made


@pytest.mark.parametrize("link", LINKS)
def test_frames_of_every_link(link: str):
    link_type, head = LINKS[link]
    (found,) = datagrams(io.BytesIO(classic([head + packet(payload(1))], link_type)), "", pytest.fail)
    assert (found.port, found.payload, found.wall_us) == (67, payload(1), 1_790_000_000_250_000)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
def test_either_byte_order_and_resolution(order: str, magic: int):
    octets = classic([ETHERNET + packet(payload(1))], order=order, magic=magic)
    (found,) = datagrams(io.BytesIO(octets), "", pytest.fail)
    assert found.wall_us == 1_790_000_000_250_000


CONFIGURATION: Final = b"""authoritative; ping-check off;
subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.1 10.0.1.9; }
"""


def imported(octets: bytes, address: int = 0):
    told: list[tuple[ev.Event, list[ef.Effect]]] = []
    capture = Capture(io.BytesIO(octets), "capture", 67)
    files = [SourceFile("dhcpd.conf", CONFIGURATION, "")]
    return import_pcap(capture, files, [], address, lambda event, effects: told.append((event, effects))), told


def test_clients_are_told_and_answers_compared():
    offer = packet(payload(2, 2, 0x0A000101), 0x0A000001, 0xFFFFFFFF, (67, 68))
    other = packet(payload(2, 2, 0x0A000105, xid=8), 0x0A000001, 0xFFFFFFFF, (67, 68))
    elsewhere = packet(payload(1), 0x0A000009, 0x0A0000FE)
    frames = [packet(payload(1)), offer, packet(payload(1, xid=8)), other, elsewhere, packet(b"x", 0, 1, (53, 53))]
    result, told = imported(classic([ETHERNET + frame for frame in [*frames, b"\x60" + bytes(60)]]))
    assert (result.packets, result.answers, result.same) == (2, 2, 1)
    passed = dict(result.left)
    assert passed["packets for other servers"] == 1
    assert passed["datagrams of other ports"] == 1
    assert sum(isinstance(event, ev.Packet) for event, _effects in told) == 2
    assert isinstance(told[-1][0], ev.End)


def test_what_gives_nothing_is_refused_with_a_hint():
    with pytest.raises(NotImported, match="--address"):
        imported(classic([ETHERNET + packet(payload(1))]))
    with pytest.raises(NotImported, match="no DHCP message"):
        imported(classic([]))
    with pytest.raises(NotImported, match="not a capture file"):
        imported(b"something else, longer than any header")
    result, _told = imported(classic([ETHERNET + packet(payload(1))]) + b"\0\0\0", address=0x0A000001)
    assert (result.packets, "damaged at octet" in result.damage) == (1, True)


def test_the_command_tells_what_is_wrong(tmp_path: Path):
    capture, conf = tmp_path / "capture", tmp_path / "conf"
    capture.write_bytes(classic([ETHERNET + packet(payload(1))]))
    conf.write_text("subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.1 }\n")
    result = invoke("import-pcap", capture, "-cf", conf, "--address", "10.0.0.1")
    assert result.exit_code == Status.UNJUDGED
    assert "line 1: expecting numeric value." in result.stderr
    assert invoke("import-pcap", capture, "-cf", tmp_path / "none").exit_code == Status.UNJUDGED
    assert invoke("import-pcap", tmp_path / "none", "-cf", conf).exit_code == Status.UNJUDGED
    (tmp_path / "junk").write_bytes(b"junk")
    conf.write_bytes(CONFIGURATION)
    assert invoke("import-pcap", tmp_path / "junk", "-cf", conf).exit_code == Status.DAMAGED
    assert invoke("import-pcap", capture, "-cf", conf, "--address", "ten").exit_code == 2


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_told_never_raised(tmp_path: Path, data: st.DataObject):
    sound = tmp_path / "sound"
    if not sound.exists():
        assert invoke("export", FIXTURES / "dhclient/trace.bin", "--pcapng", sound).exit_code == 0
    octets = bytearray(sound.read_bytes() if data.draw(st.booleans()) else classic([ETHERNET + packet(payload(1))] * 3))
    for _ in range(data.draw(st.integers(1, 8))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    del octets[data.draw(st.integers(0, len(octets))) :]
    left: list[str] = []
    with contextlib.suppress(CaptureError):
        found = list(datagrams(io.BytesIO(bytes(octets)), "capture", left.append))
        assert len(found) + len(left) <= len(octets) // 16


def test_a_pipe_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "c.conf").write_text("")
    words = ["import-pcap", str(tmp_path / "pipe"), "-cf", str(tmp_path / "c.conf"), "-o", str(tmp_path / "o")]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 125
    assert "pipe: not a regular file" in result.output
