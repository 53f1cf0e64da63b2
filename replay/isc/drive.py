"""An ISC trace as a run of our machine: what ISC's server was told becomes events, what it sent is held against ours.

ISC's files know whole seconds and no timers, so the moments between are put together here: events of one second
follow each other by microseconds, timers of seconds gone by fire at their time, and a timer that is due within the
second at hand fires when a packet that ISC sent can only be its work. Where a client's packet comes in the second in
which something runs out, both orders are tried on a copy of the machine, and the one that sends what ISC sent is
taken. ISC's own playback decides by a fixed rule, and loses leases by it.

What is not in such a file is made up plainly: the network's length from the subnet declared for an interface's
address, no host names, programs that end with 0. OMAPI's connections are told apart as well as can be (connections.py);
failover and DNS records are not played.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias

from ...disk.configuration import SourceFile
from ...engine.machine import Machine
from ...trace import effects as ef
from ...trace import events as ev
from ...trace.codec import pack, unpack
from ..world.feeding import Feeder
from ..world.host import SECOND_US, Applied
from ..world.starting import Beginning
from .connections import Connections
from .format import IscTraceError
from .records import (
    CONNECTIONS,
    Accepted,
    Echo,
    File,
    HungUp,
    Interface,
    Octets,
    Other,
    Pinged,
    Received,
    Seed,
    Sent,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...trace.effects import Effect
    from ...trace.events import Event
    from .records import Record

# A packet is held against what follows it up to the next one; more than this many records never belong to it.
_AHEAD_MAX: Final = 256
# Trying both orders copies the machine; beyond so many leases the usual order is taken.
_LEASES_TRIED_MAX: Final = 5_000
_TIMERS_PER_SECOND_MAX: Final = 10_000
_UNMATCHED_MAX: Final = 4_096
_NO_HARDWARE: Final = b"\1" + bytes(6)
_FALLBACK: Final = "fallback"
_XID: Final = slice(4, 8)
_REPLY: Final = 2

Unmatched: TypeAlias = "tuple[int, Event, ef.Send]"


class Source:
    """The records in order, with a look ahead. What the file's reader raises ends them, and stands in `error`."""

    def __init__(self, records: Iterator[Record]) -> None:
        self._records = records
        self._ahead: deque[Record] = deque()
        self.error: IscTraceError | None = None

    def next(self) -> Record | None:
        """The next record, None at the end."""
        return self._ahead.popleft() if self._ahead else self._read()

    def _read(self) -> Record | None:
        try:
            return next(self._records, None)
        except IscTraceError as error:
            self.error = error
            return None

    def put_back(self, record: Record) -> None:
        """Let the record be the next again."""
        self._ahead.appendleft(record)

    def until_input(self) -> list[Record]:
        """The records that follow, up to the next that the server was told; they stay."""
        found: list[Record] = []
        while len(found) < _AHEAD_MAX:
            if len(found) == len(self._ahead):
                record = self._read()
                if record is None:
                    break
                self._ahead.append(record)
            if isinstance(self._ahead[len(found)], Received | Echo):
                break
            found.append(self._ahead[len(found)])
        return found


