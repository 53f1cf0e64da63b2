"""The lease file on a disk: nothing half, nothing lost, the old file until the new one stands."""

import errno
import os

import pytest

from dhcpd.disk import lease_file as leasefile
from dhcpd.disk import locking
from dhcpd.disk.lease_file import LeaseFile, LeaseFileInUse, StorageError


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "dhcpd.leases"
    made.write_bytes(b"old;\n")
    return made


def failing(number):
    def fail(*_args, **_keywords):
        raise OSError(number, os.strerror(number))

    return fail


def test_appends_behind_what_is_there(path):
    file = LeaseFile(str(path))
    file.append(b"one;\n")
    file.sync()
    file.append(b"two;\n")
    file.close()
    assert path.read_bytes() == b"old;\none;\ntwo;\n"


def test_rewrite_takes_the_place_and_keeps_the_old_file_as_backup(path):
    file = LeaseFile(str(path))
    file.begin_rewrite("1700000000")
    file.rewrite_part(b"new1;\n")
    file.append(b"meanwhile;\n")
    assert path.read_bytes() == b"old;\nmeanwhile;\n", "a crash now loses nothing"
    file.rewrite_part(b"new2;\n")
    assert file.end_rewrite(install=True)
    file.append(b"after;\n")
    file.close()
    assert path.read_bytes() == b"new1;\nnew2;\nmeanwhile;\nafter;\n"
    assert (path.parent / "dhcpd.leases~").read_bytes() == b"old;\nmeanwhile;\n"
    assert sorted(one.name for one in path.parent.iterdir()) == ["dhcpd.leases", "dhcpd.leases~"]


def test_rewrite_that_is_not_installed_leaves_nothing(path):
    file = LeaseFile(str(path))
    file.begin_rewrite("1")
    file.rewrite_part(b"new;\n")
    assert not file.end_rewrite(install=False)
    file.close()
    assert [one.name for one in path.parent.iterdir()] == ["dhcpd.leases"]
    assert path.read_bytes() == b"old;\n"


@pytest.mark.parametrize("rewritten", [False, True])
def test_an_append_that_fails_leaves_no_half_record(path, monkeypatch, rewritten):
    file = LeaseFile(str(path))
    if rewritten:
        file.begin_rewrite("1")
        file.rewrite_part(b"old;\n")
        assert file.end_rewrite(install=True)
    real = os.write

    def full(fd, data):
        if len(data) <= 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, bytes(data[:-4]))

    monkeypatch.setattr(leasefile.os, "write", full)
    with pytest.raises(StorageError) as caught:
        file.append(b"lease 10.0.0.1 { }\n")
    assert (caught.value.operation, caught.value.path) == ("append", str(path))
    assert caught.value.reason == "No space left on device"
    monkeypatch.undo()
    assert path.read_bytes() == b"old;\n"
    file.append(b"next;\n")
    file.close()
    assert path.read_bytes() == b"old;\nnext;\n"


@pytest.mark.parametrize("step", ["create", "write", "backup", "install"])
def test_a_rewrite_that_fails_keeps_the_old_file_in_use(path, monkeypatch, step):
    file = LeaseFile(str(path))
    real = leasefile.Path.rename

    def no(*_args, **_keywords):
        raise OSError(errno.EIO, "Input/output error")

    def attempt():
        if step == "create":
            file.begin_rewrite("no/such")
            return
        file.begin_rewrite("2")
        if step == "write":
            monkeypatch.setattr(leasefile, "_write_all", no)
        elif step == "backup":
            monkeypatch.setattr(leasefile.os, "link", no)
        else:
            fail = lambda self, new: no() if new == str(path) else real(self, new)  # noqa: E731
            monkeypatch.setattr(leasefile.Path, "rename", fail)
        file.rewrite_part(b"new;\n")
        file.end_rewrite(install=True)

    with pytest.raises(StorageError) as caught:
        attempt()
    assert caught.value.operation == step
    monkeypatch.undo()
    file.rewrite_part(b"a slice that was on its way;\n")
    assert not file.end_rewrite(install=True)
    file.append(b"kept;\n")
    file.close()
    assert path.read_bytes() == b"old;\nkept;\n"
    assert not (path.parent / "dhcpd.leases.2").exists()


