"""Damaged and malicious datagrams on a real wire: ours and ISC dhcpd answer alike, log alike, and go on serving."""

import json
import re
import sys

import pytest

from fixtures import hostile
from fixtures.network import ROOT, Client, Network, Server, wait_for

# Options whose value is a time to come; two servers do not reach it in the same second.
TIMES = re.compile(r"(33|3a|3b|5b|5a)04[0-9a-f]{8}")


class Reaction:
    """What a server made of everything in hostile.py: replies by transaction, lines, and an honest client's address."""

    def __init__(self, folder, configuration):
        folder.mkdir()
        with Network(folder) as network:
            # One hardware address, since frames and lines show it.
            network.ip("server", "link set eth0 address 02:00:00:00:ff:01")
            server = Server(network, configuration).start()
            answers = folder / "answers"
            sending = [sys.executable, str(ROOT / "fixtures" / "hostile.py"), "eth0", str(answers)]
            done = network.call("client", sending)
            assert done.returncode == 0, done.stderr
            lines = server.lines()
            self.lines = lines[lines.index("Server starting service.") + 1 :]
            found = json.loads(answers.read_text())
            self.replies = {xid: [TIMES.sub(r"\1", one) for one in replies] for xid, replies in found.items()}
            client = Client(network, "udhcpc")
            client.start()
            wait_for("an address", lambda: client.address() != "")
            assert server.process.poll() is None


@pytest.mark.peer("busybox", "/usr/sbin/dhcpd")
def test_hostile_datagrams_are_answered_and_logged_as_isc_does(tmp_path, configuration, monkeypatch):
    ours = Reaction(tmp_path / "ours", configuration)
    monkeypatch.setenv("DHCPD_COMMAND", "/usr/sbin/dhcpd")
    isc = Reaction(tmp_path / "isc", configuration)
    assert len(isc.replies) > len(hostile.frames()) // 4
    assert ours.replies == isc.replies
    assert ours.lines == isc.lines
