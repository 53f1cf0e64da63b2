"""One run of a plan: the servers live, clients act, faults come, and after every event it is judged what must hold.

At the end everything is made good: what is down is started, what is cut is joined, nobody acts any more. Then the
servers have `Site.settle_s` of their time to become what they must be (settled.py).
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from ...disk.configuration import SourceFile
from ...engine.failover.rules.states import PAUSED, POT_CONF, REC_DONE, RECOVER, RES_INT, SHUTDOWN
from ...trace import events as ev
from ..world.disk import Disk
from ..world.simulated.clock import SECOND_US
from ..world.simulated.name_server import NameServer
from ..world.simulated.world import World
from ..world.starting import Beginning, ethernet
from .clients import Client
from .faults import FAULTS
from .judging import coverage, naming, serving, settled
from .judging.judge import Judge
from .judging.promises import Violated
from .node import Node
from .operators import Operator, state_wish
from .plan import CLIENT
from .sites import (
    KEY,
    NAME_SERVER,
    RELAY,
    SHAPES,
    ZONES,
    configuration,
    name,
    pool_of,
    relationships,
    servers,
)

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from pathlib import Path

    from ...engine.omapi.wire import Message
    from ..world.simulated.tcp import End
    from .plan import Plan, Step
    from .sites import Relationship

VERSION: Final = "simulated"
_SERVER_HARDWARE: Final = 0x02FE_0000_0000
_SEED_OCTETS: Final = 32
_SETTLE_LOOK_S: Final = 5
_RENEWALS: Final = 3
_CONFIGURATION: Final = "dhcpd.conf"
_FAILOVER: Final = "failover"
_STOPPED: Final = frozenset({PAUSED, SHUTDOWN})
_IN_CONFLICT: Final = frozenset({POT_CONF, RES_INT})
_LEASE_FILE: Final = "/var/lib/dhcp/dhcpd.leases"


class Outcome(NamedTuple):
    """What came of a run: how many events, what was met how often, and what was violated (None: nothing) and when."""

    events: int
    met: Counter[str]
    violated: Violated | None
    at_us: int


class Run:
    """One plan carried out, once (`carry_out`); its result says what was violated, if anything, and at which event.

    `recordings`: a folder for the machines' recordings, one a start; None for none.
    """

    def __init__(self, plan: Plan, recordings: Path | None = None) -> None:
        """Nobody has started yet."""
        self.plan = plan
        self.site = plan.site
        self.world = World(plan.seed)
        self.healed = False
        self.relationships = SHAPES[plan.site.shape]
        self.judge = Judge(plan, self.world.clock)
        self.names = NameServer(*ZONES, key=KEY, now=self._now)
        self._recordings = recordings
        self.nodes = self.judge.nodes
        self._operators: list[Operator] = []
        for number in servers(plan.site):
            self.nodes[number] = self._node(number)
        self.clients = [self._client(number) for number in range(plan.site.clients)]
        if plan.site.names:
            self.world.dns_servers[NAME_SERVER] = self.names.answer

    def _now(self) -> int:
        return self.world.clock.now_us // SECOND_US

    def _node(self, number: int) -> Node:
        hardware = (_SERVER_HARDWARE + number).to_bytes(6, "big")
        links = (ethernet("eth0", 2, hardware, (address_of(number), 24)),)
        node = Node(self.world, self.judge, number, name(number), links, Disk())
        node.clock_off_us = self.site.skews[number - 1]
        node.names_late_us = lambda: self.names.late_us
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
            self.judge.met[coverage.fault(step.kind)] += 1
            self.judge.wild = self.judge.wild or fault.wild
            if fault.end is not None:
                self.world.clock.after(step.for_us, partial(self._over, step))

    def _over(self, step: Step) -> None:
        end = FAULTS[step.kind].end
        if not self.healed and end is not None:
            end(self, step)

    def _heal(self) -> None:
        """Everything is well again: the servers come to what they must be within their time."""
        for operator in self._operators:
            operator.give_up()
        for step in self.plan.steps:
            fault = FAULTS.get(step.kind)
            if fault is not None and fault.end is not None:
                fault.end(self, step)
        self.healed = True
        self._make_good()
        self._settle("settled", settled.bound_s(self.site), partial(settled.missing, self.relationships, self.nodes))
        self._serve()
        if self.site.names:
            self._renew()
            missing = partial(naming.missing, self.relationships, self.nodes, self.names)
            self._settle("names", naming.BOUND_S, missing)

    def _settle(self, invariant: str, bound_s: int, missing: Callable[[], str]) -> None:
        """Wait until nothing is missing. Raises Violated where that does not come in time."""
        until_us = self.world.clock.now_us + bound_s * SECOND_US
        while (found := missing()) and self.world.clock.now_us < until_us:
            self._bring_back()
            self.world.clock.wait(_SETTLE_LOOK_S)
        if found:
            raise Violated(invariant, f"{bound_s} s after everything was well: {found}")

    def _serve(self) -> None:
        """Have all clients ask until everybody is answered who must be. Raises Violated where that does not come."""
        until_us = self.world.clock.now_us + serving.bound_s(self.site) * SECOND_US
        while True:
            self._bring_back()
            for client in self.clients:
                client.ask()
            self.world.clock.wait(serving.EVERY_S)
            found = serving.missing(self.relationships, self.nodes, self.clients)
            if not found:
                return
            if self.world.clock.now_us >= until_us:
                raise Violated("served", f"when all has been well for long: {found}")

    def _renew(self) -> None:
        """Whoever has an address keeps it, so that there are names to be compared."""
        for client in self.clients:
            if client.source:
                client.act(0)
        self.world.clock.after(self.site.lease_s * SECOND_US // _RENEWALS, self._renew)

    def _make_good(self) -> None:
        for number, node in self.nodes.items():
            node.fails_in = None
            self.set_clock(number, 0)
            self.start(number)
            self.reload(number)

    def _bring_back(self) -> None:
        """What only an operator can end, an operator ends: who does not serve by his word is to recover.

        So is who has recovered beside a conflict, to which only his word leads: neither state ends the other. Who was
        told to end before all was well, and ended after it, is started.
        """
        for step in self.plan.steps:
            if step.kind == "shutdown":
                self.start(step.who)
        for one in self.relationships:
            for number in (one.primary, one.secondary):
                end, other = (self.nodes[which].endpoint(one.name) for which in (number, one.other(number)))
                if end is None or other is None:
                    continue
                if end.state in _STOPPED or (end.state is REC_DONE and other.state in _IN_CONFLICT):
                    self.operate(number, state_wish(one.name, int(RECOVER)))

    # Servers

    def start(self, number: int, *, secret: str = "") -> bool:
        """Start a server, from what its disk has; False where it runs. `secret`: behind the names of relationships."""
        node = self.nodes[number]
        if node.running:
            return False
        self.judge.starts(node)
        node.renamed = bool(secret)
        text = configuration(self.site, number, secret=secret)
        begin = Beginning([_file(text)], version=VERSION, host_name=node.name, lease_file=_LEASE_FILE,
                          seed=self.world.random.randbytes(_SEED_OCTETS))  # fmt: skip
        folder = self._recordings
        node.boot(begin, None if folder is None else folder / f"{node.name}-{node.boots + 1}.trace")
        return True

    def stop(self, number: int, how: Callable[[Node], None]) -> bool:
        """End a server in some way; False where it does not run."""
        node = self.nodes[number]
        if not node.running:
            return False
        how(node)
        self.judge.ended(node)
        return True

    def lose_disk(self, node: Node) -> None:
        """A server ends, and its disk with it: it gets an empty one."""
        node.lose_power()
        node.disk.content.clear()
        node.disk.synced = 0
        self.judge.lost(node)

    def reload(self, number: int, *, longer: int = 0) -> bool:
        """Have a server take another configuration; False where it does not run."""
        node = self.nodes[number]
        if not node.running or node.renamed or node.longer == longer:
            return False
        node.longer = longer
        text = configuration(self.site, number, longer=longer)
        node.tell(ev.ConfigurationFile(0, 0, *_file(text)))
        node.tell(ev.ConfigurationEnd(0, 0, _CONFIGURATION, reload=True))
        return True

    def set_clock(self, number: int, ahead_us: int) -> bool:
        """Step a server's clock."""
        node = self.nodes[number]
        node.set_clock(ahead_us)
        self.judge.clocks_are([one.clock_off_us for one in self.nodes.values()])
        return True

    def operate(self, number: int, wish: Message) -> bool:
        """An operator calls a server and wants something."""
        operator = Operator(self.world.tcp, wish)
        self._operators.append(operator)
        operator.call(address_of(number))
        return True

    # Who is whose

    def relationship(self, step: Step) -> Relationship:
        """A relationship of the server that a step is about."""
        own = relationships(self.site, step.who)
        return own[step.draw % len(own)]

    def address(self, step: Step, number: int) -> int:
        """An address of the pool of that relationship."""
        return pool_of(self.site, self.relationship(step))[number % self.site.addresses]

    def lease_state(self, number: int, address: int) -> int | None:
        """The binding state of an address at a server, None where it does not run."""
        server = self.nodes[number].machine.server
        lease = None if server is None or not self.nodes[number].running else server.database.find(address)
        return None if lease is None else lease.state

    def neighbours(self, step: Step) -> tuple[str, str]:
        """The names of a server and of a partner of it."""
        return name(step.who), name(self.relationship(step).other(step.who))

    def connections(self, number: int) -> list[End]:
        """A server's connections to its partners."""
        return [end for end in self.nodes[number].streams.values() if end.service == _FAILOVER and end.peer is not None]

    def partners_whole(self, number: int) -> bool:
        """Whether every partner of a server has what it needs: none is on its way to know what it forgot.

        Of two that forget, nobody knows anything.
        """
        return all(self.judge.is_whole(one) for one in relationships(self.site, number))


def _file(text: str) -> SourceFile:
    return SourceFile(_CONFIGURATION, text.encode(), "")


def address_of(number: int) -> int:
    """A server's address."""
    return int(IPv4Address(f"10.0.0.{number}"))
