"""The recorder with a real engine and real child processes, where the moment, the disk and failures are the test's."""

import errno
import os
import select
import signal
from itertools import pairwise

import pytest

from dhcpd.cli import Limits
from dhcpd.door import Door
from dhcpd.engine.machine import Machine
from dhcpd.process.child import ChildFailed
from dhcpd.recording import recorder as recording
from dhcpd.recording.recorder import Recorder
from dhcpd.recording.room import RESERVE_OCTETS, Room
from dhcpd.recording.segments import Segments
from dhcpd.recording.snapshots import SnapshotChild
from dhcpd.replay.playing.digest import digest
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import SnapshotEntry, TapeWriter, open_tape
from dhcpd.trace import writer as tape_writer
from dhcpd.trace.format import KIND_SNAPSHOT
from tests.replay.engine_runs import Run


@pytest.fixture(scope="module")
def events():
    made = Run()
    made.serve(300)
    return [event for event, _effects in made.pairs]


class Recording:
    """A machine behind a door, recorded into `folder`/trace."""

    def __init__(self, folder, limits=None):
        self.path = folder / "trace"
        self.lines = []
        self.machine = Machine()
        self.recorder = Recorder(
            TapeWriter.create(self.path, version="t"), Segments(str(self.path)), limits or Limits(), self.say
        )
        self.waiting = []
        self.recorder.watch_by(self.waiting.append, self.waiting.remove)
        self.door = Door(self.machine, self.recorder, self.say)

    def say(self, level, text):
        del level
        self.lines.append(text)

    def take_in(self, events, *, wait=True):
        for event in events:
            self.door.pass_in([event])
            self.recorder.tend(self.machine.snapshot)
            if wait:
                self.settle()

    def settle(self):
        """As the loop: wait until the child is heard of, then let the recorder look."""
        while self.waiting:
            select.select(self.waiting, [], [], 10)
            self.recorder.tend(self.machine.snapshot)


def test_snapshots_come_with_growth_and_hold_the_state(tmp_path, events, monkeypatch):
    monkeypatch.setattr(recording, "SNAPSHOT_EVENTS_MINIMUM", 100)
    monkeypatch.setattr(recording, "SNAPSHOT_TIME_SHARE", 0)
    made = Recording(tmp_path)
    made.take_in(events)
    made.door.close()
    with open_tape(made.path) as tape:
        machine, found = Machine(), {one.seq: one for one in tape.iterate() if isinstance(one, SnapshotEntry)}
        assert len(found) >= 3
        for entry in tape.iterate():
            if isinstance(entry, SnapshotEntry):
                continue
            machine.apply(entry.event)
            if entry.seq in found:
                assert digest(machine.snapshot()) == digest(found[entry.seq].data)
                assert found[entry.seq].wall_us == entry.event.wall_us
        starts = sorted(entry.offset for entry in [*tape.index().segments, *tape.index().snapshots])
        ends = dict(zip(starts, [*starts[1:], made.path.stat().st_size], strict=True))
        sizes = [(one.offset, ends[one.offset]) for one in tape.index().snapshots]
    for (begin, end), (following, _) in pairwise(sizes):
        assert following - end >= end - begin, "a snapshot is followed by at least as many octets of events"
    assert play_file(str(made.path), None).status is Status.SAME


def test_snapshots_take_a_hundredth_of_a_processor(tmp_path, events, monkeypatch):
    clock_s = [100.0]
    monkeypatch.setattr(recording, "SNAPSHOT_EVENTS_MINIMUM", 1)
    monkeypatch.setattr(recording.time, "monotonic", lambda: clock_s[0])
    took_half_a_second = property(lambda _child: 0.5, lambda _child, _busy_s: None)
    monkeypatch.setattr(SnapshotChild, "busy_s", took_half_a_second, raising=False)
    made = Recording(tmp_path)
    found = []
    for passed_s in (0.0, 49.0, 2.0, 49.0, 2.0):
        clock_s[0] += passed_s
        made.recorder._snapshot_octets = 0
        made.take_in(events[:1])
        found.append(sum(entry.kind == KIND_SNAPSHOT for entry in made.recorder._tape._entries))
    made.door.close()
    assert found == [1, 1, 2, 2, 3], "the next is made after a hundred times the half second that the last one took"


