"""`make demo`: a real server, 2,000 exchanges, and its recording played back, as an ordinary user, on the loopback.

The server runs as it would in service, but on an unprivileged port and with a lease file in a temporary folder. The
demonstration ends with status 0 only if every effect came again and both lease files are equal to the byte.
"""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from .load import LoadFailed, Relay

CLIENTS: Final = 2_000
START_WITHIN_S: Final = 20
STOP_WITHIN_S: Final = 20
_SERVER: Final = "127.0.0.1"
_RELAY: Final = "127.0.0.2"
_STARTED: Final = "Server starting service."

CONFIGURATION: Final = f"""\
# Loopback only: the relay of the demonstration is {_RELAY}.
local-address {_SERVER};
server-identifier {_SERVER};
authoritative;
ping-check false;
default-lease-time 3600;
max-lease-time 7200;
option domain-name "demo.example";
option domain-name-servers 127.0.0.1;

subnet 127.0.0.0 netmask 255.0.0.0 {{
  option routers 127.0.0.1;
  range 127.16.0.1 127.16.31.254;
}}
"""


class DemoFailed(Exception):
    """The demonstration cannot go on; the text says why, and what to look at."""


def main() -> int:
    """Run it; returns the exit status."""
    with tempfile.TemporaryDirectory(prefix="dhcpd-demo-") as name:
        folder = Path(name)
        try:
            return demonstrate(folder)
        except (DemoFailed, LoadFailed, OSError) as error:
            _say(f"make demo: {error}")
            log = folder / "log"
            if log.exists():
                _say("The server's last lines:")
                for line in log.read_text("utf-8", "replace").splitlines()[-15:]:
                    _say(f"  {line}")
            return 1


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _program() -> list[str]:
    return [sys.executable, "-m", "dhcpd"]


def _free_port() -> int:
    """A port above the privileged ones that is free at both addresses, and its successor at every one."""
    for port in range(16_067 + os.getpid() % 10_000, 60_000, 7):
        try:
            for address, number in ((_SERVER, port), (_RELAY, port), ("", port + 1)):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind((address, number))
        except OSError:
            continue
        return port
    message = "no free UDP port above 16067 on the loopback"
    raise DemoFailed(message)


def demonstrate(folder: Path) -> int:
    """The demonstration, whose files stay in `folder`; the exit status. Raises DemoFailed, LoadFailed, OSError."""
    _say(f"1. A server on {_SERVER}, an unprivileged port, recording with -tf.")
    port = _free_port()
    server = _start(folder, port)
    try:
        _wait_until_serving(server, folder / "log")
        _load(port)
    finally:
        _stop(server)
    trace, leases = folder / "trace", folder / "dhcpd.leases"
    _say(f"3. The run is over: a trace of {trace.stat().st_size:,} bytes, {leases.stat().st_size:,} bytes of leases.")
    played = folder / "played.leases"
    _say("4. dhcpd -play trace -lf played.leases")
    started = time.monotonic()
    command = [*_program(), "-play", str(trace), "-lf", str(played)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)  # noqa: S603 - our own
    lines = result.stderr.splitlines()
    for line in lines if result.returncode else lines[-1:]:
        _say(f"   {line}")
    _say(f"   ({time.monotonic() - started:.1f} s, exit status {result.returncode})")
    return _compare(leases, played, result.returncode)


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    (folder / "dhcpd.conf").write_text(CONFIGURATION, "ascii")
    (folder / "dhcpd.leases").touch()
    command = [
        *_program(), "-f", "-d", "-4", "-p", str(port), "-cf", str(folder / "dhcpd.conf"),
        "-lf", str(folder / "dhcpd.leases"), "-pf", str(folder / "dhcpd.pid"), "-tf", str(folder / "trace"), "lo",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)  # noqa: S603


def _wait_until_serving(server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_WITHIN_S
    while _STARTED not in log.read_text("utf-8", "replace"):
        if server.poll() is not None:
            message = f"the server ended with status {server.returncode}"
            raise DemoFailed(message)
        if time.monotonic() > until:
            message = f"the server did not start within {START_WITHIN_S} s"
            raise DemoFailed(message)
        time.sleep(0.05)


def _load(port: int) -> None:
    with Relay(_RELAY, _SERVER, port) as relay:
        counts = relay.run(CLIENTS)
    _say(
        f"2. {counts.exchanges:,} exchanges, {counts.renewals:,} renewals, {counts.releases:,} releases, "
        f"{counts.informs:,} informs and {counts.refusals:,} refusals in {counts.seconds:.1f} s."
    )


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
    try:
        server.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
        message = f"the server did not end within {STOP_WITHIN_S} s of SIGTERM"
        raise DemoFailed(message) from None


def _compare(leases: Path, played: Path, status: int) -> int:
    if not played.exists():
        _say("5. There is no played lease file.")
        return status or 1
    run_digest, played_digest = (hashlib.sha256(path.read_bytes()).hexdigest() for path in (leases, played))
    _say(f"5. Lease file of the run       sha256 {run_digest}")
    _say(f"   Lease file of the playback  sha256 {played_digest}")
    equal = run_digest == played_digest
    _say("   The lease files are equal to the byte." if equal else "   The lease files DIFFER.")
    return status or int(not equal)


if __name__ == "__main__":
    sys.exit(main())
