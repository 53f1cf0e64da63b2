"""A name server, or somebody who writes in its name, cannot stop service, grow memory or forge an answer."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpd.engine.agenda import Agenda, Owner
from dhcpd.engine.ddns.owed import Debts, Owed
from dhcpd.engine.ddns.records import Names
from dhcpd.engine.ddns.wire import message, result, signing
from dhcpd.engine.ddns.wire import questions as questions_module
from dhcpd.engine.ddns.wire.message import BadAnswer
from dhcpd.engine.ddns.wire.questions import UNDER_WAY_MAXIMUM, Asker, Questions
from dhcpd.engine.ddns.zones import REPUDIATED_MAXIMUM
from dhcpd.engine.model.peers import Key
from dhcpd.engine.model.syntax import NOWHERE
from dhcpd.trace import effects as ef
from dhcpd.trace import events as ev
from tests.engine.ddns.site import Site
from tests.engine.service.desk import mac

if TYPE_CHECKING:
    from collections.abc import Iterator

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


# Memory and work are bounded, whatever the servers do.


def test_who_asks_is_told_when_too_much_waits_and_the_rest_is_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions_module, "UNDER_WAY_MAXIMUM", 2)
    monkeypatch.setattr(questions_module, "WAITING_MAXIMUM", 3)
    site = Site()
    site.delayed = True
    for client in range(10):
        site.bind(mac(client), name=b"n%d" % client)
    assert len(site.ddns.questions) == 5
    assert len(site.ddns.updates) == 5
    assert len(site.ddns.updates.debts) == 5
    site.delayed = False
    site.rest(200)
    assert sum(" A " in row for row in site.dns.table()) == 10, "all came in the end"


def test_long_messages_wait_for_a_connection_and_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes connections and says nothing has a few of them, and not thousands of tries."""
    monkeypatch.setattr(questions_module, "CONNECTIONS_MAXIMUM", 2)
    site = Site()
    questions = site.ddns.questions
    for number in range(6):
        questions.ask(Asker("nobody", number), bytes(600), [bytes(4)], None)
    questions.ask(Asker("nobody", 9), bytes(20), [bytes(4)], None)
    sent = [effect for effect in questions.effects if isinstance(effect, ef.DnsSend)]
    assert [effect.tcp for effect in sent] == [True, True, False]
    again = Questions(site.server)
    again.restore(questions.snapshot())
    questions.effects.clear()
    for one in (questions, again):
        one.forget(sent[0].query)
        (following,) = one.effects
        assert isinstance(following, ef.DnsSend)
        assert following.query == sent[1].query + 1


@pytest.mark.parametrize(
    "algorithm", ["hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
)
def test_the_length_of_a_signature_is_known_before_it_is_made(algorithm: str) -> None:
    key = Key("a-key.example", algorithm + ".", b"secret", NOWHERE)
    signed, _ = signing.sign(bytes(40), key, 1_700_000_000)
    assert len(signed) == 40 + signing.added_octets(key)


class Counting(Agenda):
    """An agenda that counts what is entered."""

    entered = 0

    def set(self, owner: Owner, key: int | str, at_us: int) -> None:
        self.entered += 1
        super().set(owner, key, at_us)


class Debtor:
    now_us = 1_000_000
    agenda: Agenda

    def __init__(self) -> None:
        self.agenda = Counting()


def test_a_server_that_answers_now_and_then_does_not_set_thousands_in_motion_each_time() -> None:
    """One answer hastens all that waited for it; the next, those that have failed since."""
    host = Debtor()
    debts = Debts(host)
    names = Names(b"a.example.org", 16, b"00", b"")
    for address in range(5000):
        debts.add(Owed(address, None, names, 0, "", result.TIMED_OUT, "example.org."))
    agenda = host.agenda
    assert isinstance(agenda, Counting)
    for answers in range(100):
        agenda.entered = 0
        debts.hasten("example.org.")
        assert agenda.entered == (5000 if not answers else 1)
        debts.again(1 + answers, debts.entry(1 + answers)._replace(tries=1))
    assert agenda.next_us > host.now_us


def test_zones_of_strangers_that_disown_themselves_are_not_remembered_without_end() -> None:
    site = Site()
    zones = site.ddns.zones
    for number in range(REPUDIATED_MAXIMUM + 500):
        zones.repudiate(f"n{number}.example.", site.now_us + 10**9)
    assert not zones.is_repudiated("n0.example.")
    assert zones.is_repudiated(f"n{REPUDIATED_MAXIMUM + 499}.example.")
    assert len(zones.snapshot()["repudiated"]) == REPUDIATED_MAXIMUM


def test_of_an_answer_with_thousands_of_servers_few_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each record points to a name of 120 labels, which costs who follows it."""
    read = 0

    def counting(octets: bytes, at: int) -> message.Name:
        nonlocal read
        read += 1
        return original(octets, at)

    original = message.name_at
    monkeypatch.setattr(message, "name_at", counting)
    site = Site('ddns-domainname "other.test";')
    site.delayed = True
    site.bind(name=b"alpha")
    _, question = site.sent[0]
    long = b"\1a" * 120 + b"\0"
    record = b"\xc0\x0c\0\2\0\1\0\0\0\1\0\2\xc0\x40"
    head = question.payload[:2] + b"\x84\0\0\1" + (4000).to_bytes(2, "big") + bytes(4)
    site.step(ev.DnsAnswer(0, 0, question.query, head + question.payload[12:] + long + record * 4000, ""))
    assert read <= 140
    site.delayed = False
    assert site.bind(mac(2), name=b"beta")


def forgeries(question: DnsSend) -> Iterator[bytes]:
    """What somebody sends who can guess all but one thing."""
    payload = question.payload
    name_end = payload.index(b"\0\0\6\0\1") + 5
    good = payload[:2] + b"\xa8\0" + payload[4:6] + bytes(6) + payload[12:name_end]
    yield from (number.to_bytes(2, "big") + good[2:] for number in range(300) if number.to_bytes(2, "big") != good[:2])
    yield good[:4] + b"\0\2" + good[6:] + payload[12:name_end]
    yield good[:12] + b"\5other\0\0\6\0\1"
    yield good[:12] + b"\7example\3com\0\0\6\0\1"
    yield good[:4] + b"\0\1" + good[6:12] + b"\0\0\6\0\1"


def test_whoever_guesses_all_but_one_thing_changes_nothing() -> None:
    site, address, question = asked()
    for octets in forgeries(question):
        site.step(ev.DnsAnswer(0, 0, question.query, octets, ""))
        assert len(site.ddns.updates) == 1
    assert site.variables(address) == {}
    assert site.dns_lines() == []
    assert not site.ddns.updates.debts
