"""A reply around its options: header fields, final length, and where it is sent.

Each `send_...` is one table of where replies go, its tests in that order, and names ISC's marker for a failed send.
Nothing is sent here, and no option is chosen.

See docs/behaviour/packets.md#send-errors, docs/behaviour/packets.md#final-length,
docs/behaviour/packets.md#parameters-that-change-the-packet, docs/behaviour/packets.md#header-fields-of-replies,
docs/behaviour/packets.md#where-each-reply-goes.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from ...trace.effects import Send
from .encode import NAK, PAYLOAD_OCTETS_MINIMUM, STATIC_BOOTP
from .packet import HARDWARE_OCTETS_MAXIMUM
from .placement import FILE_OCTETS, SNAME_OCTETS, Area
from .text import cut

if TYPE_CHECKING:
    from ..model.context import Message
    from .encode import Layout


BROADCAST_FLAG: Final = 0x8000
ETHERNET_BROADCAST: Final = b"\xff" * 6
# ISC's name for the UDP socket whose packets the kernel routes, as log lines and effects have it.
FALLBACK: Final = "fallback"
LOOPBACK: Final = 0x7F000001
ETHERNET_OCTETS: Final = 6

# Places in ISC's source that its lines about failed sends name (docs/behaviour/packets.md#send-errors).
MARK_INFORM: Final = "dhcp.c:1756"
MARK_NAK_RELAY: Final = "dhcp.c:1986"
MARK_NAK: Final = "dhcp.c:2003"
MARK_LEASE_RELAY: Final = "dhcp.c:4093"
MARK_LEASE_UNICAST: Final = "dhcp.c:4131"
MARK_LEASE: Final = "dhcp.c:4164"
MARK_BOOTP_RELAY: Final = "bootp.c:424"
MARK_BOOTP: Final = "bootp.c:452"

_FIELDS: Final = Struct(">HIII").pack
_REPLY: Final = b"\x02"
_NO_SNAME: Final = b"\x00" * SNAME_OCTETS
_NO_FILE: Final = b"\x00" * FILE_OCTETS
_OPTIONS_MINIMUM: Final = PAYLOAD_OCTETS_MINIMUM - 236


class Ports(NamedTuple):
    """The server's port, its clients', and the address of a limited broadcast."""

    local: int
    remote: int
    broadcast: int


def _field(value: bytes | None, overload: bytes | None, nothing: bytes) -> bytes:
    """A header field of text: the configured value (cut, without terminator, where it is too long), or options."""
    if value:
        octets = len(nothing)
        return value[:octets].ljust(octets, b"\x00")
    return nothing if overload is None else overload


def compose(
    layout: Layout,
    packet: Message,
    area: Area,
    flags: int,
    ciaddr: int,
    yiaddr: int,
    siaddr: int,
    filename: bytes | None,
    server_name: bytes | None,
) -> bytes:
    """The payload of a reply; not LEASEQUERY's."""
    rest = names_and_options(layout, packet, area, filename, server_name)
    return with_header(packet, flags, ciaddr, yiaddr, siaddr, rest)


def names_and_options(
    layout: Layout, packet: Message, area: Area, filename: bytes | None, server_name: bytes | None
) -> bytes:
    """What stands behind `chaddr`: `sname`, `file` and options, as long as the shortest reply has them.

    Static BOOTP keeps the request's file unless a filename is set, be it to nothing.

    See docs/behaviour/packets.md#header-fields-of-replies.
    """
    kept = packet.payload[108:236] if layout is STATIC_BOOTP and filename is None else area.file
    sname, file = _field(server_name, area.sname, _NO_SNAME), _field(filename, kept, _NO_FILE)
    return sname + file + area.main.ljust(_OPTIONS_MINIMUM, b"\x00")


