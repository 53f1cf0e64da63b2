"""A piece of a recording plays alone, and says what the whole says about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from dhcpd.replay.command.cli import cli
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import Entry, open_tape
from dhcpd.trace import events as ev
from tests.replay.engine_runs import Run
from tests.replay.planting import Planted, plant, record_run

if TYPE_CHECKING:
    from collections.abc import Sequence

FIXTURES = Path(__file__).parents[3] / "fixtures"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return plant(tmp_path_factory.mktemp("planted") / "planted.trace", 20, 300, 7)


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs that are run, declines, releases, expiry."""
    run = Run()
    run.serve(40)
    return record_run(tmp_path_factory.mktemp("lively") / "lively.trace", run)


def cut(trace: Path, out: Path, *words: str) -> Result:
    result = CliRunner().invoke(cli, ["slice", str(trace), "-o", str(out), *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def entries(path: Path) -> list[Entry]:
    with open_tape(path) as tape:
        return [entry for entry in tape.iterate() if isinstance(entry, Entry)]


def hardware_of(found: Sequence[Entry]) -> set[str]:
    return {entry.event.payload[28:34].hex(":") for entry in found if isinstance(entry.event, ev.Packet)}


def test_a_stretch_is_the_runs_own(planted: Planted, tmp_path: Path) -> None:
    first, last = planted.seq - 40, planted.seq + 40
    assert cut(planted.path, tmp_path / "out", "--from", str(first), "--to", str(last)).exit_code == 0
    assert entries(tmp_path / "out") == [one for one in entries(planted.path) if first <= one.seq <= last]
    verdict = play_file(str(tmp_path / "out"), None)
    assert verdict.difference is not None
    assert verdict.difference.seq == planted.seq


def test_time_bounds_a_stretch(planted: Planted, tmp_path: Path) -> None:
    result = cut(
        planted.path, tmp_path / "out", "--since", "2026-09-21T14:13:22", "--until", "2026-09-21T14:13:25", "--json"
    )
    told = json.loads(result.stdout)
    found = entries(tmp_path / "out")
    expected = [one for one in entries(planted.path) if 2_000_000 <= one.event.mono_us < 5_000_000]
    assert found == expected
    assert (told["events"], told["first_seq"]) == (len(expected), expected[0].seq)
    assert play_file(str(tmp_path / "out"), None).status is Status.SAME


def test_clients_are_alone_and_keep_their_fault(planted: Planted, tmp_path: Path) -> None:
    other = "02:00:00:00:00:03"
    assert cut(planted.path, tmp_path / "out", "--client", planted.client, "--client", other).exit_code == 0
    assert hardware_of(entries(tmp_path / "out")) == {planted.client, other}
    difference = play_file(str(tmp_path / "out"), None).difference
    assert difference is not None
    assert difference.client == planted.client
    assert cut(planted.path, tmp_path / "sound", "--client", other).exit_code == 0
    assert play_file(str(tmp_path / "sound"), None).status is Status.SAME


@pytest.mark.parametrize("client", [0, 7, 11, 13, 33])
def test_what_a_client_needs_comes_along(lively: Path, tmp_path: Path, client: int) -> None:
    """Its packets are answered as before, though addresses may be others, and its programs end."""
    hardware = (b"\x02\0" + client.to_bytes(4, "big")).hex(":")
    assert cut(lively, tmp_path / "out", "--client", hardware).exit_code == 0
    assert play_file(str(tmp_path / "out"), None).status is Status.SAME
    before = [one for one in entries(lively) if hardware in hardware_of([one])]
    after = [one for one in entries(tmp_path / "out") if hardware in hardware_of([one])]
    assert [one.event for one in after] == [one.event for one in before]


def test_timers_and_pings_are_kept_where_they_are_asked_for(tmp_path: Path) -> None:
    """A real run with ping-check: its only client's slice is the whole run."""
    trace = FIXTURES / "dhclient" / "trace.bin"
    (client,) = hardware_of(entries(trace))
    assert cut(trace, tmp_path / "out", "--client", client).exit_code == 0
    assert [one[:2] for one in entries(tmp_path / "out")] == [one[:2] for one in entries(trace)]
    nobody = cut(trace, tmp_path / "nobody", "--client", "02:00:00:00:00:99")
    assert nobody.exit_code == 0
    kinds = {type(one.event) for one in entries(tmp_path / "nobody")}
    assert not kinds & {ev.Packet, ev.Timer, ev.PingReply}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--from", "99999"), "no event from 99,999"),
        (("--since", "2030-01-01"), "no event in the time"),
        (("--since", "2026-09-21T14:13:22", "--until", "2026-09-21T14:13:22"), "no event in the time"),
    ],
)
def test_nothing_to_cut_is_said(planted: Planted, tmp_path: Path, words: tuple[str, ...], complaint: str) -> None:
    result = cut(planted.path, tmp_path / "out", *words)
    assert result.exit_code == 125
    assert complaint in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_moment_that_is_none_is_refused(planted: Planted, tmp_path: Path) -> None:
    result = cut(planted.path, tmp_path / "out", "--since", "yesterday")
    assert result.exit_code == 2
    assert "2026-11-24T14:05:00" in result.stderr
