"""A packet as an operator reads it: the BOOTP header and every option by its name and in its own syntax.

Any octets are shown, malformed ones too, and never refused: a recording is looked at because something was odd.
Unlike the engine's reader (engine/wire/packet.py), which answers what the server understood, this one tells what
stands there, area by area. Options that the configuration defines are shown as `unknown-N` unless its registry is
given.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from ...engine.conf.options import ENUMERATIONS, default_registry
from ...engine.conf.writing.values import text_of
from ...engine.model.tables import inner_space
from ...engine.wire.packet import COOKIE, FIXED_OCTETS, TYPE_NAMES
from ...engine.wire.text import dotted
from ...trace.effects import Send
from ...trace.events import Packet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...engine.model.spaces import OptionDefinition, OptionSpace, Registry
    from ...trace.effects import Effect
    from ...trace.events import Event

_OPTIONS_AT: Final = FIXED_OCTETS + len(COOKIE)
_SNAME: Final = slice(44, 108)
_FILE: Final = slice(108, 236)
_CHADDR_OCTETS: Final = 16
_PAD: Final = 0
_END: Final = 255
_OVERLOAD: Final = 52
_MESSAGE_TYPE: Final = 53
# Nearly every message begins with its type: code, length 1, type.
_TYPE_FIRST: Final = bytes([_MESSAGE_TYPE, 1])
_TYPE_AT: Final = _OPTIONS_AT + len(_TYPE_FIRST)
_OPERATIONS: Final = {1: "BOOTREQUEST", 2: "BOOTREPLY"}
_NESTING_MAXIMUM: Final = 4
_WORDS: Final = {
    name: {number: word for word, number in words.items()} for name, (_octets, words) in ENUMERATIONS.items()
}


class Field(NamedTuple):
    """One line of a decoded packet."""

    name: str
    value: str


@cache
def _registry() -> Registry:
    return default_registry()


def packet_fields(payload: bytes, registry: Registry | None = None) -> list[Field]:
    """The header's fields, then the options in the order in which they stand; what cannot be read is shown as hex."""
    if len(payload) < FIXED_OCTETS:
        return [Field("octets", f"{len(payload)}, too few for a header of {FIXED_OCTETS}"), Field("raw", payload.hex())]
    fields = _header(payload)
    if payload[FIXED_OCTETS:_OPTIONS_AT] != COOKIE:
        vendor = payload[FIXED_OCTETS:]
        return [*fields, Field("vendor area", _hex(vendor) if any(vendor) else f"{len(vendor)} zero octets")]
    used = registry or _registry()
    options = _area(payload[_OPTIONS_AT:], used, "")
    overload = _overload(payload)
    if overload & 1:
        options += _area(payload[_FILE], used, " (in file)")
    if overload & 2:
        options += _area(payload[_SNAME], used, " (in sname)")
    return fields + options


def _header(payload: bytes) -> list[Field]:
    op, htype, hlen, hops = payload[:4]
    flags = int.from_bytes(payload[10:12], "big")
    fields = [
        Field("op", f"{op} {_OPERATIONS.get(op, '')}".rstrip()),
        Field("htype", str(htype)),
        Field("hlen", str(hlen)),
        Field("hops", str(hops)),
        Field("xid", payload[4:8].hex()),
        Field("secs", str(int.from_bytes(payload[8:10], "big"))),
        Field("flags", f"{flags:#06x}{' broadcast' if flags & 0x8000 else ''}"),
    ]
    for place, name in ((12, "ciaddr"), (16, "yiaddr"), (20, "siaddr"), (24, "giaddr")):
        fields.append(Field(name, dotted(int.from_bytes(payload[place : place + 4], "big"))))
    fields.append(Field("chaddr", payload[28 : 28 + min(hlen, _CHADDR_OCTETS)].hex(":")))
    overload = _overload(payload)
    for bit, name, area in ((2, "sname", payload[_SNAME]), (1, "file", payload[_FILE])):
        if not overload & bit and any(area):
            fields.append(Field(name, _text(area)))
    return fields


def _text(area: bytes) -> str:
    """A NUL-terminated text, with what stands behind the NUL if anything does."""
    text, _, rest = area.partition(b"\0")
    shown = '"' + text.decode("ascii", "backslashreplace") + '"'
    return f"{shown} then {_hex(rest)}" if any(rest) else shown


def _hex(octets: bytes) -> str:
    return octets.rstrip(b"\0").hex(":") or "0"


