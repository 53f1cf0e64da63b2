"""Kea's `option-data` and `option-def` as statements. What ISC's language has no type or name for is NotCarried."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ..engine.conf.options import default_registry
from ..engine.model.tables import letters
from .conditions import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..engine.model.spaces import OptionDefinition

# Names of Kea's that ISC's language spells otherwise, by code.
_CODES: Final = {
    "boot-file-name": 67, "uuid-guid": 97, "client-system": 93, "client-ndi": 94, "vivco-suboptions": 124,
    "vivso-suboptions": 125, "name-servers": 5, "nwip-domain-name": 62,
    "nisplus-domain-name": 64, "nisplus-servers": 65,
}  # fmt: skip
_TYPES: Final = {
    "ipv4-address": "ip-address", "ipv6-address": "ip6-address", "boolean": "boolean", "string": "text",
    "binary": "string", "empty": "string", "fqdn": "domain-name", "tuple": "string",
    **{f"{sign}int{bits}": f"{word} {bits}" for sign, word in (("u", "unsigned integer"), ("", "integer"))
       for bits in (8, 16, 32)},
}  # fmt: skip
_ADDRESS: Final = re.compile(r"\d+(\.\d+){3}")
_NAME: Final = re.compile(r"[A-Za-z][\w-]*")
_VENDOR_CLASS_IDENTIFIER: Final = 60
_OWN_SPACES: Final = ("", "dhcp4")


class NotCarried(ValueError):
    """There are no words for it in dhcpd.conf; the text says why."""


class Options:
    """The options that a configuration may name: the standard ones, and those it defines.

    `definitions` are the statements of those defined, to stand at the beginning.
    """

    def __init__(self) -> None:
        self._spaces = default_registry().spaces
        self._own: dict[tuple[str, str], tuple[str, str]] = {}
        self._own_codes: dict[tuple[str, int], str] = {}
        self._declared: set[str] = set()
        self.definitions: list[str] = []

    def define(self, definition: Mapping[str, Any]) -> None:
        """Take an `option-def`; raises NotCarried."""
        name, code, space = str(definition.get("name", "")), definition.get("code"), _space(definition)
        if not _NAME.fullmatch(name) or not isinstance(code, int):
            raise NotCarried("an option is defined by a name and a code")
        if space.startswith("vendor-") and space.removeprefix("vendor-").isdecimal():
            raise NotCarried(f"the space {space}: define option vendor.{space.removeprefix('vendor-')} by hand")
        shown_space = f"kea-{space}" if space and not _NAME.fullmatch(space) else space
        shown = f"{shown_space}.{name}" if space else name
        if (space, name) in self._own or (space, code) in self._own_codes:
            raise NotCarried("a second definition: a class has none of its own")
        self._declare(shown_space)
        kind = self._type_of(definition)
        if not space and code in self._spaces["dhcp"].by_code and name in self._spaces["dhcp"].by_name:
            kind = kind if definition.get("encapsulate") else ""
        if kind:
            self.definitions.append(f"option {shown} code {code} = {kind};")
        self._own[space, name] = (shown, kind)
        self._own_codes[space, code] = name

    def _type_of(self, definition: Mapping[str, Any]) -> str:
        inner = str(definition.get("encapsulate", ""))
        kind = str(definition.get("type", "empty"))
        if inner:
            if kind != "empty":
                raise NotCarried("an option with fields of its own and others inside")
            shown = inner if _NAME.fullmatch(inner) else f"kea-{inner}"
            self._declare(shown)
            return f"encapsulate {shown}"
        if kind == "record":
            words = [_TYPES.get(one.strip(), "") for one in str(definition.get("record-types", "")).split(",")]
            if not all(words):
                raise NotCarried(f"the record of {definition.get('record-types')}")
            made = f"{{ {', '.join(words)} }}"
        elif kind in _TYPES:
            made = _TYPES[kind]
        else:
            raise NotCarried(f"the type {kind}")
        return f"array of {made}" if definition.get("array") else made

    def _declare(self, space: str) -> None:
        if space and space not in self._declared and space not in self._spaces:
            self._declared.add(space)
            self.definitions.append(f"option space {space};")

    def name_of(self, text: str) -> str:
        """ISC's name of a standard or defined option, by Kea's name or number; raises LookupError."""
        if ("", text) in self._own:
            return self._own["", text][0]
        if text.isdecimal() and ("", int(text)) in self._own_codes:
            return self._own["", self._own_codes["", int(text)]][0]
        return self._standard(text).name

    def _standard(self, text: str) -> OptionDefinition:
        dhcp = self._spaces["dhcp"]
        if text in dhcp.by_name:
            return dhcp.by_name[text]
        return dhcp.by_code[int(text) if text.isdecimal() else _CODES[text]]

    def statement(self, data: Mapping[str, Any]) -> str:
        """An `option-data` as a statement; raises NotCarried."""
        space, name, code = _space(data), str(data.get("name", "")), data.get("code")
        value, as_text = str(data.get("data", "")), data.get("csv-format", True)
        found = self._own.get((space, name or self._own_codes.get((space, code or -1), "")))
        if found is not None and found[1]:
            if found[1].startswith("encapsulate"):
                raise NotCarried("an option that holds others is sent by itself where one of them is set")
            return f"option {found[0]} {_own_text(found[1], value)};" if as_text else _octets(found[0], value)
        if space:
            raise NotCarried(f"no option {name or code} of the space {space} is defined")
        try:
            option = self._standard(name or str(code))
        except (LookupError, ValueError) as error:
            raise NotCarried(f"no option {name or code} is known") from error
        if option.format.startswith("E"):
            raise NotCarried(f"{option.name} holds other options")
        if option.code == _VENDOR_CLASS_IDENTIFIER and as_text:
            return f"option {option.name} {quoted(value.encode())};"  # a string to Kea, octets to ISC dhcpd
        if not as_text or (not option.format.strip("X") and value):
            return _octets(option.name, value)
        return f"option {option.name} {_text(option.format, _fields(value))};"


def _space(entry: Mapping[str, Any]) -> str:
    space = str(entry.get("space", ""))
    return "" if space in _OWN_SPACES else space


def _fields(value: str) -> list[str]:
    """The values between commas; a comma that is meant has a backslash before it."""
    return [one.replace("\\,", ",").strip() for one in re.split(r"(?<!\\),", value)]


def _text(format_: str, fields: list[str]) -> str:
    """Values as ISC's format writes them: fields of a record with blanks between, records with commas."""
    each = [letter for letter in letters(format_) if letter not in "Aaoc"]
    if not each or len(each) > len(fields):
        raise NotCarried(f"{len(fields)} values for the format {format_}")
    if len(each) == 1 and each[0] in "tX":
        return quoted(", ".join(fields).encode())
    if format_[-1] == "a" and len(each) > 1:
        # The last field alone is repeated.
        *first, last = each
        before = [_one(letter, field) for letter, field in zip(first, fields, strict=False)]
        return " ".join([*before, ", ".join(_one(last, field) for field in fields[len(first) :])])
    array = format_[-1] in "Aa" or each == ["D"]
    if len(fields) % len(each) or (len(fields) > len(each) and not array):
        raise NotCarried(f"{len(fields)} values for the format {format_}")
    shown = [_one(each[at % len(each)], field) for at, field in enumerate(fields)]
    records = [" ".join(shown[at : at + len(each)]) for at in range(0, len(shown), len(each))]
    return ", ".join(records)


