"""A server that has given up root and the root directory, from where no module of Python can be found."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from dhcpd.trace import open_tape

from .relayed import ROOT, Service

# The program, which fails when it has heard the packet of a client whose number ends in 99.
FAILING = """
import sys
from dhcpd import {module}
from dhcpd.program import main
real = {module}.{owner}.{name}
def failing(self, told):
    if b"\\x02\\xd1\\x00\\x00\\x00\\x63" in getattr(told, "payload", b""):
        raise RuntimeError("out of order")
    return real(self, told)
{module}.{owner}.{name} = failing
sys.exit(main(["dhcpd", *sys.argv[1:]]))
"""


@pytest.fixture
def jail(tmp_path):
    """A root directory with the files of the service, as it is named from within and from without."""
    made = tmp_path / "jail"
    inside = made / str(tmp_path)[1:]
    inside.mkdir(parents=True)
    (inside / "dhcpd.leases").touch()
    for path in (tmp_path, inside):
        path.chmod(0o777)
    (inside / "dhcpd.leases").chmod(0o666)
    (made / "proc").mkdir()
    subprocess.run(["mount", "-t", "proc", "proc", str(made / "proc")], check=True)
    yield made
    subprocess.run(["umount", "-l", str(made / "proc")], check=True)


def jailed(tmp_path, jail, prefix=()):
    service = Service(tmp_path, "-chroot", jail, "-user", "nobody", "-tf", tmp_path / "trace", prefix=prefix)
    shutil.copy(tmp_path / "dhcpd.conf", jail / str(tmp_path)[1:])
    return service


def test_a_recording_goes_on_in_new_files(tmp_path, jail):
    with jailed(tmp_path, jail) as service:
        assert service.exchange(1)
        service.process.send_signal(signal.SIGUSR2)
        service.wait_for_line("The recording up to here is in")
        assert service.exchange(2)
        assert service.end() == -signal.SIGTERM
    assert "Traceback" not in service.log()
    with open_tape(tmp_path / "trace") as tape:
        assert tape.complete
        assert tape.first_seq > 1
        assert tape.snapshot(tape.first_seq) is not None


def test_who_gives_up_root_reads_its_recording_and_says_what_it_cannot_read(tmp_path):
    """`explain` reads the files by a child of the server, which is root no more."""
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o777)
    socket = tmp_path / "admin"
    with Service(tmp_path, "-user", "nobody", "-tf", tmp_path / "trace", "--admin-socket", socket) as service:
        for name in ("dhcpd.leases", "dhcpd.conf"):
            (tmp_path / name).chmod(0o666)
        address = service.exchange(1)
        assert "DHCPREQUEST" in asked(socket, "explain", str(address))
        os.chown(tmp_path / "trace", 0, 0)
        assert f"not read: {tmp_path / 'trace'}" in asked(socket, "explain", str(address))
        assert "not read: " in asked(socket, "reloads")


def asked(socket, *words):
    command = [sys.executable, "-m", "dhcpd.adminctl", "--socket", str(socket), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


@pytest.mark.parametrize(("module", "owner", "name"), [("loop", "Loop", "_send_now"), ("loop", "Machine", "apply")])
def test_a_failure_is_told_and_recorded(tmp_path, jail, module, owner, name):
    code = FAILING.format(module=module, owner=owner, name=name)
    if owner == "Machine":
        code = code.replace("from dhcpd import loop", "from dhcpd.engine import machine as loop")
    with jailed(tmp_path, jail, (sys.executable, "-c", code)) as service:
        assert service.exchange(1)
        assert service.exchange(99, wait_s=1) is None
        assert service.process.wait(30) == 134
    log = service.log()
    assert "RuntimeError: out of order" in log
    assert "LookupError" not in log
    assert "ModuleNotFoundError" not in log
    info = told_by_info(tmp_path / "trace")
    failed = "the program failed (RuntimeError: out of order), and not the engine"
    assert (failed in info) is (owner == "Loop")
    assert ("this shows the failure again" in log) is (owner == "Machine")


def told_by_info(path):
    code = "from dhcpd.replay.command.cli import cli; cli()"
    command = [sys.executable, "-c", code, "info", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT).stdout
