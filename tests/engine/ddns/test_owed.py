"""What a name server has missed is made up for, within the pause that is promised, and never without bound."""

from __future__ import annotations

from itertools import pairwise

import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpd.engine.ddns.owed import OF_ONE_LEASE_MAXIMUM, PAUSES_S, Owed, entries_of, text_of
from dhcpd.engine.ddns.records import DHCID, TXT, Names
from dhcpd.engine.machine import Machine
from dhcpd.trace.codec import pack, unpack
from tests.engine.ddns.site import Site
from tests.engine.service.desk import mac


def twin(site: Site) -> None:
    """Go on with the machine that a snapshot makes."""
    machine = Machine.restore(unpack(pack(site.machine.snapshot())))
    assert pack(machine.snapshot()) == pack(site.machine.snapshot())
    site.machine = machine


@pytest.mark.parametrize("restored", [False, True])
def test_a_server_that_was_down_gets_the_name_when_it_is_back(restored: bool) -> None:
    site = Site()
    site.dns.silent = True
    address = site.bind(name=b"alpha")
    site.rest(13)
    if restored:
        twin(site)
    site.dns.silent = False
    site.rest(PAUSES_S[0])
    assert f"alpha.example.org. A {address}" in site.dns.table()
    assert site.variables(address)["ddns-rev-name"] == b"100.0.77.10.in-addr.arpa."
    assert len(site.ddns.updates.debts) == 0
    assert "ddns-owed" not in site.variables(address)


def test_a_wrong_clock_a_servfail_and_a_missing_ptr_heal() -> None:
    site = Site()
    site.dns.rcode = lambda message: dns.rcode.SERVFAIL if "PTR" in str(message) else None
    address = site.bind(name=b"alpha")
    assert "ddns-rev-name" not in site.variables(address)
    site.renew(address, name=b"alpha")
    site.dns.rcode = lambda _message: None
    asked = len(site.dns.asked)
    site.rest(PAUSES_S[0] + 1)
    assert len(site.dns.asked) == asked + 1, "the PTR record alone was missing"
    assert site.variables(address)["ddns-rev-name"] == b"100.0.77.10.in-addr.arpa."


@pytest.mark.parametrize("how", ["release", "expiry"])
def test_a_removal_that_was_missed_is_made_up_for(how: str) -> None:
    site = Site()
    address = site.bind(name=b"alpha")
    site.dns.silent = True
    if how == "release":
        site.release(address)
    else:
        site.rest(601)
    site.rest(25)
    assert site.dns.table() != []
    site.dns.silent = False
    site.rest(PAUSES_S[0] + 1)
    assert site.dns.table() == []
    assert site.variables(address) == {}


def test_the_next_client_of_an_address_keeps_its_own_records() -> None:
    site = Site(subnet="10.77.0.100 10.77.0.100")
    address = site.bind(mac(1), name=b"alpha")
    site.dns.silent = True
    site.release(address, mac(1))
    site.rest(25)
    site.dns.silent = False
    assert site.bind(mac(2), name=b"beta") == address
    site.rest(PAUSES_S[0] + 1)
    assert sorted(row.split(" ")[0] for row in site.dns.table()) == [
        "100.0.77.10.in-addr.arpa.", "beta.example.org.", "beta.example.org.",
    ]  # fmt: skip
    assert any(row.endswith("PTR beta.example.org.") for row in site.dns.table())


def test_a_refused_name_is_not_asked_for_again() -> None:
    site = Site()
    site.bind(mac(1), name=b"alpha")
    site.bind(mac(2), name=b"alpha")
    asked = len(site.dns.asked)
    site.rest(500)
    assert len(site.dns.asked) == asked


