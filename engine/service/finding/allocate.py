"""Choosing a lease for a client that has none: pools in order, the head of each pool's queue.

The queues keep ISC's order, so that choosing is looking at heads. Permits are asked here and, for leases that a client
already has, by find_lease.py. No lease is changed.

See docs/behaviour/decisions.md#allocation, docs/behaviour/decisions.md#permits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....trace.effects import DEBUG, ERROR
from ...conf.running.classify import permitted
from ...model.lease import ABANDONED, FREE
from ...wire.text import dotted
from ..explain import pool_text, tell_pool
from ..reasons import Reason

if TYPE_CHECKING:
    from ...model.configuration import Pool, SharedNetwork
    from ...model.context import Context
    from ...model.lease import Lease
    from ..server import Server


def may_use(server: Server, context: Context, pool: Pool) -> bool:
    """Whether the packet may have addresses of the pool (docs/behaviour/decisions.md#permits)."""
    packet = context.packet
    is_open = server.generation.open_pools[pool.index]
    if is_open and packet is not None and packet.message_type and server.reasons is None:
        return True
    allowed = permitted(context, pool)
    if server.reasons is not None:
        tell_pool(server, context, pool, allowed=allowed)
    return allowed


def allocate(server: Server, context: Context, network: SharedNetwork) -> tuple[Lease | None, bool]:
    """The lease for a new client of the network, and whether a failover peer holds some where there is none."""
    chosen: Lease | None = None
    peer_has_leases = False
    for pool in network.pools:
        if not may_use(server, context, pool):
            continue
        candidate, held = _candidate(server, pool)
        peer_has_leases = peer_has_leases or held
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
            if _unbeatable(server, chosen):
                break
    if chosen is not None:
        _finish(server, chosen)
    return chosen, peer_has_leases


def _candidate(server: Server, pool: Pool) -> tuple[Lease | None, bool]:
    if pool.failover_peer is not None and server.failover is not None:
        return server.failover.candidate(pool)
    database = server.database
    return database.head(pool, FREE) or database.head(pool, ABANDONED), False


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


def _unbeatable(server: Server, chosen: Lease) -> bool:
    """Whether no other pool can have a better lease: it was never used, and nobody wants to know of the others."""
    if chosen.state == ABANDONED or chosen.ends > 0 or chosen.uid or chosen.hardware:
        return False
    return server.failover is None and server.reasons is None


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
        rare.host = None
    if server.reasons is not None and lease.pool is not None:
        why = "abandoned long ago" if lease.state == ABANDONED else "head of the free queue"
        server.reasons.append(Reason("candidate", dotted(lease.address), "chosen", why, lease.pool.place))
