"""The recorded pairs of fixtures/failover: each plays from the snapshot behind every event, under two hash seeds.

That each plays from its start without a difference is a test of its own, by the plugin (replay/pytest_plugin.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dhcpd.engine.failover.rules.states import BY_WORD, PAUSED, State
from dhcpd.replay.failover.matching import check_pair, join
from dhcpd.replay.failover.side import read_side
from dhcpd.replay.failover.timeline import Pair, timeline
from dhcpd.trace import open_tape

ROOT = Path(__file__).resolve().parents[3]
RECORDINGS = sorted((ROOT / "fixtures/failover").glob("*.trace"))
WHOLE_PAIRS = [
    path for path in RECORDINGS
    if path.name.endswith(".primary.trace") and path.with_name(path.name.replace(".primary.", ".secondary.")).exists()
]  # fmt: skip


def played(seed: int) -> list[list[str]]:
    """(name, how many events differed, digest) of each recording, restored after every event."""
    command = [sys.executable, str(Path(__file__).with_name("restoring.py")), *map(str, RECORDINGS)]
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=280, env=environment, cwd=ROOT)
    return [line.rsplit(" ", 2) for line in done.stdout.splitlines()]


def test_each_plays_from_the_snapshot_behind_every_event_under_two_hash_seeds():
    first, second = played(1), played(2)
    assert len(first) == len(RECORDINGS) > 60
    assert [one[0] for one in first if one[1] != "0"] == []
    assert first == second


def test_the_recordings_visit_the_states():
    """Among them are all states that a pair comes to by itself; PAUSED is an operator's, and nobody's."""
    visited = set()
    for path in RECORDINGS:
        with open_tape(str(path)) as tape:
            visited |= {BY_WORD[change.new] for change in read_side(tape).changes}
    assert visited >= set(State) - {PAUSED, State.UNKNOWN}


@pytest.mark.parametrize("path", WHOLE_PAIRS, ids=lambda path: path.name.partition(".")[0])
def test_both_ends_of_a_whole_pair_come_together(path: Path):
    """Every message that was heard was said; and nobody's order is broken."""
    sides = []
    for one in (path, path.with_name(path.name.replace(".primary.", ".secondary."))):
        with open_tape(str(one)) as tape:
            sides.append(read_side(tape))
    pair = Pair((sides[0], sides[1]), check_pair(*sides), tuple(join(*sides)))
    passages = [one for joined in pair.joined for one in joined.passages]
    assert sum(one.heard is not None for one in passages) > 20
    assert all(one.said is not None for one in passages)
    rows = timeline(pair)
    for side in (0, 1):
        seqs = [row.seq for row in rows if row.side == side]
        assert seqs == sorted(seqs)
