"""Who shares a pool's addresses with this server: what the service must ask before it decides about a lease.

Every pool has a Partner that always exists. A pool of this server's alone has NO_PARTNER, which answers each question
as one server does: everything is mine, nobody is refused, no time is shortened. A failover relationship gives the
other answers (draft-ietf-dhc-failover-12), and the service does not know which of the two it asks: no decision about
a message begins with "is there a partner?". The answers are data; what is logged and sent for them is the service's.

Nothing here decides: a pool's own partner is found through `lease/commit.py` (`Leases.partner_of`), since a
configuration may be shared by several machines while a relationship belongs to one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from .lease import BACKUP, FREE

if TYPE_CHECKING:
    from .change import Change
    from .configuration import Host
    from .context import Message
    from .lease import Lease


class Holder(Protocol):
    """A client that is offered or granted a lease, and what is to be written of it."""

    @property
    def packet(self) -> Message:
        """Its message, which has its hardware address and the name that it gives itself."""

    @property
    def uid(self) -> bytes:
        """Its identifier, empty for none."""

    @property
    def host(self) -> Host | None:
        """The host declaration that it is."""

    @property
    def flags(self) -> int:
        """Flags to be added to the lease's."""

    @property
    def relay(self) -> tuple[tuple[int, bytes], ...] | None:
        """The relay's options to remember, None to leave those that are known."""


class Refusal(NamedTuple):
    """Why a DHCPREQUEST is not granted: the words and the level of its log line; whether the client gets a NAK."""

    level: int
    words: str
    nak: bool = False


class Promise(NamedTuple):
    """What a partner is promised with a lease that is granted: its times `tstp` and `tsfp`, seconds since 1970."""

    tstp: int
    tsfp: int


class Binding(NamedTuple):
    """What a lease is to hold since its partner says so: an accepted binding update. `flags` are Lease.flags.

    `anew`: another client has it now, and what the old one left goes; `forgets`: what `set` has made goes in any case.
    `unknown_flags`: what was set in IP-flags and has no meaning.
    """

    state: int
    hardware: bytes
    uid: bytes
    starts: int
    ends: int
    tsfp: int
    atsfp: int
    flags: int
    anew: bool
    forgets: bool
    unknown_flags: int


class Partner(Protocol):
    """The other server of a pool, or its absence. Times are seconds since 1970, durations seconds."""

    @property
    def name(self) -> str:
        """The relationship's, as logged."""

    @property
    def paired(self) -> bool:
        """Whether leases live as those of two servers do: the column of the tables of lease/transition.py."""

    @property
    def own_state(self) -> int:
        """The state of the leases that this server gives to new clients."""

    @property
    def other_state(self) -> int | None:
        """The state of the leases that are the partner's to give; None where there are none."""

    @property
    def untimed(self) -> tuple[int, ...]:
        """The states that a lease does not leave by time at this server now: the partner ends it, or has to agree."""

    @property
    def silence(self) -> str | None:
        """Why this server does not serve the pool now (ISC's words behind `not responding`); None where it does."""

    # May I answer?

    def refuses(self, lease: Lease, now: int) -> Refusal | None:
        """Whether a REQUEST for the lease must not be granted, for what the lease is and whose."""

    def leaves_to_other(self, packet: Message) -> bool:
        """Whether a DISCOVER or BOOTREQUEST is the partner's to answer, by load balancing (RFC 3074)."""

    # Whose lease is it?

    def may_regain(self, lease: Lease, now: int) -> bool:
        """Whether a lease that is not in use may go back to the client that had it."""

    def may_reallocate(self, lease: Lease, now: int) -> bool:
        """Whether a lease that is not in use may go to any client: one of `other_state`, or an abandoned one."""

    def is_others(self, lease: Lease, now: int) -> bool:
        """Whether only the partner may offer this lease, though its own client asks."""

    # For how long?

    def shorten(self, lease: Lease, seconds: int, now: int, holder: Holder) -> int:
        """The time that may be granted to a client where `seconds` would be without a partner (the MCLT rule)."""

    def promise(self, lease: Lease, seconds: int | None, granted: int, now: int) -> Promise | None:
        """What is promised to a partner with a lease that is granted, None where there is nobody.

        `granted` of `seconds` are given to the client; `seconds` is None for BOOTP, to which no rule applies.
        """

    # What becomes of it?

    def state_after(self, lease: Lease, state: int) -> int:
        """The state that a lease enters which would enter `state` by the table, since its use has ended."""

    def due(self, lease: Lease) -> int:
        """When something is due for the lease, and what its queue is sorted by."""

    def changed(self, change: Change) -> None:
        """A lease was stored: the partner must hear of it, and a pool that has run low be balanced."""


class NoPartner:
    """The answers of a Partner for a pool that is this server's alone: those of one server that knows of no other.

    It has no state, so that all machines share one, NO_PARTNER.
    """

    __slots__ = ()
    name: Final[str] = ""
    paired: Final[bool] = False
    own_state: Final[int] = FREE
    other_state: Final[int | None] = None
    untimed: Final[tuple[int, ...]] = ()
    silence: Final[str | None] = None

    def refuses(self, _lease: Lease, _now: int) -> Refusal | None:
        """Every lease that its client may have is granted."""
        return None

    def leaves_to_other(self, _packet: Message) -> bool:
        """There is nobody else."""
        return False

    def may_regain(self, lease: Lease, _now: int) -> bool:
        """A lease that ended and is not free yet does not go back to its client."""
        return lease.state in (FREE, BACKUP)

    def may_reallocate(self, _lease: Lease, _now: int) -> bool:
        """An abandoned lease is better than none."""
        return True

    def is_others(self, _lease: Lease, _now: int) -> bool:
        """Everything is mine."""
        return False

    def shorten(self, _lease: Lease, seconds: int, _now: int, _holder: Holder) -> int:
        """There is no MCLT."""
        return seconds

    def promise(self, _lease: Lease, _seconds: int | None, _granted: int, _now: int) -> Promise | None:
        """Nobody is promised anything."""
        return None

    def state_after(self, _lease: Lease, state: int) -> int:
        """The table's."""
        return state

    def due(self, lease: Lease) -> int:
        """The lease's own end."""
        return lease.ends

    def changed(self, _change: Change) -> None:
        """There is nobody to tell."""


NO_PARTNER: Final[Partner] = NoPartner()
