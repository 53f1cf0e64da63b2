"""A new configuration for a running server: all of it or none, with every lease and promise of the old one."""

from __future__ import annotations

from unittest.mock import patch

import msgpack
import pytest

from dhcpd.engine import startup
from dhcpd.engine.machine import Machine
from dhcpd.trace import events as ev
from dhcpd.trace.effects import ConfigurationRefused, Lookup, RewriteBegin, RewritePart
from tests.engine.service.desk import ACK, Desk, dotted, mac, message, number

OPTIONS = 'ping-check off; authoritative; default-lease-time 600; option domain-name "old.example";'
SUBNET = "subnet 10.77.0.0 netmask 255.255.255.0 {{ range {}; }}"
OLD = OPTIONS + SUBNET.format("10.77.0.10 10.77.0.20")


class Slow(Desk):
    """A desk whose host names are answered when a test says so."""

    def look_up(self, effect: Lookup) -> None:
        """Not yet."""


def reload(desk: Desk, text: str, name: str = "dhcpd.conf", error: str = "") -> list[str]:
    """Have the server told a new configuration; what it logs."""
    desk.step(ev.ConfigurationFile(0, 0, name, text.encode(), error))
    desk.step(ev.ConfigurationEnd(0, 0, name, reload=True))
    return desk.logs


def domain(desk: Desk, hardware: bytes) -> bytes | None:
    (reply,) = desk.receive(message(1, hardware, prl=bytes((15,))))
    return reply.options.get(15)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (OLD + "\noption nosuch 1;", "dhcpd.conf line 2: unknown option dhcp.nosuch"),
        (OLD + '\ninclude "more.conf";', "Can't open more.conf: No such file or directory"),
        (OLD + "\nlocal-port 99999999;", "dhcpd.conf line 2: "),
        (OLD + '\nlog (fatal, "stop");', "stop"),
        (OLD + "\nomapi-key nokey;", "OMAPI key nokey: not found"),
        ("subnet 10.9.0.0 netmask 255.255.0.0 { }", "Not configured to listen on any interfaces!"),
    ],
)  # fmt: skip
def test_a_mistake_leaves_everything_as_it_was(text: str, line: str) -> None:
    desk = Desk(OLD)
    desk.bind(mac(1))
    before = desk.machine.snapshot()
    logs = reload(desk, text)
    assert any(line in one for one in logs), logs
    assert logs[-1].endswith("nothing has changed.")
    assert [type(one) for one in desk.effects][-1] is ConfigurationRefused
    # Only that there were so many events more is another.
    assert desk.machine.snapshot() | {"events": 0} == before | {"events": 0}
    assert domain(desk, mac(1)) == b"old.example"


@pytest.mark.parametrize("text", [OLD.replace("old", "new"), OLD + "\noption nosuch 1;", "subnet 10.9.0.0 {"])
def test_what_was_read_ahead_saves_the_reading_and_changes_nothing(text: str) -> None:
    desk, plain = Desk(OLD), Desk(OLD)
    for one in (desk, plain):
        one.bind(mac(1))
    desk.machine.ahead = startup.read_ahead({"dhcpd.conf": text.encode()}, "dhcpd.conf")
    with patch.object(startup, "load_configuration", side_effect=AssertionError("it is read already")):
        said = reload(desk, text)
    assert said == reload(plain, text)
    assert desk.effects == plain.effects
    assert desk.machine.snapshot() == plain.machine.snapshot()
    assert desk.machine.ahead is None


def test_what_was_read_ahead_of_other_files_is_not_taken() -> None:
    desk = Desk(OLD)
    desk.machine.ahead = startup.read_ahead({"dhcpd.conf": OLD.replace("old", "stale").encode()}, "dhcpd.conf")
    reload(desk, OLD.replace("old", "new"))
    assert domain(desk, mac(1)) == b"new.example"


def test_a_file_that_cannot_be_read_changes_nothing() -> None:
    desk = Desk(OLD)
    before = desk.machine.snapshot()
    logs = reload(desk, "", error="Permission denied")
    assert logs[0] == "Can't open dhcpd.conf: Permission denied"
    # Only that there were so many events more is another.
    assert desk.machine.snapshot() | {"events": 0} == before | {"events": 0}


