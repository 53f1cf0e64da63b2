"""The door of the name servers: whatever they answer to a server's updates and questions, and whenever.

Whoever sits between the server and its name servers can answer anything. The first octet of an input chooses whether
updates are signed (1), whether zones are found by questions (2), the style of the guards (4) and whether the lease file
holds names and debts already (8). Then steps: kind, two octets of length or number, octets. Raised is also what must
never be: a message to a name server that is none, more under way than there may be, a name that is taken for added
though no answer could be believed, a machine that is not its own snapshot, clients that are served no more.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

import dns.message

from dhcpd.disk.configuration import SourceFile
from dhcpd.engine import startup
from dhcpd.engine.ddns.wire.questions import UNDER_WAY_MAXIMUM
from dhcpd.engine.machine import Machine
from dhcpd.replay.playing.digest import digest
from dhcpd.replay.world.host import Host
from dhcpd.replay.world.messages import message
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import effects as ef
from dhcpd.trace import events as ev
from dhcpd.trace.codec import pack, unpack
from tests.fuzz.known_worlds import KNOWN_WORLDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVER: Final = 0x0A4D0001
LINK: Final = ethernet("eth0", 2, b"\x02\0\0\0\0\xfe", (SERVER, 24))
STEPS_MAX: Final = 32
# What one step may bring: each of so few clients has one chain, which asks a few questions, each of a few servers.
SENT_A_STEP_MAX: Final = 200
CLIENTS: Final = 8
ERRORS: Final = ("ECONNREFUSED", "ETIMEDOUT", "EAFNOSUPPORT", "crowded", "closed", "short")
RESOLVERS: Final = b"nameserver 192.0.2.53\nnameserver 2001:db8::53\n"
SITE: Final = """authoritative; ping-check off; default-lease-time 600; max-lease-time 600; dhcp-cache-threshold 0;
ddns-update-style %s; ddns-domainname "example.org"; ddns-rev-domainname "in-addr.arpa"; update-optimization off;
%s
subnet 10.77.0.0 netmask 255.255.255.0 { range 10.77.0.100 10.77.0.115; }
"""
KEY: Final = "key k { algorithm hmac-sha256; secret AAECAwQFBgcICQoLDA0ODw==; }\n"
ZONES: Final = """zone example.org. { primary 192.0.2.53, 192.0.2.54; %s }
zone 77.10.in-addr.arpa. { primary 192.0.2.53; %s }
"""
LEASES: Final = b"""lease 10.77.0.101 { ends never; binding state active; hardware ethernet 02:00:00:00:00:01;
  set ddns-fwd-name = "one.example.org"; set ddns-rev-name = "101.0.77.10.in-addr.arpa.";
  set ddns-txt = "00d5202e153f96daeebc0c3d85c6743e98"; }
lease 10.77.0.102 { ends never; binding state free; hardware ethernet 02:00:00:00:00:02;
  set ddns-owed = "2 remove two.example.org dhcid %00%01%01abc 102.0.77.10.in-addr.arpa. 300"; }
