"""A registry that the parser had no hand in, and packets to play with."""

from __future__ import annotations

import struct
from typing import Final

from dhcpd.engine.model.context import Message
from dhcpd.engine.model.spaces import OptionSpace, Registry
from dhcpd.engine.wire.packet import parse_packet

FORMATS: Final = """
1 I 2 l 3 IA 4 IA 6 IA 12 t 15 t 17 t 28 I 33 IIA 40 t 42 IA 43 E. 50 I 51 L 52 B 53 B 54 I 55 BA 56 t 57 S 58 L 59 L
60 X 61 X 63 Enwip. 66 t 67 t 72 IA 77 t 78 fIa 79 fto 81 Efqdn. 82 Eagent. 91 L 92 Ia 118 I 119 Dc 124 Evendor-class.
125 Evendor. 160 t
"""
SPACES: Final = (
    ("nwip", 1, 1, True), ("fqdn", 1, 1, True), ("vendor-class", 4, 1, False), ("vendor", 4, 1, False),
    ("isc", 2, 2, True), ("agent", 1, 1, True), ("server", 1, 1, True),
)  # fmt: skip
COOKIE: Final = b"\x63\x82\x53\x63"


def registry() -> Registry:
    """Space dhcp with the options that the tests use, and the spaces inside it."""
    made = Registry()
    dhcp = made.add(OptionSpace("dhcp", end=255, concatenates=True))
    for name, tag, length, ordered in SPACES:
        made.add(OptionSpace(name, tag, length, insertion_ordered=ordered))
    words = FORMATS.split()
    for code, format_ in zip(words[::2], words[1::2], strict=True):
        dhcp.define(f"o{code}", int(code), format_)
    made.spaces["vendor"].define("isc", 2495, "Eisc.")
    made.spaces["vendor-class"].define("isc", 2495, "X")
    made.spaces["isc"].define("media", 1, "t")
    made.spaces["isc"].define("update-assist", 2, "X")
    made.spaces["agent"].define("relay-port", 19, "Z")
    return made


def payload(options: bytes = b"", *, hlen: int = 6, htype: int = 1, giaddr: int = 0, ciaddr: int = 0, flags: int = 0,
            file: bytes = b"", sname: bytes = b"", cookie: bytes = COOKIE) -> bytes:  # fmt: skip
    """A BOOTP request with these fields; the hardware address is 02:00:00:00:00:01."""
    hardware = bytes.fromhex("020000000001").ljust(16, b"\0")
    head = struct.pack(
        ">BBBB4sHHIIII16s64s128s", 1, htype, hlen, 0, b"\1\2\3\4", 0, flags, ciaddr, 0, 0, giaddr, hardware, sname, file
    )
    return head + cookie + options


def packet(options: bytes = b"", **fields: int | bytes) -> Message:
    """The parsed packet of `payload`; it must not be dropped."""
    parsed = parse_packet(payload(options, **fields), "eth0", 0, 68, registry())  # type: ignore[arg-type]
    assert isinstance(parsed, Message)
    return parsed
