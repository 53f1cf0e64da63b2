"""Name servers that nobody configured are found, and kept for their time; a search stays small whatever is answered."""

from __future__ import annotations

from ipaddress import ip_address

import dns.message
import dns.name
import dns.rdatatype
import pytest
from dns.rcode import Rcode

from dhcpd.engine.ddns.discovery import SEARCHES_MAXIMUM, resolvers_of
from dhcpd.engine.machine import Machine
from dhcpd.trace.codec import pack, unpack
from tests.engine.ddns.name_server import NameServer
from tests.engine.ddns.site import Site
from tests.engine.service.desk import mac

A, AAAA, SOA = 1, 28, 6
NOWHERE = 'ddns-domainname "found.test";\n'
SERVER_A = bytes((192, 0, 2, 60))


def holding(server: NameServer, name: str, kind: str, data: bytes, ttl: int = 60) -> None:
    server.records.setdefault((dns.name.from_text(name), int(dns.rdatatype.from_text(kind))), {})[data] = ttl


def world(more: str = NOWHERE, ttl: int = 60) -> tuple[Site, NameServer]:
    """A site whose resolver knows the name server of found.test."""
    site = Site(more)
    host = dns.name.from_text("ns.found.test").to_wire()
    assert host is not None
    holding(site.dns, "found.test", "NS", host)
    holding(site.dns, "found.test", "SOA", host + host + bytes(20))
    holding(site.dns, "ns.found.test", "A", SERVER_A, ttl)
    found = site.servers["192.0.2.60"] = NameServer("found.test.")
    return site, found


def test_the_first_client_searches_and_the_next_finds() -> None:
    site, found = world()
    site.bind(mac(1), name=b"first")
    assert found.asked == []
    assert [str(one.question[0].name) for one in site.dns.asked] == [
        "first.found.test.", "found.test.", "ns.found.test.", "ns.found.test.",
    ]  # fmt: skip
    site.bind(mac(2), name=b"second")
    assert any(row.startswith("second.found.test. A") for row in found.table())


def test_what_was_found_is_kept_for_its_time_and_no_longer() -> None:
    site, found = world(ttl=30)
    site.bind(mac(1), name=b"first")
    site.rest(31)
    site.bind(mac(2), name=b"second")
    assert found.asked == []
    site.bind(mac(3), name=b"third")
    assert [row.split()[0] for row in found.table()] == ["third.found.test.", "third.found.test."]


def test_a_zone_without_servers_asks_for_the_soa() -> None:
    site, found = world(NOWHERE + "zone found.test. { }\n")
    address = site.bind(mac(1), name=b"first")
    kinds = [dns.rdatatype.to_text(one.question[0].rdtype) for one in site.dns.asked if hasattr(one, "answer")]
    assert "SOA" in kinds
    assert site.dns_lines() == [f"Unable to add forward map from first.found.test to {address}: ncache nxdomain"]
    assert found.asked == [], "nothing said which zone the name is in"
    host = dns.name.from_text("ns.found.test").to_wire()
    assert host is not None
    holding(site.dns, "first.found.test", "SOA", host + host + bytes(20))
    site.renew(address, mac(1), name=b"first")
    assert f"first.found.test. A {address}" in found.table()


