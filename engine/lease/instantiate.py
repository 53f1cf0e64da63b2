"""The leases of the file take their places, as ISC's do at the start.

In the order of the walk over the table of addresses: queue, lists of clients, billing. Runs of leases that belong to
one queue with one sort time keep their order; a later run stands in front of an earlier one.

See docs/behaviour/lease-file.md#start-with-a-lease-file, step 4, docs/behaviour/decisions.md#order-of-a-fresh-pool.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from ..model.lease import ACTIVE, BACKUP, EXPIRED, FREE, RELEASED, RESET
from .buckets import MODULUS
from .indexes import enter, indexed_hardware
from .queues import FREE_QUEUE, queue_of

if TYPE_CHECKING:
    from ..model.lease import Lease
    from .database import Database

_BILLED_STATES = frozenset({ACTIVE, EXPIRED, RELEASED, RESET})


def instantiate(database: Database, loaded: dict[int, Lease], now: int) -> None:
    """Put `loaded` (in the order of their last records) into a fresh database; `now` in seconds since 1970."""
    database.now = now
    latest_first = list(loaded)[::-1]
    walk = sorted(latest_first, key=lambda address: address % MODULUS)
    by_uid, by_hardware = database.clients()
    for address in walk:
        lease = loaded[address]
        settle(database, lease)
        if lease.uid:
            enter(by_uid, lease.uid, lease)
        if indexed_hardware(lease.hardware):
            enter(by_hardware, lease.hardware, lease)
    database.set_history(array("I", walk), frozenset([one for one in walk if _stays_in_place(loaded[one])]))
    _make_queues(database, [loaded[address] for address in walk], now)


def settle(database: Database, lease: Lease) -> None:
    """What the file says and the configuration does not allow: backup without a peer, more billed than the limit."""
    if lease.state == BACKUP and lease.pool is not None and not lease.pool.failover_peer:
        lease.state = lease.next_state = lease.rewind_state = FREE
    rare = lease.rare
    if rare is None or rare.billing is None:
        return
    name = rare.billing
    if lease.state in _BILLED_STATES and database.charges.count(name) < database.declared.limit(name):
        database.charges.enter(lease, name)
    else:
        rare.billing = None


def _stays_in_place(lease: Lease) -> bool:
    """Whether a lease with history stands among the unused addresses, as one of them."""
    return lease.ends == 0 and lease.state == lease.next_state == FREE and queue_of(lease) == FREE_QUEUE


def _make_queues(database: Database, walk: list[Lease], now: int) -> None:
    """Find the runs and number them: places in a run count up, and a later run stands before an earlier one."""
    in_place = database.table.in_place
    run: list[Lease] = []
    before: tuple[int, int | None, int] | None = None
    filed = 0
    for lease in walk:
        assert lease.pool is not None
        here = None if lease.address in in_place else (lease.pool.index, queue_of(lease), lease.ends)
        if here is None or here != before or not database.table.adjacent(run[-1].address, lease.address):
            _file_run(database, run, filed)
            run = []
        if here is None:
            database.keep(lease)
        else:
            run.append(lease)
            filed += 1
        before = here
    _file_run(database, run, filed)
    database.begin(filed, now)


def _file_run(database: Database, run: list[Lease], filed: int) -> None:
    """`filed` is how many leases there are up to the end of this run."""
    for count, lease in enumerate(run):
        database.file(lease, filed - count)
