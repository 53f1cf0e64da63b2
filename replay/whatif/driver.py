"""A new machine on its way through an old recording, told what it would have met.

What of the recording belongs to the world (packets, links, a full disk) is told as it is; what belongs to the old run
is not: timers come when this machine has asked for them, answers when it has asked (questions.py), slices of a rewrite
while it has one open. Where the machine asks for what the recorded one asked for, the recorded moment is kept, so that
an unchanged configuration meets exactly the recorded events. Packets go through the model of their client (client.py),
which may also speak by itself. Nothing is judged here.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...engine.machine import Machine
from ...trace import Entry
from ...trace import effects as fx
from ...trace import events as ev
from ..playing.leases import lease_file_of
from ..playing.resume import beginning
from ..playing.seek import engine_at
from ..showing.decode import hardware_of_payload
from ..world.streams import PARTNER, Streams
from .client import Client, reply_of
from .packets import read
from .partner import ModelPartner
from .questions import Questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ...disk.configuration import SourceFile
    from ...engine.service.reasons import Reason
    from ...trace import Tape
    from ...trace.effects import Effect
    from ...trace.events import Event
    from ..playing.resume import Beginning
    from .packets import Message

_SECOND_US: Final = 1_000_000
# So long a client waits for an offer that the recording does not have: a recorded one may be on its way (a ping).
_TAKE_AFTER_US: Final = 4 * _SECOND_US
_BY_MODEL: Final = "the failover partner, played by a model"


class Applied(NamedTuple):
    """An event that the machine was told, and its effects. `why`: empty for an event as it was recorded."""

    event: Event
    effects: tuple[Effect, ...]
    why: str = ""
    reasons: tuple[Reason, ...] = ()


class Step(NamedTuple):
    """A recorded event, and what came of it now. `withheld` tells why a packet was not said to the new server."""

    seq: int
    event: Event
    recorded: tuple[Effect, ...]
    applied: tuple[Applied, ...]
    withheld: str = ""


class Refused(Exception):
    """The new configuration does not come to serve: `lines` are the log lines, ISC's, in order."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__(lines[-1] if lines else "the server did not start")
        self.lines = tuple(lines)


class NextTimer:
    """When a machine wants its next timer, as the program keeps it: a timer that changes nothing comes again."""

    __slots__ = ("at_us",)

    def __init__(self) -> None:
        self.at_us = 0

    def timer(self, now_us: int) -> None:
        """A timer is told."""
        self.at_us = now_us + _SECOND_US

    def effects(self, effects: Sequence[Effect]) -> None:
        """Take in what a machine asks for."""
        for effect in effects:
            if type(effect) is fx.Wake:
                self.at_us = effect.at_us


