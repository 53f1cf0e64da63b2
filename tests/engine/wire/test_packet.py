"""Intake: what the server understands of a message, octet by octet.

See docs/behaviour/packets.md#packet-layout-and-intake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP

from dhcpd.engine.model.context import Message
from dhcpd.engine.model.spaces import OptionSpace
from dhcpd.engine.wire.packet import Dropped, decode_space, parse_packet, type_name
from dhcpd.trace.effects import DEBUG, ERROR, INFO

from .sample import packet, payload, registry

if TYPE_CHECKING:
    from collections.abc import Sequence

KNOWN = registry()
MALFORMED = "parse_option_buffer: malformed option"
PLAIN_CODES = st.integers(1, 254).filter(lambda code: code not in (12, 52, 61))


def parse(octets: bytes) -> Message | Dropped:
    return parse_packet(octets, "eth0", 0, 68, KNOWN)


def option(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value


def test_header_fields_are_read() -> None:
    octets = bytearray(payload(b"\x35\1\1\xff", giaddr=0x0A010203, ciaddr=0x0A000009, flags=0x8001))
    octets[3], octets[8:10] = 4, b"\1\2"
    read = parse(bytes(octets))
    assert isinstance(read, Message)
    assert (read.op, read.htype, read.hlen, read.hops, read.secs, read.flags) == (1, 1, 6, 4, 258, 0x8001)
    assert (read.xid, read.ciaddr, read.giaddr, read.yiaddr, read.siaddr) == (b"\1\2\3\4", 0x0A000009, 0x0A010203, 0, 0)
    assert read.hardware == bytes.fromhex("01020000000001")
    assert (read.message_type, read.options_valid, read.lines) == (1, True, ())


@pytest.mark.parametrize("length", [0, 1, 28, 235])
def test_short_payloads_are_dropped_without_a_word(length: int) -> None:
    assert parse(payload()[:length]) == Dropped(())


@pytest.mark.parametrize("length", [236, 237, 239])
def test_payloads_that_end_before_the_cookie_have_no_options(length: int) -> None:
    read = parse(payload(b"\x35\1\1")[:length])
    assert isinstance(read, Message)
    assert (read.options_valid, read.options, read.message_type) == (False, {}, 0)


def test_wrong_cookie_means_no_options() -> None:
    read = parse(payload(b"\x35\1\1\xff", cookie=b"\1\2\3\4"))
    assert isinstance(read, Message)
    assert not read.options_valid
    assert not read.options


def test_long_hardware_length_is_dropped_with_a_line() -> None:
    assert parse(payload(b"\x35\1\1\xff", hlen=17)) == Dropped(((INFO, "Discarding packet with bogus hlen."),))
    assert packet(b"\x35\1\1\xff", hlen=16).hardware == b"\1" + bytes.fromhex("020000000001").ljust(16, b"\0")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (b"\x0c\x05ab", "malformed option dhcp.<unknown> (code 12): option length exceeds option buffer length."),
        (b"\x0c", "malformed option dhcp.<unknown> (code 12): code tag at end of buffer - missing length field."),
    ],
)
def test_malformed_main_area_drops_the_packet(options: bytes, reason: str) -> None:
    assert parse(payload(b"\x35\1\1" + options)) == Dropped(((ERROR, f"parse_option_buffer: {reason}"),))


@pytest.mark.parametrize("kind", [2, 5, 6])
def test_malformed_message_of_a_server_goes_on(kind: int) -> None:
    read = packet(bytes((0x35, 1, kind)) + b"\x0c\x05ab")
    assert read.message_type == kind
    assert [level for level, _ in read.lines] == [ERROR]


def test_area_may_end_without_end_and_padding_is_skipped() -> None:
    assert packet(b"\0\0\x35\1\1\0\x3c\1A").options == {53: b"\1", 60: b"A"}
    assert packet(b"\x35\1\1\xff\x3c\1A").options == {53: b"\1"}


@pytest.mark.parametrize(("value", "kind"), [(b"", 0), (b"\0", 0), (b"\1\3", 1), (b"\x63", 99)])
def test_message_type_is_the_first_octet_of_option_53(value: bytes, kind: int) -> None:
    assert packet(option(53, value)).message_type == kind


def test_repeated_options_are_joined_main_then_file_then_sname() -> None:
    read = packet(
        option(53, b"\1") + option(52, b"\3") + option(60, b"a"),
        file=option(60, b"b") + b"\xff", sname=option(60, b"c") + option(53, b"\3") + b"\xff",
    )  # fmt: skip
    assert read.options[60] == b"abc"
    assert read.message_type == 1


def test_an_empty_overload_option_is_no_overload() -> None:
    assert packet(option(52, b"") + option(53, b"\1"), file=option(60, b"b")).options == {52: b"", 53: b"\1"}


def test_malformed_file_field_always_drops() -> None:
    octets = payload(option(53, b"\2") + option(52, b"\1"), file=b"\x0c\xff" + b"x" * 126)
    assert isinstance(parse(octets), Dropped)


def test_trailing_nuls_leave_text_but_not_octets() -> None:
    read = packet(option(12, b"abc\0\0") + option(60, b"abc\0") + option(77, b"u\0") + option(79, b"\0\0\0"))
    assert (read.options[12], read.options[60], read.options[77], read.options[79]) == (b"abc", b"abc\0", b"u", b"\0")
    assert read.host_name_had_nul


def test_only_the_first_fragment_is_trimmed() -> None:
    assert packet(option(12, b"abc\0") + option(12, b"def\0")).options[12] == b"abcdef\0"


def test_empty_host_name_is_skipped_with_a_line_and_one_of_nuls_is_empty() -> None:
    read = packet(option(12, b""))
    assert read.lines == ((DEBUG, "Ignoring empty DHO_HOST_NAME option"),)
    assert 12 not in read.options
    assert packet(option(12, b"\0\0")).options[12] == b""


def test_client_identifiers_of_no_and_one_octet() -> None:
    assert parse(payload(option(61, b""))) == Dropped(((DEBUG, "Dropped DHCPv4 packet with zero-length client-id"),))
    assert "one-character client-id" in packet(option(61, b"a")).lines[0][1]
    assert packet(option(61, b"ab"), hlen=0).lines == ()
    expected = (DEBUG, "Received DHCPv4 packet without client-id option and empty hlen field.")
    assert packet(option(53, b"\1"), hlen=0).lines == (expected,)


def test_relay_information_keeps_order_and_first_instances() -> None:
    read = packet(option(82, b"\2\1x\1\2ab\2\1y\xff\1z") + option(82, b"\1\1q\x05\4\1\2\3\4"))
    assert read.agent is not None
    assert list(read.agent.items()) == [(2, b"x"), (1, b"ab"), (255, b"z"), (5, b"\1\2\3\4")]
    assert read.options[82] == b"\2\1x\1\2ab\2\1y\xff\1z\1\1q\x05\4\1\2\3\4"


@pytest.mark.parametrize("raw", [b"", b"\0\1\1a", b"\1\5a"])
def test_relay_information_without_a_sub_option_is_none(raw: bytes) -> None:
    read = packet(option(82, raw))
    assert read.agent is None
    assert read.options[82] == raw


def test_a_sub_option_must_not_straddle_two_instances() -> None:
    read = packet(option(82, b"\1\1a\2\4ab") + option(82, b"cd"))
    assert read.agent == {1: b"a"}
    assert read.lines == (
        (ERROR, f"{MALFORMED} agent.<unknown> (code 2): option length exceeds option buffer length."),
        (ERROR, f"{MALFORMED} agent.<unknown> (code 99): option length exceeds option buffer length."),
    )


def test_vendor_identifying_options_nest() -> None:
    inner = b"\0\1\0\3abc"
    read = packet(option(125, b"\0\0\x09\xbf" + bytes([len(inner)]) + inner + b"\0\0\0\x09\1z"))
    assert read.spaces == {"isc": {1: b"abc"}, "vendor": {2495: inner, 9: b"z"}}


def test_vendor_space_is_decoded_only_when_asked() -> None:
    known = registry()
    known.add(OptionSpace("v")).define("t", 1, "t")
    read = parse_packet(payload(option(43, b"\1\2ab\xff")), "eth0", 0, 68, known)
    assert isinstance(read, Message)
    assert not read.spaces
    lines: list[str] = []
    decode_space(read, "v", read.options[43], lambda _, text: lines.append(text))
    assert read.spaces == {"v": {1: b"ab"}}
    assert lines == [
        f"{MALFORMED} v.<unknown> (code 255): code tag at end of buffer - missing length field.",
    ]
    decode_space(read, "nowhere", b"\1\1a")


FQDN_CASES: Sequence[tuple[str, bytes, tuple[int, int, int], tuple[str, str, str]]] = [
    ("010000", b"host.dom.test", (0, 1, 0), ("host.dom.test", "host", "dom.test")),
    ("010000", b"host.dom.test\0", (0, 1, 1), ("host.dom.test", "host", "dom.test")),
    ("030506", b"host", (0, 1, 1), ("host", "host", "")),
    ("040000", b"\4host\3dom\4test\0", (1, 0, 0), ("host.dom.test", "host", ".dom.test")),
    ("050000", b"\4host\3dom", (1, 1, 0), ("host.dom", "host.dom", "")),
    ("000000", b"host.dom.", (0, 0, 0), ("host.dom.", "host", "dom.")),
    ("000000", b"", (0, 0, 1), ("", "", "")),
]


@pytest.mark.parametrize(("head", "name", "flags", "names"), FQDN_CASES)
def test_client_fqdn(head: str, name: bytes, flags: tuple[int, int, int], names: tuple[str, str, str]) -> None:
    read = packet(option(81, bytes.fromhex(head) + name)).spaces["fqdn"]
    assert tuple(read[code][0] for code in (3, 2, 1)) == flags
    assert tuple(read.get(code, b"").decode() for code in (8, 6, 7)) == names
    assert read[4] + read[5] == bytes.fromhex(head)[1:]


@pytest.mark.parametrize(
    ("name", "line"),
    [(b"\x40" + b"a" * 64, "label length exceeds 63 in fqdn option"), (b"\4abc", "fqdn label longer than buffer")],
)
def test_bad_labels_leave_only_the_encoding(name: bytes, line: str) -> None:
    read = packet(option(81, b"\4\0\0" + name))
    assert read.spaces["fqdn"] == {3: b"\1"}
    assert read.lines == ((INFO, line),)
    assert "fqdn" not in packet(option(81, b"\4\0")).spaces


# Observed on ISC dhcpd: a NUL stands behind every value, then the buffer goes on
# (docs/behaviour/packets.md#reading-short-values).
SHORT: Sequence[tuple[bytes, int | None, int | None]] = [
    (option(50, b"\x0a") + option(60, b"ABC"), 0x0A000341, None),
    (option(50, b"\x0a\x0b\x0c") + option(60, b"ABC"), 0x0A0B0C00, None),
    (option(50, b"") + option(60, b"ABC"), 0x00034142, None),
    (option(50, b"\x0a") + option(60, b"ABC") + option(50, b"\x0b"), 0x0A0B0000, None),
    (option(60, b"ABC") + option(54, b"\x0a\x0b") + option(50, b"\x0a"), 0x0A000000, 0x0A0B0001),
    (option(50, b"\x0a\x09"), 0x0A090000, None),
    (option(50, b"\x0a\0\0\5\6"), 0x0A000005, None),
    (option(53, b"\3"), None, None),
]


@pytest.mark.parametrize(("options", "requested", "server"), SHORT)
def test_short_addresses_run_on_into_the_buffer(options: bytes, requested: int | None, server: int | None) -> None:
    read = packet(option(53, b"\3") + options + b"\xff")
    assert (read.requested_address, read.server_identifier) == (requested, server)


def test_stash_takes_the_place_of_relay_information() -> None:
    read = packet(option(53, b"\3"))
    read.attach_stash([(1, b"a")])
    assert (read.agent, read.stashed) == ({1: b"a"}, True)


def test_type_names() -> None:
    assert [type_name(kind) for kind in (1, 8, 9, 13, 14)] == [
        "DHCPDISCOVER", "DHCPINFORM", "type 9", "DHCPLEASEACTIVE", "type 14",
    ]  # fmt: skip


@given(st.binary(max_size=700), st.integers(0, 16))
def test_no_octets_raise(options: bytes, hlen: int) -> None:
    parse(payload(options, hlen=hlen))
    parse(options)
    parse(payload(b"\x35\1\1\x34\1\3\xff", file=options[:128], sname=options[128:192]))
    for code in (81, 82, 124, 125, 63):
        parse(payload(option(code, options[:255]) + option(50, options[:3])))


@given(st.dictionaries(PLAIN_CODES, st.binary(max_size=40), max_size=15))
def test_scapy_and_we_read_the_same(options: dict[int, bytes]) -> None:
    area = b"".join(option(code, value) for code, value in options.items())
    built = bytes(BOOTP(chaddr=bytes.fromhex("020000000001"), xid=7) / DHCP(options=[]))[:240] + area + b"\xff"
    read = parse(built)
    assert isinstance(read, Message)
    trimmed = set(KNOWN.spaces["dhcp"].by_code) & set(options)
    assert read.xid == (7).to_bytes(4, "big")
    assert {code: value for code, value in read.options.items() if code not in trimmed} == {
        code: value for code, value in options.items() if code not in trimmed
    }