"""
# The data of A, AAAA, NS and SOA records.
_SOUGHT: Final = {1: bytes(4), 28: bytes(16), 2: b"\2ns\xc0\x0c", 6: b"\2ns\xc0\x0c\xc0\x0c" + bytes(20)}
_ADDED: Final = "Added new forward map"


class Strange(Exception):
    """The server did what it should not; the text says what."""


class Site(Host):
    """A server with dynamic DNS. `asked` are its messages that nothing has answered, by number."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.signed = first & 3 == 1
        self.asked: dict[int, bytes] = {}
        self.sent = 0
        key = "key k;" if self.signed else ""
        zones = "" if first & 2 else ZONES % (key, key)
        text = SITE % ("standard" if first & 4 else "interim", (KEY if self.signed else "") + zones)
        files = [SourceFile("c", text.encode(), "")]
        words = ("-pf", "/p", "-p", "67")
        leases = [LEASES] if first & 8 else []
        self.start(Beginning(files, leases, [LINK], words=words, seed=b"seed" * 4))

    def dns_open(self, effect: ef.DnsOpen) -> None:
        """The sockets are there."""
        self.answer(ev.DnsOpened(0, 0, RESOLVERS, ("",) * len(effect.sources)))

    def dns_send(self, effect: ef.DnsSend) -> None:
        """A message leaves, which has to be one."""
        self.sent += 1
        dns.message.from_wire(effect.payload, keyring=False, continue_on_error=False)
        if effect.wait_us <= 0 or len(effect.payload) < 12 or effect.tcp != (len(effect.payload) > 512):
            raise Strange(f"{effect}")
        self.asked[effect.query] = effect.payload

    def told(self, event: ev.Event, effects: list[ef.Effect]) -> None:
        """Nobody here has the key, so no answer to what was signed is believed."""
        if self.signed and any(isinstance(one, ef.Log) and _ADDED in one.text for one in effects):
            raise Strange(f"a name counts as added: {event}")

    def reply(self, number: int, payload: Callable[[bytes], bytes], error: str = "") -> None:
        """Answer one of the messages that wait, by what `payload` makes of it."""
        if self.asked:
            query = [*self.asked][number % len(self.asked)]
            made = b"" if error else payload(self.asked.pop(query))
            self.tell(ev.DnsAnswer(0, 0, query, made, error))

    # The steps, each with its number and its octets.

    def octets(self, number: int, payload: bytes) -> None:
        """Octets as they are, whether anything was asked or not."""
        self.tell(ev.DnsAnswer(0, 0, number % 64, payload, ""))

    def octets_with_id(self, number: int, payload: bytes) -> None:
        """The right id, and then octets as they are."""
        self.reply(number, lambda asked: asked[:2] + payload)

    def answer_with(self, number: int, payload: bytes) -> None:
        """The right id and question, a code, and sections of whatever: the counts are the octets' first four."""
        counts = payload[:4].ljust(4, b"\0")

        def made(asked: bytes) -> bytes:
            end = dns_question_end(asked)
            flags = (0x8000 | asked[2] << 8 & 0x7900 | number >> 8 & 15).to_bytes(2, "big")
            sections = struct.pack("!HHH", counts[0] & 7, counts[1] & 7, counts[2] & 7)
            return asked[:2] + flags + asked[4:6] + sections + asked[12:end] + payload[4:]

        self.reply(number, made)

    def answer_with_addresses(self, number: int, payload: bytes) -> None:
        """What a search wants to hear: an SOA or NS record of the name that was asked for, or addresses."""

        def made(asked: bytes) -> bytes:
            end = dns_question_end(asked)
            kind = int.from_bytes(asked[end - 4 : end - 2], "big")
            data = _SOUGHT.get(kind, b"")
            record = b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, number, len(data)) + (payload + data)[-len(data) :]
            return asked[:2] + b"\x84\0\0\1\0\1\0\0\0\0" + asked[12:end] + record

        self.reply(number, made)

    def fail(self, number: int, _payload: bytes) -> None:
        """Nothing can be sent, or the connection ends."""
        self.reply(number >> 4, lambda asked: asked, ERRORS[number % len(ERRORS)])

    def serve(self, number: int, payload: bytes) -> None:
        """A client with a name of these octets comes: DISCOVER, REQUEST, RELEASE or DECLINE."""
        mac = b"\x02\0\0\0\0" + bytes([number % CLIENTS])
        kind = (1, 3, 3, 7, 4, 3)[number >> 4 & 7 if number >> 4 & 7 < 6 else 1]
        options = {12: payload[:63] or b"name"} if number & 0x100 else {81: bytes([number >> 12, 0, 0]) + payload[:200]}
        address = 0x0A4D0064 + number % CLIENTS
        ciaddr = address if number & 0x200 or kind == 7 else 0
        asked = {} if ciaddr or kind == 1 else {50: address.to_bytes(4, "big")}
        self.tell(ev.Packet(0, 0, "eth0", 0, 68, message(kind, mac, asked | options, ciaddr=ciaddr)))

    def let_go_by(self, number: int, _payload: bytes) -> None:
        """Time."""
        self.wait(number % 700)

    def break_disk(self, number: int, _payload: bytes) -> None:
        """The disk fails from now on, or no more."""
        if number & 1:
            self.disk.failing.add("append")
        else:
            self.disk.failing.clear()

    def check(self) -> None:
        """What must hold after every step."""
        if self.sent > SENT_A_STEP_MAX:
            raise Strange(f"{self.sent} messages in a step")
        self.sent = 0
        assert self.machine.server is not None, "it has started"
        if len(self.machine.server.ddns.questions) > UNDER_WAY_MAXIMUM:
            raise Strange("too much is under way")


def dns_question_end(asked: bytes) -> int:
    """Where the one question of a message of the server's own ends: its name is not compressed."""
    at = 12
    while asked[at]:
        at += 1 + asked[at]
    return at + 5


_STEPS: Final[tuple[Callable[[Site, int, bytes], None], ...]] = (
    Site.octets, Site.octets_with_id, Site.answer_with, Site.answer_with_addresses, Site.serve, Site.fail,
    Site.let_go_by, Site.break_disk,
)  # fmt: skip
_WITH_OCTETS: Final = 5


def dns_answers(data: bytes) -> None:
    """Have a server go through the steps."""
    with patch.object(startup, "load_configuration", KNOWN_WORLDS):
        _go_through(data)


def _go_through(data: bytes) -> None:
    site = Site(data[0] if data else 0)
    for kind, number, octets in _steps(data[1:]):
        _STEPS[kind](site, number, octets)
        site.check()
    state = pack(site.machine.snapshot())
    if digest(unpack(pack(Machine.restore(unpack(state)).snapshot()))) != digest(unpack(state)):
        raise Strange("a restored machine is another one")
    site.disk.failing.clear()
    site.wait(4000)
    effects = site.tell(ev.Packet(0, 0, "eth0", 0, 68, message(1, b"\x02\0\0\0\1\1", {})))
    if not any(type(effect).__name__ == "Send" for effect in effects):
        raise Strange("clients are served no more")


def _steps(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    for _ in range(STEPS_MAX):
        head = data[at : at + 3]
        if len(head) < 3:
            return
        kind, number = head[0] % len(_STEPS), int.from_bytes(head[1:], "big")
        size = data[at + 3] if kind < _WITH_OCTETS and at + 3 < len(data) else 0
        at += 4 if kind < _WITH_OCTETS else 3
        yield kind, number, data[at : at + size]
        at += size


def steps(first: int, *made: tuple[int, int, bytes]) -> bytes:
    """An input: (place in _STEPS, number, octets)."""
    parts = [bytes([first])]
    for kind, number, octets in made:
        parts.append(bytes([kind]) + number.to_bytes(2, "big"))
        if kind < _WITH_OCTETS:
            parts.append(bytes([len(octets)]) + octets)
    return b"".join(parts)