def test_events_that_come_meanwhile_stand_in_both_files(tmp_path, events):
    made = Recording(tmp_path)
    half = len(events) // 2
    made.take_in(events[:half])
    made.recorder.want_segment()
    made.take_in(events[half : half + 1], wait=False)
    made.take_in(events[half + 1 :], wait=False)
    made.settle()
    made.door.close()
    (old,) = [path for path in tmp_path.iterdir() if path != made.path]
    with open_tape(old) as one, open_tape(made.path) as other:
        assert one.first_seq == 1
        assert other.first_seq == half + 2
        assert other.snapshot(half + 1).seq == half + 1
    for path in (old, made.path):
        assert play_file(str(path), None).status is Status.SAME


@pytest.mark.parametrize("after", [40, 41, 60])
def test_a_segment_that_has_no_snapshot_yet_is_given_up_at_the_end(tmp_path, events, after, monkeypatch):
    monkeypatch.setattr(SnapshotChild, "ended", lambda _child: False)
    made = Recording(tmp_path)
    made.take_in(events[:40])
    made.recorder.want_segment()
    made.take_in(events[40 : after + 1], wait=False)
    made.door.close()
    assert [path.name for path in tmp_path.iterdir()] == ["trace"]
    assert play_file(str(made.path), None).events == after + 1
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_child_that_fails_costs_a_line_and_nothing_else(tmp_path, events, monkeypatch):
    monkeypatch.setattr(recording, "SNAPSHOT_EVENTS_MINIMUM", 50)
    monkeypatch.setattr(recording, "RETRY_S", 0.1)
    monkeypatch.setattr(recording, "SNAPSHOT_TIME_SHARE", 0)
    made = Recording(tmp_path)
    made.take_in(events[:60])
    monkeypatch.setattr(made.machine.__class__, "snapshot", lambda _machine: {"unpackable": object()})
    made.recorder.want_segment()
    made.take_in(events[60:200])
    made.door.close()
    failed = [line for line in made.lines if "a snapshot could not be made" in line]
    assert len(failed) == 1
    assert "UnrecordableValue" in failed[0]
    assert [path.name for path in tmp_path.iterdir()] == ["trace"]
    assert play_file(str(made.path), None).status is Status.SAME


def test_a_child_that_is_killed_is_told_from_one_that_succeeds():
    place = tape_writer.SnapshotPlace(1, 5, 0, 0)
    child = SnapshotChild(place, signal.pause)
    assert not child.ended()
    os.kill(child._pid, signal.SIGKILL)
    select.select([child], [], [], 10)
    while not child.ended():
        pass
    with pytest.raises(ChildFailed, match="its process was killed"):
        child.octets()


def test_the_child_holds_none_of_the_server_s_descriptors(tmp_path):
    reading, writing = os.pipe()
    child = SnapshotChild(tape_writer.SnapshotPlace(1, 5, 0, 0), signal.pause)
    os.close(writing)
    assert select.select([reading], [], [], 10)[0], "the pipe is closed though the child lives"
    assert not child.ended()
    child.abandon()
    os.close(reading)


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """A disk of so many octets, in place of the real one, for the files of a recording."""
    room = [0]
    real = os.write

    def write(fd, data):
        used = sum(path.stat().st_size for path in tmp_path.iterdir())
        if used + len(data) > room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, data)

    monkeypatch.setattr(tape_writer.os, "write", write)
    return room


