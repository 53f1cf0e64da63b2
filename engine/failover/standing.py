"""Where a relationship stands: both states, what is waited for and until when, the leases, and what an operator may do.

One record, `Standing`, of plain data, for whoever wants to know (`dhcpd-trace at --failover`, a running server's own
interface). What each state waits for and what an operator may do in it are tables under this text; their sentences
are for people, the other fields for programs. Nothing is changed, and nothing is decided here.

A server knows its own leases only, and of the partner's the state that it was told last: so the figures are this side's
view, and the partner's recording has the other.

Source: docs/behaviour/failover.md#endpoint-states, #setting-local-state, #partner-down-in-practice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .endpoint import PARTNER_DOWN, RETRY, SECOND_US, STARTING, WAIT
from .rules.states import (
    COMM_INT,
    CONF_DONE,
    NORMAL,
    P_DOWN,
    PAUSED,
    POT_CONF,
    REC_DONE,
    REC_WAIT,
    RECOVER,
    RES_INT,
    SHUTDOWN,
    STARTUP,
    UNKNOWN,
    Service,
    State,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .endpoint import Endpoint


class Awaited(NamedTuple):
    """What is waited for; `until`, in seconds since 1970, where time alone brings it, else None."""

    what: str
    until: int | None = None


class Choice(NamedTuple):
    """What an operator may do: `state` to be set over OMAPI (omshell: `set local-state`), None where it is no state.

    `returns`: it brings the partner back, and is no choice where there is a link.
    """

    what: str
    state: State | None = None
    returns: bool = False


class PoolStanding(NamedTuple):
    """A pool's leases by their state; `ranges` are (low, high), both in.

    `free` are the primary's to give, `backup` the secondary's.
    """

    network: str
    ranges: tuple[tuple[int, int], ...]
    total: int
    free: int
    backup: int
    active: int
    expired: int
    abandoned: int


class Updates(NamedTuple):
    """What is under way: my updates that wait, those without an acknowledgement and how many the partner takes.

    `to_acknowledge`: the partner's, taken here. `requested`: the partner has asked for updates and not had them all.
    """

    waiting: int
    unacknowledged: int
    limit: int
    to_acknowledge: int
    requested: bool


class Contact(NamedTuple):
    """The link. Times in microseconds since 1970, None where there is no link.

    `skew_s`: how far the partner's clock was ahead at its last message, in seconds, None before there was one.
    """

    linked: bool
    heard_us: int | None
    sent_us: int | None
    silent_at_us: int | None
    skew_s: int | None


class Standing(NamedTuple):
    """A relationship. Times in seconds since 1970. `now` is the machine's time, that of its last event."""

    name: str
    primary: bool
    now: int
    state: State
    since: int
    why: str
    saved: State | None
    partner_state: State
    partner_since: int
    service: Service
    silence: str
    mclt: int
    awaited: tuple[Awaited, ...]
    contact: Contact
    updates: Updates
    pools: tuple[PoolStanding, ...]
    choices: tuple[Choice, ...]


def standing(endpoint: Endpoint) -> Standing:
    """Where an endpoint stands now."""
    silence = endpoint.serving.why if endpoint.serving.service in _SILENT else ""
    return Standing(
        name=endpoint.name,
        primary=endpoint.primary,
        now=endpoint.site.now,
        state=endpoint.state,
        since=endpoint.since,
        why=endpoint.why,
        saved=endpoint.saved if endpoint.state is STARTUP else None,
        partner_state=endpoint.partner_state,
        partner_since=endpoint.partner_since,
        service=endpoint.serving.service,
        silence=silence.strip(" ()"),
        mclt=endpoint.mclt,
        awaited=tuple(_awaited(endpoint)),
        contact=_contact(endpoint),
        updates=_updates(endpoint),
        pools=_pools(endpoint),
        choices=_choices(endpoint),
    )


_SILENT: Final = frozenset({Service.STARTUP, Service.NOT_RESPONDING})


def _contact(endpoint: Endpoint) -> Contact:
    link = endpoint.link
    if link is None:
        return Contact(False, None, None, None, endpoint.skew_s)
    silent_at_us = link.heard_us + endpoint.settings.max_response_delay * SECOND_US
    return Contact(True, link.heard_us, link.sent_us, silent_at_us, endpoint.skew_s)


def _updates(endpoint: Endpoint) -> Updates:
    found = endpoint.updates
    return Updates(
        waiting=found.waiting_count,
        unacknowledged=len(found.unacked),
        limit=endpoint.partner_unacked,
        to_acknowledge=len(found.to_ack),
        requested=found.request is not None,
    )


def _pools(endpoint: Endpoint) -> tuple[PoolStanding, ...]:
    rows = []
    for pool in endpoint.site.pools(endpoint):
        counts = endpoint.site.database.counts(pool)
        rows.append(
            PoolStanding(
                pool.network.name, pool.ranges, counts.lease_count,
                counts.free, counts.backup, counts.active, counts.expired, counts.abandoned,
            )
        )  # fmt: skip
    return tuple(rows)


# What is waited for


