"""Whether two configurations make a pair: what each says of a relationship, held against what the other says.

Both files are read as their servers would read them, and neither server is started. A Misfit is something with which
the pair would not work, or would not be safe; a remark (`harms` false) is something that works and is seldom meant. The
order is that in which an operator would mend: the relationship, its ends, its terms, its addresses.

What may differ is not looked at: limits that each server announces of itself, lease times, everything outside the
relationship's pools. Host names are not looked up: a name and a number cannot be compared, which is said.

Source: docs/behaviour/failover.md#statements-of-a-declaration, #pools-of-a-relationship.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ...wire.text import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...model.configuration import Configuration
    from ...model.peers import FailoverPeer

Range = tuple[int, int]
# A partner of ISC's that hears of less sends CONTACT without a pause.
RESPONSE_DELAY_MIN_S: Final = 3
_RANGES_TOLD: Final = 8


class Misfit(NamedTuple):
    """What does not fit. `what` is for programs, `text` for people; of `harms` the module tells."""

    relationship: str
    what: str
    text: str
    harms: bool = True


def misfits(ours: Configuration, theirs: Configuration) -> list[Misfit]:
    """Everything that does not fit, relationship by relationship; empty where the two make a pair."""
    names = list(dict.fromkeys([*ours.failover_peers, *theirs.failover_peers]))
    if not names:
        return [Misfit("", "none", "neither file declares a failover relationship")]
    found = []
    for name in names:
        mine, other = ours.failover_peers.get(name), theirs.failover_peers.get(name)
        if mine is None or other is None:
            there = "the other file" if mine is None else "this file"
            found.append(Misfit(name, "name", f"only {there} declares it: the name must be the same in both"))
            continue
        found += [*_ends(mine, other), *_terms(mine, other), *_addresses(ours, theirs, name)]
    return found


# The ends of the relationship


def _ends(mine: FailoverPeer, other: FailoverPeer) -> Iterator[Misfit]:
    if mine.primary == other.primary:
        role = "primary" if mine.primary else "secondary"
        yield Misfit(mine.name, "role", f"both are {role}: one must be primary and one secondary")
    pairs = (
        ("address", mine.address, "peer address", other.peer_address),
        ("peer address", mine.peer_address, "address", other.address),
    )
    for word, here, other_word, there in pairs:
        if isinstance(here, str) != isinstance(there, str):
            text = f"{word} {_said(here)} cannot be compared with {other_word} {_said(there)} of the other file"
            yield Misfit(mine.name, "address", text, harms=False)
        elif here != there:
            text = f"{word} is {_said(here)}, and the other file has {other_word} {_said(there)}"
            yield Misfit(mine.name, "address", text)
    for word, port, other_word, other_port in (
        ("port", mine.port, "peer port", other.peer_port), ("peer port", mine.peer_port, "port", other.port),
    ):  # fmt: skip
        if port != other_port:
            text = f"{word} is {port}, and the other file has {other_word} {other_port}"
            yield Misfit(mine.name, "port", text)


def _said(address: int | str | None) -> str:
    if address is None:
        return "missing"
    return address if isinstance(address, str) else dotted(address)


# Its terms


def _terms(mine: FailoverPeer, other: FailoverPeer) -> Iterator[Misfit]:
    primary, secondary = (mine, other) if mine.primary else (other, mine)
    if primary.primary and not secondary.primary:
        yield from _of_primary(primary, secondary)
    if mine.load_balance_max_seconds != other.load_balance_max_seconds:
        seconds = f"{mine.load_balance_max_seconds} here and {other.load_balance_max_seconds} in the other file"
        text = f"load balance max seconds is {seconds}: where they differ, clients get two offers or none"
        yield Misfit(mine.name, "load balance max seconds", text, harms=False)
    for one in (mine, other):
        if one.max_response_delay < RESPONSE_DELAY_MIN_S:
            delay = one.max_response_delay
            text = f"with max-response-delay {delay} an ISC partner sends without a pause: give at least 3"
            yield Misfit(one.name, "max-response-delay", text, harms=False)


def _of_primary(primary: FailoverPeer, secondary: FailoverPeer) -> Iterator[Misfit]:
    if secondary.mclt and secondary.mclt != primary.mclt:
        text = f"the primary's mclt {primary.mclt} counts, and not the secondary's {secondary.mclt}"
        yield Misfit(primary.name, "mclt", text, harms=False)
    buckets = primary.hash_buckets or b""
    if len(set(buckets)) == 1 and buckets[0] in (0, 0xFF) and primary.load_balance_max_seconds:
        who = "primary" if buckets[0] else "secondary"
        text = f"split gives all clients to the {who}: the other one answers who has waited only"
        yield Misfit(primary.name, "split", text, harms=False)


# Its addresses


def _addresses(ours: Configuration, theirs: Configuration, name: str) -> Iterator[Misfit]:
    mine, other = _ranges(ours, name), _ranges(theirs, name)
    for here, there, file, configuration in (
        (mine, other, "the other file", theirs), (other, mine, "this file", ours),
    ):  # fmt: skip
        missing = list(_without(here, there))
        served = list(_common(missing, _elsewhere(configuration, name)))
        if served:
            text = f"{file} has {_text(served)} in a pool that is not of the relationship: both would give them away"
            yield Misfit(name, "range", text)
        absent = list(_without(missing, served))
        if absent:
            yield Misfit(name, "range", f"{file} does not have {_text(absent)}: its updates are refused")
    if mine == other and _pools(ours, name) != _pools(theirs, name):
        text = "the same addresses are in other pools: each server halves the free ones of its own pools"
        yield Misfit(name, "pool", text, harms=False)


def _ranges(configuration: Configuration, name: str) -> list[Range]:
    """The addresses of a relationship."""
    return _merged(span for pool in configuration.pools if pool.failover_peer == name for span in pool.ranges)


def _elsewhere(configuration: Configuration, name: str) -> list[Range]:
    """The addresses of all other pools."""
    return _merged(span for pool in configuration.pools if pool.failover_peer != name for span in pool.ranges)


def _pools(configuration: Configuration, name: str) -> list[list[Range]]:
    return sorted(_merged(pool.ranges) for pool in configuration.pools if pool.failover_peer == name)


def _text(ranges: list[Range]) -> str:
    shown = [dotted(low) if low == high else f"{dotted(low)} to {dotted(high)}" for low, high in ranges[:_RANGES_TOLD]]
    more = f" and {len(ranges) - _RANGES_TOLD} more ranges" if len(ranges) > _RANGES_TOLD else ""
    return ", ".join(shown) + more


def _merged(ranges: Iterable[Range]) -> list[Range]:
    """The same addresses in ascending order, in as few ranges as can be."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found


def _without(ranges: list[Range], others: list[Range]) -> Iterator[Range]:
    """The addresses of the first that are not in the second; both are merged."""
    for low, high in ranges:
        at = low
        for other_low, other_high in others:
            if other_high < at or other_low > high:
                continue
            if at < other_low:
                yield (at, other_low - 1)
            at = other_high + 1
        if at <= high:
            yield (at, high)


def _common(ranges: list[Range], others: list[Range]) -> Iterator[Range]:
    """The addresses that are in both."""
    for low, high in ranges:
        for other_low, other_high in others:
            if max(low, other_low) <= min(high, other_high):
                yield (max(low, other_low), min(high, other_high))
