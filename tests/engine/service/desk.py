"""A desk with one server on it: a configuration in words, packets in, effects out, a clock that tests turn."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgpack

from dhcpd.engine.machine import Machine
from dhcpd.engine.model.lease import ACTIVE, STATE_NAMES, Lease
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Log, Ping, Send, Store

if TYPE_CHECKING:
    from dhcpd.engine.service.server import Server

START_S = 1_700_000_000
COOKIE = b"\x63\x82\x53\x63"
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
SERVER = "10.77.0.1"


def number(address: str) -> int:
    a, b, c, d = (int(part) for part in address.split("."))
    return a << 24 | b << 16 | c << 8 | d


def dotted(address: int) -> str:
    return ".".join(str(octet) for octet in address.to_bytes(4, "big"))


def mac(n: int) -> bytes:
    return bytes((2, 0, 0, 0, n >> 8, n & 255))


def message(kind: int, hardware: bytes = mac(1), **more: Any) -> bytes:
    """A DHCP message. Options by name: requested, uid, name, time, server; `options` as {code: octets} besides."""
    options: dict[int, bytes] = {53: bytes((kind,))} if kind else {}
    for key, code in (("requested", 50), ("server", 54)):
        if key in more:
            options[code] = number(more[key]).to_bytes(4, "big")
    for key, code in (("uid", 61), ("name", 12), ("prl", 55)):
        if key in more:
            options[code] = more[key]
    if "time" in more:
        options[51] = more["time"].to_bytes(4, "big")
    options.update(more.get("options", {}))
    area = b"".join(bytes((code, len(value))) + value for code, value in options.items())
    head = bytes((more.get("op", 1), more.get("htype", 1), len(hardware), 0))
    head += more.get("xid", b"abcd") + more.get("secs", 0).to_bytes(2, "big") + more.get("flags", 0).to_bytes(2, "big")
    for key in ("ciaddr", "yiaddr", "siaddr", "giaddr"):
        head += number(more.get(key, "0.0.0.0")).to_bytes(4, "big")
    body = head + hardware.ljust(16, b"\0") + bytes(192)
    return (body + COOKIE + area + b"\xff").ljust(300, b"\0") if kind or options else body.ljust(300, b"\0")


@dataclass
class Reply:
    """One packet that the server sent, taken apart."""

    sent: Send

    @property
    def options(self) -> dict[int, bytes]:
        area, found, at = self.sent.payload[240:], {}, 0
        while at < len(area) and area[at] != 255:
            if area[at]:
                found[area[at]] = area[at + 2 : at + 2 + area[at + 1]]
                at += 2 + area[at + 1]
            else:
                at += 1
        return found

    @property
    def kind(self) -> int:
        return self.options.get(53, b"\0")[0]

    @property
    def address(self) -> str:
        return dotted(int.from_bytes(self.sent.payload[16:20], "big"))

    @property
    def time(self) -> int:
        return int.from_bytes(self.options[51], "big")


@dataclass
class Desk:
    """See the module. `logs` and `records` hold what the last step left."""

    text: str
    leases: str = ""
    now_us: int = START_S * 1_000_000
    logs: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    effects: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = Machine()
        words = ("-cf", "dhcpd.conf", "-lf", "dhcpd.leases", "-q")
        links = (ev.Link("eth0", 2, 1, b"\x02" * 6, 0x1043, ((number(SERVER), 24),)),)
        for event in (
            ev.Boot(0, 0, "test", words, (), "host", 1, b"seed", 67, "little", 0),
            ev.ConfigurationFile(0, 0, "dhcpd.conf", self.text.encode(), ""),
            ev.ConfigurationEnd(0, 0, "dhcpd.conf", reload=False),
            ev.LeaseFilePart(0, 0, self.leases.encode()),
            ev.LeaseFileEnd(0, 0, ""),
            ev.Interfaces(0, 0, links, ""),
            ev.Listening(0, 0, plain_udp=False),
        ):
            self.apply(event)
        assert self.machine.serving, self.logs

    @property
    def server(self) -> Server:
        assert self.machine.server is not None
        return self.machine.server

    def restored(self) -> Desk:
        """Another desk, at the same moment, with a machine made of a snapshot of this one's."""
        made = copy(self)
        made.machine = Machine.restore(msgpack.unpackb(msgpack.packb(self.machine.snapshot())))
        return made

    def apply(self, event: ev.Event) -> list[Reply]:
        """Have an event come now; the replies to it."""
        effects = self.effects = self.machine.apply(event._replace(wall_us=self.now_us))
        self.logs = [effect.text for effect in effects if isinstance(effect, Log)]
        self.records = [effect.data.decode("latin-1") for effect in effects if isinstance(effect, Store)]
        while self.machine.rewriting:
            self.machine.apply(ev.RewriteContinue(self.now_us, 0))
        return [Reply(effect) for effect in effects if isinstance(effect, Send)]

    @property
    def pings(self) -> list[str]:
        return [dotted(effect.address) for effect in self.effects if isinstance(effect, Ping)]

    def wait(self, seconds: float) -> list[Reply]:
        """Let the clock run, stopping where the server asked to be woken; all that it did on the way."""
        end_us = self.now_us + round(seconds * 1_000_000)
        replies: list[Reply] = []
        logs: list[str] = []
        records: list[str] = []
        while 0 < self.machine.wake_us <= end_us:
            self.now_us = max(self.now_us, self.machine.wake_us)
            replies += self.apply(ev.Timer(0, 0))
            logs += self.logs
            records += self.records
        self.now_us = end_us
        self.logs, self.records = logs, records
        return replies

    def send(self, payload: bytes, source: str = "0.0.0.0", interface: str = "eth0") -> list[Reply]:
        """Have the server receive a message; its replies."""
        return self.apply(ev.Packet(0, 0, interface, number(source), 68, payload))

    def echo(self, address: str) -> list[Reply]:
        """Have an echo reply come."""
        return self.apply(ev.PingReply(0, 0, number(address)))

    def name(self, address: str, name: str) -> list[Reply]:
        """Have the name of an address found."""
        return self.apply(ev.NameAnswer(0, 0, number(address), name))

    def discover(self, hardware: bytes = mac(1), **more: Any) -> str | None:
        """The address offered, None for none."""
        replies = self.send(message(DISCOVER, hardware, **more))
        return replies[0].address if replies else None

    def request(self, address: str, hardware: bytes = mac(1), **more: Any) -> int:
        """The type of the answer to a REQUEST with option 50; 0 for none."""
        replies = self.send(message(REQUEST, hardware, requested=address, **more))
        return replies[0].kind if replies else 0

    def renew(self, address: str, hardware: bytes = mac(1), **more: Any) -> int:
        """The type of the answer to a REQUEST with ciaddr; 0 for none."""
        replies = self.send(message(REQUEST, hardware, ciaddr=address, **more))
        return replies[0].kind if replies else 0

    def bind(self, hardware: bytes = mac(1), **more: Any) -> str:
        """DISCOVER, OFFER, REQUEST, ACK; the address."""
        address = self.discover(hardware, **more)
        assert address is not None, self.logs
        assert self.request(address, hardware, **more) == ACK, self.logs
        return address

    def release(self, address: str, hardware: bytes = mac(1), **more: Any) -> None:
        assert not self.send(message(RELEASE, hardware, ciaddr=address, **more))

    def lease(self, address: str) -> Lease:
        found = self.server.database.find(number(address))
        assert found is not None
        return found

    def state(self, address: str) -> str:
        return STATE_NAMES[self.lease(address).state]

    @property
    def active(self) -> list[str]:
        return sorted(dotted(one.address) for one in self.server.database.leases() if one.state == ACTIVE)
