"""From a granted lease to the packet that says so: option set, lines, record, packet.

The order of effects of an ACK is ISC's: request line, record, reply line, packet; an OFFER may wait
for a ping before its reply line (ping.py). Options are placed by wire/encode.py.

See docs/behaviour/decisions.md#grant-procedure, steps 27 to 39,
docs/behaviour/lease-file.md#the-record-before-the-answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR, INFO
from ...model.lease import ACTIVE
from ...wire.codes import (
    ADDRESS_OCTETS,
    CLIENT_IDENTIFIER,
    HOST_NAME,
    LEASE_TIME,
    MESSAGE_TYPE,
    REBINDING_TIME,
    RENEWAL_TIME,
    ROUTERS,
    SERVER_IDENTIFIER,
    SUBNET_MASK,
    SUBNET_SELECTION,
)
from ...wire.encode import CACHE_ENTRIES_MAXIMUM, DYNAMIC_BOOTP, OFFER_OR_ACK, UnknownSpaceError, asked_for
from ...wire.packet import ACK, OFFER
from ...wire.reply import (
    BROADCAST_FLAG,
    chaddr_of,
    names_and_options,
    send_ack,
    send_bootp,
    send_offer,
    truncation_lines,
    with_header,
)
from ...wire.text import dotted, reply_line
from ..explain import sent_options, tell_options, tell_parameters
from ..plan import Prepared
from ..reasons import Reason
from .lease_name import reverse_name
from .ping import begin_ping, wants_ping

if TYPE_CHECKING:
    from ....trace.effects import Send
    from ...model.context import Context, OptionSet
    from ...wire.encode import Layout, Site
    from ..server import Server
    from .step import Grant

_UNSIGNED: Final = 0xFFFFFFFF
_WORDS: Final = {OFFER: "DHCPOFFER", ACK: "DHCPACK", 0: "BOOTREPLY"}


def answer(step: Grant) -> None:
    """Make the reply, and send it or have it wait."""
    server, context = step.server, step.context
    lease, packet, kind = step.lease, step.packet, step.kind
    prepared = _prepared(step)
    context.reply = prepared.options
    context.bindings = server.global_bindings
    stored = kind != OFFER and lease.pool is not None and not step.reused
    encoder, layout = server.generation.encoder, OFFER_OR_ACK if kind else DYNAMIC_BOOTP
    site = None
    if prepared.kept is None:
        try:
            site = encoder.site(layout, prepared.options, context)
        except UnknownSpaceError as error:
            # Nothing else keeps a reply from being made, so that what is stored below is told to its client.
            server.log(ERROR, str(error))
            if stored:
                server.leases.withhold(lease)
            return
        encoder.warn_of(site, context)
    server.log(INFO, step.line)
    if stored:
        server.leases.store(lease)
    sent = _encode(step, prepared, layout, site)
    terms = step.terms
    if terms.filename or terms.server_name:
        for line in truncation_lines(terms.filename, terms.server_name):
            server.log(INFO, line)
    static = lease.pool is None
    line = reply_line(_WORDS[kind], lease.address, packet, None if static else lease.hostname)
    if server.reasons is not None:
        tell_parameters(server, step.settings, context, step.options)
        tell_options(server, packet, step.settings, sent_options(sent.payload))
        server.reasons.append(Reason("verdict", dotted(lease.address), _WORDS[kind], "granted"))
    if kind == OFFER and lease.state != ACTIVE and not static and terms.ping_check and wants_ping(step):
        begin_ping(server, lease.address, terms.ping_timeout_us, line, sent)
        return
    server.log(INFO, line)
    assert kind == OFFER or server.leases.unstored is not lease, "an ACK promises what is not in the lease file"
    server.effects.append(sent)


def _prepared(step: Grant) -> Prepared:
    """The reply's option set; the plan's own, but for option 51, where nothing in the packet asks for more."""
    plan, packet = step.plan, step.packet
    if plan is None or not plan.plain or not step.shared or not step.kind or SUBNET_SELECTION in packet.options:
        return _fill(step, step.options if not step.shared else step.options.copy())
    key = (step.kind, packet.interface)
    made = plan.prepared.get(key)
    if made is None:
        made = plan.prepared[key] = _fill(step, step.options.copy())
        if step.server.generation.encoder.is_constant(made.options):
            made.kept = {}
    else:
        made.options.dhcp[LEASE_TIME] = _seconds(step.expiry - step.server.now)
    return made


def _seconds(seconds: int) -> bytes:
    return (seconds & _UNSIGNED).to_bytes(4, "big")


def _fill(step: Grant, options: OptionSet) -> Prepared:
    """Put what the server adds by itself into a set of the reply's own.

    See docs/behaviour/decisions.md#grant-procedure, steps 29 to 35.
    """
    server, packet, terms, lease = step.server, step.packet, step.terms, step.lease
    dhcp = options.dhcp
    context = step.context
    context.reply = options
    if SUBNET_SELECTION in packet.options:
        dhcp[SUBNET_SELECTION] = packet.options[SUBNET_SELECTION]
    source = server.interface_address(packet.interface)
    if step.kind:
        source = server_identifier(server, context, options, packet.interface, step.kind)
        time = step.expiry - server.now
        dhcp[LEASE_TIME] = _seconds(time)
        _limit_renewal(context, options, time & _UNSIGNED)
    assert lease.subnet is not None
    dhcp.setdefault(SUBNET_MASK, lease.subnet.netmask.to_bytes(4, "big"))
    host = step.host
    if terms.use_host_names and host is not None and HOST_NAME not in dhcp:
        dhcp[HOST_NAME] = host.name.encode("latin-1", "replace")
    if terms.echo_client_id and CLIENT_IDENTIFIER in packet.options:
        dhcp[CLIENT_IDENTIFIER] = packet.options[CLIENT_IDENTIFIER]
    if terms.get_lease_hostnames and HOST_NAME not in dhcp:
        name = reverse_name(server, lease.address)
        if name:
            dhcp[HOST_NAME] = name
    if terms.use_lease_route and ROUTERS not in dhcp:
        dhcp[ROUTERS] = lease.address.to_bytes(4, "big")
    return Prepared(options, source)


def server_identifier(server: Server, context: Context, options: OptionSet, interface: str, kind: int) -> int:
    """Set options 53 and 54, and say which address 54 is: the configured one if it is one, else the interface's.

    An expression for it sees no lease.
    """
    dhcp = options.dhcp
    dhcp[MESSAGE_TYPE] = bytes((kind,))
    value = dhcp.get(SERVER_IDENTIFIER)
    if callable(value):
        lease, context.lease = context.lease, None
        value = value(context)
        context.lease = lease
    if value is not None and len(value) == ADDRESS_OCTETS:
        return int.from_bytes(value, "big")
    source = server.interface_address(interface)
    if source:
        dhcp[SERVER_IDENTIFIER] = source.to_bytes(4, "big")
    return source


def _limit_renewal(context: Context, options: OptionSet, time: int) -> None:
    """Keep options 59 and 58 only where they are smaller than what follows them.

    See docs/behaviour/decisions.md#grant-procedure, step 30.
    """
    for code in (REBINDING_TIME, RENEWAL_TIME):
        value = options.dhcp.get(code)
        if value is None:
            continue
        if callable(value):
            value = value(context)
        if value is not None and len(value) == ADDRESS_OCTETS and int.from_bytes(value, "big") < time:
            time = int.from_bytes(value, "big")
        else:
            del options.dhcp[code]


def _names_and_options(step: Grant, prepared: Prepared, layout: Layout, site: Site | None) -> bytes:
    """What stands behind the header; that of an earlier reply where the same decides on it."""
    packet, terms, kept = step.packet, step.terms, prepared.kept
    filename, server_name = terms.filename, terms.server_name
    key: tuple[object, ...] = ()
    if kept is not None:
        key = (prepared.options.dhcp[LEASE_TIME], *asked_for(packet))
        known = kept.get(key)
        if known is not None:
            return known
    encoder = step.server.generation.encoder
    area = encoder.area(layout, packet, prepared.options, step.context, filename, server_name, site)
    made = names_and_options(layout, packet, area, filename, server_name)
    if kept is not None:
        if len(kept) >= CACHE_ENTRIES_MAXIMUM:
            kept.clear()
        kept[key] = made
    return made


def _encode(step: Grant, prepared: Prepared, layout: Layout, site: Site | None) -> Send:
    """The packet; what evaluating its options logs is logged."""
    server, packet, kind = step.server, step.packet, step.kind
    terms, lease = step.terms, step.lease
    rest = _names_and_options(step, prepared, layout, site)
    flags = packet.flags | BROADCAST_FLAG if terms.always_broadcast else packet.flags
    address = lease.address
    chaddr = None
    if step.reused:
        chaddr = chaddr_of(lease.hardware, b"" if lease.rare is None else lease.rare.padding)
    payload = with_header(packet, flags, packet.ciaddr, address, terms.next_server, rest, chaddr)
    if kind == OFFER:
        return send_offer(packet, payload, server.ports, flags, address, prepared.source)
    if kind == ACK:
        assert lease.subnet is not None
        interface = server.generation.interfaces.get(packet.interface)
        same = interface is not None and interface.network is lease.subnet.network
        return send_ack(packet, payload, server.ports, flags, address, prepared.source, same_network=same)
    return send_bootp(packet, payload, server.ports, flags, address, prepared.source)
