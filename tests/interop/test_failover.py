"""A live pair of ISC dhcpd under load, of which this server takes either half, with its configuration and lease file.

The secondary is replaced, then the primary, then both go back, while clients renew all the time: no client loses its
address, and none is given twice. What is waited for is what the servers' logs say of their states.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import pytest

from fixtures.network import Network, wait_for

CLIENTS, A_SECOND = 400, 500
ISC = ["/usr/sbin/dhcpd", "-4"]
OURS = [sys.executable, "-m", "dhcpd"]
ADDRESSES = {"primary": "10.44.0.1", "secondary": "10.44.0.2"}
NORMAL_S = 180.0
CONFIGURATION = """
authoritative; ddns-update-style none; ping-check false; dhcp-cache-threshold 0;
default-lease-time 120; max-lease-time 120;
failover peer "fo" {{
  {role} address {own}; peer address {other}; port 647; peer port 647;
  max-response-delay 10; max-unacked-updates 10; load balance max seconds 1;
}}
subnet 10.44.0.0 netmask 255.255.0.0 {{ pool {{ failover peer "fo"; range 10.44.1.0 10.44.2.255; }} }}
"""


class PairNetwork(Network):
    """Two servers and the clients' relay on one bridge."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.names = ["primary", "secondary", "client"]

    def __enter__(self) -> Self:
        for name in self.names:
            subprocess.run(["ip", "netns", "add", self.namespace(name)], check=True, timeout=60)
            self.ip(name, "link set lo up")
        self.ip("client", "link add br0 type bridge")
        self.ip("client", "link set br0 up")
        self.ip("client", "addr add 10.44.0.3/16 dev br0")
        for name, address in ADDRESSES.items():
            self._wire(name, "eth0", "client", name[0] + "0")
            self.ip("client", f"link set {name[0]}0 master br0")
            self.ip(name, f"addr add {address}/16 dev eth0")
        return self


class Half:
    """One half of the pair: its files stay, whoever serves with them."""

    def __init__(self, network: PairNetwork, side: str) -> None:
        self.network, self.side = network, side
        self.folder = network.folder / side
        self.folder.mkdir()
        self.folder.chmod(0o777)
        other = next(one for one in ADDRESSES if one != side)
        role = "primary; mclt 60; split 128;" if side == "primary" else "secondary;"
        text = CONFIGURATION.format(role=role, own=ADDRESSES[side], other=ADDRESSES[other])
        (self.folder / "dhcpd.conf").write_text(text)
        (self.folder / "dhcpd.leases").touch()
        self.log = self.folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.began = 0

    def start(self, command: list[str]) -> None:
        self.began = self.log.stat().st_size if self.log.exists() else 0
        files = shlex.split("-cf dhcpd.conf -lf {0}/dhcpd.leases -pf {0}/pid".format(shlex.quote(str(self.folder))))
        inside = self.network.inside(self.side, [*command, "-f", "-d", *files, "eth0"])
        root = str(Path(__file__).resolve().parents[2])
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                inside, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, "PYTHONPATH": root},
            )  # fmt: skip
        self.network.processes.append(self.process)

    def stop(self) -> None:
        assert self.process is not None
        assert self.process.poll() is None, self.text()[-2000:]
        os.kill(self.process.pid, signal.SIGTERM)
        self.process.wait(60)

    def text(self) -> str:
        return self.log.read_text(errors="replace")[self.began :]

    def state(self) -> str:
        """The last state that the log has it move to."""
        assert self.process is not None
        assert self.process.poll() is None, self.text()[-2000:]
        moves = [line for line in self.text().splitlines() if "I move from " in line]
        return moves[-1].rpartition(" to ")[2] if moves else ""


def both_normal(*halves: Half) -> None:
    wait_for("both in normal", lambda: all(half.state() == "normal" for half in halves), NORMAL_S)


@pytest.mark.peer("dhcpd")
def test_either_half_of_a_live_pair_is_taken_over_and_given_back(tmp_path: Path):
    tmp_path.chmod(0o777)
    with PairNetwork(tmp_path) as network:
        primary, secondary = Half(network, "primary"), Half(network, "secondary")
        primary.start(ISC)
        secondary.start(ISC)
        both_normal(primary, secondary)
        stop, met = tmp_path / "stop", tmp_path / "met"
        script = str(Path(__file__).with_name("pair_load.py"))
        words = [sys.executable, script, str(CLIENTS), str(A_SECOND), str(stop), *ADDRESSES.values()]
        with met.open("wb") as output:
            load = subprocess.Popen(network.inside("client", words), stdin=subprocess.DEVNULL, stdout=output)
        network.processes.append(load)
        for half, command in ((secondary, OURS), (primary, OURS), (secondary, ISC), (primary, ISC)):
            half.stop()
            half.start(command)
            both_normal(half)
            both_normal(primary, secondary)
        stop.touch()
        assert load.wait(120) == 0
        found = json.loads(met.read_text())
        assert found["given_twice"] == []
        assert found["lost"] == []
        assert found["holding"] == CLIENTS
        assert found["acks"] > CLIENTS
