"""OMAPI on a tape, as `show` tells it: real messages by object and attribute, and nothing else taken for one."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dhcpd.replay.showing.describe import effect_line, event_line, record_fields
from dhcpd.replay.showing.streams import messages_in, stream_words, value_text
from dhcpd.trace.effects import StreamSend
from dhcpd.trace.events import StreamData

RECORDED = json.loads((Path(__file__).parents[2] / "engine/omapi/vectors.json").read_text())["messages"]
RAW = [bytes.fromhex(one["raw"]) for one in RECORDED if one.get("op") in {1, 2, 3, 4, 5, 6}]


def line_with(*words: str) -> str:
    return next(line for line in map(stream_words, RAW) if all(word in line for word in words))


def test_a_host_that_is_made_is_told_by_its_attributes():
    assert "hardware-address=00:80:c7:84:b1:94" in line_with("OMAPI open host", 'name="some-host"')
    assert "ip-address=10.55.0.60" in line_with("OMAPI open host", 'name="some-host"')


def test_a_name_of_four_letters_is_no_number():
    assert value_text(b"name", b"beta") == '"beta"'
    assert value_text(b"hardware-type", b"\0\0\0\1") == "1"


def test_answers_are_told_in_words():
    assert stream_words(RAW[-1]).startswith("OMAPI ")
    assert line_with("OMAPI status 23 (not found)")


def test_every_recorded_message_is_known_alone_and_joined():
    assert all(messages_in(raw) is not None for raw in RAW)
    joined = messages_in(b"".join(RAW[:20]))
    assert joined is not None
    assert len(joined) == 20


def test_a_message_in_pieces_is_shown_as_octets():
    assert stream_words(RAW[3][:-1]) == f"{len(RAW[3]) - 1:,} octets"


def test_records_of_a_tape_show_them():
    event = StreamData(1, 1, 2, RAW[2])
    assert event_line(event).startswith("StreamData stream 2, OMAPI ")
    assert any(field.name == "operation" for field in record_fields(event))
    assert "when stored" in effect_line(StreamSend(2, RAW[2], durable=True))


@given(st.binary(max_size=200))
def test_any_octets_can_be_shown(octets):
    assert stream_words(octets)
    record_fields(StreamData(1, 1, 2, octets))
