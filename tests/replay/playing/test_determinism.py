"""The claim of the project: the same events give the same effects, in another process, with other hashes, elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dhcpd.engine.machine import Machine
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import TapeWriter, open_tape
from tests.replay.engine_runs import CONFIGURATION, LEASES_FOUND, Run
from tests.replay.tapes import record

RECORDED = Path(__file__).parents[3] / "fixtures"
GLOBS = ("*/trace.bin", "omapi/*.trace")
FIXTURES = [path for glob in GLOBS for path in sorted(RECORDED.glob(glob))]

# Plays a tape and prints a digest of every effect and of the lease file. repr() shows types, order and values.
DIGEST = """
import hashlib, sys
from pathlib import Path
from dhcpd.engine.machine import Machine
from dhcpd.engine.machine import Machine
from dhcpd.replay.playing.play import play_file
digest = hashlib.sha256()
class Digesting(Machine):
    def apply(self, event):
        effects = super().apply(event)
        digest.update(repr(effects).encode())
        return effects
verdict = play_file(sys.argv[1], sys.argv[2], Digesting)
digest.update(Path(sys.argv[2]).read_bytes())
print(int(verdict.status), verdict.events, verdict.effects, digest.hexdigest())
"""


def digest(trace: Path, folder: Path, hash_seed: str) -> str:
    """What a process of its own says about the tape."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": "Asia/Kathmandu" if hash_seed == "7" else "UTC"}
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-c", DIGEST, str(trace), str(folder / "leases")]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = Run(leases=LEASES_FOUND)
    run.serve(120)
    return record(tmp_path_factory.mktemp("run") / "trace", *run.pairs)


def test_two_processes_with_other_hashes_do_the_same(trace: Path, tmp_path: Path) -> None:
    first = digest(trace, tmp_path / "a", "1")
    assert first.startswith("0 ")
    assert digest(trace, tmp_path / "b", "7") == first


def test_another_configuration_is_noticed(tmp_path: Path) -> None:
    """The comparison is no formality: a lease time that differs by a second is found."""
    run = Run()
    run.serve(12)
    shorter = Run(CONFIGURATION.replace(b"600", b"599"))
    shorter.serve(12)
    pairs = [(new[0], old[1]) for old, new in zip(run.pairs, shorter.pairs, strict=True)]
    verdict = play_file(str(record(tmp_path / "trace", *pairs)), str(tmp_path / "leases"))
    assert verdict.status is Status.DIFFERENT
    assert verdict.difference is not None
    assert verdict.difference.client == "02:00:00:00:00:00"


def test_a_machine_restored_from_any_snapshot_goes_on_the_same(tmp_path: Path) -> None:
    run = Run(leases=LEASES_FOUND)
    path = tmp_path / "trace"
    run.serve(40)
    writer = TapeWriter.create(path, version="test")
    again = Machine()
    for number, (event, effects) in enumerate(run.pairs):
        seq = writer.write_events([event])
        writer.write_effects(seq, [effects])
        assert again.apply(event) == effects
        if number > 12 and number % 25 == 0:
            writer.write_snapshot(seq, again.snapshot())
    writer.close()
    with open_tape(path) as tape:
        seqs = [entry.seq for entry in tape.iterate() if not hasattr(entry, "event")]
    assert len(seqs) >= 3
    for seq in seqs:
        with open_tape(path) as tape:
            snapshot = tape.snapshot(seq)
            assert snapshot is not None
            machine = Machine.restore(snapshot.data)
            for entry in tape.iterate(from_seq=seq + 1):
                if hasattr(entry, "event"):
                    assert tuple(machine.apply(entry.event)) == entry.effects, f"event {entry.seq} after {seq}"


@pytest.mark.parametrize("path", FIXTURES, ids=[f"{path.parent.name}/{path.stem}" for path in FIXTURES])
def test_every_recorded_client_is_answered_again_whatever_the_hashes(path: Path, tmp_path: Path) -> None:
    """That the effects and the lease files are the recorded ones is tested in fixtures/, by the plugin for pytest."""
    first = digest(path, tmp_path / "a", "1")
    assert first.startswith("0 "), first
    assert digest(path, tmp_path / "b", "7") == first
