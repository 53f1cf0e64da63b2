"""A new machine fed from something that is no tape: it is started, its timers come, what it asks for is answered.

For who makes a run of what others recorded (isc/, capture/). What those do not hold is made up plainly: no host names,
programs that end with 0, a disk that never fails. A subclass says what becomes of packets sent and addresses pinged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from ...engine.machine import Machine
from ...trace import effects as ef
from ...trace import events as ev

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ...disk.configuration import SourceFile
    from ...trace.effects import Effect
    from ...trace.events import Event

SECOND_US: Final = 1_000_000
_TIMERS_AT_ONCE_MAX: Final = 10_000
_HOST_LENGTH: Final = 24
_LINK_FLAGS: Final = 0x1043  # up, broadcast, running, multicast
_NO_NAME: Final = "host names, which the file does not hold"

Told: TypeAlias = "tuple[Event, list[Effect]]"


class Beginning(NamedTuple):
    """What a run starts with: configuration files, the main one first; links as (name, address, type and hardware)."""

    files: Sequence[SourceFile]
    leases: Sequence[bytes]
    lease_file: str
    links: Iterable[tuple[str, int, bytes]]
    seed: bytes
    byte_order: str


class Feeder:
    """Feeds a machine. `tell` is called with each event and its effects; `left` counts what cannot be played."""

    def __init__(self, tell: Callable[[Event, list[Effect]], None], version: str) -> None:
        """`version` is the writing program's, for the Boot event."""
        self.machine = Machine()
        self.events = 0
        self.exited = False
        self.left: dict[str, int] = {}
        self.now_us = 0
        self.wake_us = 0
        self.last: Event = ev.End(0, 0, "")
        self._tell = tell
        self._version = version
        self._began_us = 0

    def start(self, begin: Beginning, at_us: int) -> None:
        """All that comes before the first packet."""
        self.now_us = self._began_us = at_us
        main = begin.files[0].name if begin.files else "dhcpd.conf"
        words = ("-cf", main, "-lf", begin.lease_file)
        order = begin.byte_order
        self.apply(ev.Boot(0, 0, self._version, words, (), "localhost", 0, begin.seed, 67, order, 0))
        for file in begin.files:
            self.apply(ev.ConfigurationFile(0, 0, *file))
        self.apply(ev.ConfigurationEnd(0, 0, main, reload=False))
        for content in begin.leases:
            self.apply(ev.LeaseFilePart(0, 0, content))
        self.apply(ev.LeaseFileEnd(0, 0, ""))
        links = tuple(self._link(number, *link) for number, link in enumerate(begin.links, 1))
        self.apply(ev.Interfaces(0, 0, links, ""))
        self.apply(ev.Listening(0, 0, plain_udp=False))

    def _link(self, number: int, name: str, address: int, hardware: bytes) -> ev.Link:
        configuration = self.machine.configuration
        subnet = None if configuration is None else configuration.find_subnet(address)
        length = _HOST_LENGTH if subnet is None else subnet.prefix_length
        return ev.Link(name, number, hardware[0], hardware[1:], _LINK_FLAGS, ((address, length),))

    def apply(self, event: Event) -> None:
        """Tell the machine, a microsecond after what it was told before, and do what it asks for."""
        self.now_us += 1
        event = event._replace(wall_us=self.now_us, mono_us=max(0, self.now_us - self._began_us))
        effects = self.machine.apply(event)
        self.keep(event, effects)
        for effect in effects:
            self._do(effect)
        while self.machine.rewriting and not self.exited and not isinstance(event, ev.RewriteContinue):
            self.apply(ev.RewriteContinue(0, 0))

    def keep(self, event: Event, effects: list[Effect]) -> None:
        """Pass on what happened."""
        self.events += 1
        self.last = event
        self._tell(event, effects)

    def until(self, at_us: int) -> None:
        """Let the timers come that are due before this moment."""
        for _ in range(_TIMERS_AT_ONCE_MAX):
            if not self.wake_us or self.wake_us >= at_us or self.exited:
                break
            self.fire()

    def fire(self) -> None:
        """Let the timer come that the machine asked for."""
        self.now_us = max(self.now_us, self.wake_us)
        self.wake_us = 0
        self.apply(ev.Timer(0, 0))

    def end(self, reason: str) -> None:
        """The last event."""
        self.apply(ev.End(0, 0, reason))

    def leave(self, what: str) -> None:
        """Count something that is not played."""
        self.left[what] = self.left.get(what, 0) + 1

    def send(self, effect: ef.Send) -> None:
        """A packet was sent."""

    def ping(self, address: int) -> None:
        """An address was pinged."""

    def _do(self, effect: Effect) -> None:
        if isinstance(effect, ef.Wake):
            self.wake_us = effect.at_us
        elif isinstance(effect, ef.Send):
            self.send(effect)
        elif isinstance(effect, ef.Ping):
            self.ping(effect.address)
        elif isinstance(effect, ef.Exit | ef.Fatal):
            self.exited = True
        else:
            self._answer(effect)

    def _answer(self, effect: Effect) -> None:
        """What the world outside would answer."""
        if isinstance(effect, ef.RewriteEnd) and effect.install:
            self.apply(ev.RewriteInstalled(0, 0))
        elif isinstance(effect, ef.Lookup):
            self.leave(_NO_NAME)
            self.apply(ev.HostAnswer(0, 0, effect.name, (), "HOST_NOT_FOUND"))
        elif isinstance(effect, ef.ReverseLookup):
            self.apply(ev.NameAnswer(0, 0, effect.address, ""))
        elif isinstance(effect, ef.Execute):
            self.apply(ev.Executed(0, 0, effect.call, 0, ""))
