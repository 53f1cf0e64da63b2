"""Choosing a lease for a client that has none: pools in order, the head of each pool's queue.

The queues keep ISC's order, so that choosing is looking at heads. Permits are asked here and, for leases that a client
already has, by find_lease.py. No lease is changed.

See docs/behaviour/decisions.md#allocation, docs/behaviour/decisions.md#permits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ....trace.effects import DEBUG, ERROR
from ...conf.running.classify import permitted
from ...model.lease import ABANDONED, Lease
from ...wire.text import dotted
from ..explain import pool_text, tell_pool
from ..reasons import Reason

if TYPE_CHECKING:
    from ...model.configuration import Pool, SharedNetwork
    from ...model.context import Context
    from ..server import Server


def may_use(server: Server, context: Context, pool: Pool) -> bool:
    """Whether the packet may have addresses of the pool (docs/behaviour/decisions.md#permits)."""
    packet = context.packet
    assert packet is not None, "permits are about a packet"
    if server.generation.open_pools[pool.index] and packet.message_type and server.reasons is None:
        return True
    allowed = permitted(context, pool)
    if server.reasons is not None:
        tell_pool(server, context, pool, allowed=allowed)
    return allowed


class Allocation(NamedTuple):
    """The lease for a new client, None for none; whether a failover partner has free ones that are its own to give."""

    lease: Lease | None
    partner_has_some: bool


def allocate(server: Server, context: Context, network: SharedNetwork) -> Allocation:
    """The best lease of the network's pools."""
    chosen: Lease | None = None
    partner_has_some = False
    for pool in network.pools:
        if not may_use(server, context, pool):
            continue
        candidate, held = _candidate(server, pool)
        partner_has_some = partner_has_some or held
        if candidate is None or (candidate.state != ABANDONED and candidate.ends > server.now):
            if server.reasons is not None:
                why = "no free lease" if candidate is None else "all free leases are on offer"
                server.reasons.append(Reason("pool", pool_text(pool), "empty", why, pool.place))
            continue
        better = chosen is None or _better(candidate, chosen)
        if server.reasons is not None and chosen is not None:
            loser = chosen if better else candidate
            why = "another pool's lease is fresher: never used, or free for longer"
            server.reasons.append(Reason("candidate", dotted(loser.address), "passed over", why, pool.place))
        if better:
            chosen = candidate
            if _is_best_possible(server, chosen):
                break
    if chosen is not None:
        _finish(server, chosen)
    return Allocation(chosen, partner_has_some)


def _candidate(server: Server, pool: Pool) -> tuple[Lease | None, bool]:
    """The pool's best lease: of this server's own, else of the partner's where it may be taken, else an abandoned one.

    A lease of the partner's that may be taken goes before an own one that ended later. With it: whether the partner has
    one that may not be taken.
    """
    database, partner = server.database, server.leases.partners[pool.index]
    candidate = database.head(pool, partner.own_state)
    partner_has_some = False
    other = None if partner.other_state is None else database.head(pool, partner.other_state)
    if other is not None:
        earlier = candidate is None or other.ends < candidate.ends
        if earlier and partner.may_reallocate(other, server.now):
            candidate = other
        else:
            partner_has_some = True
    if candidate is None:
        abandoned = database.head(pool, ABANDONED)
        if abandoned is not None and partner.may_reallocate(abandoned, server.now):
            candidate = abandoned
    return candidate, partner_has_some


def _better(candidate: Lease, kept: Lease) -> bool:
    """Whether to take it instead: unabandoned before abandoned, unused before used, then the earlier end.

    See docs/behaviour/decisions.md#allocation, step 4.
    """
    if kept.state == ABANDONED:
        return candidate.state != ABANDONED or candidate.ends < kept.ends
    if candidate.state == ABANDONED:
        return False
    if kept.uid or kept.hardware:
        return not (candidate.uid or candidate.hardware) or candidate.ends < kept.ends
    return not (candidate.uid or candidate.hardware) and candidate.ends < kept.ends


def _is_best_possible(server: Server, chosen: Lease) -> bool:
    """Whether no other pool can have a better lease: it was never used, and nobody wants to know of the others."""
    if chosen.state == ABANDONED or chosen.ends > 0 or chosen.uid or chosen.hardware:
        return False
    return server.reasons is None


def _finish(server: Server, lease: Lease) -> None:
    """What is said of the chosen lease.

    See docs/behaviour/decisions.md#allocation, steps 5 to 6.
    """
    if lease.state == ABANDONED:
        server.log(ERROR, f"Reclaiming abandoned lease {dotted(lease.address)}.")
    rare = lease.rare
    if rare is not None and rare.host is not None:
        name = rare.host
        server.log(DEBUG, f'soft impossible condition: stale host "{name}" found on lease {dotted(lease.address)}')
        server.leases.attach(lease, None)
    if server.reasons is not None and lease.pool is not None:
        why = "abandoned long ago" if lease.state == ABANDONED else "head of the free queue"
        server.reasons.append(Reason("candidate", dotted(lease.address), "chosen", why, lease.pool.place))
