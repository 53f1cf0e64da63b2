"""What the partner tells and asks: binding updates, acknowledgements of ours, update requests.

An update is judged by rules/binding.py, stored, and then acknowledged: several at a time, or when this server has
something to say, or two seconds after the last one, or, while it recovers, when all is read that has come; a refusal
goes at once. An update request is a queue filled with what the partner missed, or with everything, and an UPDDONE
behind the last acknowledgement.

Source: docs/behaviour/failover.md#a-bndupd-received, #acknowledgements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...trace.effects import ERROR, INFO
from ..model.lease import ACTIVE, BACKUP, FREE, RELEASED, RESERVED_FLAG, STATE_NAMES
from ..wire.text import dotted
from . import balancing, outgoing
from .link import printable
from .messages import BindingAck, BindingUpdate
from .rules.binding import ENDED, Reason, Refusal, examine, partner_wins, reason_text
from .rules.ownership import own_free_state
from .rules.states import NORMAL, RECOVER
from .rules.updates import NOTHING_TAKEN

if TYPE_CHECKING:

    from ..model.lease import Lease
    from ..model.partner import Binding
    from .endpoint import Endpoint

ACK_DELAY_S: Final = 2
_ACKS: Final = "acks"


def receive_ack(endpoint: Endpoint, message: BindingAck) -> None:
    """The partner has taken an update, or refused it."""
    site, updates = endpoint.site, endpoint.updates
    address = message.address or 0
    lease = _lease(endpoint, address)
    if lease is None:
        site.log(INFO, f"bind update on {dotted(address)} got ack from {endpoint.name}: no such lease.")
        return
    told = updates.unacked.get(address)
    if told is not None and told.xid == message.xid:
        updates.heard(told)
    if message.reject is not None:
        text = reason_text(message.reject) if message.message is None else printable(message.message)
        site.log(ERROR, f"bind update on {dotted(address)} from {endpoint.name} rejected: {text}")
        site.tell(dotted(address), f"the partner refused it ({message.reject})", text)
        if told is not None and message.xid < told.xid:
            # What it refused was told before; the lease has changed since, and is under way anew.
            return
        if message.reject == Reason.LESS_CRITICAL:
            updates.forget(address)
        else:
            updates.refuse(address)
    elif told is not None:
        if told.xid != message.xid:
            site.log(INFO, f"bind update on {dotted(address)} got ack from {endpoint.name}: xid mismatch.")
            return
        updates.forget(address)
        site.tell(dotted(address), "acknowledged", f"the partner has taken {STATE_NAMES[told.state]}")
        _acknowledged(endpoint, lease, told.state)
    xid = updates.answered(address)
    if xid is not None:
        outgoing.send_done(endpoint, xid)
    if told is not None and message.reject is None and told.state in ENDED:
        balancing.affinity(endpoint, lease)
    outgoing.send_updates(endpoint)


def _acknowledged(endpoint: Endpoint, lease: Lease, state: int) -> None:
    """The partner knows what the lease says, `state` among it."""
    assert lease.state == state, "a lease that changed is not under way any more"
    if state in ENDED:
        state = own_free_state(primary=endpoint.primary) if lease.flags & RESERVED_FLAG else FREE
    endpoint.site.leases.acknowledge(lease, state)


# Update requests


def receive_request(endpoint: Endpoint, xid: int, *, everything: bool) -> None:
    """The partner wants to hear what it has not acknowledged, or everything."""
    site, updates = endpoint.site, endpoint.updates
    if updates.request is not None:
        text = "Received update request while old update still flying!  Silently discarding old request."
        site.log(INFO, text)
    if everything:
        updates.queue_all(outgoing.every_address(endpoint))
    else:
        outgoing.queue_pending(endpoint)
    asked = f"Update request {'all ' if everything else ''}from {endpoint.name}"
    if updates.ask(xid):
        site.log(INFO, f"{asked}: sending update")
        outgoing.send_updates(endpoint)
    else:
        outgoing.send_done(endpoint, xid)
        site.log(INFO, f"{asked}: nothing pending")


# What the partner tells


def receive_update(endpoint: Endpoint, message: BindingUpdate) -> None:
    """The partner's lease: taken, or refused."""
    address = message.address or 0
    told = endpoint.updates.unacked.get(address)
    verdict = _judge(endpoint, message)
    site = endpoint.site
    if isinstance(verdict, Refusal):
        endpoint.lacking = endpoint.lacking or verdict.reason == Reason.MISSING_INFORMATION
        site.tell(dotted(address), f"refused ({int(verdict.reason)})", verdict.text)
        _refuse(endpoint, address, message.xid, verdict)
        if verdict.outdated and address not in endpoint.updates:
            outgoing.changed(endpoint, address)
        return
    lease, binding = verdict
    old = lease.state
    site.tell(dotted(address), "taken", f"the partner says {STATE_NAMES[binding.state]}, here it is {STATE_NAMES[old]}")
    if binding.unknown_flags:
        site.log(INFO, f"Unknown IP-flags set in BNDUPD (0x{binding.unknown_flags:x}).")
    if old == binding.state == ACTIVE and _conflicts(lease, binding):
        site.log(ERROR, f"Lease conflict at {dotted(address)}")
    # The partner may take the release that it was told, if it has not got an update under way any more.
    crossed = told is not None and told.state == RELEASED and binding.state == ACTIVE
    site.leases.take_over(lease, binding, retold=crossed)
    endpoint.updates.stored(address)
    _acknowledge(endpoint, address, message.xid)
    if binding.state in ENDED and lease.state == FREE:
        balancing.affinity(endpoint, lease)
    elif old in (FREE, BACKUP) and lease.state != old:
        balancing.pool_changed(endpoint, address)
    if crossed:
        outgoing.changed(endpoint, address)


