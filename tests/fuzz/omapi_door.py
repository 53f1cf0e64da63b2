"""OMAPI's door: octets of strangers, and of peers who have the key, on three connections of one server.

The first octet says whether the connections have opened the key (1), and whether the server asks for one (2). Then
steps as at the door `packet`: kind, two octets of length or number, octets. Raised is also what must never be: more
held of a connection than may be, a whole request without its one answer, a machine that is not its own snapshot, a
lease file that does not give back the declarations in force.
"""

from __future__ import annotations

import contextlib
from functools import cache
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

from dhcpd.disk.configuration import SourceFile
from dhcpd.engine import startup
from dhcpd.engine.machine import Machine
from dhcpd.engine.omapi.connection import Stage
from dhcpd.engine.omapi.requests import CANNOT_UPDATE
from dhcpd.engine.omapi.signing import Key, full_algorithm, signature, signature_octets
from dhcpd.engine.omapi.wire import (
    GREETING,
    MESSAGE_OCTETS_MAX,
    OPEN,
    STRANGER_OCTETS_MAX,
    UPDATE,
    Message,
    ProtocolError,
    Reader,
    encode,
)
from dhcpd.replay.playing.digest import digest
from dhcpd.replay.world.host import Host
from dhcpd.replay.world.messages import message
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import events as ev
from dhcpd.trace.codec import pack, unpack
from tests.fuzz.known_worlds import KNOWN_WORLDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dhcpd.trace.effects import StreamClose, StreamSend

KEY: Final = Key("k", full_algorithm("hmac-md5"), bytes(range(16)))
SITE: Final = b"""
omapi-port 7911;
key k { algorithm hmac-md5; secret AAECAwQFBgcICQoLDA0ODw==; };
authoritative;
group g { option domain-name "g.example"; }
class "c" { match hardware; lease limit 2; }
subclass "c" 1:2:0:0:0:0:1;
host h { hardware ethernet 02:00:00:00:0f:01; fixed-address 10.77.200.1; }
subnet 10.77.0.0 netmask 255.255.0.0 {
  range 10.77.0.0 10.77.0.7;
  on commit { set a = "a"; }
  on expiry { set b = "b"; }
}
"""
WORLDS: Final = (SITE, SITE + b"omapi-key k;\n")
LINK: Final = ethernet("eth0", 2, b"\x02\0\0\0\0\xfe", (0x0A4D0001, 16))
SERVER: Final = 0x0A4D0001
STREAMS: Final = (2, 4, 6)
STEPS_MAX: Final = 24
# What one event may bring, beside what is held.
SEGMENT_OCTETS: Final = 1 << 16


class Wrong(Exception):
    """What was done is wrong though nothing was raised; the text says what."""


class Site(Host):
    """A server with OMAPI; `readers` and `closed` by stream. `failed`: the disk has failed once.

    `partial`: a change was refused in its middle, so that what came before the mistake is in memory alone, as ISC's.
    """

    def __init__(self, configuration: bytes | None, leases: bytes = b"") -> None:
        super().__init__()
        self.readers: dict[int, Reader] = {}
        self.closed: set[int] = set()
        self.last = 0
        self.failed = self.partial = False
        if configuration is None:
            return
        self.start(Beginning([SourceFile("c", configuration, "")], [leases], [LINK], words=("-pf", "/p", "-p", "67"),
                             seed=b"seed" * 4))  # fmt: skip

    @classmethod
    def restored_from(cls, snapshot: bytes) -> Site:
        """The server of a snapshot, with an empty disk."""
        made = cls(None)
        made.machine = Machine.restore(unpack(snapshot))
        return made

    def stream_send(self, effect: StreamSend) -> None:
        self.partial = self.partial or CANNOT_UPDATE.encode() in effect.data
        self.readers[effect.stream].feed(effect.data)

    def stream_close(self, effect: StreamClose) -> None:
        self.closed.add(effect.stream)
        self.answer(ev.StreamClosed(0, 0, effect.stream, ""))

    def connect(self, *, with_key: bool) -> int:
        """The number of a new connection."""
        self.last += 2
        stream = self.last
        self.readers[stream] = Reader(MESSAGE_OCTETS_MAX)
        self.tell(ev.StreamOpened(0, 0, stream, "omapi", SERVER, 7911, SERVER, 4000 + stream))
        self.say(stream, GREETING)
        if with_key:
            asked = {b"name": b"k", b"algorithm": KEY.algorithm.encode()}
            self.say(stream, encode(Message(OPEN, 0, 1, 0, {b"type": b"authenticator"}, asked)))
            self.answers(stream)
        return stream

    def say(self, stream: int, octets: bytes) -> None:
        """Octets come on a connection, if it is still there; what was asked is answered."""
        for at in range(0, len(octets), SEGMENT_OCTETS):
            if stream not in self.closed:
                self.tell(ev.StreamData(0, 0, stream, octets[at : at + SEGMENT_OCTETS]))
        self.catch_up()

    def catch_up(self) -> None:
        """Let everything be done that is due now."""
        while 0 < self.machine.wake_us <= self.now_us + 1000 and not self.ended:
            self.fire()

    def answers(self, stream: int) -> list[Message]:
        """What came on a connection since it was last asked; raises ProtocolError where it is no OMAPI."""
        return [*iter(self.readers[stream].next_message, None)]


