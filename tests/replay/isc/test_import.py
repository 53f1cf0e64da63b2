"""Traces of the real ISC dhcpd: ours sends what ISC's server sent, octet for octet, and writes its lease file."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpd.replay.command.cli import cli
from dhcpd.replay.command.playback import main
from dhcpd.replay.isc import import_isc, is_isc_trace
from dhcpd.replay.isc.connections import Connections
from dhcpd.replay.isc.records import Accepted, Octets
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace.effects import StreamListen

TRACES: Final = Path(__file__).resolve().parents[3] / "fixtures/isc"
# What plays as it was: (packets that ISC sent, whether lease times may be a second off, as ISC's own playback is).
FAITHFUL: Final = {
    "01-one-dora": (2, False),
    "02-relay-perfdhcp": (79, True),
    "03-mixed": (19, False),
    "04-ping-check": (11, False),
    "05-ping-late-reply": (2, False),
    "06-ping-timeout-ms": (14, False),
    "08-omapi": (6, False),
    "09-omapi-key-shutdown": (2, False),
    "12-kill9": (194, False),
    "13-include-existing-leases": (10, False),
    "14-delayed-ack": (14, False),
    "15-two-interfaces": (8, False),
    "16-expiry-same-second": (4, False),
}
DAMAGED: Final = {
    "bad-interface-index": (Status.DIFFERENT, 1),
    "bad-magic": (Status.DAMAGED, 0),
    "empty": (Status.DAMAGED, 0),
    "header-10-bytes": (Status.DAMAGED, 0),
    "header-only": (Status.DAMAGED, 0),
    "hlen-24": (Status.SAME, 2),
    "length-0x7fffffff": (Status.DAMAGED, 1),
    "no-interface-records": (Status.DAMAGED, 0),
    "no-readconf": (Status.DAMAGED, 0),
    "no-readleases": (Status.DAMAGED, 2),
    "nonzero-padding": (Status.SAME, 2),
    "phlen-12": (Status.DAMAGED, 0),
    "phlen-24-valid": (Status.SAME, 2),
    "time-goes-backwards": (Status.SAME, 2),
    "time-two-hours-later": (Status.SAME, 2),
    "trailing-3-bytes": (Status.DAMAGED, 2),
    "truncated-padding": (Status.DAMAGED, 0),
    "truncated-payload": (Status.DAMAGED, 1),
    "truncated-record-header": (Status.DAMAGED, 1),
    "unknown-type-index": (Status.DAMAGED, 1),
    "unknown-type-name-unused": (Status.SAME, 2),
    "unknown-type-name-used": (Status.SAME, 2),
    "version-2": (Status.UNJUDGED, 0),
}


def records(path: Path) -> list[str]:
    """The records of a lease file, without what stands before them and the DHCPv6 identifier."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith(("#", "server-duid", "authoring"))]
    return [record.strip() for record in re.split(r"(?m)(?<=^\})$", "\n".join(lines)) if record.strip()]


def seconds_apart(one: str, other: str) -> int:
    """How far the times of two records lie apart; a day where they differ in anything else."""
    moment = re.compile(r"(\d+):(\d+):(\d+);")
    if moment.sub("", one) != moment.sub("", other):
        return 86_400
    times = [[int(h) * 3600 + int(m) * 60 + int(s) for h, m, s in moment.findall(text)] for text in (one, other)]
    return max((abs(a - b) for a, b in zip(*times, strict=True)), default=0)


@pytest.mark.parametrize("name", FAITHFUL)
def test_the_same_packets_and_the_same_leases(name: str, tmp_path: Path):
    packets, off_by_one = FAITHFUL[name]
    found = import_isc(str(TRACES / f"{name}.isc"), str(tmp_path / "tape"), str(tmp_path / "leases"))
    assert found.verdict.status is Status.SAME, found
    assert (found.sent, found.same, found.missing, found.extra) == (packets, packets, 0, 0)
    ours, isc = records(tmp_path / "leases"), records(TRACES / f"{name}.leases")
    assert len(ours) == len(isc)
    assert max((seconds_apart(*pair) for pair in zip(ours, isc, strict=True)), default=0) <= off_by_one
    again = play_file(str(tmp_path / "tape"), str(tmp_path / "again"))
    assert again.status is Status.SAME
    assert (tmp_path / "again").read_bytes() == (tmp_path / "leases").read_bytes()


