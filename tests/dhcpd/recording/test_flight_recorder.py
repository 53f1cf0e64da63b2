"""The flight recorder in the real program: segments under load, each of which plays alone; kills, signals, files."""

import os
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from dhcpd.replay.demo import load
from dhcpd.replay.demo.demo import CONFIGURATION, _free_port
from dhcpd.replay.demo.load import Relay
from dhcpd.replay.playing import resume
from dhcpd.replay.playing.digest import digest
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import Entry, open_tape

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
# A program whose engine fails on a packet of this client, as one with a defect would.
DEFECTIVE = """
import sys
from dhcpd.engine import machine
from dhcpd.trace.events import Packet
right = machine.HANDLERS[Packet]
def wrong(made, event):
    if event.payload[33] == 40:
        raise RuntimeError("a planted defect")
    right(made, event)
machine.HANDLERS[Packet] = wrong
from dhcpd.program import main
sys.exit(main(["dhcpd", *sys.argv[1:]]))
"""


# A program that is asked for a new segment before it serves.
EARLY = """
import os, signal, sys
from dhcpd import program
class Start(program.Start):
    def run(self, events):
        os.kill(os.getpid(), signal.SIGUSR2)
        super().run(events)
program.Start = Start
sys.exit(program.main(["dhcpd", *sys.argv[1:]]))
"""


class Server:
    """The program on the loopback, recording into `folder`/run.trace."""

    def __init__(self, folder, *words, program=("-m", "dhcpd")):
        self.folder, self.port = folder, _free_port()
        (folder / "dhcpd.conf").write_text(CONFIGURATION)
        (folder / "dhcpd.leases").touch()
        command = [sys.executable, *program, "-f", "-d", "-p", str(self.port), "-cf", "dhcpd.conf", "--no-pid"]
        command += ["-lf", "dhcpd.leases", "-tf", "run.trace", *words, "lo"]
        (folder / "log").unlink(missing_ok=True)
        with (folder / "log").open("xb") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=ENVIRONMENT)
        self.until("Server starting service.")

    def log(self):
        return (self.folder / "log").read_text()

    def until(self, text, count=1):
        end = time.monotonic() + 90
        while self.log().count(text) < count:
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.02)

    def load(self, clients):
        with Relay("127.0.0.2", "127.0.0.1", self.port) as relay:
            relay.run(clients)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def start(tmp_path, monkeypatch):
    monkeypatch.setattr(load, "RETRY_AFTER_S", 0.3)
    started = []

    def run(*words, **options):
        started.append(Server(tmp_path, *words, **options))
        return started[-1]

    yield run
    for server in started:
        server.stop(signal.SIGKILL)


def segments(folder):
    """The old segments by their names, then FILE."""
    return [*sorted(path for path in folder.glob("run.*Z.e*.trace")), folder / "run.trace"]


def assert_plays(path):
    verdict = play_file(str(path), None)
    assert verdict.status is Status.SAME, (path, verdict.closing_line())
    assert verdict.events > 0
    return verdict


def assert_handed_over(before, after):
    """`after` takes up where `before` has not ended yet, in the state that `before` led to."""
    with open_tape(before) as one, open_tape(after) as other:
        start, goal = resume.beginning(one), other.snapshot(other.first_seq - 1)
        seen = {}
        for entry in one.iterate(from_seq=start.from_seq):
            if isinstance(entry, Entry):
                if entry.seq <= goal.seq:
                    start.machine.apply(entry.event)
                    last = entry.seq
                else:
                    seen[entry.seq] = entry
        assert last == goal.seq == other.first_seq - 1
        assert digest(start.machine.snapshot()) == digest(goal.data)
        told_twice = [entry for entry in other.iterate() if isinstance(entry, Entry) and entry.seq in seen]
        assert told_twice == list(seen.values())


def test_under_load_every_segment_plays_alone_and_hands_over_its_state(start, tmp_path):
    server = start("--trace-max-size", "64K")
    while server.log().count("it goes on from event") < 3:
        server.load(500)
    assert server.stop() == -signal.SIGTERM
    files = segments(tmp_path)
    assert len(files) >= 4
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o600
        assert_plays(path)
    for before, after in pairwise(files):
        assert_handed_over(before, after)
    with open_tape(files[-1]) as tape:
        assert tape.complete
    assert not (tmp_path / "run.trace.next").exists()


