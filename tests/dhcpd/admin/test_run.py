"""The program with its socket and dhcpd-admin, as processes: asked, changed, reloaded, stopped, played back."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from dhcpd.replay.demo.load import Relay
from dhcpd.replay.looking.figures.counted import counted as played_counters
from dhcpd.replay.looking.figures.exposition import families, pieces
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import open_tape
from tests.interop.relayed import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIGURATION = """
local-address 127.0.0.1; server-identifier 127.0.0.1; authoritative; ping-check false; default-lease-time 3600;
subnet 127.0.0.0 netmask 255.0.0.0 { range 127.16.0.1 127.16.31.254; }
"""
PATIENCE_S = 120


class Server:
    """A server in the folder; `admin` runs dhcpd-admin."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        (folder / "dhcpd.conf").write_text(CONFIGURATION)
        (folder / "leases").touch()
        command = [
            sys.executable, "-m", "dhcpd", "-f", "-d", "-p", str(self.port), "-cf", str(folder / "dhcpd.conf"),
            "-lf", str(folder / "leases"), "-pf", str(folder / "pid"), "-tf", str(folder / "trace"),
            "--admin-socket", str(folder / "socket"), "lo",
        ]  # fmt: skip
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_for("Server starting service.")

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def wait_for(self, text: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while text not in self.log():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < until, text
            time.sleep(0.02)

    def admin(self, *words: str, status: int = 0) -> str:
        command = [sys.executable, "-m", "dhcpd.adminctl", "--socket", str(self.folder / "socket"), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)


def counters_in(text: str) -> dict[str, float]:
    """The samples that hang on messages and changes: nothing of the program's own, and of timers, which go on."""
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith(("#", "process_"))]
    others = ("dhcpd_events", "dhcpd_clock", "dhcpd_recorder", "dhcpd_overload", "dhcpd_pool_exhaustion")
    return {name: float(value) for name, _, value in lines if not name.startswith(others)}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    if made.process.poll() is None:
        made.stop()


def test_a_server_is_asked_changed_stopped_and_played_back(server: Server) -> None:
    mode = (server.folder / "socket").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660
    with Relay("127.0.0.2", "127.0.0.1", server.port) as relay:
        relay.run(40)
    leases = json.loads(server.admin("--json", "leases", "--state", "active"))["leases"]
    assert leases
    address, hardware = leases[0]["address"], leases[0]["hardware"]
    assert hardware in server.admin("client", address)
    assert f"process {server.process.pid}" in server.admin("status")
    assert server.admin("release", address) == f"lease {address} is free\n"
    assert "is free already" in server.admin("release", address, status=1)
    assert "declared" in server.admin("host-add", "printer", "--hardware", "02:00:00:00:00:63")
    assert "printer" in server.admin("hosts")
    (server.folder / "dhcpd.conf").write_text(CONFIGURATION + "option nosuch 1;\n")
    assert "unknown option dhcp.nosuch" in server.admin("reload", status=1)
    (server.folder / "dhcpd.conf").write_text(CONFIGURATION + "max-lease-time 7200;\n")
    assert server.admin("reload").startswith("in force\n")
    watched = server.admin("--json", "watch", "--count", "2", "--every", "0.2", "pools")
    assert watched.count(f'"active": {len(leases) - 1}') == 2
    counted = counters_in(server.admin("metrics"))
    assert counted['dhcpd_messages_sent_total{type="ack"}'] >= len(leases)
    server.stop()
    assert not (server.folder / "socket").exists()
    assert "as uid" in server.log()
    written = server.folder / "played"
    assert play_file(str(server.folder / "trace"), str(written)).status is Status.SAME
    assert written.read_bytes() == (server.folder / "leases").read_bytes()
    with open_tape(str(server.folder / "trace")) as tape:
        again = b"".join(pieces(families(played_counters(tape)))).decode()
    assert counters_in(again) == counted
    assert "does dhcpd run with --admin-socket" in server.admin("status", status=3)


def test_a_socket_that_a_killed_server_left_is_replaced_and_a_live_one_is_not(server: Server) -> None:
    server.process.kill()
    server.process.wait(PATIENCE_S)
    again = Server(server.folder)
    assert f"process {again.process.pid}" in again.admin("status")
    command = [
        sys.executable, "-m", "dhcpd", "-f", "-d", "-p", str(free_port()), "-cf", str(server.folder / "dhcpd.conf"),
        "-lf", str(server.folder / "other"), "--no-pid", "--admin-socket", str(server.folder / "socket"), "lo",
    ]  # fmt: skip
    (server.folder / "other").touch()
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 1
    assert f"Can't listen at {server.folder / 'socket'} (--admin-socket): Address already in use" in done.stderr
    again.stop()
