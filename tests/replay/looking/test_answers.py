"""Answers that came late: an OFFER behind a ping is the DISCOVER's, in `stats` and in `show --client`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from dhcpd.replay.command.cli import cli
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Answers, Send
from tests.replay.engine_runs import CONFIGURATION, SERVER, Run
from tests.replay.tapes import record

if TYPE_CHECKING:
    from pathlib import Path

PINGING = CONFIGURATION.replace(b"ping-check false;", b"ping-check true;")


@pytest.fixture
def run() -> Run:
    made = Run(PINGING)
    made.packet(1, 1)
    made.packet(2, 1)
    made.wait(3)
    made.packet(1, 7, bytes([54, 4]) + SERVER.to_bytes(4, "big"), ciaddr=0x0A000105)
    made.tell(ev.End(*made.now, "SIGTERM"))
    return made


@pytest.fixture
def trace(run: Run, tmp_path: Path) -> str:
    return str(record(tmp_path / "run.trace", *run.pairs))


def asked(*words: str) -> list[dict]:
    result = CliRunner().invoke(cli, [*words, "--json"])
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_late_offer_names_the_discover_that_it_answers(run: Run) -> None:
    numbers = {id(event): seq for seq, (event, _effects) in enumerate(run.pairs, 1)}
    discovers = [numbers[id(event)] for event, _effects in run.pairs if isinstance(event, ev.Packet)][:2]
    late = [one for event, effects in run.pairs if isinstance(event, ev.Timer) for one in effects]
    assert [one.event for one in late if isinstance(one, Answers)] == discovers
    assert sum(isinstance(one, Send) for one in late) == 2


def test_stats_counts_it_as_sent_and_its_discover_as_answered(trace: str) -> None:
    totals = asked("stats", trace)[-1]
    assert totals["sent"]["DHCPOFFER"] == 2
    assert "DHCPDISCOVER" not in json.dumps(totals["unanswered"])
    assert "DHCPRELEASE" not in json.dumps(totals["unanswered"])


def test_show_of_a_client_has_the_offer_that_left_under_the_timer(trace: str) -> None:
    shown = asked("show", trace, "--client", "02:00:00:00:00:01")
    assert [one["event"] for one in shown] == ["Packet", "Timer", "Packet"]
