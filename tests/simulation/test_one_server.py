"""One server among clients on a bad network, whose disk fills up and whose power fails: nobody shares an address.

What the server knows is not asked: an address is a client's from the ACK that it heard until the time in that is over,
it gives the address back, or is refused it. A run that fails is told by its seed, and its recording plays alone.
DHCPD_SIMULATIONS=N runs N seeds that are new each time.
"""

from __future__ import annotations

import os
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Final

import pytest

from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.replay.world import Client, NoAnswer, Server, World

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES: Final = int(os.environ.get("DHCPD_SIMULATIONS", "0"))
SEEDS: Final = [Random().randrange(1 << 32) for _ in range(EXAMPLES)] or list(range(12))
STEPS: Final = 120
CLIENTS: Final = 9
CONFIGURATION: Final = """
authoritative; default-lease-time 300; max-lease-time 300; min-lease-time 60; ping-check {ping};
abandon-lease-time 200;
subnet 10.0.0.0 netmask 255.255.255.0 {{ range 10.0.0.10 10.0.0.12; }}
subnet 10.1.0.0 netmask 255.255.255.0 {{ range 10.1.0.10 10.1.0.11; }}
host fixed {{ hardware ethernet 02:00:00:00:00:01; fixed-address 10.0.0.200; }}
"""


class Run:
    """A world, and what becomes of it step by step."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.world = World(seed)
        self.random = self.world.random
        self.folder = folder
        self.recordings: list[Path] = []
        # Too few addresses for all: one that is given up too early is somebody else's at once.
        self.text = CONFIGURATION.format(ping=self.random.choice(("on", "off")))
        self.server = self.boot()
        self.clients = [
            self.world.client(f"02:00:00:00:00:{number:02x}", relay="10.1.0.1" if number % 3 == 2 else "")
            for number in range(1, CLIENTS + 1)
        ]
        network = self.world.network
        network.loss, network.twice, network.delay_us = 0.1, 0.05, (100, self.random.choice((200, 400_000)))

    def boot(self) -> Server:
        self.recordings.append(self.folder / f"{len(self.recordings)}.trace")
        return self.world.server(self.text, eth0="10.0.0.1/24", recording=self.recordings[-1])

    def step(self) -> None:
        """Mostly a client does something; now and then the disk, the power, or somebody who takes addresses does."""
        what = self.random.random()
        if what < 0.75:
            with suppress(NoAnswer):
                self.act(self.random.choice(self.clients))
        elif what < 0.85:
            self.world.wait(seconds=self.random.choice((1, 30, 200, 400)))
        elif what < 0.90:
            self.server.disk.failing = set() if self.server.disk.failing else {self.random.choice(("append", "sync"))}
        elif what < 0.95:
            self.die()
        elif self.world.network.in_use:
            self.world.network.in_use.clear()
        else:
            self.world.occupy(f"10.0.0.{self.random.randrange(10, 13)}")

    def act(self, client: Client) -> None:
        if client.lease is None:
            if self.random.random() < 0.2:
                client.reboot(f"10.{self.random.randrange(2)}.0.{self.random.randrange(9, 14)}")
            else:
                client.bind()
        else:
            self.random.choice((client.renew, client.rebind, client.release, client.decline, client.bind))()
        if client.lease is None:
            # What gives an address back must not come, late, behind the next exchange: no server can tell that.
            self.world.wait(seconds=1)

    def die(self) -> None:
        if self.random.random() < 0.5:
            self.server.kill()
        else:
            self.server.lose_power(self.random.random())
        self.server.disk.failing.clear()
        self.world.wait(seconds=self.random.choice((0, 5, 100)))
        self.boot()

    def check(self) -> None:
        """No address is two clients'."""
        held = [client.lease.address for client in self.clients if client.lease is not None]
        assert len(held) == len(set(held)), sorted(held)


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_shares_an_address_whatever_happens(seed: int, tmp_path: Path):
    run = Run(seed, tmp_path)
    for _ in range(STEPS):
        run.step()
        run.check()
    run.world.network.loss = 0
    run.server.disk.failing.clear()
    run.world.wait(minutes=10)
    assert run.clients[0].bind().address == "10.0.0.200"
    run.server.stop()
    for recording in run.recordings:
        assert play_file(str(recording), str(tmp_path / "leases")).status is Status.SAME
