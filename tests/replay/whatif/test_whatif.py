"""`dhcpd-trace whatif`: exactly the clients that a change of the configuration concerns, and nobody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpd.replay.command.cli import cli
from dhcpd.replay.playing.verdict import Status
from dhcpd.replay.whatif import Group, Report, SourceFile, compare
from dhcpd.replay.world.host import START_US
from dhcpd.trace import TapeWriter, open_tape
from dhcpd.trace import events as ev
from dhcpd.trace.events import Interfaces, Packet
from tests.replay.engine_runs import CONFIGURATION, LEASES_FOUND, SERVER, Run
from tests.replay.planting import PLAIN
from tests.replay.tapes import record
from tests.replay.whatif.site import (
    CLIENTS,
    HOSTS,
    LAST,
    LONELY,
    Site,
    configuration,
    name_of,
    names_of,
    network_of,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def site() -> Site:
    return Site().go()


@pytest.fixture(scope="module")
def trace(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("site") / "trace", *site.pairs)


def ask(path: Path, text: str | bytes, **more: Any) -> Report:
    content = text.encode() if isinstance(text, str) else text
    with open_tape(path) as tape:
        return compare(tape, [SourceFile("/new/dhcpd.conf", content, "")], **more)


def found(report: Report) -> dict[Group, set[str]]:
    assert not report.failure
    assert report.served
    return {one.group: {client.client for client in report.in_group(one.group)} for one in report.groups()}


def on_network(number: int) -> set[str]:
    return names_of(client for client in range(CLIENTS) if network_of(client) == number)


def test_the_recording_is_realistic(site: Site):
    kinds = [type(event).__name__ for event, _ in site.pairs]
    assert kinds.count("Packet") > 8_000
    assert kinds.count("Timer") > 100
    assert kinds.count("PingReply") > 0


def test_the_same_configuration_gives_no_difference(trace: Path):
    report = ask(trace, configuration())
    assert found(report) == {}
    assert (report.consequences, report.own_messages, report.errors) == (0, 0, ())
    assert report.clients_seen == CLIENTS + 1


def test_a_changed_option_concerns_the_clients_of_its_network(trace: Path):
    report = ask(trace, configuration().replace("10.3.0.53", "10.3.0.54"))
    assert found(report) == {Group.OPTIONS: on_network(3)}
    example = report.groups()[0].example.change
    assert example.text == "domain-name-servers 10.3.0.53 -> 10.3.0.54"


def lines_of(path: Path, tmp_path: Path, text: str | bytes, *words: str) -> list[str]:
    """What the verb prints about another configuration."""
    conf = tmp_path / "new.conf"
    conf.write_bytes(text.encode() if isinstance(text, str) else text)
    return invoke(str(path), "-cf", str(conf), *words).stdout.splitlines()


def test_equal_changes_are_told_once_with_their_clients(trace: Path, tmp_path: Path):
    text = configuration(high={1: "1.60"}, without=(15,)).replace("10.3.0.53", "10.3.0.54")
    lines = lines_of(trace, tmp_path, text)
    there = len(on_network(3))
    assert any(line.startswith(f"  domain-name-servers 10.3.0.53 -> 10.3.0.54: {there} clients, first event ")
               for line in lines)  # fmt: skip
    assert sum("domain-name-servers" in line for line in lines) == 1
    assert any(line.startswith("  DHCPOFFER -> no answer: ") for line in lines)
    assert any(line.startswith("  another address of 10.4.0.0/16: ") for line in lines)
    assert max(map(len, lines)) <= 100
    everything = lines_of(trace, tmp_path, text, "--all")
    assert sum("domain-name-servers 10.3.0.53 -> 10.3.0.54" in line for line in everything) == 1 + there
    assert max(map(len, everything)) <= 100
    assert max(map(len, lines_of(trace, tmp_path, text, "--client", name_of(2)))) <= 100


def test_values_and_names_of_any_length_fit_the_page(tmp_path: Path):
    run = Run(PLAIN)
    for client in range(3):
        run.exchange(client)
    pools = " ".join(f"range 10.0.{at}.1 10.0.{at}.250;" for at in range(1, 9))
    names = ", ".join(f'"{"x" * 40}{at}.example.org"' for at in range(9))
    options = f'option domain-search {names}; option bootfile-name "{"boot/" * 40}"; option routers 10.0.0.1;'
    text = f"subnet 10.0.0.0 netmask 255.255.0.0 {{ {pools} {options} }}"
    text = f'ping-check false; shared-network "{"n" * 60}" {{ {text} }}'
    request = bytes([55, 4, 1, 3, 67, 119])
    run.packet(9, 1, request)
    lines = lines_of(record(tmp_path / "t", *run.pairs), tmp_path, text, "--all")
    assert any(line.startswith("  bootfile-name absent ->") for line in lines)
    assert [line for line in lines if len(line) > 100 and " " in line.strip()] == []


def test_what_is_left_out_is_said(tmp_path: Path):
    """The reloads of the recorded run, and what OMAPI's clients said where the new server does not listen."""
    run = Run(PLAIN + b"omapi-port 7911;")
    run.exchange(1)
    for _reload in range(2):
        run.tell(ev.ConfigurationFile(*run.now, "/etc/dhcpd.conf", PLAIN + b"omapi-port 7911;", ""))
        run.tell(ev.ConfigurationEnd(*run.now, "/etc/dhcpd.conf", reload=True))
    run.tell(ev.StreamOpened(*run.now, 2, "omapi", SERVER, 7911, SERVER, 40000))
    run.tell(ev.StreamClosed(*run.now, 2, ""))
    path = record(tmp_path / "t", *run.pairs)
    again = "the recorded server read its configuration again 2 times, which is left out"
    told = "1 OMAPI connection is told to the new server as recorded"
    left = "1 OMAPI connection is left out: the new server does not listen where they called"
    for text, wanted, other in ((PLAIN + b"omapi-port 7911;", told, left), (PLAIN, left, told)):
        shown = " ".join(line.strip() for line in lines_of(path, tmp_path, text))
        assert again in shown
        assert wanted in shown
        assert other not in shown


