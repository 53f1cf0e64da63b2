"""DHCPDISCOVER (RFC 2131 section 4.3.1): the client's own lease, else a fresh one, is offered.

See docs/behaviour/decisions.md#dhcpdiscover.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR
from ...model.lease import ACTIVE, BACKUP, FREE
from ...wire.packet import OFFER
from ...wire.text import discover_line
from ..finding.allocate import allocate
from ..finding.find_lease import find_lease
from ..granting.grant import grant
from ..reasons import Reason
from ..silence import Silence
from .partner import leaves_discover

if TYPE_CHECKING:
    from ...model.configuration import SharedNetwork
    from ...model.context import Context, Message
    from ..server import Server

# An OFFER keeps its lease from others for this long, but for who asks for the address: an offer is no promise, and a
# client that does not come back must not cost an address for the time of a lease.
HOLD_S: Final = 120


def discover(
    server: Server, context: Context, packet: Message, network: SharedNetwork | None
) -> None:
    """Offer a lease, or say why there is none."""
    assert network is not None, "a packet without a network does not come here"
    lease, _ours = find_lease(server, context, packet, network)
    uid, name = (None, None) if lease is None else (lease.uid, lease.hostname)
    line = discover_line(packet, uid, name)
    if lease is not None and lease.state != ACTIVE and server.leases.partner_of(lease).is_others(lease, server.now):
        lease = None
    if lease is None:
        lease, partner_has_some = allocate(server, context, network)
        if lease is None:
            why = "peer holds all free leases" if partner_has_some else f"network {network.name}: no free leases"
            server.log(ERROR, f"{line}: {why}")
            server.silence = Silence.PARTNER_HAS_FREE if partner_has_some else Silence.NO_FREE_LEASE
            if server.reasons is not None:
                server.reasons.append(Reason("verdict", network.name, "no reply", why, network.place))
            return
    if leaves_discover(server, context, packet, network, lease, line):
        return
    now = server.now
    if lease.ends < now and not server.is_pending(lease.address):
        if lease.state not in (FREE, BACKUP):
            # It has ended, and the partner has not agreed yet: its names are still in DNS, and known by the variables.
            server.leases.names.left(lease)
        server.leases.forget_variables(lease)
    hold = now + HOLD_S
    grant(server, context, lease, OFFER, line, max(hold, lease.ends))
