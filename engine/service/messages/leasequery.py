"""DHCPLEASEQUERY (RFC 4388, docs/behaviour/leasequery.md): what a relay may know of an address or a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ....trace.effects import INFO
from ...conf.running import parameters as par
from ...conf.running.scopes import run_scopes, running_order
from ...model.context import OptionSet
from ...model.lease import ACTIVE, Lease
from ...wire.codes import CLIENT_IDENTIFIER
from ...wire.encode import LEASEQUERY
from ...wire.packet import LEASEACTIVE, LEASEUNASSIGNED, LEASEUNKNOWN, type_name
from ...wire.reply import compose_leasequery, send_leasequery
from ...wire.text import dotted, hardware_text, identifier_text, leasequery_line
from ..granting.reply import server_identifier
from ..silence import Silence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...model.configuration import SharedNetwork
    from ...model.context import Context, Message
    from ..server import Server

# What is beyond this is counted, and left out of the answer.
ASSOCIATED_MAX: Final = 40
_UNSIGNED: Final = 0xFFFFFFFF


class Subject(NamedTuple):
    """What was asked for: the lease, the client's other active leases, and the words for the log."""

    lease: Lease | None
    associated: list[Lease]
    text: str


def leasequery(
    server: Server, context: Context, packet: Message, _network: SharedNetwork | None
) -> None:
    """Answer a query, if the relay's scopes allow it."""
    line = leasequery_line(packet)
    server.silence = Silence.REFUSED
    if not packet.giaddr:
        server.log(INFO, f"{line}: missing giaddr, ciaddr is {dotted(packet.ciaddr)}, no reply sent")
        return
    options = context.reply = OptionSet()
    subnet = server.configuration.find_subnet(packet.giaddr)
    if subnet is not None:
        run_scopes(running_order(subnet, None, packet.classes, None), context)
    else:
        server.configuration.global_scope.run(context)
        for member in reversed(packet.classes):
            run_scopes(member.scope.chain(server.configuration.global_scope), context)
    if not par.flag(context, options, par.LEASEQUERY, False):
        server.log(INFO, f"{line}: LEASEQUERY not allowed, query ignored")
        return
    subject = _find(server, packet)
    lease = subject.lease
    kind = LEASEUNKNOWN
    if lease is not None:
        kind = LEASEACTIVE if lease.state == ACTIVE else LEASEUNASSIGNED
    hardware: bytes | None = None
    if lease is not None and kind == LEASEACTIVE:
        options = context.reply = OptionSet()
        hardware = lease.hardware
    server_identifier(server, context, options, packet.interface, kind)
    if lease is not None and kind == LEASEACTIVE:
        _describe(server, options, lease, subject.associated)
    _answer(server, context, packet, options, subject, kind, hardware)


def _find(server: Server, packet: Message) -> Subject:
    """The lease that the query is about, and the others of the client: by address, identifier or hardware.

    See docs/behaviour/leasequery.md#which-lease-is-told-of.
    """
    if packet.ciaddr:
        return Subject(server.database.find(packet.ciaddr), [], f"IP {dotted(packet.ciaddr)}")
    uid = packet.options.get(CLIENT_IDENTIFIER)
    if uid is not None:
        leases, text = server.database.by_uid(uid), f"client-id {identifier_text(uid)}"
    else:
        leases, text = server.database.by_hardware(packet.hardware), f"MAC address {hardware_text(packet.hardware)}"
    chosen = _newest(leases)
    associated = [lease for lease in leases if lease is not chosen and lease.state == ACTIVE]
    return Subject(chosen, associated, text)


def _newest(leases: Sequence[Lease]) -> Lease | None:
    kept: Lease | None = None
    for lease in leases:
        if kept is None:
            kept = lease
        elif kept.state == ACTIVE:
            if lease.state == ACTIVE and lease.cltt > kept.cltt:
                kept = lease
        elif lease.ends > kept.ends:
            kept = lease
    return kept


def _describe(server: Server, options: OptionSet, lease: Lease, associated: list[Lease]) -> None:
    """What is told of an active lease (docs/behaviour/leasequery.md#options-of-dhcpleaseactive)."""
    now, dhcp = server.now, options.dhcp
    # T1 is half of the time, T2 seven eighths of it, rounded part by part. What is over is left out.
    length = (lease.ends - lease.starts) & _UNSIGNED
    times = (
        (51, lease.ends - now),
        (58, lease.starts + length // 2 - now),
        (59, lease.starts + length // 2 + length // 4 + length // 8 - now),
    )
    for code, seconds in times:
        if seconds > 0:
            dhcp[code] = (seconds & _UNSIGNED).to_bytes(4, "big")
    if associated:
        dhcp[92] = b"".join([one.address.to_bytes(4, "big") for one in associated[:ASSOCIATED_MAX]])
    rare = lease.rare
    if rare is not None and rare.variables is not None:
        value = rare.variables.get("vendor-class-identifier")
        if isinstance(value, bytes) and value:
            dhcp[60] = value
    # After 60: within a bucket of the reply's order the latest stands first.
    if lease.cltt:
        dhcp[91] = max(0, now - lease.cltt).to_bytes(4, "big")
    if lease.uid:
        dhcp[CLIENT_IDENTIFIER] = lease.uid
    if rare is not None and rare.agent_options:
        options.spaces["agent"] = dict(rare.agent_options)


def _answer(
    server: Server,
    context: Context,
    packet: Message,
    options: OptionSet,
    subject: Subject,
    kind: int,
    hardware: bytes | None,
) -> None:
    area = server.generation.encoder.area(LEASEQUERY, packet, options, context, None, None)
    ciaddr = packet.ciaddr
    if not ciaddr and subject.lease is not None:
        ciaddr = subject.lease.address
    count = len(subject.associated)
    if count > ASSOCIATED_MAX:
        server.log(INFO, f"{count} IP addresses associated with {subject.text}, only {ASSOCIATED_MAX} sent in reply.")
    server.log(INFO, f"{leasequery_line(packet)} for {subject.text}")
    relay = dotted(packet.giaddr)
    server.log(INFO, f"{type_name(kind)} to {relay} for {subject.text} ({count} associated IPs)")
    rare = None if subject.lease is None else subject.lease.rare
    payload = compose_leasequery(packet, area, ciaddr, hardware, b"" if rare is None else rare.padding)
    server.effects.append(send_leasequery(packet, payload, server.ports))