def with_header(
    packet: Message, flags: int, ciaddr: int, yiaddr: int, siaddr: int, rest: bytes, chaddr: bytes | None = None
) -> bytes:
    """The payload of a reply, of which `names_and_options` has made the rest; without `chaddr` it has the packet's."""
    payload = packet.payload
    if chaddr is None:
        chaddr = packet.chaddr
    # htype to secs, and giaddr with chaddr, come back as they were: relays and clients tell their own by them.
    return b"".join((_REPLY, payload[1:10], _FIELDS(flags, ciaddr, yiaddr, siaddr), payload[24:28], chaddr, rest))


def chaddr_of(hardware: bytes, padding: bytes) -> bytes:
    """The `chaddr` of a lease: its hardware address without the type, and what stood behind it."""
    return (hardware[1:] + padding).ljust(HARDWARE_OCTETS_MAXIMUM, b"\x00")


def compose_nak(packet: Message, area: Area) -> bytes:
    """A NAK: no addresses but the relay's, and the broadcast flag always."""
    return compose(NAK, packet, area, packet.flags | BROADCAST_FLAG, 0, 0, 0, None, None)


def compose_static_plain(
    packet: Message, flags: int, yiaddr: int, siaddr: int, filename: bytes | None, server_name: bytes | None
) -> bytes:
    """A static BOOTP reply to a request without cookie: its vendor area comes back as it was.

    See docs/behaviour/packets.md#parameters-that-change-the-packet.
    """
    vendor = Area(packet.payload[236:], None, None)
    return compose(STATIC_BOOTP, packet, vendor, flags, packet.ciaddr, yiaddr, siaddr, filename, server_name)


def compose_leasequery(
    packet: Message, area: Area, ciaddr: int, hardware: bytes | None, padding: bytes = b""
) -> bytes:
    """An answer to a LEASEQUERY: the query itself with its options replaced, not padded.

    `hardware` is the active lease's (type octet and address), `padding` what stood behind it; None keeps the query's.

    See docs/behaviour/leasequery.md#header-of-the-answer.
    """
    payload = packet.payload
    head = _REPLY + payload[1:3] if hardware is None else _REPLY + bytes((hardware[0], len(hardware) - 1))
    chaddr = packet.chaddr if hardware is None else chaddr_of(hardware, padding)
    address = ciaddr.to_bytes(4, "big")
    return b"".join((head, payload[3:12], address, payload[16:28], chaddr, payload[44:236], area.main))


def truncation_lines(filename: bytes | None, server_name: bytes | None) -> list[str]:
    """The info lines about values that fill their fields and more.

    See docs/behaviour/packets.md#parameters-that-change-the-packet.
    """
    lines: list[str] = []
    if filename and len(filename) >= FILE_OCTETS:
        shown = filename.split(b"\0", 1)[0].decode("latin-1")
        lines.append(cut(f"file name longer than packet field truncated - field: 128 name: {len(filename)} {shown}"))
    if server_name and len(server_name) >= SNAME_OCTETS:
        shown = server_name.split(b"\0", 1)[0].decode("latin-1")
        length = len(server_name)
        lines.append(cut(f"server name longer than packet field truncated - field: 64 name: {length} {shown}"))
    return lines


def _link(packet: Message) -> bytes:
    """The client's Ethernet address: chaddr if it has six octets, whatever htype says."""
    return packet.chaddr[:ETHERNET_OCTETS] if packet.hlen == ETHERNET_OCTETS else ETHERNET_BROADCAST


def _kernel(destination: int, port: int, marker: str, payload: bytes, *, durable: bool) -> Send:
    # Half the time of Send(...), which an interpreted function makes.
    return tuple.__new__(Send, (FALLBACK, False, destination, port, b"", 0, durable, marker, payload))


def _relay_port(packet: Message, ports: Ports) -> int:
    # A relay on the loopback is a test program that listens where clients do: relays listen where servers do.
    return ports.remote if packet.giaddr == LOOPBACK else ports.local


