"""What names must have come to when everything has been well for a while: each client's name is where its lease is.

Looked at in runs whose site has names, in which no server forgets anything: a server that ends loses what it was about
to say to DNS, as ISC dhcpd's does, and the name is right again with its client's next lease.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from ....engine.model.lease import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...world.simulated.name_server import NameServer
    from ..node import Node
    from ..sites import Relationship

_DOMAIN: Final = "example.org."
# What could not be said is tried again after sixteen minutes at the latest, if it failed for as long as a run is.
BOUND_S: Final = 1200


def name_of(hardware: bytes) -> str:
    """The name that the configuration gives a client, by type octet and hardware address."""
    return "-".join(f"{octet:x}" for octet in hardware) + "." + _DOMAIN


def missing(relationships: Iterable[Relationship], nodes: Mapping[int, Node], names: NameServer) -> str:
    """What is not as it must be, empty for nothing."""
    for node in nodes.values():
        server = node.machine.server
        assert server is not None, "everybody runs"
        if len(server.ddns.updates.debts):
            return f"{node.name} owes names"
    return _unequal(_leases(relationships, nodes), _named(names))


def _leases(relationships: Iterable[Relationship], nodes: Mapping[int, Node]) -> dict[str, set[str]]:
    """Name -> the addresses that its client has."""
    found: dict[str, set[str]] = {}
    for one in relationships:
        end = nodes[one.primary].endpoint(one.name)
        assert end is not None, "everybody runs"
        for pool in end.site.pools(end):
            for lease in end.site.database.queue(pool, ACTIVE):
                found.setdefault(name_of(lease.hardware), set()).add(str(IPv4Address(lease.address)))
    return found


def _named(names: NameServer) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, kind, data in names.rows():
        if kind == "A":
            found.setdefault(name, set()).add(data)
    return found


def _unequal(leases: dict[str, set[str]], named: dict[str, set[str]]) -> str:
    """A client that has two leases has its name at one of them."""
    for name in sorted({*leases, *named}):
        has, says = leases.get(name, set()), named.get(name, set())
        if len(says) > 1 or not says <= has or (has and not says):
            return f"{name} is {sorted(says) or 'nowhere'}, and its client has {sorted(has) or 'nothing'}"
    return ""
