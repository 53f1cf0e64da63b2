"""What two servers must have come to when everything has been well for a while.

Both are in NORMAL, nothing is on its way, both databases say the same of every lease, none is over that is not free
again, and no pool is out of balance by more than max-lease-misbalance. `missing` says what is not so yet, and `bound_s`
for how long that may be.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from ....engine.failover.balancing import figures
from ....engine.failover.rules.binding import ENDED
from ....engine.failover.rules.states import NORMAL
from ....engine.model.lease import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ....engine.failover.endpoint import Endpoint
    from ....engine.model.lease import Lease
    from ..node import Node
    from ..plan import Site
    from ..sites import Relationship

# A call into nothing, given up and tried again, and a start; three times the balance, since each server has its turn;
# and the longest lease, since one that clocks which were apart have left open to doubt is not ended before it ends.
_CALL_S: Final = 140
_START_S: Final = 40
_ENDED_S: Final = 65
# So late a lease may be ended.
_EXPIRY_S: Final = 2


def bound_s(site: Site) -> int:
    """How long it may take."""
    return _CALL_S + _START_S + site.mclt_s + 3 * site.response_s + 3 * site.balance_s + _ENDED_S + site.lease_s


def missing(relationships: Iterable[Relationship], nodes: Mapping[int, Node]) -> str:
    """What is not as it must be, empty for nothing."""
    for one in relationships:
        first, second = (nodes[number].endpoint(one.name) for number in (one.primary, one.secondary))
        if first is None or second is None:
            return f"a server of {one.name} does not run"
        found = _states(one.name, first, second) or _unequal(first, second) or _unbalanced(first)
        if found:
            return found
    return ""


def _states(name: str, first: Endpoint, second: Endpoint) -> str:
    if first.state is not NORMAL or second.state is not NORMAL:
        return f"{name} is {first.state.word} at its primary and {second.state.word} at its secondary"
    for end in (first, second):
        if not end.updates.idle or end.updates.to_ack:
            return f"{name} has updates under way"
    return ""


def _unequal(first: Endpoint, second: Endpoint) -> str:
    for pool in first.site.pools(first):
        for low, high in pool.ranges:
            for address in range(low, high + 1):
                ours, theirs = (end.site.database.find(address) for end in (first, second))
                assert ours is not None, "an address of its pool is a lease"
                assert theirs is not None, "both have the same pools"
                at_primary, at_secondary = _said(ours), _said(theirs)
                if at_primary != at_secondary:
                    return f"{IPv4Address(address)} is {at_primary} at the primary and {at_secondary} at the secondary"
                if _is_over(ours, first.site.now):
                    return f"{IPv4Address(address)} is {at_primary} at both, and its time is over"
    return ""


def _said(lease: Lease) -> tuple[object, ...]:
    """What both must know of a lease; who had one that is free, and when, is each server's own memory."""
    who = (lease.hardware, lease.uid, lease.ends) if lease.state == ACTIVE else ()
    return (lease.state, *who)


def _is_over(lease: Lease, now: int) -> bool:
    """Whether a lease should be free again: nobody has it, and nobody gets it."""
    return lease.state in ENDED or (lease.state == ACTIVE and lease.ends + _EXPIRY_S < now)


def _unbalanced(first: Endpoint) -> str:
    for pool in first.site.pools(first):
        found = figures(first, pool)
        if abs(found.lts) > max(found.thresh, 1):
            return f"pool {pool.network.name} has {found.free} free at the primary and {found.backup} at the secondary"
    return ""
