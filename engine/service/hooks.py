"""What failover and dynamic DNS are asked at the places of a decision where ISC asks them.

The service works without either: `Server.failover` and `Server.ddns` are then None. Only the questions stand here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..model.configuration import Pool
    from ..model.context import Context, Message
    from ..model.lease import Lease


class Failover(Protocol):
    """The failover relationships of the server."""

    def mine(self, lease: Lease) -> bool:
        """Whether this server may hand the lease to a client anew."""

    def candidate(self, pool: Pool) -> tuple[Lease | None, bool]:
        """The pool's best unused lease, and whether the peer holds some.

        See docs/behaviour/decisions.md#allocation, step 2.
        """

    def refuses_discover(self, packet: Message, lease: Lease, line: str, *, peer_has_leases: bool) -> bool:
        """Whether a DISCOVER or BOOTREQUEST goes unanswered; has logged why.

        See docs/behaviour/decisions.md#dhcpdiscover, step 5.
        """

    def refuses_request(self, packet: Message, lease: Lease, line: str) -> bool:
        """Whether a REQUEST goes unanswered, or was answered with a NAK; has logged why.

        See docs/behaviour/decisions.md#dhcprequest, step 4.
        """

    def not_responding(self, lease: Lease) -> str | None:
        """`<peer>: ignored<reason>` where RELEASE and DECLINE must not change the lease."""

    def shorten(self, lease: Lease, seconds: int, *, commit: bool) -> int:
        """The lease time under the MCLT rule; with `commit` the times for the peer are noted.

        See docs/behaviour/decisions.md#lease-time.
        """

    def next_state(self, lease: Lease) -> int:
        """The state to enter next, in the place of the table of a pool without failover.

        See docs/behaviour/decisions.md#states-of-a-lease.
        """

    def changed(self, lease: Lease) -> None:
        """A lease was stored: the peer must hear of it."""


class Ddns(Protocol):
    """Dynamic DNS updates."""

    def granted(self, context: Context, lease: Lease) -> bool:
        """An ACK or BOOTREPLY is about to leave; whether a transaction was started for new data."""

    def removed(self, lease: Lease) -> None:
        """The lease ends: take its names out."""