def test_a_full_disk_costs_the_oldest_segment(tmp_path, events, small_disk):
    small_disk[0] = 1 << 30
    made = Recording(tmp_path, Limits(segment_octets=1 << 30))
    for start in range(0, 300, 100):
        made.take_in(events[start : start + 100])
        made.recorder.want_segment()
    made.take_in(events[300:400])
    names = sorted(path.name for path in tmp_path.iterdir())
    small_disk[0] = sum(path.stat().st_size for path in tmp_path.iterdir()) + 100
    made.take_in(events[400:440])
    assert [line for line in made.lines if "No space left on device" in line and names[1] in line]
    left = sorted(path.name for path in tmp_path.iterdir())
    assert names[1] not in left
    assert names[-1] in left
    small_disk[0] = 1 << 30
    made.take_in(events[440:])
    made.door.close()
    assert not [line for line in made.lines if "the recording ends here" in line]
    for path in tmp_path.iterdir():
        assert play_file(str(path), None).status is Status.SAME
    with open_tape(made.path) as tape:
        assert max(entry.seq for entry in tape.iterate()) == len(events)


def test_a_full_disk_without_old_segments_ends_the_recording_not_the_service(tmp_path, events, small_disk):
    small_disk[0] = 30_000
    made = Recording(tmp_path, Limits(segment_octets=1 << 30))
    made.take_in(events)
    assert sum("the recording ends here, the service goes on" in line for line in made.lines) == 1
    verdict = play_file(str(made.path), None)
    assert verdict.status is Status.SAME
    assert 50 < verdict.events < len(events)
    straight = Machine()
    for event in events:
        straight.apply(event)
    assert digest(made.machine.snapshot()) == digest(straight.snapshot())


def test_a_folder_that_became_unwritable_keeps_the_recording_in_one_file(tmp_path, events, monkeypatch):
    made = Recording(tmp_path)

    def refuse(*_words, **_more):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "rename", refuse)
    for start in range(0, 200, 50):
        made.take_in(events[start : start + 50])
        made.recorder.want_segment()
    made.take_in(events[200:])
    made.door.close()
    assert [line for line in made.lines if "its name cannot be changed: Permission denied" in line]
    assert [path.name for path in tmp_path.iterdir()] == ["trace"]
    assert play_file(str(made.path), None).events == len(events)


def test_a_recording_that_had_to_stop_goes_on_by_itself(tmp_path, events, small_disk, monkeypatch):
    monkeypatch.setattr(recording, "RESUME_S", 0.0)
    monkeypatch.setattr(Room, "suffices", lambda _self, _octets: small_disk[0] > 1 << 20)
    small_disk[0] = 12_000
    made = Recording(tmp_path, Limits())
    made.take_in(events[:300])
    assert sum("the recording ends here, the service goes on" in line for line in made.lines) == 1
    made.recorder.want_segment()
    made.take_in(events[300:310])
    assert [line for line in made.lines if "there is no room on the disk" in line]
    small_disk[0] = 1 << 30
    made.take_in(events[310:])
    made.door.close()
    (told,) = [line for line in made.lines if "are not recorded" in line]
    with open_tape(made.path) as tape:
        assert f"it goes on from event {tape.first_seq} in" in told
        assert tape.first_seq > 300
        assert max(entry.seq for entry in tape.iterate()) == len(events)
    for path in tmp_path.iterdir():
        assert play_file(str(path), None).status is Status.SAME


def test_what_the_lease_file_needs_is_left(tmp_path, events, monkeypatch):
    monkeypatch.setattr(recording, "ROOM_LOOK_S", 0)
    made = Recording(tmp_path, Limits())
    leases = tmp_path / "leases"
    leases.write_bytes(bytes(1000))
    made.recorder.keep_room_for(str(leases))
    made.take_in(events[:20])
    assert not made.lines
    monkeypatch.setattr(Room, "free", lambda _self: (RESERVE_OCTETS - 1, RESERVE_OCTETS))
    made.take_in(events[20:40])
    assert "is kept for the lease file - the recording ends here, the service goes on" in made.lines[0]
    verdict = play_file(str(made.path), None)
    assert verdict.status is Status.SAME
    assert verdict.events == 21


def test_the_reserve_is_what_a_rewrite_takes(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    room = Room(folder)
    assert room.free()[1] == 0
    leases = tmp_path / "leases"
    with leases.open("wb") as file:
        file.truncate(RESERVE_OCTETS + 1)
    room.lease_file = str(leases)
    assert room.free()[1] == RESERVE_OCTETS + 1
    room.lease_file = "/proc/self/status"
    assert room.free()[1] == 0
    os.close(folder)
