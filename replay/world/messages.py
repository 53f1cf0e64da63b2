"""DHCP messages as clients and relays make them (RFC 2131 section 2), to the octet and with nothing made up.

Whatever a client could send can be made here, nonsense included: nothing is checked but that it fits its field.
Replies are read with replay/showing/decode.py.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from ...engine.wire.packet import COOKIE

if TYPE_CHECKING:
    from collections.abc import Mapping

BOOTREQUEST: Final = 1
BROADCAST_FLAG: Final = 0x8000
_ETHERNET: Final = 1
_HEADER: Final = struct.Struct("!BBBBIHHIIII16s64s128s")
_MESSAGE_TYPE: Final = 53
_END: Final = b"\xff"
_OPTION_OCTETS_MAXIMUM: Final = 255
# A BOOTP message is at least so long (RFC 951 section 3), and many clients make DHCP messages so long too.
BOOTP_OCTETS: Final = 300


def message(
    kind: int | None,
    hardware: bytes,
    options: bytes | Mapping[int, bytes] = b"",
    *,
    xid: int = 0,
    ciaddr: int = 0,
    giaddr: int = 0,
    flags: int = 0,
    secs: int = 0,
    hops: int = 0,
    op: int = BOOTREQUEST,
    htype: int = _ETHERNET,
    octets: int = BOOTP_OCTETS,
) -> bytes:
    """The payload of a datagram of a client with this hardware address, by a relay where `giaddr` is given.

    `kind` is the DHCP message type, None for plain BOOTP. `options` follow the type: as codes and values, of which one
    above 255 octets is cut in pieces (RFC 3396), or as octets that are taken as they are. `octets` is the least length.
    Addresses are 32-bit numbers.
    """
    addresses = (ciaddr, 0, 0, giaddr)
    head = _HEADER.pack(op, htype, len(hardware), hops, xid, secs, flags, *addresses, hardware, b"", b"")
    if kind is None and not options:
        return head.ljust(octets, b"\0")
    area = b"" if kind is None else bytes([_MESSAGE_TYPE, 1, kind])
    area += options if isinstance(options, bytes) else b"".join([option(*one) for one in options.items()])
    return (head + COOKIE + area + _END).ljust(octets, b"\0")


def option(code: int, value: bytes) -> bytes:
    """An option as it stands in a message; in pieces where it is too long for one."""
    pieces = [value[at : at + _OPTION_OCTETS_MAXIMUM] for at in range(0, len(value), _OPTION_OCTETS_MAXIMUM)]
    return b"".join([bytes([code, len(piece)]) + piece for piece in pieces or [b""]])
