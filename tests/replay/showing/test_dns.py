"""DNS messages as `show` tells them: recorded updates and answers field by field, and any octets without a fault."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.replay.command.cli import cli
from dhcpd.replay.showing.describe import effect_line, event_line, record_fields
from dhcpd.replay.showing.dns import dns_fields, dns_words
from dhcpd.trace import Entry, open_tape
from dhcpd.trace.effects import DnsSend
from dhcpd.trace.events import DnsAnswer

FIXTURES = Path(__file__).parents[3] / "fixtures/ddns"


@cache
def messages(name: str) -> list[bytes]:
    """Every DNS message of a recording, in order."""
    found: list[bytes] = []
    with open_tape(str(FIXTURES / f"{name}-1.trace")) as tape:
        for entry in tape.iterate():
            if not isinstance(entry, Entry):
                continue
            records = (entry.event, *(entry.effects or ()))
            found += [one.payload for one in records if isinstance(one, DnsAnswer | DnsSend) and one.payload]
    return found


def fields(payload: bytes) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in dns_fields(payload) or ():
        found.setdefault(name, []).append(value)
    return found


def test_an_update_is_told_by_its_conditions_and_changes():
    first = messages("standard-life")[0]
    told = fields(first)
    assert told["opcode"] == ["UPDATE"]
    assert told["zone"] == ["example.org."]
    assert told["prerequisite"] == ["pc.example.org. has no record"]
    assert told["update"][0] == "add pc.example.org. A 10.0.0.100, ttl 300"
    assert told["update"][1].startswith("add pc.example.org. DHCID AAA")
    assert dns_words(first) == (
        "UPDATE example.org. if pc.example.org. has no record: add pc.example.org. A 10.0.0.100,"
        " add pc.example.org. DHCID"
    )


def test_an_answer_is_told_by_its_code_and_a_question_by_its_name():
    told = list(map(dns_words, messages("rcodes")))
    assert [word for word in ("FORMERR", "SERVFAIL", "NOTIMP", "REFUSED") if f"UPDATE {word}" in told] == [
        "FORMERR", "SERVFAIL", "NOTIMP", "REFUSED",
    ]  # fmt: skip
    told = list(map(dns_words, messages("discovery")))
    assert "QUERY example.org. NS" in told
    assert "QUERY NOERROR ns.example.org. A 10.53.0.53" in told


def test_a_signature_is_told_by_its_key_and_error():
    told = list(map(fields, messages("tsig-answers")))
    assert ["k., hmac-sha256."] in [one.get("TSIG key") for one in told]
    errors = {error for one in told for error in one.get("TSIG error", ())}
    assert {"none", "BADSIG", "BADKEY"} <= errors
    assert any(words.endswith("signed k. (BADSIG)") for words in map(dns_words, messages("tsig-answers")))


@pytest.mark.parametrize("name", sorted(path.stem.removesuffix("-1") for path in FIXTURES.glob("*-1.trace")))
def test_every_message_that_was_sent_can_be_told(name: str):
    with open_tape(str(FIXTURES / f"{name}-1.trace")) as tape:
        for entry in tape.iterate():
            if isinstance(entry, Entry):
                for effect in entry.effects or ():
                    assert not isinstance(effect, DnsSend) or dns_fields(effect.payload)


def test_records_of_a_tape_show_them():
    first = messages("standard-life")[0]
    sent = DnsSend(7, bytes([10, 53, 0, 53]), 53, False, 1, first)
    assert effect_line(sent).startswith("DnsSend query 7, to 10.53.0.53:53 by UDP: UPDATE example.org. if ")
    assert any(field.name == "prerequisite" for field in record_fields(sent))
    assert event_line(DnsAnswer(1, 1, 7, b"\1\2\3", "")) == "DnsAnswer query 7: 3 octets"
    assert event_line(DnsAnswer(1, 1, 7, b"", "ECONNREFUSED")) == "DnsAnswer query 7: ECONNREFUSED"


def test_show_tells_them_from_a_file():
    path = str(FIXTURES / "standard-life-1.trace")
    assert "DnsAnswer query 1: UPDATE NOERROR" in CliRunner().invoke(cli, ["show", path]).output
    full = CliRunner().invoke(cli, ["show", "--full", path]).output
    assert "update                       add pc.example.org. A 10.0.0.100, ttl 300" in full


def test_an_error_that_no_code_can_be_is_told_as_broken():
    signed = next(octets for octets in messages("tsig-answers") if "(BADSIG)" in dns_words(octets))
    assert signed.endswith(b"\0\x10\0\0")
    assert fields(signed[:-4] + b"\xff\xff\0\0")["TSIG error"] == ["cannot be read"]


def test_thousands_of_records_are_counted():
    record = b"\0\0\1\0\1\0\0\0\0\0\4\1\2\3\4"
    octets = b"\0\1\x80\0\0\0\x10\0\0\0\0\0" + record * 0x1000
    assert fields(octets)["more records"] == ["3,996"]
    assert dns_words(octets).endswith("and 4,092 more")


HEADERS = st.builds(
    lambda flags, counts: b"\0\1" + flags.to_bytes(2, "big") + bytes(counts),
    st.sampled_from([0, 0x2800, 0x8000, 0xA800, 0xA80F, 0xFFFF]),
    st.lists(st.integers(0, 2), min_size=8, max_size=8),
)


@given(st.one_of(st.binary(max_size=200), st.builds(bytes.__add__, HEADERS, st.binary(max_size=200))))
def test_any_octets_can_be_told(octets: bytes):
    assert dns_words(octets)
    record_fields(DnsAnswer(1, 1, 1, octets, ""))


@given(st.data())
def test_recorded_messages_with_other_octets_can_be_told(data: st.DataObject):
    octets = bytearray(data.draw(st.sampled_from(messages("tsig-answers") + messages("discovery"))))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(octets) - 1), st.integers(0, 255)), max_size=6)):
        octets[at] = value
    told = bytes(octets[: data.draw(st.integers(0, len(octets)))])
    assert dns_words(told).isprintable()
    assert all(field.value.isprintable() for field in record_fields(DnsAnswer(1, 1, 1, told, "x"), times=False))
