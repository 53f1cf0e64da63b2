"""DHCPREQUEST (RFC 2131 section 4.3.2): acknowledged, refused, or left to other servers.

The client's state is not asked for; what counts is which addresses the packet names, and where it came from. Option 54
is never compared, so that a REQUEST for another server is answered where the address can be had, as ISC does.

See docs/behaviour/decisions.md#dhcprequest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....trace.effects import INFO
from ...wire.packet import ACK
from ...wire.text import cut, dotted, request_line
from ..finding.find_lease import find_lease
from ..granting.grant import grant
from ..granting.nak import send_nak_for
from ..reasons import Reason
from ..silence import Silence

if TYPE_CHECKING:
    from ...model.configuration import SharedNetwork, Subnet
    from ...model.context import Context, Message
    from ..server import Server


def request(
    server: Server, context: Context, packet: Message, network: SharedNetwork | None
) -> None:
    """Answer with ACK or NAK, or not at all."""
    wanted = packet.requested_address
    address = packet.ciaddr if wanted is None else wanted
    subnet = server.generation.configuration.find_subnet(address)
    lease, ours = None, False
    if subnet is not None:
        # A renewal that brings no relay options was given those of its lease, and is about that lease.
        preset = server.database.find(packet.ciaddr) if packet.stashed else None
        lease, ours = find_lease(server, context, packet, subnet.network, preset)
    if lease is None:
        line = cut(request_line(packet, None, None))
    else:
        line = cut(request_line(packet, lease.uid, lease.hostname))
        refused = server.leases.partner_of(lease).refuses(lease, server.now)
        if refused is not None:
            server.log(refused.level, f"{line}: {refused.words}")
            server.silence = Silence.PARTNER_STATE
            _explain(server, address, "NAK" if refused.nak else "no reply", refused.words)
            if refused.nak:
                send_nak_for(server, context, address, subnet)
            return
    named = (packet.ciaddr and packet.giaddr) or (wanted is not None and not packet.ciaddr)
    elsewhere = network is None or (named and (subnet is None or subnet.network is not network))
    if elsewhere and not _on_its_network(server, context, network, subnet, address, line):
        return
    if lease is not None:
        grant(server, context, lease, ACK, line)
    elif ours:
        server.log(INFO, f"{line}: lease {dotted(address)} unavailable.")
        _explain(server, address, "NAK", "the address is ours, but not for this client")
        send_nak_for(server, context, address, subnet)
    else:
        server.log(INFO, f"{line}: unknown lease {dotted(address)}.")
        server.silence = Silence.UNKNOWN_LEASE
        _explain(server, address, "no reply", "nothing is known of the address")


def _on_its_network(
    server: Server,
    context: Context,
    network: SharedNetwork | None,
    subnet: Subnet | None,
    address: int,
    line: str,
) -> bool:
    """Whether the address is one of the network that the packet came from; has refused or ignored it if not.

    See docs/behaviour/decisions.md#dhcprequest, step 5.
    """
    if network is None:
        authoritative = subnet is not None and subnet.scope.authoritative
        why = "ignored (unknown subnet)." if subnet is None else "ignored (not authoritative)."
    else:
        for one in network.subnets:
            if address & one.netmask == one.number:
                return True
        authoritative = network.scope.authoritative
        why = "ignored (not authoritative)."
    if authoritative:
        server.log(INFO, f"{line}: wrong network.")
        _explain(server, address, "NAK", "wrong network, and this server is authoritative")
        send_nak_for(server, context, address, None)
    else:
        server.log(INFO, f"{line}: {why}")
        server.silence = Silence.NOT_AUTHORITATIVE
        _explain(server, address, "no reply", why)
    return False


def _explain(server: Server, address: int, verdict: str, why: str) -> None:
    if server.reasons is not None:
        server.reasons.append(Reason("verdict", dotted(address), verdict, why))
