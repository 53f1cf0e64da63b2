"""What Prometheus is given is what it takes: its own tool says so of the metrics, the rules and what they raise."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from dhcpd.replay.looking.figures.counted import counted
from dhcpd.replay.looking.figures.exposition import families, pieces
from dhcpd.trace import open_tape

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "packaging/monitoring/alerts.yml"
CASES = Path(__file__).with_name("alerts.yml")


def promtool(program: str, *words: str, given: str = "") -> str:
    done = subprocess.run([program, *words], input=given, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_metrics_are_as_prometheus_wants_them(needs_program: Callable[[str], str]) -> None:
    with open_tape(str(ROOT / "fixtures/dhcrelay/trace.bin")) as tape:
        text = b"".join(pieces(families(counted(tape)))).decode()
    assert text.endswith("\n")
    assert promtool(needs_program("promtool"), "check", "metrics", given=text) == ""


def test_the_rules_raise_what_they_should_and_nothing_else(needs_program: Callable[[str], str]) -> None:
    program = needs_program("promtool")
    assert "SUCCESS" in promtool(program, "check", "rules", str(RULES))
    assert "SUCCESS" in promtool(program, "test", "rules", str(CASES))
