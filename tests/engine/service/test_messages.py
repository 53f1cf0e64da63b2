"""Messages other than DISCOVER and REQUEST, and what is said of each."""

from __future__ import annotations

import pytest

from tests.engine.service.desk import (
    ACK,
    DECLINE,
    DISCOVER,
    INFORM,
    NAK,
    RELEASE,
    REQUEST,
    SERVER,
    Desk,
    dotted,
    mac,
    message,
    number,
)

NETS = """
ping-check false;
subnet 10.77.0.0 netmask 255.255.255.0 { authoritative; range 10.77.0.10 10.77.0.14; option domain-name "home"; }
subnet 10.78.0.0 netmask 255.255.255.0 { range 10.78.0.10 10.78.0.14; }
subnet 10.79.0.0 netmask 255.255.255.0 { authoritative; range 10.79.0.10 10.79.0.14; allow leasequery; }
"""

# What a REQUEST says, and what comes back: the rows that need no history of
# docs/behaviour/decisions.md#what-a-request-comes-to.
REQUESTS = [
    ({"requested": "10.77.0.12"}, ACK, ""),
    ({"requested": "10.77.0.99"}, 0, "unknown lease 10.77.0.99."),
    ({"requested": "10.79.0.12"}, NAK, "wrong network."),
    ({"requested": "10.79.0.12", "giaddr": "10.78.0.1"}, 0, "ignored (not authoritative)."),
    ({"requested": "10.99.0.1"}, NAK, "wrong network."),
    ({"ciaddr": "10.99.0.1"}, 0, "unknown lease 10.99.0.1."),
    ({"ciaddr": "10.79.0.12"}, ACK, ""),
    ({"ciaddr": "10.79.0.12", "giaddr": "10.77.0.1"}, NAK, "wrong network."),
    ({"ciaddr": "10.79.0.12", "giaddr": "10.78.0.1"}, 0, "ignored (not authoritative)."),
    ({"requested": "10.79.0.12", "giaddr": "10.99.0.1"}, NAK, "wrong network."),
    ({"requested": "10.78.0.12", "giaddr": "10.99.0.1"}, 0, "ignored (not authoritative)."),
    ({"requested": "10.99.0.12", "giaddr": "10.99.0.1"}, 0, "ignored (unknown subnet)."),
    ({}, 0, "unknown lease 0.0.0.0."),
]


@pytest.mark.parametrize(("fields", "kind", "reason"), REQUESTS)
def test_request_is_answered_by_what_it_names(fields, kind, reason):
    desk = Desk(NETS)
    replies = desk.receive(message(REQUEST, mac(1), **fields))
    assert [reply.kind for reply in replies] == ([kind] if kind else [])
    lines = [line for line in desk.logs if line.startswith("DHCPREQUEST")]
    assert len(lines) == 1
    assert lines[0].endswith(f": {reason}" if reason else "via eth0")


def test_lease_of_another_client_is_refused_and_an_abandoned_one_passed_over():
    desk = Desk(NETS)
    desk.bind(mac(1))
    assert desk.request("10.77.0.10", mac(2)) == NAK
    assert desk.logs[0].endswith(": lease 10.77.0.10 unavailable.")
    assert desk.logs[1] == "DHCPNAK on 10.77.0.10 to 02:00:00:00:00:02 via eth0"
    assert desk.renew("10.77.0.10", mac(2)) == NAK
    desk.receive(message(DECLINE, mac(1), requested="10.77.0.10"))
    assert desk.request("10.77.0.10", mac(2)) == 0


def test_nak_carries_the_broadcast_flag_and_nothing_of_the_configuration():
    desk = Desk(NETS)
    reply = desk.receive(message(REQUEST, mac(1), requested="10.99.0.1", prl=b"\1\3\x0f"))[0]
    assert reply.options == {53: b"\6", 54: number(SERVER).to_bytes(4, "big")}
    assert reply.sent.payload[10:12] == b"\x80\0"
    assert dotted(reply.sent.destination) == "255.255.255.255"
    desk.discover(mac(1))
    reply = desk.receive(message(REQUEST, mac(1), requested="10.99.0.1"))[0]
    assert reply.options[56] == b"requested address not available"


def test_ack_is_promised_only_behind_its_record():
    desk = Desk(NETS)
    desk.discover(mac(1))
    desk.request("10.77.0.10", mac(1))
    assert [type(effect).__name__ for effect in desk.effects] == ["Log", "Store", "Log", "Send", "Wake"]
    assert desk.effects[3].durable


