"""Memory in huge pages: what is chosen, and that the kernel does it where it can."""

import subprocess
import sys

from dhcpd.process import memory

MAPS = """\
00400000-00c00000 r-xp 00000000 fd:00 1 /usr/bin/python3
01000000-01a00000 rw-p 00000000 00:00 0 [heap]
7f0000100000-7f0000900000 rw-p 00000000 00:00 0
7f0000a00000-7f0000b00000 rw-p 00000000 00:00 0
7f0000c00000-7f0001c00000 rw-p 00000000 fd:00 7 /data
7f0002000000-7f0003000000 ---p 00000000 00:00 0
7f0004000000-7f0005000000 rw-s 00000000 00:01 9 /memfd:x (deleted)
7ffc00000000-7ffc00800000 rw-p 00000000 00:00 0 [stack]
"""
# Memory as leases take it: many small objects.
LARGE = """
import re, sys
from pathlib import Path
from dhcpd.process import memory
def huge():
    return int(re.search(r"AnonHugePages:\\s+(\\d+)", Path("/proc/self/smaps_rollup").read_text())[1]) << 10
kept = [{"number": number} for number in range(int(sys.argv[1]))]
before = huge()
gathered = memory.gather()
print(gathered, huge() - before)
"""


def run(count):
    done = subprocess.run([sys.executable, "-c", LARGE, str(count)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [int(word) for word in done.stdout.split()]


def test_whole_huge_pages_of_private_memory_are_chosen():
    assert list(memory._ranges(MAPS)) == [(0x1000000, 0xA00000), (0x7F0000200000, 0x600000)]


def test_much_memory_is_put_into_huge_pages_where_the_kernel_does_it_at_once():
    gathered, huge = run(1_000_000)
    assert huge >= gathered * 3 // 4
    assert huge == 0 or gathered > memory.SMALL_OCTETS


def test_little_memory_is_left_as_it_is():
    assert run(1_000) == [0, 0]


def test_where_the_kernel_tells_nothing_nothing_is_done(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_MAPS", tmp_path / "none")
    assert memory.gather() == 0
