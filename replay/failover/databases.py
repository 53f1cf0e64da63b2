"""The lease databases of both ends at one moment, side by side: which leases they do not agree on, and why not yet.

Two ends agree on a lease when its state is the same at both, and, where a client has it, client and end too; of a
lease that nobody has, each may remember another client. Where an update is under way, both are right, each at its
place: that is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..looking.leasetable import LeaseRow, in_use, row_of

if TYPE_CHECKING:
    from ...engine.machine import Machine



class Beside(NamedTuple):
    """An address at both ends; `pending`: what each end has still to tell or to hear of it, empty for nothing."""

    address: int
    rows: tuple[LeaseRow, LeaseRow]
    pending: tuple[str, str]

    @property
    def same(self) -> bool:
        """Whether the two agree."""
        one, other = self.rows
        if one.state != other.state:
            return False
        return not in_use(one) or (one.client, one.ends) == (other.client, other.ends)


def beside(first: Machine, second: Machine, relationship: str) -> list[Beside]:
    """Every address of a relationship that either end has used or told of, in their order.

    An address that only one end has in its ranges is not here: `dhcpd -t --peer` compares the configurations.
    """
    machines = (first, second)
    addresses = sorted(_known(first, relationship) | _known(second, relationship))
    found = []
    for address in addresses:
        rows = [_row(machine, relationship, address) for machine in machines]
        if rows[0] is not None and rows[1] is not None:
            pending = (_pending(first, relationship, address), _pending(second, relationship, address))
            found.append(Beside(address, (rows[0], rows[1]), pending))
    return found


def _known(machine: Machine, relationship: str) -> set[int]:
    if machine.failover is None:
        return set()
    endpoint = machine.failover.endpoints[relationship]
    pools = machine.failover.pools(endpoint)
    return {lease.address for lease in machine.failover.database.leases() if lease.pool in pools}


def _row(machine: Machine, relationship: str, address: int) -> LeaseRow | None:
    if machine.failover is None:
        return None
    lease = machine.failover.database.find(address)
    pools = machine.failover.pools(machine.failover.endpoints[relationship])
    return row_of(lease) if lease is not None and lease.pool in pools else None


def _pending(machine: Machine, relationship: str, address: int) -> str:
    if machine.failover is None:
        return ""
    updates = machine.failover.endpoints[relationship].updates
    if address in updates.unacked:
        return "told, not acknowledged"
    if any(address == one for one, _xid in updates.to_ack):
        return "heard, not acknowledged"
    return "to be told" if address in updates else ""
