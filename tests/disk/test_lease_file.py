"""The lease file on a disk: nothing half, nothing lost, the old file until the new one stands."""

import errno
import os

import pytest

from dhcpd.disk import lease_file as leasefile
from dhcpd.disk.lease_file import LeaseFile, StorageError


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "dhcpd.leases"
    made.write_bytes(b"old;\n")
    return made


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


def test_an_append_that_fails_leaves_no_half_record(path, monkeypatch):
    file = LeaseFile(str(path))
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
            monkeypatch.setattr(leasefile.Path, "rename", no)
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
