"""A received message: the BOOTP header and its options, as ISC dhcpd would have understood the same octets.

What is dropped without a word, what with which line, how repeated, malformed, empty and overloaded options read is all
here, because clients in the field depend on each of these rules. Whether and how to answer is not. Option values stay
octets; nothing makes an object of one.

See docs/behaviour/packets.md#packet-layout-and-intake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ...trace.effects import DEBUG, ERROR, INFO
from ..model.context import Message
from ..model.tables import tables_of
from .codes import (
    ADDRESS_OCTETS,
    CLIENT_IDENTIFIER,
    HOST_NAME,
    MESSAGE_TYPE,
    OVERLOAD,
    REQUESTED_ADDRESS,
    SERVER_IDENTIFIER,
)
from .fqdn import decode_fqdn

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.spaces import Registry, SpaceTable

DISCOVER: Final = 1
OFFER: Final = 2
REQUEST: Final = 3
DECLINE: Final = 4
ACK: Final = 5
NAK: Final = 6
RELEASE: Final = 7
INFORM: Final = 8
LEASEQUERY: Final = 10
LEASEUNASSIGNED: Final = 11
LEASEUNKNOWN: Final = 12
LEASEACTIVE: Final = 13

TYPE_NAMES: Final = {
    DISCOVER: "DHCPDISCOVER",
    OFFER: "DHCPOFFER",
    REQUEST: "DHCPREQUEST",
    DECLINE: "DHCPDECLINE",
    ACK: "DHCPACK",
    NAK: "DHCPNAK",
    RELEASE: "DHCPRELEASE",
    INFORM: "DHCPINFORM",
    LEASEQUERY: "DHCPLEASEQUERY",
    LEASEUNASSIGNED: "DHCPLEASEUNASSIGNED",
    LEASEUNKNOWN: "DHCPLEASEUNKNOWN",
    LEASEACTIVE: "DHCPLEASEACTIVE",
}

COOKIE: Final = b"\x63\x82\x53\x63"
FIXED_OCTETS: Final = 236
OPTIONS_AT: Final = 240
SNAME_AT: Final = 44
FILE_AT: Final = 108
# The size of chaddr: what claims to be longer was not made by a client.
HARDWARE_OCTETS_MAXIMUM: Final = 16
# Spaces inside spaces are followed this deep: more than a packet that means anything can hold.
DEPTH_MAXIMUM: Final = 64

_END: Final = 255
_FILE_BIT: Final = 1
_SNAME_BIT: Final = 2
_NO_LENGTH: Final = "code tag at end of buffer - missing length field"
_TOO_LONG: Final = "option length exceeds option buffer length"

Line = tuple[int, str]
_EMPTY_HOST_NAME: Final[Line] = (DEBUG, "Ignoring empty DHO_HOST_NAME option")
_EMPTY_IDENTIFIER: Final[Line] = (DEBUG, "Dropped DHCPv4 packet with zero-length client-id")
_SHORT_IDENTIFIER: Final[Line] = (
    DEBUG,
    "Accepted DHCPv4 packet with one-character client-id - a future version of ISC DHCP will reject this",
)
_NO_IDENTITY: Final[Line] = (DEBUG, "Received DHCPv4 packet without client-id option and empty hlen field.")
_BOGUS_LENGTH: Final[Line] = (INFO, "Discarding packet with bogus hlen.")


def type_name(message_type: int) -> str:
    """`DHCPDISCOVER`..., or `type N`."""
    return TYPE_NAMES.get(message_type) or f"type {message_type}"


class Dropped(NamedTuple):
    """A payload that goes no further, and what is logged about it: (level, text) each."""

    lines: tuple[Line, ...]


def parse_packet(
    payload: bytes, interface: str, source: int, source_port: int, registry: Registry
) -> Message | Dropped:
    """A UDP payload as a Message, or why it is dropped. Any octets will do; nothing raises.

    See docs/behaviour/packets.md#intake-in-order.
    """
    # Too short to be a message; ISC says nothing of it, and a line for each would invite floods.
    if len(payload) < FIXED_OCTETS:
        return Dropped(())
    packet = Message(payload, interface, source, source_port, registry)
    if packet.hlen > HARDWARE_OCTETS_MAXIMUM:
        return Dropped((_BOGUS_LENGTH,))
    lines: list[Line] = []
    if payload[FIXED_OCTETS:OPTIONS_AT] == COOKIE:
        if not _parse_options(packet, lines):
            return Dropped(tuple(lines))
        _read_addresses(packet)
    identifier = packet.options.get(CLIENT_IDENTIFIER)
    if identifier is None:
        if not packet.hlen:
            lines.append(_NO_IDENTITY)
    elif len(identifier) <= 1:
        if not identifier:
            return Dropped((*lines, _EMPTY_IDENTIFIER))
        lines.append(_SHORT_IDENTIFIER)
    if lines:
        packet.lines = tuple(lines)
    return packet


def _parse_options(packet: Message, lines: list[Line]) -> bool:
    """Main area, then file, then sname where option 52 says so; False where the packet must be dropped.

    See docs/behaviour/packets.md#the-option-area-parser, docs/behaviour/packets.md#option-overload-on-intake.
    """
    payload = packet.payload
    options = packet.options
    tables = tables_of(packet.registry)
    if not _parse_dhcp(packet, tables, payload, OPTIONS_AT, len(payload), lines):
        # What servers send (OFFER, ACK, NAK) is let through, to be ignored later as the well-formed ones are.
        if options.get(MESSAGE_TYPE, b"\x00")[:1] not in (b"\x02", b"\x05", b"\x06"):
            return False
    elif overload := options.get(OVERLOAD):
        if overload[0] & _FILE_BIT and not _parse_dhcp(packet, tables, payload, FILE_AT, FIXED_OCTETS, lines):
            return False
        if overload[0] & _SNAME_BIT and not _parse_dhcp(packet, tables, payload, SNAME_AT, FILE_AT, lines):
            return False
    packet.options_valid = True
    kind = options.get(MESSAGE_TYPE)
    if kind:
        packet.message_type = kind[0]
    return True


def _parse_dhcp(
    packet: Message, tables: dict[str, SpaceTable], buffer: bytes, position: int, stop: int, lines: list[Line]
) -> bool:
    """One area of space dhcp into the packet. The hot path: one pass, no objects, no calls for ordinary options."""
    options = packet.options
    special = tables["dhcp"].special
    while position < stop:
        code = buffer[position]
        if not code:
            position += 1
            continue
        if code == _END:
            break
        position += 1
        if position >= stop:
            return _malformed("dhcp", code, _NO_LENGTH, lines)
        begin = position + 1
        position = begin + buffer[position]
        if position > stop:
            return _malformed("dhcp", code, _TOO_LONG, lines)
        value = buffer[begin:position]
        if code in special:
            fresh = code not in options
            kept = _read_special(packet, tables, code, value, fresh, lines)
            if kept is not None:
                options[code] = kept if fresh else options[code] + kept
        elif code in options:
            # RFC 3396, but for every option and without a look at whether the instances stand together.
            options[code] += value
        else:
            options[code] = value
    return True


def _malformed(space: str, code: int, reason: str, lines: list[Line]) -> bool:
    lines.append((ERROR, f"parse_option_buffer: malformed option {space}.<unknown> (code {code}): {reason}."))
    return False


def _read_special(
    packet: Message, tables: dict[str, SpaceTable], code: int, value: bytes, fresh: bool, lines: list[Line]
) -> bytes | None:
    """The value to keep of an option that encapsulates or holds text; None: the option is skipped.

    See docs/behaviour/packets.md#the-option-area-parser, docs/behaviour/packets.md#nuls-behind-text-options.
    """
    table = tables["dhcp"]
    inner = table.inner.get(code)
    if inner is not None:
        _parse_inner(packet, tables, inner, value, lines, 0)
        return value
    if code == HOST_NAME and not value:
        lines.append(_EMPTY_HOST_NAME)
        return None
    # Only the first instance of an option loses its NULs: by the next one they are in the middle.
    if fresh and value and not value[-1]:
        value = _trim(value, table.minimum[code])
        if code == HOST_NAME:
            packet.host_name_had_nul = True
    return value


def _trim(value: bytes, minimum: int) -> bytes:
    """Without trailing NULs, but not below `minimum` octets."""
    shorter = value.rstrip(b"\x00")
    return shorter if len(shorter) >= minimum else value[:minimum]


def _parse_inner(
    packet: Message, tables: dict[str, SpaceTable], name: str, raw: bytes, lines: list[Line], depth: int
) -> None:
    """Decode one fragment of an encapsulating option. Failures are logged and change nothing else.

    See docs/behaviour/packets.md#the-option-area-parser, docs/behaviour/packets.md#repeated-options.
    """
    if name == "fqdn":
        decoded, line = decode_fqdn(raw)
        if decoded:
            packet.spaces["fqdn"] = {**packet.spaces.get("fqdn", {}), **decoded}
        if line:
            lines.append((INFO, line))
    elif depth < DEPTH_MAXIMUM:
        _parse_space(packet, tables, name, raw, lines, depth)


def _parse_space(
    packet: Message, tables: dict[str, SpaceTable], name: str, raw: bytes, lines: list[Line], depth: int
) -> bool:
    """Options of a space with tags and lengths of any width; of a repeated one the first counts.

    See docs/behaviour/packets.md#repeated-options.
    """
    table = tables[name]
    space = table.space
    tag, width = space.code_width, space.length_width
    position, stop = 0, len(raw)
    while position + tag <= stop:
        code = int.from_bytes(raw[position : position + tag], "big")
        # 0 ends every space but dhcp, so that padding hides what follows it.
        if code == space.end:
            break
        position += tag
        if not code:
            continue
        begin = position + width
        if begin > stop:
            return _malformed(space.shown or name, code, _NO_LENGTH, lines)
        position = begin + int.from_bytes(raw[position:begin], "big")
        if position > stop:
            return _malformed(space.shown or name, code, _TOO_LONG, lines)
        value = raw[begin:position]
        inner = table.inner.get(code)
        if inner is not None:
            _parse_inner(packet, tables, inner, value, lines, depth + 1)
        elif code in table.minimum and value and not value[-1]:
            value = _trim(value, table.minimum[code])
        packet.spaces.setdefault(name, {}).setdefault(code, value)
    return True


def _read_addresses(packet: Message) -> None:
    """Options 50 and 54 as numbers; short ones run on into the buffer behind them, as ISC's do.

    See docs/behaviour/packets.md#reading-short-values.
    """
    options = packet.options
    value = options.get(REQUESTED_ADDRESS)
    if value is not None:
        packet.requested_address = _address_in(packet, REQUESTED_ADDRESS, value)
    value = options.get(SERVER_IDENTIFIER)
    if value is not None:
        packet.server_identifier = _address_in(packet, SERVER_IDENTIFIER, value)


def _address_in(packet: Message, code: int, value: bytes) -> int:
    if len(value) == ADDRESS_OCTETS:
        return int.from_bytes(value, "big")
    if len(value) < ADDRESS_OCTETS:
        value += _behind(packet.payload, code, bool(packet.options.get(OVERLOAD)))
    return int.from_bytes(value[:ADDRESS_OCTETS].ljust(ADDRESS_OCTETS, b"\x00"), "big")


def _behind(payload: bytes, code: int, overloaded: bool) -> bytes:
    """What ISC's buffer holds behind a short option: a NUL has been set behind every option's value.

    A value put together from several instances has nothing but NULs behind it.
    """
    areas = [payload[OPTIONS_AT:]]
    if overloaded:
        areas += [payload[FILE_AT:FIXED_OCTETS], payload[SNAME_AT:FILE_AT]]
    found: list[bytes] = []
    for area in areas:
        found += _tails(area, code)
    return found[0] if len(found) == 1 else b""


def _tails(area: bytes, code: int) -> list[bytes]:
    """What follows each instance of an option in one well-formed area, NULs set as said above."""
    marked = bytearray(area)
    ends: list[int] = []
    position = 0
    while position + 1 < len(area) and area[position] != _END:
        if not area[position]:
            position += 1
            continue
        tag = area[position]
        position += 2 + area[position + 1]
        if position < len(area):
            marked[position] = 0
        if tag == code:
            ends.append(position)
    return [bytes(marked[end : end + ADDRESS_OCTETS]) for end in ends]


def decode_space(
    packet: Message, space: str, raw: bytes, log: Callable[[int, str], None] | None = None
) -> None:
    """Decode `raw` as options of `space` into the message's `spaces`, for `parse-vendor-option`.

    An unknown space: nothing.
    """
    lines: list[Line] = []
    tables = tables_of(packet.registry)
    if space in tables:
        _parse_inner(packet, tables, space, raw, lines, 0)
    if log is not None:
        for level, text in lines:
            log(level, text)