class Driver:
    """One machine, told one recording as it would have met it.

    `files` is the new configuration, the main file first; `leases` replaces the recorded file.
    `closed_loop=False` says every packet as it was recorded. `explain_from` is the number of the first event whose
    reasons are kept, 0 for none. `reloads` counts those of the recorded run, which are left out.
    """

    def __init__(
        self,
        files: Sequence[SourceFile],
        leases: bytes | None = None,
        *,
        closed_loop: bool = True,
        explain_from: int = 0,
    ) -> None:
        self.machine = Machine()
        self.clients: dict[tuple[bytes, bytes], Client] = {}
        self.questions = Questions()
        self.streams = Streams(without=PARTNER)
        self.partner = ModelPartner()
        self.reloads = 0
        self._start_errors: list[str] = []
        self._files = files
        self._leases = leases
        self._closed_loop = closed_loop
        self._explain_from = explain_from
        self._next_timer, self._recorded_timer = NextTimer(), NextTimer()
        self._agenda: list[tuple[int, int, Client]] = []
        self._agenda_count = 0
        self._speaking: dict[bytes, Client] = {}
        self._recorded_interfaces: tuple[str, ...] = ()
        self._interfaces: tuple[str, ...] = ()
        self._recorded_rewriting = False
        self._now_us = 0
        self._seq = 0
        self._done: list[Applied] = []

    def steps(self, tape: Tape) -> Iterator[Step]:
        """Each recorded event and what comes of it, until the end or the first event without recorded effects.

        Raises Refused, EngineFailed, and what reading a tape raises.
        """
        start = beginning(tape)
        if start.snapshot is not None:
            self._resume(start, start.snapshot.wall_us)
        for entry in tape.iterate(from_seq=start.from_seq):
            if not isinstance(entry, Entry):
                continue
            if entry.effects is None:
                return
            yield self._step(entry.seq, entry.event, entry.effects)

    def _step(self, seq: int, event: Event, recorded: tuple[Effect, ...]) -> Step:
        self._seq = seq
        self._done = []
        self._settle(event.wall_us)
        self.questions.asked_in_recording(recorded)
        self.streams.recorded(recorded)
        withheld = ""
        if isinstance(event, ev.Packet):
            withheld = self._packet(event)
        else:
            _TELL.get(type(event), Driver._tell)(self, event)
        self._now_us = event.wall_us
        self._follow_recording(event, recorded)
        if self.machine.rewriting and not self._recorded_rewriting:
            self._apply(ev.RewriteContinue(event.wall_us, event.mono_us), "a slice of its own rewrite")
        return Step(seq, event, recorded, tuple(self._done), withheld)

    # Telling the machine

    def _apply(self, event: Event, why: str = "") -> tuple[Effect, ...]:
        """Tell one event, then the answers that are known at once."""
        machine = self.machine
        reasons: Sequence[Reason] = ()
        with engine_at(self._seq):
            if 0 < self._explain_from <= self._seq:
                effects, reasons = machine.explain(event)
            else:
                effects = machine.apply(event)
        done = tuple(effects)
        self._done.append(Applied(event, done, why, tuple(reasons)))
        self._next_timer.effects(done)
        self._watch(done)
        for answer in self.questions.asked(done, (event.wall_us, event.mono_us)):
            self._apply(answer, "answered from the recording")
        self.streams.asked(done)
        for refusal in self.streams.refusals(event.wall_us, event.mono_us):
            self._apply(refusal, "a call to the failover partner, which calls by itself")
        for answer in self.partner.hear(done, event.wall_us, event.mono_us):
            self._apply(answer, _BY_MODEL)
        self._deliver(done, event)
        return done

    def _watch(self, effects: Sequence[Effect]) -> None:
        """Note which interfaces the new server opens, its complaints, and its end, behind which nothing is judged."""
        for effect in effects:
            if type(effect) is fx.Listen:
                self._interfaces = effect.interfaces
            elif type(effect) is fx.Log and effect.level == fx.ERROR and not self.machine.serving:
                self._start_errors.append(effect.text)
            elif type(effect) is fx.Fatal:
                raise Refused([*self._start_errors, effect.text])
            elif type(effect) is fx.Exit and not self.machine.serving:  # who serves is ended by an operator
                raise Refused([*self._start_errors, f"the server ended with status {effect.status}"])

    def _tell(self, event: Event) -> None:
        if self.questions.is_answer(event):
            answer = self.questions.answer(event)
            if answer is not None:
                self._apply(answer)
            return
        self._apply(event)

    def _ignore(self, _event: Event) -> None:
        """Leave out an event that concerns the recorded run only."""

    # The start

    def _boot(self, event: ev.Boot) -> None:
        words = list(event.arguments)
        if "-cf" in words[:-1]:
            words[words.index("-cf") + 1] = self._files[0].name
        self._apply(event._replace(arguments=tuple(words)))

    def _configure(self, event: ev.ConfigurationEnd) -> None:
        if self.machine.server is not None:
            self.reloads += event.reload  # the old run was told to change over; this configuration stays
            return
        now = (event.wall_us, event.mono_us)
        for file in self._files:
            self._apply(ev.ConfigurationFile(*now, file.name, file.content, file.error))
        self._apply(ev.ConfigurationEnd(*now, self._files[0].name, reload=False))

    def _lease_part(self, event: ev.LeaseFilePart) -> None:
        if self._leases is None:
            self._apply(event)

    def _lease_end(self, event: ev.LeaseFileEnd) -> None:
        now = (event.wall_us, event.mono_us)
        if self._leases is not None:
            self._apply(ev.LeaseFilePart(*now, self._leases))
            event = event._replace(error="")
        self._apply(event)
        while self.machine.rewriting:
            self._apply(ev.RewriteContinue(*now))

    def _resume(self, start: Beginning, wall_us: int) -> None:
        """The recording goes on from another one: its state passes into the new configuration by the lease file."""
        old = start.machine
        self._now_us = wall_us
        self._recorded_timer.at_us = self._next_timer.at_us = old.wake_us
        if old.server is not None:
            self._recorded_interfaces = self._interfaces = tuple(old.server.generation.interfaces)
        if self._leases is None and self._is_configuration_of(old):
            self.machine = old
            self.streams = Streams(open_end=True, without=PARTNER)
            return
        assert old._boot is not None, "a snapshot is of a machine that was started"
        self.questions.know(old._names.answers)
        if self._leases is None:
            self._leases = b"".join(lease_file_of(old, wall_us // _SECOND_US))
        self._next_timer.at_us = 0
        self._boot(old._boot)
        self._configure(ev.ConfigurationEnd(wall_us, 0, "", reload=False))
        self._lease_end(ev.LeaseFileEnd(wall_us, 0, ""))
        if old._interfaces_event is not None:
            self._apply(old._interfaces_event._replace(wall_us=wall_us))
        if old.serving:
            self._apply(ev.Listening(wall_us, 0, plain_udp=old._plain_udp))

    def _is_configuration_of(self, old: Machine) -> bool:
        """Whether the files are those of the recording, but for the name of the first."""
        files = {file.name: file.error or file.content for file in self._files[1:]}
        theirs = dict(old._files)
        return theirs.pop(old._configuration_name, None) == self._files[0].content and theirs == files

    # Time

    def _settle(self, until_us: int) -> None:
        """Do, in order, what is due by then and is not in the recording: timers of this machine, and clients' own."""
        while True:
            wanted_us = self._next_timer.at_us
            timer_us = wanted_us if 0 < wanted_us <= until_us and wanted_us != self._recorded_timer.at_us else None
            agenda_us = self._agenda[0][0] if self._agenda and self._agenda[0][0] <= until_us else None
            partner_us = self.partner.due_us
            others_us = min((one for one in (timer_us, agenda_us) if one is not None), default=until_us)
            if partner_us is not None and partner_us <= others_us:
                self._partner_acknowledges(max(partner_us, self._now_us))
            elif timer_us is not None and (agenda_us is None or timer_us <= agenda_us):
                self._own_timer(max(timer_us, self._now_us))
            elif agenda_us is not None:
                self._next_of_agenda()
            else:
                return

    def _partner_acknowledges(self, at_us: int) -> None:
        self._now_us = at_us
        for event in self.partner.late(at_us):
            self._apply(event, _BY_MODEL)

    def _own_timer(self, at_us: int) -> None:
        self._now_us = at_us
        self._next_timer.timer(at_us)
        self._apply(ev.Timer(at_us, 0), "the new server's own timer")

    def _timer(self, event: ev.Timer) -> None:
        if 0 < self._next_timer.at_us <= event.wall_us:
            self._next_timer.timer(event.wall_us)
            self._apply(event)

    def _next_of_agenda(self) -> None:
        """A client's own step, unless what it was planned for has been done or is later now."""
        at_us, _number, client = heappop(self._agenda)
        self._now_us = at_us = max(at_us, self._now_us)
        client.planned = False
        if client.must_renew and client.new.renew_us > at_us:
            self._enter(client.new.renew_us, client)
            return
        packet = client.take_offer(at_us) if client.is_offered_more else client.renew_early(at_us)
        if packet is not None and self._reaches(packet):
            self._apply(packet, "the client, by itself")
            self._plan_for(client)

    def _enter(self, at_us: int, client: Client) -> None:
        if not client.planned:
            client.planned = True
            self._agenda_count += 1
            heappush(self._agenda, (at_us, self._agenda_count, client))

    def _plan_for(self, client: Client) -> None:
        """What a client will do of its own accord, now that both servers have spoken."""
        if client.must_renew:
            self._enter(client.next_renewal_us(self._now_us), client)
        elif client.is_offered_more:
            self._enter(self._now_us + _TAKE_AFTER_US, client)

    def _stream(self, event: Event) -> None:
        for said in self.partner.recorded(event, self.machine):
            self._apply(said, _BY_MODEL)
        told = self.streams.admit(event)
        if told is not None:
            self._apply(told)

    def _rewrite(self, event: ev.RewriteContinue) -> None:
        if self.machine.rewriting:
            self._apply(event)

    def _storage_failed(self, event: ev.StorageFailed) -> None:
        """Tell the new server of a full disk, too; but not of a failed rewrite where it has none open."""
        if event.operation in ("append", "sync", "lost") or self.machine.rewriting:
            self._apply(event)

    # Packets

    def client_of(self, payload: bytes) -> Client | None:
        """The client that a message of a server is for: the last that spoke with this hardware address."""
        return self._speaking.get(hardware_of_payload(payload) or payload[4:8])

    def _reaches(self, packet: ev.Packet) -> bool:
        """Whether the new server listens where the packet came in."""
        name = packet.interface
        return name not in self._recorded_interfaces or name in self._interfaces

    def _packet(self, packet: ev.Packet) -> str:
        """Say a packet to the new server; what is returned tells why that was not done."""
        message = read(packet.payload)
        if message is None:
            if self._reaches(packet):
                self._apply(packet)
            return ""
        client = self._meet(message)
        if not self._closed_loop:
            if self._reaches(packet):
                self._apply(packet)
            return ""
        said, why = client.adapt(packet, message)
        if said is None:
            return why
        if self._reaches(said):
            self._apply(said, why)
        return ""

    def _meet(self, message: Message) -> Client:
        key = (message.hardware, message.identifier)
        client = self.clients.get(key)
        if client is None:
            name = message.hardware.hex(":") or message.identifier.hex(":") or "no address"
            client = self.clients[key] = Client(name)
        if not message.hardware:
            self._speaking.pop(client.xid, None)
        client.xid = message.xid
        self._speaking[message.hardware or message.xid] = client
        return client

    def _deliver(self, effects: Sequence[Effect], event: Event) -> None:
        """Let the clients hear what is sent to them; what they answer is planned."""
        if not self._closed_loop:
            return
        for effect in effects:
            client = self.client_of(effect.payload) if type(effect) is fx.Send else None
            if client is None:
                continue
            assert type(effect) is fx.Send
            answer = client.hear_new(reply_of(effect.payload), event.wall_us)
            if answer is not None and self._reaches(answer):
                self._apply(answer._replace(mono_us=event.mono_us), "takes the offer that it has now")

    def _follow_recording(self, event: Event, effects: tuple[Effect, ...]) -> None:
        """Move the recorded side: its wish for a timer, its rewrite, what its clients heard."""
        if isinstance(event, ev.Timer):
            self._recorded_timer.timer(event.wall_us)
        self._recorded_timer.effects(effects)
        heard: list[Client] = []
        for effect in effects:
            kind = type(effect)
            if kind is fx.RewriteBegin:
                self._recorded_rewriting = True
            elif kind is fx.RewriteEnd:
                self._recorded_rewriting = False
            elif isinstance(effect, fx.Listen):
                self._recorded_interfaces = effect.interfaces
            elif isinstance(effect, fx.Send) and self._closed_loop:
                client = self.client_of(effect.payload)
                if client is not None:
                    client.hear_recorded(reply_of(effect.payload), event.wall_us)
                    heard.append(client)
        if self._closed_loop:
            self._plan(heard)

    def _plan(self, heard: list[Client]) -> None:
        for applied in self._done:
            for effect in applied.effects:
                client = self.client_of(effect.payload) if isinstance(effect, fx.Send) else None
                if client is not None and client not in heard:
                    heard.append(client)
        for client in heard:
            self._plan_for(client)


_TELL: Final[dict[type[Event], Callable[[Driver, Any], None]]] = {
    ev.Boot: Driver._boot,
    ev.ConfigurationFile: Driver._ignore,
    ev.ConfigurationEnd: Driver._configure,
    ev.LeaseFilePart: Driver._lease_part,
    ev.LeaseFileEnd: Driver._lease_end,
    ev.Timer: Driver._timer,
    ev.StreamListenFailed: Driver._stream,
    ev.StreamOpened: Driver._stream,
    ev.StreamData: Driver._stream,
    ev.StreamHalfClosed: Driver._stream,
    ev.StreamClosed: Driver._stream,
    ev.RewriteContinue: Driver._rewrite,
    ev.RewriteInstalled: Driver._ignore,
    ev.StorageFailed: Driver._storage_failed,
    ev.Packet: Driver._tell,
}
