"""What becomes of each of the 256 DHCP options: one table, which follows from the formats that the server knows.

A code has one Treatment. What names somebody is hidden; what is nothing but numbers or addresses is what it is
(addresses are hidden where that is asked for); of everything else nobody can know what is in it: what is named
elsewhere is exchanged in it, and the rest stays and is counted under the option's name.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from ....engine.conf.options import default_registry
from ....engine.model.tables import letters


class Kind(StrEnum):
    """How an option's value is rewritten."""

    NAME = "name"
    NAMES_ENCODED = "names encoded"
    FQDN = "fqdn"
    IDENTIFIER = "identifier"
    RELAY_AGENT = "relay agent"
    ADDRESSES = "addresses"
    NUMBERS = "numbers"
    OTHER = "other"


class Treatment(NamedTuple):
    """`label` is what an operator calls the option; `octets` the length of its numbers, 0 for a list of any length."""

    kind: Kind
    label: str
    octets: int = 0


RELAY_AGENT: Final = 82
_HIDDEN: Final[dict[int, Kind]] = {
    **dict.fromkeys((12, 15, 40, 47, 64, 66, 86, 87, 100, 101), Kind.NAME),
    **dict.fromkeys((88, 119, 137, 141, 213), Kind.NAMES_ENCODED),
    **dict.fromkeys((61, 97), Kind.IDENTIFIER),
    81: Kind.FQDN,
    RELAY_AGENT: Kind.RELAY_AGENT,
}
# Their numbers cannot name anybody, whatever the registry's letters say: what is meant is the order of a list.
_WIDTHS: Final = {"l": 4, "L": 4, "T": 4, "s": 2, "S": 2, "b": 1, "B": 1, "f": 1}
_ADDRESS_LETTERS: Final = frozenset("IAa")
_ADDRESS_OCTETS: Final = 4
_MASK: Final = 1
_CODES: Final = range(256)


def _treatments() -> dict[int, Treatment]:
    known = default_registry().spaces["dhcp"].by_code
    found: dict[int, Treatment] = {}
    for code in _CODES:
        definition = known.get(code)
        label = f"{definition.name if definition else 'unknown options'} ({code})"
        found[code] = _treatment(code, definition.format if definition else "X", label)
    return found


def _treatment(code: int, format_: str, label: str) -> Treatment:
    if code in _HIDDEN:
        return Treatment(_HIDDEN[code], label)
    kinds = letters(format_)
    if code != _MASK and kinds and set(kinds) <= _ADDRESS_LETTERS:
        return Treatment(Kind.ADDRESSES, label)
    numbers = kinds.rstrip("Aa")
    if code == _MASK or (numbers and all(letter in _WIDTHS for letter in numbers)):
        octets = 0 if numbers != kinds else sum(_WIDTHS.get(letter, _ADDRESS_OCTETS) for letter in numbers)
        return Treatment(Kind.NUMBERS, label, octets)
    return Treatment(Kind.OTHER, label)


TREATMENTS: Final[dict[int, Treatment]] = _treatments()
