"""What of a client's message the model of a client looks at, and the message made anew with other addresses.

Fields are changed in place, and an option that must go is overwritten with pad octets, so that everything else keeps
its place and its octets: the new server gets the client's own words. Options in the overloaded fields are left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ...engine.wire.packet import COOKIE, DISCOVER, FIXED_OCTETS, OPTIONS_AT, REQUEST

if TYPE_CHECKING:
    from ...trace.events import Packet

REQUESTED: Final = 50
MESSAGE_TYPE: Final = 53
SERVER: Final = 54
IDENTIFIER: Final = 61
AGENT: Final = 82
_BOOTREQUEST: Final = 1
_ADDRESS_OCTETS: Final = 4
_CIADDR_AT: Final = 12
_GIADDR_AT: Final = 24
_CHADDR_AT: Final = 28
_CHADDR_OCTETS: Final = 16
_PAD: Final = 0
_END: Final = 255


class Message(NamedTuple):
    """A client's message. `kind` is the message type, 0 for BOOTP; addresses are numbers, 0 for none."""

    kind: int
    xid: bytes
    hardware: bytes
    identifier: bytes
    ciaddr: int
    giaddr: int
    requested: int
    server: int


def places(payload: bytes) -> dict[int, tuple[int, int]]:
    """(where its code stands, how long its value is) of the first of each option in the options area."""
    found: dict[int, tuple[int, int]] = {}
    if payload[FIXED_OCTETS:OPTIONS_AT] != COOKIE:
        return found
    at = OPTIONS_AT
    while at + 1 < len(payload) and payload[at] != _END:
        if payload[at] == _PAD:
            at += 1
            continue
        length = payload[at + 1]
        if at + 2 + length > len(payload):
            break
        found.setdefault(payload[at], (at, length))
        at += 2 + length
    return found


def read(payload: bytes) -> Message | None:
    """The message; None where the octets are none that a server would look at."""
    if len(payload) < FIXED_OCTETS or payload[0] != _BOOTREQUEST:
        return None
    where = places(payload)
    kind = _value(payload, where, MESSAGE_TYPE)
    return Message(
        kind=kind[0] if len(kind) == 1 else 0,
        xid=payload[4:8],
        hardware=payload[_CHADDR_AT : _CHADDR_AT + min(payload[2], _CHADDR_OCTETS)],
        identifier=_value(payload, where, IDENTIFIER),
        ciaddr=_address(payload[_CIADDR_AT : _CIADDR_AT + _ADDRESS_OCTETS]),
        giaddr=_address(payload[_GIADDR_AT : _GIADDR_AT + _ADDRESS_OCTETS]),
        requested=_address(_value(payload, where, REQUESTED)),
        server=_address(_value(payload, where, SERVER)),
    )


def _value(payload: bytes, where: dict[int, tuple[int, int]], code: int) -> bytes:
    at, length = where.get(code, (0, 0))
    return payload[at + 2 : at + 2 + length] if length else b""


def _address(octets: bytes) -> int:
    return int.from_bytes(octets, "big") if len(octets) == _ADDRESS_OCTETS else 0


def readdressed(
    packet: Packet, *, ciaddr: int | None = None, requested: int | None = None, server: int | None = None
) -> Packet:
    """The packet with other addresses where it has any; None leaves one as it is, 0 takes the option away.

    An IP source address that was the old `ciaddr` becomes the new one.
    """
    octets, source = bytearray(packet.payload), packet.source
    where = places(packet.payload)
    if ciaddr is not None:
        if source == _address(bytes(octets[_CIADDR_AT : _CIADDR_AT + _ADDRESS_OCTETS])):
            source = ciaddr
        octets[_CIADDR_AT : _CIADDR_AT + _ADDRESS_OCTETS] = ciaddr.to_bytes(_ADDRESS_OCTETS, "big")
    for code, value in ((REQUESTED, requested), (SERVER, server)):
        if value is not None and code in where:
            _replace(octets, where[code], value)
    return packet._replace(payload=bytes(octets), source=source)


def _replace(octets: bytearray, place: tuple[int, int], value: int) -> None:
    at, length = place
    if not value:
        octets[at : at + 2 + length] = bytes(2 + length)
    elif length == _ADDRESS_OCTETS:
        octets[at + 2 : at + 2 + length] = value.to_bytes(_ADDRESS_OCTETS, "big")


def _typed(octets: bytearray, kind: int) -> None:
    at, length = places(bytes(octets))[MESSAGE_TYPE]
    assert length == 1, "a packet that has been a client's message has a type of one octet"
    octets[at + 2] = kind


def _with_options(octets: bytearray, added: bytes) -> bytes:
    """Put options behind the others."""
    where = places(bytes(octets))
    end = max(at + 2 + length for at, length in where.values())
    return (bytes(octets[:end]) + added + bytes([_END])).ljust(len(octets), b"\0")


def discover_from(packet: Packet, xid: bytes) -> Packet:
    """A DISCOVER as the client that sent `packet` (a DISCOVER, or a REQUEST without ciaddr) would send it."""
    bare = readdressed(packet, ciaddr=0, requested=0, server=0)
    octets = bytearray(bare.payload)
    octets[4:8] = xid
    _typed(octets, DISCOVER)
    return bare._replace(payload=bytes(octets))


def request_from(packet: Packet, xid: bytes, address: int, server: int) -> Packet:
    """The REQUEST that takes an offer, as the client that sent `packet` (as in `discover_from`) would send it."""
    octets = bytearray(discover_from(packet, xid).payload)
    _typed(octets, REQUEST)
    taken = bytes([REQUESTED, 4]) + address.to_bytes(_ADDRESS_OCTETS, "big")
    if server:
        taken += bytes([SERVER, 4]) + server.to_bytes(_ADDRESS_OCTETS, "big")
    return packet._replace(payload=_with_options(octets, taken))


def renewal_from(packet: Packet, address: int) -> Packet:
    """The REQUEST, straight to the server, by which the client that sent `packet` would renew its lease."""
    bare = rebinding_from(packet, address)
    octets = bytearray(bare.payload)
    octets[3] = 0
    octets[_GIADDR_AT : _GIADDR_AT + _ADDRESS_OCTETS] = bytes(_ADDRESS_OCTETS)
    where = places(bytes(octets))
    if AGENT in where:
        _replace(octets, where[AGENT], 0)
    return bare._replace(payload=bytes(octets), source=address, source_port=68)


def rebinding_from(packet: Packet, address: int) -> Packet:
    """The REQUEST to any server, by the way that `packet` came, when the one that gave the lease does not answer."""
    bare = readdressed(packet, requested=0, server=0)
    octets = bytearray(bare.payload)
    _typed(octets, REQUEST)
    octets[_CIADDR_AT : _CIADDR_AT + _ADDRESS_OCTETS] = address.to_bytes(_ADDRESS_OCTETS, "big")
    octets[4:8] = bytes(octet ^ 0xFF for octet in octets[4:8])  # an exchange of its own
    return bare._replace(payload=bytes(octets))
