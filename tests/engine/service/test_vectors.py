"""The worked cases of the decisions, as a client and a log reader would see them.

See docs/behaviour/decisions.md#worked-cases.
"""

from __future__ import annotations

import pytest

from tests.engine.service.desk import (
    ACK,
    DECLINE,
    DISCOVER,
    NAK,
    REQUEST,
    START_S,
    Desk,
    mac,
    message,
)

HEAD = "ping-check false; authoritative;\n"


def subnet(body: str) -> str:
    return f"{HEAD}subnet 10.77.0.0 netmask 255.255.255.0 {{ {body} }}\n"


RANGE = subnet("range 10.77.0.10 10.77.0.14;")
WIDE = subnet("range 10.77.0.10 10.77.0.30;")


def test_fresh_pool_hands_out_ascending_addresses_until_there_are_none():
    desk = Desk(RANGE)
    assert [desk.bind(mac(n)) for n in range(5)] == [f"10.77.0.{n}" for n in range(10, 15)]
    assert desk.discover(mac(9)) is None
    assert desk.logs == ["DHCPDISCOVER from 02:00:00:00:00:09 via eth0: network 10.77.0.0/24: no free leases"]


def queue_after_releases() -> Desk:
    desk = Desk(RANGE)
    for n in range(3):
        desk.bind(mac(n))
    desk.release("10.77.0.11", mac(1))
    desk.rest(1.2)
    desk.release("10.77.0.10", mac(0))
    return desk


def test_released_addresses_come_after_unused_ones_oldest_first():
    desk = queue_after_releases()
    offered = [desk.discover(mac(n)) for n in range(10, 14)]
    assert offered == ["10.77.0.13", "10.77.0.14", "10.77.0.11", "10.77.0.10"]
    assert desk.discover(mac(14)) is None
    desk.release("10.77.0.12", mac(2))
    assert desk.discover(mac(14)) == "10.77.0.12"


def test_offers_that_were_not_taken_up_return_last_in_first_out():
    desk = queue_after_releases()
    for n in range(10, 14):
        desk.discover(mac(n))
    desk.rest(125)
    offered = [desk.discover(mac(n)) for n in range(20, 24)]
    assert offered == ["10.77.0.10", "10.77.0.11", "10.77.0.14", "10.77.0.13"]


def test_client_that_begins_to_send_an_identifier_keeps_its_address():
    desk = Desk(RANGE)
    assert desk.bind(mac(1)) == "10.77.0.10"
    assert desk.bind(mac(1), uid=b"\1abc") == "10.77.0.10"
    assert desk.lease("10.77.0.10").uid == b"\1abc"
    assert desk.bind(mac(1), uid=b"\1xyz") == "10.77.0.11"


def test_client_that_leaves_its_identifier_out_gets_another_address():
    desk = Desk(RANGE)
    assert desk.bind(mac(1), uid=b"\1abc") == "10.77.0.10"
    assert desk.bind(mac(1)) == "10.77.0.11"


def test_ignore_client_uids_tells_clients_by_hardware_alone():
    desk = Desk("ignore-client-uids on;" + RANGE)
    assert {desk.bind(mac(1), **more) for more in ({}, {"uid": b"\1abc"}, {"uid": b"\1xyz"}, {})} == {"10.77.0.10"}


def test_request_for_a_free_address_releases_the_old_lease():
    desk = Desk(WIDE)
    assert desk.bind(mac(1), uid=b"\1abc") == "10.77.0.10"
    assert desk.request("10.77.0.20", mac(1), uid=b"\1abc") == ACK
    assert desk.active == ["10.77.0.20"]
    assert "uid lease 10.77.0.10 for client 02:00:00:00:00:01 is duplicate on 10.77.0.0/24" in desk.logs


