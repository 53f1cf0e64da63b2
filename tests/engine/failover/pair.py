"""Two machines side by side, with the TCP between them, their lease files, one clock, and clients that both hear.

Nothing is random and nothing waits: what a machine asks for is queued and done in order, time goes on when a test says
so. A node is killed and started again with its lease file, the link is cut and healed; what is sent into a cut
comes when it is healed, as TCP repeats it, if both ends are still there.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dhcpd.engine.machine import Machine
from dhcpd.trace import effects as ef
from dhcpd.trace import events as ev
from tests.engine.service.desk import DISCOVER, REQUEST, Reply, dotted, mac, message, number

if TYPE_CHECKING:
    from dhcpd.engine.failover.endpoint import Endpoint
    from dhcpd.trace.effects import Effect
    from dhcpd.trace.events import Event

START_US = 1_790_000_000_000_000
SECOND_US = 1_000_000
COMMON = """authoritative; ddns-update-style none; ping-check false;
default-lease-time 300; max-lease-time 600; min-lease-time 5;
"""
PEER = "max-response-delay 20; max-unacked-updates 10; load balance max seconds 3;"
SUBNET = """subnet 10.44.0.0 netmask 255.255.255.0 {
  pool { failover peer "fo"; range 10.44.0.100 10.44.0.119; }
}
"""


def configuration(side: str, *, mclt: int = 60, peer: str = PEER, subnet: str = SUBNET, more: str = "") -> str:
    """dhcpd.conf of the primary or the secondary."""
    own, other = ("10.45.0.1", "10.45.0.2") if side == "primary" else ("10.45.0.2", "10.45.0.1")
    ports = "port 647; peer port 847;" if side == "primary" else "port 847; peer port 647;"
    role = f"primary; mclt {mclt}; split 128;" if side == "primary" else "secondary;"
    head = f'failover peer "fo" {{ {role} address {own}; peer address {other}; {ports} {peer} }}\n'
    return COMMON + more + head + subnet


@dataclass(eq=False)
class Connection:
    """A TCP connection: both ends, (node, stream)."""

    ends: list[tuple[Node, int]]

    def other(self, node: Node) -> tuple[Node, int]:
        return self.ends[1] if self.ends[0][0] is node else self.ends[0]


@dataclass(eq=False)
class Node:
    """A server: its machine, and what the world keeps for it."""

    side: str
    text: str
    leases: bytes = b""
    machine: Machine = field(default_factory=Machine)
    alive: bool = False
    wake_us: int = 0
    accepted: int = 0
    listens: set[tuple[int, int]] = field(default_factory=set)
    connections: dict[int, Connection] = field(default_factory=dict)
    sent: list[Reply] = field(default_factory=list)
    streamed: list[ef.StreamSend] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    new_file: bytes | None = None
    refuses_to_store: bool = False

    @property
    def endpoint(self) -> Endpoint:
        assert self.machine.failover is not None
        return self.machine.failover.endpoints["fo"]

    def set_state(self, state: int) -> bool:
        """An operator's word."""
        assert self.machine.failover is not None
        return self.machine.failover.set_state("fo", state)

    @property
    def state(self) -> str:
        return self.endpoint.state.word

    def census(self) -> dict[str, int]:
        """How many leases are in each of ISC's lists."""
        assert self.machine.server is not None
        database = self.machine.server.database
        counts = [database.counts(pool) for pool in database.configuration.pools]
        found = {
            name: sum(getattr(one, name) for one in counts)
            for name in ("free", "backup", "active", "expired", "abandoned")
        }
        return {name: count for name, count in found.items() if count}

    def lease(self, address: str) -> object:
        assert self.machine.server is not None
        return self.machine.server.database.find(number(address))


