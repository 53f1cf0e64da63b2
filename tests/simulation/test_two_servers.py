"""Two servers that share a pool (failover), in one world: together, cut off from each other, and together again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dhcpd.replay.world import World

if TYPE_CHECKING:
    from dhcpd.replay.world import Client, Server

CONFIGURATION: Final = """
failover peer "duo" {{ {role}; address {own}; port 647; peer address {other}; peer port 647;
  max-response-delay 30; max-unacked-updates 10; load balance max seconds 3; {more} }}
default-lease-time 600; max-lease-time 600; ping-check off;
subnet 10.0.0.0 netmask 255.255.255.0 {{ pool {{ failover peer "duo"; range 10.0.0.10 10.0.0.29; }} }}
"""
STATE: Final = "failover peer duo: I move from "


def server(world: World, name: str) -> Server:
    own, other = ("10.0.0.1", "10.0.0.2") if name == "one" else ("10.0.0.2", "10.0.0.1")
    role, more = ("primary", "mclt 60; split 128;") if name == "one" else ("secondary", "")
    text = CONFIGURATION.format(role=role, own=own, other=other, more=more)
    return world.server(text, name=name, eth0=f"{own}/24")


def state(of: Server) -> str:
    return [line for line in of.lines if line.startswith(STATE)][-1].rpartition(" to ")[2]


def bind(clients: list[Client]) -> list[str]:
    return [client.bind().address for client in clients]


def test_a_pair_serves_whatever_stands_between_it():
    world = World(seed=3)
    pair = [server(world, "one"), server(world, "two")]
    clients = [world.client(f"02:00:00:00:00:{number:02x}") for number in range(12)]
    world.wait(minutes=3)
    assert [state(one) for one in pair] == ["normal", "normal"]
    first = bind(clients[:6])
    assert {client.lease.server for client in clients[:6] if client.lease} == {"one", "two"}
    world.network.cut("one", "two")
    world.wait(minutes=1)
    assert [state(one) for one in pair] == ["communications-interrupted"] * 2
    second = bind(clients[6:])
    assert len({*first, *second}) == 12
    world.network.heal()
    world.wait(minutes=3)
    assert [state(one) for one in pair] == ["normal", "normal"]
    assert len(set(bind(clients))) == 12


def test_the_one_that_lost_its_power_comes_back_and_knows_the_others_leases():
    world = World(seed=5)
    one, two = server(world, "one"), server(world, "two")
    client = world.client("02:00:00:00:00:01")
    world.wait(minutes=3)
    given = client.bind().address
    one.lose_power()
    world.wait(seconds=45)
    assert state(two) == "communications-interrupted"
    assert client.rebind().server == "two"
    one = server(world, "one")
    world.wait(minutes=3)
    assert [state(one), state(two)] == ["normal", "normal"]
    assert f"lease {given} ".encode() in one.disk.content
    given = client.bind().address
    world.wait(seconds=2)
    two.kill()
    world.wait(seconds=45)
    assert client.rebind().address == given
