"""The kinds of values that a request may give: read from text, refused with what to write instead, described.

Whatever a request gives comes through here: a route never sees a text that was not read as one of these kinds.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..replay.showing.notation import octets_of
from .problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TEXT_CHARACTERS_MAXIMUM: Final = 1024
_DIGITS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_TRUE: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class Kind(NamedTuple):
    """`read` raises ValueError for what is none; `wanted` says what is one; `schema` is JSON Schema's."""

    read: Callable[[str], Any]
    wanted: str
    schema: Mapping[str, Any]


def _octets(text: str) -> bytes:
    found = octets_of(text)
    if found is None:
        raise ValueError(text)
    return found


def _address(text: str) -> int:
    try:
        return int(IPv4Address(text))
    except AddressValueError as error:
        raise ValueError(text) from error


def _integer(text: str) -> int:
    if not _DIGITS.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _truth(text: str) -> bool:
    try:
        return _TRUE[text]
    except KeyError as error:
        raise ValueError(text) from error


def _text(text: str) -> str:
    if not text or len(text) > TEXT_CHARACTERS_MAXIMUM or not text.isprintable():
        raise ValueError(text)
    return text


def word(*words: str) -> Kind:
    """One of a few words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return Kind(read, f"one of {', '.join(words)}", {"type": "string", "enum": list(words)})


def number(low: int, high: int) -> Kind:
    """An integer from `low` to `high`."""

    def read(text: str) -> int:
        found = _integer(text)
        if not low <= found <= high:
            raise ValueError(text)
        return found

    return Kind(read, f"a number from {low} to {high}", {"type": "integer", "minimum": low, "maximum": high})


ADDRESS: Final = Kind(_address, "an IPv4 address as 10.0.0.7", {"type": "string", "format": "ipv4"})
OCTETS: Final = Kind(
    _octets,
    "octets in hexadecimal as 02:00:00:00:00:01",
    {"type": "string", "pattern": "^[0-9A-Fa-f]{1,4}([:.-][0-9A-Fa-f]{1,4})+$"},
)
TEXT: Final = Kind(
    _text,
    f"a text of 1 to {TEXT_CHARACTERS_MAXIMUM} printable characters",
    {"type": "string", "minLength": 1, "maxLength": TEXT_CHARACTERS_MAXIMUM},
)
TRUTH: Final = Kind(_truth, "true or false", {"type": "boolean"})
TIME: Final = number(0, (1 << 32) - 1)


class Parameter(NamedTuple):
    """A value that a request may give, by name. `default` stands where it does not; `required`: it must."""

    name: str
    kind: Kind
    doc: str
    required: bool = False
    default: Any = None


def read_values(given: Mapping[str, str], known: tuple[Parameter, ...]) -> dict[str, Any]:
    """The values of a request, by name; raises Problem 400 for one that is unknown, wrong or missing."""
    names = {one.name for one in known}
    for name in given:
        if name not in names:
            wanted = ", ".join(sorted(names)) or "none"
            raise Problem(400, f"unknown parameter {name[:80]!r}", f"the parameters here are: {wanted}")
    return {one.name: _value(given, one) for one in known}


def _value(given: Mapping[str, str], one: Parameter) -> Any:
    text = given.get(one.name)
    if text is None:
        if one.required:
            raise Problem(400, f"{one.name} is missing", f"give {one.kind.wanted}")
        return one.default
    try:
        return one.kind.read(text)
    except ValueError as error:
        raise Problem(400, f"{one.name} cannot be {text[:80]!r}", f"give {one.kind.wanted}") from error
