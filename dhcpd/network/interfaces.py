"""Which network interfaces this machine has: read from the kernel over rtnetlink, once, at the start.

Why not getifaddrs: it needs ctypes and structures of the C library, and gives no hardware type. Why not SIOCGIF*:
it knows one address a name. The order is the kernel's, links first and then the addresses, since ISC dhcpd's choice
of interfaces hangs on it. Names are the labels of addresses: `eth0:1` is an interface.

See docs/behaviour/packets.md#which-interfaces-are-served.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final

from ..trace.events import Link

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANSWER_OCTETS_MAXIMUM: Final = 1 << 18
_HEADER: Final = struct.Struct("=IHHII")
_LINK_MESSAGE: Final = struct.Struct("=BxHiII")
_ADDRESS_MESSAGE: Final = struct.Struct("=BBBBI")
_ATTRIBUTE: Final = struct.Struct("=HH")

_GET_LINK: Final = 18
_GET_ADDRESS: Final = 22
_NEW_LINK: Final = 16
_NEW_ADDRESS: Final = 20
_ERROR: Final = 2
_DONE: Final = 3
_REQUEST_DUMP: Final = 0x301

_LINK_HARDWARE: Final = 1
_LINK_NAME: Final = 3
_ADDRESS_LOCAL: Final = 2
_ADDRESS_LABEL: Final = 3


def read_links() -> tuple[Link, ...]:
    """The interfaces with their IPv4 addresses, in the system's order; raises OSError where the kernel says nothing."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as kernel:
        kernel.bind((0, 0))
        links = dict(_links(kernel))
        addresses = list(_addresses(kernel))
    return _join(links, addresses)


def _join(links: dict[int, Link], addresses: list[tuple[int, str, int, int]]) -> tuple[Link, ...]:
    """Give every address to the interface of its label; a label that is no link's name makes an interface behind."""
    by_name = {link.name: link for link in links.values()}
    for index, label, address, length in addresses:
        parent = links.get(index)
        if parent is None:
            continue
        link = by_name.get(label or parent.name)
        if link is None:
            link = parent._replace(name=label, addresses=())
        by_name[link.name] = link._replace(addresses=(*link.addresses, (address, length)))
    return tuple(by_name.values())


def _links(kernel: socket.socket) -> Iterator[tuple[int, Link]]:
    for body in _dump(kernel, _GET_LINK, _NEW_LINK):
        _, hardware_type, index, flags, _ = _LINK_MESSAGE.unpack_from(body)
        attributes = dict(_attributes(body, _LINK_MESSAGE.size))
        name = _text(attributes.get(_LINK_NAME, b""))
        yield index, Link(name, index, hardware_type, attributes.get(_LINK_HARDWARE, b""), flags, ())


def _addresses(kernel: socket.socket) -> Iterator[tuple[int, str, int, int]]:
    """(Index of the link, label, address, prefix length) of every IPv4 address."""
    for body in _dump(kernel, _GET_ADDRESS, _NEW_ADDRESS):
        family, length, _, _, index = _ADDRESS_MESSAGE.unpack_from(body)
        attributes = dict(_attributes(body, _ADDRESS_MESSAGE.size))
        if family == socket.AF_INET and _ADDRESS_LOCAL in attributes:
            address = int.from_bytes(attributes[_ADDRESS_LOCAL], "big")
            yield index, _text(attributes.get(_ADDRESS_LABEL, b"")), address, length


def _text(data: bytes) -> str:
    return data.rstrip(b"\x00").decode("latin-1")


def _dump(kernel: socket.socket, question: int, wanted: int) -> Iterator[bytes]:
    """The bodies of the answers of type `wanted` to a dump."""
    family = socket.AF_INET if question == _GET_ADDRESS else socket.AF_UNSPEC
    body = bytes([family]) + bytes(15 if question == _GET_LINK else 7)
    kernel.send(_HEADER.pack(_HEADER.size + len(body), question, _REQUEST_DUMP, 1, 0) + body)
    while True:
        answer = kernel.recv(_ANSWER_OCTETS_MAXIMUM)
        for kind, content in _messages(answer):
            if kind == _DONE:
                return
            if kind == _ERROR:
                number = -int.from_bytes(content[:4], "little", signed=True)
                raise OSError(number, "rtnetlink")
            if kind == wanted:
                yield content


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            return
        yield kind, data[at + _HEADER.size : at + length]
        at += length + 3 & ~3


def _attributes(data: bytes, begin: int) -> Iterator[tuple[int, bytes]]:
    at = begin
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, data[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3
