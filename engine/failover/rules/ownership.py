"""Which leases of a shared pool are this server's: to give to a client anew, and to let end by themselves.

A FREE lease is the primary's, a BACKUP lease the secondary's. What the other holds becomes this server's own only in
PARTNER-DOWN, and only when the partner can have no promise open on it: MCLT after what it was known to know, or after
this server became PARTNER-DOWN, whichever is later. A lease that ended here and that the partner was never told of
(its `rewind_state` is still the free state of this server) may be given at once. Functions of a lease and of a Stand;
nothing is changed.

Source: docs/behaviour/failover.md#leases-that-a-server-may-allocate, #expiry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ...model.lease import ABANDONED, ACTIVE, BACKUP, EXPIRED, FREE, RELEASED, RESET
from .states import COMM_INT, NORMAL, P_DOWN, Service, State

if TYPE_CHECKING:
    from ...model.lease import Lease


class Stand(NamedTuple):
    """What an endpoint is at a moment. Times in seconds since 1970."""

    now: int
    primary: bool
    state: State
    since: int
    service: Service
    mclt: int

    @property
    def own_state(self) -> int:
        """The binding state of leases that are this server's to give."""
        return own_free_state(primary=self.primary)


def own_free_state(*, primary: bool) -> int:
    """The binding state of leases that are a server's to give."""
    return FREE if primary else BACKUP


def partners_free_state(*, primary: bool) -> int:
    """The binding state of leases that are its partner's to give."""
    return own_free_state(primary=not primary)


def tsfp_of(lease: Lease) -> int:
    """Until when the partner is known to know that the lease may be in use."""
    return 0 if lease.rare is None else lease.rare.tsfp


def mine(lease: Lease, stand: Stand) -> bool:
    """Whether this server may give the lease to a client that has not got it."""
    state = lease.state
    if state == ACTIVE:
        return False
    if state == ABANDONED and stand.state is COMM_INT:
        # The partner may not have heard of it, and give it to its client again.
        return stand.primary and lease.rare is not None and lease.rare.atsfp > 0
    if state in (FREE, ABANDONED):
        return stand.primary or _left_to_me(lease, stand)
    if state == BACKUP:
        return not stand.primary or _left_to_me(lease, stand)
    if state in (EXPIRED, RELEASED) and lease.rewind_state == stand.own_state:
        return True
    return _left_to_me(lease, stand)


def _left_to_me(lease: Lease, stand: Stand) -> bool:
    """Whether the partner is down for so long that nobody can hold its lease."""
    if stand.service is not Service.PARTNER_DOWN:
        return False
    return max(tsfp_of(lease), stand.since) + stand.mclt < stand.now


# The binding states that time does not end here, by the endpoint's state. An ended lease waits for the partner's word,
# but in PARTNER-DOWN; and a secondary in NORMAL leaves it to the primary to say that a lease has run out.
_ENDED: Final = (EXPIRED, RELEASED, RESET)


def untimed_states(state: State, *, primary: bool) -> tuple[int, ...]:
    """The binding states whose leases stay as they are though their time is over."""
    if state is P_DOWN:
        return ()
    if state is NORMAL and not primary:
        return (ACTIVE, *_ENDED)
    return _ENDED


def untold(lease: Lease, stand: Stand) -> bool:
    """Whether a lease that ends now goes straight back to this server: it was granted and has ended unheard of."""
    return stand.state is COMM_INT and lease.rewind_state == stand.own_state
