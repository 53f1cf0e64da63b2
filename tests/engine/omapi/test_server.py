"""OMAPI in the machine: changes that serve the next packet and last, limits, order, and playback's conditions."""

from __future__ import annotations

import pytest

from dhcpd.engine.machine import Machine
from dhcpd.engine.omapi.wire import GREETING, OPEN, REFRESH, STRANGER_OCTETS_MAX, UPDATE, integer
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Exit, Log, StreamClose, StreamListen, StreamListenEnd, StreamSend
from tests.engine.omapi.shell import CONFIGURATION, Server
from tests.replay.engine_runs import Run

HARDWARE = b"\x02\0\0\0\0\x09"
FIXED = 0x0A00C809


def make_host(client, **more):
    return client.open("host", "create exclusive", hardware_address=HARDWARE, hardware_type=1,
                       ip_address=integer(FIXED), **more)  # fmt: skip


def test_a_host_that_is_made_serves_the_next_packet_and_the_next_start():
    server = Server()
    client = server.connect()
    assert server.offered(9) != FIXED
    code, answer = make_host(client, name=b"made", statements=b'option host-name "made";')
    assert code == 0
    assert client.durable
    assert answer.object[b"ip-address"] == integer(FIXED)
    assert server.offered(9) == FIXED
    again = Server(leases=server.stored())
    assert again.offered(9) == FIXED
    assert b"dynamic;\n" in server.stored()


def test_a_deleted_host_is_gone_for_packets_handles_and_starts():
    server = Server()
    client = server.connect()
    _, answer = make_host(client, name=b"made")
    assert client.delete(answer.handle) == 0
    assert server.offered(9) != FIXED
    assert client.refresh(answer.handle)[0] == 23
    assert Server(leases=server.stored()).offered(9) != FIXED


def test_a_host_of_the_configuration_stays_deleted_over_two_starts():
    server = Server()
    client = server.connect()
    _, answer = client.open("host", name=b"configured")
    assert client.delete(answer.handle) == 0
    second = Server(leases=server.stored())
    third = Server(leases=server.stored() + second.stored())
    for one in (server, second, third):
        assert one.connect().open("host", name=b"configured")[0] == 23


def test_a_host_of_the_configuration_that_was_changed_is_there_at_every_start():
    server = Server()
    client = server.connect()
    _, answer = client.open("host", name=b"configured")
    assert client.update(answer.handle, ip_address=integer(0x0A00C802)) == 0
    addresses = []
    for _start in range(3):
        server = Server(leases=bytes(server.disk.content))
        code, answer = server.connect().open("host", name=b"configured")
        assert code == 0
        addresses.append(int.from_bytes(answer.object[b"ip-address"], "big"))
    # As with ISC's server: a rewrite keeps what was made and what was deleted, not what was changed.
    assert addresses == [0x0A00C802, 0x0A00C801, 0x0A00C801]


def test_a_host_whose_statements_set_its_identifier_is_made_and_found_by_it():
    server = Server()
    client = server.connect()
    code, answer = make_host(client, name=b"made", statements=b'option dhcp-client-identifier "seven";')
    assert (code, answer.object[b"dhcp-client-identifier"]) == (0, b"seven")
    again = Server(leases=server.stored()).connect()
    assert again.open("host", dhcp_client_identifier=b"seven")[0] == 0


def test_flags_that_live_in_memory_are_shown_and_come_of_what_the_client_sends():
    server = Server()
    address = server.exchange(1)
    client = server.connect()
    _, lease = client.open("lease", ip_address=integer(address))
    shown = []
    for written in (0x40, 0xF8, 0xB1):
        assert client.update(lease.handle, flags=bytes((written,))) == 0
        shown.append(client.refresh(lease.handle)[1].object[b"flags"])
    assert shown == [b"\x40", b"\x48", b"\x00"]
    hardware = b"\x02\0\0\0\0\x02"
    for name, flags in ((b"\x0c\x03ab\0", b"\x08"), (b"\x0c\x02ab", b"\x00")):
        server.packet(2, 1, name)
        assert client.open("lease", hardware_address=hardware)[1].object[b"flags"] == flags


def test_a_lease_that_is_freed_is_free_after_a_start():
    server = Server()
    address = server.exchange(1)
    client = server.connect()
    _, lease = client.open("lease", ip_address=integer(address))
    assert client.update(lease.handle, ends=0) == 0
    assert client.durable
    assert int.from_bytes(client.refresh(lease.handle)[1].object[b"state"], "big") == 1
    code, lease = Server(leases=server.stored()).connect().open("lease", ip_address=integer(address))
    assert (code, lease.object[b"state"]) == (0, integer(1))


