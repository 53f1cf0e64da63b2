"""Refusing an address (RFC 2131 section 4.3.2).

A NAK carries no configured options but the server's identifier. Its text is one variable of the whole server, as in
ISC: a client may be told what an earlier one was refused for.

See docs/behaviour/decisions.md#dhcpnak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....trace.effects import INFO
from ...conf.running import parameters as par
from ...conf.running.scopes import class_scopes, run_scopes
from ...model.context import OptionSet
from ...wire.codes import ADDRESS_OCTETS, CLIENT_IDENTIFIER, MESSAGE, MESSAGE_TYPE, SERVER_IDENTIFIER
from ...wire.encode import NAK as NAK_LAYOUT
from ...wire.packet import NAK
from ...wire.reply import compose_nak, send_nak
from ...wire.text import nak_line
from ..finding.network import locate

if TYPE_CHECKING:
    from ...model.configuration import Scope, Subnet
    from ...model.context import Context, Message
    from ..server import Server



def send_nak_for(server: Server, context: Context, address: int, subnet: Subnet | None) -> None:
    """Send a NAK about `address`; `subnet` is the one that has it, whose scopes count where the network is unknown."""
    packet = context.packet
    assert packet is not None
    configured = _configured(server, context, packet, subnet)
    value = configured.dhcp.get(SERVER_IDENTIFIER)
    if callable(value):
        value = value(context)
    run_scopes(class_scopes(packet.classes), context)  # classes come too late for the identifier
    options = OptionSet()
    dhcp = options.dhcp
    dhcp[MESSAGE_TYPE] = bytes((NAK,))
    if value is None or len(value) != ADDRESS_OCTETS:
        value = server.interface_address(packet.interface).to_bytes(4, "big")
    source = int.from_bytes(value, "big")
    if source:
        dhcp[SERVER_IDENTIFIER] = value
    if server.nak_text:
        dhcp[MESSAGE] = server.nak_text.encode("ascii")
    if par.flag(context, configured, par.ECHO_CLIENT_ID, False) and CLIENT_IDENTIFIER in packet.options:
        dhcp[CLIENT_IDENTIFIER] = packet.options[CLIENT_IDENTIFIER]
        options.server[par.ECHO_CLIENT_ID] = b"\x01"
    if packet.agent is not None:
        options.spaces["agent"] = dict(packet.agent)
    context.reply = options
    area = server.generation.encoder.area(NAK_LAYOUT, packet, options, context, None, None)
    server.log(INFO, nak_line(address, packet))
    server.effects.append(send_nak(packet, compose_nak(packet, area), server.ports, source))


def _configured(server: Server, context: Context, packet: Message, subnet: Subnet | None) -> OptionSet:
    """The scopes of the network's first subnet and first pool, else those of `subnet`."""
    network = locate(server, packet)
    scopes: list[Scope]
    if network is not None and network.subnets:
        scopes = network.subnets[0].scope.chain()
        if network.pools:
            scopes += network.pools[0].scope.chain(network.subnets[0].scope)
    elif subnet is not None:
        scopes = subnet.scope.chain()
    else:
        scopes = [server.configuration.global_scope]
    options = context.reply = OptionSet()
    context.lease = None
    context.bindings = server.global_bindings
    run_scopes(scopes, context)
    return options
