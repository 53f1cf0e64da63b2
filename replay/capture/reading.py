"""Capture files, classic pcap and pcapng, as datagrams: what a DHCP server would have read from the same frames.

Nothing in the file is trusted: every length is bounded and held against the octets that are there, and what cannot
be read on is said with its offset. Fragments, tunnels and IPv6 are passed over and counted.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BLOCK_OCTETS_MAX: Final = 16 << 20
_FRAME_OCTETS_MAX: Final = 256 << 10
_SECTION: Final = b"\x0a\x0d\x0d\x0a"
_CLASSIC: Final = {0xA1B2C3D4: 1_000_000, 0xA1B23C4D: 1_000_000_000}
_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 1, 2, 3, 6
_NAME_OPTION, _RESOLUTION_OPTION = 2, 9
_IPV4: Final = 0x0800
_VLANS: Final = (0x8100, 0x88A8, 0x9100)
_UDP, _ICMP = 17, 1
_MICROSECONDS: Final = 1_000_000


class CaptureError(Exception):
    """A capture that cannot be read, or read on; `path` is the file's name, `offset` where."""

    def __init__(self, path: str, offset: int, text: str) -> None:
        super().__init__(f"{path}: {text}" if not offset else f"{path}: damaged at octet {offset:,}: {text}")
        self.path = path
        self.offset = offset


class Datagram(NamedTuple):
    """A UDP datagram, or an ICMP message (`port` and `source_port` -1; `payload` from its type on)."""

    wall_us: int
    interface: str
    source: int
    destination: int
    source_port: int
    port: int
    payload: bytes


class _Frame(NamedTuple):
    wall_us: int
    interface: str
    link_type: int
    octets: bytes


def datagrams(file: BinaryIO, path: str, passed_over: Callable[[str], None]) -> Iterator[Datagram]:
    """Every datagram of a capture, in order. `passed_over` is told what a frame was that is none of IPv4.

    Raises CaptureError: at once where the file is no capture, else behind the last good frame.
    """
    magic = file.read(4)
    file.seek(0)
    frames = _blocks(file, path) if magic == _SECTION else _classic(file, path)
    for frame in frames:
        packet = _network_layer(frame)
        if packet is None:
            passed_over("frames that are not IPv4")
            continue
        found = _transport_layer(frame, packet)
        if isinstance(found, str):
            passed_over(found)
        else:
            yield found


# The files


