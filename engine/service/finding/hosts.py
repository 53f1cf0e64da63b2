"""Which host declarations a client is: found by identifier, hardware address, option.

Hosts count wherever they are declared. A client identifier that is declared hides what is declared for the hardware
address. Nothing is granted here.

See docs/behaviour/decisions.md#host-declarations-of-the-client,
docs/behaviour/decisions.md#mock-lease-of-a-fixed-address, docs/behaviour/decisions.md#grant-procedure, step 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...model.lease import Lease
from ...wire.codes import CLIENT_IDENTIFIER
from ...wire.text import dotted
from ..reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...model.configuration import Host, SharedNetwork
    from ...model.context import Message
    from ..server import Server



def host_lists(server: Server, packet: Message) -> Iterator[Sequence[Host]]:
    """The lists of hosts that match the packet: by uid, by hardware, by each `host-identifier` option."""
    hosts = server.generation.declared.hosts
    uid = packet.options.get(CLIENT_IDENTIFIER)
    found = hosts.by_uid.get(uid) if uid is not None else None
    if found:
        yield found
    found = hosts.by_hardware.get(packet.hardware)
    if found:
        yield found
    for definition, by_value in hosts.identifiers:
        space = packet.options if definition.space == "dhcp" else packet.spaces.get(definition.space, {})
        value = space.get(definition.code)
        found = by_value.get(value) if value is not None else None
        if found:
            yield found


def known_hosts(server: Server, packet: Message) -> Sequence[Host]:
    """The first list of hosts that matches; the packet becomes known by it. Empty where there is none."""
    for hosts in host_lists(server, packet):
        packet.known = True
        if server.reasons is not None:
            server.reasons.append(Reason("host", hosts[0].name, "matched", "the client is known", hosts[0].place))
        return hosts
    return ()


def dynamic_host(server: Server, packet: Message) -> Host | None:
    """The first host that matches and has no fixed address."""
    for hosts in host_lists(server, packet):
        for host in hosts:
            if not host.fixed_addresses:
                return host
    return None


def host_addresses(server: Server, host: Host) -> Iterator[int]:
    """The fixed addresses of a host, names resolved, in order."""
    for entry in host.fixed_addresses:
        if isinstance(entry, int):
            yield entry
        else:
            yield from server.addresses_of(entry) or ()


def fixed_lease(server: Server, hosts: Sequence[Host], network: SharedNetwork) -> Lease | None:
    """A mock lease for the first fixed address of the hosts on the network; None where they have none there.

    See docs/behaviour/decisions.md#mock-lease-of-a-fixed-address.
    """
    for host in hosts:
        for address in host_addresses(server, host):
            for subnet in network.subnets:
                if address & subnet.netmask == subnet.number:
                    lease = Lease.fixed(address, subnet, host)
                    if server.reasons is not None:
                        why = f"fixed-address of host {host.name}"
                        server.reasons.append(Reason("candidate", dotted(address), "fixed", why, host.place))
                    return lease
    if server.reasons is not None:
        server.reasons += _elsewhere(server, hosts, network)
    return None


def _elsewhere(server: Server, hosts: Sequence[Host], network: SharedNetwork) -> Iterator[Reason]:
    """Why the fixed addresses of the hosts were of no use to a client on the network."""
    for host in hosts:
        for address in host_addresses(server, host):
            why = f"fixed-address of host {host.name}, on no subnet of the client's network {network.name}"
            yield Reason("candidate", dotted(address), "passed over", why, host.place)
