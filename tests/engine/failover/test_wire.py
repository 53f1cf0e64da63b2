"""Messages and octets of the failover protocol: the recorded ones, every row of the limits, and any at all."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.failover import messages as msg
from dhcpd.engine.failover import wire
from dhcpd.engine.failover.wire import ProtocolError, Splitter

T = 1795468808
HBA = bytes([0xFF] * 16) + bytes(16)

# Octets that ISC dhcpd 4.4.3-P1 has sent, and what they say.
RECORDED: list[tuple[str, msg.Message]] = [
    ("000c070c6b04ae0800000003", msg.UpdateRequestAll(T, 3)),
    ("000c080c6b04ae0800000004", msg.UpdateDone(T, 4)),
    ("000c090c6b04aec200000003", msg.UpdateRequest(1795468994, 3)),
    ("000c0b0c6b04ae0b00000025", msg.Contact(1795468811, 37)),
    ("000c010c6b04af8400000030", msg.PoolRequest(1795469188, 48)),
    (
        "0068050c6b04ae0800000000" "00160002666f" "000e00040000000a" "0013000400000009"
        "001c000c6973632d342e342e332d5031" "0014000101" "001b000100" "000f00040000003c" "000b0020" + HBA.hex(),
        msg.Connect(T, 0, b"fo", 10, 9, b"isc-4.4.3-P1", 1, 0, 60, HBA),
    ),
    (
        ("003c060c6b04ae0800000000" "00160002666f" "000e00040000000a" "0013000400000009"
        "001c000c6973632d342e342e332d5031" "0014000101" "001a000100"),
        msg.ConnectAck(T, 0, b"fo", 10, 9, b"isc-4.4.3-P1", 1, 0),
    ),
    (("001e0a0c6b04ae0800000000" "0018000106" "0017000101" "001900046b04ae08"), msg.StateMessage(T, 0, 6, 1, T)),
    (
        ("0031030c6b04ae0800000004" "000200040a2c0064" "0003000101" "000d000400000000" "0012000400000000"
        "0019000400000000"),
        msg.BindingUpdate(T, 4, 0x0A2C0064, 1, ends=0, potential=0, starts=0),
    ),
    (
        "0052040c6b04ae0800000004" "000200040a2c0064" "0015000110" "00100035"
        + b"incoming update is less critical than outgoing update".hex(),
        msg.BindingAck(T, 4, 0x0A2C0064, 16, b"incoming update is less critical than outgoing update"),
    ),
    (
        ("004f030c6b04ae1a0000001f" "000200040a2c006c" "0003000102" "0004000701020000000003" "0005000701020000000003"
        "000d00046b04ae56" "001200046b04af64" "001900046b04ae1a" "000600046b04ae1a"),
        msg.BindingUpdate(
            1795468826, 31, 0x0A2C006C, 2, bytes.fromhex("01020000000003"), bytes.fromhex("01020000000003"),
            1795468886, 1795469156, 1795468826, 1795468826,
        ),
    ),
    (("0014040c6b04ae1c0000001f" "000200040a2c006c"), msg.BindingAck(1795468828, 31, 0x0A2C006C)),
    (("0014020c6b04af8400000030" "0001000400000004"), msg.PoolResponse(1795469188, 48, 4)),
    (
        "004b0c0c6b04b02d00000001" "0015000108" "00100036"
        + b"remote failover relationship name other does not match".hex(),
        msg.Disconnect(1795469357, 1, 8, b"remote failover relationship name other does not match"),
    ),
]  # fmt: skip


def read(octets: bytes) -> list[msg.Message | None]:
    return [msg.message_of(frame) for frame in Splitter().feed(octets)]


@pytest.mark.parametrize(("octets", "message"), RECORDED)
def test_a_recorded_message_is_read_and_written(octets: str, message: msg.Message) -> None:
    assert read(bytes.fromhex(octets)) == [message]
    assert msg.octets(message).hex() == octets


NUMBERS = {1: st.integers(0, 255), 2: st.integers(0, 0xFFFF), 4: st.integers(0, 0xFFFFFFFF), 0: st.binary(max_size=40)}


@st.composite
def any_message(draw: Any) -> msg.Message:
    record = draw(st.sampled_from(list(msg.LAYOUTS)))
    fields = [draw(st.none() | NUMBERS[wire.OPTIONS[code].form]) for code in msg.LAYOUTS[record]]
    made: msg.Message = record(draw(NUMBERS[4]), draw(NUMBERS[4]), *fields)
    return made


@given(st.lists(any_message(), max_size=5), st.data())
def test_what_is_written_is_read_however_it_is_cut(sent: list[msg.Message], data: st.DataObject) -> None:
    octets = b"".join([msg.octets(one) for one in sent])
    cuts = data.draw(st.lists(st.integers(0, len(octets)), max_size=8).map(sorted))
    splitter, heard = Splitter(), []
    for low, high in itertools.pairwise([0, *cuts, len(octets)]):
        heard += [msg.message_of(frame) for frame in splitter.feed(octets[low:high])]
    assert heard == sent
    assert splitter.rest == b""


@given(st.binary(max_size=200))
def test_any_octets_are_messages_or_end_the_connection(octets: bytes) -> None:
    splitter, lines = Splitter(), ("message length wait: ",)
    try:
        for frame in splitter.feed(octets):
            msg.message_of(frame)
    except ProtocolError as error:
        lines = error.lines
    assert lines[-1].startswith("message length wait: ")
    assert len(splitter.rest) < wire.MESSAGE_OCTETS_MAX


def message(kind: int, options: bytes, *, offset: int = 12, length: int | None = None) -> bytes:
    head = (12 + len(options) if length is None else length).to_bytes(2, "big") + bytes((kind, offset))
    return head + T.to_bytes(4, "big") + (7).to_bytes(4, "big") + options


def option(code: int, data: bytes) -> bytes:
    return code.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data


ADDRESS = option(2, bytes([10, 44, 0, 100]))
STATE = option(24, b"\2") + option(23, b"\0") + option(25, bytes([0x6B, 4, 0xAE, 8]))
PROTOCOL = "message length wait: protocol error"

# One row of the limits each: octets, and the lines before the connection is closed.
BROKEN: list[tuple[str, bytes, tuple[str, ...]]] = [
    ("length 11", message(11, b"", length=11), ("message length wait: unexpected error",)),
    ("length 0", message(11, b"", length=0), ("message length wait: unexpected error",)),
    ("length 2049", message(11, b"", length=2049), ("message length wait: unexpected error",)),
    ("type 13 with an option", message(13, option(1, bytes(4))), ("FAILOVER: invalid message type: 13", PROTOCOL)),
    ("half a code", message(10, b"\0"), ("FAILOVER: message overflow at option code.", PROTOCOL)),
    ("half a length", message(10, b"\0\x17\0"), ("FAILOVER: message overflow at length.", PROTOCOL)),
    ("past the end", message(10, b"\0\x17\0\5\1"), ("FAILOVER: message overflow at data.", PROTOCOL)),
    ("twice", message(10, option(24, b"\2") * 2), ("FAILOVER: duplicate option server-state", PROTOCOL)),
    ("size", message(10, option(24, b"\0\2")), ("FAILOVER: option size (2:1), option server-state", PROTOCOL)),
    ("address", message(3, option(2, bytes(6))), ("FAILOVER: option size (6:4), option assigned-IP-address", PROTOCOL)),
    ("flags", message(3, option(12, b"\1")), ("FAILOVER: option size (1:2), option IP-flags", PROTOCOL)),
    ("DDNS", message(4, option(9, b"abc")), ("FAILOVER: option size (3:0), option DDNS", PROTOCOL)),
    ("empty DDNS", message(3, option(9, b"")), ("FAILOVER: option DDNS: bad type 5", PROTOCOL)),
    ("offset 4", message(10, STATE, offset=4), ("FAILOVER: duplicate option start-time-of-state", PROTOCOL)),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "lines"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_breaks_a_limit_ends_the_connection(octets: bytes, lines: tuple[str, ...]) -> None:
    whole = msg.octets(msg.Contact(T, 1))
    frames = Splitter().feed(whole + octets + whole)
    assert msg.message_of(next(frames)) == msg.Contact(T, 1), "what came before the fault counts"
    with pytest.raises(ProtocolError) as caught:
        next(frames)
    assert caught.value.lines == lines


@pytest.mark.parametrize(
    ("octets", "heard"),
    [
        (message(0, b""), [None]),
        (message(200, b""), [None]),
        (message(10, STATE + option(22, b"a") + option(22, b"b")), [msg.StateMessage(T, 7, 2, 0, T)]),
        (message(10, STATE + option(9, b"abc")), [msg.StateMessage(T, 7, 2, 0, T)]),
        (message(3, ADDRESS + option(3, b"\1") + option(30, b"abc")), [msg.BindingUpdate(T, 7, 0x0A2C0064, 1)]),
        (message(11, option(17, bytes(4))), [msg.Contact(T, 7)]),
        (message(10, b"\1\2\3\4" + STATE, offset=16), [msg.StateMessage(T, 7, 2, 0, T)]),
        (message(11, b"", offset=200), [msg.Contact(T, 7)]),
        (message(8, option(1, b"\1")), [msg.UpdateDone(T, 7)]),
        (message(11, b"", length=2048), []),
        (b"\0", []),
    ],
)
def test_what_is_unknown_is_gone_past(octets: bytes, heard: list[msg.Message | None]) -> None:
    assert read(octets) == heard
