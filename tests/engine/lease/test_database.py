from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dhcpd.engine.lease.database import RESERVED, Database, DuplicateLeaseError
from dhcpd.engine.lease.queues import RESERVED_QUEUE, queue_of
from dhcpd.engine.lease.transition import NEXT_STATE
from dhcpd.engine.model.lease import (
    ABANDONED,
    ACTIVE,
    BACKUP,
    EXPIRED,
    FREE,
    NEVER,
    RELEASED,
    RESERVED_FLAG,
    RESET,
    Lease,
)
from tests.engine.lease.configurations import Ranges, configuration, number
from tests.engine.lease.naive import NaiveQueues

POOLS: tuple[Ranges, ...] = ([("10.0.0.10", "10.0.0.14"), ("10.0.0.20", "10.0.0.22")], [("10.0.0.15", "10.0.0.19")])
ADDRESSES = range(number("10.0.0.10"), number("10.0.0.22") + 1)


def naive_queues() -> NaiveQueues:
    naive = NaiveQueues()
    ranges = [(number(low), number(high), pool) for pool, ranges in enumerate(POOLS) for low, high in ranges]
    naive.start(ranges, {})
    return naive


class Leases(RuleBasedStateMachine):
    """Random changes, the database against plain sorted lists; now and then through a snapshot."""

    def __init__(self) -> None:
        super().__init__()
        self.database = Database(configuration(*POOLS))
        self.naive = naive_queues()
        self.clients: dict[int, tuple[bytes, bytes]] = {}
        self.now = 1000

    @rule(
        address=st.sampled_from(ADDRESSES),
        state=st.sampled_from((FREE, ACTIVE, ACTIVE, EXPIRED, RELEASED, ABANDONED, RESET, BACKUP)),
        until=st.integers(-1, 5),
        reserved=st.booleans(),
        stays=st.booleans(),
    )
    def change(self, address: int, state: int, until: int, *, reserved: bool, stays: bool) -> None:
        lease = self.database.find(address)
        assert lease is not None
        lease.state = state
        lease.next_state = state if stays else NEXT_STATE[False, state]
        lease.flags = RESERVED_FLAG if reserved else 0
        lease.ends = 0 if until < 0 else self.now + until
        self.database.requeue(lease, lease.ends)
        queue = queue_of(lease)
        assert queue is not None
        self.naive.move(address, queue, lease.ends)

    @rule(
        address=st.sampled_from(ADDRESSES),
        hardware=st.sampled_from((b"", b"\x01a", b"\x01b", b"\x20")),
        uid=st.sampled_from((b"", b"x", b"y")),
    )
    def give(self, address: int, hardware: bytes, uid: bytes) -> None:
        lease = self.database.find(address)
        assert lease is not None
        self.database.refile(lease, hardware, uid)
        self.clients[address] = (hardware, uid)

    @rule(pool=st.sampled_from((0, 1)))
    def take_head(self, pool: int) -> None:
        lease = self.database.head(self.database.configuration.pools[pool], FREE)
        order = self.naive.order(pool, 0)
        assert (lease.address if lease is not None else None) == (order[0] if order else None)
        if lease is not None:
            self.change(lease.address, ACTIVE, 3, reserved=False, stays=False)

    @rule(seconds=st.integers(0, 4))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds
        expected = [
            address
            for pool in (0, 1)
            for queue in range(6)
            for address in self.naive.order(pool, queue)
            if self.naive.leases[address].ends <= self.now and self.moves(address)
        ]
        due = []
        for pool in self.database.configuration.pools:
            for lease in self.database.due(pool, self.now):
                due.append(lease.address)
                lease.state = lease.next_state = FREE
                self.database.requeue(lease, lease.ends)
                queue = queue_of(lease)
                assert queue is not None
                self.naive.move(lease.address, queue, lease.ends)
            following = self.database.next_due(pool)
            assert following is None or following > self.now
        assert due == expected

    def moves(self, address: int) -> bool:
        lease = self.database.find(address)
        assert lease is not None
        return lease.state != lease.next_state

    @rule()
    def restart_from_a_snapshot(self) -> None:
        before = self.database.snapshot()
        again = Database(self.database.configuration)
        again.restore(before)
        assert again.snapshot() == before
        for pool in again.configuration.pools:
            assert again.next_due(pool) == self.database.next_due(pool)
        self.database = again

    @precondition(lambda self: self.clients)
    @invariant()
    def clients_are_found(self) -> None:
        for place, find in ((0, self.database.by_hardware), (1, self.database.by_uid)):
            for key in {client[place] for client in self.clients.values()} - {b"", b"\x20"}:
                expected = {address for address, client in self.clients.items() if client[place] == key}
                found = [lease.address for lease in find(key)]
                assert len(found) == len(set(found))
                assert set(found) == expected

    @invariant()
    def queues_are_the_naive_ones(self) -> None:
        for pool in self.database.configuration.pools:
            for state in (FREE, ACTIVE, EXPIRED, ABANDONED, BACKUP, RESERVED):
                queue = {FREE: 0, ACTIVE: 1, EXPIRED: 2, ABANDONED: 3, BACKUP: 4, RESERVED: RESERVED_QUEUE}[state]
                expected = self.naive.order(pool.index, queue)
                head = self.database.head(pool, state)
                assert (head.address if head is not None else None) == (expected[0] if expected else None)
                found = [lease.address for lease in self.database.queue(pool, state)]
                entered = {lease.address for lease in self.database.leases()}
                assert found == [address for address in expected if address in entered]
            counts = self.database.counts(pool)
            assert counts.free == len(self.naive.order(pool.index, 0))
            assert counts.backup == len(self.naive.order(pool.index, 4))
            assert counts.reserved == len(self.naive.order(pool.index, 5))


