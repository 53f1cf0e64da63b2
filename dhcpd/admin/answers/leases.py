"""Leases: one by its address, pages of those that fit a question, and what is known of one client.

A page is found by walking the addresses upwards from the last one shown, in the shorter of two ways: address by address
where ranges are well used, or over all leases where a range is vast and few of its addresses were ever used. Either way
the walk pauses; a lease that changes meanwhile is shown as it is when its turn comes.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final

from ...engine.model.lease import BOOTP_FLAG, RESERVED_FLAG, STATE_NAMES
from ...replay.looking.leasetable import lease_object, row_of
from ...replay.showing.notation import octets_of
from ..problems import Problem
from ..slices import in_slices
from .declarations import host_object

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from ...engine.lease.database import Database
    from ...engine.model.configuration import Host
    from ...engine.model.lease import Lease
    from ..shapes import Client, Leases
    from ..shapes import Lease as LeaseShape
    from ..site import Site

# Addresses that are looked at before others work: a third of a millisecond, with the slowest test.
ADDRESSES_AT_ONCE: Final = 256
CLIENT_LEASES_MAXIMUM: Final = 1_000
_TYPES: Final = 256


def lease_shape(lease: Lease) -> LeaseShape:
    """A lease as JSON has it."""
    rare, pool = lease.rare, lease.pool
    assert pool is not None, "a lease of the database has a pool"
    shown: Any = {
        **lease_object(row_of(lease)),
        "next_state": STATE_NAMES[lease.next_state],
        "reserved": bool(lease.flags & RESERVED_FLAG),
        "bootp": bool(lease.flags & BOOTP_FLAG),
        "host": "" if rare is None or rare.host is None else rare.host,
        "network": pool.network.name,
        "pool": pool.index,
        "relay": {} if rare is None else {str(code): value.hex(":") for code, value in rare.agent_options or ()},
    }
    made: LeaseShape = shown
    return made


def one(site: Site, values: Mapping[str, Any]) -> LeaseShape:
    """The lease of an address; one that was never used is free."""
    return lease_shape(lease_of(site, values["address"]))


def lease_of(site: Site, address: int) -> Lease:
    """The lease of an address; raises Problem 404 where no pool has it."""
    found = site.server.database.find(address)
    if found is None:
        raise Problem(404, f"{IPv4Address(address)} is in no range", "GET /v1/pools tells the ranges")
    return found


def page(site: Site, values: Mapping[str, Any]) -> Generator[None, None, Leases]:
    """Leases that fit all that was asked for, at most `limit`, behind the address `after`."""
    database, limit = site.server.database, values["limit"]
    after = -1 if values["after"] is None else values["after"]
    test = _test(values)
    known = _of_client(database, values)
    if known is not None:
        fitting = sorted((one for one in known if one.address > after and test(one)), key=lambda one: one.address)
    else:
        fitting = yield from _walk(database, after, limit + 1, test)
    rows: list[LeaseShape] = []
    for lease, pause in in_slices(fitting[:limit]):
        rows.append(lease_shape(lease))
        if pause:
            yield
    return {"leases": rows, "next": rows[-1]["address"] if len(fitting) > limit else None}


def _test(values: Mapping[str, Any]) -> Callable[[Lease], bool]:
    """Whether a lease fits: each filter that was given is a test."""
    state, pool, network, name = values["state"], values["pool"], values["network"], values["hostname"]
    before, behind, reserved = values["ends_before"], values["ends_after"], values["reserved"]
    hardware, identifier = values["hardware"], values["client_id"]
    number = None if state is None else STATE_NAMES.index(state)
    wanted = None if name is None else name.lower().encode()
    tests: list[Callable[[Lease], bool]] = []
    if number is not None:
        tests.append(lambda one: one.state == number)
    if pool is not None:
        tests.append(lambda one: one.pool is not None and one.pool.index == pool)
    if network is not None:
        tests.append(lambda one: one.pool is not None and one.pool.network.name == network)
    if wanted is not None:
        tests.append(lambda one: one.hostname is not None and one.hostname.lower() == wanted)
    if before is not None:
        tests.append(lambda one: one.ends < before)
    if behind is not None:
        tests.append(lambda one: one.ends > behind)
    if reserved is not None:
        tests.append(lambda one: bool(one.flags & RESERVED_FLAG) == reserved)
    if hardware is not None:
        tests.append(lambda one: one.hardware[1:] == hardware)
    if identifier is not None:
        tests.append(lambda one: one.uid == identifier)
    return lambda one: all(test(one) for test in tests)


def _of_client(database: Database, values: Mapping[str, Any]) -> Sequence[Lease] | None:
    """The leases among which those asked for must be, where a client was named."""
    if values["client_id"] is not None:
        return database.by_uid(values["client_id"])
    if values["hardware"] is not None:
        return of_hardware(database, values["hardware"])
    return None


def of_hardware(database: Database, hardware: bytes) -> list[Lease]:
    """The leases of a hardware address, whatever its type is."""
    found: list[Lease] = []
    for kind in range(_TYPES):
        found += database.by_hardware(bytes((kind,)) + hardware)
    return found


def _walk(
    database: Database, after: int, count: int, test: Callable[[Lease], bool]
) -> Generator[None, None, list[Lease]]:
    """The first `count` leases behind an address that fit."""
    spans = [(max(span.low, after + 1), span.high) for span in database.table.spans if span.high > after]
    if sum(high - low + 1 for low, high in spans) <= 2 * len(database):
        return (yield from _walk_ranges(database, spans, count, test))
    return (yield from _walk_leases(database, after, count, test))


def _walk_ranges(
    database: Database, spans: list[tuple[int, int]], count: int, test: Callable[[Lease], bool]
) -> Generator[None, None, list[Lease]]:
    found: list[Lease] = []
    for low, high in spans:
        for first in range(low, high + 1, ADDRESSES_AT_ONCE):
            leases = database.entered_between(first, min(first + ADDRESSES_AT_ONCE - 1, high))
            found += [lease for lease in leases if test(lease)]
            if len(found) >= count:
                return found[:count]
            yield
    return found


def _walk_leases(
    database: Database, after: int, count: int, test: Callable[[Lease], bool]
) -> Generator[None, None, list[Lease]]:
    addresses = database.entered_addresses()
    found: list[int] = []
    for first in range(0, len(addresses), ADDRESSES_AT_ONCE):
        limit = found[-1] if len(found) == count else 1 << 32
        fitting = [
            lease.address
            for address in addresses[first : first + ADDRESSES_AT_ONCE]
            if after < address < limit and (lease := database.find(address)) is not None and test(lease)
        ]
        found = sorted(found + fitting)[:count]
        yield
    leases = [database.find(address) for address in found]
    return [lease for lease in leases if lease is not None]


# A client


def client(site: Site, values: Mapping[str, Any]) -> Generator[None, None, Client]:
    """The leases and host declarations of a client: by address, hardware address, identifier, or name."""
    text = values["client"]
    octets = octets_of(text)
    if octets is not None:
        leases, hosts = _by_octets(site, octets)
    else:
        leases, hosts = yield from _by_address(site, text)
    if not leases and not hosts:
        leases, hosts = yield from _by_name(site, text)
    if not leases and not hosts:
        advice = "name a client by its address, its hardware address, its identifier or its host name"
        raise Problem(404, f"no lease and no host declaration is of {text[:80]}", advice)
    return {
        "client": text,
        "leases": [lease_shape(lease) for lease in leases[:CLIENT_LEASES_MAXIMUM]],
        "hosts": [host_object(host) for host in hosts[:CLIENT_LEASES_MAXIMUM]],
    }


def _by_address(site: Site, text: str) -> Generator[None, None, tuple[list[Lease], list[Host]]]:
    try:
        address = int(IPv4Address(text))
    except ValueError:
        return [], []
    lease = site.server.database.find(address)
    hosts: list[Host] = []
    for host, pause in in_slices(site.server.generation.declared.hosts.everyone(), ADDRESSES_AT_ONCE):
        if address in host.fixed_addresses:
            hosts.append(host)
        if pause:
            yield
    return ([] if lease is None else [lease]), hosts


def _by_octets(site: Site, octets: bytes) -> tuple[list[Lease], list[Host]]:
    database, declared = site.server.database, site.server.generation.declared.hosts
    leases = {lease.address: lease for lease in (*of_hardware(database, octets), *database.by_uid(octets))}
    hosts = {host.name: host for host in declared.by_uid.get(octets) or ()}
    for kind in range(_TYPES):
        hosts |= {host.name: host for host in declared.by_hardware.get(bytes((kind,)) + octets) or ()}
    return list(leases.values()), list(hosts.values())


def _by_name(site: Site, text: str) -> Generator[None, None, tuple[list[Lease], list[Host]]]:
    """By the name of its declaration, the identifier that is this text, or the name that it gives itself."""
    database, declared = site.server.database, site.server.generation.declared.hosts
    own = text.encode("utf-8", "surrogateescape")
    host = declared.by_name.get(text)
    leases = {lease.address: lease for lease in (*database.by_uid(own), *database.by_uid(b"\0" + own))}
    if host is not None and host.hardware:
        leases |= {lease.address: lease for lease in database.by_hardware(host.hardware)}
    wanted = own.lower()
    named = yield from _walk(database, -1, CLIENT_LEASES_MAXIMUM, lambda one: (one.hostname or b"").lower() == wanted)
    leases |= {lease.address: lease for lease in named}
    return list(leases.values()), [] if host is None else [host]
