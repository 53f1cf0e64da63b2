"""What is due, and when: one list for the whole machine, of which the earliest moment becomes its one `Wake`.

Whoever waits for a time enters it here under its name and a key of its own (`Owner`): a pool for the end of its next
lease, an offer for its ping, a host name for its next look-up. An entry is a moment and nothing else; what is done
when it comes stands in the machine's table DUE. So a part that needs a timer adds an owner and a line to that table,
and its timers are in every snapshot, in the same order, with nothing more to do.

What comes due at one moment is done in the order in which it was entered: the list, not a hash, decides. Nothing here
reads a clock; `take` is told what time it is.
"""

from __future__ import annotations

from enum import StrEnum
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

# Later than every moment of a recording: microseconds since 1970, as all times here.
NEVER_US: Final = 1 << 62
# So many entries that were replaced or cancelled may wait for their time besides those that count.
_STALE_MAXIMUM: Final = 64

Key: TypeAlias = "int | str"


class Owner(StrEnum):
    """Who waits; its key names for what."""

    POOL = "pool"  # Pool.index: a lease of the pool changes its state
    PING = "ping"  # the address: nothing has answered, its OFFER leaves
    REVERSE_LOOKUP = "reverse-lookup"  # the address whose name was asked for: its packet goes on without
    OMAPI_LISTEN = "omapi-listen"  # 0: the listener's port could not be had, and is tried again
    OMAPI_REQUESTS = "omapi-requests"  # the stream: requests of a connection that wait for their turn
    SHUTDOWN = "shutdown"  # 0: the next step of the control object's shutdown
    FAILOVER = "failover"  # an alarm of a failover relationship (failover/relationships.py)
    DNS = "dns"  # a question to a name server by its number: no answer has come
    DNS_OWED = "dns-owed"  # the number of an entry of ddns/owed.py: it is tried again
    LOOKUP = "lookup"  # the host name: its addresses are old, and asked for again


class Due(NamedTuple):
    """An entry. `number` counts the entries: of two for one moment the earlier entered comes first."""

    at_us: int
    number: int
    owner: Owner
    key: Key


class Agenda:
    """The moments that a machine waits for. `next_us` is the earliest moment, NEVER_US where there is none."""

    __slots__ = ("_entries", "_entered", "_heap", "next_us")

    def __init__(self) -> None:
        """Nothing is due."""
        self.next_us = NEVER_US
        self._entered = 0
        # What counts, by owner and key; the heap also holds what was replaced or cancelled, until its time.
        self._entries: dict[tuple[Owner, Key], Due] = {}
        self._heap: list[Due] = []

    def __len__(self) -> int:
        """How many moments are waited for."""
        return len(self._entries)

    def set(self, owner: Owner, key: Key, at_us: int) -> None:
        """Enter a moment, in the place of the one that this owner had for this key."""
        self._entered += 1
        due = self._entries[owner, key] = Due(at_us, self._entered, owner, key)
        heappush(self._heap, due)
        self._settle()

    def cancel(self, owner: Owner, key: Key) -> None:
        """Wait no more, if somebody does."""
        if self._entries.pop((owner, key), None) is not None:
            self._settle()

    def at_us(self, owner: Owner, key: Key) -> int | None:
        """The moment that is waited for, None for none."""
        due = self._entries.get((owner, key))
        return None if due is None else due.at_us

    def keys(self, owner: Owner) -> list[Key]:
        """What an owner waits for, in the order in which it was entered."""
        return [due.key for due in sorted(self._entries.values(), key=_entered) if due.owner is owner]

    def take(self, now_us: int) -> Due | None:
        """The first entry that is due by now, which is then no more in the list; None where nothing is due.

        One at a time: what is done for it may cancel, or enter, what would be the next.
        """
        # A stranger's recording or capture may say that it is later than NEVER_US.
        if self.next_us > now_us or not self._heap:
            return None
        due = heappop(self._heap)
        del self._entries[due.owner, due.key]
        self._settle()
        return due

    def _settle(self) -> None:
        """Throw away what does not count any more at the head of the heap, or everywhere where that is the most."""
        heap, entries = self._heap, self._entries
        if len(heap) > 2 * len(entries) + _STALE_MAXIMUM:
            heap[:] = entries.values()
            heapify(heap)
        while heap and entries.get((heap[0].owner, heap[0].key)) is not heap[0]:
            heappop(heap)
        self.next_us = heap[0].at_us if heap else NEVER_US

    def snapshot(self) -> list[tuple[str, Key, int]]:
        """(owner, key, moment) of each entry in the order in which they will be taken, as plain data."""
        return [(due.owner.value, due.key, due.at_us) for due in sorted(self._entries.values())]

    def restore(self, data: Iterable[tuple[str, Key, int]]) -> None:
        """Enter what a snapshot holds."""
        for owner, key, at_us in data:
            self.set(Owner(owner), key, at_us)


def _entered(due: Due) -> int:
    return due.number
