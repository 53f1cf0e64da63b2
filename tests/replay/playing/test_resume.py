"""Tapes that begin with a snapshot, or hold one behind later events, are played from it; digests tell equal states."""

from __future__ import annotations

import pytest

from dhcpd.engine.machine import SNAPSHOT_VERSION, Machine
from dhcpd.replay.looking.explain import explain
from dhcpd.replay.playing import resume
from dhcpd.replay.playing.digest import digest
from dhcpd.replay.playing.leases import lease_file_of
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import DamagedTape, NoBeginning, SnapshotEntry, TapeWriter, open_tape, pack_snapshot
from tests.replay.engine_runs import LEASES_FOUND, Run


@pytest.fixture(scope="module")
def run():
    """A run of some two hundred events, with a third event's state in the middle taken on the way."""
    made = Run(leases=LEASES_FOUND)
    made.serve(60)
    return made


def states(run, *numbers):
    """Plain data of a machine after each numbered event."""
    machine, found = Machine(), {}
    for seq, (event, _effects) in enumerate(run.pairs, 1):
        machine.apply(event)
        if seq in numbers:
            found[seq] = machine.snapshot()
    return found


def part(path, run, after, *, behind=0, until=None, data=None, closed=True):
    """A tape of the events behind event `after`; its snapshot stands behind `behind` of them, `data` None: nowhere."""
    pairs = run.pairs[after:until]
    tape = TapeWriter.create(path, version="t", first_seq=after + 1)
    place = tape.snapshot_place()
    for number, (event, effects) in enumerate(pairs):
        if number == behind and data is not None:
            tape.append_snapshot(place, pack_snapshot(place, data))
        tape.write_effects(tape.write_events([event]), [effects])
    tape.flush()
    if closed:
        tape.close()
    return str(path)


@pytest.mark.parametrize("behind", [0, 1, 40])
@pytest.mark.parametrize("closed", [True, False])
def test_a_tape_that_begins_with_a_snapshot_plays_alone(run, tmp_path, behind, closed):
    middle = len(run.pairs) // 2
    path = part(tmp_path / "t", run, middle, behind=behind, data=states(run, middle)[middle], closed=closed)
    verdict = play_file(path, str(tmp_path / "leases"))
    assert verdict.status is Status.SAME, verdict.closing_line()
    assert verdict.events == len(run.pairs) - middle
    assert f"begins at event {middle + 1:,} with a snapshot" in verdict.notices[0]
    with open_tape(path) as tape:
        assert tape.first_seq == middle + 1
        assert [entry.seq for entry in tape.iterate() if not isinstance(entry, SnapshotEntry)] == list(
            range(middle + 1, len(run.pairs) + 1)
        )
        (found,) = explain(tape, [middle + 60])
        assert not found.differs


def test_the_lease_file_then_begins_with_what_the_snapshot_holds(run, tmp_path):
    middle = len(run.pairs) // 2
    data = states(run, middle)[middle]
    path = part(tmp_path / "t", run, middle, data=data)
    play_file(path, str(tmp_path / "leases"))
    machine = Machine.restore(data)
    first = b"".join(lease_file_of(machine, run.pairs[middle - 1][0].wall_us // 1_000_000))
    assert digest(machine.snapshot()) == digest(data)
    stored = b"".join(one.data for _event, effects in run.pairs[middle:] for one in effects if hasattr(one, "data"))
    assert (tmp_path / "leases").read_bytes() == first + stored
    assert first.count(b"\nlease ") > 10


def test_what_follows_on_from_another_tape_without_a_snapshot_is_refused(run, tmp_path):
    path = part(tmp_path / "t", run, 50)
    verdict = play_file(path, str(tmp_path / "leases"))
    assert verdict.status is Status.UNJUDGED
    assert "begins at event 51" in verdict.closing_line()
    assert not (tmp_path / "leases").exists()
    with open_tape(path) as tape, pytest.raises(NoBeginning):
        resume.beginning(tape, 80)


def test_a_snapshot_that_nothing_can_be_made_of_is_refused_in_words(run, tmp_path):
    newer = part(tmp_path / "newer", run, 50, data={"version": 99})
    verdict = play_file(newer, None)
    assert verdict.status is Status.UNJUDGED
    assert "snapshot version 99" in verdict.closing_line()
    odd = part(tmp_path / "odd", run, 50, data={"version": SNAPSHOT_VERSION, "files": 3})
    assert play_file(odd, None).status is Status.DAMAGED
    with open_tape(odd) as tape, pytest.raises(DamagedTape):
        resume.beginning(tape)


def test_playing_from_one_snapshot_arrives_at_the_digest_of_the_next(run, tmp_path):
    """With the later snapshot standing far behind its event, and dictionaries in another order."""
    count = len(run.pairs)
    first, second, last = count // 3, count // 2, count - 3
    found = states(run, first, second, last)
    tape = TapeWriter.create(tmp_path / "t", version="t")
    places = {}
    for seq, (event, effects) in enumerate(run.pairs, 1):
        tape.write_effects(tape.write_events([event]), [effects])
        if seq in found:
            places[seq] = tape.snapshot_place()
        if seq == count - 2:
            for place in places.values():
                tape.append_snapshot(place, pack_snapshot(place, dict(reversed(found[place.seq].items()))))
    tape.close()
    with open_tape(tmp_path / "t") as reading:
        assert [entry.first_seq - 1 for entry in reading.index().snapshots] == [first, second, last]
        for begin, end in ((first, second), (second, last)):
            start = resume.beginning(reading, begin)
            assert start.from_seq == begin + 1
            for entry in reading.iterate(from_seq=start.from_seq):
                if isinstance(entry, SnapshotEntry) or entry.seq > end:
                    break
                assert tuple(start.machine.apply(entry.event)) == entry.effects
            assert digest(start.machine.snapshot()) == digest(reading.snapshot(end).data) == digest(found[end])
    assert len({digest(one) for one in found.values()}) == 3


def test_a_snapshot_cut_short_by_the_end_gives_way_to_the_one_before(run, tmp_path):
    found = states(run, 60, 90)
    path = part(tmp_path / "t", run, 60, until=90, data=found[60], closed=False)
    with open(path, "rb") as file:  # noqa: PTH123
        whole = file.read()
    with open_tape(path) as tape:
        place = tape.index().snapshots[0]
    torn = pack_snapshot(TapeWriter.create(tmp_path / "x", version="t", first_seq=91).snapshot_place(), found[90])
    (tmp_path / "t").write_bytes(whole + torn[: len(torn) // 2])
    with open_tape(path) as tape:
        assert tape.snapshot(200).seq == 60 == place.first_seq - 1
        assert resume.beginning(tape, 85).from_seq == 61
        assert play_file(path, None).events == 30


def test_damage_before_a_late_snapshot_names_the_next_event_behind_it(run, tmp_path):
    path = part(tmp_path / "t", run, 60, behind=40, data=states(run, 60)[60])
    data = bytearray((tmp_path / "t").read_bytes())
    with open_tape(path) as tape:
        snapshot = tape.index().snapshots[0].offset
    data[snapshot - 100] ^= 0xFF
    (tmp_path / "t").write_bytes(data)
    with open_tape(path) as tape:
        seqs = [entry.seq for entry in tape.iterate(resync=True)]
        assert tape.damage[0].next_seq == 101
        assert seqs[-1] == len(run.pairs)
        assert 60 in seqs
        assert tape.last_seq == len(run.pairs)
