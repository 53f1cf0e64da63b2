from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from dhcpd.replay.playing.leases import LeaseFileFollower
from dhcpd.trace import effects as fx
from dhcpd.trace import events as ev

SETTINGS = fx.Settings("/var/lib/dhcp/dhcpd.leases", "", -1, 67, 68, 0, True, "")


def follow(path: Path, *records: ev.Event | fx.Effect) -> list[str]:
    with LeaseFileFollower(str(path)) as follower:
        for record in records:
            if record.__class__.__module__.endswith("events"):
                follower.event(record)
            else:
                follower.effects([record])
        follower.install()
        return follower.notices


def test_the_file_found_comes_first_then_what_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    path.write_bytes(b"what was here before")
    follow(path, ev.LeaseFilePart(0, 0, b"old\n"), SETTINGS, fx.Store(b"new\n"))
    assert path.read_bytes() == b"old\nnew\n"


def test_a_rewrite_takes_the_place_when_the_run_installed_it(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    records = [
        ev.LeaseFilePart(0, 0, b"old\n"), fx.RewriteBegin("1"), fx.RewritePart(b"clean\n"), fx.Store(b"during\n"),
        fx.RewriteEnd(True), fx.Store(b"after\n"),
    ]  # fmt: skip
    follow(path, *records)
    assert path.read_bytes() == b"old\nduring\nafter\n"
    follow(path, *records, ev.RewriteInstalled(0, 0), fx.Store(b"last\n"))
    assert path.read_bytes() == b"clean\nduring\nafter\nlast\n"


def test_a_rewrite_that_failed_in_the_run_fails_again(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    failed = ev.StorageFailed(0, 0, "install", "/var/lib/dhcp/dhcpd.leases", "No space left on device")
    notices = follow(
        path, fx.RewriteBegin("1"), fx.RewritePart(b"clean\n"), fx.RewriteEnd(True), failed, fx.Store(b"after\n")
    )
    assert path.read_bytes() == b"after\n"
    assert "No space left on device" in notices[0]


def test_a_test_run_appends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    follow(path, SETTINGS._replace(test="T"), fx.Store(b"lost\n"), fx.RewriteBegin("1"), fx.RewriteEnd(False))
    assert path.read_bytes() == b""


def test_nothing_but_the_lease_file_is_touched(tmp_path: Path) -> None:
    path, backup = tmp_path / "leases", tmp_path / "leases~"
    path.write_bytes(b"mine")
    backup.write_bytes(b"backup")
    follow(path, fx.RewriteBegin("1"), fx.RewriteEnd(True), ev.RewriteInstalled(0, 0))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["leases", "leases~"]
    assert backup.read_bytes() == b"backup"


def test_a_playback_that_is_broken_off_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "leases"
    path.write_bytes(b"mine")
    with LeaseFileFollower(str(path)) as follower:
        follower.effects([fx.Store(b"x")])
    assert path.read_bytes() == b"mine"
    assert [one.name for one in tmp_path.iterdir()] == ["leases"]


def test_a_device_is_written_to_and_never_replaced() -> None:
    follow(Path("/dev/null"), fx.Store(b"x"))
    assert Path("/dev/null").is_char_device()


def test_the_file_is_its_owner_s_and_a_link_is_not_followed(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "leases"
    victim.write_bytes(b"precious")
    path.symlink_to(victim)
    follow(path, fx.Store(b"x"))
    assert victim.read_bytes() == b"precious"
    assert path.read_bytes() == b"x"
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    path.unlink()
    rewritten = (fx.RewriteBegin("1"), fx.RewritePart(b"y"), fx.RewriteEnd(True), ev.RewriteInstalled(0, 0))
    follow(path, fx.Store(b"x"), *rewritten)
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600


def test_a_missing_folder_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        follow(tmp_path / "none" / "leases", fx.Store(b"x"))


def test_a_pipe_that_nobody_reads_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device or address"):
        follow(tmp_path / "pipe", fx.Store(b"x"))
