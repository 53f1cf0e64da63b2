"""Recordings of both ends of a failover pair, made in a simulated world: for whatever reads such recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from dhcpd.replay.world.simulated.world import World
from tests.engine.failover.pair import configuration

if TYPE_CHECKING:
    from pathlib import Path

    from dhcpd.replay.world.simulated.client import Client
    from dhcpd.replay.world.simulated.server import Server

SIDES = ("primary", "secondary")


class RecordedPair:
    """A pair that records itself: `primary.trace` and `secondary.trace` in `folder`. A context manager.

    `world` is where it runs; `lives` counts the starts of a server, and a later life records in `primary-2.trace`.
    """

    def __init__(self, folder: Path, seed: int = 1, *, recorded: bool = True, **more: str) -> None:
        self.folder = folder
        self.recorded = recorded
        self.world = World(seed)
        self.configurations = {side: configuration(side, **more) for side in SIDES}
        self.lives = dict.fromkeys(SIDES, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for server in self.world.servers.values():
            server.stop()

    def trace(self, side: str) -> Path:
        """The recording of a side's present life."""
        life = self.lives[side]
        return self.folder / f"{side}{f'-{life}' if life > 1 else ''}.trace"

    def start(self, *sides: str, configuration: str | None = None) -> None:
        """Start servers (both where none is named) from what their disks hold."""
        for side in sides or SIDES:
            self.lives[side] += 1
            last = SIDES.index(side) + 1
            self.world.server(
                configuration or self.configurations[side], name=side, eth0=f"10.44.0.{last}/24",
                eth1=f"10.45.0.{last}/24", recording=self.trace(side) if self.recorded else None,
            )  # fmt: skip

    def server(self, side: str) -> Server:
        return self.world.servers[side]

    def state(self, side: str) -> str:
        failover = self.server(side).machine.failover
        assert failover is not None
        return failover.endpoints["fo"].state.word

    def until(self, *states: str, within_s: float = 120) -> None:
        """Let time go by until both are in these states (the primary's first), or in one."""
        wanted = states if len(states) > 1 else states * 2
        assert self.world.clock.wait_for(lambda: tuple(map(self.state, SIDES)) == wanted, within_s), wanted

    def client(self, number: int) -> Client:
        return self.world.client(f"02:00:00:00:00:{number:02x}", wire="eth0")

    def cut(self) -> None:
        """Nothing passes between the two."""
        self.world.network.cut(*SIDES)

    def heal(self) -> None:
        self.world.network.heal()


def with_a_cut(folder: Path, clients: int = 6) -> RecordedPair:
    """Start, serve, lose the link, serve alone, find back: both recordings, closed."""
    pair = RecordedPair(folder)
    with pair:
        pair.start()
        pair.until("normal")
        made = [pair.client(number) for number in range(1, clients + 1)]
        for client in made[: clients // 2]:
            client.bind()
        pair.world.wait(seconds=5)
        pair.cut()
        pair.until("communications-interrupted")
        for client in made[clients // 2 :]:
            client.bind()
        pair.world.wait(seconds=30)
        pair.heal()
        pair.until("normal")
        made[0].renew()
        pair.world.wait(seconds=10)
    return pair
