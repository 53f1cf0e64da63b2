"""Which leases a client identifier or a hardware address has had, the most preferred first.

The lists are sorted once, when a lease is entered, by what the lease says then; they are never sorted anew when a
lease expires or is released. An entry of one lease, which is nearly every one, costs no list.

See docs/behaviour/lease-file.md#indexes-by-client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..model.lease import ABANDONED, ACTIVE, EXPIRED, RELEASED, Lease

if TYPE_CHECKING:
    from collections.abc import Sequence

Index = dict[bytes, "Lease | list[Lease]"]

# Hardware type 32 without an address: infiniband, whose clients are told apart by their identifiers.
BARE_INFINIBAND: Final = b"\x20"
_GONE: Final = (EXPIRED, RELEASED)


def _goes_before(lease: Lease, other: Lease) -> bool:
    """Whether `lease` stands before `other` in the list of a client: a table of what each of the two is.

    See docs/behaviour/lease-file.md#indexes-by-client.
    """
    state = lease.state
    if other.state == ACTIVE:
        return state == ACTIVE and lease.ends >= other.ends
    if other.state in _GONE:
        return state == ACTIVE or (state in _GONE and lease.cltt >= other.cltt)
    if other.state == ABANDONED:
        return state != ABANDONED or lease.cltt >= other.cltt
    return state == ACTIVE or state in _GONE or (state != ABANDONED and lease.cltt >= other.cltt)


def enter(index: Index, key: bytes, lease: Lease) -> None:
    """Put a lease in its place."""
    found = index.get(key)
    if found is None:
        index[key] = lease
        return
    if isinstance(found, Lease):
        found = index[key] = [found]
    in_use = lease.state == ACTIVE
    for at, other in enumerate(found):
        # What is in use goes before what is not: said here, too, since one client may have very many.
        if (in_use or other.state != ACTIVE) and _goes_before(lease, other):
            found.insert(at, lease)
            return
    found.append(lease)


def leave(index: Index, key: bytes, lease: Lease) -> None:
    """Take a lease out; nothing happens where it is not in."""
    found = index.get(key)
    if found is lease:
        del index[key]
    elif isinstance(found, list):
        for at, other in enumerate(found):
            if other is lease:
                del found[at]
                break
        if len(found) == 1:
            index[key] = found[0]


def listed(index: Index, key: bytes) -> Sequence[Lease]:
    """The leases of a key, the most preferred first, as a sequence that stays as it is."""
    found = index.get(key)
    if found is None:
        return ()
    return (found,) if isinstance(found, Lease) else tuple(found)


def indexed_hardware(hardware: bytes) -> bool:
    """Whether a hardware address is entered at all."""
    return bool(hardware) and hardware != BARE_INFINIBAND
