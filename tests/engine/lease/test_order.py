from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpd.engine.lease.database import Database
from dhcpd.engine.lease.file.record import address_text
from dhcpd.engine.lease.instantiate import instantiate
from dhcpd.engine.model.lease import ABANDONED, ACTIVE, FREE
from tests.engine.lease.configurations import Ranges, configuration
from tests.engine.lease.naive import NaiveQueues

if TYPE_CHECKING:
    from dhcpd.engine.model.configuration import Configuration

LATER = 2_000_000_000


def handed_out(database: Database, pool: int = 0, limit: int = 1000) -> list[str]:
    """The addresses of new clients, one after another, until only addresses that were just offered are left."""
    found: list[str] = []
    while len(found) < limit:
        lease = database.head(database.configuration.pools[pool], FREE)
        if lease is None or lease.ends >= LATER:
            break
        found.append(address_text(lease.address))
        lease.ends = LATER + len(found)
        database.requeue(lease, lease.ends)
    return found


def ends(*numbers: int) -> list[str]:
    return [f"10.0.0.{one}" for one in numbers]


# All of these were observed on ISC dhcpd 4.4.3-P1 (docs/behaviour/decisions.md#order-of-a-fresh-pool).
@pytest.mark.parametrize(
    ("ranges", "first"),
    [
        (
            [("10.0.0.100", "10.0.0.103"), ("10.0.0.20", "10.0.0.22"), ("10.0.0.30", "10.0.0.31")],
            ends(20, 21, 22, 30, 31, 100, 101, 102, 103),
        ),
        ([("10.78.82.225", "10.78.82.230")], [f"10.78.82.{one}" for one in (227, 228, 229, 230, 225, 226)]),
        (
            [("10.0.128.106", "10.0.128.107"), ("10.2.7.13", "10.2.7.14")],
            ["10.2.7.13", "10.0.128.106", "10.2.7.14", "10.0.128.107"],
        ),
        (
            [("10.2.7.13", "10.2.7.14"), ("10.0.128.106", "10.0.128.107")],
            ["10.0.128.106", "10.2.7.13", "10.0.128.107", "10.2.7.14"],
        ),
        ([("10.0.128.106", "10.2.7.13")], ["10.2.7.13", "10.0.128.106", "10.0.128.107", "10.0.128.108"]),
    ],
)
def test_a_fresh_pool_hands_out_addresses_as_the_reference_does(ranges: Ranges, first: list[str]) -> None:
    assert handed_out(Database(configuration(ranges)), limit=len(first)) == first


def test_pools_whose_addresses_alternate_come_out_run_by_run() -> None:
    database = Database(
        configuration(
            [("10.0.0.10", "10.0.0.12"), ("10.0.0.20", "10.0.0.22"), ("10.0.0.30", "10.0.0.32")],
            [("10.0.0.15", "10.0.0.17"), ("10.0.0.25", "10.0.0.27")],
        )
    )
    assert handed_out(database, 0) == ends(30, 31, 32, 20, 21, 22, 10, 11, 12)
    assert handed_out(database, 1) == ends(25, 26, 27, 15, 16, 17)


def test_leases_with_history_break_the_order_of_the_others() -> None:
    database = Database(configuration([("10.0.0.10", "10.0.0.30")]))
    load(database, {f"10.0.0.{one}": (FREE, 1000 + one) for one in (20, 21, 22, 23)})
    assert handed_out(database) == ends(*range(24, 31), *range(10, 20), 20, 21, 22, 23)


def load(database: Database, history: dict[str, tuple[int, int]]) -> None:
    loaded = {}
    for text, (state, until) in history.items():
        address = 0
        for part in text.split("."):
            address = address << 8 | int(part)
        lease = database.find(address)
        assert lease is not None
        lease.state = state
        lease.next_state = FREE
        lease.ends = until
        loaded[address] = lease
    instantiate(database, loaded, 0)


def test_a_huge_range_starts_at_once_and_holds_nothing_that_was_not_asked_for() -> None:
    before = time.process_time()
    database = Database(configuration([("10.0.0.1", "10.255.255.254")]))
    assert len(handed_out(database, limit=10)) == 10
    assert time.process_time() - before < 5
    assert len(database) == 10
    assert database.counts(database.configuration.pools[0]).free == 2**24 - 2


def test_an_address_in_two_ranges_counts_once() -> None:
    database = Database(configuration([("10.0.0.10", "10.0.0.20")], [("10.0.0.5", "10.0.0.30")]))
    first, second = database.configuration.pools
    assert database.counts(first).free == 11
    assert database.counts(second).free == 15
    lease = database.find(first.ranges[0][0])
    assert lease is not None
    assert lease.pool is first


QUEUE_STATES = {0: FREE, 1: ACTIVE, 3: ABANDONED}
# Addresses around four multiples of the modulus, so that buckets are shared and the walk wraps.
BASES = (167805034, 167905037, 168005040, 168105043)
POOLS = 5


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[tuple[int, int, int]], dict[int, tuple[int, int]]]:
    ranges: list[tuple[int, int, int]] = []
    for _range in range(draw(st.integers(1, 10))):
        low = draw(st.sampled_from(BASES)) + draw(st.integers(-12, 12))
        ranges.append((low, low + draw(st.integers(0, 8)), draw(st.integers(0, POOLS - 1))))
    ranges.sort(key=lambda one: one[2])
    addresses = sorted({address for low, high, _pool in ranges for address in range(low, high + 1)})
    entries = st.tuples(st.sampled_from(tuple(QUEUE_STATES)), st.sampled_from((0, 5, 5, 6)))
    chosen = draw(st.lists(st.sampled_from(addresses), unique=True))
    return ranges, {address: draw(entries) for address in chosen}


def world_configuration(ranges: list[tuple[int, int, int]]) -> Configuration:
    pools: list[Ranges] = [[] for _pool in range(POOLS)]
    for low, high, pool in ranges:
        pools[pool].append((address_text(low), address_text(high)))
    return configuration(*pools)


@given(worlds())
@settings(max_examples=300, deadline=None)
def test_the_order_at_the_start_is_that_of_sorted_lists_filled_one_by_one(
    world: tuple[list[tuple[int, int, int]], dict[int, tuple[int, int]]],
) -> None:
    ranges, history = world
    naive = NaiveQueues()
    naive.start(ranges, history)
    database = Database(world_configuration(ranges))
    load(database, {address_text(one): (QUEUE_STATES[queue], until) for one, (queue, until) in history.items()})
    for pool in database.configuration.pools:
        for queue, state in QUEUE_STATES.items():
            expected = naive.order(pool.index, queue)
            entered = [one for one in expected if one in history]
            assert [lease.address for lease in database.queue(pool, state)] == entered
        expected = naive.order(pool.index, 0)
        assert database.counts(pool).lease_count == sum(lease.pool == pool.index for lease in naive.leases.values())
        for address in expected:
            lease = database.head(pool, FREE)
            assert lease is not None
            assert lease.address == address
            lease.state = ACTIVE
            database.requeue(lease, lease.ends)
        assert database.head(pool, FREE) is None
