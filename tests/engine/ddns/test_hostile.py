"""A name server, or somebody who writes in its name, cannot stop service, grow memory or forge an answer."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpd.engine.ddns.wire import message, result, signing
from dhcpd.engine.ddns.wire.message import BadAnswer
from dhcpd.engine.ddns.wire.questions import UNDER_WAY_MAXIMUM, Asker
from dhcpd.engine.model.peers import Key
from dhcpd.engine.model.syntax import NOWHERE
from dhcpd.trace import events as ev
from tests.engine.ddns.site import Site
from tests.engine.service.desk import mac

if TYPE_CHECKING:
    from dhcpd.trace.effects import DnsSend

HEADER = b"\x12\x34\xa8\x00\x00\x01\x00\x00\x00\x00\x00\x00"
ZONE = b"\x07example\x03org\x00\x00\x06\x00\x01"
KEY = Key("k", "hmac-sha256.", b"secret", NOWHERE)


def asked() -> tuple[Site, str, DnsSend]:
    """A site that waits for the answer to its first update."""
    site = Site()
    site.delayed = True
    address = site.bind(name=b"alpha")
    return site, address, site.sent[0][1]


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=12, max_size=600))
def test_any_octets_are_an_answer_or_a_word(octets: bytes) -> None:
    with suppress(BadAnswer):
        answer = message.read(octets)
        assert len(answer.records) * 11 <= len(octets)
        assert isinstance(signing.fault(answer, KEY, b"mac", 1_700_000_000), str)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_spoilt_answer_leaves_the_server_serving(data: st.DataObject) -> None:
    site, _address, question = asked()
    good = site.dns.answer(question.payload)
    assert good is not None
    octets = bytearray(good)
    for _ in range(data.draw(st.integers(1, 6))):
        octets[data.draw(st.integers(2, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(12, len(octets)))
    site.step(ev.DnsAnswer(0, 0, question.query, bytes(octets[:cut]), ""))
    site.delayed = False
    site.rest(30)
    assert site.bind(mac(2), name=b"beta")


@pytest.mark.parametrize(
    ("octets", "word"),
    [
        (HEADER + b"\xc0\x0c\x00\x06\x00\x01", result.BAD_POINTER),
        (HEADER + b"\xc0\x40\x00\x06\x00\x01", result.BAD_POINTER),
        (HEADER + b"\x40" + ZONE, result.BAD_LABEL),
        (HEADER + ZONE[:7], result.END_OF_INPUT),
        (HEADER, result.END_OF_INPUT),
        (HEADER + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\6\0\1", result.NAME_TOO_LONG),
        (HEADER[:10] + b"\xff\xff" + ZONE, result.END_OF_INPUT),
        (HEADER[:10] + b"\0\2" + ZONE + 2 * (b"\0" + b"\0\x29" + bytes(8)), result.FORMERR),
    ],
)
def test_what_is_wrong_with_an_answer_has_iscs_word(octets: bytes, word: str) -> None:
    with pytest.raises(BadAnswer) as bad:
        message.read(octets)
    assert bad.value.word == word


def test_an_answer_with_another_id_zone_or_number_changes_nothing() -> None:
    site, address, question = asked()
    good = site.dns.answer(question.payload)
    assert good is not None
    forged = [
        (question.query, bytes((good[0] ^ 1,)) + good[1:]),
        (question.query, good.replace(b"\7example", b"\7exempel")),
        (question.query + 1, good),
        (0, good),
    ]
    for query, octets in forged:
        site.step(ev.DnsAnswer(0, 0, query, octets, ""))
        assert site.variables(address) == {}
        assert len(site.ddns.updates) == 1
    site.step(ev.DnsAnswer(0, 0, question.query, good, ""))
    assert site.variables(address)["ddns-fwd-name"] == b"alpha.example.org"


def test_ids_and_their_order_cannot_be_foretold() -> None:
    """The seed is the boot's secret: another seed, other ids; and no two questions to a server share one."""
    site = Site()
    site.dns.silent = True
    for client in range(10):
        site.bind(mac(client), name=b"n%d" % client)
    numbers = [effect.payload[:2] for _, effect in site.sent]
    assert len(set(numbers)) == len(numbers)
    steps = {int.from_bytes(b, "big") - int.from_bytes(a, "big") for a, b in pairwise(numbers)}
    assert len(steps) > 2


def test_what_is_under_way_is_bounded_and_the_rest_waits_its_turn() -> None:
    site = Site()
    questions = site.ddns.questions
    body = message.question(message.name_from_text(b"x.test"), message.A)
    for number in range(UNDER_WAY_MAXIMUM + 5):
        questions.ask(Asker("nobody", number), body, [bytes(4)], None)
    assert len(questions.effects) == UNDER_WAY_MAXIMUM
    assert len(questions) == UNDER_WAY_MAXIMUM + 5
    questions.effects.clear()
    for number in range(1, 4):
        questions.forget(number)
    assert len(questions.effects) == 3


@pytest.mark.parametrize(
    ("error", "words"),
    [("ECONNREFUSED", "operation canceled"), ("end", "unexpected error"), ("ECONNRESET", "unexpected error")],
)
def test_what_happens_to_a_connection_has_iscs_word(error: str, words: str) -> None:
    site, address, question = asked()
    site.step(ev.DnsAnswer(0, 0, question.query, b"", error))
    assert site.dns_lines() == [f"Unable to add forward map from alpha.example.org to {address}: {words}"]


def test_a_crowd_of_connections_is_waited_for() -> None:
    site, address, question = asked()
    site.step(ev.DnsAnswer(0, 0, question.query, b"", "crowded"))
    assert site.dns_lines() == []
    site.delayed = False
    site.rest(1)
    assert site.variables(address)["ddns-fwd-name"] == b"alpha.example.org"
