"""One machine, and the program's part around it: stamp an event, apply it, carry out its effects, let answers follow.

Everything that runs a machine without being the program runs it through here: tests, the fuzzer's doors, imports from
other programs' files, the simulated world. What the outside answers are methods to override, and plain where they are
not: nothing answers pings, no name is known, programs end with 0, nobody can be called. A table names what carries out
each effect, so that one of a newer engine cannot be forgotten.

As in the program (dhcpd/loop.py) answers come behind all effects of an event, promises leave when what was stored is
synced, and where that fails they do not leave at all. Unlike there, each event is a batch of its own.
"""

from __future__ import annotations

from collections import deque
from copy import copy, deepcopy
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ...engine.machine import Machine
from ...trace import effects as ef
from ...trace import events as ev
from ...trace.codec import pack, unpack
from .disk import Disk, DiskError
from .starting import starting

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from ...trace.effects import Effect
    from ...trace.events import Event
    from .starting import Beginning

START_US: Final = 1_790_000_000_000_000
SECOND_US: Final = 1_000_000
_UNKNOWN_HOST: Final = "HOST_NOT_FOUND"
_REFUSED: Final = "ECONNREFUSED"

Applied: TypeAlias = "tuple[Event, list[Effect]]"


class Host:
    """A machine with the program's part around it.

    `now_us` is the time, which the owner moves; `wake_us` when the machine wants its timer, 0 for never. `status` is
    the exit status of a run that ended by itself, `failure` its last words where it failed. `served` names the
    interfaces that the machine listens on. `slices_at_once`: a rewrite of the lease file goes on as soon as nothing
    else waits, until it is done; else the owner tells each `RewriteContinue`.
    """

    def __init__(self, now_us: int = START_US, disk: Disk | None = None, *, slices_at_once: bool = True) -> None:
        """A machine that was told nothing yet."""
        self.machine = Machine()
        self.disk = Disk() if disk is None else disk
        self.now_us = self.began_us = now_us
        self.wake_us = 0
        self.status: int | None = None
        self.failure = ""
        self.served: tuple[str, ...] = ()
        self.slices_at_once = slices_at_once
        self._lease_file = ""
        self._inbox: deque[Event] = deque()
        self._promises: list[ef.Send | ef.StreamSend] = []
        self._disk_error: DiskError | None = None
        self._stored = False

    @property
    def ended(self) -> bool:
        """Whether the run has ended by itself."""
        return self.status is not None

    # Telling

    def start(self, begin: Beginning) -> None:
        """All that comes before the first packet; `status` is set where the machine does not come to serve."""
        for event in starting(begin):
            self.tell(event)

    def tell(self, event: Event) -> list[Effect]:
        """Have an event come now, and what follows from it; the event's own effects. Nothing where the run has ended.

        The event's times are set here.
        """
        effects = self._apply(event) if self.status is None else []
        while self.status is None:
            if self._inbox:
                self._apply(self._inbox.popleft())
            elif self.slices_at_once and self.machine.rewriting:
                self._apply(ev.RewriteContinue(0, 0))
            else:
                break
        return effects

    def _apply(self, event: Event) -> list[Effect]:
        wall_us, mono_us = self.stamp()
        event = event._replace(wall_us=wall_us, mono_us=mono_us)
        effects = self.machine.apply(event)
        self.told(event, effects)
        for effect in effects:
            CARRIERS[type(effect)](self, effect)
            if self.status is not None:
                break
        self._keep_promises()
        return effects

    def answer(self, event: Event) -> None:
        """Have an event come behind what is told now: for the methods that carry out effects."""
        self._inbox.append(event)

    def fire(self) -> None:
        """Let the timer come that the machine asked for, at its time or now where that has gone by."""
        self.now_us = max(self.now_us, self.wake_us)
        self.wake_us = 0
        self.tell(ev.Timer(0, 0))

    def twin_machine(self) -> Machine:
        """A machine made of a snapshot of this one."""
        return Machine.restore(unpack(pack(self.machine.snapshot())))

    def restored(self) -> Self:
        """Another host, at the same moment, with a machine made of a snapshot of this one's."""
        made = copy(self)
        made.machine = self.twin_machine()
        made.disk = deepcopy(self.disk)
        made._inbox, made._promises = deque(), []
        return made

    def wait(self, seconds: float) -> None:
        """Let time go by, with the timers that come due."""
        until_us = self.now_us + round(seconds * SECOND_US)
        while 0 < self.wake_us <= until_us and self.status is None:
            self.fire()
        self.now_us = max(self.now_us, until_us)

    # What an owner may want otherwise

    def stamp(self) -> tuple[int, int]:
        """The two times of the event that is told next."""
        return self.now_us, max(0, self.now_us - self.began_us)

    def told(self, event: Event, effects: list[Effect]) -> None:
        """What was told, and what the machine wants: before any of it is done."""

    def log(self, effect: ef.Log) -> None:
        """A line of the log."""

    def listen(self, interfaces: tuple[str, ...]) -> None:
        """Sockets are opened."""
        self.served = interfaces

    def send(self, effect: ef.Send) -> None:
        """A datagram leaves."""

    def ping(self, address: int) -> None:
        """An address is pinged."""

    def addresses_of(self, name: str) -> tuple[tuple[int, ...], str]:
        """The addresses of a host name, or an error in the resolver's words."""
        del name
        return (), _UNKNOWN_HOST

    def name_of(self, address: int) -> str:
        """The name of an address, empty for none."""
        del address
        return ""

    def execute(self, arguments: tuple[bytes, ...]) -> tuple[int, str]:
        """Run a program: its raw wait status, and an error where it did not run."""
        del arguments
        return 0, ""

    def dns_open(self, effect: ef.DnsOpen) -> None:
        """Open sockets for DNS."""
        self.answer(ev.DnsOpened(0, 0, b"", ("",) * len(effect.sources)))

    def dns_send(self, effect: ef.DnsSend) -> None:
        """Ask a DNS server: nothing comes."""

    def stream_listen(self, effect: ef.StreamListen) -> None:
        """Accept connections: nobody calls."""

    def stream_listen_end(self, effect: ef.StreamListenEnd) -> None:
        """Accept no more."""

    def stream_open(self, effect: ef.StreamOpen) -> None:
        """Call somebody: nobody takes the call."""
        self.answer(ev.StreamClosed(0, 0, effect.stream, _REFUSED))

    def stream_send(self, effect: ef.StreamSend) -> None:
        """Send on a connection."""

    def stream_close(self, effect: ef.StreamClose) -> None:
        """End a connection."""

    def stream_lost(self, stream: int) -> None:
        """A connection lost bytes that waited for a disk which failed: it is to be closed."""

    # The disk

    def on_disk(self, operation: Callable[..., None], *arguments: object) -> None:
        """Do something with the disk; a failure is told behind the event's effects."""
        try:
            operation(*arguments)
        except DiskError as error:
            self._disk_error = error

    def store(self, effect: ef.Store) -> None:
        """Append to the lease file, to be synced when the event is done."""
        self._stored = True
        self.on_disk(self.disk.append, effect.data)

    def install(self, effect: ef.RewriteEnd) -> None:
        """Put the new lease file in its place."""
        try:
            installed = self.disk.end_rewrite(install=effect.install)
        except DiskError as error:
            self._disk_error = error
            return
        if installed:
            self.answer(ev.RewriteInstalled(0, 0))

    def promise(self, effect: ef.Send | ef.StreamSend) -> None:
        """Send what may leave now; keep what promises something until that is stored."""
        if effect.durable:
            self._promises.append(effect)
        else:
            self._leave(effect)

    def _leave(self, effect: ef.Send | ef.StreamSend) -> None:
        if isinstance(effect, ef.Send):
            self.send(effect)
        else:
            self.stream_send(effect)

    def _keep_promises(self) -> None:
        """Sync what was stored; then what promises it leaves, or where that failed is thrown away."""
        if self._stored and self._disk_error is None:
            self.on_disk(self.disk.sync)
        self._stored = False
        promises, self._promises = self._promises, []
        error, self._disk_error = self._disk_error, None
        if error is not None:
            self.answer(ev.StorageFailed(0, 0, error.operation, self._lease_file, error.reason))
        if error is None or error.operation not in ("append", "sync"):
            for effect in promises:
                self._leave(effect)
            return
        for stream in dict.fromkeys(effect.stream for effect in promises if isinstance(effect, ef.StreamSend)):
            self.stream_lost(stream)

    # Small things

    def wake(self, effect: ef.Wake) -> None:
        """Note when the machine wants its timer."""
        self.wake_us = effect.at_us

    def settle(self, effect: ef.Settings) -> None:
        """The configuration is accepted."""
        self._lease_file = effect.lease_file

    def end(self, effect: ef.Exit | ef.Fatal) -> None:
        """The run ends by itself."""
        self.status = effect.status if isinstance(effect, ef.Exit) else 1
        self.failure = "" if isinstance(effect, ef.Exit) else effect.text

    def look_up(self, effect: ef.Lookup) -> None:
        """Answer with the addresses of a name."""
        addresses, error = self.addresses_of(effect.name)
        self.answer(ev.HostAnswer(0, 0, effect.name, addresses, error))

    def look_up_name(self, effect: ef.ReverseLookup) -> None:
        """Answer with the name of an address."""
        self.answer(ev.NameAnswer(0, 0, effect.address, self.name_of(effect.address)))

    def run_program(self, effect: ef.Execute) -> None:
        """Answer with how a program ended."""
        status, error = self.execute(effect.arguments)
        self.answer(ev.Executed(0, 0, effect.call, status, error))

    def nothing(self, _effect: Effect) -> None:
        """What only tells somebody something."""


