"""A mebibyte of a stranger's costs at most five seconds of processor time and 256 MiB of memory."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dhcpd.trace import DamagedTape, Entry, TapeUnreadable, TapeWriter, open_tape
from dhcpd.trace import events as ev
from dhcpd.trace.compression import ZLIB
from dhcpd.trace.format import FILE_HEADER_BYTES, file_header
from dhcpd.trace.scan import Window, hop
from tests.replay.test_every_verb import CALLS, CONF, CONFIGURATION, IMPORTS, ROOT
from tests.trace import hostile

SECONDS_MAXIMUM = 5.0
MEBIBYTES_MAXIMUM = 256

# What the process took is told by itself, since a system may count its parent's memory, too.
LOOK = """
import sys, time
from pathlib import Path
from dhcpd.replay.command.cli import cli
try:
    cli(["info", sys.argv[1]])
finally:
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    print("TOOK", time.process_time(), int(peak.split()[1]) // 1024)
"""


def cost_of_looking(path):
    done = subprocess.run([sys.executable, "-c", LOOK, str(path)], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    seconds, mebibytes = done.stdout.split("TOOK")[1].split()
    return float(seconds), int(mebibytes)


@pytest.mark.parametrize("name", hostile.MAKERS)
def test_nothing_small_is_dear(tmp_path, name):
    path = tmp_path / "hostile.trace"
    hostile.write(path, name)
    seconds, mebibytes = cost_of_looking(path)
    assert seconds < SECONDS_MAXIMUM
    assert mebibytes < MEBIBYTES_MAXIMUM


def test_a_hole_is_passed_over(tmp_path):
    path = tmp_path / "sparse.trace"
    hostile.write_sparse(path, 64 << 30)
    assert cost_of_looking(path)[0] < SECONDS_MAXIMUM


def test_a_snapshot_of_nothing_but_lists_is_refused(tmp_path):
    path = tmp_path / "hostile.trace"
    hostile.write_snapshot_of_lists(path)
    with open_tape(path) as tape:
        snapshot = tape.snapshot(9)
        assert snapshot is not None
        with pytest.raises(DamagedTape, match="more lists than octets"):
            assert snapshot.data


def test_an_index_that_does_not_rise_is_not_believed(tmp_path):
    path = tmp_path / "hostile.trace"
    hostile.write(path, "an index in circles")
    with open_tape(path) as tape:
        assert not tape.index().from_file
        assert sum(1 for entry in tape.iterate() if isinstance(entry, Entry)) == 20_000


def test_one_client_in_a_storm_is_no_attack(tmp_path):
    """The same packet over and over, in large batches: as well as a real recording packs."""
    path = tmp_path / "storm.trace"
    packet = ev.Packet(0, 0, "eth0", 1, 68, b"\1" * 300)
    with TapeWriter.create(path, version="0") as tape:
        for _ in range(3_000):
            tape.write_effects(tape.write_events([packet] * 64), [()] * 64)
    assert Path(path).stat().st_size < 2 << 20
    with open_tape(path) as tape:
        assert sum(1 for entry in tape.iterate() if isinstance(entry, Entry)) == 192_000
    with path.open("rb") as file:
        codecs = {segment.codec for _, segment in hop(Window(file.fileno()), FILE_HEADER_BYTES)}
    assert ZLIB in codecs, "by Zstandard alone it would be taken for an attack"


def test_a_thousand_small_frames_that_are_bombs_are_not_unpacked_to_the_last(tmp_path):
    path = tmp_path / "bombs.trace"
    segment = hostile.bomb()
    path.write_bytes(file_header() + segment * (hostile.OCTETS_MAXIMUM // len(segment)))
    with open_tape(path) as tape, pytest.raises(DamagedTape, match="more than any recording"):
        list(tape.iterate(resync=True))


# Files that are dear in ways of their own, on which every verb is tried.
DEAR = ("events with texts", "a snapshot of maps", "an index in circles")
# Five to ten seconds, in multiples of a loop of this machine's.
LOOPS_MAXIMUM = 150


@pytest.mark.parametrize("name", DEAR)
def test_no_verb_is_dear(tmp_path, name):
    path = tmp_path / "hostile.trace"
    hostile.write(path, name)
    (tmp_path / CONF).write_bytes(CONFIGURATION)
    asked = [[verb, *words] for verb, words in CALLS.items() if verb not in IMPORTS]
    words = " -- ".join(" ".join(call) for call in asked)
    done = subprocess.run(
        [sys.executable, "-m", "tests.trace.cost_of_verbs", str(path), *words.split()],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    told = [line.split() for line in done.stdout.splitlines()]
    assert [verb for verb, *_ in told] == [call[0] for call in asked]
    assert [line for line in told if float(line[2]) > LOOPS_MAXIMUM or int(line[3]) > MEBIBYTES_MAXIMUM] == []


def test_a_disk_that_cannot_be_read_is_told_as_such(tmp_path, monkeypatch):
    path = tmp_path / "t"
    TapeWriter.create(path, version="0").close()

    def read(*_asked):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("dhcpd.trace.reader.os.pread", read)
    with pytest.raises(TapeUnreadable, match="Input/output error"):
        open_tape(path)
