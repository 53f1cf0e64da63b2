"""Names follow leases: added, renamed, removed, in both styles, whatever the name server says in between."""

from __future__ import annotations

import dns.rcode
import pytest

from dhcpd.engine.machine import Machine
from dhcpd.trace import events as ev
from dhcpd.trace.codec import pack, unpack
from dhcpd.trace.effects import DnsSend, Send
from tests.engine.ddns.site import Site
from tests.engine.service.desk import DECLINE, REQUEST, mac, message


@pytest.mark.parametrize("style", ["interim", "standard"])
def test_a_name_is_added_renamed_and_removed(style: str) -> None:
    site = Site(style=style)
    address = site.bind(name=b"alpha")
    assert [row.split()[:2] for row in site.dns.table()] == [
        [f"{address.split('.')[3]}.0.77.10.in-addr.arpa.", "PTR"],
        ["alpha.example.org.", "A"],
        ["alpha.example.org.", "TXT" if style == "interim" else "DHCID"],
    ]
    asked = len(site.dns.asked)
    site.renew(address, name=b"alpha")
    assert len(site.dns.asked) == asked, "the lease has that name"
    site.renew(address, name=b"beta")
    assert f"beta.example.org. A {address}" in site.dns.table()
    assert not [row for row in site.dns.table() if row.startswith("alpha")]
    site.release(address)
    assert site.dns.table() == []
    assert site.variables(address) == {}


def test_the_ack_does_not_wait_and_the_update_leaves_behind_it() -> None:
    site = Site()
    site.dns.silent = True
    address = site.discover(name=b"alpha")
    assert address is not None
    replies = site.request(address, name=b"alpha")
    assert replies == 5
    kinds = [type(effect) for effect in site.effects if isinstance(effect, Send | DnsSend)]
    assert kinds == [Send, DnsSend]


def test_four_sends_of_the_same_octets_then_a_line() -> None:
    site = Site()
    site.dns.silent = True
    address = site.bind(name=b"alpha")
    site.rest(11.9)
    assert len(site.sent) == 4
    assert len({effect.payload for _, effect in site.sent}) == 1
    site.rest(0.2)
    assert site.dns_lines() == [f"Unable to add forward map from alpha.example.org to {address}: timed out"]
    assert site.variables(address) == {}


def test_the_next_server_is_asked_under_another_id() -> None:
    more = "zone example.org. { primary 192.0.2.54; secondary 192.0.2.53; }\n"
    site = Site(more)
    site.bind(name=b"alpha")
    site.rest(12.1)
    assert [where for where, _ in site.sent] == ["192.0.2.54"] * 4 + ["192.0.2.53"] * 2
    first, second = site.sent[0][1].payload, site.sent[4][1].payload
    assert first[2:] == second[2:]
    assert [row for row in site.dns.table() if row.startswith("alpha")]


def test_a_name_of_another_client_stays_its_own() -> None:
    site = Site()
    site.bind(mac(1), name=b"alpha")
    before = site.dns.table()
    other = site.bind(mac(2), name=b"alpha")
    why = "Has an address record but no DHCID, not mine."
    assert site.dns_lines() == [f"Forward map from alpha.example.org to {other} FAILED: {why}"]
    assert site.dns.table() == before
    assert site.variables(other) == {}


def test_the_same_client_takes_its_name_along() -> None:
    site = Site(style="standard")
    site.bind(mac(1), name=b"alpha", uid=b"\xff\0\0\0\1\0\3same")
    second = site.bind(mac(2), name=b"alpha", uid=b"\xff\0\0\0\2\0\3same")
    rows = [row for row in site.dns.table() if row.startswith("alpha") and " A " in row]
    assert rows == [f"alpha.example.org. A {second}"]


def test_an_expired_lease_loses_its_name() -> None:
    site = Site()
    address = site.bind(name=b"alpha")
    site.rest(601)
    assert site.state(address) == "free"
    assert site.dns.table() == []
    assert site.variables(address) == {}


def test_a_late_answer_does_not_touch_what_a_new_ack_has_begun() -> None:
    site = Site()
    site.delayed = True
    address = site.bind(name=b"alpha")
    (_, first), = site.sent
    site.renew(address, name=b"beta")
    answer = site.dns.answer(first.payload)
    assert answer is not None
    site.step(ev.DnsAnswer(0, 0, first.query, answer, ""))
    assert site.variables(address) == {}
    assert site.dns_lines() == []
    chain = site.ddns.updates.under_way(site.lease(address).address)
    assert chain is not None
    assert chain.adding is not None
    assert chain.adding.forward == b"beta.example.org"


def test_a_failed_removal_lets_no_new_name_in() -> None:
    site = Site()
    address = site.bind(name=b"alpha")
    site.dns.rcode = lambda message: dns.rcode.REFUSED if "TXT" in str(message.prerequisite) else None
    site.renew(address, name=b"beta")
    assert site.variables(address)["ddns-fwd-name"] == b"alpha.example.org"
    assert "ddns-rev-name" not in site.variables(address)
    assert not [row for row in site.dns.table() if row.startswith("beta")]