def test_after_a_failed_write_the_same_client_is_heard_and_written_again():
    desk = Desk(NETS)
    desk.bind(mac(1))
    desk.server.storage_failed()
    desk.rest(2)
    assert desk.renew("10.77.0.10", mac(1)) == ACK
    assert len(desk.records) == 1
    desk.rest(100)
    assert desk.renew("10.77.0.10", mac(1)) == ACK
    assert desk.records == []


def test_release_needs_the_hardware_address_and_nothing_else():
    desk = Desk(NETS)
    desk.bind(mac(1), uid=b"\1abc", name=b"pc")
    desk.receive(message(RELEASE, mac(2), ciaddr="10.77.0.10", uid=b"\1abc"))
    assert desk.logs == ["DHCPRELEASE of 10.77.0.10 from 02:00:00:00:00:02 via eth0 (not found)"]
    desk.receive(message(RELEASE, mac(1), ciaddr="10.77.0.10", uid=b"\1zzz"))
    assert desk.logs == ["DHCPRELEASE of 10.77.0.10 from 02:00:00:00:00:01 (pc) via eth0 (found)"]
    assert desk.state("10.77.0.10") == "free"
    assert "client-hostname" not in desk.records[0]


def test_expiry_is_stored_at_its_second():
    desk = Desk(NETS)
    desk.bind(mac(1), time=300)
    end = desk.lease("10.77.0.10").ends
    assert desk.machine.wake_us == end * 1_000_000
    desk.rest(299.9)
    assert desk.active == ["10.77.0.10"]
    desk.rest(0.2)
    assert desk.active == []
    assert "binding state free;" in desk.records[0]
    assert desk.machine.wake_us == 0


def test_inform_needs_authority_and_explains_that_now_and_then():
    desk = Desk(NETS)
    reply = desk.receive(message(INFORM, mac(1), ciaddr="10.77.0.200"))[0]
    assert reply.options[15] == b"home"
    assert not {51, 58, 59} & set(reply.options)
    lengths = [
        desk.receive(message(INFORM, mac(1), ciaddr="10.78.0.200")) or len(desk.logs) for _ in range(102)
    ]
    assert lengths == [6] + [1] * 100 + [6]
    assert desk.logs[0] == "DHCPINFORM from 10.78.0.200 via eth0: not authoritative for subnet 10.78.0.0"


def test_leasequery_tells_what_a_relay_may_know():
    desk = Desk(NETS)
    desk.receive(message(DISCOVER, mac(1), giaddr="10.79.0.1", uid=b"\1abc"))
    desk.receive(message(REQUEST, mac(1), giaddr="10.79.0.1", uid=b"\1abc", requested="10.79.0.10"))
    desk.rest(3)
    reply = desk.receive(message(10, b"", giaddr="10.79.0.1", ciaddr="10.79.0.10"))[0]
    assert (reply.kind, reply.time, reply.options[61]) == (13, 43_197, b"\1abc")
    assert desk.logs[-1] == "DHCPLEASEACTIVE to 10.79.0.1 for IP 10.79.0.10 (0 associated IPs)"
    assert desk.receive(message(10, mac(9), giaddr="10.79.0.1"))[0].kind == 12
    assert desk.receive(message(10, mac(9), giaddr="10.78.0.1")) == []
    assert desk.logs == ["DHCPLEASEQUERY from 10.78.0.1: LEASEQUERY not allowed, query ignored"]


def test_bootp_client_gets_an_address_for_ever_where_a_pool_allows():
    conf = "ping-check false; subnet 10.77.0.0 netmask 255.255.255.0 { range dynamic-bootp 10.77.0.10 10.77.0.11; }"
    desk = Desk(conf)
    replies = desk.receive(message(0, mac(1)))
    assert replies[0].address == "10.77.0.10"
    assert "ends never;" in desk.records[0]
    assert "dynamic-bootp;" in desk.records[0]
    assert Desk(NETS).receive(message(0, mac(1))) == []


def test_unknown_types_and_networks_are_logged():
    desk = Desk(NETS)
    assert desk.receive(message(9, mac(1))) == []
    assert desk.logs == ["type 9 from 02:00:00:00:00:01 via eth0: unknown packet type"]
    assert desk.receive(message(DISCOVER, mac(1), giaddr="10.99.0.1")) == []
    assert desk.logs == ["DHCPDISCOVER from 02:00:00:00:00:01 via 10.99.0.1: unknown network segment"]
    for kind in (2, 5, 6, 11, 12, 13):
        assert desk.receive(message(kind, mac(1))) == []
        assert desk.logs == []


