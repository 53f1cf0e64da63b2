"""The words of the log lines about packets.

Operators' scripts read these lines, so every blank counts. Here are the building blocks and the lines that several
message types share; the reason that follows a line's base belongs to whoever decided. Nothing here logs.

See docs/behaviour/packets.md#parts-of-the-lines, docs/behaviour/packets.md#lines-about-replies.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..model.context import Message

# ISC's buffers: a line of 1024 octets with its NUL; an identifier of 60, two quotes and a NUL among them, or three for
# each octet in hex. A longer host name is not shown at all.
REQUEST_LINE_MAXIMUM: Final = 1023
HOST_NAME_PRINTED_MAXIMUM: Final = 64
IDENTIFIER_QUOTED_MAXIMUM: Final = 57
IDENTIFIER_HEX_MAXIMUM: Final = 20

_OCTETS: Final = tuple(str(number) for number in range(256))
_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_NAME_PRINTABLE: Final = bytes(code for code in _PRINTABLE if code not in b'"\\')
_UNSUITABLE: Final = "(Hostname Unsuitable for Printing) "


@lru_cache(maxsize=4096)
def _prefix(network: int) -> str:
    return f"{network >> 16}.{(network >> 8) & 255}.{network & 255}."


def dotted(address: int) -> str:
    """A 32-bit address as a dotted quad."""
    return _prefix(address >> 8) + _OCTETS[address & 255]


def hardware_text(hardware: bytes) -> str:
    """The address behind the type octet, in two-digit hex joined by colons; empty for no address."""
    return hardware[1:].hex(":")


def via_text(packet: Message) -> str:
    """The relay's address, or the receiving interface."""
    return relay_text(packet.giaddr) if packet.giaddr else packet.interface


@lru_cache(maxsize=1024)
def relay_text(address: int) -> str:
    """As `dotted`, of an address that is asked for again and again: relays are few."""
    return dotted(address)


@lru_cache(maxsize=4096)
def name_text(hostname: bytes | None) -> str:
    """A host name as `(name) `, with its blank behind; empty for no name. ISC's is a C string."""
    if hostname is None:
        return ""
    hostname = hostname.split(b"\0", 1)[0]
    if len(hostname) > HOST_NAME_PRINTED_MAXIMUM or hostname.translate(None, _NAME_PRINTABLE):
        return _UNSUITABLE
    return f"({hostname.decode('ascii')}) "


def identifier_text(value: bytes) -> str:
    """A client identifier in its log form: quoted text, hex, or nothing where hex has no room.

    See docs/behaviour/packets.md#values-as-text.
    """
    start = value[:IDENTIFIER_QUOTED_MAXIMUM]
    if not start.translate(None, _PRINTABLE):
        return f'"{start.decode("ascii")}"'
    return value.hex(":") if len(value) <= IDENTIFIER_HEX_MAXIMUM else ""


def client_text(packet: Message, uid: bytes | None) -> str:
    """The hardware address; for htype 0 the lease's client identifier (it may be empty), or that there is none."""
    if packet.htype:
        return packet.hardware[1:].hex(":")
    return "<no identifier>" if uid is None else identifier_text(uid)


def cut(line: str) -> str:
    """A request line within its limit."""
    return line if len(line) <= REQUEST_LINE_MAXIMUM else line[:REQUEST_LINE_MAXIMUM]


def discover_line(packet: Message, uid: bytes | None, hostname: bytes | None) -> str:
    """The line about a DISCOVER, without what became of it."""
    return f"DHCPDISCOVER from {client_text(packet, uid)} {name_text(hostname)}via {via_text(packet)}"


def request_line(packet: Message, uid: bytes | None, hostname: bytes | None) -> str:
    """The line about a REQUEST: the address is option 50, else ciaddr; behind it the server identifier, if any."""
    wanted = packet.ciaddr if packet.requested_address is None else packet.requested_address
    chosen = "" if packet.server_identifier is None else f" ({dotted(packet.server_identifier)})"
    client = client_text(packet, uid)
    return f"DHCPREQUEST for {dotted(wanted)}{chosen} from {client} {name_text(hostname)}via {via_text(packet)}"


def release_line(packet: Message, uid: bytes | None, hostname: bytes | None, *, found: bool) -> str:
    """The line about a RELEASE: of which address, and whether a lease of the sender's was found."""
    client = client_text(packet, uid)
    tail = "(found)" if found else "(not found)"
    return f"DHCPRELEASE of {dotted(packet.ciaddr)} from {client} {name_text(hostname)}via {via_text(packet)} {tail}"


def decline_line(packet: Message, uid: bytes | None, hostname: bytes | None) -> str:
    """The line about a DECLINE: the address is option 50."""
    wanted = dotted(packet.requested_address or 0)
    return f"DHCPDECLINE of {wanted} from {client_text(packet, uid)} {name_text(hostname)}via {via_text(packet)}"


def inform_line(packet: Message) -> str:
    """The line about an INFORM: the address is ciaddr, else the source."""
    return f"DHCPINFORM from {dotted(packet.ciaddr or packet.source)} via {via_text(packet)}"


def leasequery_line(packet: Message) -> str:
    """The line about a LEASEQUERY, without what is asked for."""
    return f"DHCPLEASEQUERY from {dotted(packet.giaddr)}"


def bootp_line(packet: Message) -> str:
    """The line about a BOOTREQUEST."""
    return f"BOOTREQUEST from {hardware_text(packet.hardware)} via {via_text(packet)}"


def reply_line(word: str, address: int, packet: Message, hostname: bytes | None) -> str:
    """`DHCPOFFER on ...`, `DHCPACK on ...`, `BOOTREPLY on ...`: `word` is the first of it.

    The client is its hardware address, even for htype 0.
    """
    client = packet.hardware[1:].hex(":")
    return f"{word} on {dotted(address)} to {client} {name_text(hostname)}via {via_text(packet)}"


def static_bootp_line(address: int, host_name: str, packet: Message) -> str:
    """The reply to a BOOTP client with a fixed address; `host_name` is the declaration's, maybe empty."""
    hardware = hardware_text(packet.hardware)
    return f"BOOTREPLY for {dotted(address)} to {host_name or 'unknown'} ({hardware}) via {via_text(packet)}"


def nak_line(address: int, packet: Message) -> str:
    """The line of a NAK; `address` is what was requested."""
    return f"DHCPNAK on {dotted(address)} to {hardware_text(packet.hardware)} via {via_text(packet)}"


def inform_ack_line(address: int, packet: Message) -> str:
    """The answer to an INFORM, sent to `address`: by way of the relay only where there is no ciaddr."""
    known = packet.htype and packet.hlen
    hardware = hardware_text(packet.hardware) if known else "<no client hardware address>"
    via = dotted(packet.giaddr) if packet.giaddr and not packet.ciaddr else packet.interface
    return f"DHCPACK to {dotted(address)} ({hardware}) via {via}"