def test_a_file_that_is_no_configuration_does_not_fill_the_log() -> None:
    desk = Desk(OLD)
    desk.step(ev.ConfigurationFile(0, 0, "dhcpd.conf", b"\0\xff" * 1000, ""))
    desk.step(ev.ConfigurationEnd(0, 0, "dhcpd.conf", reload=True))
    assert desk.logs[0] == "dhcpd.conf line 0: expecting a parameter or declaration"
    assert len(desk.logs) == 62
    assert desk.logs[-2:] == [
        "2940 more lines about mistakes are left out: dhcpd -t -cf dhcpd.conf says all.",
        "The new configuration is not taken over, because of these mistakes: nothing has changed.",
    ]
    assert [type(one) for one in desk.effects][-1] is ConfigurationRefused


def test_leases_stay_and_new_statements_count_from_the_next_packet() -> None:
    desk = Desk(OLD)
    address = desk.bind(mac(1))
    offered = desk.discover(mac(2))
    logs = reload(desk, OLD.replace("old.", "new.").replace("600", "300"))
    assert logs[0] == "The new configuration of dhcpd.conf is in force: 2 leases are kept."
    assert any(isinstance(one, RewriteBegin) for one in desk.effects)
    assert domain(desk, mac(3)) == b"new.example"
    # Who was offered an address before gets it; who has one renews it, and gets a new time when the old one is worn.
    assert offered is not None
    desk.rest(200)
    assert desk.request(offered, mac(2)) == ACK
    (reply,) = desk.receive(message(3, mac(1), ciaddr=address))
    assert (reply.kind, reply.address, reply.time) == (ACK, address, 300)


def test_a_lease_without_a_range_is_kept_on_file_and_comes_back_with_its_range() -> None:
    desk = Desk(OLD)
    address, other = desk.bind(mac(1)), desk.bind(mac(2))
    low, high = sorted((address, other))
    logs = reload(desk, OPTIONS + SUBNET.format(f"{high} 10.77.0.30"))
    assert logs[1] == "1 leases have no range any more: they are kept on file until they end."
    lost, kept = (mac(1), mac(2)) if address == low else (mac(2), mac(1))
    assert desk.server.database.find(number(low)) is None
    assert desk.renew(low, lost) == 0
    assert desk.logs[-1].endswith(f"unknown lease {low}.")
    assert desk.renew(high, kept) == ACK
    parts = b"".join(rewritten(desk))
    assert f"lease {low} {{".encode() in parts
    assert f"lease {high} {{".encode() in parts
    logs = reload(desk, OLD)
    assert logs[1] == "1 leases whose range was gone have one again."
    assert desk.renew(low, lost) == ACK
    assert not desk.server.database.orphans


def rewritten(desk: Desk) -> list[bytes]:
    """What a reload of the same files writes anew."""
    for name, content in desk.machine.snapshot()["files"].items():
        desk.machine.apply(ev.ConfigurationFile(desk.now_us, 0, name, content, ""))
    effects = desk.machine.apply(ev.ConfigurationEnd(desk.now_us, 0, "dhcpd.conf", reload=True))
    assert any(isinstance(one, RewriteBegin) for one in effects)
    parts: list[bytes] = []
    while desk.machine.rewriting:
        effects = desk.machine.apply(ev.RewriteContinue(desk.now_us, 0))
        parts += [one.data for one in effects if isinstance(one, RewritePart)]
    return parts


def test_an_orphan_is_forgotten_when_it_ends() -> None:
    desk = Desk(OLD)
    address = desk.bind(mac(1))
    reload(desk, OPTIONS + SUBNET.format("10.77.0.200"))
    desk.rest(700)
    assert f"lease {address}".encode() not in b"".join(rewritten(desk))
    assert not desk.server.database.orphans


def test_leases_end_when_they_would_have() -> None:
    on_expiry = 'on expiry { log (info, concat ("gone ", binary-to-ascii (10, 8, ".", leased-address))); }'
    desk = Desk(OLD + on_expiry)
    address = desk.bind(mac(1))
    reload(desk, OPTIONS + SUBNET.format("10.77.0.1 10.77.0.250") + on_expiry.replace("gone", "over"))
    desk.rest(599)
    assert desk.state(address) == "active"
    desk.rest(3)
    assert desk.state(address) == "free"
    # The handler is the one of the lease's grant, as after a restart.
    assert f"gone {address}" in desk.logs


