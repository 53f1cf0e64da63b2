"""`show` shows what all filters agree on, follows a file that grows; `info` knows by a glance what reading tells."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from dhcpd.replay.command.cli import cli
from dhcpd.replay.looking.filters import Filter, select
from dhcpd.replay.verbs import show
from dhcpd.replay.world.host import START_US
from dhcpd.trace import TapeWriter, open_tape
from dhcpd.trace.events import Packet
from tests.replay.engine_runs import Run
from tests.replay.tapes import record

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def run() -> Run:
    made = Run()
    made.serve(20)
    return made


@pytest.fixture(scope="module")
def trace(run: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(record(tmp_path_factory.mktemp("filters") / "t", *run.pairs))


def shown(trace: str, *words: str) -> list[int]:
    result = CliRunner().invoke(cli, ["show", trace, "--json", *words])
    assert result.exit_code == 0, result.stderr
    return [json.loads(line)["seq"] for line in result.stdout.splitlines()]


def wanted(run: Run, test: Any) -> list[int]:
    return [seq for seq, (event, _effects) in enumerate(run.pairs, 1) if isinstance(event, Packet) and test(event)]


def kind(event: Packet) -> int:
    return event.payload[242]


def test_each_filter_and_all_together(run: Run, trace: str) -> None:
    of_three = wanted(run, lambda event: event.payload[28:34] == b"\x02\0\0\0\0\x03")
    assert shown(trace, "--client", "02:00:00:00:00:03") == of_three
    assert shown(trace, "--message", "DHCPDISCOVER", "--message", "inform") == wanted(run, lambda e: kind(e) in (1, 8))
    assert shown(trace, "--xid", "0x5") == wanted(run, lambda event: event.payload[4:8] == b"\0\0\0\5")
    assert shown(trace, "--kind", "boot", "--kind", "End") == [1, len(run.pairs)]
    assert shown(trace, "--from", "10", "--to", "14") == [10, 11, 12, 13, 14]
    both = [seq for seq in of_three if seq in wanted(run, lambda event: kind(event) == 3)]
    assert both
    assert shown(trace, "--client", "02:00:00:00:00:03", "--message", "REQUEST") == both
    assert shown(trace, "--client", "02:00:00:00:00:03", "--count", "1") == of_three[:1]


def test_times(run: Run, trace: str) -> None:
    since, until = START_US + 20_000_000, START_US + 60_000_000
    inside = [seq for seq, (event, _) in enumerate(run.pairs, 1) if since <= event.wall_us <= until]
    assert inside
    assert shown(trace, "--since", "+20s", "--until", "+60s") == inside
    assert shown(trace, "--since", "+30h") == []


@pytest.mark.parametrize("words", [("--xid", "zz"), ("--address", "here"), ("--since", "soon")])
def test_a_filter_that_cannot_be_read_is_a_wrong_command_line(trace: str, words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, ["show", trace, *words])
    assert result.exit_code == 2
    assert words[0] in result.stderr


def test_following_ends_with_the_run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(show, "FOLLOW_EVERY_S", 0.01)
    writer = TapeWriter.create(tmp_path / "t", version="t")

    def write() -> None:
        for event, effects in run.pairs:
            writer.write_effects(writer.write_events([event]), [effects])
            writer.flush()
            time.sleep(0.001)

    writer.write_effects(writer.write_events([run.pairs[0][0]]), [run.pairs[0][1]])
    writer.flush()
    thread = threading.Thread(target=write)
    with open_tape(tmp_path / "t") as tape:
        thread.start()
        found = [entry.seq for entry in select(tape, Filter(), lambda: not time.sleep(0.01))]
    thread.join()
    writer.close()
    assert found == list(range(1, len(run.pairs) + 2))