def _classic(file: BinaryIO, path: str) -> Iterator[_Frame]:
    head = file.read(24)
    if not head:
        raise CaptureError(path, 0, "empty file")
    order = next((order for order in "<>" if _word(head, order) in _CLASSIC), "")
    if len(head) < 24 or not order:  # noqa: PLR2004 - the header's length
        raise CaptureError(path, 0, "not a capture file (pcap or pcapng)")
    units = _CLASSIC[_word(head, order)]
    link_type = struct.unpack_from(f"{order}I", head, 20)[0] & 0xFFFF
    while True:
        offset = file.tell()
        record = file.read(16)
        if not record:
            return
        if len(record) < 16:  # noqa: PLR2004 - the header's length
            raise CaptureError(path, offset, "the file ends within a record's header")
        seconds, fraction, kept, _length = struct.unpack(f"{order}IIII", record)
        octets = file.read(kept) if kept <= _FRAME_OCTETS_MAX else b""
        if len(octets) < kept:
            raise CaptureError(path, offset, f"a frame of {kept:,} octets, {len(octets):,} are left")
        yield _Frame(seconds * _MICROSECONDS + fraction * _MICROSECONDS // units, "eth0", link_type, octets)


def _word(data: bytes, order: str) -> int:
    return int.from_bytes(data[:4], "little" if order == "<" else "big")


class _Link(NamedTuple):
    name: str
    link_type: int
    units: int


def _blocks(file: BinaryIO, path: str) -> Iterator[_Frame]:
    order = "<"
    links: list[_Link] = []
    last_us = 0
    while True:
        offset = file.tell()
        head = file.read(8)
        if not head:
            return
        if head[:4] == _SECTION:
            mark = file.read(4)
            order = "<" if mark == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
            file.seek(offset + 8)
        body = _block_body(file, head, order, path, offset)
        kind = _word(head, order)
        try:
            if kind == _INTERFACE:
                links.append(_link_of(body, order, len(links)))
            elif kind in (_PACKET, _OLD_PACKET, _SIMPLE_PACKET):
                frame = _frame_of(kind, body, order, links, last_us)
                last_us = frame.wall_us
                yield frame
        except (struct.error, IndexError) as error:
            raise CaptureError(path, offset, "a block that is too short, or of no interface") from error


def _block_body(file: BinaryIO, head: bytes, order: str, path: str, offset: int) -> bytes:
    length = _word(head[4:], order)
    body = file.read(length - 8) if 12 <= length <= _BLOCK_OCTETS_MAX and not length % 4 else b""  # noqa: PLR2004
    if not body or len(body) < length - 8:
        raise CaptureError(path, offset, f"a block of {length:,} octets, {len(body):,} are left")
    return body[:-4]


def _link_of(body: bytes, order: str, number: int) -> _Link:
    (link_type,) = struct.unpack_from(f"{order}H", body)
    name, units = f"if{number}", _MICROSECONDS
    at = 8
    while at + 4 <= len(body):
        code, length = struct.unpack_from(f"{order}HH", body, at)
        value = body[at + 4 : at + 4 + length]
        if code == _NAME_OPTION:
            name = value.rstrip(b"\0").decode("utf-8", "replace") or name
        elif code == _RESOLUTION_OPTION and value:
            units = 2 ** (value[0] & 0x3F) if value[0] & 0x80 else 10 ** min(value[0], 18)
        at += 4 + length + -length % 4
    return _Link(name, link_type, units)


def _frame_of(kind: int, body: bytes, order: str, links: list[_Link], last_us: int) -> _Frame:
    if kind == _SIMPLE_PACKET:
        (length,) = struct.unpack_from(f"{order}I", body)
        return _Frame(last_us, links[0].name, links[0].link_type, body[4 : 4 + length])
    if kind == _PACKET:
        number, high, low, kept = struct.unpack_from(f"{order}IIII", body)
    else:
        number, _drops, high, low, kept = struct.unpack_from(f"{order}HHIII", body)
    link = links[number]
    time_us = (high << 32 | low) * _MICROSECONDS // link.units
    return _Frame(time_us, link.name, link.link_type, body[20 : 20 + kept])


# The frames


def _network_layer(frame: _Frame) -> bytes | None:
    """The IPv4 packet in a frame, None for anything else."""
    octets = frame.octets
    layout = _LINK_LAYERS.get(frame.link_type)
    if layout is None:
        return None
    type_at, packet_at = layout
    if type_at < 0:
        return octets[packet_at:] if octets[packet_at : packet_at + 1] and octets[packet_at] >> 4 == 4 else None  # noqa: PLR2004
    kind = int.from_bytes(octets[type_at : type_at + 2], "big")
    while kind in _VLANS and type_at + 2 == packet_at:
        type_at, packet_at = type_at + 4, packet_at + 4
        kind = int.from_bytes(octets[type_at : type_at + 2], "big")
    return octets[packet_at:] if kind == _IPV4 else None


# By link type: where the Ethernet type stands (-1: nowhere), and where the packet begins.
_LINK_LAYERS: Final = {
    0: (-1, 4),  # BSD loopback
    1: (12, 14),  # Ethernet
    12: (-1, 0),  # raw IP, of some systems
    101: (-1, 0),  # raw IP
    108: (-1, 4),  # OpenBSD loopback
    113: (14, 16),  # Linux "any"
    228: (-1, 0),  # raw IPv4
    276: (0, 20),  # Linux "any", second version
}


def _transport_layer(frame: _Frame, packet: bytes) -> Datagram | str:
    """The datagram in an IPv4 packet, or what it is instead."""
    header = (packet[0] & 15) << 2 if packet else 0
    if header < 20 or len(packet) < header + 8:  # noqa: PLR2004 - the least of IPv4, and of UDP
        return "frames cut short"
    total, _ident, fragment = struct.unpack_from(">HHH", packet, 2)
    source, destination = struct.unpack_from(">II", packet, 12)
    if fragment & 0x3FFF:
        return "fragments"
    body = packet[header : max(total, header)] if total else packet[header:]
    if packet[9] == _ICMP:
        return Datagram(frame.wall_us, frame.interface, source, destination, -1, -1, body)
    if packet[9] != _UDP or len(body) < 8:  # noqa: PLR2004 - the header of UDP
        return "packets that are not UDP"
    source_port, port, length = struct.unpack_from(">HHH", body)
    return Datagram(frame.wall_us, frame.interface, source, destination, source_port, port, body[8 : max(length, 8)])
