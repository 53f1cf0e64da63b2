"""Charging leases to classes with a `lease limit`.

A charge is tested at the OFFER and taken at the ACK. The counters themselves are the lease database's.

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
    database = server.database
    rare = lease.rare
    if rare is not None and rare.billing is not None and rare.billing not in packet.classes:
        database.unbill(lease)
        changed = lease.state == ACTIVE
        rare = lease.rare
    if rare is not None and rare.billing is not None:
        return Bill("", changed)
    last = ""
    for member in packet.classes:
        if member.limit > 0:
            last = member.name if member.superclass is None else member.superclass.name
            if database.bill(lease, member):
                if offer and lease.state != ACTIVE:
                    database.unbill(lease)
                return Bill("", True)
    return Bill(last, changed)
