"""Whether clients are served when everything has been well for a while: who asks is answered, if anybody can answer.

All clients act a few times: who has an address renews it, and who has none asks as one that has just come, so that no
server may count on its patience. A renewal must be answered by the server that has the lease as the client's; and who
has none must get one as long as one of its network is free at any server, and not on offer to somebody. Nobody is in
the way then: both servers are in NORMAL, and know the same.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from ....engine.model.lease import ACTIVE, BACKUP, FREE
from ..sites import RELAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..clients import Client
    from ..node import Node
    from ..plan import Site
    from ..sites import Relationship

# Longer than a client's patience.
EVERY_S: Final = 7
# An address that was offered is kept for its client for so long.
_OFFERED_S: Final = 120
_NETWORK_BITS: Final = 8


def bound_s(site: Site) -> int:
    """How long somebody may be left without an answer: two servers have their turns at the balance."""
    return _OFFERED_S + 3 * site.balance_s + site.response_s


def missing(relationships: Iterable[Relationship], nodes: Mapping[int, Node], clients: Iterable[Client]) -> str:
    """Who was not answered and must be, empty for nobody."""
    stopped = [node.name for node in nodes.values() if not node.running]
    if stopped:
        return f"{stopped[0]} does not run"
    free = _free(relationships, nodes)
    by_address = {node.links[0].addresses[0][0]: node for node in nodes.values()}
    for client in clients:
        if not client.unanswered:
            continue
        network = (int(IPv4Address(RELAY)) if client.relay else next(iter(by_address))) >> _NETWORK_BITS
        if not client.source and free.get(network):
            return f"{client.name} gets no address, and {free[network]} are free"
        if client.source and _has(by_address[client.server], client):
            return f"{client.name} has {IPv4Address(client.source)}, and its renewal is not answered"
    return ""


def _free(relationships: Iterable[Relationship], nodes: Mapping[int, Node]) -> dict[int, int]:
    """The first three octets of a network -> how many of its addresses are free, by the server whose they are."""
    found: Counter[int] = Counter()
    for one in relationships:
        for number, state in ((one.primary, FREE), (one.secondary, BACKUP)):
            end = nodes[number].endpoint(one.name)
            assert end is not None, "everybody runs"
            for pool in end.site.pools(end):
                free = [lease for lease in end.site.database.queue(pool, state) if lease.ends <= end.site.now]
                found[pool.ranges[0][0] >> _NETWORK_BITS] += len(free)
    return found


def _has(node: Node, client: Client) -> bool:
    """Whether a server knows that a client has its address, and for a while yet."""
    assert node.machine.server is not None, "everybody runs"
    lease = node.machine.server.database.find(client.source)
    if lease is None or lease.state != ACTIVE or lease.hardware[1:] != client.hardware:
        return False
    return lease.ends > node.now_us // 1_000_000 + EVERY_S
