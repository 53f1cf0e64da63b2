"""Address ranges and the pools that they come to stand in, by ISC's rules and its one fault.

A range outside a pool block goes to an anonymous pool; pools that nothing tells apart are merged. No work here
depends on how many addresses a range has.

See docs/behaviour/configuration.md#ranges, docs/behaviour/configuration.md#pools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...model.configuration import Permit, Scope
from .drafts import PoolDraft

if TYPE_CHECKING:
    from ...model.configuration import Subnet
    from ...model.syntax import Range
    from .drafts import NetworkDraft


def add_range(pool: PoolDraft, subnet: Subnet, node: Range) -> None:
    """Give a pool one more range, its ends put in order."""
    pool.ranges.append((min(node.low, node.high), max(node.low, node.high)))
    pool.range_subnets.append(subnet)


def add_anonymous_range(network: NetworkDraft, subnet: Subnet, node: Range) -> None:
    """A range outside a pool block: to a pool whose lists look as an anonymous pool's do, else to a new one.

    ISC's walk for such a pool stops one short: where the match is not the network's first pool, the addresses go
    to the pool in front of it.
    """
    for index, pool in enumerate(network.pools):
        if _looks_anonymous(pool, bootp=node.dynamic_bootp):
            add_range(network.pools[max(0, index - 1)], subnet, node)
            return
    permit = Permit("all" if node.dynamic_bootp else "dynamic-bootp", None, node.place)
    scope = network.network.scope
    inner = Scope("pool", node.place, scope, scope.number, scope.authoritative)
    made = PoolDraft(node.place, inner, network.failover_peer, implicit=True)
    (made.permits if node.dynamic_bootp else made.prohibits).append(permit)
    network.pools.append(made)
    add_range(made, subnet, node)


def _looks_anonymous(pool: PoolDraft, *, bootp: bool) -> bool:
    permits = [entry.kind for entry in pool.permits]
    prohibits = [entry.kind for entry in pool.prohibits]
    return (permits, prohibits) == ((["all"], []) if bootp else ([], ["dynamic-bootp"]))


def enter_pool(network: NetworkDraft, pool: PoolDraft) -> bool:
    """Put a pool block that ends in its network's list, unless its addresses belong in one that is there already."""
    for earlier in network.pools:
        if _alike(earlier, pool):
            earlier.ranges += pool.ranges
            earlier.range_subnets += pool.range_subnets
            return False
    network.pools.append(pool)
    return True


def _alike(one: PoolDraft, other: PoolDraft) -> bool:
    """Nothing tells them apart: same lists (as sets, dates not compared), same peer, no statements."""
    return (
        not one.scope.statements
        and not other.scope.statements
        and one.failover_peer == other.failover_peer
        and _as_set(one.permits) == _as_set(other.permits)
        and _as_set(one.prohibits) == _as_set(other.prohibits)
    )


def _as_set(entries: list[Permit]) -> set[tuple[str, object]]:
    return {(entry.kind, None if entry.kind == "after" else entry.value) for entry in entries}
