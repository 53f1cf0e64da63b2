"""Who watches a simulated site, and says when something is not as it must be: after every event, and at every reply.

What is judged stands in promises.py; here is what has to be seen for it. A server's word is taken for what state it is
in, and for nothing else.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from ....engine.failover.rules.states import COMM_INT, NORMAL, P_DOWN
from ....engine.wire.packet import ACK, NAK
from ....trace import effects as fx
from ....trace import events as ev
from ...world.simulated.clock import SECOND_US
from ..clients import heard
from ..sites import owner_of, relationships, servers
from . import coverage, wire
from .promises import Knowledge, Promise, Promises, Violated
from .stored import Stored
from .twins import Twins

if TYPE_CHECKING:
    from ....engine.failover.rules.states import State
    from ....engine.service.server import Server
    from ....trace.effects import Effect
    from ....trace.events import Event
    from ...world.simulated.clock import Clock
    from ..node import Node
    from ..plan import Plan
    from ..sites import Relationship

# Three servers that tell each other of all their leases at once have some hundred.
EVENTS_A_SECOND_MAXIMUM: Final = 4000
_REPLY: Final = 2
_SERVES: Final = frozenset({NORMAL, COMM_INT, P_DOWN})
_FAILOVER: Final = "failover"
_TELLS: Final = frozenset({wire.BNDUPD, wire.BNDACK})
_CLIENT: Final = 28
_CLIENT_LENGTH: Final = 2


class Judge:
    """The judge of one run, who raises Violated where something must not be.

    `nodes` are the servers, `events` how many were told, `met` counts what was met.
    `wild`: an operator did what nobody may, and promises are not judged. A node.Watch for the servers, and
    clients.Holdings for the clients.
    """

    def __init__(self, plan: Plan, clock: Clock) -> None:
        """Nobody is there; who makes a server enters it in `nodes`."""
        site = plan.site
        self.wild = False
        self.nodes: dict[int, Node] = {}
        self.events = 0
        self.met: Counter[str] = Counter()
        self.promises = Promises(self.met)
        self._site = site
        self._clock = clock
        self._knowledge = {number: Knowledge() for number in servers(site)}
        # Names of relationships of which one server is in PARTNER-DOWN, or ended in it, and the other serves, or that
        # one has forgotten what was promised (promises.py).
        self._split: set[str] = set()
        # (name of a relationship, server) that is in PARTNER-DOWN, or ended in it.
        self._alone: set[tuple[str, int]] = set()
        # Relationship -> the server that has lost its disk, until both are in NORMAL again.
        self._forgetful: dict[str, int] = {}
        self._stored = {number: Stored() for number in servers(site)}
        self._twins = Twins(plan.seed, self.met)
        # Whether the event that was taken last stores something.
        self._storing = False
        self._second = self._in_second = 0

    # Servers

    def starts(self, node: Node) -> None:
        """A server is started."""
        self._knowledge[node.number].restarted()

    def ended(self, node: Node) -> None:
        """A server has ended, however that came."""
        self._twins.forget(node.number)
        self._look_for_splits(node)

    def lost(self, node: Node) -> None:
        """A server's disk is lost."""
        self._stored[node.number].lost()
        self._knowledge[node.number].known.clear()
        for one in relationships(self._site, node.number):
            self._forgetful[one.name] = node.number

    def is_whole(self, one: Relationship) -> bool:
        """Whether nobody of a relationship is on its way to know what it forgot."""
        return one.name not in self._forgetful

    def forgets(self, one: Relationship, number: int) -> bool:
        """Whether a server of a relationship is on its way to know what it forgot."""
        return self._forgetful.get(one.name) == number

    def clocks_are(self, ahead_us: list[int]) -> None:
        """The servers' clocks are so far ahead of the world's now."""
        self.promises.apart_us = max(self.promises.apart_us, max(ahead_us) - min(ahead_us))

    def before(self, node: Node, event: Event) -> None:
        """A server is about to take an event."""
        self._count_event(node)
        self._twins.before(node)
        kind = type(event)
        if kind is not ev.Packet and node.machine.server is not None:
            node.machine.server.reasons = []
            if isinstance(event, ev.StreamData):
                self._note_announcement(node, event)

    def _count_event(self, node: Node) -> None:
        self.events += 1
        second = self._clock.now_us // SECOND_US
        self._in_second = self._in_second + 1 if second == self._second else 1
        self._second = second
        if self._in_second > EVENTS_A_SECOND_MAXIMUM:
            what = f"{node.name} and others go on without end: {self._in_second:,} events in a second"
            raise Violated("engine", what)

    def _note_announcement(self, node: Node, event: ev.StreamData) -> None:
        """What an endpoint hears of its partner's state, the first of one piece."""
        for said in wire.messages(event.data):
            if said.kind == wire.STATE:
                failover = node.machine.failover
                link = None if failover is None else failover.connections.links.get(event.stream)
                if failover is not None and link is not None:
                    mine = failover.endpoints[link.endpoint].recorded_state
                    self.met[coverage.announced(mine, said.state or 0)] += 1
                return

    def after(self, node: Node, event: Event, effects: list[Effect]) -> None:
        """A server has taken an event."""
        server, kind = node.machine.server, type(event)
        self._twins.after(node, event, effects)
        if server is not None:
            self._storing = any(type(effect) is fx.Store for effect in effects)
            self._count(server)
            stored = self._stored[node.number]
            if kind is ev.LeaseFileEnd:
                stored.started(node.machine, node.name)
            stored.changed(server.leases.changes)
        if type(event) is ev.StreamData:
            self._knowledge[node.number].heard(event.stream, event.data, effects)
        if kind is not ev.Packet:
            self._look_for_splits(node)

    def _count(self, server: Server) -> None:
        """Changes of endpoints' states, by the reasons of the event."""
        reasons, server.reasons = server.reasons, None
        for reason in reasons or ():
            if reason.step == "peer" and "->" in reason.verdict:
                self.met[coverage.moved(reason.verdict)] += 1

    def _look_for_splits(self, node: Node) -> None:
        for one in relationships(self._site, node.number):
            states = {number: self._state(one, number) for number in (one.primary, one.secondary)}
            alone = [number for number, state in states.items() if state is P_DOWN]
            both = all(state in _SERVES for state in states.values())
            if alone and (both or any(self.forgets(one, number) for number in alone)):
                self._split.add(one.name)
            else:
                self._split.discard(one.name)
            if all(state is NORMAL for state in states.values()):
                self._forgetful.pop(one.name, None)

    def _state(self, one: Relationship, number: int) -> State | None:
        """The state of one end; of a server that does not run, PARTNER-DOWN where it ended in that.

        What it gave alone stands, and a partner that comes back meanwhile hears of it from nobody.
        """
        end = self.nodes[number].endpoint(one.name)
        if end is None:
            return P_DOWN if (one.name, number) in self._alone else None
        if end.state is P_DOWN:
            self._alone.add((one.name, number))
        else:
            self._alone.discard((one.name, number))
        return end.state

    def leaves(self, node: Node, effect: fx.Send) -> None:
        """A reply leaves: what it promises must be right."""
        payload = effect.payload
        if payload[0] != _REPLY:
            return
        said = heard(payload)
        if said.kind == NAK:
            self.met["nak"] += 1
        elif said.kind == ACK and said.address:
            self._stored[node.number].let_out(said.address)
            client = payload[_CLIENT : _CLIENT + payload[_CLIENT_LENGTH]].hex(":")
            self._promised(node, client, said.address, said.lease_s)

    def _promised(self, node: Node, client: str, address: int, lease_s: int) -> None:
        self.met["ack"] += 1
        if self._storing and node.disk.synced < len(node.disk.content):
            raise Violated("stored", f"{node.name} gives {IPv4Address(address)} before that is safe on its disk")
        if self.wild:
            return
        self._check_lead(node, address, lease_s)
        now_us, split = self._clock.now_us, owner_of(self._site, address).name in self._split
        promise = Promise(client, node.name, now_us + lease_s * SECOND_US)
        self.promises.acknowledged(promise, address, now_us, split=split)

    def _check_lead(self, node: Node, address: int, lease_s: int) -> None:
        now = node.now_us // SECOND_US
        known = self._knowledge[node.number].known.get(address, 0)
        # A clock that went back makes an old promise longer.
        beyond = now + lease_s - max(now, known) - self._site.mclt_s - self.promises.apart_us // SECOND_US
        if beyond > 0:
            what = f"{node.name} gives {IPv4Address(address)} for {lease_s} s"
            raise Violated("lead", f"{what}, {beyond} s beyond MCLT behind what its partner is known to know")

    def says(self, node: Node, effect: fx.StreamSend) -> None:
        """Something leaves on a connection."""
        if effect.stream not in node.streams or node.streams[effect.stream].service != _FAILOVER:
            return
        self._knowledge[node.number].said(effect.stream, effect.data)
        for said in wire.messages(effect.data):
            if said.reject is not None:
                self.met[coverage.rejected(said.reject)] += 1
            elif said.kind in _TELLS and said.address:
                self._stored[node.number].let_out(said.address)

    # Clients

    def let_go(self, client: str) -> None:
        """The client uses no address any more."""
        self.promises.let_go(client)

    def took(self, client: str, address: int) -> None:
        """The client uses this address, and no other."""
        self.promises.took(client, address)

    def refused(self, client: str, address: int) -> None:
        """A client was told that it may not use what it holds."""
        if self.wild or self.promises.is_excused(client, address, self._clock.now_us):
            self.met["refused, and excused"] += 1
            return
        raise Violated("refused", f"{client} was refused {IPv4Address(address)}, which it holds")