@cache
def _started(world: int) -> bytes:
    """The snapshot of a server that has just started: to start anew for every input would be most of the time."""
    return pack(Site(WORLDS[world]).machine.snapshot())


def omapi(data: bytes) -> None:
    """See the module."""
    # Reading the configuration, in each restored machine and beside the lease file, would take half of the time.
    with patch.object(startup, "load_configuration", KNOWN_WORLDS):
        _go_through(data)


def _go_through(data: bytes) -> None:
    first = data[0] if data else 0
    with_key, world = bool(first & 1), first >> 1 & 1
    site = Site.restored_from(_started(world))
    peers = [site.connect(with_key=with_key) for _ in range(3)]
    for kind, number, octets in _steps(data[1:]):
        if site.ended:
            return
        _step(site, peers, kind, number, octets, with_key=with_key)
        _check_held(site)
    if site.ended:
        return
    state = pack(site.machine.snapshot())
    if digest(unpack(pack(Machine.restore(unpack(state)).snapshot()))) != digest(unpack(state)):
        raise Wrong("the snapshot makes another machine")
    whole = not site.failed and not site.partial
    if whole and _declared(Site(WORLDS[world], bytes(site.disk.content))) != _declared(site):
        raise Wrong("the lease file does not give back what was declared")


def _declared(site: Host) -> tuple[dict[str, tuple[object, ...]], list[str], dict[str, list[bytes]]]:
    """Hosts, groups and classes in force, as far as OMAPI shows them."""
    assert site.machine.server is not None, "it has started"
    declared = site.machine.server.generation.declared
    hosts = {name: (one.hardware, one.uid, one.fixed_addresses, one.group, one.dynamic)
             for name, one in declared.hosts.by_name.items()}  # fmt: skip
    return hosts, sorted(name for name, _scope in declared.groups.items()), {
        one.name: sorted(one.subclasses) for one in declared.classes
    }


def _steps(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    for _ in range(STEPS_MAX):
        head = data[at : at + 3]
        if len(head) < 3:
            return
        kind, number = head[0], int.from_bytes(head[1:], "big")
        size = number if kind & 7 in (0, 1) else 0
        yield kind, number, data[at + 3 : at + 3 + size]
        at += 3 + size


def _step(site: Site, peers: list[int], kind: int, number: int, octets: bytes, *, with_key: bool) -> None:
    """Do a step; bits 3 and 4 of its kind name the connection, the bits before them what it is.

    0 octets as they are, 1 a message from its operation on, 2 the peer is done, 3 it is gone, 4 a packet of client
    `number`, 5 time goes by, 6 the disk fails from now on, 7 no more.
    """
    at = (kind >> 3) % 3
    stream = peers[at]
    if stream in site.closed:
        stream = peers[at] = site.connect(with_key=with_key)
    match kind & 7:
        case 0:
            site.say(stream, octets)
        case 1:
            _ask(site, stream, octets, with_key=with_key)
        case 2:
            site.tell(ev.StreamHalfClosed(0, 0, stream))
        case 3:
            site.closed.add(stream)
            site.tell(ev.StreamClosed(0, 0, stream, "ECONNRESET"))
        case 4:
            site.tell(ev.Packet(0, 0, "eth0", 0, 68, message(1 + number % 3 // 2 * 2, number.to_bytes(6, "big"), b"")))
        case 5:
            site.wait(number % 64)
        case 6:
            site.failed = True
            site.disk.failing.add("sync" if number & 1 else "append")
        case _:
            site.disk.failing.clear()


def _ask(site: Site, stream: int, body: bytes, *, with_key: bool) -> None:
    """A message whose signature is right: it is answered once, or the connection ends."""
    with contextlib.suppress(ProtocolError):
        site.answers(stream)
    length = signature_octets(KEY) if with_key else 0
    covered = length.to_bytes(4, "big") + body
    octets = (1 if with_key else 0).to_bytes(4, "big") + covered
    octets += signature(KEY, covered) if with_key else b""
    if not _is_whole(octets):
        site.say(stream, octets)
        return
    held = _held(site, stream)
    site.say(stream, octets)
    if stream in site.closed or site.ended or site.disk.failing or held:
        return
    if len(site.answers(stream)) != 1:
        raise Wrong("a whole request was not answered once")


def _held(site: Site, stream: int) -> int:
    assert site.machine.omapi is not None, "the configuration has a port"
    return site.machine.omapi.connections.connections[stream].reader.held_octets


def _is_whole(octets: bytes) -> bool:
    """Whether the octets are one message and nothing else."""
    reader = Reader(MESSAGE_OCTETS_MAX)
    reader.feed(GREETING)
    with contextlib.suppress(ProtocolError):
        reader.feed(octets)
        found = reader.next_message()
        return found is not None and not reader.held_octets and found.op in {OPEN, UPDATE, 2, 4, 6}
    return False


def _check_held(site: Site) -> None:
    """64 KiB are held of a stranger at most, beside what has just come."""
    assert site.machine.omapi is not None, "the configuration has a port"
    for connection in site.machine.omapi.connections.connections.values():
        held, most = connection.reader.held_octets, MESSAGE_OCTETS_MAX if connection.trusted else STRANGER_OCTETS_MAX
        if held > most and connection.stage is not Stage.CLOSING:
            raise Wrong(f"{held} octets are held")
        if connection.trusted and not connection.keys:
            raise Wrong("a stranger is trusted")
