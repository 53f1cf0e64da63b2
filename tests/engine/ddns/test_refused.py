"""A name that was refused is remembered with the reason, until it is decided anew; and only so many are."""

from __future__ import annotations

import dns.rcode
import dns.update

from dhcpd.engine.ddns.refused import REFUSALS_MAXIMUM, Refusal, Refusals
from tests.engine.ddns.site import Site
from tests.engine.service.desk import mac

CONFLICT = "Has an address record but no DHCID, not mine."


def refused(site: Site) -> list[tuple[bytes, str]]:
    return [(one.name, one.why) for one in site.ddns.updates.refusals.everything()]


def test_who_wants_anothers_name_is_remembered_until_the_next_ack() -> None:
    site = Site()
    site.bind(mac(1), name=b"alpha")
    other = site.bind(mac(2), name=b"alpha")
    assert refused(site) == [(b"alpha.example.org", CONFLICT)]
    again = site.restored()
    assert refused(again) == refused(site)
    assert site.bind(mac(2), name=b"beta") == other
    assert refused(site) == []


def test_a_lease_that_is_left_leaves_nothing() -> None:
    site = Site()
    site.bind(mac(1), name=b"alpha")
    address = site.bind(mac(2), name=b"alpha")
    assert refused(site)
    site.release(address, mac(2))
    assert refused(site) == []


def test_a_name_that_is_none_is_refused_without_a_question() -> None:
    site = Site()
    site.bind(name=b"a..b")
    assert refused(site) == [(b"a..b.example.org", "it is no name of the zone's")]
    assert site.sent == []


def test_a_server_that_refuses_is_no_answer_about_the_name_and_owed() -> None:
    site = Site()
    site.dns.rcode = lambda _message: int(dns.rcode.REFUSED)
    site.bind(name=b"alpha")
    assert refused(site) == []
    assert len(site.ddns.updates.debts) == 1


def test_the_oldest_makes_room() -> None:
    refusals = Refusals()
    for address in range(REFUSALS_MAXIMUM + 3):
        refusals.note(Refusal(address, b"n", "why"))
    refusals.note(Refusal(5, b"newer", "why"))
    assert len(refusals) == REFUSALS_MAXIMUM
    assert refusals.of(2) is None
    assert refusals.of(5) == Refusal(5, b"newer", "why")
