"""Pools, subnets, shared networks and interfaces: what can be looked at by a handle that a lease has shown.

None of them can be looked up, made, changed or removed; an interface can be looked up by its name. ISC dhcpd lets a
client make a blank interface and take one out of service; here that is refused (docs/differences.md).

Source: docs/behaviour/omapi.md#pool-subnet-shared-network, docs/behaviour/omapi.md#interface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..handles import Reference
from ..status import NOT_FOUND, NOT_IMPLEMENTED, UNKNOWN_ATTRIBUTE
from ..wire import integer
from .base import NoKeys, Shown, agreed, found_by_handle

if TYPE_CHECKING:
    from ...model.configuration import Pool
    from ..handles import Handles
    from ..wire import Values
    from .base import ObjectHost

POOL: Final = "pool"
SUBNET: Final = "subnet"
INTERFACE: Final = "interface"


class _Place(Shown):
    """What no value leads to."""

    def find(self, _values: Values) -> Reference | None:
        """There are no keys."""
        raise NoKeys


class Pools(_Place):
    """By position in the configuration: how many leases, and how many of them are free or the partner's."""

    name = POOL
    update_code = UNKNOWN_ATTRIBUTE

    def __init__(self, host: ObjectHost) -> None:
        self._host = host

    def exists(self, reference: Reference) -> bool:
        """Whether the configuration in force has so many pools."""
        return 0 <= int(reference.name) < len(self._host.configuration.pools)

    def attributes(self, reference: Reference) -> Values:
        """Three numbers."""
        pool: Pool = self._host.configuration.pools[int(reference.name)]
        counts = self._host.database.counts(pool)
        return {
            b"lease-count": integer(counts.lease_count),
            b"free-leases": integer(counts.free),
            b"backup-leases": integer(counts.backup),
        }


class Subnets(_Place):
    """By number: nothing is shown of them."""

    name = SUBNET
    update_code = NOT_FOUND

    def __init__(self, host: ObjectHost) -> None:
        self._host = host

    def exists(self, reference: Reference) -> bool:
        """Whether the configuration in force has it."""
        found = self._host.configuration.find_subnet(int(reference.name))
        return found is not None and found.number == reference.name

    def attributes(self, _reference: Reference) -> Values:
        """None."""
        return {}


class SharedNetworks(_Place):
    """Nothing names one, and nothing is shown."""

    name = "shared-network"

    def exists(self, _reference: Reference) -> bool:
        """No handle stands for one."""
        return False

    def attributes(self, _reference: Reference) -> Values:
        """None."""
        return {}


class Interfaces(Shown):
    """By name: every interface that is served is up."""

    name = INTERFACE
    remove_code = NOT_IMPLEMENTED

    def __init__(self, host: ObjectHost, handles: Handles) -> None:
        self._host = host
        self._handles = handles

    def exists(self, reference: Reference) -> bool:
        """Whether the interface is served."""
        return reference.name in self._host.generation.interfaces

    def find(self, values: Values) -> Reference | None:
        """By handle or name."""
        found = found_by_handle(self._handles, values, INTERFACE, self.exists)
        name = values.get(b"name")
        if name:
            reference = Reference(INTERFACE, name.decode("latin-1"))
            found = agreed(found, reference if self.exists(reference) else None)
        if found is None:
            raise NoKeys
        return found

    def attributes(self, _reference: Reference) -> Values:
        """Its state."""
        return {b"state": b"up"}