@pytest.mark.parametrize("answered", range(5))
def test_a_restored_machine_goes_on_with_the_chain(answered: int) -> None:
    """A snapshot may be taken between any two messages of a rename."""
    site = Site()
    address = site.bind(name=b"alpha")
    site.delayed = True
    site.sent.clear()
    site.renew(address, name=b"beta")
    for done in range(5):
        if done == answered:
            machine = Machine.restore(unpack(pack(site.machine.snapshot())))
            assert pack(machine.snapshot()) == pack(site.machine.snapshot())
            site.machine = machine
        (_, question) = site.sent[-1]
        payload = site.dns.answer(question.payload)
        assert payload is not None
        site.step(ev.DnsAnswer(0, 0, question.query, payload, ""))
    assert site.variables(address)["ddns-fwd-name"] == b"beta.example.org"
    assert sorted(row.split()[0] for row in site.dns.table()) == [
        "100.0.77.10.in-addr.arpa.", "beta.example.org.", "beta.example.org.",
    ]  # fmt: skip


def test_no_style_asks_nobody() -> None:
    site = Site(style="none")
    address = site.bind(name=b"alpha")
    site.release(address)
    assert site.sent == []


def test_an_address_that_is_not_the_hosts_is_told_at_each_attempt() -> None:
    site = Site(errors=("EADDRNOTAVAIL", ""))
    line = "Unable to create DNS client context: result: 4"
    address = site.bind(name=b"alpha")
    assert site.dns_lines() == [line]
    assert site.sent == []
    assert site.state(address) == "active"


def test_a_line_feed_in_a_name_begins_no_line() -> None:
    site = Site()
    site.bind(name=b"a\nDHCPACK on 10.0.0.1")
    assert [line for line in site.logs if "\n" in line] == []
    assert any("a\\012DHCPACK" in line for line in site.dns_lines())


def test_a_backslash_does_not_stop_the_zone_for_all() -> None:
    site = Site()
    site.bind(mac(1), name=b"a\\")
    assert site.sent == []
    site.bind(mac(2), name=b"after")
    assert [row for row in site.dns.table() if row.startswith("after")]


def reload(site: Site, text: str) -> None:
    site.tell(ev.ConfigurationFile(0, 0, "dhcpd.conf", text.encode(), ""))
    site.tell(ev.ConfigurationEnd(0, 0, "dhcpd.conf", True))
    assert any("is in force" in line for line in site.said), site.said


def test_a_reload_keeps_what_is_under_way() -> None:
    site = Site()
    site.delayed = True
    address = site.bind(name=b"alpha")
    reload(site, site.text)
    site.delayed = False
    site.rest(4)
    assert f"alpha.example.org. A {address}" in site.dns.table()
    assert site.variables(address)["ddns-rev-name"]


def test_a_reload_turns_dynamic_dns_on_and_off() -> None:
    site = Site(style="none")
    address = site.bind(name=b"alpha")
    reload(site, site.text.replace("ddns-update-style none", "ddns-update-style standard"))
    site.renew(address, name=b"alpha")
    assert f"alpha.example.org. A {address}" in site.dns.table()
    reload(site, site.text)
    site.release(address)
    assert f"alpha.example.org. A {address}" in site.dns.table(), "style none removes nothing"


def test_a_decline_and_a_lease_taken_away_lose_their_names() -> None:
    site = Site("one-lease-per-client on;\n", subnet="10.77.0.100 10.77.0.101")
    first = site.bind(name=b"alpha")
    site.receive(message(DECLINE, mac(1), requested=first))
    assert site.state(first) == "abandoned"
    assert site.dns.table() == []


def test_option_81_says_what_was_decided() -> None:
    site = Site()
    option = bytes((0, 0, 0)) + b"pc.other.net."
    address = site.discover(options={81: option})
    assert address is not None
    (reply,) = site.receive(message(REQUEST, mac(1), requested=address, options={81: option}))
    assert reply.options[81] == b"\x00\xff\xffpc.other.net."
    assert site.variables(address) == {
        "ddns-rev-name": b"100.0.77.10.in-addr.arpa.", "ddns-client-fqdn": b"pc.other.net.",
    }  # fmt: skip
    option = b"\5\0\0\2pc\5other\3net\0"
    (reply,) = site.receive(message(REQUEST, mac(1), requested=address, options={81: option}))
    assert reply.options[81] == b"\7\xff\xff\2pc\7example\3org\0"


def test_every_decision_has_its_reason() -> None:
    site = Site()
    address = site.bind(name=b"alpha")
    _effects, reasons = site.machine.explain(
        ev.Packet(site.now_us, 0, "eth0", 0, 68, message(REQUEST, mac(1), requested=address, name=b"alpha"))
    )
    assert [(one.subject, one.verdict, str(one.why)) for one in reasons if one.step == "dns"] == [
        (address, "none", "the name is as before")
    ]


def test_names_are_made_of_the_host_that_the_client_is() -> None:
    site = Site('host sun { hardware ethernet 02:00:00:00:00:01; ddns-hostname = concat ("z-", host-decl-name); }\n')
    address = site.bind(mac(1), name=b"own")
    assert site.variables(address)["ddns-fwd-name"] == b"z-sun.example.org"
