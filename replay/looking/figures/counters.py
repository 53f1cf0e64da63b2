"""What a server has done, counted: from events and effects alone, so that a run and its recording played give the same.

Counting stands between who brings events and the machine (`apply`), and is told when a batch was answered and when what
waited for the disk was stored (`handled`, `stored`): the notes of time that a recording has as well. A packet costs a
microsecond or two here, since the server that serves counts, too.

A message that a client waits an answer for, and that gets none, is counted by the reason: the last word that the
service has of it (`Server.silence`). One that waits for a ping or a name is none of these.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

from ....engine.service.silence import Silence
from ....trace import effects as fx
from ....trace import events as ev
from .forecast import Forecast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ....engine.machine import Machine
    from ....trace.effects import Effect
    from ....trace.events import Event

# Upper edges in microseconds, of which the exposition makes seconds.
LATENCY_EDGES_US: Final = (
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
)  # fmt: skip
REWRITE_EDGES_US: Final = (100_000, 500_000, 1_000_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000, 300_000_000)
# Replies that wait for the disk are as few as the program lets wait; of a strange recording the oldest are forgotten.
HELD_MAXIMUM: Final = 65_536

# Option 53 where it stands first behind the magic cookie, as in nearly every message.
_FIRST: Final = slice(236, 242)
_KNOWN: Final = b"\x63\x82\x53\x63\x35\x01"
_TYPE: Final = 242
_OPTIONS: Final = 240
_PAD, _END, _MESSAGE_TYPE = 0, 255, 53
TYPES: Final = (
    "bootp", "discover", "offer", "request", "decline", "ack", "nak", "release", "inform", "forcerenew", "leasequery",
    "leaseunassigned", "leaseunknown", "leaseactive",
)  # fmt: skip
OTHER: Final = "other"
# What a client waits an answer for.
_AWAITED: Final = frozenset({"bootp", "discover", "request", "inform", "leasequery"})
_LATE: Final = (fx.Ping, fx.ReverseLookup)


class Histogram:
    """Spans in microseconds: how many up to each of `edges` (and not up to the one before), and their sum."""

    __slots__ = ("counts", "edges", "total_us")

    def __init__(self, edges: Sequence[int]) -> None:
        self.edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.total_us = 0

    def add(self, us: int) -> None:
        """Count a span."""
        us = max(us, 0)
        self.counts[bisect_left(self.edges, us)] += 1
        self.total_us += us


def message_type(payload: bytes) -> str:
    """The word for a message's type: one of TYPES, or OTHER."""
    if payload[_FIRST] == _KNOWN:
        number = payload[_TYPE] if len(payload) > _TYPE else 0
        return TYPES[number] if 0 < number < len(TYPES) else OTHER
    return _searched_type(payload)


def _searched_type(payload: bytes) -> str:
    at = _OPTIONS
    while at + 2 < len(payload) and payload[at] != _END:
        if payload[at] == _PAD:
            at += 1
        elif payload[at] == _MESSAGE_TYPE:
            number = payload[at + 2]
            return TYPES[number] if 0 < number < len(TYPES) else OTHER
        else:
            at += 2 + payload[at + 1]
    return TYPES[0]


