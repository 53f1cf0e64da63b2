"""One end of a pair, as its recording tells it: connections, every message said and heard, every change of state.

The engine is told the recording's events, so that a change of state comes with its reason, and a recording that begins
with a snapshot is read from where its connections stood. What a server said is what it wanted sent: whether it left,
and whether it came, only the other end's recording tells (matching.py).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from ...engine.failover import wire
from ...trace import effects as fx
from ...trace import events as ev
from ..playing.resume import beginning
from ..playing.seek import engine_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...engine.failover.relationships import Relationships
    from ...engine.machine import Machine
    from ...engine.service.reasons import Reason
    from ...trace import Entry, Tape
    from ...trace.effects import Effect

SERVICE: Final = "failover"
_ARROW: Final = " -> "


class NoPair(Exception):
    """The recordings are not of the two ends of one failover pair; the text says why."""


class Message(NamedTuple):
    """A message at one end: at event `seq`, `wall_us` of that server's clock, `octets` with its header."""

    seq: int
    wall_us: int
    octets: bytes

    @property
    def kind(self) -> int:
        """Its type (engine/failover/wire.py)."""
        return self.octets[2]

    @property
    def xid(self) -> int:
        """Its number on the connection."""
        return int.from_bytes(self.octets[8:12], "big")


class Connection:
    """A connection as one end has it. `ends`: (address, port) of this end and of the other, None where it began before.

    `opened` and `closed` are (seq, wall_us), None where the recording does not have them; `error` is how it ended.
    """

    def __init__(self, stream: int, ends: tuple[tuple[int, int], tuple[int, int]] | None = None) -> None:
        self.stream = stream
        self.ends = ends
        self.opened: tuple[int, int] | None = None
        self.closed: tuple[int, int] | None = None
        self.error = ""
        self.said: list[Message] = []
        self.heard: list[Message] = []
        self.rest = b""


class Change(NamedTuple):
    """A change of state of this end; `why` is the engine's reason."""

    seq: int
    wall_us: int
    relationship: str
    old: str
    new: str
    why: str


class Side:
    """Everything of one recording. `roles`: relationship -> whether this end is its primary. `last_seq`: its end."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.roles: dict[str, bool] = {}
        self.connections: list[Connection] = []
        self.changes: list[Change] = []
        self.first_us = self.last_us = 0
        self.last_seq = 0

    @property
    def name(self) -> str:
        """`primary`, `secondary`; of an end that is both, the path."""
        roles = set(self.roles.values())
        return self.path if len(roles) > 1 else "primary" if True in roles else "secondary"


def read_side(tape: Tape, progress: Callable[[Entry], None] | None = None) -> Side:
    """Read a recording to its end. Raises NoPair where no relationship is in it, and as seek.steps."""
    start = beginning(tape)
    reader = _Reader(tape.path, start.machine)
    for entry in _entries(tape, start.from_seq):
        if progress is not None:
            progress(entry)
        reader.take(entry)
    side = reader.side
    if not side.roles:
        text = f"{tape.path}: its configuration names no failover relationship"
        raise NoPair(text)
    return side


def _entries(tape: Tape, from_seq: int) -> Iterator[Entry]:
    from ...trace import Entry  # noqa: PLC0415 - a name that is only an annotation elsewhere

    return (entry for entry in tape.iterate(from_seq=from_seq) if isinstance(entry, Entry))


class _Reader:
    """Tells a machine the events, and writes down what concerns the pair."""

    def __init__(self, path: str, machine: Machine) -> None:
        self.side = Side(path)
        self._machine = machine
        self._open: dict[int, Connection] = {}
        if machine.failover is not None:
            self._see_links(machine.failover)

    def _see_links(self, failover: Relationships) -> None:
        """The connections that stood before the recording began."""
        for link in failover.connections.links.values():
            found = self._connection(link.stream)
            found.rest = link.splitter.rest

    def _connection(self, stream: int) -> Connection:
        found = self._open.get(stream)
        if found is None:
            found = self._open[stream] = Connection(stream)
            self.side.connections.append(found)
        return found

    def take(self, entry: Entry) -> None:
        """Tell an event, and see what becomes of it."""
        event, side = entry.event, self.side
        side.first_us = side.first_us or event.wall_us
        side.last_us, side.last_seq = event.wall_us, entry.seq
        with engine_at(entry.seq):
            effects, reasons = self._tell(event)
        if self._machine.failover is None:
            return
        side.roles = {name: one.primary for name, one in self._machine.failover.endpoints.items()}
        self._see_event(entry.seq, event)
        self._see_effects(entry.seq, event.wall_us, effects)
        self._see_changes(entry.seq, event.wall_us, reasons)

    def _tell(self, event: ev.Event) -> tuple[list[Effect], list[Reason]]:
        """Clients' packets are told without asking why: nothing of the pair's state hangs on them."""
        if isinstance(event, ev.Packet):
            return self._machine.apply(event), []
        return self._machine.explain(event)

    def _see_event(self, seq: int, event: ev.Event) -> None:
        at = (seq, event.wall_us)
        if isinstance(event, ev.StreamOpened):
            if event.service == SERVICE:
                found = self._connection(event.stream)
                found.ends = ((event.local, event.local_port), (event.peer, event.peer_port))
                found.opened = at
        elif isinstance(event, ev.StreamData):
            if event.stream in self._open:
                self._hear(self._open[event.stream], seq, event)
        elif isinstance(event, ev.StreamClosed) and event.stream in self._open:
            found = self._open.pop(event.stream)
            found.closed, found.error = at, event.error

    def _hear(self, found: Connection, seq: int, event: ev.StreamData) -> None:
        data = found.rest + event.data
        whole, found.rest = split(data)
        found.heard += [Message(seq, event.wall_us, one) for one in whole]

    def _see_effects(self, seq: int, wall_us: int, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, fx.StreamSend) and effect.stream in self._open:
                self._open[effect.stream].said += [Message(seq, wall_us, one) for one in split(effect.data)[0]]

    def _see_changes(self, seq: int, wall_us: int, reasons: list[Reason]) -> None:
        for reason in reasons:
            old, arrow, new = reason.verdict.partition(_ARROW)
            if reason.step == "peer" and arrow:
                self.side.changes.append(Change(seq, wall_us, reason.subject, old, new, reason.why))


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """The whole messages at the front of a stream's octets, and what is left; octets that are none end it."""
    found: deque[bytes] = deque()
    at = 0
    while len(data) - at >= wire.HEADER_OCTETS:
        length = int.from_bytes(data[at : at + 2], "big")
        if not wire.HEADER_OCTETS <= length <= wire.MESSAGE_OCTETS_MAX:
            return list(found), b""
        if len(data) - at < length:
            break
        found.append(data[at : at + length])
        at += length
    return list(found), data[at:]
