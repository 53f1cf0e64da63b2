"""Frames against scapy as another implementation, and the rules of reception.

See docs/behaviour/packets.md#frames-of-the-raw-path, docs/behaviour/packets.md#receive-filter-and-validation.
"""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from dhcpd.engine.wire.frames import (
    Counters,
    Datagram,
    bpf_filter,
    build_echo,
    build_frame,
    open_frame,
    parse_echo_reply,
)
from dhcpd.trace.effects import DEBUG, INFO

ADDRESS = st.integers(0, 2**32 - 1)
PORT = st.integers(0, 65535)


def frame(payload: bytes = b"x" * 300, **ip: Any) -> bytes:
    datagram = IP(src="10.0.0.9", dst="10.0.0.1", **ip) / UDP(sport=68, dport=67) / Raw(payload)
    return bytes(Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff") / datagram)


def opened(octets: bytes) -> Datagram | None:
    return open_frame(octets, Counters(), [])


@given(ADDRESS, ADDRESS, PORT, PORT, st.binary(min_size=1, max_size=600))
def test_a_built_frame_is_the_one_that_scapy_builds(
    source: int, destination: int, sport: int, dport: int, payload: bytes
) -> None:
    ours = build_frame(b"\xff" * 6, b"\2\0\0\0\0\1", source, destination, sport, dport, payload)
    dotted = [".".join(map(str, address.to_bytes(4, "big"))) for address in (source, destination)]
    ip = IP(src=dotted[0], dst=dotted[1], tos=0x10, id=0, flags=0, ttl=128)
    theirs = bytearray(
        bytes(
            Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff") / ip / UDP(sport=sport, dport=dport) / Raw(payload)
        )
    )
    if theirs[40:42] == b"\xff\xff":
        theirs[40:42] = b"\0\0"  # a computed 0 stays 0
    assert ours == bytes(theirs)
    assert opened(ours) == (source, sport, payload)


def test_payload_ends_where_udp_says() -> None:
    assert opened(frame() + b"padding") == (0x0A000009, 68, b"x" * 300)


def test_ip_options_are_tolerated() -> None:
    assert opened(frame(options=b"\1\1\1\1" * 3)) == (0x0A000009, 68, b"x" * 300)


@pytest.mark.parametrize("cut", [0, 13, 33, 40, 60, 341])
def test_cut_frames_are_dropped(cut: int) -> None:
    assert opened(frame()[:cut]) is None


def flip(octets: bytes, place: int) -> bytes:
    return octets[:place] + bytes((octets[place] ^ 1,)) + octets[place + 1 :]


def test_checksums_count() -> None:
    assert opened(flip(frame(), 22)) is None
    assert opened(flip(frame(), 100)) is None
    unset = frame()[:40] + b"\0\0" + frame()[42:]
    assert opened(flip(unset, 100)) is not None


def test_a_checksum_that_is_left_to_the_network_card_is_not_verified() -> None:
    # As Linux writes it (csum_tcpudp_magic): the sum of the pseudo header, folded and not inverted.
    datagram = frame()[34:]
    total = sum(struct.unpack(">HHHH", bytes((10, 0, 0, 9, 10, 0, 0, 1)))) + 17 + len(datagram)
    partial = (total & 0xFFFF) + (total >> 16)
    assert opened(frame()[:40] + partial.to_bytes(2, "big") + frame()[42:]) is not None
    assert opened(frame()[:40] + (partial + 1).to_bytes(2, "big") + frame()[42:]) is None


def test_bad_udp_checksums_give_the_line_that_was_observed() -> None:
    counters = Counters()
    lines: list[tuple[int, str]] = []
    for octets in (frame(), frame(), *[flip(frame(), 100)] * 3):
        open_frame(octets, counters, lines)
    assert lines == [(DEBUG, "3 bad udp checksums in 5 packets")]


def test_bad_ip_checksums_and_lengths_have_their_lines() -> None:
    long = frame()[:38] + b"\xff\xff" + frame()[40:]
    for octets, text in (
        (flip(frame(), 22), "5 bad IP checksums seen in 5 packets"),
        (long, "5 udp packets in 5 too long - dropped"),
    ):
        counters = Counters()
        lines: list[tuple[int, str]] = []
        for _ in range(5):
            assert open_frame(octets, counters, lines) is None
        assert lines == [(INFO, text)]


def test_good_packets_wipe_out_bad_ones() -> None:
    counters = Counters()
    lines: list[tuple[int, str]] = []
    for octets in [flip(frame(), 100)] * 2 + [frame()] * 6 + [flip(frame(), 100)] * 3:
        open_frame(octets, counters, lines)
    assert not lines


@given(st.binary(max_size=400))
def test_no_octets_raise(octets: bytes) -> None:
    opened(octets)
    opened(frame()[:14] + octets)
    parse_echo_reply(octets)


def take(program: bytes, octets: bytes, kind: int = 0, tag: int = 0) -> int:
    """A classic BPF machine, the few operations of the filter."""
    steps = list(struct.iter_unpack("=HBBI", program))
    accumulator = index = place = 0
    while True:
        code, yes, no, value = steps[place]
        place += 1
        if code == 0x06:
            return int(value)
        if code in (0x15, 0x45):
            hit = accumulator == value if code == 0x15 else accumulator & value
            place += yes if hit else no
            continue
        if value in (0xFFFFF004, 0xFFFFF02C):
            accumulator = kind if value == 0xFFFFF004 else tag
            continue
        at, width = value + index * (code in (0x48, 0x50)), 2 if code in (0x28, 0x48) else 1
        if at + width > len(octets):
            return 0
        loaded = int.from_bytes(octets[at : at + width], "big")
        accumulator, index = (accumulator, (loaded & 15) * 4) if code == 0xB1 else (loaded, index)


def test_filter_takes_what_is_for_the_port() -> None:
    program = bpf_filter(67)
    assert len(program) % 8 == 0
    assert take(program, frame())
    assert take(program, frame(options=b"\1\1\1\1" * 3))
    assert take(program, frame(flags="MF"))
    assert not take(program, frame(frag=3))
    assert not take(program, frame(proto=6))
    assert not take(bpf_filter(1067), frame())
    assert not take(program, frame()[:12] + b"\x08\x06" + frame()[14:])


def test_filter_leaves_out_replies_of_this_machine_alone() -> None:
    program = bpf_filter(67)
    assert take(program, frame(b"\2" * 300), kind=0)
    assert take(program, frame(b"\1" * 300), kind=4)
    assert not take(program, frame(b"\2" * 300), kind=4)
    assert not take(program, frame(b"\2" * 300, options=b"\1\1\1\1"), kind=4)


def test_echo_request_is_iscs() -> None:
    built = build_echo(0x1234)
    assert built == bytes(ICMP(type=8, id=0x1234, seq=0) / Raw(b"\0" * 20))
    reply = bytes(IP(src="10.0.0.7", dst="10.0.0.1") / ICMP(type=0, id=0x1234) / Raw(b"\0" * 20))
    assert parse_echo_reply(reply) == 0x0A000007
    request = bytes(IP(src="10.0.0.7", dst="10.0.0.1") / ICMP(type=8))
    assert parse_echo_reply(request) is None


def test_filter_leaves_a_vlans_frames_to_its_interface() -> None:
    program = bpf_filter(67)
    assert [bool(take(program, frame(), tag=tag)) for tag in (0, 0xE000, 1, 0xE00A)] == [True, True, False, False]