def _own_text(kind: str, value: str) -> str:
    """Values of an option that the configuration defines, by the type that it was given."""
    letters = {"ip-address": "I", "text": "t", "string": "X", "boolean": "f", "domain-name": "d"}
    bare = kind.removeprefix("array of ").strip("{} ")
    format_ = "".join(letters.get(word.strip(), "L") for word in bare.split(","))
    if format_ == "X":
        return quoted(_hex(value))
    return _text(format_ + ("A" if kind.startswith("array of ") else ""), _fields(value))


def _one(letter: str, field: str) -> str:
    if letter == "I":
        if not _ADDRESS.fullmatch(field):
            raise NotCarried(f"{field!r} where an address should be")
        return field
    if letter == "d":
        return field
    if letter in "tDX":
        return quoted(field.encode())
    if letter == "f":
        return "true" if field.lower() in {"1", "true"} else "false"
    try:
        return str(int(field, 0))
    except ValueError as error:
        raise NotCarried(f"{field!r} where a number should be") from error


def _octets(name: str, value: str) -> str:
    return f"option {name} = {quoted(_hex(value))};"


def _hex(value: str) -> bytes:
    """Octets as Kea writes them: hexadecimal, with or without 0x, colons and blanks."""
    bare = re.sub(r"[\s:]", "", value.removeprefix("0x"))
    try:
        return bytes.fromhex(bare if len(bare) % 2 == 0 else f"0{bare}")
    except ValueError as error:
        raise NotCarried(f"{value[:30]!r} is not hexadecimal") from error


def statements(options: Options, entries: list[Any]) -> Iterator[tuple[int, str | NotCarried]]:
    """Each `option-data` of a list: where it stands, and its statement or why there is none."""
    for at, entry in enumerate(entries):
        try:
            yield at, options.statement(entry if isinstance(entry, dict) else {})
        except NotCarried as error:
            yield at, error
