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
    """Put `loaded` (in the order of their last records) into a fresh database; `now` in seconds since 1970.

    It is emptied: of a million leases each table more is some forty megabytes.
    """
    database.now = now
    latest_first = list(loaded)[::-1]
    addresses = sorted(latest_first, key=lambda address: address % MODULUS)
    walk = [loaded[address] for address in addresses]
    loaded.clear()
    del latest_first
    by_uid, by_hardware = database.clients()
    for lease in walk:
        if lease.state == BACKUP or lease.rare is not None:
            settle(database, lease)
        uid, hardware = lease.uid, lease.hardware
        # Nearly every client has one lease: who comes first is entered by looking whether somebody is.
        if uid and by_uid.setdefault(uid, lease) is not lease:
            enter(by_uid, uid, lease)
        if indexed_hardware(hardware) and by_hardware.setdefault(hardware, lease) is not lease:
            enter(by_hardware, hardware, lease)
    in_place = frozenset([lease.address for lease in walk if lease.ends == 0 and _stays_in_place(lease)])
    database.set_history(array("I", addresses), in_place)
    _make_queues(database, walk, now)


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
    """Whether a lease with history, and without an end, stands among the unused addresses, as one of them."""
    return lease.state == lease.next_state == FREE and queue_of(lease) == FREE_QUEUE


def _make_queues(database: Database, walk: list[Lease], now: int) -> None:
    """Find the runs and number them: places in a run count up, and a later run stands before an earlier one."""
    in_place, adjacent = database.table.in_place, database.table.adjacent
    run: list[Lease] = []
    before: Lease | None = None
    queue = filed = 0
    for lease in walk:
        if lease.ends == 0 and lease.address in in_place:
            database.file(run, queue, filed)
            database.keep(lease)
            run, before = [], None
            continue
        number = queue_of(lease)
        if (
            before is None
            or lease.ends != before.ends
            or number != queue
            or lease.pool is not before.pool
            or not adjacent(before.address, lease.address)
        ):
            database.file(run, queue, filed)
            run = []
        run.append(lease)
        filed += 1
        before, queue = lease, number
    database.file(run, queue, filed)
    database.begin(filed, now)
