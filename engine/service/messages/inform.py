"""DHCPINFORM (RFC 2131 section 4.3.5): options for a client that has its address from elsewhere.

See docs/behaviour/decisions.md#dhcpinform.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR, INFO, Send
from ...conf.running import parameters as par
from ...conf.running.scopes import class_scopes, run_scopes
from ...model.context import OptionSet
from ...wire.codes import ADDRESS_OCTETS, CLIENT_IDENTIFIER, SUBNET_MASK, SUBNET_SELECTION
from ...wire.encode import INFORM, UnknownSpaceError
from ...wire.packet import ACK
from ...wire.reply import compose, inform_flags, send_inform, truncation_lines
from ...wire.text import dotted, inform_ack_line, inform_line
from ..explain import sent_options, tell_options, tell_parameters, watch_scopes
from ..finding.hosts import host_addresses
from ..finding.network import LINK_SELECTION, selected
from ..granting.reply import server_identifier
from ..silence import Silence

if TYPE_CHECKING:
    from ...model.configuration import Host, SharedNetwork, Subnet
    from ...model.context import Context, Message
    from ..reasons import Settings
    from ..server import Server

# The lease's time, T1 and T2, which this client has no lease for: an ACK must not carry them (RFC 2131, 4.3.5).
_TIMES: Final = (51, 58, 59)
# The explanation follows the first refusal for want of authority, and every 101st after it.
EXPLAIN_EVERY: Final = 101
_EXPLANATION: Final = (
    "If this DHCP server is authoritative for that subnet,",
    "please write an `authoritative;' directive either in the",
    "subnet declaration or in some scope that encloses the",
    "subnet declaration - for example, write it at the top",
    "of the dhcpd.conf file.",
)


def inform(
    server: Server, context: Context, packet: Message, _network: SharedNetwork | None
) -> None:
    """Answer with options only."""
    line = inform_line(packet)
    client = packet.ciaddr or packet.source
    server.silence = Silence.REFUSED
    if not client:
        server.log(INFO, f"{line}: ignored (null source address).")
        return
    subnet, selection = _find_subnet(server, packet, line)
    if subnet is None:
        return
    if not subnet.scope.authoritative:
        server.silence = Silence.NOT_AUTHORITATIVE
        _refuse(server, subnet, line)
        return
    options = context.reply = OptionSet()
    if selection is not None:
        # Under the code that it came with, whatever that is in space dhcp.
        options.dhcp[selection[0]] = selection[1]
    if packet.agent is not None and not packet.stashed:
        options.spaces["agent"] = dict(packet.agent)
    settings = _run_scopes(server, context, packet, subnet, client)
    before = len(server.effects)
    _answer(server, context, packet, subnet, client, line)
    if server.reasons is not None and server.effects[before:] and isinstance(server.effects[-1], Send):
        tell_parameters(server, settings, context, options)
        tell_options(server, packet, settings, sent_options(server.effects[-1].payload))


def _find_subnet(server: Server, packet: Message, line: str) -> tuple[Subnet | None, tuple[int, bytes] | None]:
    """The subnet, and the selection that was used, as (its code, its value).

    See docs/behaviour/decisions.md#dhcpinform, steps 1 to 3.
    """
    by_relay = not packet.ciaddr and packet.giaddr
    address = packet.giaddr if by_relay else packet.ciaddr or packet.source
    kind = "relay" if by_relay else "client" if packet.ciaddr else "source"
    selection: tuple[int, bytes] | None = None
    choice = selected(packet)
    if choice is not None:
        value, of_relay = choice
        if len(value) != ADDRESS_OCTETS:
            server.log(INFO, f"{line}: ignored (invalid subnet selection option).")
            return None, None
        address = int.from_bytes(value, "big")
        kind = "relay link select" if by_relay else "selected"
        selection = (LINK_SELECTION if of_relay else SUBNET_SELECTION, value)
    subnet = server.configuration.find_subnet(address)
    if subnet is None:
        server.silence = Silence.UNKNOWN_NETWORK
        server.log(INFO, f"{line}: unknown subnet for {kind} address {dotted(address)}")
    return subnet, selection


def _refuse(server: Server, subnet: Subnet, line: str) -> None:
    server.log(INFO, f"{line}: not authoritative for subnet {dotted(subnet.number)}")
    if not server.inform_refusals % EXPLAIN_EVERY:
        for text in _EXPLANATION:
            server.log(INFO, text)
    server.inform_refusals += 1


def _run_scopes(server: Server, context: Context, packet: Message, subnet: Subnet, client: int) -> Settings:
    """The statements for the client; a lease of ciaddr brings its pool's.

    See docs/behaviour/decisions.md#dhcpinform, step 5.
    """
    context.bindings = server.global_bindings
    lease = server.database.find(packet.ciaddr) if packet.ciaddr else None
    scopes = subnet.scope.chain()
    if lease is not None and lease.pool is not None and not lease.pool.implicit:
        # What stands in the pool, and nothing that is around it: another network may have been selected.
        scopes.append(lease.pool.scope)
    host = _host(server, packet, client)
    of_host = [] if host is None else host.scope.chain(subnet.scope)
    settings: Settings = {}
    if server.reasons is not None:
        watched = [*scopes, *class_scopes(packet.classes, subnet.scope), *of_host]
        settings, _ = watch_scopes(server, packet, None, watched, context.bindings)
    run_scopes(chain(scopes, class_scopes(packet.classes, subnet.scope), of_host), context)
    return settings


def _host(server: Server, packet: Message, client: int) -> Host | None:
    """The host whose fixed address it is, else one without fixed address; by uid before hardware."""
    known = server.generation.declared.hosts
    uid = packet.options.get(CLIENT_IDENTIFIER)
    lists = [(known.by_uid.get(uid) or ()) if uid is not None else (), known.by_hardware.get(packet.hardware) or ()]
    for hosts in lists:
        for host in hosts:
            if client in host_addresses(server, host):
                return host
    for hosts in lists:
        for host in hosts:
            if not host.fixed_addresses:
                return host
    return None


def _answer(server: Server, context: Context, packet: Message, subnet: Subnet, client: int, line: str) -> None:
    """The ACK, and its lines.

    See docs/behaviour/decisions.md#dhcpinform, steps 6 to 8.
    """
    options = context.reply
    assert options is not None
    filename = par.text(context, options, par.FILENAME)
    server_name = par.text(context, options, par.SERVER_NAME)
    server_identifier(server, context, options, packet.interface, ACK)
    options.dhcp.setdefault(SUBNET_MASK, subnet.netmask.to_bytes(4, "big"))
    for code in _TIMES:
        options.dhcp.pop(code, None)
    value = par.value(context, options, par.NEXT_SERVER) or b""
    siaddr = int.from_bytes(value[:ADDRESS_OCTETS], "big") if len(value) >= ADDRESS_OCTETS else 0
    encoder = server.generation.encoder
    try:
        site = encoder.site(INFORM, options, context)
    except UnknownSpaceError as error:
        server.log(ERROR, str(error))
        return
    server.log(INFO, line)
    for text in truncation_lines(filename, server_name):
        server.log(INFO, text)
    encoder.warn_of(site, context)
    area = encoder.area(INFORM, packet, options, context, filename, server_name, site)
    payload = compose(
        INFORM, packet, area, inform_flags(packet), packet.ciaddr, 0, siaddr, filename, server_name
    )
    relayed = packet.giaddr and not packet.ciaddr
    server.log(INFO, inform_ack_line(packet.giaddr if relayed else client, packet))
    server.effects.append(send_inform(packet, payload, server.ports))
