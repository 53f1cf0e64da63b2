"""Answering a young lease's owner without writing anything (`dhcp-cache-threshold`).

See docs/behaviour/decisions.md#reuse-of-a-young-lease.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import DEBUG
from ...model.lease import ACTIVE
from ...wire.text import dotted

if TYPE_CHECKING:
    from ...model.lease import Lease
    from ..server import Server

# Percent of the lease's time, ISC's default: a client that renews in a hurry costs no write. 100 and more mean nothing.
_DEFAULT: Final = 25
_HIGHEST: Final = 100
# ISC keeps the length in a signed number of 32 bits: such a lease is never young.
_TOO_LONG_S: Final = 1 << 31


def reusable(server: Server, lease: Lease, threshold: int | None) -> bool:
    """Whether the lease is young enough. That it is the same client, and nothing forbids, the caller has tested."""
    if lease.state != ACTIVE or server.is_doubtful(lease):
        return False
    percent = _DEFAULT if threshold is None or threshold >= _HIGHEST else threshold
    if percent <= 0:
        return False
    now, starts = server.now, lease.starts
    age = now - starts
    length = lease.ends - starts
    if length >= _TOO_LONG_S or age > length * percent // 100:
        return False
    text = f"lease age {age} (secs) under {percent}% threshold, reply with unaltered, existing lease for"
    server.log(DEBUG, f"reuse_lease: {text} {dotted(lease.address)}")
    return True