def in_truth(site: Site, text: str) -> dict[Group, set[str]]:
    """Who meets what when the same clients live with another configuration from the beginning."""
    now = Site(text).go().given
    changed = {client for client, had in site.given.items() if client in now and now[client] != had}
    both = {Group.LOST_SERVICE: names_of(site.given.keys() - now.keys()), Group.ADDRESS_CHANGED: names_of(changed)}
    return {group: names for group, names in both.items() if names}


def test_a_pool_made_too_small_costs_who_comes_last(site: Site, trace: Path):
    text = configuration(high={4: "1.60"})
    report = ask(trace, text)
    there = [client for client in range(CLIENTS) if network_of(client) == 4 and client not in HOSTS]
    assert found(report) == {Group.LOST_SERVICE: names_of(set(there[60:]) - {LAST})}
    assert found(report) == in_truth(site, text)
    (pool,) = [pool for pool in report.pools if pool.network == "10.4.0.0/16"]
    assert (pool.addresses, pool.active, pool.free) == (60, 60, 0)


def test_who_comes_in_vain_takes_what_others_leave(site: Site, trace: Path):
    report = ask(trace, configuration(high={3: "1.100"}))
    there = [client for client in range(CLIENTS) if network_of(client) == 3]
    groups = found(report)
    assert groups.keys() == {Group.LOST_SERVICE, Group.ADDRESS_CHANGED}
    assert groups[Group.LOST_SERVICE] | groups[Group.ADDRESS_CHANGED] == names_of(there[100:])
    # Leases that were given back or let go are few, and each is somebody's in the end.
    left = [client for client in there[:100] if client in site.leaving or client in site.shy]
    assert len(groups[Group.ADDRESS_CHANGED]) >= len(left)


def test_a_removed_host_gets_an_address_of_the_pool_or_none(trace: Path):
    text = configuration(without=(LAST, LONELY))
    report = ask(trace, text, stories=lambda name: name == name_of(LAST))
    assert found(report) == {Group.ADDRESS_CHANGED: {name_of(LAST)}, Group.LOST_SERVICE: {name_of(LONELY)}}
    assert report.own_messages > 5  # its renewals are of the address that it has now
    assert report.clients[name_of(LONELY)].consequences > 0
    story = report.clients[name_of(LAST)].story
    assert "takes the offer" in story[1].said_now
    assert "renews its own address" in story[2].said_now


def test_a_shorter_lease_time_concerns_who_has_leases_of_that_time(trace: Path):
    report = ask(trace, configuration(time={1: 120}))
    assert found(report) == {Group.LEASE_TIME: on_network(1)}
    (group,) = report.groups()
    assert group.example.change.text.startswith("dhcp-lease-time 600 -> 120")
    # What is renewed in time is nobody else's meanwhile, even where the recorded renewals come too late.
    assert report.own_messages > 1_000


def test_without_the_model_the_table_shows_consequences(trace: Path):
    closed, opened = (ask(trace, configuration(without=(LAST,)), closed_loop=on) for on in (True, False))
    assert found(closed) == {Group.ADDRESS_CHANGED: {name_of(LAST)}}
    assert Group.REFUSED in found(opened) or Group.LOST_SERVICE in found(opened)
    assert opened.own_messages == 0


