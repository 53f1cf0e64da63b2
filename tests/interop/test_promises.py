"""What was acknowledged is on disk: the server is killed under load, and ISC dhcpd reads what we write."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fixtures.network import Client, Server, wait_for

WIDE = """
default-lease-time 600; max-lease-time 600; authoritative; ping-check false;
subnet 10.66.0.0 netmask 255.255.0.0 { range 10.66.1.1 10.66.40.254; }
"""


def acknowledged(capture):
    """The addresses of the DHCPACKs in what `listen` wrote."""
    return {line.split()[0] for line in capture.read_text().splitlines()}


LISTENER = """
import socket, struct, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
raw.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
raw.bind(("eth0", 0x0800))
out = open(sys.argv[1], "w", buffering=1)
while True:
    frame = raw.recv(2048)
    if frame[23] != 17 or frame[36:38] not in (b"\\x00\\x43", b"\\x00\\x44"):
        continue
    payload = frame[42:]
    at = payload.find(b"\\x35\\x01\\x05", 240)
    if payload[0] == 2 and at > 0:
        print(socket.inet_ntoa(payload[16:20]), file=out)
"""

TAKER = """
import socket, time
taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
taken.bind(("", 67))
print("taken", flush=True)
time.sleep(60)
"""


@pytest.mark.peer("perfdhcp")
@pytest.mark.parametrize("round_", range(2))
def test_a_kill_under_load_loses_no_acknowledged_lease(network, tmp_path, round_):
    network.ip("client", "addr add 10.66.0.9/16 dev eth0")
    server = Server(network, WIDE).start()
    heard = tmp_path / "heard"
    network.start("client", [sys.executable, "-c", LISTENER, str(heard)])
    wait_for("the listener", heard.exists)
    load = ["perfdhcp", "-4", "-l", "eth0", "-r", "800", "-R", "5000", "-p", "120", "-t", "5", "-W", "0"]
    network.start("client", load, tmp_path / "perfdhcp.log")
    wait_for("500 ACKs", lambda: len(acknowledged(heard)) > 500, 90)
    time.sleep(0.37 * round_)
    server.stop(signal.SIGKILL)
    time.sleep(0.3)
    promised = acknowledged(heard)
    stored = set(re.findall(r"^lease (\S+) \{", server.leases.read_text(), re.MULTILINE))
    assert promised <= stored
    again = Server(network, WIDE).start()
    assert again.seen("leases to leases file.")
    assert promised <= set(re.findall(r"^lease (\S+) \{", server.leases.read_text(), re.MULTILINE))


@pytest.mark.peer("/usr/sbin/dhcpd", "busybox")
def test_isc_dhcpd_accepts_our_lease_file(network, configuration):
    server = Server(network, configuration).start()
    client = Client(network, "udhcpc")
    client.start()
    wait_for("an address", lambda: client.address() != "")
    assert server.stop() == -signal.SIGTERM
    command = ["/usr/sbin/dhcpd", "-4", "-T", "-cf", str(server.configuration), "-lf", str(server.leases)]
    command += ["-pf", str(server.leases) + ".none"]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0
    assert "Wrote 1 leases to leases file." in judged.stderr
    assert " line " not in judged.stderr


def test_a_server_on_a_link_that_goes_down_serves_again(network, configuration):
    server = Server(network, configuration).start()
    network.ip("server", "link set eth0 down")
    wait_for("the line", lambda: server.seen("receive_packet failed on eth0: Network is down"))
    network.ip("server", "link set eth0 up")
    client = Client(network, "udhcpc")
    client.start()
    wait_for("an address", lambda: client.address() != "")
    assert "\n".join(server.lines()).count("receive_packet failed") == 1


def test_pid_file_stays_and_a_second_server_refuses(network, configuration):
    server = Server(network, configuration).start()
    pid_file = server.leases.with_name("dhcpd.leases.pid")
    assert pid_file.read_text() == f"{server.pid()}\n"
    second = network.call("server", server.command)
    assert second.returncode == 1
    assert "There's already a DHCP server running." in second.stderr
    assert server.stop(signal.SIGINT) == -signal.SIGINT
    assert pid_file.exists()


def test_the_daemon_lets_its_parent_go_when_it_serves(network, configuration):
    server = Server(network, configuration)
    command = [word for word in server.command if word not in ("-f", "-d")]
    parent = network.call("server", command)
    assert parent.returncode == 0, parent.stderr
    assert "Server starting service." not in parent.stderr
    assert "Sending on   Socket/fallback/fallback-net" in parent.stderr
    pid = int(server.leases.with_name("dhcpd.leases.pid").read_text())
    assert os.getsid(pid) == pid
    assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
    assert Path(f"/proc/{pid}/fd/2").readlink() == Path("/dev/null")
    client = Client(network, "udhcpc")
    client.start()
    wait_for("an address", lambda: client.address() != "")


def test_the_port_is_taken(network, configuration, tmp_path):
    network.start("server", [sys.executable, "-c", TAKER], tmp_path / "taken")
    wait_for("the other", lambda: (tmp_path / "taken").stat().st_size > 0)
    refused = network.call("server", Server(network, configuration).command)
    assert refused.returncode == 1
    assert "Can't bind to dhcp address: Address already in use" in refused.stderr