Leases.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestLeases = Leases.TestCase


def lease_at(database: Database, text: str) -> Lease:
    lease = database.find(number(text))
    assert lease is not None
    return lease


def test_an_address_outside_every_pool_has_no_lease() -> None:
    database = Database(configuration(*POOLS))
    assert database.find(number("10.0.0.23")) is None
    assert database.find(0) is None


def test_a_lease_that_was_only_asked_for_is_not_entered() -> None:
    database = Database(configuration(*POOLS))
    assert lease_at(database, "10.0.0.10") is not lease_at(database, "10.0.0.10")
    kept = lease_at(database, "10.0.0.10")
    database.keep(kept)
    assert lease_at(database, "10.0.0.10") is kept
    assert database.head(database.configuration.pools[0], FREE) is not None
    assert database.counts(database.configuration.pools[0]).free == 8


def test_two_objects_for_one_address_are_a_mistake_that_shows() -> None:
    database = Database(configuration(*POOLS))
    first, second = lease_at(database, "10.0.0.10"), lease_at(database, "10.0.0.10")
    database.requeue(first, first.ends)
    with pytest.raises(DuplicateLeaseError) as caught:
        database.requeue(second, second.ends)
    assert caught.value.address == number("10.0.0.10")


# Rows of the table in docs/behaviour/lease-file.md#indexes-by-client:
# (state, ends, cltt) of the lease that is listed, and of the new one.
@pytest.mark.parametrize(
    ("listed", "new", "before"),
    [
        ((ACTIVE, 10, 0), (ACTIVE, 10, 0), True),
        ((ACTIVE, 10, 0), (ACTIVE, 9, 5), False),
        ((ACTIVE, 10, 0), (FREE, 99, 99), False),
        ((RELEASED, 0, 5), (ACTIVE, 0, 0), True),
        ((EXPIRED, 0, 5), (RELEASED, 0, 5), True),
        ((EXPIRED, 0, 5), (EXPIRED, 0, 4), False),
        ((EXPIRED, 0, 5), (FREE, 0, 9), False),
        ((FREE, 0, 5), (EXPIRED, 0, 0), True),
        ((FREE, 0, 5), (FREE, 0, 5), True),
        ((BACKUP, 0, 5), (RESET, 0, 4), False),
        ((RESET, 0, 5), (ABANDONED, 0, 9), False),
        ((ABANDONED, 0, 5), (FREE, 0, 0), True),
        ((ABANDONED, 0, 5), (ABANDONED, 0, 5), True),
        ((ABANDONED, 0, 5), (ABANDONED, 0, 4), False),
    ],
)
def test_a_client_s_leases_stand_in_order_of_preference(
    listed: tuple[int, int, int], new: tuple[int, int, int], *, before: bool
) -> None:
    database = Database(configuration(*POOLS))
    first, second = lease_at(database, "10.0.0.10"), lease_at(database, "10.0.0.11")
    first.state, first.ends, first.cltt = listed
    database.refile(first, b"\x01h", b"u")
    second.state, second.ends, second.cltt = new
    database.refile(second, b"\x01h", b"u")
    expected = [second, first] if before else [first, second]
    assert list(database.by_uid(b"u")) == expected
    assert list(database.by_hardware(b"\x01h")) == expected
    database.unfile(first)
    assert list(database.by_uid(b"u")) == [second]
    assert not database.by_uid(b"")


def test_a_class_takes_no_more_leases_than_its_limit() -> None:
    made = configuration(*POOLS, classes=(("gold", 1),))
    database, gold = Database(made), made.classes[0]
    first, second = lease_at(database, "10.0.0.10"), lease_at(database, "10.0.0.11")
    assert database.charges.charge(first, gold)
    assert not database.charges.charge(second, gold)
    database.charges.take_back(second)
    database.charges.take_back(first)
    assert database.charges.count(gold.full_name) == 0
    assert database.charges.charge(second, gold)


def test_what_is_left_alone_stays_due_and_what_never_ends_is_never_due() -> None:
    database = Database(configuration(*POOLS))
    for text, until in (("10.0.0.10", 50), ("10.0.0.11", NEVER)):
        lease = lease_at(database, text)
        lease.state, lease.next_state, lease.ends = ACTIVE, FREE, until
        database.requeue(lease, lease.ends)
    pool = database.configuration.pools[0]
    assert database.next_due(pool) == 50
    assert [lease.ends for lease in database.due(pool, 60)] == [50]
    assert [lease.ends for lease in database.due(pool, 60)] == [50]
    lease = lease_at(database, "10.0.0.10")
    lease.state = FREE
    database.requeue(lease, lease.ends)
    assert not list(database.due(pool, 60))
    assert database.next_due(pool) is None
