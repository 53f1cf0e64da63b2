"""A server of a simulated world: the engine in a host whose disk, clock, network and power are the world's.

It starts from what its disk holds, may be stopped, killed or lose its power, and is started again; what becomes of its
connections and of its lease file then is what would become of them.
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, Protocol

from ....trace import TapeWriter
from ....trace import events as ev
from ..host import Host
from .tcp import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ....trace import effects as ef
    from ....trace.effects import Effect
    from ....trace.events import Event
    from ..disk import Disk
    from ..starting import Beginning
    from .clock import Clock
    from .network import Network
    from .tcp import End, Tcp

# Who was told that we send no more has so long to do the same (dhcpd/network/streams.py).
LINGER_US: Final = 5_000_000
_LINGERED: Final = "linger"
_STORAGE: Final = "storage"
_ADDRESS_IN_USE: Final = "EADDRINUSE"
_IPV4_OCTETS: Final = 4


class Surroundings(Protocol):
    """What a server needs of its world."""

    clock: Clock
    network: Network
    tcp: Tcp

    @property
    def names(self) -> Mapping[str, Sequence[str]]:
        """The addresses of host names."""

    @property
    def dns_servers(self) -> Mapping[str, Callable[[bytes], bytes | None]]:
        """What answers DNS messages, by its address."""


class NotStarted(Exception):
    """A server does not come to serve with its configuration; `lines` is its log, `status` its exit status."""

    def __init__(self, lines: tuple[str, ...], status: int) -> None:
        super().__init__("\n".join(("the server did not start:", *lines)))
        self.lines = lines
        self.status = status


class Server(Host):
    """A server in a world. `World.server` makes one.

    `lines` is its log. `disk` holds its lease file (`disk.content`), `links` are its interfaces. `clock_off_us` is how
    far its clock is ahead of the world's; `set_clock` steps it.
    """

    def __init__(self, world: Surroundings, name: str, links: tuple[ev.Link, ...], disk: Disk) -> None:
        """Not started yet."""
        super().__init__(world.clock.now_us, disk)
        self.name = name
        self.links = links
        self.wires = {link.name: link.name for link in links}
        self.lines: list[str] = []
        self.running = False
        self.clock_off_us = 0
        self.streams: dict[int, End] = {}
        self._numbers: dict[End, int] = {}
        self._accepted = 0
        self._closing: set[int] = set()
        self._errors: dict[int, str] = {}
        self._world = world
        self._tape: TapeWriter | None = None

    # Its life

    def boot(self, begin: Beginning, recording: Path | None = None) -> None:
        """Start, or start again, from what is on the disk. Raises NotStarted."""
        world = self._world
        super().__init__(world.clock.now_us, self.disk)
        self.lines, self.streams, self._numbers, self._closing, self._errors = [], {}, {}, set(), {}
        self.running = True
        for address in self._addresses():
            world.tcp.live_at(address, self.name)
        if recording is not None:
            created_us = self.stamp()[0]
            self._tape = TapeWriter.create(recording, version=begin.version, host=self.name, created_us=created_us)
        content = bytes(self.disk.content)
        self.start(begin._replace(leases=[content] if content else [], links=self.links))
        if not self.machine.serving:
            self.running = False
            self._close()
            raise NotStarted(tuple(self.lines), self.status or 0)

    def stop(self) -> None:
        """SIGTERM: an end in order."""
        if self.running:
            self.tell(ev.End(0, 0, "SIGTERM"))
        self.kill()

    def kill(self) -> None:
        """SIGKILL: the process is gone, and the system closes what it had open."""
        self.running = False
        for end in list(self.streams.values()):
            end.reset()
        self._gone()

    def lose_power(self, kept: float = 0.0) -> None:
        """The machine is dark: what was not synced is lost but for a part of it, and nobody is told anything."""
        for end in self.streams.values():
            end.vanish()
        self.disk.lose_power(kept)
        for address in self._addresses():
            self._world.tcp.live_at(address, "")
        self._gone()

    def _gone(self) -> None:
        self.running = False
        self.streams.clear()
        self._world.tcp.forget(self)
        self._close()

    def _close(self) -> None:
        if self._tape is not None:
            self._tape.close()
            self._tape = None

    def _addresses(self) -> list[int]:
        return [address for link in self.links for address, _length in link.addresses]

    # Its clock

    def stamp(self) -> tuple[int, int]:
        """Its own time."""
        self.now_us = self._world.clock.now_us + self.clock_off_us
        return self.now_us, self._world.clock.now_us - self._world.clock.began_us

    def set_clock(self, ahead_us: int) -> None:
        """Step the clock, so that it is so far ahead of the world's (or behind it, where negative)."""
        self.clock_off_us = ahead_us
        self._plan()

    def wake(self, effect: ef.Wake) -> None:
        """Have the timer come at its moment of this server's clock."""
        super().wake(effect)
        self._plan()

    def _plan(self) -> None:
        if self.wake_us:
            machine = self.machine
            self._world.clock.at(self.wake_us - self.clock_off_us, partial(self._timer, machine, self.wake_us))

    def _timer(self, machine: object, wake_us: int) -> None:
        self.stamp()
        if self.running and machine is self.machine and wake_us == self.wake_us <= self.now_us:
            self.fire()

    # What the world brings, and what it asks for

    def hear(self, event: Event) -> None:
        """Take in what arrives; nobody is there to hear it where the server does not run."""
        if self.running:
            self.tell(event)
            if self.ended:
                self.kill()

    def told(self, event: Event, effects: list[Effect]) -> None:
        """Record it."""
        if self._tape is not None:
            self._tape.write_effects(self._tape.write_events([event]), [effects])

    def log(self, effect: ef.Log) -> None:
        """Keep the line."""
        self.lines.append(effect.text)

    def end(self, effect: ef.Exit | ef.Fatal) -> None:
        """Keep the last words."""
        super().end(effect)
        self.lines += [self.failure] if self.failure else []

    def address_interface(self, address: int) -> str | None:
        """The interface that has an address."""
        return next((link.name for link in self.links if any(one == address for one, _ in link.addresses)), None)

    def send(self, effect: ef.Send) -> None:
        """Have a datagram leave."""
        self._world.network.from_server(self, effect)

    def ping(self, address: int) -> None:
        """Send an echo request."""
        self._world.network.ping(self, address)

    def addresses_of(self, name: str) -> tuple[tuple[int, ...], str]:
        """What the world's resolver knows of a name."""
        found = self._world.names.get(name.lower().rstrip("."))
        return super().addresses_of(name) if found is None else (tuple(int(IPv4Address(one)) for one in found), "")

    def name_of(self, address: int) -> str:
        """What the world's resolver knows of an address."""
        text = str(IPv4Address(address))
        return next((name for name, addresses in self._world.names.items() if text in addresses), "")

    def dns_send(self, effect: ef.DnsSend) -> None:
        """Ask a DNS server of the world; where there is none, over UDP nothing comes."""
        where = str(IPv4Address(effect.server)) if len(effect.server) == _IPV4_OCTETS else ""
        network, server = self._world.network, self._world.dns_servers.get(where)
        if server is not None:
            network.carry(self.name, where, partial(self._ask, server, effect, where))
        elif effect.tcp:
            refused = ev.DnsAnswer(0, 0, effect.query, b"", REFUSED)
            self._world.clock.after(network.lateness_us(), partial(self.hear, refused))

    def _ask(self, server: Callable[[bytes], bytes | None], effect: ef.DnsSend, where: str) -> None:
        payload = server(effect.payload)
        if payload is not None:
            answer = ev.DnsAnswer(0, 0, effect.query, payload, "")
            self._world.network.carry(where, self.name, partial(self.hear, answer))

    # Streams: what the engine asks

    def stream_listen(self, effect: ef.StreamListen) -> None:
        """Accept connections."""
        if not self._world.tcp.listen(self, effect.address, effect.port, effect.service):
            failed = ev.StreamListenFailed(0, 0, effect.service, effect.address, effect.port, _ADDRESS_IN_USE)
            self.answer(failed)

    def stream_listen_end(self, effect: ef.StreamListenEnd) -> None:
        """Accept no more."""
        self._world.tcp.listen_end(self, effect.address, effect.port)

    def stream_open(self, effect: ef.StreamOpen) -> None:
        """Call somebody, from the first address where none is given."""
        local = effect.local or self._addresses()[0]
        end = self._world.tcp.call(self, local, effect.address, effect.port, effect.service)
        self._number(end, effect.stream)

    def stream_send(self, effect: ef.StreamSend) -> None:
        """Send on a connection."""
        if effect.stream in self.streams:
            self.streams[effect.stream].send(effect.data)

    def stream_close(self, effect: ef.StreamClose) -> None:
        """End a connection: at once, or when all was delivered and the other side has ended too."""
        end = self.streams.get(effect.stream)
        if end is None:
            return
        self._closing.add(effect.stream)
        if not effect.flush:
            end.reset()
            return
        end.finish()
        self._world.clock.after(LINGER_US, partial(self._linger, end))

    def stream_lost(self, stream: int) -> None:
        """What was promised is not there: the connection has a hole."""
        end = self.streams.get(stream)
        if end is not None:
            self._errors[stream] = _STORAGE
            end.reset()

    def _linger(self, end: End) -> None:
        if end in self._numbers:
            self._errors[self._numbers[end]] = _LINGERED
            end.reset()

    # Streams: what comes (tcp.Owner)

    def opened(self, end: End) -> None:
        """A connection stands: ours, or one that was accepted, which is numbered here."""
        assert end.peer is not None, "an open connection has two ends"
        if end not in self._numbers:
            self._accepted += 2
            self._number(end, self._accepted)
        peer, stream = end.peer, self._numbers[end]
        self.hear(ev.StreamOpened(0, 0, stream, end.service, end.address, end.port, peer.address, peer.port))

    def received(self, end: End, data: bytes) -> None:
        """Bytes came; of a connection that is being closed nothing is told."""
        stream = self._numbers[end]
        if stream not in self._closing:
            self.hear(ev.StreamData(0, 0, stream, data))

    def half_closed(self, end: End) -> None:
        """The other side sends no more."""
        stream = self._numbers[end]
        if stream not in self._closing:
            self.hear(ev.StreamHalfClosed(0, 0, stream))

    def closed(self, end: End, error: str) -> None:
        """The connection is over: behind what is being told, where it is the engine that ended it."""
        stream = self._numbers.pop(end)
        self.streams.pop(stream, None)
        self._closing.discard(stream)
        closed = ev.StreamClosed(0, 0, stream, self._errors.pop(stream, error))
        self._world.clock.after(0, partial(self.hear, closed))

    def _number(self, end: End, stream: int) -> None:
        self._numbers[end] = stream
        self.streams[stream] = end
