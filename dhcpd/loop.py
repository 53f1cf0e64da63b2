"""The loop: drain the sockets, record, apply, store, send (docs/architecture.md#the-way-of-a-packet).

One batch is one clock reading, one write to the tape, one pass through the machine and at most one sync; the sync
overlaps the batches that follow. The loop itself never waits but in one place, and there for anything at all: the
sockets, the storage thread, background jobs and signals all end in one epoll. Why not a task for each, or this wait in
the hands of a scheduler: a checkpoint costs as much as a tenth of a packet, a wait of trio's ten times as much as one
of epoll's, and the order in which events pass the door would be the scheduler's.

A reply that promises a lease leaves when the lease is synced, and the log line before it is said then, not before. If
the disk refused, the line is not said, and another one tells of the reply that was withheld. If somebody took the
lease file away, the reply waits until a new, whole one is in its place.

It decides nothing: what an event means is the engine's business.
"""

from __future__ import annotations

import contextlib
import errno
import signal
import socket
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from . import boot
from .disk.storage import Reply, Storage
from .engine.model import notices
from .process import memory, pidfile
from .process.signals import EARLY, Signals
from .trace.effects import (
    Answers,
    CommandAnswer,
    ConfigurationRefused,
    DnsOpen,
    DnsSend,
    Execute,
    Exit,
    Fatal,
    Listen,
    Log,
    Lookup,
    Ping,
    ReverseLookup,
    RewriteBegin,
    RewriteEnd,
    RewritePart,
    Send,
    Serving,
    Settings,
    Store,
    StreamClose,
    StreamListen,
    StreamListenEnd,
    StreamOpen,
    StreamSend,
    Wake,
)
from .trace.events import (
    ConfigurationEnd,
    End,
    Packet,
    PingFailed,
    PingReply,
    Remark,
    RewriteContinue,
    RewriteInstalled,
    SendFailed,
    Signal,
    StorageFailed,
    Timer,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .disk.lease_file import StorageError
    from .disk.storage import Group
    from .network.sockets import HasFileno
    from .run import Run
    from .trace.effects import Effect
    from .trace.events import Event

# Signals whose default is to kill: ISC dies of them, and so do we, but with the tape ended and all replies out.
# The one exception is SIGUSR2 where there is a recording: it begins a new segment. SIGHUP, of which ISC dies, too, has
# the configuration read again.
ENDING_SIGNALS: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
)

_SLEEP_MAXIMUM_US: Final = 10_000_000
_MICROSECONDS: Final = 1_000_000
# Under load a slice of a rewrite comes at the latest after this time.
_REWRITE_PAUSE_US: Final = 10_000
# Effects go on the tape with the next batch; where none comes for so long, by themselves.
_TAPE_REST_S: Final = 0.02
# Somebody who takes the lease file away is noticed when the next record is stored, and at the latest after this.
_LOOK_US: Final = 10_000_000
# So many replies wait for a new lease file; who asks meanwhile asks again.
REPLIES_AWAITING_FILE_MAXIMUM: Final = 4_096
_PINGS_REMEMBERED_US: Final = 60_000_000
_PINGS_REMEMBERED_MAXIMUM: Final = 65_536
# So long the end waits for peers to take what was sent.
_LAST_SENDS_S: Final = 1.0


