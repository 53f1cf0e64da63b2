"""A server on the loopback behind a relay of three functions, for tests of what happens around the service."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVER, RELAY = "127.0.0.1", "127.0.0.2"
CONFIGURATION = f"""
local-address {SERVER}; server-identifier {SERVER}; authoritative; ping-check false;
default-lease-time 3600; max-lease-time 7200;
subnet 127.0.0.0 netmask 255.0.0.0 {{ range 127.16.0.1 127.16.31.254; }}
"""
_HEADER = struct.Struct("!BBBB4sHHIIII16s64s128s4s")


def free_port():
    """A port that was free a moment ago, and its successor."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((SERVER, 0))
        return min(probe.getsockname()[1], 65_000)


class Service:
    """A server with its files in `folder`, and a relay; a context manager that ends both."""

    def __init__(self, folder, *extra, configuration=CONFIGURATION, prefix=(), files=None):
        self.folder = folder
        self.files = folder if files is None else files
        self.log_path = folder / "log"
        self.port = free_port()
        self.leases = self.files / "dhcpd.leases"
        self.extra = extra
        self.prefix = prefix
        (folder / "dhcpd.conf").write_text(configuration)
        self.leases.touch()
        self.process = None
        self.relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.relay.bind((RELAY, self.port))

    def __enter__(self):
        command = [
            *(self.prefix or (sys.executable, "-m", "dhcpd")), "-f", "-d", "-4", "-p", str(self.port),
            "-cf", str(self.folder / "dhcpd.conf"), "-lf", str(self.leases), "-pf", str(self.folder / "pid"),
            *map(str, self.extra), "lo",
        ]  # fmt: skip
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)}
            )
        self.wait_for_line("Server starting service.")
        return self

    def __exit__(self, *_error):
        self.end()
        self.relay.close()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_for_line(self, text, seconds=120):
        until = time.monotonic() + seconds
        while text not in self.log():
            if time.monotonic() > until or (self.process.poll() is not None and text not in self.log()):
                raise AssertionError(f"{text!r} never came:\n{self.log()}")
            time.sleep(0.02)

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)

    def _ask(self, number, xid, *options, wait_s):
        head = _HEADER.pack(
            1, 1, 6, 1, xid, 0, 0, 0, 0, 0, int.from_bytes(socket.inet_aton(RELAY), "big"),
            b"\x02\xd1" + number.to_bytes(4, "big"), b"", b"", b"\x63\x82\x53\x63",
        )  # fmt: skip
        area = b"".join(bytes([code, len(value)]) + value for code, value in options)
        self.relay.sendto(head + area + b"\xff", (SERVER, self.port))
        until = time.monotonic() + wait_s
        while (left := until - time.monotonic()) > 0:
            self.relay.settimeout(left)
            try:
                answer = self.relay.recv(2048)
            except TimeoutError:
                return None
            if answer[4:8] == xid:
                return answer
        return None

    def exchange(self, number, wait_s=30.0):
        """The address that client `number` was acknowledged, in dotted form; None where it got no ACK in time."""
        xid = struct.pack("!I", number * 7919 + 1)
        offer = self._ask(number, xid, (53, b"\x01"), wait_s=wait_s)
        if offer is None:
            return None
        wanted = offer[16:20]
        server = socket.inet_aton(SERVER)
        answer = self._ask(number, xid, (53, b"\x03"), (50, wanted), (54, server), wait_s=wait_s)
        return None if answer is None or answer[242] != 5 else socket.inet_ntoa(answer[16:20])
