"""A site of 500 clients on four networks for an hour and a half, played to the real engine: what a recording holds."""

from __future__ import annotations

from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from dhcpd.replay.showing.decode import hardware_of_payload, options_of
from dhcpd.replay.world.host import START_US
from dhcpd.replay.world.messages import message
from dhcpd.trace import events as ev
from tests.replay.engine_runs import SERVER, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dhcpd.trace.effects import Send

NETWORKS = 4
CLIENTS = 500
SECOND_US = 1_000_000
END_S = 5_400
# Clients of network 3 by host declarations; the last of all has one too, and so has one on a network without a pool.
HOSTS = tuple(client for client in range(CLIENTS) if client % NETWORKS == 3 and client % 5 == 0)
LAST = CLIENTS - 1
LONELY = 1000

HEAD = """authoritative;
default-lease-time 600;
max-lease-time 600;
option domain-name "example.org";
ping-check false;
subnet 10.0.0.0 netmask 255.255.0.0 { }
"""
PLACE = """subnet 10.{0}.0.0 netmask 255.255.0.0 {{
  option routers 10.{0}.0.1;
  option domain-name-servers 10.{0}.0.53;
  default-lease-time {time};
  max-lease-time {time};
  ping-check {ping};
  range 10.{0}.1.1 10.{0}.{high};
}}
"""
HOST = "host h{0} {{ hardware ethernet {1}; fixed-address 10.{2}.200.{3}; }}\n"


def name_of(client: int) -> str:
    return (b"\x02\0" + client.to_bytes(4, "big")).hex(":")


def names_of(clients: Iterable[int]) -> set[str]:
    return {name_of(client) for client in clients}


def network_of(client: int) -> int:
    return 5 if client == LONELY else client % NETWORKS + 1


def configuration(
    *, without: tuple[int, ...] = (), high: dict[int, str] | None = None, time: dict[int, int] | None = None
) -> str:
    """The site's dhcpd.conf: without some hosts, with other ends of pools, with other lease times."""
    text = HEAD
    for network in range(1, NETWORKS + 1):
        text += PLACE.format(
            network,
            time=(time or {}).get(network, 600),
            ping="true" if network == 2 else "false",
            high=(high or {}).get(network, "2.250"),
        )
    text += "subnet 10.5.0.0 netmask 255.255.0.0 { }\n"
    for number, client in enumerate([*HOSTS, LAST, LONELY], 1):
        if client not in without:
            text += HOST.format(client, name_of(client), network_of(client), number)
    return text


class Site(Run):
    """The run. `given`: the addresses that each client was granted.

    Clients `declined` refuse their first address, `leaving` give theirs back, `shy` go without a word.
    """

    def __init__(self, text: str | None = None, leases: bytes = b"", clients: int = CLIENTS) -> None:
        super().__init__((text or configuration()).encode(), leases)
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._held: dict[int, int] = {}
        self.given: dict[int, set[int]] = {}
        self._asked_us: dict[int, int] = {}
        self.declined = [client for client in range(clients) if client % 60 == 40]
        self.leaving = [client for client in range(clients) if client % 50 == 20]
        self.shy = [client for client in range(clients) if client % 50 == 32]
        for client in [*range(clients), LONELY]:
            self._at(1 + 2 * min(client, clients), partial(self._discover, client))

    def _at(self, after_s: float, what: Callable[[], None]) -> None:
        self._count += 1
        heappush(self._queue, (self.now_us + int(after_s * SECOND_US), self._count, what))

    def go(self, until_s: int = END_S) -> Site:
        end_us = START_US + until_s * SECOND_US
        while self._queue and self._queue[0][0] < end_us:
            at_us, _, what = heappop(self._queue)
            while 0 < self.wake_us <= at_us:
                # The program's timers come a little late.
                self.wake_us += 700
                self.fire()
            self.now_us = max(at_us, self.now_us)
            what()
        self.tell(ev.End(*self.now, "SIGTERM"))
        return self

    def ping(self, address: int) -> None:
        if address & 0xFF == 7:
            self._at(0.2, lambda: self.tell(ev.PingReply(0, 0, address)))

    def _say(self, client: int, kind: int, options: bytes = b"", ciaddr: int = 0, *, direct: bool = False) -> None:
        """By the relay of the client's network, or straight to the server."""
        self.xid += 1
        relay = (10 << 24) + (network_of(client) << 16) + 1
        hardware = b"\x02\0" + client.to_bytes(4, "big")
        giaddr = 0 if direct else relay
        options += bytes([55, 4, 1, 3, 6, 15])
        hops = int(not direct)
        data = message(kind, hardware, options, xid=self.xid, ciaddr=ciaddr, giaddr=giaddr, hops=hops, octets=0)
        source, port = (ciaddr, 68) if direct else (relay, 67)
        self.tell(ev.Packet(0, 0, "eth0", source, port, data))

    def _discover(self, client: int) -> None:
        self._say(client, 1, bytes([12, 4]) + b"host")

    def send(self, sent: Send) -> None:
        client = int.from_bytes(hardware_of_payload(sent.payload)[2:], "big")
        address = int.from_bytes(sent.payload[16:20], "big")
        kind = options_of(sent.payload)[53][0]
        named = bytes([50, 4]) + address.to_bytes(4, "big") + bytes([54, 4]) + options_of(sent.payload)[54]
        if kind == 2:
            self._at(0.01, lambda: self._say(client, 3, named))
        elif kind == 5 and 51 in options_of(sent.payload):
            self._bound(client, address, named)

    def _bound(self, client: int, address: int, named: bytes) -> None:
        first = client not in self._held
        self._held[client] = address
        self.given.setdefault(client, set()).add(address)
        if first and client in self.declined:
            self._at(0.1, lambda: self._say(client, 4, named))
            self._at(10, lambda: self._discover(client))
        elif first and client % 9 == 0:
            self._at(1, lambda: self._say(client, 8, ciaddr=address, direct=True))
            self._at(300, lambda: self._say(client, 3, ciaddr=address, direct=True))
        elif first and client % 11 == 0:
            self._at(250, lambda: self._say(client, 3, bytes([50, 4]) + address.to_bytes(4, "big")))
        elif client in self.leaving:
            self._at(200, lambda: self._say(client, 7, named[6:], ciaddr=address, direct=True))
        elif client not in self.shy:
            self._at(300, lambda: self._say(client, 3, ciaddr=address, direct=True))


__all__ = ["CLIENTS", "HOSTS", "LAST", "LONELY", "SERVER", "Site", "configuration", "name_of", "names_of", "network_of"]