def test_another_network_of_addresses_is_an_address_for_everybody_there(trace: Path):
    text = configuration().replace("range 10.1.1.1 10.1.2.250", "range 10.1.7.1 10.1.8.250")
    assert found(ask(trace, text)) == {Group.ADDRESS_CHANGED: on_network(1)}


# Runs of other kinds: an unchanged configuration gives no difference


@pytest.fixture(scope="module")
def busy() -> Run:
    """Leases found at the start, classes, spawned classes, programs run, releases, declines, expiry."""
    run = Run(leases=LEASES_FOUND)
    run.serve(40)
    return run


@pytest.mark.parametrize("closed", [True, False], ids=["whole", "torn"])
def test_the_same_configuration_over_a_lease_file(busy: Run, tmp_path: Path, closed: bool):
    path = record(tmp_path / "trace", *busy.pairs, closed=closed)
    if not closed:
        path.write_bytes(path.read_bytes()[:-40])
    report = ask(path, CONFIGURATION)
    assert found(report) == {}
    assert report.errors == ()
    assert report.status() is Status.SAME


def test_the_same_configuration_over_a_recording_that_goes_on_from_a_snapshot(busy: Run, tmp_path: Path):
    run = Run(leases=LEASES_FOUND)
    for client in range(6):
        run.exchange(client)
    seq, snapshot = len(run.pairs), run.machine.snapshot()
    for client in range(12):
        run.exchange(client)
    path = tmp_path / "trace"
    writer = TapeWriter.create(path, version="0.0.test", host="test", created_us=START_US, first_seq=seq + 1)
    writer.write_snapshot(seq, snapshot)
    for event, effects in run.pairs[seq:]:
        writer.write_effects(writer.write_events([event]), [effects])
    writer.close()
    assert found(ask(path, CONFIGURATION)) == {}
    # Another configuration takes the state over by a lease file.
    changed = found(ask(path, CONFIGURATION.replace(b'domain-name "example.org"', b'domain-name "example.net"')))
    assert changed == {Group.OPTIONS: names_of(range(12))}


def test_the_lease_file_may_be_another(busy: Run, tmp_path: Path):
    path = record(tmp_path / "trace", *busy.pairs)
    held = b"lease 10.0.1.0 { starts 1 2026/09/21 13:00:00; ends never; binding state active; "
    held += b"hardware ethernet 02:00:00:00:77:77; }"
    report = ask(path, CONFIGURATION, leases=held)
    assert Group.ADDRESS_CHANGED in found(report)


# Refusals, names, errors


SHARED = b"""authoritative; ping-check false; default-lease-time 600; shared-network both {
  subnet 10.0.0.0 netmask 255.255.0.0 { }
  subnet 10.9.0.0 netmask 255.255.0.0 { range 10.9.1.0 10.9.1.255; }
}"""
ALONE = b"""authoritative; ping-check false; default-lease-time 600;
subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.7.0 10.0.7.255; }"""


def renewals() -> Run:
    """Client 2 renews what it had when the recording began."""
    run = Run(SHARED)
    address = run.exchange(2)
    for _ in range(3):
        run.now_us += 300_000_000
        run.packet(2, 3, ciaddr=address)
    packets = [pair for pair in run.pairs if isinstance(pair[0], Packet)]
    run.pairs = [pair for pair in run.pairs if pair not in packets[:2]]
    return run


def test_a_refusal_of_a_renewal_is_followed_by_a_new_address(tmp_path: Path):
    report = ask(record(tmp_path / "trace", *renewals().pairs), ALONE)
    assert found(report) == {Group.REFUSED: {name_of(2)}, Group.ADDRESS_CHANGED: {name_of(2)}}
    assert report.clients[name_of(2)].messages == {Group.REFUSED: 1, Group.ADDRESS_CHANGED: 2}


def test_who_is_not_answered_keeps_its_lease_to_its_end_and_starts_over(tmp_path: Path):
    text = ALONE.replace(b"authoritative", b"not authoritative")
    report = ask(record(tmp_path / "trace", *renewals().pairs), text)
    assert report.clients[name_of(2)].messages == {Group.LOST_SERVICE: 1, Group.ADDRESS_CHANGED: 2}


def test_an_unknown_name_is_told(tmp_path: Path):
    run = Run()
    run.exchange(2)
    text = CONFIGURATION.replace(b"option routers 10.0.0.1", b"option routers router.example.org")
    report = ask(record(tmp_path / "trace", *run.pairs), text)
    assert report.unknown_names == ("router.example.org",)
    assert any("router.example.org" in line.text for line in report.errors)