@pytest.mark.parametrize(
    ("codes", "word"),
    [
        ({A: Rcode.NOERROR, AAAA: Rcode.NOERROR}, "ncache nxrrset"), ({A: Rcode.NXDOMAIN}, "ncache nxdomain"),
        ({A: Rcode.SERVFAIL}, "SERVFAIL"), ({AAAA: Rcode.REFUSED}, "SERVFAIL"),
        ({SOA: Rcode.REFUSED}, "SERVFAIL"), ({SOA: Rcode.NOTAUTH}, "SERVFAIL"), ({SOA: Rcode.NOERROR}, "SERVFAIL"),
    ],
)  # fmt: skip
def test_why_a_zone_s_server_is_not_found(codes: dict[int, Rcode], word: str) -> None:
    """The zone is not disowned for it: what a resolver says is not what its servers say."""
    site, _found = world(NOWHERE + "zone found.test. { }\n")
    host = dns.name.from_text("ns.found.test").to_wire()
    assert host is not None
    if SOA not in codes:
        holding(site.dns, "first.found.test", "SOA", host + host + bytes(20))
    site.dns.records.pop((dns.name.from_text("ns.found.test"), A))
    plain = site.dns.answer

    def answer(payload: bytes) -> bytes | None:
        asked = dns.message.from_wire(payload)
        made = dns.message.make_response(asked)
        code = codes.get(int(asked.question[0].rdtype))
        if code is None:
            return plain(payload)
        made.set_rcode(code)
        return made.to_wire()

    site.dns.answer = answer  # type: ignore[method-assign]
    address = site.bind(mac(1), name=b"first")
    assert site.dns_lines() == [f"Unable to add forward map from first.found.test to {address}: {word}"]
    assert not site.ddns.zones.is_repudiated("found.test.")


def test_a_dead_resolver_ends_the_search_and_the_update() -> None:
    site, _found = world(NOWHERE + "zone found.test. { }\n")
    site.dns.silent = True
    address = site.bind(mac(1), name=b"first")
    site.rest(10.1)
    assert site.dns_lines() == [f"Unable to add forward map from first.found.test to {address}: timed out"]
    assert len(site.ddns.discovery) == len(site.ddns.questions) == 0


def test_searches_for_the_names_of_clients_are_bounded() -> None:
    site = Site('ddns-domainname "";\n', subnet="10.77.0.1 10.77.0.199")
    site.dns.silent = True
    for client in range(SEARCHES_MAXIMUM + 9):
        site.bind(mac(client), name=b"name%d" % client)
    assert len(site.ddns.discovery) == SEARCHES_MAXIMUM
    machine = Machine.restore(unpack(pack(site.machine.snapshot())))
    assert pack(machine.snapshot()) == pack(site.machine.snapshot())


def test_an_answer_to_another_question_finds_nothing() -> None:
    site, found = world()
    site.dns.change = lambda octets: octets.replace(b"\5found", b"\5wrong")
    site.bind(mac(1), name=b"first")
    site.rest(60)
    site.bind(mac(2), name=b"second")
    assert found.asked == []


@pytest.mark.parametrize(
    ("text", "resolvers", "sound"),
    [
        (b"", ["127.0.0.1"], True),
        (b"search a.test\nnameserver 192.0.2.1\nnameserver 2001:db8::1 # two\n", ["192.0.2.1", "2001:db8::1"], True),
        (b"nameserver fe80::1%eth0", ["fe80::1"], True),
        (b"nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nnameserver 4.4.4.4",
         ["1.1.1.1", "2.2.2.2", "3.3.3.3"], True),
        (b"nameserver\nnameserver here", ["127.0.0.1"], False),
        (b"\xff\0nameserver 1", ["127.0.0.1"], True),
    ],
)  # fmt: skip
def test_resolv_conf(text: bytes, resolvers: list[str], sound: bool) -> None:
    found, readable = resolvers_of(text)
    assert ([str(ip_address(one)) for one in found], readable) == (resolvers, sound)


@pytest.mark.parametrize("restored", [False, True])
def test_a_new_ack_ends_the_search_of_its_own_update_alone(restored: bool) -> None:
    site, _found = world("zone found.test. { }\n" + NOWHERE)
    site.dns.silent = True
    site.bind(mac(1), name=b"one")
    site.bind(mac(2), name=b"two")
    searching = [question.asker.key for question in site.ddns.questions._under_way.values()]
    assert len(site.ddns.discovery) == len(searching) == 2
    if restored:
        site.machine = Machine.restore(unpack(pack(site.machine.snapshot())))
    site.bind(mac(2), name=b"three")
    after = [question.asker.key for question in site.ddns.questions._under_way.values()]
    assert len(site.ddns.discovery) == 2
    assert after[0] == searching[0]
    assert after[1] not in searching
