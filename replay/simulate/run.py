"""One run of a plan: the servers live, clients act, faults come, and after every event it is judged what must hold.

At the end everything is made good: what is down is started, what is cut is joined, nobody acts any more. Then the
servers have `Site.settle_s` of their time to become what they must be (settled.py).
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from ...disk.configuration import SourceFile
from ..world.disk import Disk
from ..world.simulated.clock import SECOND_US
from ..world.simulated.world import World
from ..world.starting import Beginning, ethernet
from . import settled
from .clients import Client
from .faults import FAULTS
from .judge import Judge
from .judging.promises import Violated
from .node import Node
from .plan import CLIENT
from .sites import RELAY, SHAPES, configuration, name, servers

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from pathlib import Path

    from .plan import Plan, Step

VERSION: Final = "simulated"
_SERVER_HARDWARE: Final = 0x02FE_0000_0000
_SEED_OCTETS: Final = 32
_SETTLE_LOOK_S: Final = 5
_LEASE_FILE: Final = "/var/lib/dhcp/dhcpd.leases"


class Outcome(NamedTuple):
    """What came of a run: how many events, what was met how often, and what was violated (None: nothing) and when."""

    events: int
    met: Counter[str]
    violated: Violated | None
    at_us: int


class Run:
    """See the module. `recordings`: a folder for the machines' recordings, one a start; None for none."""

    def __init__(self, plan: Plan, recordings: Path | None = None) -> None:
        """Nobody has started yet."""
        self.plan = plan
        self.site = plan.site
        self.world = World(plan.seed)
        self.healed = False
        self.relationships = SHAPES[plan.site.shape]
        self.judge = Judge(plan.site, self.world.clock)
        self._recordings = recordings
        self.nodes = self.judge.nodes
        for number in servers(plan.site):
            self.nodes[number] = self._node(number)
        self.clients = [self._client(number) for number in range(plan.site.clients)]

    def _node(self, number: int) -> Node:
        hardware = (_SERVER_HARDWARE + number).to_bytes(6, "big")
        address = int(IPv4Address(f"10.0.0.{number}"))
        links = (ethernet("eth0", 2, hardware, (address, 24)),)
        node = Node(self.world, self.judge, number, name(number), links, Disk())
        node.clock_off_us = self.site.skews[number - 1]
        self.world.servers[node.name] = node
        self.world.network.servers.append(node)
        return node

    def _client(self, number: int) -> Client:
        relayed = self.site.relayed and number % self.site.relayed == 0
        relay = int(IPv4Address(RELAY)) if relayed else 0
        client = Client(number, self.world.network, self.world.clock, self.judge, relay)
        self.world.network.clients.append(client)
        return client

    # The run

    def carry_out(self) -> Outcome:
        """Do all of it; what must hold and does not ends it there."""
        violated = None
        try:
            self._live()
            self._heal()
        except Violated as error:
            violated = error
        finally:
            for node in self.nodes.values():
                node.stop() if violated is None else node.kill()
        return Outcome(self.judge.events, self.judge.met, violated, self.world.clock.now_us - self.world.clock.began_us)

    def _live(self) -> None:
        clock = self.world.clock
        for number in self.nodes:
            self.start(number)
        for step in self.plan.steps:
            clock.at(clock.began_us + step.at_us, partial(self._do, step))
        clock.wait(self.plan.length_us / SECOND_US)

    def _do(self, step: Step) -> None:
        if self.healed:
            return
        if step.kind == CLIENT:
            self.clients[step.who].act(step.draw)
            return
        fault = FAULTS[step.kind]
        if fault.begin(self, step):
            self.judge.met[f"fault {step.kind}"] += 1
            if fault.end is not None:
                self.world.clock.after(step.for_us, partial(self._over, step))

    def _over(self, step: Step) -> None:
        end = FAULTS[step.kind].end
        if not self.healed and end is not None:
            end(self, step)

    def _heal(self) -> None:
        """Everything is well again: the servers come to what they must be within their time."""
        for step in self.plan.steps:
            fault = FAULTS.get(step.kind)
            if fault is not None and fault.end is not None:
                fault.end(self, step)
        self.healed = True
        for number in self.nodes:
            self.start(number)
        bound_s = settled.bound_s(self.site)
        until_us = self.world.clock.now_us + bound_s * SECOND_US
        while (missing := settled.missing(self.relationships, self.nodes)) and self.world.clock.now_us < until_us:
            self.world.clock.wait(_SETTLE_LOOK_S)
        if missing:
            raise Violated("settled", f"{bound_s} s after everything was well: {missing}")

    # Servers

    def start(self, number: int) -> bool:
        """Start a server, from what its disk has; False where it runs."""
        node = self.nodes[number]
        if node.running:
            return False
        node.boots += 1
        self.judge.starts(node)
        text = configuration(self.site, number)
        begin = Beginning([SourceFile("dhcpd.conf", text.encode(), "")], version=VERSION, host_name=node.name,
                          lease_file=_LEASE_FILE, seed=self.world.random.randbytes(_SEED_OCTETS))  # fmt: skip
        folder = self._recordings
        node.boot(begin, None if folder is None else folder / f"{node.name}-{node.boots}.trace")
        return True

    def stop(self, number: int, how: Callable[[Node], None]) -> bool:
        """End a server in some way; False where it does not run."""
        node = self.nodes[number]
        if not node.running:
            return False
        how(node)
        self.judge.ended(node)
        return True

    def neighbours(self, step: Step) -> tuple[str, str]:
        """The names of a server and of a partner of it."""
        own = [one for one in self.relationships if step.who in (one.primary, one.secondary)]
        return name(step.who), name(own[step.draw % len(own)].other(step.who))
