"""What becomes of a binding update: which of two that cross is better, what may follow what, and what is refused.

`examine` takes an update and the lease that it is about, changes neither, and returns either a Refusal (reason and
text, as they go into the BNDACK) or a Binding: everything that the lease is to hold. The order of the checks is ISC's,
since a peer sees which of two faults is named. Installing a Binding, storing it and acknowledging it is incoming.py's.

Two updates about one lease may cross on the way. Both servers then decide by DUELS, from the same facts, and one of
them gives way: a lease that a client may be using goes before any other word of it, also before the primary's. (By
ISC's table both give way where the primary says of a lease that it was given back which the secondary has renewed:
they exchange what they know, and differ for good.) What a partner may say of a lease that is here in some state stands
in ALLOWED; it is strict for an ACTIVE lease only, since somebody may be using it.

Times are seconds since 1970. Clock skew is not corrected: what the partner says is taken as it is.

Where this differs from ISC: a binding status that does not exist is refused, and does not end the server; a hardware
address without an address is refused where no client identifier names the client either (docs/differences.md).

Source: docs/behaviour/failover.md#a-bndupd-received.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from ...model.lease import (
    ABANDONED,
    ACTIVE,
    BACKUP,
    BOOTP_FLAG,
    EXPIRED,
    FREE,
    RELEASED,
    RESERVED_FLAG,
    RESET,
    STATE_NAMES,
)
from ...model.partner import Binding
from ...wire.text import dotted
from ..messages import BOOTP_IP, RESERVED_IP

if TYPE_CHECKING:
    from ...model.lease import Lease
    from ..messages import BindingUpdate


class Reason(IntEnum):
    """Why something is refused, by its number on the wire (option 21)."""

    ILLEGAL_ADDRESS = 1
    FATAL_CONFLICT = 2
    MISSING_INFORMATION = 3
    TIME_MISMATCH = 4
    INVALID_MCLT = 5
    UNKNOWN = 6
    DUPLICATE_CONNECTION = 7
    INVALID_PARTNER = 8
    LESS_CRITICAL = 16
    HBA_CONFLICT = 18
    NOT_RESERVED = 19


# The text of a reason that came without one.
REASON_TEXTS: Final[dict[int, str]] = {
    1: "Illegal IP address (not part of any address pool).",
    2: "Fatal conflict exists: address in use by other client.",
    3: "Missing binding information.",
    4: "Connection rejected, time mismatch too great.",
    5: "Connection rejected, invalid MCLT.",
    6: "Connection rejected, unknown reason.",
    7: "Connection rejected, duplicate connection.",
    8: "Connection rejected, invalid failover partner.",
    9: "TLS not supported.",
    10: "TLS supported but not configured.",
    11: "TLS required but not supported by partner.",
    12: "Message digest not supported.",
    13: "Message digest not configured.",
    14: "Protocol version mismatch.",
    15: "Outdated binding information.",
    16: "Less critical binding information.",
    17: "No traffic within sufficient time.",
    18: "Hash bucket assignment conflict.",
    19: "IP not reserved on this server.",
    20: "Message digest failed to compare.",
    21: "Missing message digest.",
    254: "Unknown Error.",
}

# A hardware address has a type octet and at most twenty more.
HARDWARE_OCTETS_MAX: Final = 21
# A client's identifier that is longer does not fit an update with all else that one may hold.
UID_OCTETS_MAX: Final = 1900
# A partner's clock, and the way of its message, may make it see the end of a lease so much earlier.
EXPIRY_TOLERANCE_S: Final = 65

_NAMES: Final = dict(enumerate(STATE_NAMES[FREE:], FREE))
_HELD: Final = frozenset({ACTIVE, EXPIRED, RELEASED})
_KEEPS_CLIENT: Final = frozenset({FREE, BACKUP, RESET})
# These are the partner's to end; here the lease is free at once.
ENDED: Final = frozenset({EXPIRED, RELEASED, RESET})


def reason_text(reason: int) -> str:
    """The words for a reason."""
    return REASON_TEXTS.get(
        reason, f"Undefined-{reason}: This reason code is not defined in the protocol standard."
    )


class Refusal(NamedTuple):
    """A BNDACK's reason and text. `outdated`: what was told is older than what is known here, and untold."""

    reason: Reason
    text: str
    outdated: bool = False


# Duels


class Winner(IntEnum):
    """Whose update counts: of the sender of the message, of the primary, or of who heard of the client last."""

    SENDER = 1
    PRIMARY = 2
    LATER = 3


