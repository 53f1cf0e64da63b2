"""Ethernet frames with IPv4 and UDP around a payload, both ways, and ICMP echoes.

On the raw path the server writes and checks its own headers. Built frames are ISC dhcpd's to the byte; received ones
are checked as ISC checks them, with its three pairs of counters and their lines. Opening sockets and sending are the
program's. What ISC asks the kernel of each frame beside its octets (a VLAN's tag, a checksum that is left to the
network card) is the filter's to ask, or seen in the octets: it costs no system call.

A one's-complement sum of 16-bit words is the number that the octets spell, modulo 65535: one division of a long
integer in C in place of a loop, and what is added behind it is short.

See docs/behaviour/packets.md#frames-of-the-raw-path, docs/behaviour/packets.md#receive-filter-and-validation,
docs/behaviour/packets.md#the-icmp-probe.
"""

from __future__ import annotations

from struct import Struct, pack
from typing import Final

from ...trace.effects import DEBUG, INFO

ETHERNET_OCTETS: Final = 14
IP_OCTETS: Final = 20
UDP_OCTETS: Final = 8
HEADERS_OCTETS: Final = ETHERNET_OCTETS + IP_OCTETS + UDP_OCTETS
# ISC's buffer for a frame: longer ones are cut, and fail the check of their lengths.
FRAME_OCTETS_MAXIMUM: Final = 1536
ECHO_OCTETS: Final = 28

_ONES: Final = 0xFFFF
_UDP: Final = 17
_ICMP: Final = 1
_ECHO_REQUEST: Final = 8
_VLAN_ID: Final = 0x0FFF
# More than four frames were seen, and more than half of them were bad: then it is worth a line.
_COUNTED_MINIMUM: Final = 4
_BAD_SHARE: Final = 2

_HEADERS: Final = Struct(">6s6sHBBHHHBBHIIHHHH").pack
# The words of the IP header that never change: version, length and type of service; time to live and protocol.
_IP_FIXED_SUM: Final = 0x4510 + (128 << 8 | _UDP)
# The words of an IP header, its addresses as one each, and those of a UDP header behind it.
_WORDS: Final = Struct(">HHHHHHIIHHHH").unpack_from
_UDP_HEADER: Final = Struct(">HHHH").unpack_from
_Words = tuple[int, int, int, int, int, int, int, int, int, int, int, int]

# What a good frame held: the IP source address (32 bits), the UDP source port, and the payload.
Datagram = tuple[int, int, bytes]


def _checksum(total: int) -> int:
    """The Internet checksum of octets that spell a multiple-or-not `total` (more than nothing)."""
    return (_ONES - total % _ONES) % _ONES


def build_frame(
    link_destination: bytes,
    link_source: bytes,
    source: int,
    destination: int,
    source_port: int,
    destination_port: int,
    payload: bytes,
) -> bytes:
    """An Ethernet frame to write on a packet socket. Link addresses are six octets, IP addresses numbers.

    See docs/behaviour/packets.md#frames-of-the-raw-path.
    """
    length = len(payload) + UDP_OCTETS
    total = length + IP_OCTETS
    addresses = source + destination
    ip_sum = _checksum(_IP_FIXED_SUM + total + addresses)
    # An odd payload counts as if a NUL stood behind it; the UDP length counts twice, in header and pseudo header.
    body = int.from_bytes(payload, "big") % _ONES << 8 * (length & 1)
    udp_sum = _checksum(addresses + _UDP + 2 * length + source_port + destination_port + body)
    return (
        _HEADERS(
            link_destination, link_source, 0x0800,
            0x45, 0x10, total, 0, 0, 128, _UDP, ip_sum, source, destination,
            source_port, destination_port, length, udp_sum,
        )
        + payload
    )  # fmt: skip


class _Rate:
    """Frames seen and bad ones among them; says when it is worth a line."""

    __slots__ = ("bad", "level", "seen", "text")

    def __init__(self, level: int, text: str) -> None:
        self.seen = 0
        self.bad = 0
        self.level = level
        self.text = text

    def count_good(self, frames: int) -> None:
        """Note so many good frames: as soon as it began anew, five of them leave it as it was."""
        cycle = _COUNTED_MINIMUM + 1
        for _ in range(frames if frames < 2 * cycle else cycle + frames % cycle):
            self.count(True, [])

    def count(self, good: bool, lines: list[tuple[int, str]]) -> bool:
        """Note one frame; `good` comes back (docs/behaviour/packets.md#receive-filter-and-validation)."""
        self.seen += 1
        if good:
            if self.seen > _COUNTED_MINIMUM:
                self.seen = self.bad = 0
            return True
        self.bad += 1
        if self.seen > _COUNTED_MINIMUM and self.seen // self.bad < _BAD_SHARE:
            lines.append((self.level, self.text.format(bad=self.bad, seen=self.seen)))
            self.seen = self.bad = 0
        return False


class Counters:
    """Three pairs of counts, seen and bad, for the whole process: too long, IP checksum, UDP checksum.

    See docs/behaviour/packets.md#receive-filter-and-validation.
    """

    __slots__ = ("good", "ip_checksum", "too_long", "udp_checksum")

    def __init__(self) -> None:
        """Nothing seen yet."""
        # Frames without a fault that the pairs are still to count, before the next frame that has one.
        self.good = 0
        self.too_long = _Rate(INFO, "{bad} udp packets in {seen} too long - dropped")
        self.ip_checksum = _Rate(INFO, "{bad} bad IP checksums seen in {seen} packets")
        self.udp_checksum = _Rate(DEBUG, "{bad} bad udp checksums in {seen} packets")

    def settle(self) -> None:
        """Have all three count the good frames so far."""
        good, self.good = self.good, 0
        for rate in (self.too_long, self.ip_checksum, self.udp_checksum):
            rate.count_good(good)


