"""Names and failover: who gave the lease keeps its name, removes it once the partner knows, and heals what was missed.

docs/behaviour/dns-updates.md#with-failover
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dhcpd.replay.world import World
from tests.engine.ddns.name_server import NameServer

if TYPE_CHECKING:
    from dhcpd.replay.world import Server

CONFIGURATION: Final = """
failover peer "duo" {{ {role}; address {own}; port 647; peer address {other}; peer port 647;
  max-response-delay 30; max-unacked-updates 10; load balance max seconds 3; {more} }}
ddns-update-style interim; ddns-domainname "example.org"; ddns-hostname = binary-to-ascii (16, 8, "-", hardware);
zone example.org. {{ primary 10.0.0.53; }}
zone 0.0.10.in-addr.arpa. {{ primary 10.0.0.53; }}
default-lease-time 600; max-lease-time 600; ping-check off;
subnet 10.0.0.0 netmask 255.255.255.0 {{ pool {{ failover peer "duo"; range 10.0.0.10 10.0.0.29; }} }}
"""


def pair_and_dns(seed: int) -> tuple[World, list[Server], NameServer]:
    world = World(seed=seed)
    dns = NameServer("example.org.", "0.0.10.in-addr.arpa.")
    world.dns_servers["10.0.0.53"] = dns.answer
    servers = []
    ends = (("one", "10.0.0.1", "10.0.0.2", "primary"), ("two", "10.0.0.2", "10.0.0.1", "secondary"))
    for name, own, other, role in ends:
        more = "mclt 600; split 128;" if role == "primary" else ""
        text = CONFIGURATION.format(role=role, own=own, other=other, more=more)
        servers.append(world.server(text, name=name, eth0=f"{own}/24"))
    world.wait(minutes=3)
    return world, servers, dns


def addresses(dns: NameServer) -> list[str]:
    return sorted(row.split(" ")[2] for row in dns.table() if " A " in row)


def test_each_lease_has_one_name_whoever_gave_it_and_none_when_it_is_over() -> None:
    world, _servers, dns = pair_and_dns(seed=3)
    clients = [world.client(f"02:00:00:00:00:{number:02x}") for number in range(8)]
    given = [client.bind().address for client in clients]
    assert {client.lease.server for client in clients if client.lease} == {"one", "two"}
    world.wait(seconds=5)
    assert addresses(dns) == sorted(given)
    for client in clients[:4]:
        client.release()
    world.wait(seconds=5)
    assert addresses(dns) == sorted(given[4:])
    world.network.cut("one", "two")
    world.wait(seconds=5)
    world.network.heal()
    world.wait(minutes=5)
    world.wait(minutes=30)
    assert addresses(dns) == []
    assert [row for row in dns.table() if "PTR" in row] == []


def test_a_name_server_that_is_down_for_minutes_has_the_pairs_names_in_the_end() -> None:
    world, _servers, dns = pair_and_dns(seed=4)
    dns.silent = True
    clients = [world.client(f"02:00:00:00:01:{number:02x}") for number in range(6)]
    given = [client.bind().address for client in clients]
    world.wait(seconds=30)
    assert dns.table() == []
    dns.silent = False
    world.wait(minutes=3)
    assert addresses(dns) == sorted(given)