# (whether mine says ACTIVE, whether the message does) -> whose counts. One exception stands below.
DUELS: Final[dict[tuple[bool, bool], Winner]] = {
    (True, True): Winner.LATER,
    (True, False): Winner.PRIMARY,
    (False, True): Winner.SENDER,
    (False, False): Winner.PRIMARY,
}


def partner_wins(
    mine: int, my_cltt: int, theirs: int, their_cltt: int, *, primary: bool, ended: bool = True
) -> bool:
    """Whether the partner's update goes before mine, which is under way. States of the two; `primary`: I am it.

    `ended`: my lease's time is over. Before that a client may use it that the partner has not heard of.
    """
    if mine == ACTIVE and not ended and theirs != ACTIVE:
        return False
    winner = DUELS[mine == ACTIVE, theirs == ACTIVE]
    if mine == ACTIVE and theirs == EXPIRED:
        winner = Winner.SENDER
    if winner is Winner.LATER and my_cltt != their_cltt:
        return their_cltt > my_cltt
    return winner is Winner.SENDER or not primary


# Transitions


class Rule(IntEnum):
    """When a transition is allowed: always, never, once my lease has ended, once the partner's promise is over."""

    ALWAYS = 1
    NEVER = 2
    ENDED = 3
    PROMISE_OVER = 4


class Receiver(IntEnum):
    """Who receives the update, as far as it matters."""

    PRIMARY_NORMAL = 1
    SECONDARY_NORMAL = 2
    OTHERWISE = 3


_LAPSED: Final = {FREE: Rule.PROMISE_OVER, BACKUP: Rule.PROMISE_OVER}

# Receiver -> state of my lease -> announced state -> rule. What does not stand here is allowed, and so is the same
# state again.
ALLOWED: Final[dict[Receiver, dict[int, dict[int, Rule]]]] = {
    Receiver.PRIMARY_NORMAL: {
        ACTIVE: {FREE: Rule.NEVER, EXPIRED: Rule.NEVER, RESET: Rule.NEVER, BACKUP: Rule.NEVER},
        EXPIRED: _LAPSED,
        RESET: _LAPSED,
    },
    Receiver.SECONDARY_NORMAL: {
        ACTIVE: {EXPIRED: Rule.ENDED, FREE: Rule.PROMISE_OVER, BACKUP: Rule.PROMISE_OVER},
        EXPIRED: _LAPSED,
        RESET: _LAPSED,
    },
    Receiver.OTHERWISE: {
        ACTIVE: {EXPIRED: Rule.ENDED, FREE: Rule.NEVER, BACKUP: Rule.NEVER},
    },
}


def receiver(*, normal: bool, primary: bool) -> Receiver:
    """Which rows of ALLOWED are an endpoint's."""
    if not normal:
        return Receiver.OTHERWISE
    return Receiver.PRIMARY_NORMAL if primary else Receiver.SECONDARY_NORMAL


def is_allowed(who: Receiver, old: int, new: int, ends: int, potential: int, now: int) -> bool:
    """Whether a lease may go from state `old` to `new`. `ends` is mine, `potential` the message's (0: none)."""
    if new not in _NAMES:
        return False
    if old == new:
        return True
    rule = ALLOWED[who].get(old, {}).get(new, Rule.ALWAYS)
    if rule is Rule.ENDED:
        return ends - EXPIRY_TOLERANCE_S <= now
    if rule is Rule.PROMISE_OVER:
        return potential <= now
    return rule is Rule.ALWAYS


# The update


def examine(update: BindingUpdate, lease: Lease, now: int, *, normal: bool, primary: bool) -> Refusal | Binding:
    """What the lease is to hold, or why not. The address is the lease's, and no duel is lost."""
    new = update.state
    assert new is not None, "an update without a state does not come here"
    hardware = _hardware(update, lease, new)
    if isinstance(hardware, Refusal):
        return hardware
    uid = _identifier(update, lease, new)
    if isinstance(uid, Refusal):
        return uid
    ip_flags = update.ip_flags or 0
    refusal = _flags_refused(lease, new, ip_flags, FREE if primary else BACKUP)
    if refusal is not None:
        return refusal
    who = receiver(normal=normal, primary=primary)
    allowed = is_allowed(who, lease.state, new, lease.ends, update.potential or 0, now)
    outdated = _is_outdated(update, lease, new, now)
    if not allowed or outdated:
        old_name, new_name = _NAMES.get(lease.state, "unknown"), _NAMES.get(new, "unknown")
        text = f"{dotted(lease.address)}: invalid state transition: {old_name} to {new_name}"
        return Refusal(Reason.FATAL_CONFLICT, text, outdated and lease.cltt > lease.starts)
    return _binding(update, lease, new, hardware, uid, ip_flags)