class Loop:
    """Serve until a signal or the engine ends it. `signal` is then the number of the signal, 0 for none."""

    def __init__(self, run: Run) -> None:
        assert run.lease_file is not None, "the start opens the lease file"
        self.signal = 0
        self.status: int | None = None
        self._run = run
        self._door = run.door
        self._sockets = run.sockets
        self._streams = run.streams
        self._dns = run.dns
        self._logger = run.logger
        self._machine = run.machine
        self._manager = run.manager
        self._recorder = run.recorder
        self._admin = run.admin
        self._storage = Storage(run.lease_file, run.sockets.wake)
        self._signals = Signals((signal.SIGHUP, *ENDING_SIGNALS))
        self._inbox: deque[Event] = deque()
        self._wake_us = run.wake_us
        # When the present turn began.
        self._wall_us = self._mono_us = 0
        self._rewritten_us = 0
        self._looked_us = 0
        # The last line, until it is clear that no reply waits with it.
        self._line: Log | None = None
        # What waits for a new lease file, since the old one is gone.
        self._lost: StorageError | None = None
        # Before this moment no further new file is asked for: the last one could not be made.
        self._new_file_from_us = 0
        self._awaiting_file: list[Reply] = []
        self._pinged: dict[int, int] = {}
        # 1 while the configuration is being read again, 2 when it is wanted once more behind that.
        self._readings_wanted = 0
        # What became of the last reading, where the configuration is not the one that was read.
        self._reload_status = ""
        self.doing: dict[type[Effect], Callable[[Any], None]] = {
            Log: self._log,
            Store: self._store,
            Send: self._send,
            Wake: self._wake,
            Ping: self._ping,
            Exit: self._exit,
            Fatal: self._fatal,
            RewriteBegin: self._storage.add,
            RewritePart: self._storage.add,
            RewriteEnd: self._storage.add,
            Lookup: run.background.run,
            ReverseLookup: run.background.run,
            Execute: run.background.run,
            DnsOpen: self._dns.open,
            DnsSend: self._dns.send,
            StreamListen: self._streams.listen,
            StreamListenEnd: self._streams.end_listening,
            StreamOpen: self._streams.call,
            StreamSend: self._send_on_stream,
            StreamClose: self._streams.close_one,
            Answers: self._note,
            ConfigurationRefused: self._tell_refusal,
            CommandAnswer: self._answer_operator,
            # What only a starting engine asks for.
            Settings: self._too_late,
            Listen: self._too_late,
            Serving: self._too_late,
        }

    # The loop

    def run(self) -> None:
        """Serve; returns when the run has ended in order and everything is closed."""
        memory.settle()
        self._run.background.notify_by(self._sockets.wake)
        self._logger.buffered = True
        self._sockets.watch(self._signals, self._hear_signals)
        self._sockets.watch(self._streams, _leave_it_to_the_turn)
        self._sockets.watch(self._dns, _leave_it_to_the_turn)
        if self._admin is not None:
            self._sockets.watch(self._admin, _leave_it_to_the_turn)
            self._admin.reload_by(self._want_configuration)
        if self._recorder is not None:
            self._recorder.watch_by(self._watch_child, self._sockets.unwatch)
            assert self._run.lease_file is not None, "the start opens the lease file"
            self._recorder.keep_room_for(self._run.lease_file.path)
        self._signals.begin()
        # Not before every signal is heard: it would kill, and leave a recording without its end.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, EARLY)
        try:
            self._serve()
        finally:
            self._signals.end()
        self._finish()

    def _watch_child(self, child: HasFileno) -> None:
        self._sockets.watch(child, _leave_it_to_the_turn)

    def _hear_signals(self) -> None:
        for number in self._signals.take():
            self._inbox.append(Signal(0, 0, number))
            if number == signal.SIGHUP:
                self._want_configuration()
            elif number == signal.SIGUSR2 and self._recorder is not None:
                self._recorder.want_segment()
            else:
                self.signal = number

    def _want_configuration(self) -> None:
        """Have the files read; once more, when they are being read already and may have changed meanwhile."""
        self._readings_wanted = min(self._readings_wanted + 1, 2)
        if self._readings_wanted == 1:
            self._manager.reload(boot.now()[1])
            self._run.background.begin(self._read_configuration)

    def _configuration_is_read(self) -> None:
        self._readings_wanted -= 1
        if self._readings_wanted:
            self._run.background.begin(self._read_configuration)

    def _read_configuration(self) -> list[Event]:
        """The files as they are now, and what they come to; in a thread, so that nobody waits for either."""
        events: list[Event] = list(boot.configuration(self._run.paths.configuration, reload=True))
        # What fails here fails again when the events pass, and is told there.
        with memory.beside_service(), contextlib.suppress(Exception):
            self._machine.ahead = boot.read_ahead(events)
        return events

    def _serve(self) -> None:
        while not self._is_to_end:
            if self._turn() and self._has_more:
                self._sockets.wait(0)
            elif not self._is_to_end:
                self._sleep()

    @property
    def _is_to_end(self) -> bool:
        return self.status is not None or bool(self.signal)

    def _turn(self) -> bool:
        """One batch; False where there was nothing to do."""
        full = self._storage.full
        if full:  # the disk is behind: read no more until it has caught up
            self._settle_group(self._storage.wait())
        events = self._collect()
        # Behind the reading, which empties the descriptor that announces a group: else one could be slept over.
        group = self._storage.finished(self._mono_us)
        if group is not None:
            self._settle_group(group)
        if events:
            self._process(events)
            self._tell_end_of_reload()
        self._manager.live(self._mono_us)
        self._look_for_file(self._mono_us)
        self._storage.start_or_rest(self._mono_us)
        if self._recorder is not None:
            self._recorder.tend(self._machine.snapshot)
        if self._admin is not None:
            self._admin.turn()
        self._logger.flush()
        return full or bool(events) or group is not None or (self._admin is not None and self._admin.busy)

    @property
    def _has_more(self) -> bool:
        """Whether there is something to do though nothing came: what the last turn has left, or begun."""
        if self._inbox or self._machine.rewriting or self._storage.full:
            return True
        if self._streams.has_told or self._dns.has_told:
            return True
        return self._admin is not None and self._admin.busy

    def _look_for_file(self, mono_us: int) -> None:
        """Where nothing is stored for a while, the lease file is looked for all the same."""
        if mono_us - self._looked_us >= _LOOK_US:
            self._looked_us = mono_us
            self._storage.look()

    def _collect(self) -> list[Event]:
        """Everything that is there to be told, with one reading of the clock."""
        wall_us, mono_us = boot.now()
        self._wall_us, self._mono_us = wall_us, mono_us
        packets, echoes = self._sockets.read(wall_us, mono_us)
        if self._sockets.lines:
            self._remark_lines()
        told = [*self._waiting_events(), *self._streams.take(), *self._dns.take()]
        if self._admin is not None:
            told += self._admin.take()
        # A third of the time of _replace(wall_us=..., mono_us=...), on the way of every request.
        events = [tuple.__new__(type(event), (wall_us, mono_us, *event[2:])) for event in told]
        if self._wake_us and wall_us >= self._wake_us:
            self._wake_us = 0
            events.append(Timer(wall_us, mono_us))
        events += [PingReply(wall_us, mono_us, source) for source in echoes if self._pinged.pop(source, None)]
        if self._machine.rewriting and self._storage.room_for_parts and self._may_rewrite(packets, mono_us):
            events.append(RewriteContinue(wall_us, mono_us))
        return events + packets

    def _tell_end_of_reload(self) -> None:
        if self._manager.reloading and not self._readings_wanted:
            self._manager.ready(boot.now()[1], self._reload_status or self._run.serving_status())
            self._reload_status = ""

    def _may_rewrite(self, packets: list[Event], mono_us: int) -> bool:
        """A slice of a rewrite has its turn when nobody waits, and now and then when somebody does."""
        if packets and mono_us - self._rewritten_us < _REWRITE_PAUSE_US:
            return False
        self._rewritten_us = mono_us
        return True

    def _waiting_events(self) -> list[Event]:
        """What the inbox and the background jobs hold; their time is not set yet."""
        inbox = self._inbox
        events = [inbox.popleft() for _ in range(len(inbox))]
        if self._run.background.returned:
            events += self._run.background.take()
            if any(type(event) is ConfigurationEnd for event in events):
                self._configuration_is_read()
        return events

    def _process(self, events: list[Event]) -> None:
        """Record, apply, carry out."""
        doing, storage = self.doing, self._storage
        answers = self._door.pass_in(events)
        for storage.seq, effects in enumerate(answers, self._door.first_seq):
            for effect in effects:
                doing[type(effect)](effect)
            if self._line is not None:
                self._say_line()
        if self._admin is not None:
            self._admin.heard(events, answers)
        self._streams.push()
        # Nobody else was there when the turn began: packets come last.
        if type(events[-1]) is not Packet and storage.alone_with_streams(len(events)):
            self._settle_group(storage.carry_out_now())

    def _sleep(self) -> None:
        """Wait for anything to happen, or for what is due."""
        wake_us, rest_s = self._wake_us, _TAPE_REST_S
        if wake_us:
            rest_s = min(rest_s, max(0, wake_us - self._wall_us) / _MICROSECONDS)
        if not self._sockets.wait(rest_s):
            self._door.flush()
            self._sockets.wait(self._left_s())

    def _left_s(self) -> float:
        """How long there is nothing to do unless something happens."""
        wall_us, mono_us = boot.now()
        admin_us = 0 if self._admin is None else self._admin.due_us
        dues = (
            self._streams.due_us, self._dns.due_us, self._storage.due_us, self._manager.due_us, admin_us,
            self._logger.due_us,
        )  # fmt: skip
        left_us = [_SLEEP_MAXIMUM_US, *(one - mono_us for one in dues if one)]
        if self._wake_us:
            left_us.append(self._wake_us - wall_us)
        return max(0, min(left_us)) / _MICROSECONDS

    # What effects ask for

    def _log(self, effect: Log) -> None:
        """Keep the line until it is known whether a reply that must wait for the disk is told by it."""
        line, self._line = self._line, effect
        if line is not None:
            self._logger.line(line.level, line.text)

    def _say_line(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            self._logger.line(line.level, line.text)

    def _store(self, effect: Store) -> None:
        self._say_line()
        self._storage.add(effect)

    def _send(self, effect: Send) -> None:
        if effect.durable and self._storage.hold(effect, self._line):
            self._line = None
        elif effect.durable and self._lost is not None:
            self._awaiting_file.append(Reply(effect, self._line))
            self._line = None
        else:
            self._say_line()
            self._send_now(effect)

    def _send_on_stream(self, effect: StreamSend) -> None:
        if not effect.data:
            return
        held = effect.durable and self._storage.hold(effect)
        if effect.durable and not held and self._lost is not None:
            self._awaiting_file.append(Reply(effect, None))
            held = True
        self._streams.send(effect, held=held)

    def _answer_operator(self, effect: CommandAnswer) -> None:
        if effect.durable and self._storage.hold(effect):
            return
        if effect.durable and self._lost is not None:
            self._awaiting_file.append(Reply(effect, None))
        elif self._admin is not None:
            self._admin.answered(effect)

    def _send_now(self, effect: Send) -> None:
        try:
            self._sockets.send(effect)
        except OSError as error:
            self._inbox.append(
                SendFailed(
                    0,
                    0,
                    interface=effect.interface,
                    raw=effect.raw,
                    length=len(effect.payload),
                    marker=effect.marker,
                    error=error.strerror or str(error),
                    unreachable=error.errno == errno.ENETUNREACH,
                )
            )

    def _wake(self, effect: Wake) -> None:
        self._wake_us = effect.at_us

    def _ping(self, effect: Ping) -> None:
        icmp = self._sockets.icmp
        if icmp is None:
            self._inbox.append(PingFailed(0, 0, effect.address, ""))
            return
        self._remember_ping(effect.address)
        try:
            icmp.send(effect.address, effect.identifier)
        except OSError as error:
            self._pinged.pop(effect.address, None)
            self._inbox.append(PingFailed(0, 0, effect.address, error.strerror or str(error)))

    def _remember_ping(self, address: int) -> None:
        """Only an answer that somebody waits for is an event: any host may send us echo replies."""
        pinged, now_us = self._pinged, boot.now()[1]
        pinged.pop(address, None)
        pinged[address] = now_us
        oldest = next(iter(pinged))
        while pinged[oldest] < now_us - _PINGS_REMEMBERED_US or len(pinged) > _PINGS_REMEMBERED_MAXIMUM:
            del pinged[oldest]
            oldest = next(iter(pinged))

    def _exit(self, effect: Exit) -> None:
        """The engine ends the run in order: nobody is to take the process for one that still serves."""
        self._say_line()
        self.status = effect.status
        if self._run.pid_file:
            pidfile.remove(self._run.pid_file)

    def _fatal(self, effect: Fatal) -> None:
        self._say_line()
        self._logger.fatal(effect.text)
        self.status = 1

    def _tell_refusal(self, _effect: ConfigurationRefused) -> None:
        self._reload_status = "Serving as before: the new configuration has mistakes, which are in the log"

    def _note(self, effect: Effect) -> None:
        """For who reads the tape: nothing is to be done."""

    def _too_late(self, effect: Effect) -> None:
        raise AssertionError(f"{type(effect).__name__} of a server that serves")

    def _remark_lines(self) -> None:
        """Lines of the program itself: logged, and kept on the tape."""
        for level, text in self._sockets.lines:
            self._remark(level, text)
        self._sockets.lines.clear()

    def _remark(self, level: int, text: str) -> None:
        self._logger.line(level, text)
        self._inbox.append(Remark(0, 0, level, text))

    # Storage

    def _settle_group(self, group: Group) -> None:
        """A group is done: its replies leave, or it failed, and then nothing was promised to anybody."""
        if group.failed:
            self._withhold(group.replies, group.failures[0])
        elif group.lost is None:
            self._reply(group.replies)
        else:
            self._keep_for_new_file(group.replies, group.lost)
        self._door.stored(group.last_seq, group.synced_us, failed=group.failed or group.lost is not None)
        for failure in group.failures:
            self._inbox.append(StorageFailed(0, 0, failure.operation, failure.path, failure.reason))
        if group.installed:
            self._inbox.append(RewriteInstalled(0, 0))
        if self._lost is not None and (group.rewrite_ended or any(map(_is_of_rewrite, group.failures))):
            self._end_loss(installed=group.installed and group.lost is None)

    def _reply(self, replies: list[Reply]) -> None:
        """Say and send what is promised rightly."""
        for reply in replies:
            if reply.line is not None:
                self._logger.line(reply.line.level, reply.line.text)
            if isinstance(reply.send, Send):
                self._send_now(reply.send)
            elif isinstance(reply.send, CommandAnswer):
                self._answer_operator(reply.send._replace(durable=False))
            else:
                self._streams.release(reply.send.stream)
        self._streams.push()

    def _withhold(self, replies: list[Reply], error: StorageError) -> None:
        """The leases of these replies are not on disk: who waits for one asks again."""
        for reply in replies:
            if isinstance(reply.send, Send):
                self._remark(*notices.REPLY_WITHHELD(whose=_whose(reply.send), reason=error.reason))
            elif isinstance(reply.send, CommandAnswer):
                if self._admin is not None:
                    self._admin.failed(reply.send.call)
            else:
                self._streams.fail(reply.send.stream)

    def _keep_for_new_file(self, replies: list[Reply], error: StorageError) -> None:
        """The lease file is not where it was: the engine is told, once, and writes a new one.

        Where that failed (its folder may be gone) the next attempt waits for a while: each is a whole rewrite, and
        stands in the recording.
        """
        if self._lost is None and boot.now()[1] < self._new_file_from_us:
            self._withhold(replies, error)
            return
        self._awaiting_file += replies
        if self._lost is None:
            self._lost = error
            self._inbox.append(StorageFailed(0, 0, error.operation, error.path, error.reason))
        if len(self._awaiting_file) > REPLIES_AWAITING_FILE_MAXIMUM:
            self._withhold(self._awaiting_file, error)
            self._awaiting_file = []

    def _end_loss(self, *, installed: bool) -> None:
        """The new file that was to end the loss is there, or cannot be made: the next look begins anew."""
        error, self._lost = self._lost, None
        replies, self._awaiting_file = self._awaiting_file, []
        if installed:
            self._reply(replies)
        elif error is not None:
            self._new_file_from_us = boot.now()[1] + _LOOK_US
            self._withhold(replies, error)

    # The end

    def _finish(self) -> None:
        """Store and send what was promised, tell the tape that this is the end, close everything."""
        storage = self._storage
        self._manager.stop()
        self._pass_in_rest()
        while storage.busy:
            storage.start()
            self._settle_group(storage.wait())
            self._pass_in_rest()
        self._end_loss(installed=False)
        self._pass_in_rest()
        reason = signal.Signals(self.signal).name if self.signal else "exit"
        self._door.pass_in([End(*boot.now(), reason=reason)])
        self._door.close()
        self._logger.flush(at_end=True)
        storage.close()
        if self._admin is not None:
            self._admin.close()
        self._streams.finish(_LAST_SENDS_S)
        self._dns.close()
        self._sockets.close()

    def _pass_in_rest(self) -> None:
        wall_us, mono_us = boot.now()
        events = [event._replace(wall_us=wall_us, mono_us=mono_us) for event in self._waiting_events()]
        if events:
            self._process(events)


def _leave_it_to_the_turn() -> None:
    """Each turn asks anyway, since there may be something though nothing is readable."""


def _is_of_rewrite(failure: StorageError) -> bool:
    return failure.operation not in ("append", "sync")


def _whose(send: Send) -> str:
    """The address and the client of a BOOTP message (RFC 951), for people."""
    octets = send.payload
    hardware = octets[28 : 28 + min(octets[2], 16)]
    return f"{socket.inet_ntoa(octets[16:20])} for {hardware.hex(':') or 'a client'}"