def test_tries_grow_apart_and_end() -> None:
    site = Site("default-lease-time 86400; max-lease-time 86400; min-lease-time 86400;\n")
    site.dns.rcode = lambda _message: dns.rcode.REFUSED
    site.bind(name=b"alpha")
    times = []
    for _ in range(2000):
        before = len(site.dns.asked)
        site.rest(30)
        if len(site.dns.asked) != before:
            times.append(site.now_us // 1_000_000)
        if not len(site.ddns.updates.debts):
            break
    apart = [second - first for first, second in pairwise(times)]
    assert len(times) == len(PAUSES_S)
    assert apart == sorted(apart)
    assert apart[-1] <= 3660
    assert "DDNS: alpha.example.org for 10.77.0.100 is not tried again: REFUSED" in site.said


def test_one_answer_wakes_whatever_waits_for_the_server() -> None:
    site = Site()
    site.dns.silent = True
    for client in range(1, 6):
        site.bind(mac(client), name=b"n%d" % client)
    site.rest(13 + PAUSES_S[0] + 13)
    site.dns.silent = False
    site.bind(mac(9), name=b"other")
    site.rest(2)
    assert len([row for row in site.dns.table() if " A " in row]) == 6


@pytest.mark.parametrize("style", ["interim", "standard"])
def test_a_late_removal_leaves_the_same_clients_new_name_its_guard(style: str) -> None:
    """All names of a client have one guard: without it the new name would never go."""
    site = Site(style=style)
    address = site.bind(name=b"alpha")
    site.dns.silent = True
    site.release(address)
    assert site.bind(name=b"beta") == address
    site.dns.silent = False
    site.rest(PAUSES_S[0] + 13)
    assert [row.split()[0] for row in site.dns.table()] == ["100.0.77.10.in-addr.arpa.", *["beta.example.org."] * 2]
    assert len(site.variables(address)) == 3
    site.rest(700)
    assert site.dns.table() == []


@pytest.mark.parametrize("since_s", [13, 4], ids=["owed", "under way"])
@pytest.mark.parametrize("style", ["interim", "standard"])
def test_a_late_addition_leaves_the_name_where_its_client_was_given_it_last(style: str, since_s: int) -> None:
    site = Site("subnet 10.77.1.0 netmask 255.255.255.0 { range 10.77.1.100; default-lease-time 9000;"
                " max-lease-time 9000; }\n", style)  # fmt: skip
    site.dns.silent = True
    first = site.bind(name=b"alpha")
    site.rest(since_s)
    site.dns.silent = False
    second = site.bind(name=b"alpha", giaddr="10.77.1.1")
    site.rest(PAUSES_S[0] + 1)
    assert [row for row in site.dns.table() if " A " in row] == [f"alpha.example.org. A {second}"]
    assert len([row for row in site.dns.table() if " PTR " in row]) == 2
    assert "ddns-owed" not in site.variables(first)
    site.rest(700)
    assert [row.split()[1] for row in site.dns.table()] == ["PTR", "A", "TXT" if style == "interim" else "DHCID"]


def test_what_is_owed_is_known_after_a_restart() -> None:
    site = Site()
    address = site.bind(name=b"al\\032pha")
    site.dns.silent = True
    site.release(address)
    site.rest(25 + PAUSES_S[0] + 25)
    records = "".join(site.all_records)
    assert "ddns-owed" in records
    again = Site(leases=records)
    again.now_us = site.now_us
    again.dns.records = site.dns.records
    again.rest(sum(PAUSES_S[:2]) + 1)
    assert again.dns.table() == []
    assert again.variables(address) == {}


def test_names_that_a_free_lease_still_has_go_after_the_start() -> None:
    """ISC dhcpd leaves them so, where the name server was down when the lease was over."""
    before = Site()
    address = before.bind(name=b"alpha")
    records = "".join(before.all_records[-1:])
    free = records.replace("  binding state active;\n  next binding state free;", "  binding state free;")
    assert free != records
    after = Site(leases=free)
    after.dns.records = before.dns.records
    after.rest(PAUSES_S[0] + 1)
    assert after.dns.table() == []
    assert after.variables(address) == {}


@pytest.mark.parametrize("word", ["off", "false"])
def test_it_is_off_by_one_parameter(word: str) -> None:
    site = Site(f"ddns-retry {word};\n")
    site.dns.silent = True
    site.bind(name=b"alpha")
    site.rest(13)
    sent = len(site.sent)
    site.rest(500)
    assert len(site.sent) == sent


def test_a_zone_that_was_disowned_is_asked_again() -> None:
    site = Site()
    site.dns.rcode = lambda _message: dns.rcode.NOTAUTH
    address = site.bind(name=b"alpha")
    assert "DDNS: bad zone information, repudiating zone example.org." in site.said
    site.dns.rcode = lambda _message: None
    site.rest(420)
    assert f"alpha.example.org. A {address}" in site.dns.table()


NAMES = st.builds(
    Names, st.binary(max_size=40), st.sampled_from([TXT, DHCID]), st.binary(max_size=40), st.binary(max_size=40),
    st.integers(0, 0xFFFFFFFF),
)  # fmt: skip
OWED = st.builds(
    Owed, st.just(7), st.none() | NAMES, st.none() | NAMES, st.integers(0, len(PAUSES_S) - 1), st.just(""), st.just(""),
    st.just(""),
).filter(lambda owed: owed.adding is not None or owed.removing is not None)  # fmt: skip


@given(st.lists(OWED, min_size=1, max_size=OF_ONE_LEASE_MAXIMUM))
def test_the_variable_says_all(entries: list[Owed]) -> None:
    assert entries_of(7, text_of(entries)) == entries


@given(st.binary(max_size=200))
def test_a_variable_of_anybodys_making_is_read_without_harm(text: bytes) -> None:
    assert len(entries_of(7, text)) <= OF_ONE_LEASE_MAXIMUM
