"""Where replies go, and the words of their lines.

See docs/behaviour/packets.md#where-each-reply-goes, docs/behaviour/packets.md#parts-of-the-lines,
docs/behaviour/packets.md#lines-about-replies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dhcpd.engine.wire import reply, text

from .sample import packet

if TYPE_CHECKING:
    from dhcpd.trace.effects import Send

PORTS = reply.Ports(67, 68, 0xFFFFFFFF)
RELAY = 0x0A010101
CLIENT = 0x0A000009
US = 0x0A000001
MAC = bytes.fromhex("020000000001")
ALL = b"\xff" * 6
SERVER_ID = b"\x36\4\x0a\0\0\1"


def way(send: Send) -> tuple[bool, int, int, bytes, str]:
    return send.raw, send.destination, send.port, send.link, send.marker


def test_offers() -> None:
    local = packet(ciaddr=CLIENT)
    assert way(reply.send_offer(local, b"", PORTS, 0, 5, US)) == (True, 5, 68, MAC, "dhcp.c:4164")
    assert way(reply.send_offer(local, b"", PORTS, 0x8000, 5, US)) == (True, 0xFFFFFFFF, 68, ALL, "dhcp.c:4164")
    assert way(reply.send_offer(packet(hlen=8), b"", PORTS, 0, 5, US)) == (True, 5, 68, ALL, "dhcp.c:4164")
    relayed = reply.send_offer(packet(giaddr=RELAY), b"", PORTS, 0x8000, 5, US)
    assert way(relayed) == (False, RELAY, 67, b"", "dhcp.c:4093")
    assert (relayed.interface, relayed.durable) == ("fallback", False)
    assert reply.send_offer(packet(giaddr=0x7F000001), b"", PORTS, 0, 5, US).port == 68


@pytest.mark.parametrize(
    ("flags", "options", "same", "raw", "destination"),
    [
        (0, b"", True, False, CLIENT),
        (0x8000, b"", True, True, 0xFFFFFFFF),
        (0, SERVER_ID, True, True, 5),
        (0, SERVER_ID, False, False, CLIENT),
        (0x8000, b"", False, False, CLIENT),
    ],
)
def test_acks_to_clients_with_an_address(flags: int, options: bytes, same: bool, raw: bool, destination: int) -> None:
    request = packet(b"\x35\1\3" + options, ciaddr=CLIENT)
    send = reply.send_ack(request, b"", PORTS, flags, 5, US, same_network=same)
    assert (send.raw, send.destination, send.port, send.durable) == (raw, destination, 68, True)
    assert send.marker == ("dhcp.c:4164" if raw else "dhcp.c:4131")


def test_bootp_naks_informs_and_leasequeries() -> None:
    static = reply.send_static_bootp(packet(), b"", PORTS, 0x8000, 5, US)
    assert way(static) == (True, 0xFFFFFFFF, 68, MAC, "bootp.c:452")
    assert reply.send_static_bootp(packet(giaddr=0x7F000001), b"", PORTS, 0, 5, US).port == 67
    assert reply.send_bootp(packet(), b"", PORTS, 0, 5, US).durable
    assert way(reply.send_nak(packet(ciaddr=CLIENT), b"", PORTS, US)) == (True, 0xFFFFFFFF, 68, ALL, "dhcp.c:2003")
    assert way(reply.send_nak(packet(giaddr=RELAY), b"", PORTS, US)) == (False, RELAY, 67, b"", "dhcp.c:1986")
    both = packet(giaddr=RELAY, ciaddr=CLIENT)
    assert way(reply.send_inform(both, b"", PORTS)) == (False, CLIENT, 68, b"", "dhcp.c:1756")
    assert (reply.inform_flags(both), reply.inform_flags(packet(giaddr=RELAY))) == (0, 0x8000)
    assert reply.send_inform(packet(giaddr=RELAY), b"", PORTS).destination == RELAY
    assert way(reply.send_leasequery(packet(giaddr=RELAY), b"", PORTS)) == (False, RELAY, 67, b"", "")


def test_request_lines() -> None:
    local = packet(b"\x32\4\x0a\0\0\5" + SERVER_ID)
    assert text.discover_line(local, None, None) == "DHCPDISCOVER from 02:00:00:00:00:01 via eth0"
    assert text.request_line(local, None, b"pc") == (
        "DHCPREQUEST for 10.0.0.5 (10.0.0.1) from 02:00:00:00:00:01 (pc) via eth0"
    )
    relayed = packet(giaddr=RELAY, ciaddr=CLIENT)
    assert text.request_line(relayed, None, None) == "DHCPREQUEST for 10.0.0.9 from 02:00:00:00:00:01 via 10.1.1.1"
    assert text.release_line(relayed, None, b"pc", found=True) == (
        "DHCPRELEASE of 10.0.0.9 from 02:00:00:00:00:01 (pc) via 10.1.1.1 (found)"
    )
    assert text.decline_line(local, None, None) == "DHCPDECLINE of 10.0.0.5 from 02:00:00:00:00:01 via eth0"
    assert text.inform_line(relayed) == "DHCPINFORM from 10.0.0.9 via 10.1.1.1"
    assert text.leasequery_line(relayed) == "DHCPLEASEQUERY from 10.1.1.1"
    assert text.bootp_line(local) == "BOOTREQUEST from 02:00:00:00:00:01 via eth0"
    assert text.discover_line(packet(hlen=0), None, None) == "DHCPDISCOVER from  via eth0"
    assert len(text.cut("x" * 2000)) == 1023


def test_reply_lines() -> None:
    local = packet()
    assert text.reply_line("DHCPOFFER", 5, local, b"") == "DHCPOFFER on 0.0.0.5 to 02:00:00:00:00:01 () via eth0"
    assert text.static_bootp_line(5, "", local) == "BOOTREPLY for 0.0.0.5 to unknown (02:00:00:00:00:01) via eth0"
    assert text.nak_line(5, local) == "DHCPNAK on 0.0.0.5 to 02:00:00:00:00:01 via eth0"
    relayed = packet(giaddr=RELAY)
    assert text.inform_ack_line(RELAY, relayed) == "DHCPACK to 10.1.1.1 (02:00:00:00:00:01) via 10.1.1.1"
    direct = packet(giaddr=RELAY, ciaddr=CLIENT, htype=0)
    assert text.inform_ack_line(CLIENT, direct) == "DHCPACK to 10.0.0.9 (<no client hardware address>) via eth0"


@pytest.mark.parametrize("name", [b"a" * 65, b"caf\xc3\xa9", b'a"b', b"a\\b", b"a\nb"])
def test_unprintable_names(name: bytes) -> None:
    assert text.name_text(name) == "(Hostname Unsuitable for Printing) "


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"zzz", '"zzz"'),
        (b"\1\2\0", "01:02:00"),
        (b"a" * 80, '"' + "a" * 57 + '"'),
        (b"\1" * 20, ":".join(["01"] * 20)),
        (b"\1" * 21, ""),
    ],
)
def test_identifiers(value: bytes, shown: str) -> None:
    assert text.identifier_text(value) == shown
    assert text.client_text(packet(htype=0), value) == shown
    assert text.client_text(packet(htype=0), None) == "<no identifier>"
