"""Files where others may write, too, and names that are no files."""

import os
import stat

import pytest

from dhcpd.disk import opening
from dhcpd.disk.configuration import read_files


@pytest.fixture
def victim(tmp_path):
    made = tmp_path / "victim"
    made.write_bytes(b"precious")
    return made


def write(fd, data=b"ours"):
    os.write(fd, data)
    os.close(fd)


@pytest.mark.parametrize("make", [opening.create, lambda path: opening.rewrite(path, 0o600)])
def test_what_is_made_is_its_owner_s(tmp_path, make):
    path = tmp_path / "new"
    write(make(path))
    assert path.read_bytes() == b"ours"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_is_replaced_and_not_followed(tmp_path, victim):
    path = tmp_path / "link"
    path.symlink_to(victim)
    write(opening.create(path))
    assert victim.read_bytes() == b"precious"
    assert path.read_bytes() == b"ours"
    assert not path.is_symlink()


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_not_replaced(tmp_path, kind):
    path = tmp_path / kind
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(FileExistsError):
        opening.create(path)
    assert path.exists()


def test_rewriting_a_pipe_does_not_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="No such device or address"):
        opening.rewrite(tmp_path / "pipe", 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="makes links that belong to another user")
@pytest.mark.parametrize("depth", [1, 2])
def test_links_of_root_are_followed_and_of_others_not(tmp_path, victim, depth):
    names = [tmp_path / f"link{number}" for number in range(depth)]
    for name, target in zip(names, [*names[1:], victim], strict=True):
        name.symlink_to(target.name)
    write(opening.open_existing(names[0], os.O_WRONLY | os.O_APPEND))
    assert victim.read_bytes() == b"preciousours"
    os.chown(names[-1], 65_534, 65_534, follow_symlinks=False)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        opening.open_existing(names[0], os.O_WRONLY)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        opening.rewrite(names[0], 0o600)
    assert victim.read_bytes() == b"preciousours"


def test_a_link_to_itself_ends(tmp_path):
    path = tmp_path / "link"
    path.symlink_to(path)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        opening.open_existing(path, os.O_RDONLY)


@pytest.mark.parametrize("name", ["/dev/zero", "pipe"])
def test_a_configuration_that_has_no_end_is_refused_at_once(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / name
    main = tmp_path / "dhcpd.conf"
    main.write_text(f'include "{path}";')
    assert [file.error for file in read_files(str(main))] == ["", "not a regular file"]
    assert [file.error for file in read_files(str(path))] == ["not a regular file"]


def test_nothing_may_be_read(tmp_path):
    assert [file.error for file in read_files("/dev/null")] == [""]
    assert [file.error for file in read_files(str(tmp_path))] == ["Is a directory"]


def test_a_configuration_beyond_any_bound_is_refused(tmp_path):
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    assert [file.error for file in read_files(str(huge))] == ["File too large"]


def test_a_file_of_any_size_is_not_read_to_its_end(tmp_path):
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="File too large"):
        opening.read_only(huge)
