"""Leases whose time has come, and addresses that something else has: when, and what is said of it.

What becomes of such a lease is lease/commit.py's, by the tables of lease/transition.py.

See docs/behaviour/decisions.md#timers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...trace.effects import ERROR
from ..agenda import Owner
from ..model.lease import NEVER
from ..wire.text import dotted

if TYPE_CHECKING:
    from ..model.configuration import Pool
    from ..model.lease import Lease
    from .server import Server


def abandon(server: Server, lease: Lease, text: str) -> None:
    """Something else has the address: it is left alone for `abandon-lease-time`.

    See docs/behaviour/decisions.md#abandon.
    """
    server.log(ERROR, f"Abandoning IP address {dotted(lease.address)}: {text}")
    server.leases.abandon(lease, min(server.now + server.settings.abandon_lease_time, NEVER))


def expire_in(server: Server, pool: Pool) -> None:
    """Everything of one pool whose time has come, in ISC's order; when more will be due is entered in the agenda.

    See docs/behaviour/decisions.md#timers.
    """
    database, leases = server.database, server.leases
    untimed = leases.partners[pool.index].untimed
    due: int | None = server.now
    while due is not None and due <= server.now:
        # Once more where a lease went to a state whose time is over too, in a queue that had had its turn.
        expired = 0
        for lease in database.due(pool, server.now, untimed):
            leases.expire(lease)
            expired += 1
        due = database.next_due(pool, untimed)
        assert expired or due is None or due > server.now, "what is due stays due, and would wake the server for ever"
    _enter(server, pool, due)


def watch_pool(server: Server, pool: Pool) -> None:
    """Enter a pool's next moment anew, since which leases end by time, or when, has changed."""
    _enter(server, pool, server.database.next_due(pool, server.leases.partners[pool.index].untimed))


def _enter(server: Server, pool: Pool, due: int | None) -> None:
    if due is None:
        server.agenda.cancel(Owner.POOL, pool.index)
    else:
        # What is due already comes next, and is not taken for a moment that has passed.
        server.agenda.set(Owner.POOL, pool.index, max(server.moment_us(due), server.now_us + 1))


def expire_at_start(server: Server) -> None:
    """What ended while the server was away."""
    for pool in server.database.pool_order:
        expire_in(server, pool)
