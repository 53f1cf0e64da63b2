"""Charging leases to classes with a `lease limit`.

A charge is tested at the OFFER and taken at the ACK. The counters themselves are kept by lease/charges.py.

See docs/behaviour/decisions.md#class-billing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...model.lease import ACTIVE

if TYPE_CHECKING:
    from ...model.context import Message
    from ...model.lease import Lease
    from ..server import Server


class Bill(NamedTuple):
    """`refused_by`: the last class tried where none had room, else empty. `changed`: the lease must not be reused."""

    refused_by: str
    changed: bool


def charge(server: Server, lease: Lease, packet: Message, *, offer: bool) -> Bill:
    """Keep, drop or make the lease's charge."""
    changed = False
    charges = server.database.charges
    billing = None if lease.rare is None else lease.rare.billing
    if billing is not None:
        if any(member.full_name == billing for member in packet.classes):
            return Bill("", changed=False)
        charges.take_back(lease)
        changed = lease.state == ACTIVE
    last = ""
    for member in packet.classes:
        if member.limit > 0:
            last = member.name
            if charges.charge(lease, member):
                if offer and lease.state != ACTIVE:
                    charges.take_back(lease)
                return Bill("", changed=True)
    return Bill(last, changed)
