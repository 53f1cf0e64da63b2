"""A disk that refuses, tears and forgets at every point: what was synced and told is in the file after any crash.

The operations are those of the storage thread, drawn at random; the system calls behind them fail, write a part, or
forget what was not synced. A record that was appended and synced without an error was acknowledged to its client.
"""

import errno
import os
import random
import re
import tempfile
from pathlib import Path

import pytest

from dhcpd.disk import lease_file
from dhcpd.disk.lease_file import LeaseFile, StorageError
from dhcpd.engine.lease.database import Database
from dhcpd.engine.lease.file.reader import load_lease_file
from dhcpd.engine.model.lease import ACTIVE
from tests.engine.lease.configurations import configuration

CASES = 10_000
# Each of these is also read by the engine at its end, as a server that starts again would.
LOADED_CASES = 1_000
OPERATIONS = 14
RECORD = re.compile(rb"lease (\d+) \{[^{}\0]*\}\n")
PLAIN = b"lease %d {\n  starts never;\n}\n"
GRANTED = b"""lease 10.0.0.%d {
  starts 2 2026/11/24 05:47:27;
  ends never;
  cltt 2 2026/11/24 05:47:27;
  binding state active;
  next binding state free;
  hardware ethernet 02:00:00:00:00:01;
  uid "}{\\"lease 10.0.0.1 {";
}
"""
CONFIGURATION = configuration([("10.0.0.0", "10.0.0.255")])
NOW = 1_795_467_390


class Disk:
    """The system's calls, of which some fail; `synced` is how much of each file would survive a loss of power."""

    def __init__(self, draw):
        self.draw = draw
        self.failing = 0.0
        self.synced = {}

    def __getattr__(self, name):
        return getattr(os, name)

    def fails(self):
        return self.draw.random() < self.failing

    def refuse(self):
        number = self.draw.choice((errno.ENOSPC, errno.EIO, errno.EDQUOT))
        raise OSError(number, os.strerror(number))

    def write(self, fd, data):
        if not self.fails():
            return os.write(fd, data)
        part = self.draw.randrange(len(data) + 1)
        os.write(fd, data[:part])
        if self.draw.random() < 0.5 and part:
            return part
        self.refuse()
        return 0

    def ftruncate(self, fd, octets):
        if self.fails():
            self.refuse()
        os.ftruncate(fd, octets)
        inode = os.fstat(fd).st_ino
        self.synced[inode] = min(self.synced.get(inode, 0), octets)

    def _sync(self, fd):
        if self.fails():
            self.refuse()
        status = os.fstat(fd)
        self.synced[status.st_ino] = status.st_size

    fdatasync = fsync = _sync

    def link(self, *words, **keywords):
        if self.fails():
            self.refuse()
        os.link(*words, **keywords)

    def crash(self, path):
        """What is in the file when the power comes back: the synced part, and anything behind it."""
        data = path.read_bytes()
        least = min(self.synced.get(path.stat().st_ino, 0), len(data))
        cut = self.draw.randint(least, len(data))
        return data[:cut] + self.draw.choice((b"", bytes(len(data) - cut), data[:cut][-20:]))


class Run:
    """One server's life on one disk: what it remembers, and what it has promised."""

    def __init__(self, draw, disk, path, record=PLAIN):
        self.draw, self.disk, self.record = draw, disk, record
        self.file = LeaseFile(str(path))
        self.remembered = []
        self.promised = set()
        self.open = False

    def store(self):
        """A group: some records in one write, one sync, and then the replies."""
        numbers = [len(self.remembered) + one for one in range(self.draw.randint(1, 3))]
        records = [self.record % number for number in numbers]
        self.remembered += records
        self.file.append(b"".join(records))
        self.file.sync()
        self.file.check()
        self.promised |= set(numbers)

    def rewrite(self):
        """A step of a rewrite: its beginning, a slice, or its end."""
        if not self.open:
            self.file.begin_rewrite("1")
            self.open = True
            self.file.rewrite_part(b"".join(self.remembered))
        else:
            self.open = False
            self.file.end_rewrite(install=self.draw.random() < 0.9)

    def step(self):
        self.disk.failing = self.draw.choice((0.0, 0.0, 0.2, 0.6))
        try:
            (self.store if self.draw.random() < 0.7 else self.rewrite)()
        except StorageError as error:
            if error.operation not in ("append", "sync"):
                self.open = False


@pytest.mark.parametrize("first", range(0, CASES, CASES // 10))
def test_what_was_promised_survives(monkeypatch, first):
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        path = Path(folder) / "dhcpd.leases"
        for case in range(first, first + CASES // 10):
            draw = random.Random(case)
            disk = Disk(draw)
            monkeypatch.setattr(lease_file, "os", disk)
            path.unlink(missing_ok=True)
            path.touch()
            run = Run(draw, disk, path)
            for _ in range(draw.randint(1, OPERATIONS)):
                run.step()
                found = {int(number) for number in RECORD.findall(disk.crash(path))}
                assert run.promised <= found, f"case {case}"
            assert b"\0" not in path.read_bytes(), f"case {case}"
            run.disk.failing = 0.0
            run.file.close()


def loaded(data):
    """The last octet of every address that a server finds active in a file."""
    database = Database(CONFIGURATION)
    load_lease_file([data], database, CONFIGURATION, lambda _level, _line: None, "leases", NOW)
    return {lease.address & 0xFF for lease in database.leases() if lease.state == ACTIVE}


def test_what_was_promised_is_loaded(monkeypatch, tmp_path):
    path = tmp_path / "dhcpd.leases"
    for case in range(LOADED_CASES):
        draw = random.Random(case)
        disk = Disk(draw)
        monkeypatch.setattr(lease_file, "os", disk)
        path.unlink(missing_ok=True)
        path.touch()
        run = Run(draw, disk, path, GRANTED)
        for _ in range(draw.randint(1, OPERATIONS)):
            run.step()
        # What was not synced may be there, in part, as noughts, or what was there twice.
        assert run.promised <= loaded(disk.crash(path)), f"case {case}"
        run.disk.failing = 0.0
        run.file.close()
