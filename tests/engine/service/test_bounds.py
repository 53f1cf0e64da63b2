"""What clients can make grow has an end: subclasses that spawn, values that are joined, pings that wait."""

from __future__ import annotations

import time

from dhcpd.engine.agenda import Owner
from dhcpd.engine.conf.running.expressions_data import DATA_OCTETS_MAX
from dhcpd.engine.lease.charges import SPAWNED_MAX
from dhcpd.engine.model.configuration import ClassName
from dhcpd.engine.model.lease import Lease
from dhcpd.engine.service.waiting import Offer
from dhcpd.trace import events as ev
from dhcpd.trace.effects import INFO, Send
from tests.engine.service.desk import ACK, INFORM, NAK, Desk, mac, message

LINES = """
ping-check false;
class "line" { spawn with option agent.circuit-id; lease limit 1; }
subclass "line" "written" { lease limit 5; }
subnet 10.77.0.0 netmask 255.255.0.0 { pool { allow members of "line"; range 10.77.0.10 10.77.0.99; } }
"""


def line(circuit: bytes) -> dict:
    return {"options": {82: bytes((1, len(circuit))) + circuit}, "giaddr": "10.77.0.1"}


def test_subclasses_that_no_lease_is_charged_to_are_forgotten():
    desk = Desk(LINES)
    held = desk.bind(mac(1), **line(b"held"))
    (parent,) = desk.server.configuration.classes
    charges = desk.server.database.charges
    for number in range(SPAWNED_MAX - 1):
        charges.spawn(parent, number.to_bytes(4, "big"))
    ((_name, keys, _sweep_at),) = charges.plain()
    assert len(keys) == SPAWNED_MAX
    assert desk.discover(mac(2), **line(b"new")) is not None
    ((_name, keys, _sweep_at),) = charges.plain()
    assert keys == [b"held", b"new"]
    # The lease that holds one keeps its place: nobody else on its line, and itself again.
    assert desk.discover(mac(3), **line(b"held")) is None
    assert desk.request(held, mac(1), **line(b"held")) == ACK
    assert desk.lease(held).rare.billing == ClassName("line", b"held")


def test_the_next_sweep_comes_when_twice_as_many_are_there():
    desk = Desk(LINES)
    (parent,) = desk.server.configuration.classes
    charges = desk.server.database.charges
    for number in range(SPAWNED_MAX):
        key = number.to_bytes(4, "big")
        charges.spawn(parent, key)
        charges.enter(Lease(number, None, None), ClassName("line", key))
    for number in range(3):
        desk.discover(mac(2), **line(b"x%d" % number))
    ((_name, keys, sweep_at),) = charges.plain()
    assert len(keys) == SPAWNED_MAX + 3
    assert sweep_at == 2 * SPAWNED_MAX


def test_a_value_that_doubles_ends():
    desk = Desk("""
        authoritative;
        subnet 10.77.0.0 netmask 255.255.0.0 {
            set twice = concat (pick-first-value (once, "ab"), pick-first-value (once, "ab"));
            set once = twice;
            set thrice = concat (once, once, hardware);
            set shown = binary-to-ascii (2, 8, pick-first-value (once, ":"), pick-first-value (once, ":"));
        }
    """)
    lines = []
    for _ in range(40):
        desk.receive(message(INFORM, mac(1), ciaddr="10.77.0.5"))
        lines += desk.logs
        values = [value for value in desk.server.global_bindings.values() if isinstance(value, bytes)]
        assert all(len(value) <= DATA_OCTETS_MAX for value in values)
    assert f"data: concat: more than {DATA_OCTETS_MAX} bytes" in lines
    assert f"data: binary-to-ascii: more than {DATA_OCTETS_MAX} bytes" in lines


def test_time_goes_by_at_no_cost_for_the_pings_that_wait():
    desk = Desk("subnet 10.0.0.0 netmask 255.0.0.0 { range 10.0.0.10 10.255.0.0; }")
    server, count = desk.server, 20_000
    sent = Send("eth0", True, 0, 68, b"", 0, False, "", b"offer")
    for number in range(count):
        server.offers[number] = Offer(f"line {number}", sent, 1)
        server.agenda.set(Owner.PING, number, desk.now_us + 1_000_000 + number * 10)
    desk.step(ev.Remark(0, 0, INFO, "anything"))
    began = time.process_time()
    desk.rest(3)
    assert time.process_time() - began < 20
    assert [text for text in desk.logs if text.startswith("line")] == [f"line {number}" for number in range(count)]
    assert not server.offers
    assert not len(server.agenda)


def test_of_two_pings_of_one_moment_the_first_is_first_and_an_answered_one_stays_silent():
    desk = Desk("subnet 10.77.0.0 netmask 255.255.0.0 { range 10.77.0.10 10.77.0.12; }")
    for client in range(3):
        assert desk.discover(mac(client)) is None
    first, second, third = desk.server.offers
    desk.echo("10.77.0.11")
    assert second not in desk.server.offers
    assert [int.from_bytes(one.sent.payload[16:20], "big") for one in desk.rest(2)] == [first, third]


def test_classes_that_ask_for_classes_are_matched_once_more_and_no_further():
    names = "".join(f'class "c{number}" {{ match if not check "default"; }}' for number in range(5))
    desk = Desk(f"ping-check false; {names} subnet 10.77.0.0 netmask 255.255.0.0 {{ range 10.77.0.10 10.77.0.99; }}")
    assert desk.bind(mac(1)) == "10.77.0.10"


def test_nobody_wakes_for_a_ping_that_was_answered():
    desk = Desk("subnet 10.77.0.0 netmask 255.255.0.0 { range 10.77.0.10 10.77.0.12; }")
    desk.discover(mac(1))
    assert desk.machine.wake_us == desk.now_us + 1_000_000
    desk.echo("10.77.0.10")
    abandoned_us = desk.lease("10.77.0.10").ends * 1_000_000
    assert desk.machine.wake_us == desk.restored().machine.wake_us == abandoned_us


def test_a_leasequery_for_more_addresses_than_one_reply_has_room_for():
    """40 are sent, and a line tells how many there are."""
    desk = Desk(
        "ping-check false; subnet 10.77.0.0 netmask 255.255.255.0 { allow leasequery; range 10.77.0.10 10.77.0.99; }"
    )
    for number in range(45):
        desk.bind(mac(1), uid=b"\0%d" % number, giaddr="10.77.0.1")
    (reply,) = desk.receive(message(10, mac(1), giaddr="10.77.0.1", options={55: bytes([92])}))
    assert len(reply.options[92]) == 4 * 40
    assert any(" IP addresses associated with " in line and "only 40 sent in reply" in line for line in desk.logs)


def test_a_closed_pool_gives_the_class_s_place_back():
    desk = Desk("""
        ping-check false; authoritative;
        class "gone" { match if exists user-class; }
        class "few" { match if exists host-name; lease limit 1; }
        subnet 10.77.0.0 netmask 255.255.255.0 { pool { deny members of "gone"; range 10.77.0.10 10.77.0.19; } }
    """)
    address = desk.bind(mac(1))
    assert desk.renew(address, mac(1), options={12: b"a", 77: b"x"}) == NAK
    assert desk.discover(mac(2), options={12: b"a"}) is not None
