"""A server's whole world in one process: clock, disk that fails and is cut, network, and what clients were promised.

The promises are reckoned from what left and what came alone: an ACK that left binds the address to its client until the
time in it is over, unless that client (its hardware address, or its identifier) sends something on which the server
frees the lease, or anybody declines the address. Fixed addresses are shared by configuration and do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgpack

from dhcpd.disk.configuration import SourceFile
from dhcpd.engine.machine import Machine
from dhcpd.replay.showing.decode import options_of
from dhcpd.replay.world.host import SECOND_US, START_US, Host
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Fatal, Send, Store, Wake
from tests.engine.service.desk import number
from tests.properties.configurations import FIXED

if TYPE_CHECKING:
    from dhcpd.trace.effects import Effect

NEVER = 0x7FFFFFFF
LINKS = (
    ethernet("eth0", 2, b"\x02\0\0\0\0\xfe", (0x0A4D0001, 24)),
    ethernet("eth1", 3, b"\x02\0\0\0\0\xff", (0x0A4E0001, 24)),
)


@dataclass
class Promise:
    hardware: bytes
    uid: bytes
    ends: int

    def is_of(self, payload: bytes) -> bool:
        uid = option(payload, 61)
        return self.hardware == hardware_of(payload) or bool(uid and self.uid and uid == self.uid)


def option(payload: bytes, code: int) -> bytes:
    """A client's or server's option in the main area; empty where there is none."""
    return options_of(payload).get(code, b"")


def hardware_of(payload: bytes) -> bytes:
    return payload[1:2] + payload[28 : 28 + payload[2]]


class World(Host):
    """See the module. `pairs`: events and effects of the run; `twin`: a restored machine that is told the same."""

    def __init__(self, configuration: bytes) -> None:
        super().__init__(START_US, slices_at_once=False)
        self.configuration = configuration
        self.promises: dict[int, Promise] = {}
        self.offers: list[Send] = []
        self.begin()

    def begin(self) -> None:
        """A new process on the same disk, at the same time."""
        super().__init__(self.now_us, self.disk, slices_at_once=False)
        self.pairs: list[tuple[ev.Event, list[Effect]]] = []
        self.twin: Machine | None = None
        self.lost = False
        self.dead = False
        self.payload = b""
        self.disk.failing.clear()
        files = [SourceFile("c", self.configuration, "")]
        leases = [bytes(self.disk.content)] if self.disk.content else []
        self.start(Beginning(files, leases, LINKS, words=("-pf", "/p", "-p", "67"), seed=b"seed" * 4))
        assert self.machine.serving

    def told(self, event: ev.Event, effects: list[Effect]) -> None:
        self.pairs.append((event, effects))
        if self.twin is not None:
            assert self.twin.apply(event) == effects
        assert not any(isinstance(one, Fatal) for one in effects)
        self.payload = event.payload if isinstance(event, ev.Packet) else b""
        if isinstance(event, ev.StorageFailed):
            self.lost = True
        if not self.dead:
            self.reckon_freed(effects, self.payload)
            self.check(effects)

    def send(self, effect: Send) -> None:
        if not self.dead:
            self.reckon_sent(effect, self.payload)

    def reckon_freed(self, effects: list[Effect], payload: bytes) -> None:
        """A record that frees an address must have its reason in time, in its holder's packet or in a DECLINE."""
        now = self.now_us // SECOND_US
        for effect in effects:
            if not isinstance(effect, Store) or not effect.data.startswith(b"lease "):
                continue
            address = number(effect.data.split()[1].decode())
            held = self.promises.get(address)
            if held is None or b"\n  binding state active;" in effect.data:
                continue
            declined = option(payload, 53) == b"\x04"
            assert held.ends <= now or declined or (payload and held.is_of(payload)), effect.data.decode()
            del self.promises[address]

    def reckon_sent(self, sent: Send, payload: bytes) -> None:
        """An ACK binds; nobody else may hold the address."""
        if option(sent.payload, 53) == b"\x02":
            self.offers = [*self.offers[-9:], sent]
        address = int.from_bytes(sent.payload[16:20], "big")
        if option(sent.payload, 53) != b"\x05" or not address or address in FIXED or not option(sent.payload, 51):
            return
        now = self.now_us // SECOND_US
        held = self.promises.get(address)
        assert held is None or held.ends <= now or not payload or held.is_of(payload), f"{address:x} is another's"
        ends = now + int.from_bytes(option(sent.payload, 51), "big")
        self.promises[address] = Promise(hardware_of(sent.payload), option(payload, 61), min(ends, NEVER))

    def check(self, effects: list[Effect]) -> None:
        """What holds after every event: something due has its alarm, and nothing piles up."""
        server = self.machine.server
        if server is None or not self.machine.serving:
            return
        leases = list(server.database.leases())
        due = [lease.ends for lease in leases if lease.next_state != lease.state and lease.ends < NEVER]
        wanted = [at * SECOND_US + SECOND_US - 1 for at in due]
        wanted += [at_us for _owner, _key, at_us in self.machine.agenda.snapshot()]
        wakes = [effect.at_us for effect in effects if isinstance(effect, Wake)]
        wake_us = wakes[-1] if wakes else self.wake_us
        assert not wanted or 0 < wake_us <= min(wanted), (wake_us, min(wanted))
        assert len(server.offers) + len(server.unnamed) <= len(leases) + 1
        assert not server.names
        assert len(server.latched) <= len(server.configuration.pools)

    # What happens

    def packet(self, payload: bytes, interface: str = "eth0") -> None:
        source = int.from_bytes(payload[24:28], "big") if len(payload) > 28 else 0
        self.tell(ev.Packet(0, 0, interface, source, 67 if source else 68, payload))

    def slices(self, count: int) -> None:
        """Go on with an open rewrite."""
        for _ in range(count):
            if not self.machine.rewriting:
                return
            self.tell(ev.RewriteContinue(0, 0))

    def split(self) -> None:
        """From now on a machine restored from a snapshot is told the same."""
        data = msgpack.unpackb(msgpack.packb(self.machine.snapshot()), strict_map_key=False)
        self.twin = Machine.restore(data)

    def die(self, payload: bytes, kept: float) -> None:
        """The power fails while a packet is dealt with: nothing leaves, its records are on the disk in part."""
        self.dead = True
        self.disk.failing = {"sync"}
        self.packet(payload)
        self.disk.lose_power(kept)

    def restart(self, configuration: bytes) -> None:
        """Begin anew from the lease file; with the same configuration, everything promised is there."""
        same = configuration == self.configuration
        self.configuration = configuration
        self.promises = {one: held for one, held in self.promises.items() if held.ends > self.now_us // SECOND_US}
        self.begin()
        server = self.machine.server
        assert server is not None
        for address, held in list(self.promises.items()):
            lease = server.database.find(address)
            if lease is None:
                assert not same
                del self.promises[address]
                continue
            assert lease.hardware == held.hardware or lease.uid == held.uid, (hex(address), held, lease.hardware)
            assert lease.ends >= held.ends