@pytest.mark.parametrize("wait_s", [0.45, 0.9])
def test_killed_at_any_moment_every_segment_plays(start, tmp_path, wait_s):
    server = start("--trace-max-size", "64K")
    with Relay("127.0.0.2", "127.0.0.1", server.port) as relay:
        killer = subprocess.Popen(["sh", "-c", f"sleep {wait_s}; kill -9 {server.process.pid}"])
        with pytest.raises(Exception, match=r"no answer|refused"):
            relay.run(100_000)
        killer.wait()
    assert server.process.wait(5) == -signal.SIGKILL
    for path in segments(tmp_path):
        assert_plays(path)
    again = start("--trace-max-size", "64K")
    assert "The trace that was in run.trace is now in" in again.log()
    assert again.stop() == -signal.SIGTERM
    assert not [path for path in tmp_path.iterdir() if re.fullmatch(r"run\.trace\.\d+", path.name)]


def test_SIGUSR2_ends_the_file_and_names_it(start, tmp_path):  # noqa: N802
    server = start()
    server.load(50)
    server.process.send_signal(signal.SIGUSR2)
    server.until("it goes on from event")
    server.load(50)
    assert server.stop() == -signal.SIGTERM
    named = re.search(r"The recording up to here is in (\S+); it goes on from event (\d+) in (\S+)", server.log())
    assert [named[1], named[3]] == [str(path) for path in segments(tmp_path)]
    first, second = (assert_plays(path) for path in segments(tmp_path))
    assert first.last_seq >= int(named[2]) - 1
    assert second.last_seq > first.last_seq


def test_SIGUSR2_at_the_start_waits_until_it_is_heard(start):  # noqa: N802
    server = start(program=("-c", EARLY))
    server.until("it goes on from event")
    assert server.stop() == -signal.SIGTERM


def test_old_segments_go_by_age_and_by_total(start, tmp_path):
    others = ["run.trace.1", "run.20200101T000000Z.trace", "other.20200101T000000Z.e1.trace", "run.20200101T000000Z.e1"]
    others = [tmp_path / name for name in others]
    old = tmp_path / "run.20200101T000000Z.e1.trace"
    for path in [*others, old]:
        path.touch()
        os.utime(path, (1, 1))
    server = start("--trace-max-size", "200K", "--trace-total", "200K", "--trace-keep", "1h")
    made = []
    # Asked for, so that how large each is does not hang on when the child that makes a snapshot is done.
    for count in range(1, 7):
        server.load(300)
        server.process.send_signal(signal.SIGUSR2)
        server.until("it goes on from event", count)
        made += [path for path in segments(tmp_path)[:-1] if path not in [old, *made]]
    assert server.stop() == -signal.SIGTERM
    assert not old.exists()
    assert all(path.exists() for path in others)
    kept = segments(tmp_path)
    assert len(made) == 6
    assert 2 <= len(kept) < 7
    assert kept[:-1] == made[-len(kept) + 1:], "the oldest go"
    assert sum(path.stat().st_size for path in kept) <= 200 << 10
    for path in kept:
        assert_plays(path)


def test_where_the_engine_fails_the_recording_shows_it(start, tmp_path):
    server = start(program=("-c", DEFECTIVE))
    with Relay("127.0.0.2", "127.0.0.1", server.port) as relay, pytest.raises(Exception, match=r"no answer|refused"):
        relay.run(60)
    assert server.process.wait(5) == 134
    assert "RuntimeError: a planted defect" in server.log()
    named = re.search(r"The recording of this run is in (\S+), to event (\d+)", server.log())
    assert named[1] == str(tmp_path / "run.trace")
    with open_tape(tmp_path / "run.trace") as tape:
        entries = [entry for entry in tape.iterate() if isinstance(entry, Entry)]
        assert tape.complete
    assert entries[-1].seq == int(named[2])
    failed = next(entry for entry in entries if entry.effects is None)
    assert failed.event.payload[33] == 40
    verdict = play_file(str(tmp_path / "run.trace"), None)
    assert verdict.status is Status.SAME, "an engine without the defect answers everything as recorded"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-tf", "t", "--trace-max-size", "10X"], "--trace-max-size 10X: give a number with K, M or G"),
        (["-tf", "t", "--trace-max-size", "1K"], "--trace-max-size 1K: give at least 64K"),
        (["-tf", "t", "--trace-max-size", "1M", "--trace-keep", "day"], "--trace-keep day: give a number with s, m, h"),
        (["-tf", "t", "--trace-keep", "24h"], "--trace-keep is for segments: give --trace-max-size SIZE, too"),
        (["--trace-max-size", "1M"], "--trace-max-size is for a recording: give -tf FILE, too"),
        (["-tf", "t", "--trace-max-size", "1G", "--trace-total", "1M"], "--trace-total is less than --trace-max-size"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_words(tmp_path, words, text):
    command = [sys.executable, "-m", "dhcpd", "-f", "-d", "-cf", "/dev/null", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=ENVIRONMENT)
    assert done.returncode == 1
    assert text in done.stderr
    assert not list(tmp_path.iterdir())