class Drive(Feeder):
    """Feeds a machine with the records of an ISC trace; after `run` the results stand in the fields.

    `sent` counts ISC's packets, `same` those that ours were equal to; `missing` are ISC's that ours never sent,
    `extra` ours that ISC never sent, each with the number of the event before it and that event; `gaps` tells what a
    whole trace has and this one lacks.
    """

    def __init__(self, pass_on: Callable[[Event, list[Effect]], None], version: str) -> None:
        """As a Feeder."""
        super().__init__(pass_on, version)
        self.sent = self.same = 0
        self.missing: list[tuple[int, Event, Sent]] = []
        self.extra: list[Unmatched] = []
        self.gaps: list[str] = []
        self._names: dict[int, str] = {}
        self._own: set[int] = set()
        self._connections = Connections()
        self._waiting: deque[Unmatched] = deque()
        self._asked: list[int] = []
        self._trial: list[Applied] | None = None

    def run(self, source: Source, byte_order: Callable[[], str]) -> None:
        """Drive the machine through all records, then end the run. `source.error` may tell why they ended."""
        start = _Start()
        record = source.next()
        while record is not None:
            if not start.take(record) and isinstance(record, Received | Sent | Echo):
                source.put_back(record)
                break
            record = source.next()
        self._begin(start, byte_order())
        self._serve(source)
        self.finish("end of the ISC trace")

    def _begin(self, start: _Start, byte_order: str) -> None:
        self.gaps += [] if start.files else ["it holds no configuration"]
        self.gaps += [] if start.leases else ["it holds no lease file"]
        self._names = {link.number: link.name for link in start.interfaces}
        links = [link for link in start.interfaces if link.name != _FALLBACK]
        self._own = {link.address for link in links}
        if not links:
            self.gaps.append("it names no interface")
        begin = Beginning(
            files=[SourceFile(file.name, file.content, "") for file in start.files],
            leases=[file.content for file in start.leases],
            lease_file=start.leases[0].name if start.leases else "dhcpd.leases",
            seed=start.seed,
            byte_order=byte_order,
        )
        # Where ISC's server was built for UDP sockets a link has no hardware address.
        wires = [(link.name, link.address, link.hardware or _NO_HARDWARE) for link in reversed(links)]
        self.begin(begin, wires, start.when * SECOND_US)

    def _serve(self, source: Source) -> None:
        while (record := source.next()) is not None:
            if self.ended:
                self.leave("records behind the end of our run")
                continue
            self._go_to(record.when * SECOND_US)
            if isinstance(record, Received):
                self._received(record, source)
            elif isinstance(record, Sent):
                self._sent(record)
            elif isinstance(record, Echo):
                self.tell(ev.PingReply(0, 0, record.address))
            elif isinstance(record, Accepted | Octets | HungUp):
                self._on_connection(record)
            elif isinstance(record, Other):
                self._connections.foreign = self._connections.foreign or record.what == CONNECTIONS
                self.leave(record.what)
        self.extra += self._waiting
        self._waiting.clear()

    def _on_connection(self, record: Accepted | Octets | HungUp) -> None:
        """Something of OMAPI's; counted where it cannot be told from failover's."""
        connections = self._connections
        if isinstance(record, Accepted):
            event = connections.accepted(record, min(self._own, default=0))
        elif isinstance(record, Octets):
            event = connections.came(record)
        else:
            event = connections.ended()
        if event is not None:
            self.tell(event)
        elif connections.foreign or isinstance(record, Octets):
            self.leave(CONNECTIONS)

    def stream_listen(self, effect: ef.StreamListen) -> None:
        """Remember where OMAPI is served."""
        self._connections.listen(effect)

    def stream_close(self, effect: ef.StreamClose) -> None:
        """The machine ends a connection."""
        self._connections.closed(effect.stream)
        self.answer(ev.StreamClosed(0, 0, effect.stream, ""))

    def _go_to(self, second_us: int) -> None:
        """Time goes on, or back, to a second: what was due before it fires at its time."""
        self.until(second_us)
        if self.now_us // SECOND_US != second_us // SECOND_US:
            self.now_us = second_us

    def _received(self, record: Received, source: Source) -> None:
        name = self._names.get(record.interface)
        if name is None:
            self.leave(f"packets of interface {record.interface}, which is not named")
            return
        if record.source in self._own and record.payload[:1] == bytes([_REPLY]):
            return  # our own reply to a relay, heard by ISC's packet socket
        packet = ev.Packet(0, 0, name, record.source, record.port, record.payload)
        second_us = record.when * SECOND_US
        due = self.wake_us and second_us <= self.wake_us < second_us + SECOND_US
        server = self.machine.server
        if not due or server is None or len(server.database) > _LEASES_TRIED_MAX:
            self.tell(packet)
        else:
            xid = record.payload[_XID]
            sent = [one.payload for one in source.until_input() if isinstance(one, Sent) and one.payload[_XID] == xid]
            self._in_either_order(packet, sent)
        self._check_pings(source)

    def _in_either_order(self, packet: ev.Packet, wanted: list[bytes]) -> None:
        """The packet behind what is due in its second; or before it, where only that sends what ISC sent."""
        before = pack(self.machine.snapshot()), self.now_us, self.wake_us, tuple(self._waiting)
        trial = self._try(packet)
        if _payloads(trial) != wanted:
            after = pack(self.machine.snapshot()), self.now_us, self.wake_us, tuple(self._waiting), self._asked
            self._go_back(*before, asked=[])
            self.now_us = before[1] // SECOND_US * SECOND_US - 2
            other = self._try(packet)
            if _payloads(other) == wanted:
                trial = other
            else:
                self._go_back(*after[:4], asked=after[4])
        for event, effects in trial:
            self.told(event, effects)

    def _try(self, packet: ev.Packet) -> list[Applied]:
        trial: list[Applied] = []
        self._trial = trial
        self.tell(packet)
        self._trial = None
        return trial

    def _go_back(
        self, packed: bytes, now_us: int, wake_us: int, waiting: tuple[Unmatched, ...], *, asked: list[int]
    ) -> None:
        self.machine = Machine.restore(unpack(packed))
        self.now_us, self.wake_us, self._waiting, self._asked = now_us, wake_us, deque(waiting), asked

    def _sent(self, record: Sent) -> None:
        """A packet that ISC sent: ours is waiting, or a timer that is due within the second sends it."""
        self.sent += 1
        for _ in range(_TIMERS_PER_SECOND_MAX):
            if self._match(record):
                return
            end_us = (record.when + 1) * SECOND_US
            if not self.wake_us or self.wake_us >= end_us or self.ended:
                break
            self.fire()
        if len(self.missing) < _UNMATCHED_MAX:
            self.missing.append((self.events, self.last, record))

    def _match(self, record: Sent) -> bool:
        for place, (_seq, _event, effect) in enumerate(self._waiting):
            if effect.payload == record.payload:
                del self._waiting[place]
                self.same += 1
                return True
        return False

    def _check_pings(self, source: Source) -> None:
        """Tell the machine that pings could not be sent where ISC's server sent none: it had no socket for them."""
        asked, self._asked = self._asked, []
        for address in asked:
            if not any(isinstance(one, Pinged) and one.address == address for one in source.until_input()):
                self.tell(ev.PingFailed(0, 0, address, ""))

    def told(self, event: Event, effects: list[Effect]) -> None:
        """Pass on what happened, unless it is only tried."""
        if self._trial is not None:
            self._trial.append((event, effects))
        else:
            super().told(event, effects)

    def send(self, effect: ef.Send) -> None:
        """Keep a packet of ours until the record of ISC's packet comes, with which it is compared."""
        self._waiting.append((self.events, self.last, effect))
        if len(self._waiting) > _UNMATCHED_MAX:
            self.extra.append(self._waiting.popleft())

    def ping(self, address: int) -> None:
        """Note a ping of ours; the records that follow tell whether ISC's server sent one, too."""
        self._asked.append(address)


class _Start:
    """What an ISC trace holds before the first packet."""

    def __init__(self) -> None:
        self.when = 0
        self.files: list[File] = []
        self.leases: list[File] = []
        self.interfaces: list[Interface] = []
        self.seed = b""

    def take(self, record: Record) -> bool:
        """Take in a record of the start; False for any other."""
        self.when = self.when or record.when
        if isinstance(record, File):
            (self.leases if record.leases else self.files).append(record)
        elif isinstance(record, Interface):
            self.interfaces.append(record)
        elif isinstance(record, Seed):
            self.seed = record.value
        else:
            return False
        return True


def _payloads(told: list[Applied]) -> list[bytes]:
    return [effect.payload for _event, effects in told for effect in effects if isinstance(effect, ef.Send)]