def _awaited(endpoint: Endpoint) -> list[Awaited]:
    """What the state waits for, then the link where there is none, then what is still to be acknowledged."""
    found = list(_AWAITS[endpoint.state](endpoint))
    if endpoint.link is None and endpoint.calling:
        found.append(Awaited("a connection: the partner is being called"))
    elif endpoint.link is None:
        found.append(Awaited("a connection: the partner is called again", _alarm(endpoint, RETRY)))
    elif endpoint.updates.unacked:
        found.append(Awaited("acknowledgements of the partner"))
    return found


def _alarm(endpoint: Endpoint, timer: str) -> int | None:
    """When a timer of the endpoint is due, in seconds, a part of one counted as whole."""
    at_us = endpoint.site.alarm_at(endpoint, timer, 0)
    return None if at_us is None else -(-at_us // SECOND_US)


def _nothing(_endpoint: Endpoint) -> list[Awaited]:
    return []


def _operator(_endpoint: Endpoint) -> list[Awaited]:
    return [Awaited("an operator's word: no message leads out of this state")]


def _startup(endpoint: Endpoint) -> list[Awaited]:
    return [Awaited("the partner's state; else this server goes on without", _alarm(endpoint, STARTING))]


def _communications_interrupted(endpoint: Endpoint) -> list[Awaited]:
    if not endpoint.settings.auto_partner_down:
        return [Awaited("the partner, or an operator who knows that it is down")]
    return [Awaited("the partner; then partner-down by auto-partner-down", _alarm(endpoint, PARTNER_DOWN))]


def _partner_down(endpoint: Endpoint) -> list[Awaited]:
    return [
        Awaited(
            "the partner's free leases to be this server's (STOS + MCLT)", endpoint.since + endpoint.partners_lead_s
        ),
        Awaited("the partner, who must recover"),
    ]


def _told(endpoint: Endpoint) -> Awaited:
    again_us = endpoint.site.alarm_at(endpoint, WAIT, 0)
    if again_us is None:
        return Awaited("the end of the partner's updates (UPDDONE)")
    return Awaited("to ask for everything again: something that was told lacked what is needed", again_us // SECOND_US)


def _recover(endpoint: Endpoint) -> list[Awaited]:
    return [_told(endpoint), Awaited("what may be promised and forgotten to be over (STOS + MCLT)",
                                   endpoint.since + endpoint.mclt)]  # fmt: skip


def _recover_wait(endpoint: Endpoint) -> list[Awaited]:
    over = endpoint.since + endpoint.mclt
    return [Awaited("what may be promised and forgotten to be over (STOS + MCLT)", over)]


def _recover_done(_endpoint: Endpoint) -> list[Awaited]:
    return [Awaited("the partner to be in normal")]


def _potential_conflict(endpoint: Endpoint) -> list[Awaited]:
    if endpoint.primary or endpoint.partner_state is CONF_DONE:
        return [_told(endpoint)]
    return [Awaited("the primary to have had this server's updates (conflict-done)")]


def _conflict_done(_endpoint: Endpoint) -> list[Awaited]:
    return [Awaited("the secondary to have had this server's updates (normal)")]


def _resolution_interrupted(_endpoint: Endpoint) -> list[Awaited]:
    return [Awaited("the partner: the conflict cannot be resolved without it")]


_AWAITS: Final[dict[State, Callable[[Endpoint], list[Awaited]]]] = {
    UNKNOWN: _operator,
    STARTUP: _startup,
    NORMAL: _nothing,
    COMM_INT: _communications_interrupted,
    P_DOWN: _partner_down,
    POT_CONF: _potential_conflict,
    RECOVER: _recover,
    PAUSED: _operator,
    SHUTDOWN: _operator,
    REC_DONE: _recover_done,
    RES_INT: _resolution_interrupted,
    CONF_DONE: _conflict_done,
    REC_WAIT: _recover_wait,
}

# What an operator may do


def _choices(endpoint: Endpoint) -> tuple[Choice, ...]:
    """Those of the state; with a link, all but to bring the partner back: it is there."""
    choices = CHOICES[endpoint.state]
    return choices if endpoint.link is None else tuple(one for one in choices if not one.returns)


_DECLARE_DOWN: Final = Choice(
    "say that the partner is down, when it is certain that it serves nobody and will come back to this server", P_DOWN
)
_INTERRUPT: Final = Choice("have it serve its own leases, and find back to the partner", COMM_INT)

CHOICES: Final[dict[State, tuple[Choice, ...]]] = {
    UNKNOWN: (_INTERRUPT,),
    STARTUP: (),
    NORMAL: (Choice("end this server in order (the control object's shutdown): the partner serves alone"),),
    COMM_INT: (Choice("mend the way between the two; nothing is lost meanwhile", returns=True), _DECLARE_DOWN),
    P_DOWN: (Choice("start the partner again: it recovers by itself", returns=True),),
    POT_CONF: (),
    RECOVER: (
        Choice("start the partner, or mend the way to it: it has what this server needs", returns=True),
        Choice(
            "say that the partner is down and does not come back with its leases: those that it alone knew are lost",
            P_DOWN,
        ),
    ),
    PAUSED: (_INTERRUPT,),
    SHUTDOWN: (_INTERRUPT,),
    REC_DONE: (),
    RES_INT: (Choice("start the partner, or mend the way to it", returns=True), _DECLARE_DOWN),
    CONF_DONE: (),
    REC_WAIT: (),
}