class Pair:
    """See the module."""

    def __init__(self, primary: str | None = None, secondary: str | None = None) -> None:
        self.now_us = START_US
        self.primary = Node("primary", primary or configuration("primary"))
        self.secondary = Node("secondary", secondary or configuration("secondary"))
        self.nodes = (self.primary, self.secondary)
        self.snapshots = False
        self._cut = False
        self._held: list[tuple[Node, int, Event]] = []
        self._queue: deque[tuple[Node, Event]] = deque()

    @property
    def cut(self) -> bool:
        """Whether nothing passes between the two."""
        return self._cut

    @cut.setter
    def cut(self, cut: bool) -> None:
        self._cut = cut
        if not cut:
            held, self._held = self._held, []
            self._queue += [(node, event) for node, stream, event in held if stream in node.connections]
            self.settle()

    # Nodes

    def start(self, *nodes: Node) -> None:
        """Start servers (both where none is named), each from its lease file."""
        for node in nodes or self.nodes:
            self._start(node)
        self.settle()

    def _start(self, node: Node) -> None:
        node.machine, node.alive, node.wake_us = Machine(), True, 0
        node.accepted, node.listens, node.connections = 0, set(), {}
        last = 1 if node.side == "primary" else 2
        words = ("-cf", "c", "-lf", "/l", "-pf", "/p", "-p", "67")
        lan = ev.Link("eth0", 2, 1, bytes((2, 0xFE, 0, 0, 0, last)), 3, ((number(f"10.44.0.{last}"), 24),))
        start: tuple[Event, ...] = (
            ev.Boot(0, 0, "test", words, (), "host", 1, node.side.encode() * 4, 67, "little-endian", 0),
            ev.ConfigurationFile(0, 0, "c", node.text.encode(), ""),
            ev.ConfigurationEnd(0, 0, "c", reload=False),
            ev.LeaseFilePart(0, 0, node.leases),
            ev.LeaseFileEnd(0, 0, ""),
            ev.Interfaces(0, 0, (lan,), ""),
            ev.Listening(0, 0, plain_udp=False),
        )
        for event in start:
            self._apply(node, event)
        assert node.machine.serving, node.lines[-3:]

    def kill(self, node: Node) -> None:
        """End a server without a word; the kernel closes its connections."""
        node.alive = False
        for stream in list(node.connections):
            self._close(node, stream)
        self.settle()

    def set_state(self, node: Node, state: int) -> None:
        """An operator's word, and all that it asks for: it is recorded, and the partner hears of it."""
        server = node.machine.server
        assert server is not None
        # A machine that was restored has not heard yet how late it is.
        server.now_us, server.now = self.now_us, self.now_us // SECOND_US
        effects = server.effects
        before = len(effects)
        node.set_state(state)
        for effect in effects[before:]:
            self._do(node, effect)
        self.settle()

    def reload(self, node: Node, text: str) -> None:
        """A new configuration while the server serves."""
        self._apply(node, ev.ConfigurationFile(0, 0, "c", text.encode(), ""))
        self._apply(node, ev.ConfigurationEnd(0, 0, "c", reload=True))
        self.settle()

    # Time

    def settle(self) -> None:
        """Have everything done that is under way."""
        for _ in range(100_000):
            if not self._queue:
                return
            node, event = self._queue.popleft()
            if node.alive:
                self._apply(node, event)
        raise AssertionError("the pair never comes to rest")

    def sleep(self, seconds: float) -> None:
        """Let time go by, with the timers that come meanwhile."""
        until = self.now_us + int(seconds * SECOND_US)
        for _ in range(100_000):
            due = [(node.wake_us, node) for node in self.nodes if node.alive and 0 < node.wake_us <= until]
            if not due:
                self.now_us = until
                return
            at_us, node = min(due, key=lambda one: one[0])
            self.now_us = max(self.now_us, at_us)
            node.wake_us = 0
            self._apply(node, ev.Timer(0, 0))
            self.settle()
        raise AssertionError("timers without end")

    # Clients

    def send(self, payload: bytes, *nodes: Node) -> list[tuple[Node, Reply]]:
        """A client's message to the nodes (both where none is named), and the replies."""
        found = []
        for node in nodes or self.nodes:
            if not node.alive:
                continue
            before = len(node.sent)
            self._apply(node, ev.Packet(0, 0, "eth0", 0, 68, payload))
            found += [(node, reply) for reply in node.sent[before:]]
        self.settle()
        return found

    def dora(self, client: int, *nodes: Node, **more: object) -> tuple[Node, Reply] | None:
        """DISCOVER and REQUEST: who acknowledged, and with what; None for nobody."""
        offers = self.send(message(DISCOVER, mac(client), **more), *nodes)
        if not offers:
            return None
        node, offer = offers[0]
        server = dotted(int.from_bytes(offer.options[54], "big"))
        asked = message(REQUEST, mac(client), requested=offer.address, server=server, **more)
        acks = self.send(asked, node)
        return acks[0] if acks else None

    # What machines ask for

    def _apply(self, node: Node, event: Event) -> None:
        effects = node.machine.apply(event._replace(wall_us=self.now_us, mono_us=self.now_us - START_US))
        for effect in effects:
            self._do(node, effect)
        if node.alive and self.snapshots and node.machine.serving and not node.machine.rewriting:
            node.machine = Machine.restore(node.machine.snapshot())
        while node.machine.rewriting:
            self._apply(node, ev.RewriteContinue(0, 0))

    def _do(self, node: Node, effect: Effect) -> None:  # noqa: C901, PLR0912 - one line an effect
        match effect:
            case ef.Store():
                node.leases += effect.data
                if node.new_file is not None:
                    node.new_file += effect.data
            case ef.RewriteBegin():
                node.new_file = b""
            case ef.RewritePart():
                node.new_file = (node.new_file or b"") + effect.data
            case ef.RewriteEnd():
                node.leases, node.new_file = node.new_file or b"", None
            case ef.Log():
                node.lines.append(effect.text)
            case ef.Fatal():
                node.lines.append(effect.text)
                node.alive = False
            case ef.Send():
                node.sent.append(Reply(effect))
            case ef.Wake():
                node.wake_us = effect.at_us
            case ef.StreamListen():
                node.listens.add((effect.address, effect.port))
            case ef.StreamOpen():
                self._open(node, effect)
            case ef.StreamSend() if effect.stream in node.connections:
                node.streamed.append(effect)
                other, stream = node.connections[effect.stream].other(node)
                self._tell(other, stream, ev.StreamData(0, 0, stream, effect.data))
            case ef.StreamClose() if effect.stream in node.connections:
                self._close(node, effect.stream)
                self._queue.append((node, ev.StreamClosed(0, 0, effect.stream, "")))

    def _open(self, caller: Node, effect: ef.StreamOpen) -> None:
        for node in self.nodes:
            if node is not caller and node.alive and (effect.address, effect.port) in node.listens and not self.cut:
                node.accepted += 2
                pair = Connection([(caller, effect.stream), (node, node.accepted)])
                caller.connections[effect.stream] = node.connections[node.accepted] = pair
                mine, theirs = (effect.local, 40_000), (effect.address, effect.port)
                self._queue.append((caller, ev.StreamOpened(0, 0, effect.stream, effect.service, *mine, *theirs)))
                self._queue.append((node, ev.StreamOpened(0, 0, node.accepted, effect.service, *theirs, *mine)))
                return
        error = "ETIMEDOUT" if self.cut else "ECONNREFUSED"
        self._queue.append((caller, ev.StreamClosed(0, 0, effect.stream, error)))

    def _close(self, node: Node, stream: int) -> None:
        other, number_there = node.connections.pop(stream).other(node)
        if number_there in other.connections:
            self._tell(other, number_there, ev.StreamHalfClosed(0, 0, number_there))

    def _tell(self, node: Node, stream: int, event: Event) -> None:
        """Something reaches the other end, now or when the link is healed."""
        if self.cut:
            self._held.append((node, stream, event))
        else:
            self._queue.append((node, event))
