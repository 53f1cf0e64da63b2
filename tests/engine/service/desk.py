"""A desk with one server on it: a configuration in words, packets in, effects out, a clock that tests turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dhcpd.engine.conf.building.compile import compile_configuration
from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.conf.reading.parser import parse
from dhcpd.engine.lease.database import Database
from dhcpd.engine.lease.file.reader import load_lease_file
from dhcpd.engine.model.context import Context, OptionSet
from dhcpd.engine.model.lease import ACTIVE, STATE_NAMES, Lease
from dhcpd.engine.service import dispatch
from dhcpd.engine.service.granting import ping
from dhcpd.engine.service.lifecycle import expire_at_start
from dhcpd.engine.service.server import Interface, Server
from dhcpd.trace.effects import Log, Ping, Send, Store
from dhcpd.trace.events import Packet

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
        registry = default_registry()
        parsed = parse({"dhcpd.conf": self.text.encode()}, "dhcpd.conf", registry)
        assert not parsed.failed, parsed.lines
        configuration = compile_configuration(parsed.block, registry)
        self.server = Server(configuration, Database(configuration), "host", b"seed")
        self._set_clock()
        self.server.effects = []
        options = OptionSet()
        server = self.server
        configuration.global_scope.run(Context(server, server.now, None, None, options, server.global_bindings))
        load_lease_file(
            [self.leases.encode()], server.database, configuration, server.log, "dhcpd.leases", server.now
        )
        expire_at_start(server)
        subnet = configuration.find_subnet(number(SERVER))
        server.interfaces = {
            "eth0": Interface("eth0", b"\x02" * 6, number(SERVER), None if subnet is None else subnet.network)
        }
        self._collect()

    def _set_clock(self) -> None:
        self.server.now_us = self.now_us
        self.server.now = self.now_us // 1_000_000
        self.server.effects = []

    def _collect(self) -> list[Reply]:
        effects = self.effects = self.server.effects
        self.logs = [effect.text for effect in effects if isinstance(effect, Log)]
        self.records = [effect.data.decode("latin-1") for effect in effects if isinstance(effect, Store)]
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
        while 0 < self.server.next_wake_us() <= end_us:
            self.now_us = max(self.now_us, self.server.next_wake_us())
            self._set_clock()
            dispatch.tick(self.server)
            replies += self._collect()
            logs += self.logs
            records += self.records
        self.now_us = end_us
        self.logs, self.records = logs, records
        return replies

    def send(self, payload: bytes, source: str = "0.0.0.0", interface: str = "eth0") -> list[Reply]:
        """Have the server receive a message; its replies."""
        self._set_clock()
        dispatch.receive(self.server, Packet(self.now_us, 0, interface, number(source), 68, payload))
        return self._collect()

    def echo(self, address: str) -> list[Reply]:
        """Have an echo reply come."""
        self._set_clock()
        ping.answered(self.server, number(address))
        return self._collect()

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
