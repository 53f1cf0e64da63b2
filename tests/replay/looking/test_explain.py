"""`dhcpd-trace explain`: who asks, by whatever name of the client, is told why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from dhcpd.engine.model.change import Cause
from dhcpd.replay.command.cli import cli
from dhcpd.replay.looking.leasetable import CAUSES
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import TapeWriter
from tests.replay.engine_runs import Run, yiaddr
from tests.replay.tapes import NOW_US, record

if TYPE_CHECKING:
    from dhcpd.trace.effects import Effect
    from dhcpd.trace.events import Event

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def run() -> Run:
    made = Run()
    made.serve(5)
    made.packet(9, 1, b"\x3d\x05\x00abcd")
    return made


@pytest.fixture(scope="module")
def trace(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("explain") / "trace", *run.pairs)


def invoke(*words: str) -> Result:
    result = CliRunner().invoke(cli, ["explain", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def objects(*words: str) -> list[dict[str, object]]:
    result = invoke(*words, "--json")
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_what_became_of_leases_is_told(trace: Path) -> None:
    one, two, *_ = objects(str(trace), "--client", "02:00:00:00:00:01")
    (offered,), (granted,) = one["changes"], two["changes"]  # type: ignore[misc]
    assert (offered["cause"], granted["cause"]) == ("offer", "grant")
    assert (granted["before"]["state"], granted["after"]["state"]) == ("free", "active")
    shown = invoke(str(trace), "--client", "02:00:00:00:00:01", "--count", "2").stdout
    assert "free -> active until " in shown


def test_every_cause_has_its_words() -> None:
    assert set(CAUSES) == set(Cause)


def test_by_hardware_shows_network_class_pool_and_option(trace: Path) -> None:
    result = invoke(str(trace), "--client", "02:00:00:00:00:01", "--count", "1")
    assert result.exit_code == 0
    for words in (
        "the packet's giaddr",
        "spawned for",
        "permitted",
        "head of the free queue",
        "/etc/dhcpd.conf:4",
        "granted",
    ):
        assert words in result.stdout


def test_every_name_of_a_client_finds_it(trace: Path) -> None:
    last = [
        objects(str(trace), "--client", name)[-1]["seq"] for name in ("abcd", "00:61:62:63:64", "02-00-00-00-00-09")
    ]
    assert len(set(last)) == 1
    answer = str(objects(str(trace), "--client", "abcd")[-1]["answer"])
    assert last[0] in [one["seq"] for one in objects(str(trace), "--client", answer.split()[1])]


def test_event_by_number(trace: Path, run: Run) -> None:
    number = len(run.pairs)
    (one,) = objects(str(trace), "--event", str(number))
    assert one["seq"] == number
    assert one["differs_from_recording"] is False


def test_nothing_found_is_said(trace: Path) -> None:
    for words in (("--client", "ff:ff:ff:ff:ff:ff"), ("--event", "999999")):
        result = invoke(str(trace), *words)
        assert result.exit_code == Status.UNJUDGED
        assert "no " in result.stderr


def test_wrong_command_lines(trace: Path, tmp_path: Path) -> None:
    assert invoke(str(trace)).exit_code == 2
    assert invoke(str(trace), "--client", "x", "--event", "1").exit_code == 2
    (tmp_path / "no").write_bytes(b"no tape")
    assert invoke(str(tmp_path / "no"), "--event", "1").exit_code == Status.DAMAGED


def test_other_effects_than_recorded_are_said(run: Run, tmp_path: Path) -> None:
    pairs: list[tuple[Event, list[Effect]]] = [*run.pairs[:-1], (run.pairs[-1][0], [])]
    result = invoke(str(record(tmp_path / "trace", *pairs)), "--event", str(len(pairs)))
    assert result.exit_code == Status.DIFFERENT
    assert "other effects" in result.stdout


def test_a_snapshot_shortens_the_way(tmp_path: Path) -> None:
    run = Run()
    address = run.exchange(3)
    seq = len(run.pairs)
    snapshot = run.machine.snapshot()
    again = yiaddr(run.packet(3, 1))
    assert again == address
    writer = TapeWriter.create(tmp_path / "trace", version="0.0.test", host="test", created_us=NOW_US)
    for number, (event, effects) in enumerate(run.pairs, 1):
        first = writer.write_events([event])
        writer.write_effects(first, [effects])
        if number == seq:
            writer.write_snapshot(seq, snapshot)
    writer.close()
    (one,) = objects(str(tmp_path / "trace"), "--event", str(seq + 1))
    assert one["differs_from_recording"] is False
