"""What became of the leases between two moments of a recording: a word for each address whose holder or time changed.

Only the two states are compared, so that what began and ended between them is not seen (`history` sees it). Whether
a lease that is gone was given back or ran out stands in no state; the packets between the moments tell it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...engine.lease.file.record import record_address
from ...trace import Entry
from ...trace.effects import Send, Store
from ...trace.events import Packet
from ..playing.seek import machine_at
from ..showing.decode import message_name
from .leasetable import LeaseRow, PoolRow, in_use, is_abandoned, lease_rows, pool_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...trace import Tape

# In the order in which they are told.
WORDS = ("granted", "moved", "renewed", "taken over", "released", "expired", "abandoned", "reclaimed")
_CIADDR = slice(12, 16)
_YIADDR = slice(16, 20)


class Change(NamedTuple):
    """One address: `what` is one of WORDS. For `moved`, `before` is the client's lease of another address."""

    what: str
    address: int
    before: LeaseRow | None
    after: LeaseRow | None


class StateDifference(NamedTuple):
    """Between the states after two events: the changes by address, and the pools at both."""

    first_seq: int
    last_seq: int
    changes: list[Change]
    pools_before: list[PoolRow]
    pools_after: list[PoolRow]


def difference(
    tape: Tape, first: int, last: int, progress: Callable[[Entry], None] | None = None
) -> StateDifference:
    """Compare the states after events `first` and `last`, each from the snapshot before. Raises as seek.machine_at."""
    machine = machine_at(tape, first)
    before, pools_before = {row.address: row for row in lease_rows(machine)}, pool_rows(machine)
    del machine
    machine = machine_at(tape, last)
    after, pools_after = {row.address: row for row in lease_rows(machine)}, pool_rows(machine)
    del machine
    changes = compare(before, after, released_between(tape, first, last, progress))
    return StateDifference(first, last, changes, pools_before, pools_after)


def released_between(
    tape: Tape, first: int, last: int, progress: Callable[[Entry], None] | None = None
) -> frozenset[int]:
    """The addresses whose last holder's DHCPRELEASE the server took, in the events behind `first` up to `last`."""
    found: set[int] = set()
    for entry in tape.iterate(from_seq=first + 1):
        if not isinstance(entry, Entry):
            continue
        if entry.seq > last:
            break
        if progress is not None:
            progress(entry)
        found.difference_update(_granted(entry) if found else ())
        found.update(_released(entry))
    return frozenset(found)


def _released(entry: Entry) -> Iterator[int]:
    """The address that a DHCPRELEASE gives back, where the server took it: then it has stored the lease."""
    event = entry.event
    if isinstance(event, Packet) and message_name(event.payload) == "DHCPRELEASE":
        address = int.from_bytes(event.payload[_CIADDR], "big")
        stored = (record_address(effect.data) for effect in entry.effects or () if isinstance(effect, Store))
        if address in stored:
            yield address


def _granted(entry: Entry) -> Iterator[int]:
    """The addresses of DHCPACKs: who had them gave them back before, but now has them."""
    for effect in entry.effects or ():
        if isinstance(effect, Send) and message_name(effect.payload) == "DHCPACK":
            yield int.from_bytes(effect.payload[_YIADDR], "big")


def compare(before: dict[int, LeaseRow], after: dict[int, LeaseRow], released: frozenset[int]) -> list[Change]:
    """The changes, by address."""
    held = {row.client: row for row in before.values() if in_use(row)}
    changes = []
    for address in sorted(before.keys() | after.keys()):
        old, new = before.get(address), after.get(address)
        what = _word(old, new, released)
        if what == "granted" and new is not None:
            moved = held.get(new.client)
            if moved is not None and not _holds(after.get(moved.address), new):
                what, old = "moved", moved
        if what:
            changes.append(Change(what, address, old, new))
    return changes


def _holds(row: LeaseRow | None, other: LeaseRow) -> bool:
    return row is not None and in_use(row) and row.client == other.client


def _word(old: LeaseRow | None, new: LeaseRow | None, released: frozenset[int]) -> str:
    """What happened to one address; empty for nothing that matters."""
    if is_abandoned(new):
        return "" if is_abandoned(old) else "abandoned"
    if new is not None and in_use(new):
        if old is None or not in_use(old):
            return "granted"
        if old.client != new.client:
            return "taken over"
        return "renewed" if (old.ends, old.cltt) != (new.ends, new.cltt) else ""
    if in_use(old):
        return "released" if old is not None and old.address in released else "expired"
    return "reclaimed" if is_abandoned(old) else ""
