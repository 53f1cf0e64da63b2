"""The program under load while its configuration is changed again and again: nothing is lost, and it plays back."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from dhcpd.replay.demo.load import Relay
from tests.interop.relayed import free_port

if TYPE_CHECKING:
    from pathlib import Path

SERVER, RELAY = "127.0.0.1", "127.0.0.2"
CONFIGURATION = """
local-address 127.0.0.1; server-identifier 127.0.0.1; authoritative; ping-check false; default-lease-time 3600;
class "odd" {{ match if substring (hardware, 6, 1) = 01; lease limit 5000; option root-path "/{0}"; }}
subnet 127.0.0.0 netmask 255.0.0.0 {{ option domain-name "{0}.example"; {1} }}
"""
CONFIGURATIONS = (
    CONFIGURATION.format("one", "range 127.16.0.1 127.16.31.254;"),
    CONFIGURATION.format(
        "two",
        "range 127.16.0.1 127.16.15.255; pool { allow known-clients; allow unknown-clients; "
        'range 127.16.16.0 127.16.31.254; } on commit { set seen = "two"; } on expiry { log (info, seen); }',
    ),
    CONFIGURATION.format("broken", "nosuch"),
)
CLIENTS = 1_500


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "dhcpd", "-f", "-d", "-4", "-p", str(port), "-cf", str(folder / "dhcpd.conf"), "-lf",
        str(folder / "leases"), "-pf", str(folder / "pid"), "-tf", str(folder / "trace"), "lo",
    ]  # fmt: skip
    (folder / "leases").touch()
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)


def wait_for(folder: Path, server: subprocess.Popen[bytes], text: str, times: int = 1) -> None:
    until = time.monotonic() + 60
    while (folder / "log").read_text("utf-8", "replace").count(text) < times:
        assert server.poll() is None, (folder / "log").read_text("utf-8", "replace")
        assert time.monotonic() < until, text
        time.sleep(0.02)


def reloaded_often(folder: Path) -> bool:
    log = (folder / "log").read_text("utf-8", "replace")
    return log.count("is in force") > 3 and log.count("nothing has changed.") > 1


def test_reloads_under_load_lose_nothing_and_play_back(tmp_path: Path) -> None:
    configuration, port = tmp_path / "dhcpd.conf", free_port()
    configuration.write_text(CONFIGURATIONS[0])
    server = start(tmp_path, port)
    clients = 0
    over = threading.Event()

    def change() -> None:
        for text in itertools.cycle(CONFIGURATIONS):
            new = tmp_path / "new.conf"
            new.write_text(text)
            new.replace(configuration)
            server.send_signal(signal.SIGHUP)
            if over.wait(0.1):
                return

    changer = threading.Thread(target=change)
    try:
        wait_for(tmp_path, server, "Server starting service.")
        changer.start()
        with Relay(RELAY, SERVER, port, patience_s=60) as relay:
            while not reloaded_often(tmp_path):
                clients += CLIENTS
                counts = relay.run(CLIENTS)
        over.set()
        changer.join()
        configuration.write_text(CONFIGURATIONS[0])
        done = (tmp_path / "log").read_text("utf-8", "replace").count("is in force")
        server.send_signal(signal.SIGHUP)
        wait_for(tmp_path, server, "is in force", done + 1)
    finally:
        over.set()
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    log = (tmp_path / "log").read_text("utf-8", "replace")
    assert (counts.exchanges, counts.repeated) == (clients, 0)
    assert "have no range any more" not in log
    command = [sys.executable, "-m", "dhcpd", "-play", str(tmp_path / "trace"), "-lf", str(tmp_path / "played")]
    played = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert played.returncode == 0, played.stderr
    assert (tmp_path / "played").read_bytes() == (tmp_path / "leases").read_bytes()
