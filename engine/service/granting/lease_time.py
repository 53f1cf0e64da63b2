"""How long a lease is given for, and the log of a pool that fills.

Times are seconds, unsigned 32 bits as on the wire; the end of time is 2147483647. Nothing of the lease is changed.

See docs/behaviour/decisions.md#lease-time, docs/behaviour/decisions.md#lease-time-for-bootp,
docs/behaviour/decisions.md#thresholds-of-a-pool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import DEBUG, ERROR, INFO
from ...model.lease import NEVER
from ...wire.codes import LEASE_TIME
from ...wire.packet import ACK
from ...wire.text import dotted
from ..plan import MIN_LEASE_TIME_S

if TYPE_CHECKING:
    from ...model.configuration import Pool
    from ...model.context import Message
    from ...model.lease import Lease
    from ..plan import Terms
    from ..server import Server
    from .step import Grant

INFINITE: Final = 0xFFFFFFFF
# What does not fit into 31 bits ends here: a second earlier than never, which only an infinite lease is.
LATEST: Final = NEVER - 1
_LEASE_TIME_OCTETS: Final = 4
_PERCENT: Final = 100


class PoolClosedError(Exception):
    """The pool is not valid yet, or not any more: the client gets a NAK."""


def requested_time(packet: Message, terms: Terms) -> int:
    """What the client asked for, or the default."""
    asked = packet.options.get(LEASE_TIME)
    if asked is None or len(asked) != _LEASE_TIME_OCTETS:
        return terms.default_time
    return int.from_bytes(asked, "big")


def dhcp_time(server: Server, lease: Lease, terms: Terms, requested: int, step: Grant) -> tuple[int, int]:
    """For how many seconds the client may have the lease of this server alone, and when it ends with its partner.

    `step` is what is done for the client: an ACK looks at the pool's thresholds, and a partner knows who it is.

    Raises PoolClosedError.
    """
    now, pool = server.now, lease.pool
    time = terms.usual_time if requested == terms.default_time else terms.within(requested)
    granted = time
    if pool is not None:
        if terms.adaptive_threshold:
            time = _adapted(server, lease, pool, terms.adaptive_threshold, time, terms.min_time)
        if (terms.log_high or server.latched) and step.kind == ACK:
            log_threshold(server, lease, pool, terms)
        if pool.valid_from and now < pool.valid_from:
            raise PoolClosedError
        if pool.valid_until:
            if now >= pool.valid_until:
                raise PoolClosedError
            time = max(min(time, pool.valid_until - now), terms.min_time)
        granted = server.leases.partners[pool.index].shorten(lease, time, now, step)
    return time, expiry(now, granted)


def expiry(now: int, time: int) -> int:
    """Now + time, with ISC's clamps."""
    if time == INFINITE:
        return NEVER
    return LATEST if now + time >= INFINITE else now + time


def _adapted(server: Server, lease: Lease, pool: Pool, threshold: int, time: int, minimum: int) -> int:
    """`adaptive-lease-time-threshold`: a full pool gives the shortest time that is allowed."""
    counts = server.database.counts(pool)
    left = lease.ends - server.now
    shortest = max(minimum or MIN_LEASE_TIME_S, left)
    total = counts.lease_count
    fill = (total - counts.free - counts.backup) * _PERCENT // total
    server.log(
        DEBUG,
        f"Adap-lease: Total: {total}, Free: {counts.free}, Ends: {left}, Adaptive: {shortest}, "
        f"Fill: {fill}, Threshold: {threshold}",
    )
    if fill < threshold or time <= shortest:
        return time
    server.log(INFO, f"Pool over threshold, time for {dotted(lease.address)} reduced from {time} to {shortest}.")
    return shortest


def bootp_expiry(server: Server, terms: Terms) -> int:
    """The end of a dynamic BOOTP client's lease: never, unless length or cutoff say otherwise."""
    now = server.now
    time = NEVER - now
    if terms.bootp_length is not None:
        time = terms.bootp_length
    if terms.bootp_cutoff is not None:
        return terms.bootp_cutoff if terms.bootp_cutoff < INFINITE else LATEST
    return expiry(now, time)


def log_threshold(server: Server, lease: Lease, pool: Pool, terms: Terms) -> None:
    """Log a pool that passes `log-threshold-high`, and when it is back at `-low`; latched in between.

    See docs/behaviour/decisions.md#thresholds-of-a-pool.
    """
    counts = server.database.counts(pool)
    total = counts.lease_count
    used = total - counts.free - counts.backup
    where = f"shared subnet: {pool.network.name}; address: {dotted(lease.address)};"
    low = server.latched.get(pool.index)
    if low is not None:
        if used <= low:
            del server.latched[pool.index]
            server.log(ERROR, f"Pool threshold reset - {where} low threshold {used}/{total}.")
        return
    high = terms.log_high
    if not 0 < high <= _PERCENT or used < total * high // _PERCENT:
        return
    server.log(ERROR, f"Pool threshold exceeded - {where} high threshold {high}% {used}/{total}.")
    mark = terms.log_low if terms.log_low <= _PERCENT else 0
    if mark < high:
        server.latched[pool.index] = total * mark // _PERCENT
