"""BOOTREQUEST (RFC 951; RFC 1534): a fixed address, or a lease of a pool that is open to BOOTP.

See docs/behaviour/decisions.md#bootrequest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR, INFO
from ...conf.running import parameters as par
from ...conf.running.scopes import run_scopes, running_order
from ...model.context import OptionSet
from ...wire.codes import ADDRESS_OCTETS, HOST_NAME, SUBNET_MASK
from ...wire.encode import STATIC_BOOTP
from ...wire.reply import BROADCAST_FLAG, compose, compose_static_plain, send_static_bootp
from ...wire.text import bootp_line, static_bootp_line
from ..finding.allocate import allocate
from ..finding.find_lease import find_lease
from ..finding.hosts import dynamic_host
from ..finding.network import locate
from ..granting.grant import BOOTP, grant
from ..silence import Silence
from .partner import leaves_bootp

if TYPE_CHECKING:
    from ...model.configuration import SharedNetwork
    from ...model.context import Context, Message
    from ...model.lease import Lease
    from ..server import Server

_REQUEST: Final = 1


def bootp(server: Server, context: Context, packet: Message) -> None:
    """Answer a BOOTP client."""
    if packet.op != _REQUEST:
        return
    line = bootp_line(packet)
    network = locate(server, packet)
    if network is None:
        server.silence = Silence.UNKNOWN_NETWORK
        server.log(INFO, f"{line}: network unknown")
        return
    lease, _ours = find_lease(server, context, packet, network)
    if lease is not None and lease.pool is None:
        _answer_fixed(server, context, packet, network, lease, line)
        return
    host = dynamic_host(server, packet) if server.generation.declared.hosts.count else None
    if lease is None:
        lease = allocate(server, context, network).lease
        if lease is None:
            server.silence = Silence.NO_FREE_LEASE
            server.log(INFO, f"{line}: BOOTP from dynamic client and no dynamic leases")
            return
    if leaves_bootp(server, packet, lease, line):
        return
    grant(server, context, lease, BOOTP, line, host=host)


def _answer_fixed(
    server: Server, context: Context, packet: Message, network: SharedNetwork, lease: Lease, line: str
) -> None:
    """Answer a host with a fixed address. Nothing is stored.

    See docs/behaviour/decisions.md#bootrequest, step 3.
    """
    assert lease.subnet is not None
    assert lease.rare is not None, "a fixed address is a host's"
    name = lease.rare.host
    host = None if name is None else server.host_named(name)
    options = context.reply = OptionSet()
    context.lease = lease
    context.bindings = {}
    run_scopes(running_order(lease.subnet, None, packet.classes, host), context)
    for code, word in ((par.ALLOW_BOOTP, "bootp"), (par.ALLOW_BOOTING, "booting")):
        verdict = par.choice(context, options, code, par.ALLOW)
        if verdict != par.ALLOW:
            server.silence = Silence.NOT_ADMITTED
            if verdict != par.IGNORE:
                server.log(INFO, f"{line}: {word} disallowed")
            return
    filename = par.value(context, options, par.FILENAME)
    server_name = par.text(context, options, par.SERVER_NAME)
    flags = packet.flags
    if par.flag(context, options, par.ALWAYS_BROADCAST, False):
        flags |= BROADCAST_FLAG
    siaddr = _next_server(server, context, options, packet, network)
    if not packet.options_valid and not par.flag(context, options, par.ALWAYS_REPLY_RFC1048, False):
        payload = compose_static_plain(packet, flags, lease.address, siaddr, filename, server_name)
    else:
        options.dhcp.setdefault(SUBNET_MASK, lease.subnet.netmask.to_bytes(4, "big"))
        if host is not None and par.flag(context, options, par.USE_HOST_DECL_NAMES, False):
            options.dhcp.setdefault(HOST_NAME, host.name.encode("latin-1", "replace"))
        area = server.generation.encoder.area(STATIC_BOOTP, packet, options, context, filename, server_name)
        payload = compose(
            STATIC_BOOTP, packet, area, flags, packet.ciaddr, lease.address, siaddr, filename, server_name
        )
    _run_commit(context)
    source = server.interface_address(packet.interface)
    if not source:
        server.silence = Silence.NOT_MADE
        why = "appears to have no IPv4 addresses, and so dhcpd cannot select a source address."
        server.log(ERROR, f"{line}: Interface {packet.interface} {why}")
        return
    server.log(INFO, line)
    server.log(INFO, static_bootp_line(lease.address, "" if host is None else host.name, packet))
    server.effects.append(send_static_bootp(packet, payload, server.ports, flags, lease.address, source))


def _run_commit(context: Context) -> None:
    handler = context.handlers.get("commit")
    if handler is not None:
        handler.run(context)


def _next_server(
    server: Server, context: Context, options: OptionSet, packet: Message, network: SharedNetwork
) -> int:
    """siaddr: `next-server`, else the first address of the network's interface, else of the receiving one.

    A `next-server` by a name that cannot be resolved is 0 and not this server; one that is null is as good as none.
    """
    value = par.value(context, options, par.NEXT_SERVER)
    if value is not None:
        return int.from_bytes(value[:ADDRESS_OCTETS], "big") if len(value) >= ADDRESS_OCTETS else 0
    for interface in server.generation.interfaces.values():
        if interface.network is network and interface.address:
            return interface.address
    return server.interface_address(packet.interface)