def open_frame(frame: bytes, counters: Counters, lines: list[tuple[int, str]]) -> Datagram | None:
    """The datagram in a frame that passed the filter, or None where it is bad; what is to be logged goes to `lines`.

    Any octets will do.
    """
    if len(frame) < HEADERS_OCTETS:
        return None
    words: _Words = _WORDS(frame, ETHERNET_OCTETS)
    first, total, number, fragment, kind, ip_sum, source, destination, source_port, _, length, checksum = words
    header = (first >> 8 & 15) << 2
    begin = ETHERNET_OCTETS + header
    if kind & 0xFF != _UDP or header < IP_OCTETS or ETHERNET_OCTETS + total > len(frame):
        return None
    spelled = first + total + number + fragment + kind + ip_sum + source + destination
    if header > IP_OCTETS:
        if begin + UDP_OCTETS > len(frame):
            return None
        udp_header: tuple[int, int, int, int] = _UDP_HEADER(frame, begin)
        source_port, _, length, checksum = udp_header
        spelled = int.from_bytes(frame[ETHERNET_OCTETS:begin], "big")
    if length < UDP_OCTETS:
        return None
    fits = begin + length <= len(frame)
    pseudo = source + destination + _UDP + length
    # The sum of the pseudo header alone is what stands there while the rest is left to a network card: the frame
    # is from this machine, from one of its containers or its guests, and was on no wire.
    left_to_card = (checksum - pseudo) % _ONES == 0
    ip_good = spelled % _ONES == 0
    # 0 says that the sender computed none (RFC 768).
    udp_good = left_to_card or not checksum or (fits and ip_good and _is_sound(frame[begin : begin + length], pseudo))
    if checksum and udp_good and fits and ip_good:
        counters.good += 1
    else:
        counters.settle()
        if not counters.too_long.count(fits, lines):
            return None
        if not counters.ip_checksum.count(ip_good, lines):
            return None
        if checksum and not counters.udp_checksum.count(udp_good, lines):
            return None
    begin += UDP_OCTETS
    return source, source_port, frame[begin : begin + length - UDP_OCTETS]


def _is_sound(datagram: bytes, pseudo: int) -> bool:
    """Whether a UDP datagram and the sum of its pseudo header (RFC 768) come to nothing."""
    body = int.from_bytes(datagram, "big") % _ONES << 8 * (len(datagram) & 1)
    return (pseudo + body) % _ONES == 0


# The classic BPF of docs/behaviour/packets.md#receive-filter-and-validation:
# (code, jump if true, jump if false, value). PORT stands for the server's port. Replies that this machine sends to
# relays pass the packet socket on their way out: they ask for nothing and stay outside.
_PORT: Final = -1
_PACKET_TYPE: Final = 0xFFFFF004
_OUTGOING: Final = 4
_VLAN_TAG: Final = 0xFFFFF02C
_FILTER: Final = (
    (0x20, 0, 0, _VLAN_TAG),  # ld the tag that was taken off, 0 for none
    (0x45, 14, 0, _VLAN_ID),  # of a VLAN, whose interface has the frame too: out; a mere priority is none
    (0x28, 0, 0, 12),  # ldh the Ethernet type
    (0x15, 0, 12, 0x0800),  # IPv4, or out
    (0x30, 0, 0, 23),  # ldb the protocol
    (0x15, 0, 10, _UDP),  # UDP, or out
    (0x28, 0, 0, 20),  # ldh flags and fragment offset
    (0x45, 8, 0, 0x1FFF),  # not the first fragment: out
    (0xB1, 0, 0, 14),  # ldx the length of the IP header
    (0x48, 0, 0, 16),  # ldh the UDP destination port, behind it
    (0x15, 0, 5, _PORT),  # ours, or out
    (0x30, 0, 0, _PACKET_TYPE),  # ldb which way it goes
    (0x15, 0, 2, _OUTGOING),  # from this machine, or take it
    (0x50, 0, 0, 22),  # ldb op, the first octet of the payload
    (0x15, 1, 0, 2),  # a reply: out
    (0x06, 0, 0, FRAME_OCTETS_MAXIMUM),  # take it
    (0x06, 0, 0, 0),  # out
)


def bpf_filter(port: int) -> bytes:
    """The filter for SO_ATTACH_FILTER: `struct sock_filter`s in the machine's byte order, eight octets each."""
    return b"".join(pack("=HBBI", code, yes, no, port if value == _PORT else value) for code, yes, no, value in _FILTER)


def build_echo(identifier: int) -> bytes:
    """An ICMP echo request: sequence number 0 and twenty NULs. `identifier` has 16 bits.

    See docs/behaviour/packets.md#the-icmp-probe.
    """
    total = (_ECHO_REQUEST << 8) + identifier
    return pack(">BBHHH", _ECHO_REQUEST, 0, _checksum(total), identifier, 0) + b"\x00" * 20


def parse_echo_reply(packet: bytes) -> int | None:
    """The source address of an ICMP echo reply as a raw ICMP socket gives it, IP header first; else None."""
    if len(packet) < IP_OCTETS:
        return None
    header = (packet[0] & 15) << 2
    if header < IP_OCTETS or len(packet) < header + UDP_OCTETS or packet[9] != _ICMP or packet[header]:
        return None
    return int.from_bytes(packet[12:16], "big")
