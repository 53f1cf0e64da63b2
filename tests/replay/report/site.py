"""A morning on which much goes wrong: what the opening of a report has to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhcpd.replay.world.messages import message
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Send
from tests.replay.engine_runs import SERVER, Run

if TYPE_CHECKING:
    from dhcpd.trace.effects import Effect

NAME = "/etc/dhcpd.conf"
CONFIGURATION = b"""authoritative; ping-check false; default-lease-time 600; omapi-port 7911;
subnet 10.0.0.0 netmask 255.255.0.0 { option routers 10.0.0.1; range 10.0.1.1 10.0.1.8; }
subnet 10.1.0.0 netmask 255.255.0.0 { pool { deny unknown-clients; range 10.1.1.1 10.1.1.20; } }
subnet 10.2.0.0 netmask 255.255.0.0 { range 10.2.1.1 10.2.1.20; }
"""
FULL, SERVED, DENIED, LOST, REFUSED = range(8, 13), range(8), range(20, 24), range(30, 33), range(40, 42)
RELAY, DENYING, NOWHERE = SERVER + 1, 0x0A010001, 0x0A630001
SECOND_US = 1_000_000
IDENTIFIER = bytes([54, 4]) + SERVER.to_bytes(4, "big")


class Morning(Run):
    """SERVED have addresses, FULL come to a pool that is full (since `full_us`), DENIED to one that lets nobody in.

    LOST come by a relay that no subnet knows, REFUSED ask for an address of elsewhere. Client 3 declines what it had.
    """

    def __init__(self) -> None:
        super().__init__(CONFIGURATION)
        held = {client: self.lease(client) for client in SERVED}
        self.full_us = self.now_us
        for client in FULL:
            self.say(client, 1)
        for client in DENIED:
            self.say(client, 1, relay=DENYING)
        for client in LOST:
            self.say(client, 1, relay=NOWHERE)
        for client in REFUSED:
            self.say(client, 3, bytes([50, 4, 192, 0, 2, client]))
        self.say(3, 4, bytes([50, 4]) + held[3].to_bytes(4, "big") + IDENTIFIER)
        self.tell(ev.Signal(*self.now, 1))
        self.tell(ev.ConfigurationFile(*self.now, NAME, CONFIGURATION + b"# more\n", ""))
        self.tell(ev.ConfigurationEnd(*self.now, NAME, reload=True))
        self.tell(ev.End(*self.now, "SIGTERM"))

    def say(self, client: int, kind: int, options: bytes = b"", relay: int = RELAY) -> list[Effect]:
        """A message by a relay that names the client's port; two seconds go by before it."""
        self.now_us += 2 * SECOND_US
        self.xid += 1
        hardware = b"\x02\0" + client.to_bytes(4, "big")
        name, port = b"desk-%d" % client, b"ge-0/0/%d" % client
        remote = b"\0\6" + hardware
        agent = bytes([1, len(port)]) + port + bytes([2, len(remote)]) + remote
        options += bytes([12, len(name)]) + name + bytes([82, len(agent)]) + agent
        made = message(kind, hardware, options, xid=self.xid, giaddr=relay, hops=1, octets=0)
        return self.tell(ev.Packet(0, 0, "eth0", relay, 67, made))

    def lease(self, client: int) -> int:
        """DISCOVER to ACK; returns the address."""
        (offer,) = [effect for effect in self.say(client, 1) if isinstance(effect, Send)]
        given = offer.payload[16:20]
        self.say(client, 3, bytes([50, 4]) + given + IDENTIFIER)
        return int.from_bytes(given, "big")
