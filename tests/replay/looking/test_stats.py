"""`stats` counts what the run did, and its pools are those of the machine at the end of each bucket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from dhcpd.replay.command.cli import cli
from dhcpd.replay.looking.leasetable import pool_rows
from dhcpd.replay.showing.decode import message_name
from dhcpd.trace.effects import Send
from dhcpd.trace.events import Packet
from tests.replay.engine_runs import Run
from tests.replay.tapes import record

if TYPE_CHECKING:
    from pathlib import Path


def test_counts_and_pools_are_the_runs(tmp_path: Path) -> None:
    run = Run()
    run.serve(20)
    trace = str(record(tmp_path / "t", *run.pairs))
    result = CliRunner().invoke(cli, ["stats", trace, "--every", "1m", "--json"])
    assert result.exit_code == 0, result.stderr
    *series, totals = map(json.loads, result.stdout.splitlines())
    packets = [(event, effects) for event, effects in run.pairs if isinstance(event, Packet)]
    assert sum(sum(one["received"].values()) for one in series) == len(packets)
    sent = [message_name(e.payload) for _, effects in packets for e in effects if isinstance(e, Send)]
    assert sum(one["sent"].get("DHCPNAK", 0) for one in series) == sent.count("DHCPNAK") > 0
    silent = sum(
        not any(isinstance(e, Send) for e in effects)
        for event, effects in packets
        if message_name(event.payload) not in {"DHCPRELEASE", "DHCPDECLINE"}
    )
    assert sum(one["unanswered"] for one in series) == sum(totals["unanswered"].values()) == silent
    assert totals["clients"] == len({event.payload[28:34] for event, _ in packets})
    assert len(series) > 1
    active = sum(pool["active"] for pool in series[-1]["pools"])
    assert active > sum(pool.active for pool in pool_rows(run.machine)) == 0
    assert CliRunner().invoke(cli, ["stats", trace, "--every", "soon"]).exit_code == 2