def test_octets_of_connections_at_once_are_told_apart_by_what_they_say():
    greeting = bytes.fromhex("0000006400000018")

    def request(number: int) -> bytes:
        return bytes(16) + number.to_bytes(4, "big") + bytes(8)

    connections = Connections()
    connections.listen(StreamListen("omapi", 0, 7911))
    for port in (1, 2):
        connections.accepted(Accepted(0, 0, port, 7911), 0)
    said = [greeting, greeting + request(70), request(71), request(5), request(6), request(72), request(73)]
    came = [connections.came(Octets(0, one)) for one in said]
    assert [event.stream for event in came] == [2, 4, 4, 2, 2, 4, 4]
    assert connections.ended().stream == 2
    assert connections.came(Octets(0, request(74))).stream == 4
    assert connections.accepted(Accepted(0, 0, 3, 647), 0) is None
    assert connections.came(Octets(0, request(75))) is None


def test_nothing_runs_out_behind_the_end(tmp_path: Path):
    found = import_isc(str(TRACES / "07-expiry.isc"), None, str(tmp_path / "leases"))
    assert (found.verdict.status, found.same) == (Status.SAME, 10)
    ours, isc = records(tmp_path / "leases"), records(TRACES / "07-expiry.leases")
    assert ours == isc[: len(ours)]
    assert len(ours) == 8


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("10-failover-primary", "OMAPI and failover"),
        ("10-failover-secondary", "OMAPI and failover"),
        ("11-ddns", "DNS updates"),
    ],
)
def test_what_cannot_be_played_is_counted(name: str, left: str):
    found = import_isc(str(TRACES / f"{name}.isc"), None, None)
    assert dict(found.left)[left] > 0
    assert found.sent == found.same + found.missing
    assert found.verdict.status is (Status.DIFFERENT if found.missing or found.extra else Status.SAME)


@pytest.mark.parametrize(("name", "packets"), [("17-isc-3.0.4", 7), ("18-play-and-tf-of-03", 19)])
def test_other_layouts_and_other_times_are_read(name: str, packets: int):
    # 3.0 gives addresses from the other end, and a playback recorded by ISC has its times in another second: the
    # records are all there, the packets are not the same.
    found = import_isc(str(TRACES / f"{name}.isc"), None, None)
    assert (found.sent, found.left) == (packets, ())
    assert found.verdict.difference is not None


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_played_as_far_as_they_go(name: str, tmp_path: Path):
    path = TRACES / "damaged" / f"{name}.isc"
    status, same = DAMAGED[name]
    found = import_isc(str(path), None, str(tmp_path / "leases"))
    assert (found.verdict.status, found.same) == (status, same)
    assert status is not Status.DAMAGED or len(found.verdict.damage) > 10


def test_every_damaged_copy_is_tested():
    assert {path.stem for path in (TRACES / "damaged").glob("*.isc")} == set(DAMAGED)


def test_the_card_shows_what_isc_sent():
    result = CliRunner().invoke(cli, ["import-isc", str(TRACES / "17-isc-3.0.4.isc")])
    assert result.exit_code == Status.DIFFERENT
    assert re.search(r"yiaddr +10\.66\.1\.50 +10\.66\.1\.0", result.stdout)
    assert "0 of the 7 packets" in result.stdout


def test_the_command_makes_a_recording(tmp_path: Path):
    out = tmp_path / "tape"
    result = CliRunner().invoke(cli, ["import-isc", str(TRACES / "03-mixed.isc"), "-o", str(out), "--json"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["isc_packets"], told["same"], told["not_played"]) == (19, 19, {})
    assert Counter(CliRunner().invoke(cli, ["show", str(out)]).stdout.split())["DHCPNAK"] == 2


def test_the_program_plays_such_a_file_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    leases = tmp_path / "leases"
    assert main(str(TRACES / "03-mixed.isc"), str(leases)) == 0
    assert "19 of the 19" in capsys.readouterr().err
    assert records(leases) == records(TRACES / "03-mixed.leases")
    assert main(str(TRACES / "damaged/truncated-payload.isc"), str(leases)) == Status.DAMAGED
    assert main(str(TRACES / "03-mixed.isc"), str(tmp_path / "no/leases")) == Status.UNJUDGED
    assert not is_isc_trace(str(tmp_path / "absent"))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_a_verdict(tmp_path: Path, data: st.DataObject):
    octets = bytearray((TRACES / "04-ping-check.isc").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(octets) - 1))
        octets[at] = data.draw(st.integers(0, 255))
    del octets[data.draw(st.integers(0, len(octets))) :]
    path = tmp_path / "damaged"
    path.write_bytes(octets)
    found = import_isc(str(path), None, None)
    assert found.verdict.status in set(Status)
    assert found.sent == found.same + found.missing
