"""The door of a failover partner: whatever octets it sends on its connections, whenever, to either half of a pair.

The octets of the input are a first one that chooses the role and the record that the server starts with, and steps
(`_STEPS`). Besides raising nothing a server must send only what the protocol allows, little of it for what it got, at
all times be the machine that its snapshot restores, and go on serving clients of a pool that it has alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from dhcpd.disk.configuration import SourceFile
from dhcpd.engine import startup
from dhcpd.engine.failover import messages as msg
from dhcpd.engine.failover import wire
from dhcpd.engine.machine import Machine
from dhcpd.replay.world.host import Host
from dhcpd.replay.world.messages import message
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import events as ev
from tests.engine.failover.pair import configuration
from tests.fuzz.known_worlds import KNOWN_WORLDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from dhcpd.trace import effects as ef

STEPS_MAX: Final = 40
LAN, LINK, PARTNER = 0x0A2C0001, 0x0A2D0001, 0x0A2D0002
# One update may be answered by all leases of the pool, twice (updates and acknowledgements), and a few words.
MESSAGES_A_STEP_MAX: Final = 400
EVENTS_A_STEP_MAX: Final = 2000
_ALONE: Final = "subnet 10.46.0.0 netmask 255.255.255.0 { range 10.46.0.10 10.46.0.20; }\n"
_STATES: Final = ("normal", "communications-interrupted", "partner-down", "recover", "potential-conflict", "shutdown")
_BUCKETS: Final = b"\xff" * 16 + bytes(16)
# Options of any octets: identifier, text, name, vendor; as long as fifteen of these a message still is one.
_OF_OCTETS: Final = (4, 16, 22, 28)
_LONG_OCTETS: Final = 132


class Strange(Exception):
    """The server did what it should not; the text says what."""


class Server(Host):
    """A server whose partner is the input."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.primary = bool(first & 1)
        self.stream = self.accepted = 0
        self.said: list[bytes] = []
        side = "primary" if self.primary else "secondary"
        links = (
            ethernet("eth0", 2, b"\x02\0\0\0\0\xfe", (LAN, 24)),
            ethernet("eth1", 3, b"\x02\0\0\0\0\xfd", (0x0A2E0001, 24)),
        )
        text = configuration(side) + _ALONE
        leases = self._record(first >> 1)
        files = [SourceFile("c", text.encode(), "")]
        words = ("-pf", "/p", "-p", "67")
        self.start(Beginning(files, [leases] if leases else [], links, words=words, seed=b"seed" * 4))

    def _record(self, choice: int) -> bytes:
        if choice % (len(_STATES) + 1) == 0:
            return b""
        state = _STATES[choice % (len(_STATES) + 1) - 1]
        since = "at 4 2026/09/10 12:00:00;"
        record = f'failover peer "fo" state {{\n  my state {state} {since}\n  partner state normal {since}\n}}\n'
        times = "starts 4 2026/09/10 12:00:00; ends never;"
        lease = f"lease 10.44.0.105 {{ {times} binding state active; hardware ethernet 02:00:00:00:00:05; }}\n"
        return (record + lease).encode()

    def stream_send(self, effect: ef.StreamSend) -> None:
        """Keep what the partner gets."""
        self.said.append(effect.data)

    def stream_close(self, effect: ef.StreamClose) -> None:
        """The connection ends, and the server hears of it."""
        self.answer(ev.StreamClosed(0, 0, effect.stream, ""))
        if effect.stream == self.stream:
            self.stream = 0

    # The steps, each with its number and its payload.

    def call(self, _number: int, _payload: bytes) -> None:
        """The partner calls, whether it has a connection or not."""
        self.accepted += 2
        self.stream = self.accepted
        own, port, other = (LINK, 647, PARTNER) if self.primary else (PARTNER, 847, LINK)
        self.tell(ev.StreamOpened(0, 0, self.stream, "failover", own, port, other, 40_000))

    def shake_hands(self, number: int, _payload: bytes) -> None:
        """What the partner says first, as it should."""
        self.call(0, b"")
        now = self.now_us // 1_000_000
        greeting: msg.Message = (
            msg.ConnectAck(now, 0, b"fo", number & 0xFF, 20, b"fuzz", 1, 0)
            if self.primary
            else msg.Connect(now, 0, b"fo", number & 0xFF, 20, b"fuzz", 1, 0, 60, _BUCKETS)
        )
        self.hear(0, msg.octets(greeting))
        self.hear(0, msg.octets(msg.StateMessage(now, 1, number >> 8 & 0xF, number >> 12 & 1, now)))

    def hear(self, _number: int, payload: bytes) -> None:
        """Octets as they are."""
        if payload and self.stream:
            self.tell(ev.StreamData(0, 0, self.stream, payload))

    def hear_framed(self, number: int, payload: bytes) -> None:
        """A message of some type with these options, and a long one of octets; its length and clock are right."""
        now = self.now_us // 1_000_000
        kind = number % 14
        if number >> 12:
            octets = (number >> 12) * _LONG_OCTETS
            payload += b"\0" + bytes([_OF_OCTETS[number >> 10 & 3]]) + octets.to_bytes(2, "big") + bytes(octets)
        header = (wire.HEADER_OCTETS + len(payload)).to_bytes(2, "big") + bytes([kind, 12]) + now.to_bytes(4, "big")
        self.hear(0, header + (number >> 4 & 0xFF).to_bytes(4, "big") + payload)

    def hear_update(self, number: int, payload: bytes) -> None:
        """A binding update of a lease of the pool, its fields from the octets."""
        now = self.now_us // 1_000_000
        fields = payload.ljust(12, b"\0")
        update = msg.BindingUpdate(
            now, number & 0xFF,
            address=0x0A2C0064 + fields[0] % 24,
            state=fields[1] % 10,
            uid=fields[6:9] if fields[2] & 1 else None,
            hardware=b"\1\2\0\0\0\0" + fields[3:4] if fields[2] & 2 else None,
            ends=now - 600 + fields[4] * 8 if fields[2] & 4 else None,
            potential=now - 600 + fields[5] * 8 if fields[2] & 8 else None,
            starts=now - fields[4] if fields[2] & 16 else None,
            cltt=now - fields[5] if fields[2] & 32 else None,
            ip_flags=fields[9] & 7 if fields[2] & 64 else None,
        )  # fmt: skip
        self.hear(0, msg.octets(update))

    def answer_all(self, number: int, _payload: bytes) -> None:
        """Acknowledge, or refuse, every update that was said so far; answer requests."""
        said, self.said = b"".join(self.said), []
        now = self.now_us // 1_000_000
        for frame in wire.Splitter().feed(said):
            heard = msg.message_of(frame)
            if isinstance(heard, msg.BindingUpdate):
                self.hear(0, msg.octets(msg.BindingAck(now, heard.xid, heard.address, (number & 31) or None)))
            elif isinstance(heard, msg.UpdateRequest | msg.UpdateRequestAll):
                self.hear(0, msg.octets(msg.UpdateDone(now, heard.xid)))

    def end_link(self, number: int, _payload: bytes) -> None:
        """The connection ends, one way or the other."""
        if self.stream:
            stream = self.stream
            self.tell(ev.StreamHalfClosed(0, 0, stream) if number & 1 else ev.StreamClosed(0, 0, stream, "ECONNRESET"))
            self.stream = self.stream if number & 1 else 0

    def let_go_by(self, number: int, _payload: bytes) -> None:
        """Time."""
        before = self.machine.events
        self.wait(number % 300)
        if self.machine.events - before > EVENTS_A_STEP_MAX:
            raise Strange(f"{self.machine.events - before} events in {number % 300} s")

    def serve(self, number: int, _payload: bytes) -> None:
        """A client of the shared pool comes."""
        mac = b"\x02\0\0\0\0" + bytes([number & 0x1F])
        kind = 1 if number & 0x20 else 3
        options = {} if kind == 1 else {50: (0x0A2C0064 + (number >> 6) % 20).to_bytes(4, "big")}
        self.tell(ev.Packet(0, 0, "eth0", 0, 68, message(kind, mac, options)))

    def operate(self, number: int, _payload: bytes) -> None:
        """An operator sets a state, or the disk fails."""
        if number & 1:
            self.tell(ev.StorageFailed(0, 0, "sync", "/l", "No space left on device"))
        elif self.machine.failover is not None:
            self.machine.failover.set_state("fo", number >> 1 & 0xF)
            self.tell(ev.Remark(0, 0, 6, "set"))

    def check(self) -> None:
        """What must hold after every step."""
        count = 0
        for data in self.said:
            count += sum(1 for _frame in wire.Splitter().feed(data))
        if count > MESSAGES_A_STEP_MAX * STEPS_MAX:
            raise Strange(f"{count} messages for so little")
        snapshot = self.machine.snapshot()
        if Machine.restore(snapshot).snapshot() != snapshot:
            raise Strange("a restored machine is another one")


