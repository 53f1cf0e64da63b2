"""Address ranges and the pools that they come to stand in, by ISC's rules and its one fault.

A range outside a pool block goes to an anonymous pool; pools that nothing tells apart are merged. No work here
depends on how many addresses a range has.

See docs/behaviour/configuration.md#ranges, docs/behaviour/configuration.md#pools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
    index = network.anonymous_pools.get(node.dynamic_bootp)
    if index is not None:
        add_range(network.pools[max(0, index - 1)], subnet, node)
        return
    permit = Permit("all" if node.dynamic_bootp else "dynamic-bootp", None, node.place)
    scope = network.network.scope
    inner = Scope("pool", node.place, scope, scope.number, scope.authoritative)
    made = PoolDraft(node.place, inner, network.failover_peer, implicit=True)
    (made.permits if node.dynamic_bootp else made.prohibits).append(permit)
    add_range(made, subnet, node)
    _append(network, made)


def enter_pool(network: NetworkDraft, pool: PoolDraft) -> None:
    """Put a pool block that ends in its network's list, unless its addresses belong in one that is there already."""
    earlier = None if pool.scope.statements else network.plain_pools.get(_look(pool))
    if earlier is None:
        _append(network, pool)
        return
    earlier.ranges += pool.ranges
    earlier.range_subnets += pool.range_subnets


def _append(network: NetworkDraft, pool: PoolDraft) -> None:
    if not pool.scope.statements:
        network.plain_pools.setdefault(_look(pool), pool)
    lists = [entry.kind for entry in pool.permits], [entry.kind for entry in pool.prohibits]
    for bootp, anonymous in _ANONYMOUS.items():
        if lists == anonymous:
            network.anonymous_pools.setdefault(bootp, len(network.pools))
    network.pools.append(pool)


# The kinds of permits and prohibits of an anonymous pool, with `dynamic-bootp` before its range and without.
_ANONYMOUS: Final[dict[bool, tuple[list[str], list[str]]]] = {
    True: (["all"], []),
    False: ([], ["dynamic-bootp"]),
}


def _look(pool: PoolDraft) -> tuple[object, ...]:
    """What tells pools without statements apart: peer and lists (as sets, dates not compared)."""
    return pool.failover_peer, _as_set(pool.permits), _as_set(pool.prohibits)


def _as_set(entries: list[Permit]) -> frozenset[tuple[str, object]]:
    return frozenset([(entry.kind, None if entry.kind == "after" else entry.value) for entry in entries])