def test_a_lease_file_that_was_removed_has_no_backup_and_comes_back(path):
    file = LeaseFile(str(path))
    file.begin_rewrite("3")
    file.rewrite_part(b"new;\n")
    path.unlink()
    assert file.end_rewrite(install=True)
    file.close()
    assert path.read_bytes() == b"new;\n"


def test_discard_for_the_test_of_a_lease_file(path):
    file = LeaseFile(str(path), discard=True)
    file.append(b"nowhere;\n")
    file.sync()
    file.close()
    assert path.read_bytes() == b"old;\n"


def test_cannot_be_opened(tmp_path):
    with pytest.raises(StorageError) as caught:
        LeaseFile(str(tmp_path))
    assert caught.value.operation == "open"


def test_what_cannot_be_cut_off_lets_nothing_stand_behind_it(path, monkeypatch):
    file = LeaseFile(str(path))
    real = os.write

    def torn(fd, data):
        real(fd, bytes(data[:4]))
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(leasefile.os, "write", torn)
    monkeypatch.setattr(leasefile.os, "ftruncate", failing(errno.EIO))
    with pytest.raises(StorageError):
        file.append(b"half a record;\n")
    monkeypatch.setattr(leasefile.os, "write", real)
    with pytest.raises(StorageError):
        file.append(b"would be lost with it;\n")
    monkeypatch.undo()
    file.append(b"next;\n")
    file.close()
    assert path.read_bytes() == b"old;\nnext;\n"


def test_what_could_not_be_synced_is_not_in_the_file(path, monkeypatch):
    """The kernel may drop it, say so once, and have the next sync succeed."""
    file = LeaseFile(str(path))
    file.append(b"sound;\n")
    file.sync()
    file.append(b"lost;\n")
    monkeypatch.setattr(leasefile.os, "fdatasync", failing(errno.EIO))
    with pytest.raises(StorageError) as caught:
        file.sync()
    assert caught.value.operation == "sync"
    monkeypatch.undo()
    file.append(b"next;\n")
    file.sync()
    file.close()
    assert path.read_bytes() == b"old;\nsound;\nnext;\n"


def test_the_rewrite_follows_no_link_that_was_planted(path, tmp_path):
    victim = tmp_path / "shadow"
    victim.write_bytes(b"root's\n")
    for name in ("dhcpd.leases.5", "dhcpd.leases.5~", "dhcpd.leases~"):
        (path.parent / name).symlink_to(victim)
    file = LeaseFile(str(path), owner=(os.getuid(), os.getgid()))
    file.begin_rewrite("5")
    file.rewrite_part(b"new;\n")
    assert file.end_rewrite(install=True)
    file.close()
    assert victim.read_bytes() == b"root's\n"
    assert path.read_bytes() == b"new;\n"
    assert not (path.parent / "dhcpd.leases~").is_symlink()
    assert (path.parent / "dhcpd.leases~").read_bytes() == b"old;\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a link that belongs to another user")
def test_a_link_of_another_user_is_not_followed(path, tmp_path):
    victim = tmp_path / "shadow"
    victim.write_bytes(b"root's\n")
    path.unlink()
    path.symlink_to(victim)
    LeaseFile(str(path)).close()
    os.chown(path, 65_534, 65_534, follow_symlinks=False)
    with pytest.raises(StorageError) as caught:
        LeaseFile(str(path))
    assert caught.value.operation == "open"
    assert victim.read_bytes() == b"root's\n"


def test_a_large_new_file_is_synced_as_it_grows_so_that_nobody_waits_for_all_of_it(path, monkeypatch):
    file = LeaseFile(str(path))
    grown = []
    sync = os.fdatasync
    monkeypatch.setattr(leasefile.os, "fdatasync", lambda fd: (grown.append(os.fstat(fd).st_size), sync(fd)))
    file.begin_rewrite("6")
    for _ in range(10):
        file.rewrite_part(bytes(300 << 10))
    assert file.end_rewrite(install=True)
    file.close()
    assert grown == [1200 << 10, 2400 << 10]
    assert path.stat().st_size == 3000 << 10


