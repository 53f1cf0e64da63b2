"""All dynamic addresses and who has them: found by address, by client, by queue; counted; asked what is due.

One object for each address that was ever filed, none for the others: a lease of an unused address is made when it is
asked for, and belongs to the database from the moment that it is filed (`keep`, `refile`, `requeue`). Decisions are
not made here: the service changes a lease's fields and says what changed. The file is reader.py's and writer.py's.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..declared import Declared
from ..model.context import interpreted
from ..model.lease import BACKUP, FREE, NEVER, Lease
from .charges import Charges
from .declarations import Declarations
from .embedded import Statements, Translation
from .indexes import Index, enter, indexed_hardware, leave, listed
from .queues import (
    ADDRESS_MASK,
    BACKUP_QUEUE,
    FIRST_ORDER,
    FREE_QUEUE,
    QUEUE_OF,
    QUEUES,
    RESERVED_QUEUE,
    Counts,
    PoolQueues,
    Queue,
    key_address,
    key_order,
    key_queue,
    key_time,
    make_key,
    queue_of,
)
from .snapshot import put_back, take
from .unused_addresses import AddressTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..model.configuration import Configuration, Host, Pool
    from ..model.failover_state import FailoverState
    from ..model.syntax import Host as HostNode
    from ..model.syntax import Node

# For `head` and `queue`: the queue of reserved leases, which is none of a state.
RESERVED: Final = 0


class Layout(NamedTuple):
    """The table of a configuration's addresses, and for each pool its queues, empty."""

    table: AddressTable
    queues: list[PoolQueues]

    @classmethod
    def of(cls, configuration: Configuration) -> Layout:
        """Made anew: it takes longer than all else of a reload where there are many pools."""
        pools = enumerate(configuration.pools)
        ranges = [(low, high, number, at) for number, pool in pools for at, (low, high) in enumerate(pool.ranges)]
        table = AddressTable(ranges)
        sizes = table.sizes()
        return cls(table, [PoolQueues(sizes.get(number, 0)) for number in range(len(configuration.pools))])


class Rebased(NamedTuple):
    """What a change of the configuration meant: leases entered, without a range, put by of those, addresses back."""

    leases: int
    lost: list[Lease]
    orphans: list[int]
    back: list[int]


@interpreted
class DuplicateLeaseError(AssertionError):
    """Two objects for one address: somebody kept an unused lease over events without `keep`. `address` is a number."""

    def __init__(self, address: int) -> None:
        super().__init__(f"two leases for address {address:#010x}")
        self.address = address


def _partners(configuration: Configuration) -> list[str | None]:
    """The failover relationship of each pool."""
    return [pool.failover_peer for pool in configuration.pools]


