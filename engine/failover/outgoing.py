"""What this server tells of its leases: binding updates, acknowledgements, and the queues behind them.

An update is sent as soon as a lease changes, if the link is there and fewer are under way than the partner can take.
Before it leaves, the lease's `rewind_state` (what the partner must be assumed to know) is on disk; behind a failure of
the disk that is the whole record, since the one of before may be lost. It does not wait for the disk where the lease's
record is known to be there: what else is stored meanwhile, acknowledgements above all, is none of its business.
Acknowledgements go before updates. DHCP answers wait for none of this. Functions of an endpoint; leases change in
lease/commit.py only.

Where this differs from ISC: option 3 tells the state of the lease at the moment of sending; a partner that has
forgotten what it promised is told of a lease as in use until its promise must be over (docs/differences.md).

Source: docs/behaviour/failover.md#sending-updates, #when-an-update-is-queued.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...trace.effects import INFO
from ..model.change import Cause
from ..model.lease import ABANDONED, ACTIVE, BACKUP, BOOTP_FLAG, EXPIRED, FREE, RESERVED_FLAG
from ..model.partner import Binding
from ..wire.text import dotted
from .messages import BindingAck, BindingUpdate, UpdateDone
from .rules.binding import ENDED, UID_OCTETS_MAX, wire_flags
from .rules.lease_time import LATEST
from .rules.ownership import partners_free_state, tsfp_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.lease import Lease
    from .endpoint import Endpoint

_ACKS: Final = "acks"
# What the order of a whole queue is: by lists, and each list in its order. 0 is the list of reserved leases.
_PROMISED: Final = frozenset({ACTIVE, *ENDED})
_LISTS: Final = (FREE, ACTIVE, EXPIRED, ABANDONED, BACKUP, 0)


# What this server tells


def changed(endpoint: Endpoint, address: int) -> None:
    """A lease has changed here: the partner is told, now or when there is a link."""
    endpoint.updates.queue(address)
    if endpoint.link is not None:
        send_updates(endpoint)


def send_updates(endpoint: Endpoint) -> None:
    """Send what waits, as much as the partner takes without an acknowledgement."""
    updates = endpoint.updates
    while endpoint.link is not None and len(updates.unacked) < endpoint.partner_unacked:
        address = updates.next()
        if address is None:
            return
        send_acks(endpoint)
        lease = endpoint.site.database.find(address)
        assert lease is not None, "only leases of this configuration are queued"
        _send_update(endpoint, lease)


def _send_update(endpoint: Endpoint, lease: Lease) -> None:
    link = endpoint.link
    assert link is not None
    bootp = _may_tell_bootp(endpoint, lease)
    durable = endpoint.forgetful and _keep_promise(endpoint, lease)
    durable = endpoint.site.leases.mark_told(lease, again=endpoint.doubtful) or durable
    durable = durable or not endpoint.updates.is_on_disk(lease.address)
    xid = link.update_xid()
    endpoint.updates.sent(lease.address, xid, lease.state, durable=durable)
    # Nobody has an abandoned lease, but whom it was offered to again, long after; a partner refuses to hear of him.
    nobody = lease.state == ABANDONED
    endpoint.send(
        BindingUpdate(
            endpoint.site.now,
            xid,
            address=lease.address,
            state=lease.state,
            uid=None if nobody or len(lease.uid) > UID_OCTETS_MAX else lease.uid or None,
            hardware=None if nobody else lease.hardware or None,
            ends=lease.ends,
            potential=lease.tstp,
            starts=lease.starts,
            cltt=lease.cltt or None,
            ip_flags=wire_flags(lease.flags, bootp=bootp),
        ),
        durable=durable,
    )


def _may_tell_bootp(endpoint: Endpoint, lease: Lease) -> bool:
    """Whether to tell that BOOTP has the address: somebody has it, and the partner does not think it its own to give.

    An ISC dhcpd that thinks so, having been down or lost its lease file, refuses the update for that flag each time,
    and gives the address to somebody else. Without it, it knows whose the address is, and for how long.
    """
    its_own = lease.rewind_state == partners_free_state(primary=endpoint.primary)
    return not (its_own or endpoint.forgetful or lease.state in (FREE, BACKUP))


def _keep_promise(endpoint: Endpoint, lease: Lease) -> bool:
    """Have the lease be in use as long as the partner may have promised it; whether that is more than it was.

    The partner may have promised the lease to its client, unheard, until MCLT beyond what it was known to know.

    It does not know that any more, and would agree to any end: so the lease is in use here till then, whatever became
    of it meanwhile.
    """
    until = min(tsfp_of(lease) + endpoint.mclt, LATEST)
    promised = lease.state in _PROMISED or _may_be_given_again(endpoint, lease)
    if not promised or until <= endpoint.site.now or (lease.state == ACTIVE and until <= lease.ends):
        return False
    said = Binding(ACTIVE, lease.hardware, lease.uid, lease.starts, until, tsfp_of(lease), 0,
                   lease.flags & (RESERVED_FLAG | BOOTP_FLAG), anew=False, forgets=False, unknown_flags=0)  # fmt: skip
    endpoint.site.tell(dotted(lease.address), "kept", "the partner may have promised it, and has forgotten")
    endpoint.site.leases.take_over(lease, said, Cause.KEEP)
    return True


def _may_be_given_again(endpoint: Endpoint, lease: Lease) -> bool:
    """Whether a free lease is the partner's, whose client it may have had again for as long as was told of him once.

    What was given to the partner was told of nobody, and its `tsfp` is that moment.
    """
    is_partners = lease.state == partners_free_state(primary=endpoint.primary)
    return is_partners and bool(lease.hardware) and tsfp_of(lease) > max(lease.starts, lease.ends)


def send_acks(endpoint: Endpoint) -> None:
    """Acknowledge everything that was taken."""
    waiting = endpoint.updates.to_ack
    if not waiting or endpoint.link is None:
        return
    for address, xid in waiting:
        endpoint.send(BindingAck(endpoint.site.now, xid, address))
    waiting.clear()
    endpoint.site.no_alarm(endpoint, _ACKS, 0)


def send_done(endpoint: Endpoint, xid: int) -> None:
    """An update request of the partner is answered."""
    if endpoint.link is not None:
        endpoint.send(UpdateDone(endpoint.site.now, xid))
        endpoint.site.log(INFO, f"Sent update done message to {endpoint.name}")


# Whole queues


def queue_pending(endpoint: Endpoint) -> None:
    """Queue every lease of which the partner does not know all."""
    endpoint.updates.queue_all(
        [lease.address for lease in _entered(endpoint) if _is_pending(lease) or lease.state in ENDED]
    )


def queue_at_start(endpoint: Endpoint) -> None:
    """Queue what was not acknowledged before the server ended."""
    endpoint.updates.queue_all([lease.address for lease in _entered(endpoint) if _is_pending(lease)])


def _is_pending(lease: Lease) -> bool:
    return lease.tstp > (0 if lease.rare is None else lease.rare.atsfp)


def _entered(endpoint: Endpoint) -> Iterator[Lease]:
    """The relationship's leases that were ever used or told, in the order of the lists."""
    database = endpoint.site.database
    for pool in endpoint.site.pools(endpoint):
        for number in _LISTS:
            yield from database.queue(pool, number)


def every_address(endpoint: Endpoint) -> Iterator[int]:
    """The relationship's addresses, in the order of the lists, with those that were never used."""
    database = endpoint.site.database
    for pool in endpoint.site.pools(endpoint):
        yield from database.addresses(pool)


def partner_is_down(endpoint: Endpoint) -> None:
    """PARTNER-DOWN begins: what has ended is free when nobody can have a promise of the partner's any more."""
    database = endpoint.site.database
    for pool in endpoint.site.pools(endpoint):
        for lease in list(database.queue(pool, EXPIRED)):
            endpoint.site.leases.hold(lease)
