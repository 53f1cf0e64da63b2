"""The recorded scenarios of fixtures/ddns: each plays from the snapshot behind every event, under two hash seeds.

That each plays from its start without a difference is a test of its own, by the plugin (replay/pytest_plugin.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RECORDINGS = sorted((ROOT / "fixtures/ddns").glob("*.trace"))
PLAYER = ROOT / "tests/replay/failover/restoring.py"


def begun(seed: int) -> subprocess.Popen[str]:
    """A process that plays them all, with a machine restored behind each event."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(PLAYER), *map(str, RECORDINGS)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)


def test_each_plays_from_the_snapshot_behind_every_event_under_two_hash_seeds() -> None:
    players = [begun(1), begun(2)]
    first, second = ([line.rsplit(" ", 2) for line in one.communicate(timeout=280)[0].splitlines()] for one in players)
    assert [one.returncode for one in players] == [0, 0]
    assert len(first) == len(RECORDINGS) > 50
    assert [one[0] for one in first if one[1] != "0"] == []
    assert first == second