# What carries out each effect; a subclass's own method is found by name.
CARRIERS: Final[dict[type[Effect], Callable[[Host, Any], None]]] = {
    ef.Send: lambda host, effect: host.promise(effect),
    ef.Store: lambda host, effect: host.store(effect),
    ef.Log: lambda host, effect: host.log(effect),
    ef.Wake: lambda host, effect: host.wake(effect),
    ef.Ping: lambda host, effect: host.ping(effect.address),
    ef.Settings: lambda host, effect: host.settle(effect),
    ef.Listen: lambda host, effect: host.listen(effect.interfaces),
    ef.Exit: lambda host, effect: host.end(effect),
    ef.Fatal: lambda host, effect: host.end(effect),
    ef.RewriteBegin: lambda host, effect: host.on_disk(host.disk.begin_rewrite, effect.suffix),
    ef.RewritePart: lambda host, effect: host.on_disk(host.disk.rewrite, effect.data),
    ef.RewriteEnd: lambda host, effect: host.install(effect),
    ef.Lookup: lambda host, effect: host.look_up(effect),
    ef.ReverseLookup: lambda host, effect: host.look_up_name(effect),
    ef.DnsOpen: lambda host, effect: host.dns_open(effect),
    ef.DnsSend: lambda host, effect: host.dns_send(effect),
    ef.StreamListen: lambda host, effect: host.stream_listen(effect),
    ef.StreamListenEnd: lambda host, effect: host.stream_listen_end(effect),
    ef.StreamOpen: lambda host, effect: host.stream_open(effect),
    ef.StreamSend: lambda host, effect: host.promise(effect),
    ef.StreamClose: lambda host, effect: host.stream_close(effect),
    ef.Execute: lambda host, effect: host.run_program(effect),
    ef.Serving: Host.nothing,
    ef.Answers: Host.nothing,
    ef.ConfigurationRefused: Host.nothing,
    ef.CommandAnswer: Host.nothing,
}
