"""A new machine fed from something that is no tape: it is started, its timers come, what it asks for is answered.

For who makes a run of what others recorded (isc/, capture/). What those do not hold is made up plainly: no host names,
programs that end with 0, a disk that never fails, nobody who takes a call or answers a DNS message. A subclass says
what becomes of packets sent and addresses pinged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

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
        CARRIERS[type(effect)](self, effect)

    def _pass_over(self, effect: Effect) -> None:
        """Nothing comes of it: the world is told, and does not answer."""

    def _wake(self, effect: ef.Wake) -> None:
        self.wake_us = effect.at_us

    def _send(self, effect: ef.Send) -> None:
        self.send(effect)

    def _ping(self, effect: ef.Ping) -> None:
        self.ping(effect.address)

    def _exit(self, _effect: ef.Exit | ef.Fatal) -> None:
        self.exited = True

    def _rewritten(self, effect: ef.RewriteEnd) -> None:
        if effect.install:
            self.apply(ev.RewriteInstalled(0, 0))

    def _look_up(self, effect: ef.Lookup) -> None:
        self.leave(_NO_NAME)
        self.apply(ev.HostAnswer(0, 0, effect.name, (), "HOST_NOT_FOUND"))

    def _look_up_name(self, effect: ef.ReverseLookup) -> None:
        self.apply(ev.NameAnswer(0, 0, effect.address, ""))

    def _execute(self, effect: ef.Execute) -> None:
        self.apply(ev.Executed(0, 0, effect.call, 0, ""))

    def _open_dns(self, effect: ef.DnsOpen) -> None:
        self.apply(ev.DnsOpened(0, 0, b"", ("",) * len(effect.sources)))

    def _call(self, effect: ef.StreamOpen) -> None:
        self.apply(ev.StreamClosed(0, 0, effect.stream, "ECONNREFUSED"))


CARRIERS: Final[dict[type[Effect], Callable[[Feeder, Any], None]]] = {
    ef.Send: Feeder._send,
    ef.Store: Feeder._pass_over,
    ef.Log: Feeder._pass_over,
    ef.Wake: Feeder._wake,
    ef.Ping: Feeder._ping,
    ef.Settings: Feeder._pass_over,
    ef.Listen: Feeder._pass_over,
    ef.Exit: Feeder._exit,
    ef.Fatal: Feeder._exit,
    ef.RewriteBegin: Feeder._pass_over,
    ef.RewritePart: Feeder._pass_over,
    ef.RewriteEnd: Feeder._rewritten,
    ef.Lookup: Feeder._look_up,
    ef.ReverseLookup: Feeder._look_up_name,
    ef.DnsOpen: Feeder._open_dns,
    ef.DnsSend: Feeder._pass_over,
    ef.StreamListen: Feeder._pass_over,
    ef.StreamListenEnd: Feeder._pass_over,
    ef.StreamOpen: Feeder._call,
    ef.StreamSend: Feeder._pass_over,
    ef.StreamClose: Feeder._pass_over,  # no stream stands
    ef.Execute: Feeder._execute,
    ef.Serving: Feeder._pass_over,
    ef.Answers: Feeder._pass_over,
    ef.ConfigurationRefused: Feeder._pass_over,
}
