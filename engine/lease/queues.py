"""The queues of a pool: leases by binding state, each queue sorted by the time at which something is due.

ISC keeps sorted lists and looks for the place of insertion from the head: in front of the first lease whose sort time
is not less. Here the place is a number, `Lease.key`, and a queue is a heap of such numbers:

    sort time | order | queue | address          (the address 32 bits, the queue 3, the order 48, the time the rest)

`order` counts down with every insertion, so that among equal times the latest stands first. A key is of use as long
as its lease still has it; others are dropped when they come to the top, or all at once when they are the majority.
Each queue has two heaps: leases that will change their state when their time comes, and leases that stay (free ones
above all), so that asking what is due never walks over thousands that just sit there.

Addresses that were never filed are unused_addresses.py's; they stand in the free queue as if their sort time were 0.

See docs/behaviour/decisions.md#order-of-a-queue.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final, NamedTuple

from ..model.lease import ABANDONED, ACTIVE, BACKUP, EXPIRED, FREE, RELEASED, RESERVED_FLAG, RESET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..model.lease import Lease

Leases = dict[int, "Lease"]

# The queues of a pool, in ISC's order.
FREE_QUEUE: Final = 0
ACTIVE_QUEUE: Final = 1
EXPIRED_QUEUE: Final = 2
ABANDONED_QUEUE: Final = 3
BACKUP_QUEUE: Final = 4
RESERVED_QUEUE: Final = 5
QUEUES: Final = 6

# Binding state -> queue.
QUEUE_OF: Final[dict[int, int]] = {
    FREE: FREE_QUEUE,
    ACTIVE: ACTIVE_QUEUE,
    EXPIRED: EXPIRED_QUEUE,
    RELEASED: EXPIRED_QUEUE,
    RESET: EXPIRED_QUEUE,
    ABANDONED: ABANDONED_QUEUE,
    BACKUP: BACKUP_QUEUE,
}

# Where the parts of a key stand: see the drawing above. The time is the highest, so that keys compare as ISC sorts.
ADDRESS_MASK: Final = 0xFFFFFFFF
_QUEUE_SHIFT: Final = 32
_ORDER_SHIFT: Final = 35
_TIME_SHIFT: Final = 83
_ORDER: Final = (1 << 48) - 1
FIRST_ORDER: Final = _ORDER
# Old keys are swept when they are more than the live ones, and more than is worth the sweep.
_SPARE_KEYS: Final = 64
# ISC takes a reserved lease out of the hands of allocation only while nobody has it.
_RESERVABLE: Final = (FREE_QUEUE, BACKUP_QUEUE)


def queue_of(lease: Lease) -> int:
    """The queue in which a lease belongs by its state and flags."""
    queue = QUEUE_OF[lease.state]
    if lease.flags & RESERVED_FLAG and queue in _RESERVABLE:
        return RESERVED_QUEUE
    return queue


def make_key(sort_time: int, order: int, queue: int, address: int) -> int:
    """The key of a lease at `address` in `queue`: its sort time in seconds since 1970, its order among equal times."""
    return (((sort_time << 48) + order << 3) + queue << 32) + address


def key_time(key: int) -> int:
    """The sort time of a place."""
    return key >> _TIME_SHIFT


def key_order(key: int) -> int:
    """The order of a place among those of equal time."""
    return key >> _ORDER_SHIFT & _ORDER


def key_queue(key: int) -> int:
    """The queue of a place."""
    return key >> _QUEUE_SHIFT & 7


def key_address(key: int) -> int:
    """The address of a place."""
    return key & ADDRESS_MASK


class Queue:
    """One queue of one pool. `count`: leases in it now. `moving`, `staying`: heaps of keys, old ones among them."""

    __slots__ = ("count", "moving", "staying")

    def __init__(self) -> None:
        """Empty."""
        self.count = 0
        self.moving: list[int] = []
        self.staying: list[int] = []

    def push(self, lease: Lease, key: int, leases: Leases) -> None:
        """Put a lease at the place `key`; the caller has set `lease.key`, and counts."""
        heap = self.staying if lease.next_state == lease.state else self.moving
        heappush(heap, key)
        if len(self.moving) + len(self.staying) > 2 * self.count + _SPARE_KEYS:
            self._sweep(leases)

    def sweep(self, leases: Leases) -> None:
        """Drop the keys of leases that stand elsewhere by now, where there are any."""
        if len(self.moving) + len(self.staying) > self.count:
            self._sweep(leases)

    def _sweep(self, leases: Leases) -> None:
        for heap in (self.moving, self.staying):
            heap[:] = [key for key in heap if leases[key & ADDRESS_MASK].key == key]
            heapify(heap)

    def first(self, leases: Leases) -> Lease | None:
        """The lease at the head."""
        moving, staying = _top(self.moving, leases), _top(self.staying, leases)
        if moving is None or staying is None:
            return moving or staying
        return moving if self.moving[0] < self.staying[0] else staying

    def first_moving(self, leases: Leases) -> Lease | None:
        """The first lease that changes its state when its time comes."""
        return _top(self.moving, leases)

    def keys(self) -> list[int]:
        """A heap of all keys, old ones among them: for who walks the queue in slices."""
        if not self.staying:
            return self.moving.copy()
        keys = self.moving + self.staying
        heapify(keys)
        return keys


def _top(heap: list[int], leases: Leases) -> Lease | None:
    while heap:
        key = heap[0]
        lease = leases[key & ADDRESS_MASK]
        if lease.key == key:
            return lease
        heappop(heap)
    return None


class Counts(NamedTuple):
    """A pool's leases. `lease_count` is all, `free` and `backup` follow ISC's rules.

    See docs/behaviour/decisions.md#how-ranges-become-pools.
    """

    lease_count: int
    free: int
    backup: int
    active: int
    expired: int
    abandoned: int
    reserved: int


class PoolQueues:
    """The queues of one pool, and its addresses that were never filed.

    `unfiled` counts the latter, `next_unfiled` is the first of them in queue order (None: not known), `source` gives
    those behind it.
    """

    __slots__ = ("backup", "free", "lease_count", "next_unfiled", "queues", "source", "unfiled")

    def __init__(self, lease_count: int) -> None:
        """All addresses are unused."""
        self.queues = tuple([Queue() for _number in range(QUEUES)])
        self.lease_count = lease_count
        self.unfiled = lease_count
        self.free = lease_count
        self.backup = 0
        self.next_unfiled: int | None = None
        self.source: Iterator[int] | None = None

    def counts(self) -> Counts:
        """See Counts."""
        queues = self.queues
        return Counts(
            lease_count=self.lease_count,
            free=self.free,
            backup=self.backup,
            active=queues[ACTIVE_QUEUE].count,
            expired=queues[EXPIRED_QUEUE].count,
            abandoned=queues[ABANDONED_QUEUE].count,
            reserved=queues[RESERVED_QUEUE].count,
        )

    def first_unfiled(self, filed: Callable[[int], bool], source: Callable[[], Iterator[int]]) -> int | None:
        """The first address that was never filed; `source` opens the walk over them."""
        if not self.unfiled:
            return None
        address = self.next_unfiled
        if address is None or filed(address):
            if self.source is None:
                self.source = source()
            address = self.next_unfiled = next(self.source, None)
        return address

    def count_move(self, left: int, entered: int) -> None:
        """Count a lease that goes from one queue to another as free or backup, where it is."""
        if left == FREE_QUEUE:
            self.free -= 1
        elif left == BACKUP_QUEUE:
            self.backup -= 1
        if entered == FREE_QUEUE:
            self.free += 1
        elif entered == BACKUP_QUEUE:
            self.backup += 1

    def check_counts(self) -> None:
        """Assert that every address of the pool is counted once."""
        counted = self.unfiled + sum([queue.count for queue in self.queues])
        assert counted <= self.lease_count, f"{counted} leases are counted in a pool of {self.lease_count}"

    def timed(self, untimed: tuple[int, ...]) -> tuple[Queue, ...]:
        """The queues in order, without those of the binding states `untimed`."""
        if not untimed:
            return self.queues
        left_out = [QUEUE_OF[state] for state in untimed]
        return tuple([queue for number, queue in enumerate(self.queues) if number not in left_out])

    def earliest(self, leases: Leases, untimed: tuple[int, ...] = ()) -> int | None:
        """When the next change of state is due, in seconds since 1970; `untimed` as in `timed`."""
        found: int | None = None
        for queue in self.timed(untimed):
            if queue.moving:
                lease = queue.first_moving(leases)
                if lease is not None and lease.key is not None:
                    due = lease.key >> _TIME_SHIFT
                    if found is None or due < found:
                        found = due
        return found
