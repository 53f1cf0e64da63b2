"""Rules about statements: times and options. What is computed (`option X = ...`) nobody can judge here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..engine.model import syntax
from ..engine.wire.text import dotted
from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..engine.model.configuration import Configuration, Scope, SharedNetwork
    from ..engine.model.syntax import OptionStatement

_TIMES: Final = ("default-lease-time", "max-lease-time", "min-lease-time")
# Whoever wants a client to ask every few seconds, or to keep an address for years, may say so: `# lint: ignore`.
_SECONDS_MIN: Final = 30
_SECONDS_MAX: Final = 5 * 366 * 86_400
_INFINITE: Final = 0xFFFFFFFF
_SIGNED_MAX: Final = 0x7FFFFFFF
_ADDRESS_OCTETS: Final = 4


def odd_time(configuration: Configuration) -> Iterator[Finding]:
    """Times that no network wants."""
    for scope in configuration.scopes:
        for statement in _set_in(scope, "server"):
            seconds = _number(statement)
            if statement.option.name in _TIMES and seconds is not None:
                why = _why_odd(seconds)
                if why:
                    yield Finding("odd-time", statement.place, f"{statement.option.name} {seconds}: {why}")


def _why_odd(seconds: int) -> str:
    if seconds == _INFINITE:
        return "leases that never end are never free again"
    if seconds > _SIGNED_MAX:
        return f"a negative time ({seconds - (1 << 32)}), read as one of over 68 years"
    if seconds > _SECONDS_MAX:
        return "more than five years"
    return f"less than {_SECONDS_MIN} seconds: clients ask again and again" if seconds < _SECONDS_MIN else ""


def default_above_max(configuration: Configuration) -> Iterator[Finding]:
    """The default is never given: it is cut to the maximum. The minimum goes before both."""
    for scope in configuration.scopes:
        own = {statement.option.name for statement in _set_in(scope, "server")} & set(_TIMES)
        found = {name: _effective(scope, name) for name in _TIMES}
        for low, high in (("default-lease-time", "max-lease-time"), ("min-lease-time", "max-lease-time")):
            one, other = found[low], found[high]
            if one is None or other is None or not own & {low, high} or one[0] <= other[0]:
                continue
            place = (one if low in own else other)[1]
            yield Finding("default-above-max", place, f"{low} {one[0]} is above {high} {other[0]}")


def _effective(scope: Scope, name: str) -> tuple[int, syntax.Place] | None:
    """A time where this scope is run, and where it is said; None where it is computed or not said."""
    for one in reversed(scope.chain()):
        for statement in reversed(list(_set_in(one, "server"))):
            if statement.option.name == name:
                seconds = _number(statement)
                return None if seconds is None else (seconds, statement.place)
    return None


def option_twice(configuration: Configuration) -> Iterator[Finding]:
    """The last one counts, and the first is forgotten."""
    for scope in configuration.scopes:
        seen: dict[str, OptionStatement] = {}
        for statement in _set_in(scope, None):
            name = statement.option.full_name
            before = seen.get(name)
            if before is not None and before.place.line and statement.operator == "supersede":
                shown = name.removeprefix("server.")
                text = f"{shown} is given twice in one block: line {before.place.line} has no effect"
                yield Finding("option-twice", statement.place, text)
            seen[name] = statement


def router_elsewhere(configuration: Configuration) -> Iterator[Finding]:
    """A router that the clients of a subnet cannot reach."""
    for subnet in configuration.subnets:
        for statement in _set_in(subnet.scope, "dhcp"):
            if statement.option.name == "routers" and statement.literal:
                yield from _unreachable(statement, subnet.network)


def _unreachable(statement: OptionStatement, network: SharedNetwork) -> Iterator[Finding]:
    octets = statement.value.octets or b""
    for at in range(0, len(octets) - _ADDRESS_OCTETS + 1, _ADDRESS_OCTETS):
        address = int.from_bytes(octets[at : at + _ADDRESS_OCTETS], "big")
        if not any(address in subnet for subnet in network.subnets):
            text = f"the router {dotted(address)} is on no subnet of its clients' network"
            yield Finding("router-elsewhere", statement.place, text)


def _set_in(scope: Scope, space: str | None) -> Iterator[OptionStatement]:
    """The options that a scope sets whatever comes, of a space or of all."""
    for statement in scope.statements:
        if isinstance(statement, syntax.OptionStatement) and space in (None, statement.option.space):
            yield statement


def _number(statement: OptionStatement) -> int | None:
    """A literal of four octets as a number."""
    octets = statement.value.octets
    return int.from_bytes(octets, "big") if octets is not None and len(octets) == _ADDRESS_OCTETS else None
