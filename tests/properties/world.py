"""A server's whole world in one process: clock, disk that fails and is cut, network, and what clients were promised.

The promises are reckoned from what left and what came alone: an ACK that left binds the address to its client until the
time in it is over, unless that client (its hardware address, or its identifier) sends something on which the server
frees the lease, or anybody declines the address. Fixed addresses are shared by configuration and do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgpack

from dhcpd.engine.machine import Machine
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Fatal, RewriteBegin, RewriteEnd, RewritePart, Send, Store, Wake
from tests.engine.service.desk import number
from tests.properties.configurations import FIXED

if TYPE_CHECKING:
    from dhcpd.trace.effects import Effect

START_US = 1_790_000_000_000_000
SECOND_US = 1_000_000
NEVER = 0x7FFFFFFF
LINKS = (
    ev.Link("eth0", 2, 1, b"\x02\0\0\0\0\xfe", 3, ((0x0A4D0001, 24),)),
    ev.Link("eth1", 3, 1, b"\x02\0\0\0\0\xff", 3, ((0x0A4E0001, 24),)),
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
    at, found = 240, b""
    while at + 1 < len(payload) and payload[at] != 255:
        if payload[at] == code:
            found += payload[at + 2 : at + 2 + payload[at + 1]]
        at += 2 + payload[at + 1] if payload[at] else 1
    return found


def hardware_of(payload: bytes) -> bytes:
    return payload[1:2] + payload[28 : 28 + payload[2]]


@dataclass
class World:
    """See the module. `pairs`: events and effects of the run; `twin`: a restored machine that is told the same."""

    configuration: bytes
    file: bytes = b""
    now_us: int = START_US
    wake_us: int = 0
    new_file: bytes | None = None
    meanwhile: bytes = b""
    promises: dict[int, Promise] = field(default_factory=dict)
    offers: list[Send] = field(default_factory=list)
    pairs: list[tuple[ev.Event, list[Effect]]] = field(default_factory=list)
    machine: Machine = field(default_factory=Machine)
    twin: Machine | None = None
    failing: str = ""
    lost: bool = False
    dies_at: float | None = None

    def start(self) -> World:
        self.machine, self.twin, self.pairs, self.new_file = Machine(), None, [], None
        self.wake_us, self.failing, self.dies_at = 0, "", None
        self.lost = False
        words = ("-cf", "c", "-lf", "/l", "-pf", "/p", "-p", "67")
        now = (self.now_us, self.now_us - START_US)
        self.apply(ev.Boot(*now, "test", words, (), "host", 1, b"seed" * 4, 67, "little-endian", 0))
        self.apply(ev.ConfigurationFile(*now, "c", self.configuration, ""))
        self.apply(ev.ConfigurationEnd(*now, "c", False))
        if self.file:
            self.apply(ev.LeaseFilePart(*now, self.file))
        self.apply(ev.LeaseFileEnd(*now, ""))
        self.apply(ev.Interfaces(*now, LINKS, ""))
        self.apply(ev.Listening(*now, False))
        assert self.machine.serving
        return self

    def apply(self, event: ev.Event) -> None:
        """One event, and what a program does of its effects: records to the disk, then the replies that promise."""
        effects = self.machine.apply(event)
        self.pairs.append((event, effects))
        if self.twin is not None:
            assert self.twin.apply(event) == effects
        records = b"".join([one.data for one in effects if isinstance(one, Store)])
        if self.dies_at is not None:
            self.file += records[: int(len(records) * self.dies_at)]
            return
        failed = records and self.failing
        for effect in effects:
            assert not isinstance(effect, Fatal)
            self.carry_out(effect, failed=bool(failed))
        payload = event.payload if isinstance(event, ev.Packet) else b""
        self.reckon_freed(effects, payload)
        for effect in effects:
            if isinstance(effect, Send) and not (failed and effect.durable):
                self.reckon_sent(effect, payload)
        if failed:
            self.lost = True
            self.apply(ev.StorageFailed(self.now_us, 0, self.failing, "/l", "No space left on device"))
        self.check()

    def carry_out(self, effect: Effect, *, failed: bool) -> None:
        if isinstance(effect, Store) and not failed:
            self.file += effect.data
            self.meanwhile += effect.data
        elif isinstance(effect, Wake):
            self.wake_us = effect.at_us
        elif isinstance(effect, RewriteBegin):
            self.new_file, self.meanwhile = b"", b""
        elif isinstance(effect, RewritePart):
            assert self.new_file is not None
            self.new_file += effect.data
        elif isinstance(effect, RewriteEnd):
            assert self.new_file is not None
            self.file, self.new_file = self.new_file + self.meanwhile, None

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

    def check(self) -> None:
        """What holds after every event: something due has its alarm, and nothing piles up."""
        server = self.machine.server
        if server is None or not self.machine.serving:
            return
        leases = list(server.database.leases())
        due = [lease.ends for lease in leases if lease.next_state != lease.state and lease.ends < NEVER]
        wanted = [at * SECOND_US + SECOND_US - 1 for at in due]
        wanted += [at_us for _owner, _key, at_us in self.machine.agenda.snapshot()]
        assert not wanted or 0 < self.wake_us <= min(wanted), (self.wake_us, min(wanted))
        assert len(server.offers) + len(server.unnamed) <= len(leases) + 1
        assert not server.names
        assert len(server.latched) <= len(server.configuration.pools)

    # What happens

    def packet(self, payload: bytes, interface: str = "eth0") -> None:
        source = int.from_bytes(payload[24:28], "big") if len(payload) > 28 else 0
        self.apply(ev.Packet(self.now_us, self.now_us - START_US, interface, source, 67 if source else 68, payload))

    def wait(self, seconds: float) -> None:
        until = self.now_us + int(seconds * SECOND_US)
        for _ in range(300):
            if not 0 < self.wake_us <= until:
                break
            self.now_us, self.wake_us = max(self.now_us, self.wake_us), 0
            self.apply(ev.Timer(self.now_us, self.now_us - START_US))
        self.now_us = until

    def slices(self, count: int) -> None:
        """Go on with an open rewrite."""
        for _ in range(count):
            if not self.machine.rewriting:
                return
            before = self.new_file
            self.apply(ev.RewriteContinue(self.now_us, 0))
            if before is not None and self.new_file is None:
                self.apply(ev.RewriteInstalled(self.now_us, 0))

    def split(self) -> None:
        """From now on a machine restored from a snapshot is told the same."""
        data = msgpack.unpackb(msgpack.packb(self.machine.snapshot()), strict_map_key=False)
        self.twin = Machine.restore(data)

    def restart(self, configuration: bytes) -> None:
        """Begin anew from the lease file; with the same configuration, everything promised is there."""
        same = configuration == self.configuration
        self.configuration = configuration
        self.promises = {one: held for one, held in self.promises.items() if held.ends > self.now_us // SECOND_US}
        self.start()
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
