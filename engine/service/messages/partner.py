"""Whether a message is this server's to answer, where a failover partner shares the pool: what ISC logs of it.

The partner is asked (engine/model/partner.py) and decides nothing but that. A pool that is this server's alone has a
partner, too, to which every answer is yes.

Where this differs from ISC: of the partner's leases count those that the client may have, by the pools' permits and by
the relationship; not whatever a pool of the network has (docs/differences.md).

See docs/behaviour/failover.md#service-state, docs/behaviour/failover.md#load-balancing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....trace.effects import DEBUG, INFO
from ...conf.running.classify import permitted
from ...model.lease import FREE
from ..silence import Silence

if TYPE_CHECKING:
    from ...model.configuration import SharedNetwork
    from ...model.context import Context, Message
    from ...model.lease import Lease
    from ...model.partner import Partner
    from ..server import Server


def leaves_discover(
    server: Server, context: Context, packet: Message, network: SharedNetwork, lease: Lease, line: str
) -> bool:
    """Whether a DISCOVER goes unanswered: nobody is served now, or the partner answers this client.

    A client of the partner's is answered all the same where the partner has no lease for it.
    """
    partner = server.leases.partner_of(lease)
    if partner.silence is not None:
        server.log(INFO, f"{line}: not responding{partner.silence}")
        server.silence = Silence.PARTNER_STATE
        return True
    if not partner.leaves_to_other(packet):
        return False
    if _has_some(server, context, network, partner):
        server.log(DEBUG, f"{line}: load balance to peer {partner.name}")
        server.silence = Silence.PARTNER_ANSWERS
        return True
    server.log(DEBUG, f"{line}: cancel load balance to peer {partner.name} - no free leases")
    return False


def leaves_bootp(server: Server, packet: Message, lease: Lease, line: str) -> bool:
    """Whether a BOOTREQUEST goes unanswered. A client of the partner's is the partner's, whatever it has."""
    partner = server.leases.partner_of(lease)
    if partner.silence is not None:
        server.log(INFO, f"{line}: not responding{partner.silence}")
        server.silence = Silence.PARTNER_STATE
        return True
    if not partner.leaves_to_other(packet):
        return False
    server.silence = Silence.PARTNER_ANSWERS
    server.log(INFO, f"{line}: load balance to peer {partner.name}")
    return True


def ignores(server: Server, lease: Lease) -> bool:
    """Whether a RELEASE or DECLINE must change nothing, since nobody is served now; has logged it."""
    partner = server.leases.partner_of(lease)
    if partner.silence is None:
        return False
    server.log(INFO, f"{partner.name}: ignored{partner.silence}")
    return True


def _has_some(server: Server, context: Context, network: SharedNetwork, partner: Partner) -> bool:
    """Whether a pool that the client may have addresses of has free ones that are this partner's to give."""
    for pool in network.pools:
        if server.leases.partners[pool.index] is not partner:
            continue
        counts = server.database.counts(pool)
        free = counts.free if partner.other_state == FREE else counts.backup
        if free > 0 and permitted(context, pool):
            return True
    return False