class Counters:
    """What was counted since the machine's first event. Keys are the words that are labels in exposition.py.

    `version` is the program's, empty where its first event was not told.
    """

    def __init__(self, machine: Machine) -> None:
        """Count what `machine` does from now on."""
        self.machine = machine
        self.version = ""
        self.received: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.events: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.streams: Counter[str] = Counter()
        self.commands: Counter[tuple[str, str]] = Counter()
        self.reloads: Counter[str] = Counter()
        self.records = self.record_octets = self.rewrites = self.pings = self.ping_replies = 0
        self.answers = Histogram(LATENCY_EDGES_US)
        self.syncs = Histogram(LATENCY_EDGES_US)
        self.rewriting = Histogram(REWRITE_EDGES_US)
        self.forecast = Forecast()
        self._held: deque[tuple[int, int]] = deque(maxlen=HELD_MAXIMUM)
        self._free: deque[int] = deque(maxlen=HELD_MAXIMUM)
        self._unsynced = self._fresh = False
        self._asked: deque[tuple[int, int]] = deque(maxlen=HELD_MAXIMUM)
        self._rewrite_us = 0
        self._commands: dict[int, str] = {}

    def apply(self, event: Event) -> list[Effect]:
        """Have the machine take in an event, and count both."""
        effects = self.machine.apply(event)
        if type(event) is ev.Packet:
            self._packet(event, effects)
        else:
            self._other(event, effects)
        if event.wall_us >= self.forecast.due_us:
            self.forecast.look(self.machine, event.wall_us)
        return effects

    def _packet(self, event: ev.Packet, effects: list[Effect]) -> None:
        kind = message_type(event.payload)
        self.received[kind] += 1
        answered = False
        for effect in effects:
            one = type(effect)
            if one is fx.Send:
                answered = True
                self._sent(effect, event.mono_us)
            elif one is fx.Store:
                self._stored(effect)
            elif one in _LATE:
                answered = True
                self.pings += one is fx.Ping
            elif one is not fx.Log and one is not fx.Wake:
                self._effect(effect, event)
        if not answered and kind in _AWAITED:
            self.dropped[kind, self._silence()] += 1

    def _silence(self) -> str:
        machine = self.machine
        if machine.server is None or not machine.serving or machine.leaving:
            return Silence.OTHER
        return machine.server.silence

    def _sent(self, effect: Any, mono_us: int) -> None:
        self.sent[message_type(effect.payload)] += 1
        if effect.durable and self._unsynced:
            self._fresh = True
            self._held.append((self.machine.events, mono_us))
        else:
            self._free.append(mono_us)

    def _stored(self, effect: Any) -> None:
        self.records += 1
        self.record_octets += len(effect.data)
        self._unsynced = True

    def _other(self, event: Event, effects: list[Effect]) -> None:
        self.events[type(event).__name__] += 1
        for effect in effects:
            if type(effect) is fx.Send:
                # It answers an event of before, which waited: that span is no measure of the server.
                self.sent[message_type(effect.payload)] += 1
                self._fresh |= effect.durable and self._unsynced
            elif type(effect) is fx.Store:
                self._stored(effect)
            else:
                self._effect(effect, event)
        count = _OF_EVENTS.get(type(event))
        if count is not None:
            count(self, event, effects)

    def _effect(self, effect: Effect, event: Event) -> None:
        if isinstance(effect, (fx.StreamSend, fx.CommandAnswer)):
            self._fresh |= effect.durable and self._unsynced
        if type(effect) is fx.Ping:
            self.pings += 1
        elif type(effect) is fx.RewriteBegin:
            self._rewrite_us = event.mono_us
            self._unsynced = True
        elif type(effect) is fx.CommandAnswer and isinstance(event, ev.Command):
            self.commands[event.name, effect.result] += 1

    def _booted(self, event: ev.Boot, _effects: list[Effect]) -> None:
        self.version = event.version

    def _installed(self, event: ev.RewriteInstalled, _effects: list[Effect]) -> None:
        self.rewrites += 1
        if self._rewrite_us:
            self.rewriting.add(event.mono_us - self._rewrite_us)

    def _failed(self, event: ev.StorageFailed, _effects: list[Effect]) -> None:
        self.failures[event.operation] += 1

    def _opened(self, event: ev.StreamOpened, _effects: list[Effect]) -> None:
        self.streams[event.service] += 1

    def _pinged(self, _event: ev.PingReply, _effects: list[Effect]) -> None:
        self.ping_replies += 1

    def _reloaded(self, event: ev.ConfigurationEnd, effects: list[Effect]) -> None:
        if event.reload:
            refused = any(type(effect) is fx.ConfigurationRefused for effect in effects)
            self.reloads["refused" if refused else "accepted"] += 1

    def _listening(self, _event: ev.Listening, _effects: list[Effect]) -> None:
        # What the start stored was synced before anybody could ask.
        self._unsynced = self._fresh = False
        self._asked.clear()

    # Notes of time

    def handled(self, mono_us: int) -> None:
        """All events so far are answered: what need not wait for the disk leaves, and what must is on its way there.

        Records that no reply waits for may rest (disk/storage.py): how long they do says nothing of the disk.
        """
        if self._fresh:
            self._fresh = False
            self._asked.append((self.machine.events, mono_us))
        free = self._free
        while free:
            self.answers.add(mono_us - free.popleft())

    def stored(self, seq: int, synced_us: int, left_us: int | None) -> None:
        """What waited for the disk up to event `seq` was synced and has left, `left_us` None where it never will.

        What several batches have stored is often synced at once: it has taken as long as the first of them waited.
        """
        asked, begun_us = self._asked, None
        while asked and asked[0][0] <= seq:
            _, mono_us = asked.popleft()
            begun_us = mono_us if begun_us is None else begun_us
        if begun_us is not None and left_us is not None:
            self.syncs.add(synced_us - begun_us)
        held = self._held
        while held and held[0][0] <= seq:
            _, mono_us = held.popleft()
            if left_us is not None:
                self.answers.add(left_us - mono_us)
        if seq >= self.machine.events:
            self._unsynced = False


_OF_EVENTS: Final[dict[type[Event], Callable[[Counters, Any, list[Effect]], None]]] = {
    ev.Boot: Counters._booted,
    ev.RewriteInstalled: Counters._installed,
    ev.StorageFailed: Counters._failed,
    ev.StreamOpened: Counters._opened,
    ev.PingReply: Counters._pinged,
    ev.ConfigurationEnd: Counters._reloaded,
    ev.Listening: Counters._listening,
}