def test_discover_for_a_free_address_leaves_the_old_lease():
    desk = Desk(WIDE)
    desk.bind(mac(1), uid=b"\1abc")
    assert desk.discover(mac(1), uid=b"\1abc", requested="10.77.0.14") == "10.77.0.14"
    assert desk.active == ["10.77.0.10"]
    assert "uid lease 10.77.0.10 for client 02:00:00:00:00:01 is duplicate on 10.77.0.0/24" in desk.logs


def test_offer_is_no_reservation():
    desk = Desk(RANGE)
    assert desk.discover(mac(1)) == "10.77.0.10"
    assert desk.discover(mac(2), requested="10.77.0.10") == "10.77.0.10"


def test_anybody_may_decline_any_address():
    desk = Desk(RANGE)
    desk.receive(message(DECLINE, mac(7), requested="10.77.0.13"))
    assert desk.logs[0] == "Abandoning IP address 10.77.0.13: declined."
    assert desk.logs[1] == "DHCPDECLINE of 10.77.0.13 from 02:00:00:00:00:07 via eth0: abandoned"
    assert "binding state abandoned;" in desk.records[0]
    assert desk.lease("10.77.0.13").ends == START_S + 86_400
    assert desk.request("10.77.0.13", mac(7)) == 0
    assert desk.logs[0].endswith(": unknown lease 10.77.0.13.")


def test_abandoned_addresses_are_reclaimed_when_nothing_else_is_left():
    leases = "".join(
        f"lease 10.77.0.{n} {{ ends {n % 7} 2033/0{n - 9}/01 00:00:00; binding state abandoned; "
        "next binding state free; }\n"
        for n in (10, 11)
    )
    conf = "authoritative; subnet 10.77.0.0 netmask 255.255.255.0 { range 10.77.0.10 10.77.0.11; }"
    desk = Desk(conf, leases)
    assert desk.discover(mac(1)) is None
    assert desk.logs[0] == "Reclaiming abandoned lease 10.77.0.10."
    assert desk.pings == ["10.77.0.10"]
    assert [reply.address for reply in desk.rest(1)] == ["10.77.0.10"]
    assert desk.request("10.77.0.10", mac(1)) == ACK
    assert desk.logs[0] == "Reclaiming REQUESTed abandoned IP address 10.77.0.10."
    assert desk.active == ["10.77.0.10"]


def test_address_that_answers_a_ping_is_abandoned_and_the_next_one_tried():
    desk = Desk(WIDE.replace("ping-check false;", ""))
    for n in (10, 11):
        assert desk.discover(mac(1)) is None
        assert desk.pings == [f"10.77.0.{n}"]
        assert desk.echo(f"10.77.0.{n}") == []
        assert desk.logs == [
            f"ICMP Echo reply while lease 10.77.0.{n} valid.",
            f"Abandoning IP address 10.77.0.{n}: pinged before offer",
        ]
        assert "binding state abandoned;" in desk.records[0]
    desk.discover(mac(1))
    assert [reply.address for reply in desk.rest(1)] == ["10.77.0.12"]


def test_young_lease_is_renewed_without_a_record():
    desk = Desk(RANGE)
    address = desk.bind(mac(1), time=400)
    times, records = [], []
    for step in (99, 1, 1):
        desk.rest(step)
        reply = desk.receive(message(REQUEST, mac(1), ciaddr=address, time=400))[0]
        times.append(reply.time)
        records.append(len(desk.records))
        if step == 99:
            text = "reuse_lease: lease age 99 (secs) under 25% threshold, reply with unaltered, existing lease for"
            assert desk.logs[0] == f"{text} 10.77.0.10"
            assert desk.logs[1].startswith("DHCPREQUEST for 10.77.0.10")
    assert times == [301, 300, 400]
    assert records == [0, 0, 1]


HOST = "host ha { hardware ethernet 02:00:00:00:00:01; fixed-address 10.77.0.%d; }\n"


