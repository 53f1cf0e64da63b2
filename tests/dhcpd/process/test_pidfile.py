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


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a link that belongs to another user")
def test_a_link_of_another_user_is_not_followed(tmp_path):
    victim, path = tmp_path / "victim", tmp_path / "pid"
    victim.write_bytes(b"precious")
    path.symlink_to(victim)
    os.chown(path, 65_534, 65_534, follow_symlinks=False)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        pidfile.write(str(path))
    assert victim.read_bytes() == b"precious"


def test_a_shorter_number_leaves_nothing_of_a_longer_one(tmp_path):
    path = tmp_path / "pid"
    path.write_bytes(b"1" * 40)
    pidfile.write(str(path))
    assert path.read_bytes() == b"%d\n" % os.getpid()


def test_a_pipe_is_nobody_s_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pid")
    assert not pidfile.server_is_running(str(tmp_path / "pid"))
