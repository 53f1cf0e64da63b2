"""Simulated pairs: the same seed is the same run, what must hold holds, and what does not is found and kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from dhcpd.engine.failover.rules import lease_time
from dhcpd.replay.command.cli import cli
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.replay.simulate import sites
from dhcpd.replay.simulate.drawing import plan
from dhcpd.replay.simulate.judging import judge
from dhcpd.replay.simulate.plan import NotAPlan, Plan
from dhcpd.replay.simulate.run import Run
from dhcpd.replay.world.host import START_US

PLANS: Final = sorted((Path(__file__).parent / "plans").glob("*.json"))
SEEDS: Final = range(1, 31)
TRACE: Final = Path(sys.executable).with_name("dhcpd-trace")
KEPT: Final = Path(__file__).parents[2] / "build/simulated"


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_holds(seed: int):
    outcome = Run(plan(seed)).carry_out()
    assert outcome.violated is None, f"dhcpd-trace simulate --seeds {seed}"
    assert outcome.met["ack"] > 0


@pytest.mark.timeout(1800)
def test_two_thousand_seeds_hold_and_meet_everything():
    """Three million events, some minutes on two cores: what fails is kept in build/simulated, with its recordings."""
    if not os.environ.get("DHCPD_INSTALL"):
        pytest.skip("simulates for minutes: DHCPD_INSTALL=1 allows it")
    words = ["simulate", "--seeds", "1..2000", "--jobs", "2", "--json", "-o", str(KEPT)]
    result = subprocess.run([TRACE, *words], capture_output=True, text=True, check=False)
    assert result.stdout, result.stderr[-4000:]
    said = json.loads(result.stdout)
    assert said["failures"] == 0, result.stderr[-4000:]
    assert said["never_met"] == []
    assert said["events"] >= 3_000_000
    assert result.returncode == 0, result.stderr[-4000:]


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_what_was_violated_once_holds(path: Path):
    outcome = Run(Plan.of(path.read_text())).carry_out()
    assert outcome.violated is None, f"dhcpd-trace simulate {path}"


def test_a_seed_is_the_same_run_whatever_the_order_of_hashes():
    words = """if True:
        from dhcpd.replay.simulate.many import Batch, simulate_batch
        found = simulate_batch(Batch(5, 6, ("kill", "power")))
        print(found.events, found.met)
    """
    said = {
        subprocess.run([sys.executable, "-c", words], env={**os.environ, "PYTHONHASHSEED": hashes}, check=True,
                       capture_output=True, text=True).stdout
        for hashes in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1
    assert "ack" in said.pop()


def test_a_failure_is_kept_as_recordings_that_play_and_a_plan_that_fails_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lease_time, "granted", lambda _now, wanted, _tsfp, _mclt: wanted)
    result = CliRunner().invoke(cli, ["simulate", "--seeds", "1..4", "--jobs", "1", "-o", str(tmp_path)])
    assert result.exit_code == 1, result.output
    assert "lead: server-" in result.stdout
    folder = min(tmp_path.iterdir())
    assert len(Plan.of((folder / "plan.json").read_text()).steps) <= 12  # of some hundred
    assert (folder / "why.txt").read_text().startswith("lead: ")
    recordings = sorted(folder.glob("*.trace"))
    assert len(recordings) >= 2
    assert {play_file(str(one), str(tmp_path / "leases")).status for one in recordings} == {Status.SAME}
    again = CliRunner().invoke(cli, ["simulate", str(folder / "plan.json"), "-o", str(tmp_path / "again")])
    assert again.exit_code == 1
    assert (tmp_path / "again" / folder.name / "why.txt").read_text() == (folder / "why.txt").read_text()
    monkeypatch.undo()
    again = CliRunner().invoke(cli, ["simulate", str(folder / "plan.json"), "-o", str(tmp_path / "again")])
    assert again.exit_code == 0, again.output


def test_the_document_tells_when_a_run_begins():
    began = datetime.fromtimestamp(START_US // 1_000_000, UTC)
    page = Path(__file__).parents[2] / "docs/simulating-failover.md"
    assert f"{began:%Y-%m-%d %H:%M:%S}" in page.read_text()


def test_names_that_are_not_tried_again_are_missed(monkeypatch: pytest.MonkeyPatch):
    """Seed 233 has names, and a name server that fails in each way."""
    met = Run(plan(233)).carry_out().met
    assert all(met[f"fault: {kind}"] for kind in ("dns-down", "dns-fails", "dns-late", "dns-time"))
    monkeypatch.setattr(sites, "NAMES", sites.NAMES + "ddns-retry off;\n")
    violated = Run(plan(233)).carry_out().violated
    assert violated is not None
    assert violated.invariant == "names"


def test_servers_that_talk_without_end_are_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judge, "EVENTS_A_SECOND_MAXIMUM", 10)
    violated = Run(plan(2)).carry_out().violated
    assert violated is not None
    assert "without end" in violated.what


def test_a_plan_is_its_text():
    for seed in SEEDS:
        assert Plan.of(plan(seed).text()) == plan(seed)
    for text in ("", "{}", "[1]", '{"format": 2}', plan(1).text().replace('"clients"', '"client"')):
        with pytest.raises(NotAPlan):
            Plan.of(text)


@pytest.mark.parametrize(
    "words", [("--seeds", "x"), ("--seeds", "9..3"), ("--faults", "rain"), ("--without", "kill,snow")]
)
def test_what_is_not_understood_is_said(words: tuple[str, ...]):
    result = CliRunner().invoke(cli, ["simulate", *words])
    assert result.exit_code == 2
    assert words[-1].rpartition(",")[2] in result.stderr


def test_faults_are_chosen():
    words = ["simulate", "--seeds", "10", "--jobs", "1", "--json"]
    for option, kinds, met, unmet in (
        ("--faults", "none", (), ("kill", "power")), ("--without", "kill", ("power",), ("kill",)),
    ):  # fmt: skip
        result = CliRunner().invoke(cli, [*words, option, kinds])
        assert result.exit_code == 0, result.output
        said = json.loads(result.stdout)
        assert all(said["met"].get(f"fault: {kind}") for kind in met)
        assert not any(said["met"].get(f"fault: {kind}") for kind in unmet)
        assert set(said["never_met"]) >= {f"fault: {kind}" for kind in unmet}
