"""What became of a lease, as data: who follows leases reads this, and no log line or lease file.

Every operation of `lease/commit.py` leaves a Change: the lease before, the lease after, and why. The failover partner
is told of it, dynamic DNS takes names from it, `dhcpd-trace` explains and compares with it. A Change is what the server
has decided; whether its record is in the lease file already is the `Store` effect's to say.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from .configuration import ClassName
from .context import Bindings

if TYPE_CHECKING:
    from .lease import Lease


class Cause(StrEnum):
    """Why a lease changed. The first two stay in memory, as in ISC dhcpd; the others are in the lease file."""

    OFFER = "offer"  # a client was offered the lease, which is held back for it
    CONFIRM = "confirm"  # its client was told the time again that it has (dhcp-cache-threshold)
    GRANT = "grant"  # a DHCPACK or BOOTREPLY gives it, for the first time or again
    RELEASE = "release"  # its client gave it back
    REVOKE = "revoke"  # its client may not keep it: another lease, or a pool that is closed to it now
    ABANDON = "abandon"  # something else has the address: declined, or it answered a ping
    EXPIRE = "expire"  # its time is over
    OPERATOR = "operator"  # somebody has written its state, end, flags or a variable over OMAPI
    NAME = "name"  # DNS has come to hold a name for it, or holds one no longer (ddns-* variables)
    PARTNER = "partner"  # the failover partner says so
    KEEP = "keep"  # the failover partner may have promised it, and comes back without its lease file
    ACKNOWLEDGE = "acknowledge"  # the partner knows what it was told; a lease that has ended is free by it
    GIVE = "give"  # a free lease goes to the partner


class LeaseImage(NamedTuple):
    """A lease as it was at one moment; the fields are Lease's and Rare's, and mean what they mean there.

    Times are seconds since 1970, 0 for none. `variables` is a copy. The event handlers are left out.
    """

    address: int
    state: int
    next_state: int
    rewind_state: int
    flags: int
    starts: int
    ends: int
    tstp: int
    tsfp: int
    atsfp: int
    cltt: int
    hardware: bytes
    uid: bytes
    hostname: bytes | None
    variables: Bindings | None
    agent_options: tuple[tuple[int, bytes], ...] | None
    billing: ClassName | None
    host: str | None

    @classmethod
    def of(cls, lease: Lease) -> LeaseImage:
        """The lease as it is now."""
        rare = lease.rare
        # A quarter of the time of LeaseImage(...), on the way of every packet.
        if rare is None:
            return tuple.__new__(cls, (
                lease.address, lease.state, lease.next_state, lease.rewind_state, lease.flags, lease.starts,
                lease.ends, lease.tstp, 0, 0, lease.cltt, lease.hardware, lease.uid, lease.hostname,
                None, None, None, None,
            ))  # fmt: skip
        variables = rare.variables
        return tuple.__new__(cls, (
            lease.address, lease.state, lease.next_state, lease.rewind_state, lease.flags, lease.starts,
            lease.ends, lease.tstp, rare.tsfp, rare.atsfp, lease.cltt, lease.hardware, lease.uid, lease.hostname,
            None if variables is None else variables.copy(), rare.agent_options, rare.billing, rare.host,
        ))  # fmt: skip


class Reversal(NamedTuple):
    """How a declaration of the run (host, group, class, subclass) is taken back that could not be stored.

    `key`: its kind, name, and a subclass's value. `deletion`: the record that takes it away, then `before`, that of
    what it was, empty where there was none.
    """

    key: tuple[str, str, bytes]
    deletion: bytes
    before: bytes = b""


class Change(NamedTuple):
    """What one operation made of one lease."""

    before: LeaseImage
    after: LeaseImage
    cause: Cause
