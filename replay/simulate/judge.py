"""Who watches a simulated site, and says when something is not as it must be: after every event, and at every reply.

What is judged stands in promises.py; here is what has to be seen for it. A server's word is taken for what state it is
in, and for nothing else.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from ...engine.failover.rules.states import COMM_INT, NORMAL, P_DOWN
from ...engine.wire.packet import ACK, NAK
from ...trace import events as ev
from ..world.simulated.clock import SECOND_US
from .clients import heard
from .judging.promises import Knowledge, Promise, Promises, Violated
from .sites import SHAPES, servers

if TYPE_CHECKING:
    from ...trace import effects as fx
    from ...trace.effects import Effect
    from ...trace.events import Event
    from ..world.simulated.clock import Clock
    from .node import Node
    from .plan import Site
    from .sites import Relationship

_REPLY: Final = 2
_SERVES: Final = frozenset({NORMAL, COMM_INT, P_DOWN})
_CLIENT: Final = 28
_CLIENT_LENGTH: Final = 2


class Judge:
    """See the module. `nodes` are the servers, `events` how many were told, `met` counts what was met.

    A node.Watch for the servers, and clients.Holdings for the clients.
    """

    def __init__(self, site: Site, clock: Clock) -> None:
        """Nobody is there; who makes a server enters it in `nodes`."""
        self.nodes: dict[int, Node] = {}
        self.events = 0
        self.met: Counter[str] = Counter()
        self.promises = Promises(self.met)
        self._site = site
        self._clock = clock
        self._relationships = SHAPES[site.shape]
        self._knowledge = {number: Knowledge() for number in servers(site)}
        # Names of relationships of which both servers serve, and one is in PARTNER-DOWN (promises.py).
        self._split: set[str] = set()

    @cached_property
    def _whose(self) -> dict[int, Relationship]:
        """Address -> the relationship whose it is."""
        found = {}
        for one in self._relationships:
            for pool in self.nodes[one.primary].pools(one.name):
                found.update({address: one for low, high in pool.ranges for address in range(low, high + 1)})
        return found

    # Servers

    def starts(self, node: Node) -> None:
        """A server is started."""
        self._knowledge[node.number].restarted()

    def ended(self, node: Node) -> None:
        """A server has ended."""
        self._look_for_splits(node)

    def before(self, _node: Node, _event: Event) -> None:
        """A server is about to take an event."""
        self.events += 1

    def after(self, node: Node, event: Event, effects: list[Effect]) -> None:
        """A server has taken an event."""
        if type(event) is ev.StreamData:
            self._knowledge[node.number].heard(event.stream, event.data, effects)
        self._look_for_splits(node)

    def _look_for_splits(self, node: Node) -> None:
        for one in self._relationships:
            if node.number in (one.primary, one.secondary):
                first, second = (self.nodes[number].endpoint(one.name) for number in (one.primary, one.secondary))
                states = set() if first is None or second is None else {first.state, second.state}
                if P_DOWN in states and states <= _SERVES:
                    self._split.add(one.name)
                else:
                    self._split.discard(one.name)

    def leaves(self, node: Node, effect: fx.Send) -> None:
        """A reply leaves: what it promises must be right."""
        payload = effect.payload
        if payload[0] != _REPLY:
            return
        said = heard(payload)
        if said.kind == NAK:
            self.met["nak"] += 1
        elif said.kind == ACK and said.address:
            client = payload[_CLIENT : _CLIENT + payload[_CLIENT_LENGTH]].hex(":")
            self._promised(node, client, said.address, said.lease_s)

    def _promised(self, node: Node, client: str, address: int, lease_s: int) -> None:
        self.met["ack"] += 1
        self._check_lead(node, address, lease_s)
        now_us, split = self._clock.now_us, self._whose[address].name in self._split
        promise = Promise(client, node.name, now_us + lease_s * SECOND_US)
        self.promises.acknowledged(promise, address, now_us, split=split)

    def _check_lead(self, node: Node, address: int, lease_s: int) -> None:
        now = node.now_us // SECOND_US
        known = self._knowledge[node.number].known.get(address, 0)
        beyond = now + lease_s - max(now, known) - self._site.mclt_s
        if beyond > 0:
            what = f"{node.name} gives {IPv4Address(address)} for {lease_s} s"
            raise Violated("lead", f"{what}, {beyond} s beyond MCLT behind what its partner is known to know")

    def says(self, node: Node, effect: fx.StreamSend) -> None:
        """Something leaves on a connection."""
        self._knowledge[node.number].said(effect.stream, effect.data)

    # Clients

    def let_go(self, client: str) -> None:
        """The client uses no address any more."""
        self.promises.let_go(client)

    def took(self, client: str, address: int) -> None:
        """The client uses this address, and no other."""
        self.promises.took(client, address)

    def refused(self, client: str, address: int) -> None:
        """A client was told that it may not use what it holds."""
        if self.promises.is_spoilt(address, self._clock.now_us):
            self.met["refused, and excused"] += 1
            return
        raise Violated("refused", f"{client} was refused {IPv4Address(address)}, which it holds")
