"""What a scenario's `send` looks like on the wire, and what a reply looks like to the one who compares.

The same rules as those of ../shared/oracle, which records what ISC dhcpd answers: a message built here equals the
recorded run's to the octet, and a view of a reply has the same rows.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any, Final

COOKIE: Final = b"\x63\x82\x53\x63"
TYPES: Final = {
    "discover": 1, "offer": 2, "request": 3, "decline": 4, "ack": 5, "nak": 6, "release": 7,
    "inform": 8, "leasequery": 10, "leaseunassigned": 11, "leaseunknown": 12, "leaseactive": 13,
}  # fmt: skip
NAMES: Final = {number: name for name, number in TYPES.items()}
FIELDS: Final = {
    "op": (0, 1), "htype": (1, 1), "hlen": (2, 1), "hops": (3, 1), "xid": (4, 4), "secs": (8, 2),
    "flags": (10, 2), "ciaddr": (12, 4), "yiaddr": (16, 4), "siaddr": (20, 4), "giaddr": (24, 4),
    "chaddr": (28, 16), "sname": (44, 64), "file": (108, 128),
}  # fmt: skip
_ADDRESSES: Final = ("ciaddr", "yiaddr", "siaddr", "giaddr")
_CLIENT: Final = "02:00:00:00:00:01"
_WIDTHS: Final = {"u8": 1, "u16": 2, "u32": 4}


def value(given: object) -> bytes:
    """An option's value: 'ip:A,B' 'u8:N' 'u16:N' 'u32:N' 'text:S' 'hex:..', plain hex with colons, or a number."""
    if isinstance(given, int):
        return bytes([given]) if given < 256 else given.to_bytes(4, "big")
    text = str(given)
    kind, _, rest = text.partition(":")
    if kind == "ip":
        return b"".join(socket.inet_aton(one.strip()) for one in rest.split(","))
    if kind in _WIDTHS:
        return int(rest, 0).to_bytes(_WIDTHS[kind], "big")
    if kind == "text":
        return rest.encode().decode("unicode_escape").encode("latin-1")
    if kind == "hex":
        text = rest
    return bytes.fromhex(text.replace(":", "").replace(" ", ""))


def clock(text: str, now: int) -> str:
    """'@now+60@' and '@epoch-5@' become a date of the lease file's form and seconds since 1970."""

    def fill(match: re.Match[str]) -> str:
        seconds = now + int(match[2] or 0)
        if match[1] == "epoch":
            return str(seconds)
        at = time.gmtime(seconds)
        return f"{(at.tm_wday + 1) % 7} {time.strftime('%Y/%m/%d %H:%M:%S', at)}"

    return re.sub(r"@(now|epoch)([+-]\d+)?@", fill, text)


@dataclass(frozen=True)
class Reply:
    """One datagram of the server: who sent it to whom, and its octets."""

    interface: str
    to_mac: str
    source: str
    to: str
    ports: str
    payload: bytes

    @property
    def options(self) -> list[tuple[int, bytes]]:
        """Every option in its order, those in file and sname behind the others."""
        areas, found, overload = [self.payload[240:]], [], 0
        while areas:
            for code, data in _options(areas.pop(0)):
                found.append((code, data))
                if code == 52 and data and not overload:
                    overload = data[0]
                    areas += [self.payload[108:236]] if overload & 1 else []
                    areas += [self.payload[44:108]] if overload & 2 else []
        return found

    @property
    def tail(self) -> str | None:
        """What follows END in the main area, without its zeros; None where END is missing."""
        area, at = self.payload[240:], 0
        while at < len(area) and area[at] != 255:
            at += 1 if area[at] == 0 or at + 1 >= len(area) else 2 + area[at + 1]
        return area[at + 1 :].rstrip(b"\0").hex() if at < len(area) else None

    def option(self, code: int) -> bytes:
        """The value of an option, its pieces joined."""
        return b"".join(data for number, data in self.options if number == code)

    def field(self, name: str) -> bytes:
        """A header field's octets."""
        at, length = FIELDS[name]
        return self.payload[at : at + length]

    def view(self) -> dict[str, Any]:
        """The rows that are compared."""
        kind, overload = self.option(53), self.option(52)
        bits = overload[0] if overload else 0
        rows: dict[str, Any] = {
            "message": NAMES.get(kind[0], str(kind[0])) if kind else "bootreply",
            "interface": self.interface, "to_mac": self.to_mac, "from": self.source,
            "to": self.to, "ports": self.ports, "length": len(self.payload),
        }  # fmt: skip
        rows |= {name: socket.inet_ntoa(self.field(name)) for name in _ADDRESSES}
        for name in ("op", "htype", "hlen", "hops", "secs", "flags"):
            rows[name] = int.from_bytes(self.field(name), "big")
        rows["xid"], rows["chaddr"] = self.field("xid").hex(), self.field("chaddr").hex(":")
        rows["sname"] = "overloaded" if bits & 2 else self.field("sname").rstrip(b"\0").hex()
        rows["file"] = "overloaded" if bits & 1 else self.field("file").rstrip(b"\0").hex()
        rows["cookie"], rows["after END"] = self.payload[236:240].hex(), self.tail
        rows["options"] = [[code, data.hex()] for code, data in self.options]
        return rows


