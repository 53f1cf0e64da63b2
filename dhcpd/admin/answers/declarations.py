"""Hosts and classes in force: of dhcpd.conf, of the lease file, and made while the server runs."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final

from ..problems import Problem
from ..slices import in_slices

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from ...engine.model.configuration import Host
    from ...engine.model.syntax import Place
    from ..shapes import Classes, Hosts
    from ..shapes import Host as HostShape
    from ..site import Site


HOSTS_AT_ONCE: Final = 128


def place_text(place: Place) -> str:
    """`FILE:LINE`, empty for the server's own."""
    return str(place) if place.file else ""


def host_object(host: Host) -> HostShape:
    """A host declaration as JSON has it."""
    return {
        "name": host.name,
        "hardware": host.hardware[1:].hex(":"),
        "hardware_type": host.hardware[0] if host.hardware else 0,
        "client_id": host.uid.hex(":"),
        "addresses": [one if isinstance(one, str) else str(IPv4Address(one)) for one in host.fixed_addresses],
        "group": host.group or "",
        "dynamic": host.dynamic,
        "place": place_text(host.place),
    }


def host(site: Site, values: Mapping[str, Any]) -> HostShape:
    """A host declaration by its name."""
    found = site.server.generation.declared.hosts.by_name.get(values["name"])
    if found is None:
        raise Problem(404, f"no host is declared as {values['name'][:80]}", "GET /v1/hosts tells those that are")
    return host_object(found)


def hosts(site: Site, values: Mapping[str, Any]) -> Generator[None, None, Hosts]:
    """Host declarations in order, at most `limit`, behind the one of the name `after`."""
    directory, after, limit = site.server.generation.declared.hosts, values["after"], values["limit"]
    if after is not None and directory.by_name.get(after) is None:
        raise Problem(404, f"no host is declared as {after[:80]}", "begin again without `after`")
    rows: list[HostShape] = []
    begun = after is None
    for found, pause in in_slices(directory.everyone(), HOSTS_AT_ONCE):
        if begun and len(rows) == limit:
            return {"hosts": rows, "next": rows[-1]["name"]}
        if begun:
            rows.append(host_object(found))
        begun = begun or found.name == after
        if pause:
            yield
    return {"hosts": rows, "next": None}


def classes(site: Site, _values: Mapping[str, Any]) -> Generator[None, None, Classes]:
    """All classes."""
    server = site.server
    rows: Any = []
    for one, pause in in_slices(server.generation.declared.classes):
        rows.append({
            "name": one.name,
            "place": place_text(one.place),
            "limit": one.limit,
            "charged": server.database.charges.count(one.full_name),
            "subclasses": len(one.subclasses),
            "spawning": one.spawning,
            "dynamic": one.dynamic,
        })
        if pause:
            yield
    return {"classes": rows}