def test_a_configuration_with_errors_cannot_be_judged(trace: Path):
    report = ask(trace, "subnet 10.0.0.0 netmask {")
    assert report.status() is Status.UNJUDGED
    assert any("line 1" in line for line in report.refused)


def test_an_interface_that_is_not_served_any_more_answers_nobody(tmp_path: Path):
    run = Run()
    run.exchange(2)
    link = next(event for event, _ in run.pairs if isinstance(event, Interfaces)).links[0]
    other = link._replace(name="eth1", index=3, addresses=((0x0A090001, 16),))
    pairs = [
        (event._replace(links=(link, other)) if isinstance(event, Interfaces) else event, effects)
        for event, effects in run.pairs
    ]
    text = b"subnet 10.9.0.0 netmask 255.255.0.0 { } shared-network relayed { subnet 10.0.0.0 netmask 255.255.0.0 { } }"
    report = ask(record(tmp_path / "trace", *pairs), text)
    assert found(report) == {Group.LOST_SERVICE: {name_of(2)}}


def invoke(*words: str) -> Result:
    result = CliRunner().invoke(cli, ["whatif", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def files(busy: Run, tmp_path: Path) -> tuple[str, str]:
    path = record(tmp_path / "trace", *busy.pairs)
    (tmp_path / "inner.conf").write_bytes(CONFIGURATION.replace(b"option routers 10.0.0.1", b"option routers 10.0.0.9"))
    (tmp_path / "new.conf").write_text(f'include "{tmp_path}/inner.conf";\n')
    return str(path), str(tmp_path / "new.conf")


def test_exit_status_is_for_ci(files: tuple[str, str], tmp_path: Path):
    trace, conf = files
    assert invoke(trace, "-cf", conf).exit_code == Status.DIFFERENT
    assert invoke(trace, "-cf", conf, "--fail-on", "any").exit_code == Status.DIFFERENT
    assert invoke(trace, "-cf", conf, "--fail-on", "lost-service").exit_code == Status.SAME
    assert invoke(trace, "-cf", conf, "--fail-on", "lost-service", "--fail-on", "options").exit_code == 1
    assert invoke(trace, "-cf", conf + ".not").exit_code == Status.UNJUDGED
    assert invoke(conf, "-cf", conf).exit_code == Status.DAMAGED
    assert invoke(trace, "-cf", conf, "--leases", "/nowhere").exit_code == Status.UNJUDGED
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)
    result = invoke(trace, "-cf", conf, "--leases", str(tmp_path / "huge"))
    assert (result.exit_code, "File too large" in result.output) == (Status.UNJUDGED, True)


def test_json_and_tables_tell_the_same(files: tuple[str, str]):
    trace, conf = files
    told = json.loads(invoke(trace, "-cf", conf, "--json").stdout)
    (group,) = told["groups"]
    assert group["group"] == "options"
    shown = invoke(trace, "-cf", conf, "--all").stdout
    assert f"{told['differences']:,} differences, {group['clients']} clients" in shown
    for client in told["clients"]:
        assert client["client"] in shown
    assert "routers 10.0.0.1 -> 10.0.0.9" in shown


def test_one_client_s_story(files: tuple[str, str]):
    trace, conf = files
    shown = invoke(trace, "-cf", conf, "--client", name_of(1).upper().replace(":", "-")).stdout
    assert "then" in shown
    assert "routers 10.0.0.1 -> 10.0.0.9" in shown
    assert invoke(trace, "-cf", conf, "--client", "00:11:22:33:44:55").exit_code == Status.UNJUDGED


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 1 << 20), octets=st.binary(min_size=1, max_size=8))
def test_a_damaged_recording_is_a_clear_answer(busy: Run, tmp_path: Path, at: int, octets: bytes):
    path = tmp_path / "trace"
    path.unlink(missing_ok=True)
    whole = record(path, *busy.pairs[:60]).read_bytes()
    place = at % len(whole)
    path.write_bytes(whole[:place] + octets + whole[place + len(octets) :])
    (tmp_path / "conf").write_bytes(CONFIGURATION)
    result = invoke(str(path), "-cf", str(tmp_path / "conf"))
    assert result.exit_code in set(Status)


def test_who_answered_a_ping_answers_the_new_server_too(trace: Path):
    text = configuration().replace("ping-check true", "ping-check false")
    # Without the ping its address is given away, to the client that had no offer for it.
    assert found(ask(trace, text)) == {Group.GAINED_SERVICE: {name_of(25)}}
    assert found(ask(trace, configuration().replace("ping-check true", "ping-check true; ping-timeout 2"))) == {}