@pytest.mark.parametrize("name", ["state", "ends", "flags"])
def test_null_where_it_means_nothing_is_refused(name):
    server = Server()
    address = server.exchange(1)
    client = server.connect()
    _, lease = client.open("lease", ip_address=integer(address))
    assert client.update(lease.handle, **{name: b""}) == 0x60003


def test_a_variable_keeps_its_octets_and_goes_once():
    server = Server()
    address = server.exchange(1)
    client = server.connect()
    _, lease = client.open("lease", ip_address=integer(address))
    assert client.update(lease.handle, owner=b"it's me") == 0
    assert client.refresh(lease.handle)[1].object[b"owner"] == b"it's me"
    assert b'set owner = "it\'s me";' in server.stored()
    assert client.update(lease.handle, owner=b"") == 0
    assert client.update(lease.handle, owner=b"") == 0x60020


def test_a_failed_update_keeps_what_came_before_the_error():
    server = Server()
    client = server.connect()
    _, answer = make_host(client, name=b"made")
    assert client.update(answer.handle, ip_address=integer(FIXED + 1), colour=b"red") == 0x60020
    assert server.offered(9) == FIXED + 1


def test_a_message_that_names_a_key_must_carry_its_signature():
    server = Server()
    client = server.connect()
    unsigned = client.request(OPEN, message={b"type": b"control"})[:-16]
    unsigned = unsigned[:4] + bytes(4) + unsigned[8:]
    client.send(unsigned)
    answer = client.reader.next_message()
    assert answer is not None
    assert answer.message == {b"result": integer(0x6000B)}
    assert not answer.signature
    assert not client.closed


def test_a_stranger_is_held_for_64_kib_and_no_more():
    server = Server()
    stranger = server.connect(None)
    head = stranger.request(OPEN)[:24] + b"\0\1a" + (STRANGER_OCTETS_MAX - 40).to_bytes(4, "big")
    stranger.send(head + bytes(60_000))
    assert not stranger.closed
    announcing = server.connect(None)
    announcing.send(announcing.request(OPEN)[:24] + b"\0\1a" + (1 << 31).to_bytes(4, "big"))
    assert announcing.closed == "discard"
    known = server.connect()
    known.open("control")
    big = known.request(UPDATE, 1, values={b"statements": bytes(200_000)})
    for at in range(0, len(big), 60_000):
        known.send(big[at : at + 60_000])
    server.catch_up()
    assert known.answer() is not None


