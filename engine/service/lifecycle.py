"""The ends of a lease: release, expiry, abandonment, each stored at once.

What a lease keeps and what it loses differs between the three, and scripts of administrators see the difference: the
table TRANSITIONS says it. A grant is grant.py's.

See docs/behaviour/decisions.md#release-and-decline, docs/behaviour/decisions.md#states-of-a-lease,
docs/behaviour/decisions.md#timers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ...trace.effects import ERROR
from ..agenda import Owner
from ..model.context import Context
from ..model.lease import ABANDONED, ACTIVE, BACKUP, FREE, NEVER, RELEASED
from ..wire.text import dotted

if TYPE_CHECKING:
    from ..model.configuration import Handler, Pool
    from ..model.context import Message
    from ..model.lease import Lease
    from .server import Server


class Losses(NamedTuple):
    """What goes: host name, what `set` has made, the relay's options, what `on` has put up."""

    name: bool
    variables: bool
    relay: bool
    handlers: bool


# (what happens, whether the lease was in use) -> what is lost besides billing and host.
TRANSITIONS: Final[dict[tuple[str, bool], Losses]] = {
    ("expire", True): Losses(name=True, variables=False, relay=True, handlers=True),
    ("expire", False): Losses(name=False, variables=False, relay=False, handlers=False),
    ("release", True): Losses(name=True, variables=True, relay=True, handlers=True),
    ("release", False): Losses(name=False, variables=True, relay=False, handlers=True),
    ("abandon", True): Losses(name=True, variables=False, relay=True, handlers=True),
    ("abandon", False): Losses(name=False, variables=False, relay=True, handlers=False),
}


def run_handler(server: Server, lease: Lease, handler: Handler, packet: Message | None) -> None:
    """Execute what an `on` block holds, among the lease's own variables."""
    rare = lease.rarely()
    if rare.variables is None:
        rare.variables = {}
    handler.run(Context(server, server.now, packet, lease, None, rare.variables))
    if not rare.variables:
        rare.variables = None


def _end(server: Server, lease: Lease, what: str, state: int) -> None:
    """Take away what the table says, put the lease in its new state, and store it."""
    in_use = lease.state == ACTIVE
    losses = TRANSITIONS[what, in_use]
    if losses.name:
        lease.hostname = None
    rare = lease.rare
    if rare is not None:
        server.database.charges.take_back(lease)
        rare.host = None
        rare.atsfp = 0
        if losses.relay:
            rare.agent_options = None
        if losses.handlers:
            rare.on_expiry = rare.on_release = rare.on_commit = None
        rare.no_reuse = False
        if losses.variables:
            rare.variables = None
        if not lease_has_rare(lease):
            lease.rare = None
    lease.state = state
    server.database.requeue(lease)
    server.watch(lease)
    server.store_lease(lease)
    if server.failover is not None:
        server.failover.changed(lease)


def lease_has_rare(lease: Lease) -> bool:
    """Whether `rare` still holds anything."""
    rare = lease.rare
    return rare is not None and (
        rare.variables is not None
        or rare.agent_options is not None
        or rare.host is not None
        or rare.billing is not None
        or rare.on_expiry is not None
        or rare.on_release is not None
        or rare.on_commit is not None
        or rare.pending is not None
        or rare.ddns is not None
        or rare.no_reuse
        or bool(rare.padding or rare.tsfp or rare.atsfp)
    )


def release(server: Server, lease: Lease, packet: Message) -> None:
    """The client gives the lease back, or may not keep it. An offered lease stays as it is.

    See docs/behaviour/decisions.md#release.
    """
    if server.ddns is not None:
        server.ddns.removed(lease)
    rare = lease.rare
    if rare is not None:
        handler = rare.on_release
        rare.on_release = rare.on_expiry = None
        if handler is not None:
            run_handler(server, lease, handler, packet)
    if lease.state not in (ACTIVE, ABANDONED):
        return
    lease.ends = lease.tstp = server.now
    state = FREE
    if server.failover is not None and lease.pool is not None and lease.pool.failover_peer is not None:
        state = RELEASED
    lease.next_state = FREE
    _end(server, lease, "release", state)


def abandon(server: Server, lease: Lease, text: str) -> None:
    """Something else has the address: it is left alone for `abandon-lease-time`.

    See docs/behaviour/decisions.md#abandon.
    """
    server.log(ERROR, f"Abandoning IP address {dotted(lease.address)}: {text}")
    if server.ddns is not None:
        server.ddns.removed(lease)
    in_use = lease.state == ACTIVE
    server.database.unfile(lease)
    rare = lease.rare
    if rare is not None:
        rare.variables = None
        rare.padding = b""
        if in_use and rare.on_expiry is not None:
            handler, rare.on_expiry = rare.on_expiry, None
            run_handler(server, lease, handler, None)
    lease.ends = min(server.now + server.settings.abandon_lease_time, NEVER)
    if in_use:
        lease.tstp = lease.ends
    lease.next_state = FREE
    _end(server, lease, "abandon", ABANDONED)


def expire(server: Server, lease: Lease) -> None:
    """The time of a lease is over: it enters its next state. Scripts run where it was in use."""
    in_use = lease.state == ACTIVE
    if in_use:
        lease.tstp = lease.ends
        if server.ddns is not None:
            server.ddns.removed(lease)
        rare = lease.rare
        if rare is not None and rare.on_expiry is not None:
            handler, rare.on_expiry = rare.on_expiry, None
            run_handler(server, lease, handler, None)
    state = lease.next_state
    lease.next_state = FREE if state != BACKUP else BACKUP
    if server.failover is not None and lease.pool is not None and lease.pool.failover_peer is not None:
        lease.next_state = server.failover.next_state(lease)
    _end(server, lease, "expire", state)


def expire_in(server: Server, pool: Pool) -> None:
    """Everything of one pool whose time has come, in ISC's order; when more will be due is entered in the agenda.

    See docs/behaviour/decisions.md#timers.
    """
    database = server.database
    due: int | None = server.now
    while due is not None and due <= server.now:
        # Once more where a lease went to a state whose time is over too, in a queue that had had its turn.
        expired = 0
        for lease in database.due(pool, server.now):
            expire(server, lease)
            expired += 1
        due = database.next_due(pool)
        assert expired or due is None or due > server.now, "what is due stays due, and would wake the server for ever"
    if due is None:
        server.agenda.cancel(Owner.POOL, pool.index)
    else:
        server.agenda.set(Owner.POOL, pool.index, server.moment_us(due))


def expire_at_start(server: Server) -> None:
    """What ended while the server was away."""
    for pool in server.database.pool_order:
        expire_in(server, pool)
