"""How long a lease may be given for while a partner knows less: the maximum client lead time (MCLT).

A server may promise a client no more than MCLT beyond the end that its partner is known to know of (`tsfp`), so that
the partner, left alone, knows when nobody can hold the address any more: at most MCLT behind what it knows. Hence the
first lease of a client is MCLT long; its end as the client would like it goes to the partner, lengthened by half the
grant so that the next renewal finds the partner knowing enough; from the acknowledgement on the full time is granted.

Times are seconds since 1970, durations seconds, both unsigned 32 bits as on the wire. BOOTP leases are exempt: their
holders never ask again. Nothing of a lease is changed here.

Source: draft-ietf-dhc-failover-12 section 5.2.1; docs/behaviour/failover.md#lease-time-under-failover.
"""

from __future__ import annotations

from typing import Final, NamedTuple

INFINITE: Final = 0xFFFFFFFF
NEVER: Final = 0x7FFFFFFF
LATEST: Final = NEVER - 1


def granted(now: int, wanted: int, tsfp: int, mclt: int) -> int:
    """The duration to grant where `wanted` would be granted without a partner that knows `tsfp`."""
    if wanted <= mclt:
        return wanted
    if tsfp <= now:
        return mclt
    if now + wanted > tsfp + mclt:
        return tsfp - now + mclt
    return wanted


class Promise(NamedTuple):
    """What an ACK leaves on the lease: `tstp` to tell the partner, and `tsfp`, which is never beyond it."""

    tstp: int
    tsfp: int


def promised(now: int, wanted: int, grant: int, tsfp: int) -> Promise:
    """The potential expiry that an ACK for `grant` seconds tells the partner, where the client should have `wanted`."""
    if wanted == INFINITE:
        tstp = NEVER
    else:
        tstp = now + wanted + grant // 2
        if tstp >= INFINITE:
            tstp = LATEST
    return Promise(tstp, min(tsfp, tstp))