class Database:
    """The leases of one configuration's pools, which are told by `Pool.index`, their number in it.

    `now` is the time at which the lease file was read. `failover_states` and `server_duid` are kept for the file.
    `declared` is what is in force of hosts, groups and classes, and `declarations` the records of those of the run;
    `charges`: what leases are charged to classes. `orphans`: leases of addresses that a reload took out of all ranges.
    """

    __slots__ = (
        "_by_hardware", "_by_uid", "_leases", "_order", "_pools", "_unmoved", "charges", "configuration",
        "declarations", "declared", "failover_states", "now", "orphans", "pool_order", "server_duid", "table",
    )  # fmt: skip

    def __init__(self, configuration: Configuration) -> None:
        """Every address of every pool is unused."""
        self.now = 0
        self.failover_states: dict[str, FailoverState] = {}
        self.server_duid: bytes | None = None
        self.declarations = Declarations()
        self.charges = Charges()
        self.orphans: dict[int, Lease] = {}
        self._lay_out(configuration, Layout.of(configuration))
        self._leases: dict[int, Lease] = {}
        self._unmoved: dict[int, Lease] = {}
        self._by_uid: Index = {}
        self._by_hardware: Index = {}
        self._order = FIRST_ORDER

    def _lay_out(self, configuration: Configuration, layout: Layout) -> None:
        """Make what follows from the configuration alone: the table of its addresses, and empty queues."""
        self.configuration = configuration
        self.declared = Declared(configuration)
        self.table, self._pools = layout
        self.pool_order: tuple[Pool, ...] = tuple(
            [pool for network in reversed(configuration.networks) for pool in network.pools]
        )

    # Looking up

    def find(self, address: int) -> Lease | None:
        """The lease of an address in any pool. An unused one is made, and not entered."""
        lease = self._leases.get(address)
        if lease is not None:
            return lease
        span = self.table.find(address)
        if span is None:
            return None
        pool = self.configuration.pools[span.pool]
        return Lease(address, pool, pool.range_subnets[span.subnet])

    def by_uid(self, uid: bytes) -> Sequence[Lease]:
        """The leases that a client identifier has or had, the most preferred first."""
        return listed(self._by_uid, uid)

    def by_hardware(self, hardware: bytes) -> Sequence[Lease]:
        """The leases that a hardware address (type octet and address) has or had, the most preferred first."""
        return listed(self._by_hardware, hardware)

    def leases(self) -> Iterator[Lease]:
        """Every lease that was entered, in order of entering."""
        return iter(self._leases.values())

    def entered_between(self, low: int, high: int) -> list[Lease]:
        """The entered leases of the addresses from `low` to `high`, both in, in order."""
        get = self._leases.get
        return [lease for address in range(low, high + 1) if (lease := get(address)) is not None]

    def entered_addresses(self) -> list[int]:
        """The addresses of all entered leases, as they are now, in order of entering."""
        return list(self._leases)

    def __len__(self) -> int:
        """How many leases were entered."""
        return len(self._leases)

    # Queues

    def head(self, pool: Pool, state: int) -> Lease | None:
        """The first of a pool's queue: of a binding state, or RESERVED. An unused lease is made as in `find`."""
        queues = self._pools[pool.index]
        number = RESERVED_QUEUE if state == RESERVED else QUEUE_OF[state]
        lease = queues.queues[number].first(self._leases)
        if number != FREE_QUEUE or (lease is not None and lease.key is not None and key_time(lease.key) <= 0):
            return lease
        address = queues.first_unfiled(self._filed, lambda: self.table.unused(pool.index, self._filed))
        return lease if address is None else self.find(address)

    def _filed(self, address: int) -> bool:
        lease = self._leases.get(address)
        return lease is not None and lease.key is not None

    def queue(self, pool: Pool, state: int) -> Iterator[Lease]:
        """A queue's leases in order, as it is now, without those that were never entered."""
        number = RESERVED_QUEUE if state == RESERVED else QUEUE_OF[state]
        never_ended, ended = self._in_order(pool, number)
        between = self.in_place(pool) if number == FREE_QUEUE else []
        return iter([self._leases[address] for address in (*never_ended, *between, *ended)])

    def addresses(self, pool: Pool) -> Iterator[int]:
        """Every address of a pool, queue by queue in ISC's order, those that were never entered among the free ones."""
        for number in range(QUEUES):
            never_ended, ended = self._in_order(pool, number)
            yield from never_ended
            if number == FREE_QUEUE:
                yield from self.table.unused(pool.index, self._filed)
            yield from ended

    def _in_order(self, pool: Pool, number: int) -> tuple[list[int], list[int]]:
        """A queue's addresses: those whose sort time is 0, before which nothing never used stands, and the others."""
        queue, leases = self.pool_queues(pool).queues[number], self._leases
        keys = sorted({key for key in queue.moving + queue.staying if leases[key_address(key)].key == key})
        behind = bisect_left(keys, make_key(1, 0, 0, 0))
        found = [key_address(key) for key in keys]
        return found[:behind], found[behind:]

    def pool_queues(self, pool: Pool) -> PoolQueues:
        """The queues themselves, with old keys among the living."""
        return self._pools[pool.index]

    def swept_queue(self, pool: Pool, number: int) -> Queue:
        """A queue that holds one key for each of its leases, for who walks it in slices."""
        queue = self._pools[pool.index].queues[number]
        queue.sweep(self._leases)
        return queue

    def entered(self, address: int) -> Lease:
        """The lease of an address that was entered."""
        return self._leases[address]

    @property
    def latest_order(self) -> int:
        """The `order` of the last insertion: what is inserted from now on has less (queues.py)."""
        return self._order

    def in_place(self, pool: Pool) -> list[int]:
        """The addresses of leases with history, or kept, that still stand among the pool's unused ones, in order."""
        addresses = [address for address, lease in self._unmoved.items() if lease.pool is pool]
        if not addresses:
            return []
        return self.table.in_queue_order(pool.index, addresses)

    def counts(self, pool: Pool) -> Counts:
        """The counters of a pool."""
        return self._pools[pool.index].counts()

    # Filing

    def keep(self, lease: Lease) -> None:
        """Enter a lease that was made on demand; its place among the unused ones stays."""
        address = lease.address
        known = self._leases.get(address)
        if known is None:
            self._leases[address] = self._unmoved[address] = lease
        elif known is not lease:
            raise DuplicateLeaseError(address)

    def check_place(self, lease: Lease) -> None:
        """Assert that a lease is the one of its address, and in its state's queue: before its state changes."""
        assert lease.pool is not None, "a fixed address has no place"
        if lease.key is None:
            self.keep(lease)
            return
        if self._leases.get(lease.address) is not lease:
            raise DuplicateLeaseError(lease.address)
        assert key_queue(lease.key) == queue_of(lease), "a lease stands in another queue than its state's"

    def requeue(self, lease: Lease, due: int) -> None:
        """Move a lease to its place after its state, next state, time or flags changed; in front of equals.

        `due`: when something is due for the lease, and what its queue is sorted by (seconds since 1970).

        See docs/behaviour/decisions.md#order-of-a-queue.
        """
        pool, address, key = lease.pool, lease.address, lease.key
        number = queue_of(lease)
        assert pool is not None, "a fixed address has no queue"
        queues = self._pools[pool.index]
        if key is None:
            self.keep(lease)
            del self._unmoved[address]
            queues.unfiled -= 1
            left = FREE_QUEUE
        else:
            assert key & ADDRESS_MASK == address, "a lease stands at another's place"
            left = key_queue(key)
            queue = queues.queues[left]
            queue.count -= 1
            assert queue.count >= 0, "a queue has counted fewer leases than it has"
        if left != number:
            queues.count_move(left, number)
        self._order -= 1
        key = lease.key = make_key(due, self._order, number, address)
        queue = queues.queues[number]
        queue.count += 1
        queue.push(lease, key, self._leases)

    def refile(self, lease: Lease, hardware: bytes, uid: bytes) -> None:
        """Give a lease its client, and sort it into the lists anew: before its state and times change.

        See docs/behaviour/lease-file.md#indexes-by-client.
        """
        if self._leases.get(lease.address) is not lease:
            self.keep(lease)
        if lease.rare is not None:
            lease.rare.empty_uid = False
        if lease.uid != uid or self._by_uid.get(uid) is not lease:
            if lease.uid:
                leave(self._by_uid, lease.uid, lease)
            lease.uid = uid
            if uid:
                enter(self._by_uid, uid, lease)
        if lease.hardware != hardware or self._by_hardware.get(hardware) is not lease:
            if lease.hardware:
                leave(self._by_hardware, lease.hardware, lease)
            lease.hardware = hardware
            if indexed_hardware(hardware):
                enter(self._by_hardware, hardware, lease)

    def unfile(self, lease: Lease) -> None:
        """Forget the client of a lease."""
        self.refile(lease, b"", b"")

    # Hosts, groups and classes of the run

    def declare(self, node: Node, text: bytes) -> None:
        """Put a declaration in force, and keep its record, the text that it was read from."""
        if self.declared.takes(node):
            self.declarations.add(node, text, self.declared)
            self.declared.enter(node)
            self.charges.keep_of(self.declared.classes)

    def declare_host(self, host: Host, text: bytes) -> None:
        """Put a host in force whose record this server has just made, and which needs no reading.

        There must be none of its name, and no statements in it; `text` is as a rewrite writes it.
        """
        assert self.declared.hosts.by_name.get(host.name) is None, "a name is free when a host gets it"
        self.declarations.add_host(host, text)
        self.declared.hosts.enter(host)

    def declare_made(self, node: HostNode, text: bytes) -> None:
        """Put a host in force whose record, `text`, this server has just made; there must be none of its name."""
        assert self.declared.hosts.by_name.get(node.name) is None, "a name is free when a host gets it"
        self.declared.enter(node)
        made = self.declared.hosts.by_name.get(node.name)
        assert made is not None, "it was entered"
        self.declarations.add_host(made, text)

    def redeclare(self, records: Iterable[tuple[bytes, bool]]) -> None:
        """Put the records of another database in force again (`Declarations.plain`), in order."""
        statements = Statements(self.declared, "snapshot")
        for text, written in records:
            node = statements.declaration(text, 1, [])
            if node is None:
                self.declarations.put_by(text, written=written)
                continue
            self.declarations.put_back(node, text, written=written)
            self.declared.enter(node)

    # Another configuration

    def rebase(self, configuration: Configuration, now: int, layout: Layout | None = None) -> Rebased:
        """Change over to another configuration: every lease goes to the pool that has its address there.

        A lease whose address is in no range any more is put by, where nobody finds it, until it ends: should a later
        configuration have a range for it, it is what it was. Charges, declarations of the run and variables stay.
        `layout` is the configuration's, where it was made before; it is the database's from now on.
        """
        records = self.declarations.plain()
        before, partners, queues = self.table, _partners(self.configuration), self._pools
        self._lay_out(configuration, layout or Layout.of(configuration))
        self.declarations = Declarations()
        self.redeclare(records)
        self.charges.keep_of(self.declared.classes)
        translation = Translation(self.declared, self.charges)
        lost: list[Lease] = []
        if self.table.spans == before.spans and _partners(configuration) == partners:
            self.set_history(before.history, before.in_place)
            self._pools = queues
            self._point(translation)
        else:
            find = self.table.find
            self.set_history(
                array("I", [one for one in before.history if find(one) is not None]),
                frozenset([one for one in before.in_place if find(one) is not None]),
            )
            lost = self._move(translation)
            self._settle_queues(now)
        for lease in lost:
            self._put_by(lease, now)
        back = self._take_back(translation, now)
        orphans = [lease.address for lease in lost if lease.address in self.orphans]
        return Rebased(len(self._leases), lost, orphans, back)

    def _point(self, translation: Translation) -> None:
        """The ranges are the same: every lease stays where it is in its queue, and has the new pool of that place.

        All packets wait for this, a microsecond for each lease: of neighbours only the first is looked up.
        """
        find, pools = self.table.find, self.configuration.pools
        low, high = 1, 0
        for lease in self._leases.values():
            if lease.rare is not None:
                translation.translate(lease)
            address = lease.address
            if not low <= address <= high:
                span = find(address)
                assert span is not None, "its address is in a range, as before"
                low, high = span.low, span.high
                pool = pools[span.pool]
                subnet = pool.range_subnets[span.subnet]
            lease.pool, lease.subnet = pool, subnet

    def _move(self, translation: Translation) -> list[Lease]:
        """Put every lease in the pool that has its address now; those whose address is in no range.

        All packets wait for this, too.
        """
        find, pools, queues_of = self.table.find, self.configuration.pools, self._pools
        lost: list[Lease] = []
        low, high = 1, 0
        for lease in self._leases.values():
            if lease.rare is not None:
                translation.translate(lease)
            address = lease.address
            if not low <= address <= high:
                span = find(address)
                if span is None:
                    lost.append(lease)
                    continue
                low, high = span.low, span.high
                pool, queues = pools[span.pool], queues_of[span.pool]
                subnet = pool.range_subnets[span.subnet]
            lease.pool, lease.subnet, key = pool, subnet, lease.key
            if key is None:
                continue
            if lease.state == BACKUP and not pool.failover_peer:
                lease.state = lease.next_state = lease.rewind_state = FREE
                key = lease.key = make_key(key_time(key), key_order(key), FREE_QUEUE, address)
            queue = queues.queues[key_queue(key)]
            (queue.staying if lease.next_state == lease.state else queue.moving).append(key)
        return lost

    def _put_by(self, lease: Lease, now: int) -> None:
        """Take a lease without a range out of everything; it is kept if it has not ended."""
        del self._leases[lease.address]
        self._unmoved.pop(lease.address, None)
        if lease.uid:
            leave(self._by_uid, lease.uid, lease)
        leave(self._by_hardware, lease.hardware, lease)
        lease.pool = lease.subnet = lease.key = None
        if lease.ends > now:
            self.orphans[lease.address] = lease
        else:
            self.charges.take_back(lease)

    def _take_back(self, translation: Translation, now: int) -> list[int]:
        """Enter the orphans that have a range again; their addresses."""
        self.forget_ended(now)
        back: list[int] = []
        for lease in [*self.orphans.values()]:
            span = self.table.find(lease.address)
            if span is None:
                continue
            del self.orphans[lease.address]
            translation.translate(lease)
            pool = self.configuration.pools[span.pool]
            lease.pool, lease.subnet = pool, pool.range_subnets[span.subnet]
            self.keep(lease)
            if lease.uid:
                enter(self._by_uid, lease.uid, lease)
            if indexed_hardware(lease.hardware):
                enter(self._by_hardware, lease.hardware, lease)
            self.requeue(lease, lease.ends)
            back.append(lease.address)
        return back

    def forget_ended(self, now: int) -> None:
        """Forget the orphans whose time is over."""
        for address, lease in [*self.orphans.items()]:
            if lease.ends <= now:
                self.charges.take_back(lease)
                del self.orphans[address]

    # The start

    def clients(self) -> tuple[Index, Index]:
        """The lists by client identifier and by hardware address, to be filled at the start."""
        return self._by_uid, self._by_hardware

    def set_history(self, history: array[int], in_place: frozenset[int]) -> None:
        """The addresses of the file's leases in the order of the walk, and those of them that break no run."""
        self.table.history = history
        self.table.in_place = in_place

    def file(self, run: list[Lease], number: int, filed: int) -> None:
        """Put a run of the file's leases in the queue `number` of their pool, where a later run stands before them.

        `filed` is how many leases have been filed, these included.
        """
        for lease in run:
            assert lease.pool is not None
            queue = self._pools[lease.pool.index].queues[number]
            lease.key = key = make_key(lease.ends, FIRST_ORDER - filed, number, lease.address)
            (queue.staying if lease.next_state == lease.state else queue.moving).append(key)
            self._leases[lease.address] = lease
            filed -= 1

    def begin(self, filed: int, now: int) -> None:
        """All leases of the file, `filed` of them, are in: count what is free."""
        self._order = FIRST_ORDER - filed
        self._settle_queues(now)

    def _settle_queues(self, now: int) -> None:
        """All keys are in their queues, in any order: make them queues, and count."""
        latest = make_key(now + 1, 0, 0, 0)
        for queues in self._pools:
            for queue in queues.queues:
                heapify(queue.moving)
                heapify(queue.staying)
                queue.count = len(queue.moving) + len(queue.staying)
            queues.unfiled = queues.lease_count - sum([queue.count for queue in queues.queues])
            free, backup = queues.queues[FREE_QUEUE], queues.queues[BACKUP_QUEUE]
            queues.free = queues.unfiled + sum([key < latest for key in free.moving + free.staying])
            queues.backup = sum([key < latest for key in backup.moving + backup.staying])

    def put(self, lease: Lease, key: int) -> None:
        """Put a lease of a snapshot at a known place; `resume` comes when all are in."""
        assert lease.pool is not None
        queues = self._pools[lease.pool.index]
        lease.key = key
        queue = queues.queues[key_queue(key)]
        (queue.staying if lease.next_state == lease.state else queue.moving).append(key)
        self._leases[lease.address] = lease

    def counters(self) -> list[tuple[int, int]]:
        """(free, backup) of each pool, which follow from what happened and not from what is."""
        return [(queues.free, queues.backup) for queues in self._pools]

    def resume(self, order: int, counters: Iterable[Any]) -> None:
        """All leases of a snapshot are in: go on counting."""
        self.begin(0, 0)
        self._order = order
        for queues, (free, backup) in zip(self._pools, counters, strict=True):
            queues.free, queues.backup = free, backup

    # Time

    def due(self, pool: Pool, now: int, untimed: tuple[int, ...] = ()) -> Iterator[Lease]:
        """The pool's leases whose state must change by `now`, queue by queue, in order.

        Those in one of the states `untimed` do not change by time. The caller changes each lease, and requeues it,
        before it asks for the next; one that it leaves alone stays.

        See docs/behaviour/decisions.md#timers.
        """
        if now < NEVER:
            for queue in self._pools[pool.index].timed(untimed):
                yield from self._due_in(queue, now)

    def _due_in(self, queue: Queue, now: int) -> Iterator[Lease]:
        left: list[int] = []
        try:
            while (lease := queue.first_moving(self._leases)) is not None:
                key = lease.key
                assert key is not None
                if key_time(key) > now:
                    break
                left.append(heappop(queue.moving))
                yield lease
                if lease.key != key:
                    left.pop()
        finally:
            for key in left:
                heappush(queue.moving, key)

    def next_due(self, pool: Pool, untimed: tuple[int, ...] = ()) -> int | None:
        """The second at which the pool's next lease changes its state; None for never. `untimed` as in `due`."""
        queues = self._pools[pool.index]
        queues.check_counts()
        due = queues.earliest(self._leases, untimed)
        return due if due is not None and due < NEVER else None

    # Snapshots

    def snapshot(self) -> dict[str, Any]:
        """Everything that a fresh database of the same configuration lacks, as plain data."""
        return take(self)

    def restore(self, data: dict[str, Any]) -> None:
        """Take over a snapshot; this database must be fresh."""
        put_back(self, data)
