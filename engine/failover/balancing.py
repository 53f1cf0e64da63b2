"""Halving what is free: when a pool is looked at, what is given to the partner, and when it is asked to give.

Each server gives of its own free leases until both have half, the leases of the other's clients first: a client that
comes back shall find its address at the server that answers it. A server that has too little asks for a run at the
partner (POOLREQ), which answers with a number and then the leases. Divisions are C's: they truncate towards zero, so
that both servers come to the same numbers.

    lts     how many leases this server has to give: half of the difference
    hold    how far its own count may differ from half (max-lease-ownership)
    thresh  what is called misbalance (max-lease-misbalance); it stops nothing

Where this differs from ISC: a server that has nothing at all, and whose partner has something to give, asks for it
however small the pool is; ISC's pair strands (docs/differences.md).

Source: docs/behaviour/failover.md#pool-balancing, #client-affinity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ...trace.effects import ERROR, INFO
from ..model.lease import BACKUP, BOOTP_FLAG, FREE, RESERVED_FLAG
from . import outgoing
from .messages import PoolRequest, PoolResponse
from .rules.ownership import own_free_state, partners_free_state
from .rules.sharing import is_primarys, lease_key
from .rules.states import NORMAL

if TYPE_CHECKING:
    from ..model.configuration import Pool
    from ..model.lease import Lease
    from .endpoint import Endpoint

_BALANCE: Final = "balance"
_SECOND_US: Final = 1_000_000
_PERCENT: Final = 100
_HALF_PERCENT: Final = 50
# Both servers shall not look at one moment.
_SPREAD_S: Final = 5


class Figures(NamedTuple):
    """A pool as the balance sees it: all are numbers of leases, `lts`, `hold` and `thresh` as at the top.

    `own` is how many free leases are this server's; `total` all of the pool, `free` and `backup` the free ones by
    state (docs/behaviour/failover.md#pool-balancing).
    """

    own: int
    lts: int
    hold: int
    thresh: int
    total: int
    free: int
    backup: int

    @property
    def line(self) -> str:
        """What all log lines have."""
        return f"total {self.total}  free {self.free}  backup {self.backup}  lts {self.lts}"


def halved(difference: int) -> int:
    """Half, towards zero."""
    return abs(difference) // 2 * (1 if difference >= 0 else -1)


def share(total: int, percent: int) -> int:
    """So many percent, rounded."""
    return (total * percent + _HALF_PERCENT) // _PERCENT


def figures(endpoint: Endpoint, pool: Pool) -> Figures:
    """The present figures of a pool."""
    counts = endpoint.site.database.counts(pool)
    free, backup, settings = counts.free, counts.backup, endpoint.settings
    own, other = (free, backup) if endpoint.primary else (backup, free)
    return Figures(
        own=own,
        lts=halved(own - other),
        hold=share(free + backup, settings.max_lease_ownership),
        thresh=share(free + backup, settings.max_lease_misbalance),
        total=counts.lease_count,
        free=free,
        backup=backup,
    )


def lacks_leases(found: Figures) -> bool:
    """Whether the partner is to be asked for some."""
    panic = -2 * found.thresh if found.thresh else -1
    return found.lts < panic or (not found.own and found.lts < 0)


# Runs


def run(endpoint: Endpoint, *, may_request: bool) -> int:
    """Look at every pool, and give; how many leases were given. `may_request`: ask the partner to give, if need be."""
    if endpoint.state is not NORMAL:
        return 0
    endpoint.balanced_at = endpoint.site.now
    given, wanted = 0, False
    for pool in endpoint.site.pools(endpoint):
        found = figures(endpoint, pool)
        wants = may_request and lacks_leases(found)
        wanted = wanted or wants
        given += _run_pool(endpoint, pool, found, requesting=wants)
    if may_request and endpoint.link is not None:
        outgoing.send_updates(endpoint)
        if wanted:
            endpoint.send(PoolRequest(endpoint.site.now, endpoint.link.xid()))
    return given


def _run_pool(endpoint: Endpoint, pool: Pool, found: Figures, *, requesting: bool) -> int:
    where = f"pool {_identity(pool)} {pool.network.name}"
    ending = "  (requesting peer rebalance!)" if requesting else ""
    endpoint.log(INFO, f"balancing {where}  {found.line}  max-own (+/-){found.hold}{ending}")
    asked = "the partner is asked for some" if requesting else "each server should have half of what is free"
    endpoint.site.tell(where, "balanced", f"{found.line}; {asked}")
    left = _give_partners_clients(endpoint, pool, found)
    if left > -found.hold:
        left = _give_the_rest(endpoint, pool, left, found.hold)
    after = figures(endpoint, pool)._replace(lts=left)
    level, word = (ERROR, "IMBALANCED") if left > after.thresh else (INFO, "balanced")
    endpoint.log(level, f"{word} {where}  {after.line}  max-misbal {found.thresh}")
    set_timer(endpoint, pool)
    return found.lts - left


def _identity(pool: Pool) -> str:
    """Where ISC shows the place of an object in memory: the pool's first address."""
    low, _high = pool.ranges[0]
    return f"{low:x}"


def _give_partners_clients(endpoint: Endpoint, pool: Pool, found: Figures) -> int:
    """The first pass: leases whose last client is the partner's. What is left to give then."""
    left = found.lts
    if left <= -found.hold:
        return left
    own = own_free_state(primary=endpoint.primary)
    for lease in list(endpoint.site.database.queue(pool, own)):
        if left <= -found.hold:
            break
        if _is_partners(endpoint, lease):
            _give(endpoint, lease)
            left -= 1
    return left


def _give_the_rest(endpoint: Endpoint, pool: Pool, left: int, hold: int) -> int:
    """The second pass: from the head of the list, never-used leases first, whoever had them."""
    own = own_free_state(primary=endpoint.primary)
    while (lease := endpoint.site.database.head(pool, own)) is not None:
        if left <= (hold if lease.ends else 0):
            break
        _give(endpoint, lease)
        left -= 1
    return left


def _give(endpoint: Endpoint, lease: Lease) -> None:
    endpoint.site.leases.give(lease, partners_free_state(primary=endpoint.primary))
    endpoint.updates.queue(lease.address)


def _is_partners(endpoint: Endpoint, lease: Lease) -> bool:
    """Whether the last client of a lease is the partner's to answer."""
    key = lease_key(lease.uid, lease.hardware)
    if key is None or endpoint.hba is None:
        return False
    return is_primarys(endpoint.hba, key) != endpoint.primary


def affinity(endpoint: Endpoint, lease: Lease) -> None:
    """A lease has become free at the primary: where its client is the secondary's, so is the lease."""
    if not endpoint.primary or lease.state != FREE or lease.flags & (RESERVED_FLAG | BOOTP_FLAG):
        return
    assert lease.pool is not None
    found = figures(endpoint, lease.pool)
    if _is_partners(endpoint, lease) and found.lts > -found.hold:
        _give(endpoint, lease)
        if endpoint.link is not None:
            outgoing.send_updates(endpoint)


# When


def pool_changed(endpoint: Endpoint, address: int) -> None:
    """A lease has left FREE or BACKUP: its pool may have to be looked at sooner."""
    lease = endpoint.site.database.find(address)
    assert lease is not None, "only leases of this configuration change"
    assert lease.pool is not None, "a lease of the database has a pool"
    set_timer(endpoint, lease.pool)


def look_at_timers(endpoint: Endpoint) -> None:
    """The partner is NORMAL, too: every pool's moment anew."""
    for pool in endpoint.site.pools(endpoint):
        set_timer(endpoint, pool)


def set_timer(endpoint: Endpoint, pool: Pool) -> None:
    """Have the pool looked at when its oldest free lease has been free for long; never later than was planned."""
    site, settings = endpoint.site, endpoint.settings
    free, backup = (_idle_share(endpoint, pool, state) for state in (FREE, BACKUP))
    if endpoint.primary:
        free *= 2
    else:
        backup *= 2
    at = site.now + min(free, backup, settings.max_balance)
    if endpoint.balanced_at:
        at = max(at, endpoint.balanced_at + settings.min_balance)
    planned = endpoint.balance_at.get(pool.index)
    if planned is not None and planned <= at:
        return
    at += site.draw(_SPREAD_S)
    if planned is None or planned > at:
        endpoint.balance_at[pool.index] = at
        site.alarm(endpoint, _BALANCE, pool.index, at * _SECOND_US)


def _idle_share(endpoint: Endpoint, pool: Pool, state: int) -> int:
    """Of the time for which the head of a list has been free, what makes a misbalance."""
    lease = endpoint.site.database.head(pool, state)
    idle = 0 if lease is None else max(endpoint.site.now - lease.ends, 0)
    return share(idle, endpoint.settings.max_lease_misbalance)


def timed_run(endpoint: Endpoint, pool_index: int) -> None:
    """A pool's moment has come."""
    endpoint.balance_at.pop(pool_index, None)
    if endpoint.state is NORMAL:
        endpoint.updates.queue_refused()
    run(endpoint, may_request=True)


# The partner's requests


def receive_request(endpoint: Endpoint, xid: int) -> None:
    """The partner has too little: how many leases it gets, and then the leases."""
    given = run(endpoint, may_request=False)
    endpoint.send(PoolResponse(endpoint.site.now, xid, given))
    if given:
        outgoing.send_updates(endpoint)
    else:
        text = "answering negatively!  Peer may be out of leases or database inconsistent."
        endpoint.log(INFO, f"peer {endpoint.name}: Got POOLREQ, {text}")


def receive_response(endpoint: Endpoint, message: PoolResponse) -> None:
    """The partner has given."""
    endpoint.log(INFO, f"pool response: {message.given or 0} leases")
