"""What systemd hears of a run: from its first READY to STOPPING, by the datagrams that sd_notify(3) describes."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from dhcpd.process.notify import ServiceManager
from tests.interop.relayed import free_port

CONFIGURATION = "local-address 127.0.0.1; subnet 127.0.0.0 netmask 255.0.0.0 { range 127.16.0.1 127.16.0.9; }"


class Manager:
    """The other side."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name)
        self.socket.settimeout(120)

    def hear(self):
        """What the next message says; signs of life are passed over."""
        while (text := self.socket.recv(4096).decode()) == "WATCHDOG=1":
            pass
        return dict(line.split("=", 1) for line in text.split("\n"))

    def hear_life(self):
        while self.socket.recv(4096) != b"WATCHDOG=1":
            pass


@pytest.fixture
def manager(tmp_path):
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.socket.close()


@contextmanager
def serving(folder, configuration=CONFIGURATION, **variables):
    (folder / "dhcpd.conf").write_text(configuration)
    (folder / "leases").touch()
    command = [
        sys.executable, "-m", "dhcpd", "-f", "-q", "--no-pid", "-p", str(free_port()), "-cf", "dhcpd.conf", "-lf",
        str(folder / "leases"), "lo",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=folder, env={**os.environ, **variables}, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_run_is_told_from_its_first_service_to_its_end(tmp_path, manager):
    configuration = tmp_path / "dhcpd.conf"
    with serving(tmp_path, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="200000") as process:
        serves = {"READY": "1", "MAINPID": str(process.pid), "STATUS": "Serving on lo"}
        assert manager.hear() == serves
        for _ in range(3):
            manager.hear_life()
        process.send_signal(signal.SIGHUP)
        told = manager.hear()
        assert told["RELOADING"] == "1"
        assert int(told["MONOTONIC_USEC"]) > 0
        assert manager.hear() == serves
        configuration.write_text("nosuch;")
        process.send_signal(signal.SIGHUP)
        assert manager.hear()["RELOADING"] == "1"
        assert "Serving as before" in manager.hear()["STATUS"]
        process.send_signal(signal.SIGTERM)
        assert manager.hear()["STOPPING"] == "1"
        assert process.wait(60) == -signal.SIGTERM


def test_nothing_is_ready_that_cannot_serve(tmp_path, manager):
    manager.socket.settimeout(0)
    with serving(tmp_path, "nosuch;", NOTIFY_SOCKET=str(tmp_path / "notify")) as process:
        assert process.wait(60) == 1
    with pytest.raises(BlockingIOError):
        manager.hear()


def test_a_name_in_the_abstract_space(tmp_path):
    name = f"dhcpd-test-{os.getpid()}"
    manager = Manager("\0" + name)
    ServiceManager({"NOTIFY_SOCKET": "@" + name}).ready(1, "here")
    assert manager.hear()["STATUS"] == "here"
    manager.socket.close()


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "/no/such/socket"},
        {"NOTIFY_SOCKET": "vsock:2:1"},
        {"NOTIFY_SOCKET": "@nobody", "WATCHDOG_USEC": "-1"},
    ],
)
def test_where_nobody_listens_nothing_happens(variables):
    made = ServiceManager(variables)
    made.ready(1, "")
    made.reload(2)
    made.live(3)
    made.stop()
    assert made.due_us == 0


def test_a_watchdog_of_another_process_is_not_ours(manager, tmp_path):
    variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
    assert ServiceManager({**variables, "WATCHDOG_PID": "1"}).due_us == 0
    made = ServiceManager({**variables, "WATCHDOG_PID": str(os.getpid())})
    made.live(5)
    assert made.due_us == 1_000_005
    made.live(1_000_004)
    assert made.due_us == 1_000_005
