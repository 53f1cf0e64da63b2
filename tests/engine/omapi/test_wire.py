"""The protocol's octets: every recorded message of real sessions, cut anywhere, and what no peer may send."""

from __future__ import annotations

import base64
import hmac
import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.omapi import wire
from dhcpd.engine.omapi.signing import HASHES, Key, full_algorithm, is_signed_by, sign, signature
from dhcpd.engine.omapi.wire import (
    GREETING,
    MESSAGE_OCTETS_MAX,
    STRANGER_OCTETS_MAX,
    VALUES_MAX,
    Message,
    ProtocolError,
    Reader,
    encode,
)

RECORDED = json.loads((Path(__file__).parent / "vectors.json").read_text())
MESSAGES = [one for one in RECORDED["messages"] if one["kind"] == "message"]
KEYS = {
    name: Key(name, full_algorithm(one["algorithm"]), base64.b64decode(one["secret_base64"]))
    for name, one in RECORDED["keys"].items()
}


def values(pairs):
    return {name.encode("latin-1"): bytes.fromhex(value) for name, value in pairs}


def reader(limit=MESSAGE_OCTETS_MAX, greeting=GREETING):
    made = Reader(limit)
    made.feed(greeting)
    return made


def unsigned(raw):
    made = reader()
    made.feed(raw)
    return made.next_message()


@pytest.mark.parametrize("one", MESSAGES, ids=[f"{m['session']}-{at}" for at, m in enumerate(MESSAGES)])
def test_recorded_messages_are_read_and_written_as_they_were(one):
    raw = bytes.fromhex(one["raw"])
    message = unsigned(raw)
    assert message is not None
    assert (message.op, message.handle, message.id, message.rid) == (one["op"], one["handle"], one["id"], one["rid"])
    assert message.message == values(one["message"])
    assert message.object == values(one["object"])
    assert message.signature.hex() == one["signature"]
    assert encode(message, len(message.signature)) + message.signature == raw
    signers = [name for name, key in KEYS.items() if is_signed_by(message, key)]
    for name in signers:
        assert sign(message, KEYS[name]) == raw
        assert not is_signed_by(message._replace(signature=bytes(len(message.signature))), KEYS[name])


@pytest.mark.parametrize("algorithm", HASHES)
@pytest.mark.parametrize("octets", [0, 1, 63, 64, 65, 127, 128, 129, 300])
def test_a_signature_is_the_hmac_of_rfc_2104_whatever_the_length_of_the_secret(algorithm, octets):
    secret = bytes(octet % 251 for octet in range(octets))
    for covered in (b"", b"x" * 1000, b"x" * 1000):
        assert signature(Key("k", algorithm, secret), covered) == hmac.digest(secret, covered, HASHES[algorithm])


def test_most_recorded_signatures_are_verified():
    read = [unsigned(bytes.fromhex(one["raw"])) for one in MESSAGES]
    assert sum(any(is_signed_by(message, key) for key in KEYS.values()) for message in read) > 200


@given(st.data())
def test_messages_may_come_in_any_pieces(data):
    chosen = [bytes.fromhex(m["raw"]) for m in data.draw(st.lists(st.sampled_from(MESSAGES), min_size=1, max_size=3))]
    stream = GREETING + b"".join(chosen)
    made = Reader()
    got = []
    while stream:
        octets = data.draw(st.integers(1, len(stream)))
        made.feed(stream[:octets])
        stream = stream[octets:]
        again = Reader()
        again.restore(made.snapshot())
        made = again
        while (message := made.next_message()) is not None:
            got.append(message)
    assert [encode(m, len(m.signature)) + m.signature for m in got] == chosen
    assert not made.held_octets


@given(st.binary(max_size=400))
def test_no_octets_break_the_reader(octets):
    made = reader()
    made.feed(octets)
    try:
        while made.next_message() is not None:
            pass
    except ProtocolError:
        pass


HEADER = bytes(8) + (1).to_bytes(4, "big") + bytes(12)


@pytest.mark.parametrize(
    "octets",
    [
        HEADER + b"\0\1a" + (2**31).to_bytes(4, "big"),
        HEADER + b"\0\1a" + (2**32 - 1).to_bytes(4, "big"),
        HEADER + b"\0\1a" + STRANGER_OCTETS_MAX.to_bytes(4, "big"),
        bytes(4) + (2**32 - 1).to_bytes(4, "big") + bytes(20),
        HEADER + b"\xff\xff",
    ],
)
def test_announced_lengths_are_bounds(octets):
    made = reader(STRANGER_OCTETS_MAX)
    made.feed(octets)
    with pytest.raises(ProtocolError, match="more than 65536 octets"):
        made.next_message()


def test_a_list_has_an_end():
    made = reader()
    made.feed(HEADER + b"".join(b"\0\2" + n.to_bytes(2, "big") + bytes(4) for n in range(VALUES_MAX + 1)))
    with pytest.raises(ProtocolError, match="more than 4096 values"):
        made.next_message()


@pytest.mark.parametrize("greeting", ["0000006500000018", "0000006400000017", "00000064ffffffff"])
def test_greetings_that_end_the_connection(greeting):
    made = reader(greeting=bytes.fromhex(greeting))
    with pytest.raises(ProtocolError):
        made.next_message()


def test_a_longer_header_is_skipped_and_not_signed():
    made = reader(greeting=bytes.fromhex("000000640000001c"))
    key = KEYS["omapi_key"]
    short = sign(Message(2, 7, 1, 0, {}, {}, authid=1), key)
    made.feed(short[:24] + b"over" + short[24:])
    message = made.next_message()
    assert message is not None
    assert message.handle == 7
    assert is_signed_by(message, key)


def test_of_a_name_that_comes_twice_the_last_value_counts_at_the_first_place():
    made = reader()
    made.feed(HEADER + bytes.fromhex("000161 00000001 31 000162 00000000 000161 00000001 32 0000 0000"))
    message = made.next_message()
    assert message is not None
    assert list(message.message.items()) == [(b"a", b"2"), (b"b", b"")]


def test_a_message_that_comes_an_octet_at_a_time_costs_what_another_does(monkeypatch):
    """Every value is read once, however late the rest comes."""
    body = b"".join(b"\0\2" + n.to_bytes(2, "big") + bytes(4) for n in range(256, 4000)) + bytes(4)
    looks = []

    def looked(data, at):
        looks.append(at)
        return struct.unpack_from(">H", data, at)

    monkeypatch.setattr(wire, "_name_length", looked)
    read = 0
    made = Reader(MESSAGE_OCTETS_MAX)
    for octet in GREETING + HEADER + body:
        made.feed(bytes((octet,)))
        read += made.next_message() is not None
    assert read == 1
    assert len(body) // 2 < len(looks) < 2 * len(body)