def _split(area: bytes, space: OptionSpace | None) -> tuple[list[tuple[int, bytes]], str]:
    """(code, value) of each option and, where the area cannot be read to its end, what is wrong."""
    code_width = space.code_width if space else 1
    length_width = space.length_width if space else 1
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(area):
        code = int.from_bytes(area[at : at + code_width], "big")
        if code_width == 1 and code == _PAD:
            at += 1
            continue
        if code_width == 1 and code == _END:
            return found, ""
        start = at + code_width + length_width
        if start > len(area):
            return found, f"option {code} has no length"
        length = int.from_bytes(area[at + code_width : start], "big")
        if start + length > len(area):
            return found, f"option {code} of {length} octets does not fit: {area[start:].hex(':')}"
        found.append((code, area[start : start + length]))
        at = start + length
    return found, ""


def _overload(payload: bytes) -> int:
    """The bits of the option overload: 1 the file field, 2 the sname field; 0 without a DHCP options area."""
    if payload[FIXED_OCTETS:_OPTIONS_AT] != COOKIE:
        return 0
    for code, value in _split(payload[_OPTIONS_AT:], None)[0]:
        if code == _OVERLOAD and len(value) == 1:
            return value[0] & 3
    return 0


def _area(area: bytes, registry: Registry, where: str) -> list[Field]:
    found, wrong = _split(area, None)
    merged: dict[int, bytes] = {}
    for code, value in found:
        merged[code] = merged.get(code, b"") + value
    fields: list[Field] = []
    for code, value in merged.items():
        fields += _option(registry.spaces["dhcp"], code, value, registry, where, 1)
    if wrong:
        fields.append(Field(f"options{where}", f"malformed: {wrong}"))
    return fields


def _definition(space: OptionSpace, code: int) -> OptionDefinition:
    return space.by_code.get(code) or space.unknown(code)


def _option(space: OptionSpace, code: int, value: bytes, registry: Registry, where: str, depth: int) -> list[Field]:
    definition = _definition(space, code)
    inner = inner_space(definition.format)
    if inner in registry.spaces and depth < _NESTING_MAXIMUM:
        inside = registry.spaces[inner]
        found, wrong = _split(value, inside)
        if not wrong:
            return [
                field
                for sub_code, sub_value in found
                for field in _option(inside, sub_code, sub_value, registry, where, depth + 1)
            ]
    text = text_of(definition, value, enumerations=_WORDS)
    if code == _MESSAGE_TYPE and space.name == "dhcp" and len(value) == 1:
        text = f"{value[0]} {TYPE_NAMES.get(value[0], '')}".rstrip()
    elif text == "<error>" or not definition.format:
        text = value.hex(":") or "(empty)"
    return [Field(f"option {definition.full_name}{where}", text)]


def options_of(payload: bytes) -> dict[int, bytes]:
    """The options of the options area, pieces of one joined; as far as they can be read."""
    found: dict[int, bytes] = {}
    if payload[FIXED_OCTETS:_OPTIONS_AT] == COOKIE:
        for code, value in _split(payload[_OPTIONS_AT:], None)[0]:
            found[code] = found.get(code, b"") + value
    return found


def message_name(payload: bytes) -> str:
    """`DHCPDISCOVER`..., `BOOTREQUEST`, or what else the octets are."""
    if len(payload) < FIXED_OCTETS:
        return f"{len(payload)} octets"
    if payload[FIXED_OCTETS:_OPTIONS_AT] == COOKIE:
        if payload[_OPTIONS_AT:_TYPE_AT] == _TYPE_FIRST and len(payload) > _TYPE_AT:
            return TYPE_NAMES.get(payload[_TYPE_AT], f"type {payload[_TYPE_AT]}")
        for code, value in _split(payload[_OPTIONS_AT:], None)[0]:
            if code == _MESSAGE_TYPE and len(value) == 1:
                return TYPE_NAMES.get(value[0], f"type {value[0]}")
    return _OPERATIONS.get(payload[0], f"op {payload[0]}")


def hardware_of_payload(payload: bytes) -> bytes:
    """The client's hardware address: the first hlen octets of chaddr; empty where there is none."""
    if len(payload) < FIXED_OCTETS:
        return b""
    return payload[28 : 28 + min(payload[2], _CHADDR_OCTETS)]


def hardware_of(event: Event, *effect_lists: Sequence[Effect]) -> bytes:
    """The hardware address of the client whom the event is about: its packet's, else that of the first reply sent."""
    if isinstance(event, Packet):
        return hardware_of_payload(event.payload)
    for effects in effect_lists:
        for effect in effects:
            if isinstance(effect, Send):
                return hardware_of_payload(effect.payload)
    return b""


def client_of(event: Event, *effect_lists: Sequence[Effect]) -> str:
    """`hardware_of` as text, empty for no client."""
    return hardware_of(event, *effect_lists).hex(":")
