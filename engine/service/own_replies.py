"""What ISC dhcpd logs of its own replies to relays: its packet socket hears what its kernel sends to the server's port.

The program leaves such frames out, and never sees most of them; the lines are what log parsers see. Only what is
logged happens here: nothing is answered, and no class is looked for.

See docs/behaviour/packets.md#the-servers-own-packets-heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...trace.effects import INFO
from ..wire.packet import FIXED_OCTETS, Dropped, parse_packet, type_name
from ..wire.text import hardware_text, via_text
from .finding.network import selected, subnet_of

if TYPE_CHECKING:
    from ...trace.effects import Send
    from ..model.context import Message
    from .server import Server

# Replies of which there is nothing to say are remembered by what decides that; so many, since relays choose part of it.
REMEMBERED_MAXIMUM: Final = 4096

_HLEN_AT: Final = 2
_GIADDR_AT: Final = 24
_NAMES_AT: Final = 44
_NO_RELAY: Final = bytes(4)


def tell_own_reply(server: Server, sent: Send) -> None:
    """Log what the server would say of `sent` if it came in; nothing of what does not go to the server's own port."""
    if sent.raw or sent.port != server.ports.local:
        return
    payload = sent.payload
    relay = payload[_GIADDR_AT : _GIADDR_AT + 4]
    if relay == _NO_RELAY or len(payload) < FIXED_OCTETS:
        return
    key = payload[_HLEN_AT : _HLEN_AT + 1] + relay + payload[_NAMES_AT:]
    if key in server.unremarkable:
        return
    packet = parse_packet(payload, sent.interface, sent.source, sent.port, server.configuration.registry)
    for level, text in packet.lines:
        server.log(level, text)
    if not isinstance(packet, Dropped) and packet.message_type and not _is_known(server, packet):
        log_type(server, packet, "unknown network segment")
    elif not packet.lines:
        if len(server.unremarkable) >= REMEMBERED_MAXIMUM:
            server.unremarkable.clear()
        server.unremarkable.add(key)


def _is_known(server: Server, packet: Message) -> bool:
    """Whether the reply would lead to a network."""
    choice = selected(packet)
    if choice is not None:
        return subnet_of(server, choice[0]) is not None
    return server.configuration.find_subnet(packet.giaddr) is not None


def log_type(server: Server, packet: Message, what: str) -> None:
    """Log that a message of this type is not dealt with."""
    client = hardware_text(packet.hardware) if packet.htype else "<no identifier>"
    server.log(INFO, f"{type_name(packet.message_type)} from {client} via {via_text(packet)}: {what}")
