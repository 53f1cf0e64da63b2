"""Who is called: for each message the module that answers it, for each answer of the world the step that waited for it.

The top of the service: it may import every message's module, and no message's module may import it. A message's type
chooses its handler in the table HANDLERS; before that the network is found, relay options of the lease are brought
back, and the classes are run, in ISC's order (docs/behaviour/decisions.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...trace.effects import Answers, Log, Send
from ...trace.events import Packet as PacketEvent
from ..agenda import Owner
from ..conf.running.classify import classify
from ..model.context import Context, Message
from ..wire.codes import AGENT_OPTIONS
from ..wire.packet import (
    DECLINE,
    DISCOVER,
    INFORM,
    LEASEQUERY,
    RELEASE,
    REQUEST,
    Dropped,
    parse_packet,
)
from .explain import tell_classes
from .finding.find_lease import belongs
from .finding.network import locate
from .granting import ping
from .messages.bootp import bootp
from .messages.decline import decline
from .messages.discover import discover
from .messages.inform import inform
from .messages.leasequery import leasequery
from .messages.release import release_request
from .messages.request import request
from .own_replies import log_type, tell_own_reply
from .silence import Silence

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.configuration import SharedNetwork
    from .server import Server


# Message type -> who answers it.
HANDLERS: Final[dict[int, Callable[[Server, Context, Message, SharedNetwork | None], None]]] = {
    DISCOVER: discover,
    REQUEST: request,
    DECLINE: decline,
    RELEASE: release_request,
    INFORM: inform,
    LEASEQUERY: leasequery,
}
# These go on without a network, by rules of their own.
NEEDS_NO_NETWORK: Final = frozenset({REQUEST, INFORM, LEASEQUERY})
# A server's own messages, ignored without a word: OFFER, ACK and NAK, and LEASEUNASSIGNED, -UNKNOWN and -ACTIVE.
SILENT: Final = frozenset({2, 5, 6, 11, 12, 13})
# A member of an enumeration takes ten times as long to be named through its class as to be looked up here.
_OTHER: Final = Silence.OTHER


def receive(server: Server, event: PacketEvent) -> None:
    """A datagram came (docs/behaviour/decisions.md#intake-and-dispatch)."""
    effects = server.effects
    before = len(effects)
    server.silence = _OTHER
    parsed = parse_packet(event.payload, event.interface, event.source, event.source_port,
                          server.generation.configuration.registry)  # fmt: skip
    if parsed.lines:
        for level, text in parsed.lines:
            effects.append(Log(level, text))
    if isinstance(parsed, Dropped):
        server.silence = Silence.MALFORMED
        return
    if parsed.message_type:
        _dispatch(server, parsed)
    else:
        bootp(server, Context(server, server.now, parsed, None, None, server.global_bindings), parsed)
    # One packet has one reply at most, and it is the last that is done for it.
    if len(effects) > before:
        sent = effects[-1]
        if type(sent) is Send and not sent.raw:
            tell_own_reply(server, sent)


def _dispatch(server: Server, packet: Message) -> None:
    message_type = packet.message_type
    network = locate(server, packet)
    if network is None and message_type not in NEEDS_NO_NETWORK:
        server.silence = Silence.UNKNOWN_NETWORK
        log_type(server, packet, "unknown network segment")
        return
    if message_type == REQUEST and packet.ciaddr and not packet.giaddr and AGENT_OPTIONS not in packet.options:
        _bring_back_relay_options(server, packet)
    context = Context(server, server.now, packet, None, None, server.global_bindings)
    if server.generation.declared.classes:
        classify(context)
        if server.reasons is not None:
            tell_classes(server, packet)
    handler = HANDLERS.get(message_type)
    if handler is not None:
        handler(server, context, packet, network)
    elif message_type not in SILENT:
        server.silence = Silence.UNKNOWN_TYPE
        log_type(server, packet, "unknown packet type")


def _bring_back_relay_options(server: Server, packet: Message) -> None:
    """A client that renews directly has the relay options that its lease was given through.

    See docs/behaviour/decisions.md#relay-options-of-unicast-renewals.
    """
    lease = server.database.find(packet.ciaddr)
    if lease is None or lease.rare is None or lease.rare.agent_options is None:
        return
    if lease.ends >= server.now and belongs(lease, packet):
        packet.attach_stash(lease.rare.agent_options)


def name_answer(server: Server, address: int, name: str) -> None:
    """The name of an address was found, or (empty) was not: the packet that waits is received again."""
    packet = server.unnamed.pop(address, None)
    if packet is None:
        return
    server.agenda.cancel(Owner.REVERSE_LOOKUP, address)
    server.names[address] = name.encode("latin-1", "replace")
    # What comes of it now, and later, answers the packet and not the look-up's end.
    number, server.event = server.event, packet.event
    server.effects.append(Answers(packet.event))
    receive(server, PacketEvent(server.now_us, 0, *packet[:-1]))
    server.event = number
    server.names.pop(address, None)


def ping_unanswered(server: Server, address: int) -> None:
    """Nothing has answered a ping in time: the OFFER behind it leaves."""
    tell_own_reply(server, ping.unanswered(server, address))
