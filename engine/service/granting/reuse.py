"""Answering a young lease's owner without writing anything (`dhcp-cache-threshold`).

See docs/behaviour/decisions.md#reuse-of-a-young-lease.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import DEBUG
from ...wire.text import dotted

if TYPE_CHECKING:
    from ...model.lease import Lease
    from ..server import Server

# ISC keeps the length in a signed number of 32 bits: such a lease is never young.
_TOO_LONG_S: Final = 1 << 31


def reusable(server: Server, lease: Lease, percent: int) -> bool:
    """Whether a lease in use is young enough: `percent` of its time are not over.

    That it is the same client, and nothing forbids, the caller has tested.
    """
    if percent <= 0 or server.is_doubtful(lease):
        return False
    starts = lease.starts
    age = server.now - starts
    length = lease.ends - starts
    if length >= _TOO_LONG_S or age > length * percent // 100:
        return False
    text = f"lease age {age} (secs) under {percent}% threshold, reply with unaltered, existing lease for"
    server.log(DEBUG, f"reuse_lease: {text} {dotted(lease.address)}")
    return True
