"""Interfaces as the kernel lists them, in a namespace of our own making."""

import os
import socket
import subprocess
import sys

import pytest

from dhcpd.network.interfaces import read_links


def test_the_loopback_is_there():
    [lo] = [link for link in read_links() if link.name == "lo"]
    assert lo.index == socket.if_nametoindex("lo")
    assert lo.hardware_type == 772
    assert not lo.addresses or lo.addresses[0] == (0x7F000001, 8)


@pytest.mark.skipif(os.geteuid() != 0, reason="making a network namespace needs root")
def test_labels_are_interfaces_of_their_own():
    script = """
set -e
ip link add en1 type veth peer name en2
ip link set en1 address 02:00:00:00:00:01
ip addr add 10.1.0.1/24 dev en1
ip addr add 10.1.0.2/24 dev en1
ip addr add 10.2.0.1/16 dev en1 label en1:1
ip link set en1 up
exec "$0" -c 'from dhcpd.network.interfaces import read_links
for link in read_links(): print(link.name, link.flags & 1, link.hardware.hex(), link.addresses)'
"""
    asked = subprocess.run(
        ["unshare", "-n", "sh", "-c", script, sys.executable], capture_output=True, text=True, check=True
    )
    rows = asked.stdout.splitlines()
    assert rows[0].startswith("lo ")
    assert "en1 1 020000000001 ((167837697, 24), (167837698, 24))" in rows
    assert rows[-1] == "en1:1 1 020000000001 ((167903233, 16),)"
