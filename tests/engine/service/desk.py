"""A desk with one server on it: a configuration in words, packets in, effects out, a clock that tests turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dhcpd.disk.configuration import SourceFile
from dhcpd.engine.model.lease import ACTIVE, STATE_NAMES, Lease
from dhcpd.replay.showing.decode import options_of
from dhcpd.replay.world.host import Host
from dhcpd.replay.world.messages import message as build
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Log, Ping, Send, Store

if TYPE_CHECKING:
    from dhcpd.engine.service.server import Server
    from dhcpd.trace.effects import Effect, ReverseLookup

START_S = 1_700_000_000
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
    options: dict[int, bytes] = {}
    for key, code in (("requested", 50), ("server", 54)):
        if key in more:
            options[code] = number(more[key]).to_bytes(4, "big")
    for key, code in (("uid", 61), ("name", 12), ("prl", 55)):
        if key in more:
            options[code] = more[key]
    if "time" in more:
        options[51] = more["time"].to_bytes(4, "big")
    options.update(more.get("options", {}))
    fields = {key: more[key] for key in ("op", "htype", "secs", "flags") if key in more}
    fields |= {key: number(more[key]) for key in ("ciaddr", "giaddr") if key in more}
    return build(kind or None, hardware, options, xid=int.from_bytes(more.get("xid", b"abcd"), "big"), **fields)


@dataclass
class Reply:
    """One packet that the server sent, taken apart."""

    sent: Send

    @property
    def options(self) -> dict[int, bytes]:
        return options_of(self.sent.payload)

    @property
    def kind(self) -> int:
        return self.options.get(53, b"\0")[0]

    @property
    def address(self) -> str:
        return dotted(int.from_bytes(self.sent.payload[16:20], "big"))

    @property
    def time(self) -> int:
        return int.from_bytes(self.options[51], "big")


class Desk(Host):
    """See the module. `logs`, `records`, `effects` and `replies` hold what the last step left."""

    def __init__(self, text: str, leases: str = "", now_us: int = START_S * 1_000_000) -> None:
        super().__init__(now_us)
        self.text = text
        self._forget()
        self.start(Beginning(
            [SourceFile("dhcpd.conf", text.encode(), "")],
            [leases.encode()],
            [ethernet("eth0", 2, b"\x02" * 6, (number(SERVER), 24))],
            lease_file="dhcpd.leases", words=("-q",), host_name="host", seed=b"seed",
        ))  # fmt: skip
        assert self.machine.serving, self.logs

    @property
    def server(self) -> Server:
        assert self.machine.server is not None
        return self.machine.server

    def restored(self) -> Desk:
        made = super().restored()
        made._forget()
        return made

    def _forget(self) -> None:
        self.effects: list[Any] = []
        self.logs: list[str] = []
        self.records: list[str] = []
        self.replies: list[Reply] = []

    def told(self, event: ev.Event, effects: list[Effect]) -> None:
        if isinstance(event, ev.RewriteContinue):
            return
        self.effects += effects
        self.logs += [effect.text for effect in effects if isinstance(effect, Log)]
        self.records += [effect.data.decode("latin-1") for effect in effects if isinstance(effect, Store)]

    def send(self, effect: Send) -> None:
        self.replies.append(Reply(effect))

    def look_up_name(self, effect: ReverseLookup) -> None:
        """A name comes when a test says so."""

    def step(self, event: ev.Event) -> list[Reply]:
        """Have an event come now; the replies to it."""
        self._forget()
        self.tell(event)
        return self.replies

    @property
    def pings(self) -> list[str]:
        return [dotted(effect.address) for effect in self.effects if isinstance(effect, Ping)]

    def rest(self, seconds: float) -> list[Reply]:
        """Let the clock run; the replies of all that came due."""
        self._forget()
        self.wait(seconds)
        return self.replies

    def receive(self, payload: bytes, source: str = "0.0.0.0", interface: str = "eth0") -> list[Reply]:
        """Have the server receive a message; its replies."""
        return self.step(ev.Packet(0, 0, interface, number(source), 68, payload))

    def echo(self, address: str) -> list[Reply]:
        """Have an echo reply come."""
        return self.step(ev.PingReply(0, 0, number(address)))

    def name(self, address: str, name: str) -> list[Reply]:
        """Have the name of an address found."""
        return self.step(ev.NameAnswer(0, 0, number(address), name))

    def discover(self, hardware: bytes = mac(1), **more: Any) -> str | None:
        """The address offered, None for none."""
        replies = self.receive(message(DISCOVER, hardware, **more))
        return replies[0].address if replies else None

    def request(self, address: str, hardware: bytes = mac(1), **more: Any) -> int:
        """The type of the answer to a REQUEST with option 50; 0 for none."""
        replies = self.receive(message(REQUEST, hardware, requested=address, **more))
        return replies[0].kind if replies else 0

    def renew(self, address: str, hardware: bytes = mac(1), **more: Any) -> int:
        """The type of the answer to a REQUEST with ciaddr; 0 for none."""
        replies = self.receive(message(REQUEST, hardware, ciaddr=address, **more))
        return replies[0].kind if replies else 0

    def bind(self, hardware: bytes = mac(1), **more: Any) -> str:
        """DISCOVER, OFFER, REQUEST, ACK; the address."""
        address = self.discover(hardware, **more)
        assert address is not None, self.logs
        assert self.request(address, hardware, **more) == ACK, self.logs
        return address

    def release(self, address: str, hardware: bytes = mac(1), **more: Any) -> None:
        assert not self.receive(message(RELEASE, hardware, ciaddr=address, **more))

    def lease(self, address: str) -> Lease:
        found = self.server.database.find(number(address))
        assert found is not None
        return found

    def state(self, address: str) -> str:
        return STATE_NAMES[self.lease(address).state]

    @property
    def active(self) -> list[str]:
        return sorted(dotted(one.address) for one in self.server.database.leases() if one.state == ACTIVE)