def _options(area: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(area) and area[at] != 255:
        if area[at] == 0 or at + 1 >= len(area):
            at += 1
            continue
        length = area[at + 1]
        found.append((area[at], area[at + 2 : at + 2 + length]))
        at += 2 + length
    return found


class Writer:
    """Builds messages; `heard` holds the first reply to each earlier step, by its name."""

    def __init__(self) -> None:
        self.heard: dict[str, Reply] = {}
        self._sent = 0

    def resolve(self, text: object) -> Any:
        """'$name.yiaddr' or '$name.54' stands for a field or an option of an earlier reply."""
        if not isinstance(text, str):
            return text

        def fill(match: re.Match[str]) -> str:
            reply = self.heard.get(match[1])
            if reply is None:
                return "0.0.0.0"
            if match[2].isdigit():
                return reply.option(int(match[2])).hex(":")
            raw = reply.field(match[2])
            return socket.inet_ntoa(raw) if match[2].endswith("iaddr") else raw.hex(":")

        return re.sub(r"\$(\w+)\.(\w+)", fill, text)

    def message(self, send: dict[str, Any]) -> bytes:
        """The UDP payload of a `send`."""
        if "raw" in send:
            return bytes.fromhex(re.sub(r"[\s:]", "", send["raw"]))
        self._sent += 1
        body, cookie = self._head(send), send.get("cookie", True)
        if cookie:
            magic = COOKIE if cookie is True else value(cookie)
            body += magic + self._options(send) + (b"\xff" if send.get("end", True) else b"")
        return (body + bytes(max(0, send.get("pad_to", 300) - len(body))))[: send.get("cut")]

    def _head(self, send: dict[str, Any]) -> bytes:
        hardware = bytes.fromhex(send.get("mac", _CLIENT).replace(":", ""))
        flags = send.get("flags", 0x8000 if send.get("broadcast") else 0)
        return struct.pack(
            "!BBBBIHH4s4s4s4s16s64s128s",
            send.get("op", 1),
            send.get("htype", 1),
            send.get("hlen", len(hardware)),
            send.get("hops", 1 if "giaddr" in send else 0),
            send.get("xid", 0x10000000 + self._sent),
            send.get("secs", 0),
            flags,
            *(socket.inet_aton(str(self.resolve(send.get(name, "0.0.0.0")))) for name in _ADDRESSES),
            hardware,
            send.get("sname", "").encode(),
            send.get("file", "").encode(),
        )

    def _options(self, send: dict[str, Any]) -> bytes:
        found: list[tuple[int, bytes]] = []
        if "type" in send:
            kind = send["type"]
            found.append((53, bytes([TYPES[kind] if isinstance(kind, str) else kind])))
        if "requested" in send:
            found.append((50, socket.inet_aton(str(self.resolve(send["requested"])))))
        if "server_id" in send:
            given = str(self.resolve(send["server_id"]))
            octets = bytes.fromhex(given.replace(":", "")) if ":" in given else socket.inet_aton(given)
            found.append((54, octets))
        if "client_id" in send:
            found.append((61, value(send["client_id"])))
        if "hostname" in send:
            found.append((12, send["hostname"].encode()))
        if "lease_time" in send:
            found.append((51, send["lease_time"].to_bytes(4, "big")))
        if "prl" in send:
            found.append((55, bytes(send["prl"])))
        found += [(code, value(self.resolve(given))) for code, given in send.get("options", [])]
        return b"".join(bytes([code, len(data)]) + data for code, data in found) + value(send.get("trailer", ""))