def test_requests_of_a_stranger_wait_in_64_kib_and_no_more():
    server = Server()
    stranger, known = server.connect(None), server.connect()
    known.open("control")
    for client, closed in ((stranger, "discard"), (known, "")):
        waiting = b"".join([client.request(REFRESH, 1) for _ in range(60_000 // 44)])
        for _ in range(2):
            server.tell(ev.StreamData(*server.now, client.stream, waiting))
        assert client.closed == closed


def test_many_requests_at_once_are_answered_in_order_a_share_at_a_time():
    server = Server()
    client = server.connect()
    wanted = [client.request(REFRESH, 1) for _ in range(100)]
    first = len([one for one in server.tell(ev.StreamData(*server.now, client.stream, b"".join(wanted)))
                 if isinstance(one, StreamSend)])  # fmt: skip
    assert 0 < first < 100
    # A packet comes in between.
    assert server.offered(4) is not None
    server.catch_up()
    answers = []
    while (answer := client.answer()) is not None:
        answers.append(answer.rid)
    assert answers == list(range(2, 102))


def test_shares_of_many_busy_connections_do_not_fall_together():
    server = Server()
    clients = [server.connect() for _ in range(4)]
    for client in clients:
        client.send(b"".join([client.request(REFRESH, 1) for _ in range(30)]))
    turns = 0
    while server.machine.wake_us:
        turns += 1
        server.fire()
        answered = [one for one in server.pairs[-1][1] if isinstance(one, StreamSend)]
        assert len({one.stream for one in answered}) == 1
    assert turns == len(clients)
    for client in clients:
        rids = []
        while (answer := client.answer()) is not None:
            rids.append(answer.rid)
        assert rids == list(range(2, 32))


def test_who_sends_no_more_gets_the_answers_first():
    server = Server()
    client = server.connect()
    client.send(client.request(REFRESH, 1) * 40)
    server.tell(ev.StreamHalfClosed(*server.now, client.stream))
    server.catch_up()
    answers = 0
    while client.answer() is not None:
        answers += 1
    assert answers == 40
    assert client.closed == "flush"
    server.tell(ev.StreamClosed(*server.now, client.stream, ""))
    assert not server.machine.omapi.connections.connections


def test_a_broken_rule_closes_one_connection_and_no_other():
    server = Server()
    good, bad = server.connect(), server.connect(None)
    bad.send(b"\0\0\0\1\0\0\0\x10" + bytes(20) + bytes(20))
    assert bad.closed == "discard"
    # What had passed the door before the end is ignored.
    bad.send(b"more")
    assert good.open("control")[0] == 0


def test_a_port_in_use_is_tried_again_every_five_seconds():
    server = Server()
    effects = server.tell(ev.StreamListenFailed(*server.now, "omapi", 0, 7911, "EADDRINUSE"))
    assert "Can't start OMAPI protocol: address not available" in [one.text for one in effects if isinstance(one, Log)]
    assert server.machine.wake_us == server.now_us + 5_000_000
    server.fire()
    effects = server.pairs[-1][1]
    assert [one for one in effects if isinstance(one, StreamListen)]


def test_a_shutdown_is_not_answered_closes_and_ends_with_0():
    server = Server()
    client, other = server.connect(), server.connect()
    _, control = client.open("control")
    client.send(client.request(UPDATE, control.handle, values={b"state": integer(2)}))
    effects = server.pairs[-1][1]
    assert [one for one in effects if isinstance(one, StreamListenEnd)]
    assert client.answer() is None
    server.catch_up()
    assert client.closed == other.closed == "flush"
    for one in (client, other):
        effects = server.tell(ev.StreamClosed(*server.now, one.stream, ""))
    assert [one for one in effects if isinstance(one, Exit)] == [Exit(0)]


def test_a_connection_that_never_closes_cannot_hold_a_shutdown_up():
    server = Server()
    client = server.connect()
    server.connect()
    _, control = client.open("control")
    client.send(client.request(UPDATE, control.handle, values={b"state": integer(2)}))
    began_us = server.now_us
    while not any(isinstance(one, Exit) for one in server.pairs[-1][1]):
        server.fire()
    assert server.now_us - began_us <= 25_000_000


def test_nothing_listens_without_a_port():
    run = Run(CONFIGURATION.replace(b"omapi-port 7911;", b""))
    assert not [one for _event, effects in run.pairs for one in effects if isinstance(one, StreamListen)]


def test_a_machine_made_of_a_snapshot_behind_any_event_goes_on_the_same():
    """Also in the middle of a message, with handles given and keys opened."""
    straight, restored = Server(), Server()
    for server in (straight, restored):
        client = server.connect()
        for step in range(6):
            if step == 3:
                _, answer = make_host(client, name=b"made")
            elif step == 4:
                data = client.request(UPDATE, answer.handle, values={b"ip-address": integer(FIXED + 1)})
                client.send(data[:30])
                if server is restored:
                    server.restore()
                client.send(data[30:])
                client.answer()
            else:
                server.exchange(step)
            if server is restored:
                server.restore()
        client.send(GREETING[:0] or client.request(REFRESH, answer.handle))
    assert [effects for _event, effects in straight.pairs] == [effects for _event, effects in restored.pairs]
    assert straight.machine.snapshot() == Machine.restore(straight.machine.snapshot()).snapshot()


def test_closing_is_asked_for_once():
    server = Server()
    bad = server.connect(None)
    bad.send(b"\xff" * 60)
    closes = [one for _event, effects in server.pairs for one in effects if isinstance(one, StreamClose)]
    assert len(closes) == 1


def test_explain_tells_what_was_asked_and_what_became_of_it():
    server = Server()
    client = server.connect()
    asked = client.request(OPEN, message={b"type": b"host", b"create": integer(1)}, values={b"name": b"made"})
    effects, reasons = server.machine.explain(ev.StreamData(*server.now, client.stream, asked))
    assert [one for one in effects if isinstance(one, StreamSend)]
    (told,) = [one for one in reasons if one.step == "object"]
    assert (told.subject, told.verdict) == ("open host made", "invalid argument")
    assert "127.0.0.1" in told.why
    assert "name" in told.why