def test_new_host_names_are_asked_for_first_and_old_ones_no_more() -> None:
    host = "host h {{ hardware ethernet {}; fixed-address {}; }}"
    mine = mac(9).hex(":")
    desk = Slow(OLD)
    reload(desk, OLD.replace("old.", "new.") + host.format(mine, "nine.example"))
    assert [one.name for one in desk.effects if isinstance(one, Lookup)] == ["nine.example"]
    assert domain(desk, mac(1)) == b"old.example"
    twin = desk.restored()
    for one in (desk, twin):
        one.step(ev.HostAnswer(0, 0, "nine.example", (10 << 24 | 77 << 16 | 99,), ""))
        assert one.logs[0].startswith("The new configuration")
        assert domain(one, mac(1)) == b"new.example"
        assert one.discover(mac(9)) == "10.77.0.99"
        assert [key for _owner, key, _at in one.machine.agenda.snapshot()] == ["nine.example"]
        reload(one, OLD)
        assert not one.machine.agenda.snapshot()


def test_the_last_of_two_reloads_that_wait_counts() -> None:
    desk = Slow(OLD)
    named = OLD + "host h { hardware ethernet 2:0:0:0:0:9; fixed-address nine.example; }"
    reload(desk, named)
    reload(desk, OLD.replace("old.", "new."))
    assert domain(desk, mac(1)) == b"old.example"
    desk.step(ev.HostAnswer(0, 0, "nine.example", (1,), ""))
    assert domain(desk, mac(1)) == b"new.example"
    assert not desk.server.generation.declared.hosts.count


def test_what_a_start_settles_is_named_and_stays_over_a_snapshot() -> None:
    desk = Desk(OLD)
    logs = reload(desk, OLD + 'local-port 6767; lease-file-name "/other"; remote-port 1068; abandon-lease-time 77;')
    assert logs[:2] == [
        "lease-file-name has changed in the configuration: it takes a restart to have effect.",
        "local-port has changed in the configuration: it takes a restart to have effect.",
    ]
    twin = desk.restored()
    for one in (desk, twin):
        assert one.server.ports.local == 67
        assert (one.server.settings.remote_port, one.server.settings.abandon_lease_time) == (1068, 77)
        one.step(ev.StorageFailed(0, 0, "append", "", "x"))
    assert reload(twin, OLD + "local-port 6767;")[0] == logs[1]
    assert "lease-file-name" not in "".join(reload(desk, OLD + "local-port 6767;"))


def test_omapi_is_served_with_the_new_secret_and_not_without_its_key() -> None:
    key = "omapi-port 7911; omapi-key k; key k { algorithm hmac-md5; secret %s; }"
    desk = Desk(OLD + key % "AAAA")
    logs = reload(desk, OLD)
    assert logs[0] == "OMAPI key k, with which this run has begun: not found"
    assert isinstance(desk.effects[-1], ConfigurationRefused)
    assert reload(desk, OLD + key % "BBBB")[0].startswith("The new configuration")


def test_charges_and_subclasses_of_the_run_stay() -> None:
    class_ = 'class "one" { spawn with option host-name; lease limit %d; }'
    desk = Desk(OLD + class_ % 1)
    desk.bind(mac(1), name=b"a")
    assert desk.discover(mac(2), name=b"a") is None
    reload(desk, OLD + class_ % 1)
    assert desk.discover(mac(2), name=b"a") is None
    reload(desk, OLD + class_ % 2)
    desk.bind(mac(2), name=b"a")
    assert desk.discover(mac(3), name=b"a") is None
    reload(desk, OLD)
    assert desk.discover(mac(3), name=b"a") is not None
    assert all(lease.rare is None or lease.rare.billing is None for lease in desk.server.database.leases())