def _raw_or_relay(
    packet: Message, payload: bytes, ports: Ports, flags: int, yiaddr: int, source: int, *, durable: bool
) -> Send:
    """Send to the relay, to the client's link address, or to everybody: an OFFER, a BOOTREPLY, an ACK by broadcast."""
    if packet.giaddr:
        port = _relay_port(packet, ports)
        return _kernel(packet.giaddr, port, MARK_LEASE_RELAY, payload, durable=durable)
    if flags & BROADCAST_FLAG:
        destination, link = ports.broadcast, ETHERNET_BROADCAST
    else:
        destination, link = yiaddr, _link(packet)
    # As in _kernel.
    return tuple.__new__(
        Send, (packet.interface, True, destination, ports.remote, link, source, durable, MARK_LEASE, payload)
    )


def send_offer(packet: Message, payload: bytes, ports: Ports, flags: int, yiaddr: int, source: int) -> Send:
    """An OFFER. `flags` are the reply's, `source` option 54 or the interface's first address.

    See docs/behaviour/packets.md#source-address.
    """
    return _raw_or_relay(packet, payload, ports, flags, yiaddr, source, durable=False)


def send_bootp(packet: Message, payload: bytes, ports: Ports, flags: int, yiaddr: int, source: int) -> Send:
    """A dynamic BOOTREPLY: as an OFFER, but it promises."""
    return _raw_or_relay(packet, payload, ports, flags, yiaddr, source, durable=True)


def send_ack(
    packet: Message, payload: bytes, ports: Ports, flags: int, yiaddr: int, source: int, *, same_network: bool
) -> Send:
    """An ACK. `same_network`: the lease's network is that of the receiving interface."""
    if not packet.giaddr and packet.ciaddr:
        # A renewing client is reached at the address that it has. One that has just chosen this server, or that asks
        # for a broadcast, may not have its address up yet: on our own wire it is answered like a new one.
        chosen = packet.server_identifier is not None or flags & BROADCAST_FLAG
        if not (chosen and same_network):
            return _kernel(packet.ciaddr, ports.remote, MARK_LEASE_UNICAST, payload, durable=True)
    return _raw_or_relay(packet, payload, ports, flags, yiaddr, source, durable=True)


def send_static_bootp(packet: Message, payload: bytes, ports: Ports, flags: int, yiaddr: int, source: int) -> Send:
    """A static BOOTREPLY: to the client's Ethernet address even where the IP destination is the broadcast's."""
    if packet.giaddr:
        return _kernel(packet.giaddr, ports.local, MARK_BOOTP_RELAY, payload, durable=False)
    destination = ports.broadcast if flags & BROADCAST_FLAG else yiaddr
    link = _link(packet)
    return Send(packet.interface, True, destination, ports.remote, link, source, False, MARK_BOOTP, payload)


def send_nak(packet: Message, payload: bytes, ports: Ports, source: int) -> Send:
    """A NAK: to the relay, else to everybody."""
    if packet.giaddr:
        return _kernel(packet.giaddr, _relay_port(packet, ports), MARK_NAK_RELAY, payload, durable=False)
    # A client that is on the wrong network cannot be reached at any address of its own.
    link = ETHERNET_BROADCAST
    return Send(packet.interface, True, ports.broadcast, ports.remote, link, source, False, MARK_NAK, payload)


def inform_flags(packet: Message) -> int:
    """The flags of an INFORM's answer: broadcast is added for one that goes back through its relay."""
    return packet.flags | BROADCAST_FLAG if packet.giaddr and not packet.ciaddr else packet.flags


def send_inform(packet: Message, payload: bytes, ports: Ports) -> Send:
    """An INFORM's answer, always by the kernel: to the relay only where there is no ciaddr."""
    if packet.giaddr and not packet.ciaddr:
        return _kernel(packet.giaddr, ports.local, MARK_INFORM, payload, durable=False)
    return _kernel(packet.ciaddr or packet.source, ports.remote, MARK_INFORM, payload, durable=False)


def send_leasequery(packet: Message, payload: bytes, ports: Ports) -> Send:
    """An answer to a LEASEQUERY: to the relay that asked. A failure has no marker line."""
    return _kernel(packet.giaddr, _relay_port(packet, ports), "", payload, durable=False)
