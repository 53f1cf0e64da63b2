"""Leases kept as ISC keeps them: plain sorted lists, searched from the head. Slow and obvious.

See docs/behaviour/decisions.md#order-of-a-queue, docs/behaviour/decisions.md#order-of-a-fresh-pool.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MODULUS = 100003


@dataclass
class NaiveLease:
    address: int
    pool: int
    queue: int = 0
    ends: int = 0


@dataclass
class NaiveQueues:
    """`queues[pool, queue]` are lists in order."""

    queues: dict[tuple[int, int], list[NaiveLease]] = field(default_factory=dict)
    leases: dict[int, NaiveLease] = field(default_factory=dict)

    def start(self, ranges: list[tuple[int, int, int]], history: dict[int, tuple[int, int]]) -> None:
        """`ranges` are (low, high, pool) as declared, `history` {address: (queue, ends)} in the file's order."""
        entered: list[int] = []
        for low, high, pool in ranges:
            for address in range(low, high + 1):
                if address not in self.leases:
                    self.leases[address] = NaiveLease(address, pool)
                    entered.append(address)
        for address, (queue, ends) in history.items():
            lease = self.leases[address]
            lease.queue, lease.ends = queue, ends
            entered.remove(address)
            entered.append(address)
        before: NaiveLease | None = None
        entered.reverse()
        for address in sorted(entered, key=lambda one: one % MODULUS):
            lease = self.leases[address]
            self._insert(lease, before)
            before = lease

    def _insert(self, lease: NaiveLease, before: NaiveLease | None = None) -> None:
        queue = self.queues.setdefault((lease.pool, lease.queue), [])
        at = 0
        if (
            before is not None
            and (before.pool, before.queue) == (lease.pool, lease.queue)
            and before.ends <= lease.ends
        ):
            at = next(place for place, one in enumerate(queue) if one is before) + 1
        while at < len(queue) and queue[at].ends < lease.ends:
            at += 1
        queue.insert(at, lease)

    def move(self, address: int, queue: int, ends: int) -> None:
        lease = self.leases[address]
        self.queues[lease.pool, lease.queue].remove(lease)
        lease.queue, lease.ends = queue, ends
        self._insert(lease)

    def order(self, pool: int, queue: int) -> list[int]:
        return [lease.address for lease in self.queues.get((pool, queue), [])]