def test_declarations_of_the_run_stay_over_the_new_ones() -> None:
    leases = "host h1 { deleted; } host n1 { dynamic; hardware ethernet 2:0:0:0:0:7; fixed-address 10.77.0.77; }"
    desk = Desk(OLD + "host h1 { hardware ethernet 2:0:0:0:0:8; fixed-address 10.77.0.78; }", leases)
    reload(desk, OLD + "host h1 { hardware ethernet 2:0:0:0:0:8; fixed-address 10.77.0.79; }")
    assert desk.discover(bytes((2, 0, 0, 0, 0, 7))) == "10.77.0.77"
    assert desk.discover(bytes((2, 0, 0, 0, 0, 8))) not in {"10.77.0.78", "10.77.0.79"}


def test_variables_and_functions_stay() -> None:
    text = OPTIONS + """
        define told (what) { return concat ("%s ", what); }
        set runs = concat (pick-first-value (runs, "n"), "+");
        subnet 10.77.0.0 netmask 255.255.255.0 { range 10.77.0.10; set said = told (runs); log (info, said); }
    """
    desk = Desk(text % "old")
    desk.bind(mac(1))
    assert "old n+" in desk.logs
    reload(desk, text % "new")
    twin = desk.restored()
    for one in (desk, twin):
        one.discover(mac(1))
        assert "new n+" in one.logs


def test_an_offer_whose_address_has_no_range_any_more_does_not_leave() -> None:
    desk = Desk(OLD.replace("ping-check off", "ping-check on"))
    assert desk.discover(mac(1)) is None
    (waiting,) = desk.server.offers
    reload(desk, OPTIONS + SUBNET.format("10.77.0.200"))
    assert not desk.rest(3)
    assert dotted(waiting) not in desk.active


def test_an_interface_without_a_subnet_is_named_and_heard_no_more() -> None:
    desk = Desk(OLD)
    other = "shared-network n { interface eth1; subnet 10.9.0.0 netmask 255.255.0.0 { } }"
    logs = reload(desk, other + OPTIONS)
    assert logs[-1].endswith("nothing has changed.")
    assert desk.discover(mac(1)) is not None


def test_a_thousand_reloads_leave_no_more_behind_than_one() -> None:
    import gc

    desk = Desk(OLD)
    desk.bind(mac(1))
    counts = []
    for turn in range(30):
        reload(desk, OLD.replace("old", f"n{turn}") + 'class "c" { match hardware; } subclass "c" 1:2;')
        gc.collect()
        counts.append(len(gc.get_objects()))
    assert counts[-1] - counts[5] < 100, counts


def test_a_machine_restored_behind_any_event_of_a_run_with_reloads_goes_on_the_same() -> None:
    desk = Desk(OLD + 'class "c" { spawn with option host-name; lease limit 1; } on commit { set x = hardware; }')
    named = OLD + "host h { hardware ethernet 2:0:0:0:0:9; fixed-address nine.example; }"
    given: list[ev.Event] = []
    for turn, text in enumerate((OPTIONS + SUBNET.format("10.77.0.15 10.77.0.40"), named, OLD + "x", OLD)):
        for client in range(4):
            hardware = bytes((2, 0, 0, 0, turn, client))
            given.append(ev.Packet(0, 0, "eth0", 0, 68, message(1, hardware, name=b"n")))
            address = f"10.77.0.{10 + 4 * turn + client}"
            given.append(ev.Packet(0, 0, "eth0", 0, 68, message(3, hardware, name=b"n", requested=address)))
        given.append(ev.ConfigurationFile(0, 0, "dhcpd.conf", text.encode(), ""))
        given.append(ev.ConfigurationEnd(0, 0, "dhcpd.conf", reload=True))
        given += [ev.RewriteContinue(0, 0), ev.Timer(0, 0)]
        if text is named:
            given.append(ev.HostAnswer(0, 0, "nine.example", (10 << 24 | 77 << 16 | 99,), ""))
    events = [event._replace(wall_us=desk.now_us + 90_000_000 * at) for at, event in enumerate(given)]
    straight, states = [], []
    for event in events:
        states.append(msgpack.packb(desk.machine.snapshot()))
        straight.append(desk.machine.apply(event))
    for at, state in enumerate(states):
        machine = Machine.restore(msgpack.unpackb(state, strict_map_key=False))
        assert msgpack.packb(machine.snapshot()) == state
        assert [machine.apply(event) for event in events[at:]] == straight[at:]
