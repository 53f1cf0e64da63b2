"""A world to test in: clients get what a configuration gives, whatever becomes of network, clock and power."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.replay.world import NoAnswer, NotStarted, World
from dhcpd.trace.effects import DnsSend

if TYPE_CHECKING:
    from pathlib import Path

    from dhcpd.replay.world import Client, Server
    from dhcpd.trace.events import DnsAnswer

CONFIGURATION = """
authoritative; default-lease-time 600; max-lease-time 600;
option domain-name "example.org"; option domain-name-servers ns.example.org;
subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.12; option routers 10.0.0.1; }
subnet 10.1.0.0 netmask 255.255.255.0 { range 10.1.0.10 10.1.0.99; option routers 10.1.0.1; }
"""
ETH0 = "10.0.0.1/24"


def clients(world: World, count: int) -> list[Client]:
    return [world.client(f"02:00:00:00:00:{number:02x}") for number in range(1, count + 1)]


def test_a_client_gets_renews_loses_and_gives_back_its_lease():
    world = World()
    world.names["ns.example.org"] = ["10.0.0.53"]
    server = world.server(CONFIGURATION, eth0=ETH0)
    client = world.client("02:00:00:00:00:01")
    lease = client.bind()
    assert (lease.kind, lease.address, lease.lease_s) == ("DHCPACK", "10.0.0.10", 600)
    assert (lease.text("domain-name"), lease.text("domain-name-servers")) == ('"example.org"', "10.0.0.53")
    assert lease.text("siaddr") == "0.0.0.0"
    assert lease.text("root-path") == ""
    world.wait(minutes=5)
    assert client.renew().address == client.rebind().address == "10.0.0.10"
    world.wait(minutes=11)
    assert client.lease is None
    assert bytes(server.disk.content).count(b"\n  binding state free;") == 1
    client.reboot("10.0.0.10")
    client.release()
    world.wait(seconds=1)
    assert server.lines[-1] == "DHCPRELEASE of 10.0.0.10 from 02:00:00:00:00:01 via eth0 (found)"


def test_a_relay_speaks_for_a_wire_that_no_server_is_on():
    world = World()
    world.server(CONFIGURATION, eth0=ETH0)
    far = world.client("02:00:00:00:00:01", relay="10.1.0.1")
    nowhere = world.client("02:00:00:00:00:02", wire="eth9")
    assert far.bind().address == "10.1.0.10"
    assert far.renew().address == "10.1.0.10"
    assert nowhere.discover() is None


def test_an_address_that_somebody_has_is_passed_over():
    world = World()
    server = world.server(CONFIGURATION, eth0=ETH0)
    world.occupy("10.0.0.10")
    client = world.client("02:00:00:00:00:01")
    assert client.discover() is None
    assert "Abandoning IP address 10.0.0.10: pinged before offer" in server.lines
    assert client.bind().address == "10.0.0.11"


def test_a_client_that_gets_nothing_says_what_the_server_said():
    world = World()
    world.server(CONFIGURATION, eth0=ETH0)
    *lucky, last = clients(world, 4)
    for client in lucky:
        client.bind()
    with pytest.raises(NoAnswer, match=r"(?s)DHCPDISCOVER and got no answer.*no free leases") as caught:
        last.bind()
    assert (caught.value.client, caught.value.asked, caught.value.answer) == (last.name, "DHCPDISCOVER", None)
    with pytest.raises(NoAnswer, match="DHCPREQUEST and got DHCPNAK"):
        last.reboot("10.9.9.9")


def test_a_configuration_that_is_not_accepted_is_refused_with_the_log():
    with pytest.raises(NotStarted, match="semicolon expected") as caught:
        World().server("default-lease-time 5 }", eth0=ETH0)
    assert caught.value.status == 1


def test_two_servers_answer_and_a_cut_leaves_one():
    world = World()
    other = CONFIGURATION.replace("10.0.0.10 10.0.0.12", "10.0.0.20 10.0.0.22")
    world.server(CONFIGURATION, name="one", eth0=ETH0)
    world.server(other, name="two", eth0="10.0.0.2/24")
    first, second, third = clients(world, 3)
    first.discover()
    world.wait(seconds=2)
    offers = sorted((reply.server, reply.address) for reply in first.heard)
    assert offers == [("one", "10.0.0.10"), ("two", "10.0.0.20")]
    world.network.cut("one", second.name, both=False)
    assert second.bind().server == "two"
    world.network.heal()
    world.network.cut("two", third.name)
    assert third.bind().server == "one"


def test_a_bad_network_is_the_same_for_the_same_seed():
    def story(seed: int) -> list[tuple[str, int]]:
        world = World(seed)
        world.server(CONFIGURATION, eth0=ETH0)
        world.network.loss, world.network.twice, world.network.delay_us = 0.3, 0.3, (100, 90_000)
        for client in clients(world, 3):
            for _ in range(4):
                client.discover()
        return [(reply.address, reply.at_us) for client in world.network.clients for reply in client.heard]

    assert story(1) == story(1) != story(2)


def test_what_was_acknowledged_is_there_after_the_power_failed():
    world = World()
    server = world.server(CONFIGURATION, eth0=ETH0)
    first, second = clients(world, 2)
    first.bind()
    offer = second.discover()
    assert offer is not None
    server.disk.failing.add("sync")
    with pytest.raises(NoAnswer):
        second.request(offer)
    server.lose_power(kept=0.3)
    assert first.discover() is None
    world.server(CONFIGURATION)
    assert first.renew().address == "10.0.0.10"
    assert second.bind().address != "10.0.0.10"


def test_a_server_whose_clock_is_wrong_counts_by_it():
    world = World()
    server = world.server(CONFIGURATION, eth0=ETH0)
    client = world.client("02:00:00:00:00:01")
    client.bind()
    world.wait(minutes=1)
    server.set_clock(599 * 1_000_000)
    world.wait(seconds=1)
    assert b"binding state free;" in server.disk.content
    server.set_clock(-3_600_000_000)
    assert client.bind().lease_s == 600
    world.wait(minutes=11)
    assert client.lease is None


def test_a_recording_of_a_world_plays(tmp_path: Path):
    with World() as world:
        server = world.server(CONFIGURATION, eth0=ETH0, recording=tmp_path / "run.trace")
        for client in clients(world, 3):
            client.bind()
        world.wait(hours=3)
    verdict = play_file(str(tmp_path / "run.trace"), str(tmp_path / "leases"))
    assert verdict.status is Status.SAME
    assert (tmp_path / "leases").read_bytes() == server.disk.content


def asked(server: Server, effect: DnsSend) -> list[DnsAnswer]:
    """The answers that a server hears to a DNS message, within a minute."""
    heard: list[DnsAnswer] = []
    server.hear = heard.append  # type: ignore[method-assign,assignment]
    server.dns_send(effect)
    server._world.clock.wait(60)
    return heard


def test_a_dns_server_answers_where_there_is_one():
    world = World()
    server = world.server(CONFIGURATION, eth0=ETH0)
    world.dns_servers["10.0.0.53"] = lambda query: b"to " + query if query else None
    question = DnsSend(1, bytes([10, 0, 0, 53]), 53, False, 1_000_000, b"query")
    assert [one[2:] for one in asked(server, question)] == [(1, b"to query", "")]
    assert asked(server, question._replace(payload=b"")) == []
    assert asked(server, question._replace(server=bytes([10, 0, 0, 54]))) == []
    assert [one.error for one in asked(server, question._replace(server=bytes(16), tcp=True))] == ["ECONNREFUSED"]
    world.network.cut("10.0.0.53", "server")
    assert asked(server, question) == []
