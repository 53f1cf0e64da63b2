"""`dhcpd-trace bisect`: the first event that another configuration or another version answers otherwise."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from dhcpd.replay.command.cli import cli
from dhcpd.replay.playing.verdict import Status
from dhcpd.replay.showing.decode import options_of
from dhcpd.trace.effects import Send
from tests.replay.engine_runs import CONFIGURATION, LEASES_FOUND, Run
from tests.replay.tapes import record

if TYPE_CHECKING:
    from pathlib import Path

ROOT_PATH = 17


@pytest.fixture(scope="module")
def run() -> Run:
    made = Run(leases=LEASES_FOUND)
    made.serve(9)
    return made


@pytest.fixture
def trace(run: Run, tmp_path: Path) -> str:
    return str(record(tmp_path / "trace", *run.pairs))


def invoke(*words: str) -> Result:
    result = CliRunner().invoke(cli, ["bisect", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def conf(folder: Path, content: bytes) -> str:
    path = folder / "other.conf"
    path.write_bytes(content)
    return str(path)


def test_the_first_member_of_a_class_whose_option_changed(run: Run, trace: str, tmp_path: Path):
    wanted = next(
        seq
        for seq, (_, effects) in enumerate(run.pairs, 1)
        if any(isinstance(one, Send) and ROOT_PATH in options_of(one.payload) for one in effects)
    )
    other = conf(tmp_path, CONFIGURATION.replace(b'root-path "/odd"', b'root-path "/even"'))
    told = json.loads(invoke(trace, "-cf", other, "--json").stdout)
    assert told["seq"] == wanted
    assert any("/even" in reason["verdict"] for reason in told["other_reasons"])
    shown = invoke(trace, "-cf", other)
    assert shown.exit_code == Status.DIFFERENT
    assert 'option root-path  "/odd"    "/even"' in shown.stdout
    assert "    + option  root-path" in shown.stdout


def test_the_same_configuration_never_parts(trace: str, tmp_path: Path):
    result = invoke(trace, "-cf", conf(tmp_path, CONFIGURATION + b"# a comment\n"))
    assert (result.exit_code, result.stdout) == (Status.SAME, "The configurations never part.\n")


def test_what_cannot_be_judged_is_said(trace: str, tmp_path: Path):
    assert invoke(trace, "-cf", conf(tmp_path, b"subnet {")).exit_code == Status.UNJUDGED
    assert invoke(trace, "-cf", str(tmp_path / "none")).exit_code == Status.UNJUDGED
    assert invoke(trace, "--other", "/nowhere/dhcpd").exit_code == Status.UNJUDGED
    assert invoke(trace, "--other", f"{sys.executable} -c 'raise SystemExit(3)'").exit_code == Status.UNJUDGED
    assert invoke(trace).exit_code == 2
    other = conf(tmp_path, CONFIGURATION)
    assert invoke(other, "-cf", other).exit_code == Status.DAMAGED


PROGRAM = """
import sys
from dhcpd.trace import open_tape
with open_tape(sys.argv[sys.argv.index("-play") + 1]) as tape:
    last = max(entry.seq for entry in tape.iterate())
print("{line}")
sys.exit(last >= {bad})
"""


@pytest.mark.parametrize("line", ["", "left at event 21", "left at event 9"], ids=["silent", "telling", "lying"])
def test_another_program_is_asked_by_its_exit_status(trace: str, tmp_path: Path, line: str):
    program = tmp_path / "other.py"
    program.write_text(PROGRAM.format(line=line, bad=21))
    result = invoke(trace, "--other", f"{sys.executable} {program}", "--json")
    assert result.exit_code == Status.DIFFERENT
    told = json.loads(result.stdout)
    assert (told["seq"], told["here"]["seq"]) == (21, 21)
    assert told["runs"] <= (3 if "21" in line else 8)


def test_another_program_that_agrees(trace: str, tmp_path: Path):
    program = tmp_path / "other.py"
    program.write_text(PROGRAM.format(line="", bad=1_000_000))
    assert invoke(trace, "--other", f"{sys.executable} {program}").exit_code == Status.SAME