@pytest.mark.parametrize("links", [True, False])
def test_the_backup_is_the_old_one_until_the_new_one_stands(path, monkeypatch, links):
    (path.parent / "dhcpd.leases~").write_bytes(b"older;\n")
    file = LeaseFile(str(path))
    if not links:  # vfat, and rules about other users' files
        monkeypatch.setattr(leasefile.os, "link", failing(errno.EPERM))
    file.begin_rewrite("6")
    file.rewrite_part(b"new;\n")
    assert (path.parent / "dhcpd.leases~").read_bytes() == b"older;\n"
    assert file.end_rewrite(install=True)
    file.close()
    assert path.read_bytes() == b"new;\n"
    assert (path.parent / "dhcpd.leases~").read_bytes() == b"old;\n"
    assert sorted(one.name for one in path.parent.iterdir()) == ["dhcpd.leases", "dhcpd.leases~"]


def test_a_backup_that_cannot_be_made_leaves_the_one_before(path, monkeypatch):
    (path.parent / "dhcpd.leases~").write_bytes(b"older;\n")
    file = LeaseFile(str(path))
    monkeypatch.setattr(leasefile.os, "link", failing(errno.EIO))
    file.begin_rewrite("6")
    with pytest.raises(StorageError) as caught:
        file.end_rewrite(install=True)
    assert caught.value.operation == "backup"
    file.close()
    assert (path.parent / "dhcpd.leases~").read_bytes() == b"older;\n"
    assert path.read_bytes() == b"old;\n"


@pytest.mark.parametrize("what", ["removed", "replaced", "emptied"])
def test_somebody_who_takes_the_file_away_is_noticed(path, what):
    file = LeaseFile(str(path))
    file.append(b"one;\n")
    file.check()
    if what == "emptied":
        os.truncate(path, 0)
    else:
        path.unlink()
    if what == "replaced":
        path.write_bytes(b"somebody's;\n")
    with pytest.raises(StorageError) as caught:
        file.check()
    assert caught.value.operation == "lost"
    file.begin_rewrite("7")
    file.rewrite_part(b"new;\n")
    assert file.end_rewrite(install=True)
    file.check()
    file.close()
    assert path.read_bytes() == b"new;\n"


def test_a_device_is_no_lease_file():
    with pytest.raises(StorageError) as caught:
        LeaseFile("/dev/null")
    assert caught.value.operation == "open"
    LeaseFile("/dev/null", discard=True).close()


def test_a_second_server_is_refused_and_told_who_has_the_file(path):
    first = LeaseFile(str(path), exclusive=True)
    for _ in range(2):
        with pytest.raises(LeaseFileInUse) as caught:
            LeaseFile(str(path), exclusive=True)
        assert caught.value.pid == os.getpid()
        assert caught.value.operation == "open"
        # The file that a rewrite puts in its place is locked as well.
        first.begin_rewrite("7")
        first.rewrite_part(b"new;\n")
        assert first.end_rewrite(install=True)
    first.close()
    LeaseFile(str(path), exclusive=True).close()
    assert path.read_bytes() == b"new;\n"


def test_who_opens_the_file_while_it_is_replaced_gets_the_new_one(path, monkeypatch):
    real = locking.lock

    def replace_first(fd, name):
        monkeypatch.setattr(locking, "lock", real)
        (path.parent / "new").write_bytes(b"another's;\n")
        (path.parent / "new").replace(path)
        real(fd, name)

    monkeypatch.setattr(locking, "lock", replace_first)
    file = LeaseFile(str(path), exclusive=True)
    file.append(b"mine;\n")
    file.check()
    file.close()
    assert path.read_bytes() == b"another's;\nmine;\n"


def test_without_locks_in_the_file_system_the_server_goes_on(path, monkeypatch):
    monkeypatch.setattr(locking.fcntl, "flock", failing(errno.ENOLCK))
    LeaseFile(str(path), exclusive=True).close()


def test_a_lock_that_nobody_lists_has_no_number(path, monkeypatch, tmp_path):
    first = LeaseFile(str(path), exclusive=True)
    monkeypatch.setattr(locking, "_LOCKS", str(tmp_path / "none"))
    with pytest.raises(LeaseFileInUse) as caught:
        LeaseFile(str(path), exclusive=True)
    assert caught.value.pid == 0
    first.close()
