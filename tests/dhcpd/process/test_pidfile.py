"""The pid file: which numbers in it keep the server from starting (docs/behaviour/start.md#the-pid-file)."""

import os
import subprocess

import pytest

from dhcpd.process import pidfile


@pytest.fixture
def dead():
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("content", "running"),
    [
        (b"", False),
        (b"0\n", True),
        (b"text\n", True),
        (b"-1\n", True),
        (b"1\n", True),
        (b"1 and more", True),
        (b"9" * 30, True),
    ],
)
def test_content(tmp_path, content, running):
    path = tmp_path / "pid"
    path.write_bytes(content)
    if content.startswith(b"1") and os.geteuid() != 0:
        running = False  # another user's process does not count
    assert pidfile.server_is_running(str(path)) is running


def test_no_file_dead_process_and_ourselves(tmp_path, dead):
    path = tmp_path / "pid"
    assert not pidfile.server_is_running(str(path))
    assert not pidfile.server_is_running(str(tmp_path))
    path.write_text(f"{dead}\n")
    assert not pidfile.server_is_running(str(path))
    pidfile.write(str(path))
    assert path.read_text() == f"{os.getpid()}\n"
    assert not pidfile.server_is_running(str(path))