_STEPS: Final[tuple[Callable[[Server, int, bytes], None], ...]] = (
    Server.hear, Server.hear_framed, Server.hear_update, Server.shake_hands, Server.call, Server.answer_all,
    Server.end_link, Server.let_go_by, Server.serve, Server.operate,
)  # fmt: skip
_WITH_PAYLOAD: Final = 3


def failover(data: bytes) -> None:
    """Have a server go through the steps: which one, two octets of a number, a length, and for some so many octets."""
    # Reading the configuration, at each start and each comparison, would take most of the time.
    with patch.object(startup, "load_configuration", KNOWN_WORLDS):
        _go_through(data)


def _go_through(data: bytes) -> None:
    server = Server(data[0] if data else 0)
    at = 1
    for _ in range(STEPS_MAX):
        if len(data) - at < 4:
            break
        kind, number, size = data[at] % len(_STEPS), int.from_bytes(data[at + 1 : at + 3], "big"), data[at + 3]
        size = size if kind < _WITH_PAYLOAD else 0
        payload = data[at + 4 : at + 4 + size]
        at += 4 + size
        _STEPS[kind](server, number, payload)
        server.check()
    server.let_go_by(299, b"")
    _serves_alone(server)


def _serves_alone(server: Server) -> None:
    """A client of the pool without a partner is answered, whatever the partner did."""
    effects = server.tell(ev.Packet(0, 0, "eth1", 0, 68, message(1, b"\x02\0\0\0\1\1", {})))
    if not any(type(effect).__name__ == "Send" for effect in effects):
        raise Strange("a pool without a partner is not served")


def steps(first: int, *made: tuple[int, int, bytes]) -> bytes:
    """An input: (place in _STEPS, number, payload)."""
    heads = (bytes([kind]) + number.to_bytes(2, "big") + bytes([len(payload)]) for kind, number, payload in made)
    return bytes([first]) + b"".join(head + step[2] for head, step in zip(heads, made, strict=True))
