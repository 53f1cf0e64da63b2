"""Which types there are: the table that requests are answered from. Above all objects, below the connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .objects.class_ import ClassObjects, SubclassObjects
from .objects.control import Control
from .objects.failover_state import FailoverStates
from .objects.group import GroupObjects
from .objects.host import HostObjects
from .objects.lease import LeaseObjects
from .objects.places import Interfaces, Pools, SharedNetworks, Subnets

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..failover.relationships import Relationships
    from .handles import Handles
    from .objects.base import ObjectHost, ObjectType


def object_types(
    host: ObjectHost, handles: Handles, partners: Relationships | None, shut_down: Callable[[], None]
) -> dict[str, ObjectType]:
    """Each type by its name on the wire; `partners` is None where there is no failover relationship."""
    kinds: tuple[ObjectType, ...] = (
        LeaseObjects(host, handles),
        HostObjects(host, handles),
        GroupObjects(host, handles),
        ClassObjects(host, handles),
        SubclassObjects(host, handles),
        Control(handles, shut_down),
        FailoverStates(host, handles, partners),
        Interfaces(host, handles),
        Pools(host),
        Subnets(host),
        SharedNetworks(),
    )
    return {kind.name: kind for kind in kinds}
