"""The disk under a serving server: full, emptied under its feet, and room again."""

import re
import subprocess
import sys

import pytest

from .relayed import ROOT, Service


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 512 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    """Leave less than a page, and of the last page of every open file what is left in it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


def leases_in(path):
    return re.findall(r"^lease (\S+) \{", path.read_text(), re.MULTILINE)


def test_a_full_disk_costs_the_answers_and_nothing_else(tmp_path, small_disk):
    with Service(tmp_path, files=small_disk) as service:
        promised = {service.exchange(1)}
        filler = fill(small_disk)
        refused, number = None, 2
        while refused is None:
            address = service.exchange(number, wait_s=5)
            if address is None:
                refused = number
            promised.add(address)
            number += 1
        promised.discard(None)
        service.wait_for_line("write_lease: unable to write to")
        log = service.log()
        hardware = f"02:d1:00:00:00:{refused:02x}"
        assert f"for {hardware} is not on disk (No space left on device)" in log
        assert not re.search(rf"DHCPACK on \S+ to {hardware}", log)
        filler.unlink()
        for number in (refused, 100, 101):
            promised.add(service.exchange(number))
        assert None not in promised
        data = service.leases.read_bytes()
        assert b"\0" not in data
        assert promised <= set(leases_in(service.leases))
        assert re.search(rf"DHCPACK on \S+ to {hardware}", service.log())


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_lease_file_that_was_taken_away_comes_back_whole(tmp_path, how):
    with Service(tmp_path, "-tf", tmp_path / "trace") as service:
        first = service.exchange(1)
        service.leases.unlink()
        if how == "replaced":
            service.leases.write_text("# somebody's\n")
        second = service.exchange(2)
        assert {first, second} <= set(leases_in(service.leases)), "before it was acknowledged"
        service.wait_for_line("was taken away")
        third = service.exchange(3)
        assert {first, second, third} <= set(leases_in(service.leases))
        service.leases.unlink()
        service.wait_for_line("Wrote 3 leases to leases file.", 30)
    played = tmp_path / "played"
    play = [sys.executable, "-m", "dhcpd", "-play", str(tmp_path / "trace"), "-lf", str(played)]
    done = subprocess.run(play, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert played.read_bytes() == service.leases.read_bytes()
