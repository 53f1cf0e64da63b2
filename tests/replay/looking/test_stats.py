"""`stats` counts what the run did, and its pools are those of the machine at the end of each bucket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from dhcpd.replay.command.cli import cli
from dhcpd.replay.looking.figures.stats import Bucket
from dhcpd.replay.looking.leasetable import PoolRow, pool_rows
from dhcpd.replay.showing.decode import message_name
from dhcpd.replay.verbs import stats as verb
from dhcpd.trace.effects import Send
from dhcpd.trace.events import Packet
from tests.replay.engine_runs import CONFIGURATION, Run
from tests.replay.tapes import record

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


def test_answers_for_people_fit_eighty_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(CONFIGURATION.replace(b"authoritative;", b""))
    name = b"a-name-of-sixty-three-octets-which-is-as-long-as-a-label-may-be"
    for client in range(12):
        run.packet(client, 1, bytes([12, len(name)]) + name)
        run.packet(client, 3, bytes([50, 4, 192, 0, 2, client]))
        run.now_us += 86_400_000_000 // 5
    trace = str(record(tmp_path / "t", *run.pairs))
    shown = CliRunner().invoke(cli, ["stats", trace]).stdout
    assert shown.count(name.decode()) == 10
    assert widest(shown) <= 80
    # The same where everything is as large as it comes: a day of a great site in one bucket.
    crowd = Bucket(run.pairs[0][0].wall_us, unanswered=99_999_999)
    crowd.received.update(DHCPDISCOVER=1_234_567_890)
    crowd.sent.update(DHCPACK=999_999, DHCPNAK=99_999)
    crowd.times.exchanges = 99_999 * 3_600
    crowd.times.decision.add(59_994_000)
    crowd.times.release.add(999_400)
    crowd.pools = [PoolRow("10.0.0.0/8", "10.0.0.1-10.255.255.254", 1 << 24, 1 << 23, 0, 1 << 20, 1 << 20, 0)]

    def crowded(_tape, _span, totals, _progress) -> list[Bucket]:
        totals.add(crowd)
        totals.silences[f"DHCPDISCOVER: {'network ' * 30}is full"] = 99_999_999
        return [crowd, crowd]

    monkeypatch.setattr(verb, "buckets", crowded)
    shown = CliRunner().invoke(cli, ["stats", trace, "--every", "1h"]).stdout
    assert shown.splitlines()[2].split()[1:6] == ["1235M", "999,999", "99,999", "100.0M", "99,999.0"]
    assert widest(shown) <= 80


def test_full_pools_are_counted(tmp_path: Path) -> None:
    run = Run(b"ping-check false; subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.0.1 10.0.0.2; range 10.0.0.9; }")
    for client in range(3):
        run.exchange(client)
    lines = CliRunner().invoke(cli, ["stats", str(record(tmp_path / "t", *run.pairs))]).stdout.splitlines()
    head = next(line for line in lines if line.endswith("full pools"))
    assert lines[lines.index(head) + 2].split()[1:] == ["3", "0", "0", "0", "1"]
