"""A pair in a hostile world, from one seed: clients come, the link is cut, servers die and lose their lease files.

Checked at every ACK, whoever sends it: nobody else holds the address. (But for one that was declined: whoever uses
that is no client of theirs, and abandoned addresses are given again when there is nothing else.) Checked at the end,
when the world is well again: both servers come to NORMAL, and both know the same of every lease. An operator says
PARTNER-DOWN of a dead server only. The PRNG is Python's, whose numbers for a seed do not change.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Final

from dhcpd.engine.failover.rules import states
from dhcpd.engine.model.lease import ACTIVE
from tests.engine.failover.pair import SECOND_US, Node, Pair, configuration
from tests.engine.service.desk import DECLINE, DISCOVER, RELEASE, REQUEST, Reply, dotted, mac, message, number

if TYPE_CHECKING:
    from collections.abc import Callable

ACK: Final = 5
CLIENTS: Final = 30
MCLT: Final = 120
_HEALED_S: Final = 900


class World:
    """See the module. `held`: client -> (address, until when in microseconds). `met` counts what was met."""

    def __init__(self, seed: int, *, snapshots: bool = False) -> None:
        peer = "max-response-delay 10; max-unacked-updates 5; load balance max seconds 3;"
        peer += " min-balance 5; max-balance 30;"
        self.pair = Pair(*[configuration(side, peer=peer, mclt=MCLT) for side in ("primary", "secondary")])
        self.pair.snapshots = snapshots
        self.seed = seed
        self.random = Random(seed)
        self.held: dict[int, tuple[str, int]] = {}
        self.declined: set[str] = set()
        self.met: Counter[str] = Counter()
        self._steps: list[tuple[int, Callable[[], None]]] = [
            (30, self.come), (15, self.renew), (5, self.go), (2, self.decline), (25, self.wait), (3, self.long_wait),
            (4, self.cut_or_heal), (5, self.kill_or_start), (1, self.lose), (4, self.declare_down),
        ]  # fmt: skip

    def run(self, steps: int) -> None:
        """So many steps, then peace."""
        self.pair.start()
        weights = [weight for weight, _step in self._steps]
        acts = [step for _weight, step in self._steps]
        for act in self.random.choices(acts, weights, k=steps):
            act()
        self.heal()

    # Clients

    def come(self) -> None:
        client = self.random.randint(1, CLIENTS)
        secs = self.random.choice((0, 0, 9))
        offers = self.pair.send(message(DISCOVER, mac(client), secs=secs))
        if not offers:
            self.met["no offer"] += 1
            return
        node, offer = self.random.choice(offers)
        asked = message(
            REQUEST, mac(client), requested=offer.address, server=f"10.44.0.{1 if node.side == 'primary' else 2}"
        )
        self._take(client, self.pair.send(asked))

    def renew(self) -> None:
        client = self._holder()
        if client is None:
            return
        nodes = self.random.choice(([self.pair.primary], [self.pair.secondary], list(self.pair.nodes)))
        self._take(client, self.pair.send(message(REQUEST, mac(client), ciaddr=self.held[client][0]), *nodes))

    def go(self) -> None:
        client = self._holder()
        if client is None:
            return
        address, _until = self.held.pop(client)
        self.pair.send(message(RELEASE, mac(client), ciaddr=address), self.random.choice(self.pair.nodes))
        self.met["release"] += 1

    def decline(self) -> None:
        client = self._holder()
        if client is None:
            return
        address, _until = self.held.pop(client)
        self.declined.add(address)
        self.pair.send(message(DECLINE, mac(client), requested=address))
        self.met["decline"] += 1

    def _holder(self) -> int | None:
        found = [client for client, (_address, until) in self.held.items() if until > self.pair.now_us]
        return self.random.choice(found) if found else None

    def _take(self, client: int, replies: list[tuple[Node, Reply]]) -> None:
        """What a client does with the answers to its REQUEST: the check."""
        for node, reply in replies:
            if reply.kind != ACK:
                self.met["NAK"] += 1
                continue
            for other, (address, until) in self.held.items():
                if address != reply.address or address in self.declined:
                    continue
                if other != client and until > self.pair.now_us:
                    left = (until - self.pair.now_us) // SECOND_US
                    states_ = [f"{one.side} {one.state if one.alive else 'dead'}" for one in self.pair.nodes]
                    text = f"seed {self.seed}: {address} of client {other} for {left} s more is given to {client}"
                    raise AssertionError(f"{text} by {node.side} ({', '.join(states_)})")
            seconds = int.from_bytes(reply.options[51], "big")
            self.held[client] = (reply.address, self.pair.now_us + seconds * SECOND_US)
            self.met["ACK"] += 1

    # The world

    def wait(self) -> None:
        self.pair.sleep(self.random.uniform(0.01, 15))

    def long_wait(self) -> None:
        self.pair.sleep(self.random.uniform(30, 400))

    def cut_or_heal(self) -> None:
        if not self.pair.cut and self._one_is_alone():
            return
        self.pair.cut = not self.pair.cut
        self.met["cut" if self.pair.cut else "heal"] += 1

    def kill_or_start(self) -> None:
        node = self.random.choice(self.pair.nodes)
        if node.alive:
            self.pair.kill(node)
            self.met["kill"] += 1
        elif self._may_come_back(node):
            self.pair.start(node)
            self.met["start"] += 1

    def _one_is_alone(self) -> bool:
        """Whether a server was told that its partner is down, and has not met it since."""
        return any(node.endpoint.recorded_state is states.P_DOWN for node in self.pair.nodes)

    def _may_come_back(self, node: Node) -> bool:
        """Who was declared down may come back where the other hears it: that is what the operator has to see to."""
        other = next(one for one in self.pair.nodes if one is not node)
        if other.endpoint.recorded_state is not states.P_DOWN:
            return True
        return other.alive and not self.pair.cut

    def lose(self) -> None:
        """A server comes back without its lease file. The other one has its own, or all would be lost."""
        node = self.random.choice(self.pair.nodes)
        other = next(one for one in self.pair.nodes if one is not node)
        whole = other.endpoint.recorded_state in (states.NORMAL, states.COMM_INT, states.P_DOWN)
        if not node.alive and whole and self._may_come_back(node):
            node.leases = b""
            self.pair.start(node)
            self.met["lost database"] += 1

    def declare_down(self) -> None:
        """An operator sees that one server is dead, and says so to the other."""
        for dead, other in (self.pair.nodes, self.pair.nodes[::-1]):
            if not dead.alive and other.alive and not self.pair.cut and other.state == "communications-interrupted":
                self.pair.set_state(other, states.P_DOWN)
                self.met["partner-down"] += 1
                return

    def heal(self) -> None:
        self.pair.cut = False
        dead = [node for node in self.pair.nodes if not node.alive]
        if dead:
            self.pair.start(*dead)
        for _ in range(_HEALED_S // 15):
            self.pair.sleep(15)
        found = tuple(node.state for node in self.pair.nodes)
        assert found == ("normal", "normal"), f"seed {self.seed}: {found}"
        primary, secondary = (self._known(node) for node in self.pair.nodes)
        differ = [(one, other) for one, other in zip(primary, secondary, strict=True) if one != other]
        assert not differ, f"seed {self.seed}: {differ}"

    def _known(self, node: Node) -> list[tuple[str, int, bytes]]:
        assert node.machine.server is not None
        database, first = node.machine.server.database, number("10.44.0.100")
        leases = [database.find(address) for address in range(first, first + 20)]
        # Of a lease that nobody has each may remember another client: whom it was offered to, or who had it.
        return [
            (dotted(one.address), one.state, one.hardware if one.state == ACTIVE else b"")
            for one in leases
            if one is not None
        ]
