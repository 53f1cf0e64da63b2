"""Any messages in any order: nothing raises, no address has two owners, and a restored server goes on the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpd.engine.model.lease import ACTIVE
from dhcpd.trace import events as ev
from tests.engine.service.desk import Desk, dotted, mac, message, number

CONF = """
authoritative; one-lease-per-client on; adaptive-lease-time-threshold 60; log-threshold-high 80; min-lease-time 5;
class "few" { match if substring(hardware, 6, 1) = 03; lease limit 1; }
class "each" { spawn with option host-name; lease limit 2; }
if option host-name = "a" { set who = option host-name; on release { log(info, who); } }
subnet 10.77.0.0 netmask 255.255.255.0 {
  pool { range dynamic-bootp 10.77.0.10 10.77.0.12; allow all clients; }
  pool { deny unknown-clients; range 10.77.0.20 10.77.0.21; }
}
subnet 10.78.0.0 netmask 255.255.255.0 { allow leasequery; ping-check off; range 10.78.0.10 10.78.0.12; }
host one { hardware ethernet 02:00:00:00:00:01; }
host two { hardware ethernet 02:00:00:00:00:02; fixed-address 10.77.0.21, 10.78.0.200; }
"""
ADDRESSES = st.sampled_from(["10.77.0.10", "10.77.0.12", "10.77.0.21", "10.78.0.10", "10.78.0.200", "10.99.0.1"])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "requested": ADDRESSES,
        "ciaddr": ADDRESSES,
        "giaddr": st.sampled_from(["10.77.0.1", "10.78.0.1", "10.99.0.1"]),
        "uid": st.sampled_from([b"\1x", b"\1y"]),
        "name": st.sampled_from([b"a", b"b\0", b'"']),
        "time": st.sampled_from([0, 10, 5000, 0xFFFFFFFF]),
        "flags": st.sampled_from([0x8000]),
        "options": st.sampled_from([{82: b"\1\1c\2\1r"}, {60: b"v"}, {118: b"\x0a\x4e\0\0"}, {55: b"\1\3\6"}]),
    },
)
KINDS = st.sampled_from([0, 1, 1, 1, 3, 3, 3, 4, 7, 8, 9, 10])
STEPS = st.one_of(
    st.tuples(st.just("send"), KINDS, st.integers(0, 4), FIELDS),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 1, 4, 30, 130, 3000])),
    st.tuples(st.just("echo"), ADDRESSES),
    st.tuples(st.just("fail")),
)


def perform(desk: Desk, step: tuple) -> list:
    if step[0] == "send":
        replies = desk.receive(message(step[1], mac(step[2]), **step[3]))
    elif step[0] == "wait":
        replies = desk.rest(step[1])
    elif step[0] == "echo":
        replies = desk.echo(step[1])
    else:
        replies = desk.step(ev.StorageFailed(0, 0, "append", "/l", "No space left on device"))
    return [reply.sent for reply in replies]


@given(st.lists(STEPS, max_size=25), st.lists(STEPS, max_size=15))
@settings(max_examples=150)
def test_any_messages_in_any_order(before, after):
    desk = Desk(CONF)
    for step in before:
        perform(desk, step)
    twin = desk.restored()
    for step in after:
        assert perform(twin, step) == perform(desk, step)
        assert (twin.logs, twin.records) == (desk.logs, desk.records)
    active = [lease for lease in desk.server.database.leases() if lease.state == ACTIVE]
    for class_ in desk.server.configuration.classes:
        for member in (class_, *class_.subclasses.values()):
            assert 0 <= desk.server.database.charges.count(member.full_name) <= member.limit
    for lease in active:
        assert lease.next_state != ACTIVE
        assert dotted(lease.address)
        assert number(dotted(lease.address)) == lease.address
