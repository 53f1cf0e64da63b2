"""Everything that is looked for, by the name that silences it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import addresses, classes, statements
from .finding import Finding, Silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..engine.model.configuration import Configuration

# In no order that counts: what is found is shown in that of the file.
RULES: Final[dict[str, Callable[[Configuration], Iterator[Finding]]]] = {
    "no-subnet": addresses.no_subnet,
    "host-in-range": addresses.host_in_range,
    "host-on-no-subnet": addresses.host_on_no_subnet,
    "hardware-twice": addresses.hardware_twice,
    "edge-in-range": addresses.edge_in_range,
    "pool-for-nobody": addresses.pool_for_nobody,
    "deny-before-allow": addresses.deny_before_allow,
    "peer-without-pool": addresses.peer_without_pool,
    "pool-without-peer": addresses.pool_without_peer,
    "odd-time": statements.odd_time,
    "default-above-max": statements.default_above_max,
    "option-twice": statements.option_twice,
    "router-elsewhere": statements.router_elsewhere,
    "class-without-members": classes.class_without_members,
}


def look(configuration: Configuration) -> list[Finding]:
    """What is found and not silenced, in the order of files and lines."""
    silence = Silence()
    found = {one for rule in RULES.values() for one in rule(configuration) if not silence.covers(one)}
    return sorted(found, key=lambda one: (one.place.file, one.place.line, one.place.column, one.rule, one.text))


def lines(findings: list[Finding]) -> list[str]:
    """Findings for people, as the parser shows mistakes; the last line says how many there are."""
    shown = [f"{_place_text(one)}{one.text} [{one.rule}]" for one in findings]
    if not findings:
        return ["Nothing was found that you may regret."]
    count = "One thing was" if len(findings) == 1 else f"{len(findings)} things were"
    return [*shown, f"{count} found. What is meant so: '# lint: ignore RULE' on its line, or on the one above."]


def _place_text(one: Finding) -> str:
    return f"{one.place.file} line {one.place.line}: " if one.place.line else ""