def test_waiting_offer_survives_a_snapshot():
    conf = NETS.replace("ping-check false;", "")
    desk = Desk(conf)
    assert desk.discover(mac(1)) is None
    assert desk.machine.wake_us == desk.now_us + 1_000_000
    twin = desk.restored()
    assert twin.machine.snapshot() == desk.machine.snapshot()
    assert twin.receive(message(DISCOVER, mac(1))) == []
    assert twin.logs == []
    sent = [reply.sent for reply in desk.rest(1)]
    assert len(sent) == 1
    assert [reply.sent for reply in twin.rest(1)] == sent


def test_name_of_the_address_is_waited_for():
    desk = Desk("get-lease-hostnames on;" + NETS)
    assert desk.discover(mac(1)) is None
    assert desk.effects[0].address == number("10.77.0.10")
    assert desk.discover(mac(1)) is None
    assert desk.effects == []
    assert desk.name("10.77.0.10", "pc.home")[0].options[12] == b"pc.home\0"
    assert desk.receive(message(REQUEST, mac(1), requested="10.77.0.10")) == []
    assert desk.rest(5)[0].kind == ACK
    assert desk.logs[0] == "No hostname for 10.77.0.10"


def test_handlers_run_with_the_lease_and_its_variables():
    conf = NETS + """
    on commit { set seen = "yes"; log(info, "commit"); }
    on release { log(info, concat("release ", seen)); }
    on expiry { set late = "yes"; log(info, "expiry"); }
    """
    desk = Desk(conf)
    desk.bind(mac(1))
    assert desk.logs[:2] == ["commit", "DHCPREQUEST for 10.77.0.10 from 02:00:00:00:00:01 via eth0"]
    assert 'set seen = "yes";' in desk.records[0]
    desk.release("10.77.0.10", mac(1))
    assert desk.logs[0] == "release yes"
    assert "set seen" not in desk.records[0]
    desk.bind(mac(2), time=300)
    desk.rest(301)
    assert desk.logs == ["expiry"]
    assert 'set late = "yes";' in desk.records[0]


def test_reasons_say_why_and_where():
    conf = """ping-check false;
    subnet 10.77.0.0 netmask 255.255.255.0 {
      pool { deny unknown-clients;
        range 10.77.0.10 10.77.0.11; }
      pool { range 10.77.0.20 10.77.0.21; }
    }"""
    desk = Desk(conf)
    desk.server.reasons = []
    assert desk.discover(mac(1)) == "10.77.0.20"
    told = [(one.step, one.subject, one.verdict) for one in desk.server.reasons]
    assert [one for one in told if one[0] not in ("time", "option", "parameter")] == [
        ("network", "eth0", "10.77.0.0/24"),
        ("pool", "10.77.0.10-10.77.0.11", "not permitted"),
        ("pool", "10.77.0.20-10.77.0.21", "permitted"),
        ("candidate", "10.77.0.20", "chosen"),
        ("verdict", "10.77.0.20", "DHCPOFFER"),
    ]
    refused = desk.server.reasons[1]
    assert (refused.why, str(refused.place)) == ("deny unknown", "dhcpd.conf:3")


def test_a_packet_meets_what_is_due_though_its_timer_is_late():
    desk = Desk(NETS.replace("ping-check false;", ""))
    assert desk.discover(mac(1)) is None
    desk.now_us += 2_000_000
    replies = desk.receive(message(DISCOVER, mac(2)))
    assert [reply.sent.link for reply in replies] == [mac(1)]
    assert desk.machine.wake_us == desk.now_us + 1_000_000


def test_a_fixed_address_in_a_pool_that_waits_for_its_name_costs_nobody_an_offer():
    desk = Desk("""
        subnet 10.77.0.0 netmask 255.255.255.0 { range 10.77.0.10 10.77.0.10; }
        host fixed { hardware ethernet 02:00:00:00:00:09; fixed-address 10.77.0.10; get-lease-hostnames on; }
    """)
    assert desk.discover(mac(1)) is None
    assert desk.discover(mac(9)) is None
    assert [reply.sent.link for reply in desk.rest(1)] == [mac(1)]
    assert [reply.sent.link for reply in desk.rest(4)] == [mac(9)]
    assert desk.machine.snapshot()["agenda"] == []


def test_a_lease_of_the_file_goes_through_all_states_that_are_over():
    desk = Desk(NETS, """lease 10.77.0.10 { starts 1 2020/01/06 00:00:00; ends 1 2020/01/06 01:00:00;
        binding state abandoned; next binding state active; hardware ethernet 02:00:00:00:00:01; }""")
    assert desk.state("10.77.0.10") == "free"
    assert desk.machine.wake_us == 0
