"""Runs of the real machine, without network or disk: events as a program would bring them, and the effects."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from dhcpd.engine.machine import Machine
from dhcpd.trace import events as ev
from dhcpd.trace.effects import RewriteEnd, Send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dhcpd.trace.effects import Effect

START_US = 1_790_000_000_000_000
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


class Run:
    """A machine that has started, and everything that went in and came out."""

    def __init__(self, configuration: bytes = CONFIGURATION, leases: bytes = b"", seed: bytes = b"seed" * 4) -> None:
        self.machine = Machine()
        self.pairs: list[tuple[ev.Event, list[Effect]]] = []
        self.now_us = START_US
        self.xid = 0
        for event in self._start(configuration, leases, seed):
            self.apply(event)
            while self.machine.rewriting:
                self.apply(ev.RewriteContinue(*self.now))

    def _start(self, configuration: bytes, leases: bytes, seed: bytes) -> Iterator[ev.Event]:
        words = ("-cf", "/etc/dhcpd.conf", "-lf", LEASES, "-pf", "/run/dhcpd.pid", "-p", "67")
        yield ev.Boot(self.now_us, 0, "test", words, (), "host", 1, seed, 67, "little", 0)
        yield ev.ConfigurationFile(self.now_us, 0, "/etc/dhcpd.conf", configuration, "")
        yield ev.ConfigurationEnd(self.now_us, 0, "/etc/dhcpd.conf", False)
        if leases:
            yield ev.LeaseFilePart(self.now_us, 0, leases)
        yield ev.LeaseFileEnd(self.now_us, 0, "")
        link = ev.Link("eth0", 2, 1, b"\x02\0\0\0\0\xfe", 0x1043, ((SERVER, 16),))
        yield ev.Interfaces(self.now_us, 0, (link,), "")
        yield ev.Listening(self.now_us, 0, False)

    @property
    def now(self) -> tuple[int, int]:
        return self.now_us, self.now_us - START_US

    def apply(self, event: ev.Event) -> list[Effect]:
        effects = self.machine.apply(event)
        self.pairs.append((event, effects))
        if any(isinstance(effect, RewriteEnd) and effect.install for effect in effects):
            self.apply(ev.RewriteInstalled(*self.now))
        return effects

    def packet(
        self, client: int, kind: int, options: bytes = b"", ciaddr: int = 0, *, hardware_type: int = 1
    ) -> list[Effect]:
        """A relayed message; 1 ms goes by before it."""
        self.now_us += 1_000
        self.xid += 1
        hardware = b"\x02\0" + client.to_bytes(4, "big")
        relay = SERVER + 1
        fixed = (1, hardware_type, 6, 1, self.xid, 0, 0, ciaddr, 0, 0, relay, hardware)
        payload = struct.pack("!BBBBIHHIIII16s192x", *fixed)
        payload += b"\x63\x82\x53\x63" + bytes([53, 1, kind]) + options + b"\xff"
        return self.apply(ev.Packet(*self.now, "eth0", relay, 67, payload))

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
        self.apply(ev.Timer(*self.now))
        self.apply(ev.End(*self.now, "SIGTERM"))


def yiaddr(effects: list[Effect]) -> int:
    """The address in the one reply."""
    (sent,) = [effect for effect in effects if isinstance(effect, Send)]
    return int.from_bytes(sent.payload[16:20], "big")