def test_fixed_address_takes_the_place_of_a_dynamic_lease():
    address = "lease 10.77.0.20 { starts 1 2023/11/13 00:00:00; ends 1 2033/11/14 00:00:00; binding state active; "
    desk = Desk(HOST % 200 + WIDE, address + "next binding state free; hardware ethernet 02:00:00:00:00:01; }\n")
    assert desk.active == ["10.77.0.20"]
    assert desk.discover(mac(1), requested="10.77.0.20") == "10.77.0.200"
    assert desk.active == []
    assert "binding state free;" in desk.records[0]


def test_fixed_address_inside_a_range_is_complained_of_at_every_request():
    desk = Desk(HOST % 20 + WIDE)
    for _ in range(2):
        assert desk.request("10.77.0.20", mac(1)) == ACK
        assert desk.logs[:3] == [
            "Dynamic and static leases present for 10.77.0.20.",
            "Remove host declaration ha or remove 10.77.0.20",
            "from the dynamic address pool for 10.77.0.0/24",
        ]
        assert desk.records == []


def test_class_limit_refuses_offers_and_requests_until_a_lease_comes_back():
    desk = Desk('class "c" { match if exists dhcp-message-type; lease limit 2; }' + RANGE)
    desk.bind(mac(1))
    desk.bind(mac(2))
    text = "no available billing: lease limit reached in all matching classes (last: 'c')"
    assert desk.discover(mac(3)) is None
    assert desk.logs == [f"DHCPDISCOVER from 02:00:00:00:00:03 via eth0: {text}"]
    assert desk.request("10.77.0.12", mac(3)) == 0
    assert desk.logs == [f"DHCPREQUEST for 10.77.0.12 from 02:00:00:00:00:03 via eth0: {text}"]
    desk.release("10.77.0.10", mac(1))
    assert desk.bind(mac(3))


POOLS = subnet(
    "pool { allow unknown-clients; range 10.77.0.10 10.77.0.14; } "
    "pool { deny unknown-clients; range 10.77.0.20 10.77.0.24; }"
)
KNOWN = "host h { hardware ethernet 02:00:00:00:00:01; }\n"


def lease_text(desk: Desk, address: str) -> str:
    return next(record for record in desk.records if f"lease {address} " in record)


@pytest.fixture
def unknown_clients_lease() -> str:
    desk = Desk(POOLS)
    assert desk.bind(mac(1)) == "10.77.0.10"
    return lease_text(desk, "10.77.0.10")


def test_client_that_became_known_loses_the_pool_for_unknown_clients(unknown_clients_lease):
    desk = Desk(KNOWN + POOLS, unknown_clients_lease)
    assert desk.renew("10.77.0.10", mac(1)) == NAK
    assert desk.active == ["10.77.0.10"]
    assert desk.request("10.77.0.10", mac(1)) == NAK
    assert desk.active == []
    assert desk.discover(mac(1)) == "10.77.0.20"


def test_pool_that_closes_shortens_its_leases_and_then_refuses():
    desk = Desk(subnet(f"pool {{ deny after epoch {START_S + 1000}; range 10.77.0.10 10.77.0.14; }}"))
    desk.rest(900)
    reply = desk.receive(message(DISCOVER, mac(1)))[0]
    assert (reply.address, reply.time) == ("10.77.0.10", 300)
    desk.rest(200)
    assert desk.request("10.77.0.10", mac(1)) == NAK
    assert desk.logs[0].endswith(": lease 10.77.0.10 unavailable.")
    assert desk.discover(mac(1)) is None


def test_clients_without_any_identity_are_one_client():
    desk = Desk(RANGE)
    assert desk.discover(b"") == "10.77.0.10"
    assert desk.request("10.77.0.10", b"") == ACK
    assert "  hardware ethernet" in desk.records[0]
    assert desk.discover(b"") == "10.77.0.10"


def test_discover_with_ciaddr_asks_for_that_address():
    desk = Desk(WIDE)
    reply = desk.receive(message(DISCOVER, mac(1), ciaddr="10.77.0.25"))[0]
    assert reply.address == "10.77.0.25"
    assert reply.sent.payload[12:16] == bytes((10, 77, 0, 25))
