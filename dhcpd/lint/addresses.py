"""Rules about what gives addresses: hosts, subnets, pools, failover. Each takes the configuration and finds things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.model.syntax import NOWHERE
from ..engine.wire.text import dotted, hardware_text
from .classes import without_members
from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..engine.model.configuration import Configuration, Host, Pool, SharedNetwork


def no_subnet(configuration: Configuration) -> Iterator[Finding]:
    """Nobody is served."""
    if not configuration.subnets:
        text = "no subnet is declared: no interface is served, and the server does not start"
        yield Finding("no-subnet", NOWHERE, text)


def host_in_range(configuration: Configuration) -> Iterator[Finding]:
    """A fixed address is no reservation: ISC dhcpd gives it to whoever comes while the host is away."""
    for host, address in _fixed(configuration):
        if configuration.find_pool(address) is not None:
            yield Finding(
                "host-in-range", host.place,
                f"host {host.name}: fixed-address {dotted(address)} lies in a range, and others are given it, too:"
                " take it out of the range",
            )  # fmt: skip


def host_on_no_subnet(configuration: Configuration) -> Iterator[Finding]:
    """An address on none of the networks that are served."""
    for host, address in _fixed(configuration):
        if configuration.find_subnet(address) is None:
            yield Finding(
                "host-on-no-subnet", host.place,
                f"host {host.name}: fixed-address {dotted(address)} is on no subnet that is declared, and never given",
            )  # fmt: skip


def hardware_twice(configuration: Configuration) -> Iterator[Finding]:
    """Two declarations for one client on one network: the first counts. One a network is how a client roams."""
    for hardware, hosts in configuration.hosts_by_hardware.items():
        seen: dict[int | None, Host] = {}
        for host in hosts:
            for network in _networks_of(configuration, host):
                first = seen.setdefault(network, host)
                if first is not host:
                    yield Finding(
                        "hardware-twice", host.place,
                        f"host {host.name}: {hardware_text(hardware)} is host {first.name}'s, too, which goes before it"
                        f" ({first.place.file} line {first.place.line})",
                    )  # fmt: skip
                    break


def _networks_of(configuration: Configuration, host: Host) -> list[int | None]:
    """The numbers of the networks that a host has addresses on; None alone for one that has none anywhere."""
    found = [configuration.find_subnet(address) for address in host.fixed_addresses if isinstance(address, int)]
    return list({subnet.network.number: None for subnet in found if subnet is not None}) or [None]


def _fixed(configuration: Configuration) -> Iterator[tuple[Host, int]]:
    for host in configuration.hosts:
        for address in host.fixed_addresses:
            if isinstance(address, int):
                yield host, address


def edge_in_range(configuration: Configuration) -> Iterator[Finding]:
    """The addresses of a subnet that no host can have: its own, and the broadcast address (RFC 919, RFC 3021)."""
    for pool in configuration.pools:
        for (low, high), subnet in zip(pool.ranges, pool.range_subnets, strict=True):
            if subnet.prefix_length > 30:  # noqa: PLR2004 - both addresses of a /31 are hosts' (RFC 3021)
                continue
            broadcast = subnet.number | ~subnet.netmask & 0xFFFFFFFF
            for address, what in ((subnet.number, "the address of the subnet"), (broadcast, "its broadcast address")):
                if low <= address <= high:
                    yield Finding(
                        "edge-in-range", pool.place,
                        f"the range {_range_text(low, high)} holds {dotted(address)}, which is {what}",
                    )  # fmt: skip


def pool_for_nobody(configuration: Configuration) -> Iterator[Finding]:
    """Permits by which no client can come in."""
    empty = {one.name for one in without_members(configuration)}
    for pool in configuration.pools:
        if pool.permits and all(one.kind == "class" and one.value in empty for one in pool.permits):
            names = ", ".join(dict.fromkeys(str(one.value) for one in pool.permits))
            why = f"it is for members of {names} alone, and nobody is one"
        elif any(one.kind == "all" for one in pool.prohibits):
            why = "it denies all clients"
        elif _forbids_both(pool):
            why = "it denies known and unknown clients"
        else:
            continue
        yield Finding("pool-for-nobody", pool.place, f"nobody may use {_pool_text(pool)}: {why}")


def _forbids_both(pool: Pool) -> bool:
    kinds = {one.kind for one in pool.prohibits}
    return {"known", "unknown"} <= kinds


def deny_before_allow(configuration: Configuration) -> Iterator[Finding]:
    """What is denied is denied, whatever is allowed: the order of the statements does not count."""
    for pool in configuration.pools:
        denied = {(one.kind, one.value) for one in pool.prohibits}
        for permit in pool.permits:
            if (permit.kind, permit.value) in denied and permit.kind != "after":
                name = f"members of {permit.value}" if permit.kind == "class" else f"{permit.kind} clients"
                yield Finding(
                    "deny-before-allow", permit.place,
                    f"{name} are allowed and denied in {_pool_text(pool)}: deny goes before allow",
                )  # fmt: skip


def peer_without_pool(configuration: Configuration) -> Iterator[Finding]:
    """A failover relationship that shares nothing."""
    used = {pool.failover_peer for pool in configuration.pools}
    for name, peer in configuration.failover_peers.items():
        if name not in used:
            yield Finding(
                "peer-without-pool", peer.place,
                f'failover peer "{name}" is declared, and no pool names it: it shares no address',
            )  # fmt: skip


def pool_without_peer(configuration: Configuration) -> Iterator[Finding]:
    """Some of a network's pools are shared with the partner and some are not: those fail with this server."""
    for network in configuration.networks:
        shared = {pool.failover_peer for pool in network.pools} - {None}
        for pool in network.pools:
            if shared and pool.failover_peer is None and not _is_for_bootp_alone(pool):
                yield Finding(
                    "pool-without-peer", pool.place,
                    f"{_pool_text(pool)} has no failover peer, other pools of {_network_text(network)} have:"
                    " its leases are this server's alone",
                )  # fmt: skip


def _is_for_bootp_alone(pool: Pool) -> bool:
    """BOOTP has no leases that end, and so no failover."""
    return bool(pool.permits) and all(one.kind == "dynamic-bootp" for one in pool.permits)


def _range_text(low: int, high: int) -> str:
    return dotted(low) if low == high else f"{dotted(low)} - {dotted(high)}"


def _pool_text(pool: Pool) -> str:
    return f"the pool of {_range_text(*pool.ranges[0])}" if pool.ranges else "the pool"


def _network_text(network: SharedNetwork) -> str:
    return f"subnet {network.name}" if network.implicit else f"shared-network {network.name}"