def _is_outdated(update: BindingUpdate, lease: Lease, new: int, now: int) -> bool:
    """Whether an end is told that was before this server last told somebody that he has the lease.

    That may be later than the grant: who asks again soon is told what he has, and neither disk nor partner hears of it.
    A release is as old as its potential expiry where that is earlier: an offer since, of which nobody is told, has
    changed `ends`. (An end by time leaves the potential expiry as it is, which may be of years ago.) Who tells the very
    end that the lease has here has heard of this use. To tell him of it again would go on without end: where his clock
    is ahead, he would end it again at once.
    """
    ended = update.ends or 0
    if lease.state != ACTIVE or new not in ENDED or ended == lease.ends or lease.ends <= now:
        return False
    if new == RELEASED:
        ended = min(ended, update.potential or ended)
    return ended < max(lease.starts, lease.cltt)


def _hardware(update: BindingUpdate, lease: Lease, new: int) -> bytes | Refusal:
    hardware = update.hardware
    if hardware:
        if new == ABANDONED:
            return Refusal(Reason.UNKNOWN, "BNDUPD to ABANDONED with a CHADDR")
        if len(hardware) > HARDWARE_OCTETS_MAX:
            return Refusal(Reason.UNKNOWN, "chaddr too long")
        if len(hardware) == 1 and not update.uid:
            return Refusal(Reason.UNKNOWN, "chaddr too short")
        return hardware
    if new in _HELD:
        return Refusal(Reason.MISSING_INFORMATION, "BNDUPD without CHADDR")
    return b"" if new == ABANDONED else lease.hardware


def _identifier(update: BindingUpdate, lease: Lease, new: int) -> bytes | Refusal:
    if update.uid is not None:
        if new == ABANDONED:
            return Refusal(Reason.UNKNOWN, "BNDUPD to ABANDONED with client-id")
        if len(update.uid) > UID_OCTETS_MAX:
            return Refusal(Reason.UNKNOWN, "client-id too long")
        return update.uid
    return lease.uid if new in _KEEPS_CLIENT else b""


def _flags_refused(lease: Lease, new: int, ip_flags: int, mine: int) -> Refusal | None:
    """Whether a flag contradicts what stands here of an address that is, and stays, mine to give (in state `mine`).

    What the partner has done with it while it was alone is taken, flag and all: who held on to the address would give
    it to somebody else.
    """
    if not lease.state == new == mine:
        return None
    if ip_flags & RESERVED_IP and not lease.flags & RESERVED_FLAG:
        return Refusal(Reason.NOT_RESERVED, "Address is not reserved.")
    if ip_flags & BOOTP_IP and not lease.flags & BOOTP_FLAG:
        return Refusal(Reason.UNKNOWN, "Address is not allocated to BOOTP.")
    return None


def _binding(
    update: BindingUpdate, lease: Lease, new: int, hardware: bytes, uid: bytes, ip_flags: int
) -> Binding:
    rare = lease.rare
    tsfp, atsfp = (0, 0) if rare is None else (rare.tsfp, rare.atsfp)
    if update.potential is not None:
        tsfp = atsfp = update.potential
    anew = new == ACTIVE and (hardware != lease.hardware or uid != lease.uid)
    return Binding(
        state=new,
        hardware=hardware,
        uid=uid,
        starts=lease.starts if update.starts is None else update.starts,
        ends=lease.ends if update.ends is None else update.ends,
        tsfp=tsfp,
        atsfp=atsfp,
        flags=(RESERVED_FLAG if ip_flags & RESERVED_IP else 0) | (BOOTP_FLAG if ip_flags & BOOTP_IP else 0),
        anew=anew,
        forgets=anew or new == ABANDONED,
        unknown_flags=ip_flags & ~(RESERVED_IP | BOOTP_IP),
    )


def wire_flags(flags: int, *, bootp: bool) -> int | None:
    """A lease's flags as IP-flags, that of BOOTP if it may be told (`bootp`); None where there is none to tell."""
    found = (RESERVED_IP if flags & RESERVED_FLAG else 0) | (BOOTP_IP if bootp and flags & BOOTP_FLAG else 0)
    return found or None
