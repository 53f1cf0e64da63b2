"""Where failover relationships stand at a moment of a recording: for people, and as JSON has it.

What there is to say is the engine's (`engine/failover/standing.py`); here it is counted down to the moment in
question and put in words. The machine stays as it is.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final

from ...engine.failover.standing import standing
from ..looking.leasetable import when
from ..showing.describe import moment

if TYPE_CHECKING:
    from ...engine.failover.standing import Awaited, Choice, Contact, PoolStanding, Standing
    from ...engine.machine import Machine

_SECOND_US: Final = 1_000_000
POOL_HEADS: Final = ("network", "ranges", "addresses", "free (primary's)", "backup (secondary's)", "active", "expired",
                     "abandoned")  # fmt: skip
POOL_NUMBERS: Final = POOL_HEADS[2:]


def standings(machine: Machine) -> list[Standing]:
    """Every relationship, in the order of the configuration; none where it names none."""
    if machine.failover is None:
        return []
    return [standing(endpoint) for endpoint in machine.failover.endpoints.values()]


def left(until: int, now: int) -> str:
    """`2026-11-24 05:47:27, in 34 s`; what has passed says so."""
    seconds = until - now
    return f"{when(until)}, {f'in {seconds:,} s' if seconds > 0 else 'which has passed'}"


# For people


def pairs(one: Standing, now: int) -> list[tuple[str, str]]:
    """Names and values, one a line; `now` is the moment that was asked for, in seconds since 1970."""
    side = "primary" if one.primary else "secondary"
    state = one.state.word if one.saved is None else f"{one.state.word} (before: {one.saved.word})"
    rows = [
        ("relationship", f"{one.name}, this is the {side}"),
        ("my state", f"{state} since {when(one.since)}"),
        ("because", one.why),
        ("partner's state", f"{one.partner_state.word}, as far as known, since {when(one.partner_since)}"),
        ("service", _service(one)),
        ("MCLT", f"{one.mclt} s"),
    ]
    rows += [("" if number else "waits for", _awaited(each, now)) for number, each in enumerate(one.awaited)]
    rows += _contact_rows(one.contact, now)
    rows.append(("updates", _updates(one)))
    rows += [("" if number else "you may", _choice(each)) for number, each in enumerate(one.choices)]
    return rows


def _service(one: Standing) -> str:
    word = one.service.name.lower().replace("_", " ")
    return f"{word}: {one.silence}" if one.silence and one.silence != word else word


def _awaited(one: Awaited, now: int) -> str:
    return one.what if one.until is None else f"{one.what}: {left(one.until, now)}"


def _contact_rows(contact: Contact, now: int) -> list[tuple[str, str]]:
    skew = "unknown" if contact.skew_s is None else f"the partner's clock is {_ahead(contact.skew_s)}"
    if contact.heard_us is None or contact.silent_at_us is None:
        return [("link", "none"), ("skew", skew)]
    heard = f"{moment(contact.heard_us)}, {now - contact.heard_us // _SECOND_US:,} s ago"
    silent = f"silence ends it {left(contact.silent_at_us // _SECOND_US, now)}"
    return [("link", "there is one"), ("last contact", f"{heard}; {silent}"), ("skew", skew)]


def _ahead(seconds: int) -> str:
    if not seconds:
        return "as this one"
    return f"{abs(seconds):,} s {'ahead' if seconds > 0 else 'behind'}"


def _updates(one: Standing) -> str:
    found = one.updates
    text = f"{found.unacknowledged:,} unacknowledged (the partner takes {found.limit:,}), {found.waiting:,} waiting"
    text += f", {found.to_acknowledge:,} of the partner's to acknowledge"
    return text + (", and the partner has asked for updates" if found.requested else "")


def _choice(one: Choice) -> str:
    return one.what if one.state is None else f"{one.what} (omshell: set local-state = {int(one.state)})"


def pool_cells(pool: PoolStanding) -> tuple[str, ...]:
    """A pool for POOL_HEADS."""
    return (pool.network, " ".join(_spans(pool)), *(f"{count:,}" for count in pool[2:]))


def _spans(pool: PoolStanding) -> list[str]:
    return [f"{IPv4Address(low)}-{IPv4Address(high)}" for low, high in pool.ranges]


# For programs


def as_object(one: Standing, now: int) -> dict[str, Any]:
    """A relationship as JSON has it: states by their words, times in seconds since 1970 but those named `_us`."""
    return {
        "name": one.name,
        "role": "primary" if one.primary else "secondary",
        "now": now,
        "state": one.state.word,
        "since": one.since,
        "why": one.why,
        "saved": None if one.saved is None else one.saved.word,
        "partner_state": one.partner_state.word,
        "partner_since": one.partner_since,
        "service": one.service.name.lower(),
        "silence": one.silence,
        "mclt": one.mclt,
        "awaited": [
            {**each._asdict(), "left": None if each.until is None else max(each.until - now, 0)} for each in one.awaited
        ],
        "contact": one.contact._asdict(),
        "updates": one.updates._asdict(),
        "pools": [{**pool._asdict(), "ranges": _spans(pool)} for pool in one.pools],
        "choices": [
            {"what": each.what, "local_state": None if each.state is None else int(each.state)} for each in one.choices
        ],
    }
