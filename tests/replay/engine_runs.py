"""Runs of the real machine, without network or disk: events as a program would bring them, and the effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhcpd.disk.configuration import SourceFile
from dhcpd.replay.world.host import START_US, Host
from dhcpd.replay.world.messages import message
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Send

if TYPE_CHECKING:
    from dhcpd.trace.effects import Effect, Execute

LEASES = "/var/lib/dhcp/dhcpd.leases"
CONFIGURATION = b"""
authoritative;
ping-check false;
default-lease-time 600;
option domain-name "example.org";
option space acme;
option acme.place code 1 = text;
option acme.floor code 2 = unsigned integer 8;
class "odd" { match if substring(hardware, 6, 1) = 01; option root-path "/odd"; }
class "spawned" { spawn with hardware; lease limit 3; }
subnet 10.0.0.0 netmask 255.255.0.0 {
  option routers 10.0.0.1;
  option acme.place "cellar";
  option acme.floor 3;
  vendor-option-space acme;
  pool { range 10.0.0.16 10.0.0.23; allow members of "odd"; deny dynamic bootp clients; }
  range 10.0.1.0 10.0.8.255;
  on commit {
    set told = concat("client ", binary-to-ascii(16, 8, ":", substring(hardware, 1, 6)));
    log(info, told);
    execute("/bin/true", binary-to-ascii(10, 8, ".", leased-address));
  }
  on expiry or release { log(info, concat("gone: ", binary-to-ascii(10, 8, ".", leased-address))); }
}
host fixed { hardware ethernet 02:00:00:00:00:07; fixed-address 10.0.200.7; }
"""
# Start-up with leases in several states, some of which are over by then.
LEASES_FOUND = b"""
lease 10.0.1.5 {
  starts 1 2026/09/21 13:00:00; ends 1 2026/09/21 13:10:00; cltt 1 2026/09/21 13:00:00;
  binding state active; next binding state free;
  hardware ethernet 02:00:00:00:01:05; uid "\\001\\002\\000\\000\\000\\001\\005";
}
lease 10.0.1.6 {
  starts 1 2026/09/21 13:00:00; ends 1 2026/09/21 23:10:00; cltt 1 2026/09/21 13:00:00;
  binding state active; next binding state free;
  hardware ethernet 02:00:00:00:01:06; set told = "before"; client-hostname "six";
}
lease 10.0.1.7 { starts 1 2026/09/21 13:00:00; ends 1 2026/09/21 13:30:00; binding state abandoned; }
"""
SERVER = 0x0A000001


class Run(Host):
    """A machine that has started, and everything that went in and came out. Its programs never end."""

    def __init__(
        self, configuration: bytes = CONFIGURATION, leases: bytes = b"", seed: bytes = b"seed" * 4,
        now_us: int = START_US,
    ) -> None:
        super().__init__(now_us)
        self.pairs: list[tuple[ev.Event, list[Effect]]] = []
        self.xid = 0
        self.start(Beginning(
            [SourceFile("/etc/dhcpd.conf", configuration, "")],
            [leases] if leases else [],
            [ethernet("eth0", 2, b"\x02\0\0\0\0\xfe", (SERVER, 16))],
            lease_file=LEASES, words=("-pf", "/run/dhcpd.pid", "-p", "67"), version="test", host_name="host", seed=seed,
        ))  # fmt: skip

    @property
    def now(self) -> tuple[int, int]:
        return self.stamp()

    def told(self, event: ev.Event, effects: list[Effect]) -> None:
        self.pairs.append((event, effects))

    def run_program(self, effect: Execute) -> None:
        del effect

    def packet(
        self, client: int, kind: int, options: bytes = b"", ciaddr: int = 0, *, hardware_type: int = 1
    ) -> list[Effect]:
        """A relayed message; 1 ms goes by before it."""
        self.now_us += 1_000
        self.xid += 1
        hardware = b"\x02\0" + client.to_bytes(4, "big")
        relay = SERVER + 1
        made = message(kind, hardware, options, xid=self.xid, ciaddr=ciaddr, giaddr=relay, hops=1, htype=hardware_type,
                       octets=0)  # fmt: skip
        return self.tell(ev.Packet(0, 0, "eth0", relay, 67, made))

    def exchange(self, client: int) -> int:
        """DISCOVER, OFFER, REQUEST, ACK; returns the address."""
        offered = yiaddr(self.packet(client, 1))
        options = bytes([50, 4]) + offered.to_bytes(4, "big") + bytes([54, 4]) + SERVER.to_bytes(4, "big")
        given = yiaddr(self.packet(client, 3, options))
        assert given == offered
        return given

    def serve(self, clients: int) -> None:
        """Some of everything, with time going by: renewals, releases, informs, declines, refusals, expiry."""
        for client in range(clients):
            address = self.exchange(client)
            if client % 3 == 0:
                self.now_us += 300_000_000 // max(1, clients)
                self.packet(client, 3, ciaddr=address)
            if client % 7 == 0:
                self.packet(client, 7, bytes([54, 4]) + SERVER.to_bytes(4, "big"), ciaddr=address)
            if client % 11 == 0:
                self.packet(client, 8, ciaddr=address)
            if client % 13 == 0:
                declined = bytes([50, 4]) + address.to_bytes(4, "big")
                self.packet(client, 4, declined + bytes([54, 4]) + SERVER.to_bytes(4, "big"))
            if client % 17 == 0:
                self.packet(client + 1000, 3, bytes([50, 4, 192, 0, 2, 1]))
        self.now_us += 900_000_000
        self.tell(ev.Timer(*self.now))
        self.tell(ev.End(*self.now, "SIGTERM"))


def yiaddr(effects: list[Effect]) -> int:
    """The address in the one reply."""
    (sent,) = [effect for effect in effects if isinstance(effect, Send)]
    return int.from_bytes(sent.payload[16:20], "big")
