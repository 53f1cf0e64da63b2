"""The state of any moment, from whatever snapshot the tape has, is that of a machine that was told all before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dhcpd.engine.machine import Machine
from dhcpd.replay.playing.digest import digest
from dhcpd.replay.playing.seek import EngineFailed, NoSuchMoment, machine_at, machine_at_time, seq_at
from dhcpd.trace import TapeWriter, open_tape
from tests.replay.engine_runs import LEASES_FOUND, Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dhcpd.trace import Tape


@pytest.fixture(scope="module")
def run() -> Run:
    made = Run(leases=LEASES_FOUND)
    made.serve(40)
    return made


def write(path: Path, run: Run, *, first: int = 1, snapshots: tuple[int, ...] = ()) -> Path:
    """A tape of the run from event `first` on, with snapshots after the numbered events."""
    machine = Machine()
    tape = TapeWriter.create(path, version="t", first_seq=first)
    for seq, (event, effects) in enumerate(run.pairs, 1):
        machine.apply(event)
        if seq >= first:
            tape.write_effects(tape.write_events([event]), [effects])
        if seq in snapshots and seq >= first - 1:
            tape.write_snapshot(seq, machine.snapshot())
    tape.close()
    return path


def told(run: Run, seq: int) -> bytes:
    machine = Machine()
    for event, _effects in run.pairs[:seq]:
        machine.apply(event)
    return digest(machine.snapshot())


@pytest.fixture(scope="module", params=[(), (30, 60, 90)], ids=["plain", "snapshots"])
def tape(request: pytest.FixtureRequest, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tape]:
    with open_tape(write(tmp_path_factory.mktemp("seek") / "t", run, snapshots=request.param)) as opened:
        yield opened


@pytest.mark.parametrize("seq", [0, 1, 29, 30, 31, 89, 90, 95])
def test_the_state_after_an_event(tape: Tape, run: Run, seq: int) -> None:
    assert digest(machine_at(tape, seq).snapshot()) == told(run, seq)


def test_a_snapshot_spares_the_events_before_it(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t", run, snapshots=(60,))
    applied = []
    apply = Machine.apply
    monkeypatch.setattr(Machine, "apply", lambda machine, event: applied.append(event) or apply(machine, event))
    with open_tape(path) as tape:
        machine_at(tape, 64)
    assert len(applied) == 4


def test_by_time(tape: Tape, run: Run) -> None:
    moment = run.pairs[49][0].wall_us
    last = max(seq for seq, (event, _) in enumerate(run.pairs, 1) if event.wall_us <= moment)
    assert seq_at(tape, moment) == last
    assert digest(machine_at_time(tape, moment).snapshot()) == told(run, last)
    assert seq_at(tape, run.pairs[-1][0].wall_us + 10**9) == len(run.pairs)
    with pytest.raises(NoSuchMoment, match="before the recording's first event"):
        seq_at(tape, run.pairs[0][0].wall_us - 1)


def test_beyond_the_end_is_an_error_that_tells_the_last(tape: Tape, run: Run) -> None:
    with pytest.raises(NoSuchMoment, match=f"ends with event {len(run.pairs):,}"):
        machine_at(tape, len(run.pairs) + 1)


def test_a_tape_that_goes_on_from_another(run: Run, tmp_path: Path) -> None:
    with open_tape(write(tmp_path / "t", run, first=41, snapshots=(40,))) as tape:
        assert digest(machine_at(tape, 40).snapshot()) == told(run, 40)
        assert digest(machine_at(tape, 70).snapshot()) == told(run, 70)
        with pytest.raises(NoSuchMoment, match="begins at event 41"):
            machine_at(tape, 39)


def test_a_failing_engine_is_named_with_its_event(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_machine: Machine, _event: object) -> None:
        raise ZeroDivisionError

    path = write(tmp_path / "t", run, snapshots=(30,))
    monkeypatch.setattr(Machine, "apply", fail)
    with open_tape(path) as tape, pytest.raises(EngineFailed, match="at event 31"):
        machine_at(tape, 40)
