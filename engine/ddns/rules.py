"""The steps of an update as tables: what each message asks of DNS, and what follows from its answer.

A name is added or removed by a chain of RFC 2136 messages, each of which a name server carries out as a whole or not at
all. The first adding step claims a name that nobody has. If somebody has it, the second takes its address over, on the
condition that the guard beside it is this client's own; where IPv6 servers share the zone, a third may join a name that
only the other protocol uses. Forward records come first, and the PTR record only when they stand. Removing runs the
other way round: first this one address under the guard, then the guard where no address is left, then the PTR record.

MESSAGES holds what is sent for a step, in ISC's order of records, the first row that fits the server's manner counting.
RESULTS says, by the answer's code, what became of the step (Verdict) and which step is next. What a verdict logs and
writes to the lease is updates.py's. No octet is made here.

The update is safe in the face of two servers only as far as its prerequisites go; PTR records have none (RFC 4703, 5).

See docs/behaviour/dns-updates.md#forward-add, docs/behaviour/dns-updates.md#removal.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from .wire.result import NOERROR, NXDOMAIN, NXRRSET, YXDOMAIN, YXRRSET


class Step(StrEnum):
    """A message of a chain."""

    ADD_1 = "add-1"  # the name is not in use
    ADD_2 = "add-2"  # the name is in use: its guard is this client's
    ADD_3 = "add-3"  # the name is in use by the other protocol alone
    ADD_PTR = "add-ptr"
    REM_1 = "rem-1"  # the address, under this client's guard
    REM_2 = "rem-2"  # the guard, where no address is left
    REM_OTHER = "rem-other"  # the address, under the other protocol's guard
    REM_PTR = "rem-ptr"


REVERSE_STEPS: Final = frozenset({Step.ADD_PTR, Step.REM_PTR})
REMOVING_STEPS: Final = frozenset({Step.REM_1, Step.REM_2, Step.REM_OTHER, Step.REM_PTR})


class Manner(NamedTuple):
    """The server's way to treat names of others, for all updates.

    `detects`: update-conflict-detection. `matches`: ddns-guard-id-must-match. `mixed`: ddns-dual-stack-mixed-mode.
    `other_is_dynamic`: ddns-other-guard-is-dynamic. Without the first none of the others counts, the last not without
    the third.
    """

    detects: bool = True
    matches: bool = True
    mixed: bool = False
    other_is_dynamic: bool = False


def manner(*, detects: bool, matches: bool, mixed: bool, other_is_dynamic: bool) -> Manner:
    """What the four flags come to."""
    if not detects:
        return Manner(False, False, False, False)
    return Manner(True, matches, mixed, mixed and other_is_dynamic)


class Kind(StrEnum):
    """The type of a record in a message; the guard's is the chain's own."""

    ANY = "any"
    A = "A"
    AAAA = "AAAA"
    GUARD = "guard"
    OTHER_GUARD = "other-guard"
    PTR = "PTR"


class Way(StrEnum):
    """What a record in a message says (RFC 2136, 2.4 and 2.5)."""

    NONE_EXISTS = "none-exists"  # prerequisite: class NONE
    SOME_EXISTS = "some-exists"  # prerequisite: class ANY
    THIS_EXISTS = "this-exists"  # prerequisite: class IN, with data
    ADD = "add"  # update: class IN, with TTL and data
    DELETE_ALL = "delete-all"  # update: class ANY
    DELETE_THIS = "delete-this"  # update: class NONE, with data


class Row(NamedTuple):
    """One record."""

    way: Way
    kind: Kind


class Template(NamedTuple):
    """A message: its prerequisites and its updates, in order."""

    prerequisites: tuple[Row, ...]
    updates: tuple[Row, ...]


_NO_NAME: Final = Row(Way.NONE_EXISTS, Kind.ANY)
_NO_A: Final = Row(Way.NONE_EXISTS, Kind.A)
_NO_AAAA: Final = Row(Way.NONE_EXISTS, Kind.AAAA)
_NO_GUARD: Final = Row(Way.NONE_EXISTS, Kind.GUARD)
_MY_GUARD: Final = Row(Way.THIS_EXISTS, Kind.GUARD)
_A_GUARD: Final = Row(Way.SOME_EXISTS, Kind.GUARD)
_OTHER_GUARD: Final = Row(Way.SOME_EXISTS, Kind.OTHER_GUARD)
_ADD_A: Final = Row(Way.ADD, Kind.A)
_ADD_GUARD: Final = Row(Way.ADD, Kind.GUARD)
_ADD_PTR: Final = Row(Way.ADD, Kind.PTR)
_DELETE_ADDRESSES: Final = Row(Way.DELETE_ALL, Kind.A)
_DELETE_ADDRESS: Final = Row(Way.DELETE_THIS, Kind.A)
_DELETE_GUARDS: Final = Row(Way.DELETE_ALL, Kind.GUARD)
_DELETE_GUARD: Final = Row(Way.DELETE_THIS, Kind.GUARD)
_DELETE_PTRS: Final = Row(Way.DELETE_ALL, Kind.PTR)

# (step, the manner that it is for: None where a flag does not matter, prerequisites, updates).
_MESSAGES: Final = (
    # step          detects matches mixed  other
    (Step.ADD_1, (None, None, None, None), (_NO_NAME,), (_ADD_A, _ADD_GUARD)),
    (Step.ADD_2, (False, None, None, None), (), (_DELETE_GUARDS, _ADD_GUARD, _DELETE_ADDRESSES, _ADD_A)),
    (Step.ADD_2, (True, False, None, None), (_A_GUARD,), (_DELETE_ADDRESSES, _ADD_A)),
    (Step.ADD_2, (True, True, None, None), (_MY_GUARD,), (_DELETE_ADDRESSES, _ADD_A)),
    (Step.ADD_3, (None, None, None, False), (_NO_A, _NO_GUARD, _OTHER_GUARD), (_ADD_A, _ADD_GUARD)),
    (Step.ADD_3, (None, True, None, True), (_NO_GUARD, _OTHER_GUARD), (_DELETE_ADDRESSES, _ADD_A, _ADD_GUARD)),
    (Step.ADD_3, (None, False, None, True), (_OTHER_GUARD,), (_DELETE_ADDRESSES, _ADD_A, _ADD_GUARD)),
    (Step.ADD_PTR, (None, None, None, None), (), (_DELETE_PTRS, _ADD_PTR)),
    (Step.REM_1, (False, None, None, None), (), (_DELETE_ADDRESS,)),
    (Step.REM_1, (True, False, None, None), (_A_GUARD,), (_DELETE_ADDRESS,)),
    (Step.REM_1, (True, True, None, None), (_MY_GUARD,), (_DELETE_ADDRESS,)),
    (Step.REM_2, (None, False, False, None), (_NO_A, _NO_AAAA), (_DELETE_GUARDS,)),
    (Step.REM_2, (None, True, False, None), (_NO_A, _NO_AAAA), (_DELETE_GUARD,)),
    (Step.REM_2, (None, False, True, None), (_NO_A,), (_DELETE_GUARDS,)),
    (Step.REM_2, (None, True, True, None), (_NO_A,), (_DELETE_GUARD,)),
    (Step.REM_OTHER, (None, None, None, None), (_NO_GUARD, _OTHER_GUARD), (_DELETE_ADDRESS,)),
    (Step.REM_PTR, (None, None, None, None), (), (_DELETE_PTRS,)),
)  # fmt: skip

_MANNERS: Final = (
    Manner(False, False, False, False),
    *(Manner(True, matches, mixed, other) for matches in (False, True) for mixed, other in
      ((False, False), (True, False), (True, True))),
)  # fmt: skip


def _fits(wanted: tuple[bool | None, ...], flags: tuple[bool, ...]) -> bool:
    return all(flag is None or flag == has for flag, has in zip(wanted, flags, strict=True))


# (step, manner) -> what is sent.
MESSAGES: Final[dict[tuple[Step, Manner], Template]] = {
    (step, way): next(Template(*sent) for one, wanted, *sent in _MESSAGES if one is step and _fits(wanted, way))
    for step in Step
    for way in _MANNERS
}


class Verdict(StrEnum):
    """What became of a step, for the log, the lease, and who asks why a client has no name."""

    GOES_ON = "goes on"  # another message decides
    ADDED_FORWARD = "forward map added"
    ADDED_REVERSE = "reverse map added"
    NOT_ADDED = "forward map not added"  # the name server did not say why, but by its code
    NOT_MINE = "Has an address record but no DHCID, not mine."
    OTHERS = "DHCID mismatch, belongs to another client."
    STATIC = "an entry that is either static or owned by another client exists."
    OTHER_PROTOCOL = "static entry of the other protocol type exists."
    REFUSED_FORWARD = "forward map refused"  # as NOT_ADDED, behind the first message
    REVERSE_NOT_ADDED = "reverse map not added"
    REMOVED_ADDRESS = "forward map removed"
    REMOVED_NAME = "name removed"
    NAME_GONE = "name not there, or another's by now"
    NAME_NOT_REMOVED = "name not removed"
    REMOVED_REVERSE = "reverse map removed"
    REVERSE_GONE = "reverse map not there"
    REVERSE_NOT_REMOVED = "reverse map not removed"


class Outcome(NamedTuple):
    """What became of a step, and the step behind it; None ends this half of the chain."""

    verdict: Verdict
    next: Step | None = None


_NX: Final = (NXRRSET, NXDOMAIN)
_YX: Final = (YXRRSET, YXDOMAIN)

# (step, results: None for every other one, (mixed, other_is_dynamic): None where a flag does not matter, outcome).
_RESULTS: Final = (
    (Step.ADD_1, (NOERROR,), (None, None), Outcome(Verdict.ADDED_FORWARD, Step.ADD_PTR)),
    (Step.ADD_1, (YXDOMAIN,), (None, None), Outcome(Verdict.GOES_ON, Step.ADD_2)),
    (Step.ADD_1, None, (None, None), Outcome(Verdict.NOT_ADDED)),
    (Step.ADD_2, (NOERROR,), (None, None), Outcome(Verdict.ADDED_FORWARD, Step.ADD_PTR)),
    (Step.ADD_2, _NX, (True, None), Outcome(Verdict.GOES_ON, Step.ADD_3)),
    (Step.ADD_2, _NX, (False, None), Outcome(Verdict.NOT_MINE)),
    (Step.ADD_2, _YX, (None, None), Outcome(Verdict.OTHERS)),
    (Step.ADD_2, None, (None, None), Outcome(Verdict.REFUSED_FORWARD)),
    (Step.ADD_3, (NOERROR,), (None, None), Outcome(Verdict.ADDED_FORWARD, Step.ADD_PTR)),
    (Step.ADD_3, (YXRRSET,), (None, None), Outcome(Verdict.STATIC)),
    (Step.ADD_3, (NXRRSET,), (None, None), Outcome(Verdict.OTHER_PROTOCOL)),
    (Step.ADD_3, None, (None, None), Outcome(Verdict.REFUSED_FORWARD)),
    (Step.ADD_PTR, (NOERROR,), (None, None), Outcome(Verdict.ADDED_REVERSE)),
    (Step.ADD_PTR, None, (None, None), Outcome(Verdict.REVERSE_NOT_ADDED)),
    (Step.REM_1, (NOERROR,), (None, None), Outcome(Verdict.REMOVED_ADDRESS, Step.REM_2)),
    (Step.REM_1, _NX, (True, True), Outcome(Verdict.GOES_ON, Step.REM_OTHER)),
    (Step.REM_1, _NX, (None, False), Outcome(Verdict.NAME_GONE, Step.REM_PTR)),
    (Step.REM_1, None, (None, None), Outcome(Verdict.NAME_NOT_REMOVED, Step.REM_PTR)),
    (Step.REM_2, (NOERROR, YXRRSET), (None, None), Outcome(Verdict.REMOVED_NAME, Step.REM_PTR)),
    (Step.REM_2, None, (None, None), Outcome(Verdict.NAME_NOT_REMOVED, Step.REM_PTR)),
    (Step.REM_OTHER, (NOERROR, YXRRSET), (None, None), Outcome(Verdict.REMOVED_NAME, Step.REM_PTR)),
    (Step.REM_OTHER, None, (None, None), Outcome(Verdict.NAME_NOT_REMOVED, Step.REM_PTR)),
    (Step.REM_PTR, (NOERROR,), (None, None), Outcome(Verdict.REMOVED_REVERSE)),
    (Step.REM_PTR, _NX, (None, None), Outcome(Verdict.REVERSE_GONE)),
    (Step.REM_PTR, None, (None, None), Outcome(Verdict.REVERSE_NOT_REMOVED)),
)  # fmt: skip


def _outcomes(step: Step, way: Manner) -> dict[str | None, Outcome]:
    """Result -> outcome, None for every other result. The first row that fits counts."""
    made: dict[str | None, Outcome] = {}
    for one, results, wanted, found in _RESULTS:
        if one is step and _fits(wanted, (way.mixed, way.other_is_dynamic)):
            for word in results or (None,):
                made.setdefault(word, found)
    return made


# (step, manner) -> by result (a word of wire/result.py, None for every other one), what it makes of the step.
RESULTS: Final[dict[tuple[Step, Manner], dict[str | None, Outcome]]] = {
    (step, way): _outcomes(step, way) for step in Step for way in _MANNERS
}


def outcome(step: Step, result: str, way: Manner) -> Outcome:
    """What an answer (a word of wire/result.py) makes of a step."""
    found = RESULTS[step, way]
    return found.get(result) or found[None]