def _judge(endpoint: Endpoint, message: BindingUpdate) -> Refusal | tuple[Lease, Binding]:
    """The checks in ISC's order. A duel that the partner wins ends this server's update."""
    site = endpoint.site
    if message.address is None or message.state is None:
        return Refusal(Reason.MISSING_INFORMATION, "binding update lacks required options")
    lease = site.database.find(message.address)
    if lease is None:
        return Refusal(Reason.ILLEGAL_ADDRESS, "unknown IP address")
    if lease.pool not in site.pools(endpoint):
        text = "IP address is covered by a different failover relationship state"
        return Refusal(Reason.ILLEGAL_ADDRESS, text)
    mine = _untold(endpoint, lease)
    if mine is not None:
        wins = partner_wins(
            mine, lease.cltt, message.state, message.cltt or 0,
            primary=endpoint.primary, ended=lease.ends <= site.now,
        )  # fmt: skip
        if not wins:
            return Refusal(Reason.LESS_CRITICAL, "incoming update is less critical than outgoing update")
        site.tell(dotted(message.address), "given way", "both told at once, and the partner's update is the better one")
        endpoint.updates.forget(message.address)
    found = examine(message, lease, site.now, normal=endpoint.state is NORMAL, primary=endpoint.primary)
    return found if isinstance(found, Refusal) else (lease, found)


def _untold(endpoint: Endpoint, lease: Lease) -> int | None:
    """The state of a lease that the partner did not know when it sent an update; None where it knew all that matters.

    That is what is under way to it, and a lease in use that waits to be told, or was told and refused: somebody was
    promised more than it says.
    """
    told = endpoint.updates.unacked.get(lease.address)
    if told is not None:
        return told.state
    in_use = lease.state == ACTIVE and lease.ends > endpoint.site.now
    untold = lease.address in endpoint.updates or lease.address in endpoint.updates.refused
    return ACTIVE if in_use and untold else None


def _conflicts(lease: Lease, binding: Binding) -> bool:
    """Whether two clients have the lease."""
    if lease.uid and binding.uid:
        return lease.uid != binding.uid
    return not lease.uid and lease.hardware != binding.hardware


def _refuse(endpoint: Endpoint, address: int, xid: int, refusal: Refusal) -> None:
    endpoint.send(BindingAck(endpoint.site.now, xid, address, int(refusal.reason), refusal.text.encode("ascii")))


def _acknowledge(endpoint: Endpoint, address: int, xid: int) -> None:
    """Acknowledge soon: when half of the smaller window has come, or the partner has been quiet for a while.

    Half of the partner's window, as with ISC, may be more than the partner is let send here: it would wait each time.
    """
    waiting = endpoint.updates.to_ack
    waiting.append((address, xid))
    if len(waiting) >= min(endpoint.settings.max_unacked_updates, endpoint.partner_unacked) // 2:
        outgoing.send_acks(endpoint)


def has_read(endpoint: Endpoint, before: tuple[int, int]) -> None:
    """All that came together is read; `before`: what was to be acknowledged last when it came.

    Who recovers acknowledges all at once, since nothing may follow before that.
    """
    last = endpoint.updates.last_taken
    if last in (before, NOTHING_TAKEN):
        return
    if endpoint.state is RECOVER:
        outgoing.send_acks(endpoint)
    else:
        endpoint.alarm(_ACKS, ACK_DELAY_S)


def _lease(endpoint: Endpoint, address: int) -> Lease | None:
    """A lease of the relationship."""
    lease = endpoint.site.database.find(address)
    return lease if lease is not None and lease.pool in endpoint.site.pools(endpoint) else None
