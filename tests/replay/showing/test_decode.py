from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dhcpd.replay.showing.decode import client_of, hardware_of, message_name, packet_fields
from dhcpd.trace import events as ev
from tests.replay.tapes import packet, payload, send


def fields(octets: bytes) -> dict[str, str]:
    return dict(packet_fields(octets))


def with_options(area: bytes, *, sname: bytes = b"", file: bytes = b"") -> bytes:
    header = bytes([1, 1, 6, 0]) + bytes(24) + b"\x02\0\0\0\0\x01" + bytes(10)
    return header + sname.ljust(64, b"\0") + file.ljust(128, b"\0") + b"\x63\x82\x53\x63" + area


def test_header_and_options_are_named_as_in_dhcpd_conf() -> None:
    shown = fields(payload(5, op=2, yiaddr=0x0A000011))
    assert shown["op"] == "2 BOOTREPLY"
    assert shown["yiaddr"] == "10.0.0.17"
    assert shown["chaddr"] == "02:00:00:00:00:01"
    assert shown["option dhcp-message-type"] == "5 DHCPACK"
    assert shown["option dhcp-lease-time"] == "3600"
    assert shown["option host-name"] == '"host"'


def test_relay_options_are_opened() -> None:
    shown = fields(with_options(b"\x35\x01\x01\x52\x07\x01\x05eth0!\xff"))
    assert shown["option agent.circuit-id"] in ('"eth0!"', "65:74:68:30:21")


def test_options_in_overloaded_fields_are_shown_with_their_place() -> None:
    shown = fields(with_options(b"\x34\x01\x03\x35\x01\x01\xff", sname=b"\x0c\x01a\xff", file=b"\x0f\x01b\xff"))
    assert shown["option host-name (in sname)"] == '"a"'
    assert shown["option domain-name (in file)"] == '"b"'
    assert "sname" not in shown


def test_an_option_that_does_not_fit_is_shown_not_refused() -> None:
    assert "option 12 of 9 octets does not fit" in fields(with_options(b"\x35\x01\x01\x0c\x09ab"))["options"]


def test_repeated_options_are_one() -> None:
    assert fields(with_options(b"\x0c\x02ho\x0c\x02st\xff"))["option host-name"] == '"host"'


def test_a_bootp_request_has_a_vendor_area() -> None:
    octets = with_options(b"")[:236] + bytes(64)
    assert fields(octets)["vendor area"] == "64 zero octets"
    assert message_name(octets) == "BOOTREQUEST"


@given(st.binary(max_size=600))
def test_any_octets_are_shown(octets: bytes) -> None:
    assert packet_fields(octets)
    assert message_name(octets)


@given(st.binary(max_size=300))
def test_any_option_area_is_shown(area: bytes) -> None:
    assert packet_fields(with_options(area))


def test_the_client_is_the_packets_or_that_of_the_reply() -> None:
    assert client_of(packet(0, client=7)) == "02:00:00:00:00:07"
    timer = ev.Timer(0, 0)
    assert client_of(timer, [send(client=9)]) == "02:00:00:00:00:09"
    assert hardware_of(timer, []) == b""
