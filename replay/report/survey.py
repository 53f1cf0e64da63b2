"""The first pass over a tape: every packet and answer counted, over time and by client, without an engine.

What a recording holds is counted as it was recorded, so that a report is true of the run even where playing it comes
out otherwise. A message that is said again before its answer is one question: it is unanswered once, or not at all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ...trace import DamagedTape, Entry
from ...trace.effects import Send
from ...trace.events import Boot, Packet
from ..looking.figures.histogram import Histogram
from ..looking.figures.intervals import Stopwatch, Times
from ..showing.decode import hardware_of_payload, message_name
from ..showing.messages import (
    ACK,
    BOOTREPLY,
    DECLINE,
    DISCOVER,
    INFORM,
    NAK,
    OFFER,
    RELEASE,
    REQUEST,
    UNANSWERABLE,
    is_partners,
    logged_reason,
    read_message,
)
from .clients import Client, Outcome, Waiting
from .limits import REASONS_MAXIMUM, RELAYS_MAXIMUM
from .timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...trace import Tape
    from ...trace.effects import Effect
    from ..showing.messages import Message

WATCH_EVENTS: Final = 4096
# A message that comes again within this time is the same one (RFC 2131 4.1: a client doubles its wait up to 64 s).
_AGAIN_US: Final = 64_000_000
# An exchange that takes longer than this has been given up.
_EXCHANGE_US: Final = 300_000_000
_XID: Final = slice(4, 8)
_OTHER: Final = "other reasons"
REFUSED: Final = "refused"
SILENT: Final = "no answer"
_OUTCOMES: Final = {ACK: Outcome.SERVED, BOOTREPLY: Outcome.SERVED, NAK: Outcome.REFUSED, OFFER: Outcome.OFFERED}
_LEFT: Final = {RELEASE: Outcome.RELEASED, DECLINE: Outcome.DECLINED}


@dataclass(slots=True)
class Relay:
    """Messages that came by one relay, and how many of them got no answer."""

    messages: int = 0
    unanswered: int = 0


@dataclass(slots=True)
class Survey:
    """Everything counted. `refusals` and `silences` count by message and reason; `boot` is the first event, if kept.

    `relays` are by address. `times` are those of `dhcpd-trace stats` (replay/looking/figures/intervals.py). `offers`
    are the waits from a DISCOVER to an OFFER of a later event, `choices` those from DISCOVER to REQUEST. `at_once`
    counts offers of the same event, `left_to_partner` messages that the failover partner is to answer. `noted`: the
    tape has notes of time.
    """

    timeline: Timeline = field(default_factory=Timeline)
    clients: dict[bytes, Client] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    silences: Counter[tuple[str, str]] = field(default_factory=Counter)
    times: Times = field(default_factory=Times)
    offers: Histogram = field(default_factory=Histogram)
    choices: Histogram = field(default_factory=Histogram)
    noted: bool = False
    at_once: int = 0
    left_to_partner: int = 0
    events: int = 0
    effects: int = 0
    first_us: int = 0
    last_us: int = 0
    relays: dict[int, Relay] = field(default_factory=dict)
    boot: Boot | None = None
    damage: str = ""
    _by_xid: dict[bytes, Client] = field(default_factory=dict)

    def read(self, tape: Tape, watch: Callable[[int, int], None] | None) -> None:
        """Count a whole tape; damage ends it and is noted. Raises TapeUnreadable."""
        stopwatch = Stopwatch()
        try:
            for found in tape.iterate_noted():
                stopwatch.take(found, self.times)
                if isinstance(found, Entry):
                    self._take(found)
                    if watch is not None and not self.events % WATCH_EVENTS:
                        watch(found.seq, found.event.wall_us)
        except DamagedTape as error:
            self.damage = str(error)
        for client in self.clients.values():
            self._give_up(client)
        self.noted = stopwatch.noted

    def _take(self, entry: Entry) -> None:
        event, effects = entry.event, entry.effects or ()
        now_us = event.wall_us
        self.first_us = min(self.first_us, now_us) if self.events else now_us
        self.last_us = max(self.last_us, now_us)
        self.events += 1
        self.effects += len(effects)
        self.kinds[type(event).__name__] += 1
        if type(event) is Packet:
            self._said(event, effects)
        elif type(event) is Boot:
            self.boot = event
        for effect in effects:
            if type(effect) is Send:
                self._heard(effect, now_us, effects, at_once=type(event) is Packet)

    def _said(self, event: Packet, effects: Sequence[Effect]) -> None:
        message = read_message(event.payload)
        now_us = event.wall_us
        self.received[message.name] += 1
        self.timeline.at(now_us).received[message.name] += 1
        client = self.clients.get(message.key)
        if client is None:
            client = self.clients[message.key] = Client(message.key, message.hardware, first_us=now_us)
        client.messages += 1
        client.last_us = now_us
        client.identifier = message.identifier or client.identifier
        client.host_name = message.host_name or client.host_name
        client.came(message)
        if message.giaddr:
            self._relay(message.giaddr).messages += 1
        if not self._again(client, message, now_us):
            self._give_up(client)
            if message.name not in UNANSWERABLE:
                reason = logged_reason(effects)
                client.waiting = Waiting(message.name, message.xid, now_us, now_us, reason, message.giaddr)
            self._move(client, message, now_us)
        if not message.hardware:
            self._by_xid.pop(client.said[1], None)
            self._by_xid[message.xid] = client
        client.said = (message.name, message.xid, now_us)

    def _again(self, client: Client, message: Message, now_us: int) -> bool:
        """Whether the client has just said the same, perhaps by another relay: then it waits for one answer still."""
        name, xid, before_us = client.said
        if (name, xid) != (message.name, message.xid) or not 0 <= now_us - before_us < _AGAIN_US:
            return False
        if client.waiting is None:
            return message.name in UNANSWERABLE
        client.waiting.last_us = now_us
        return True

    def _move(self, client: Client, message: Message, now_us: int) -> None:
        """Note where in its exchange a message leaves the client."""
        if message.name == DISCOVER:
            if not 0 < now_us - client.discover_us < _EXCHANGE_US:
                client.discover_us = now_us
        elif message.name == REQUEST and client.discover_us and not message.ciaddr:
            self.choices.add(now_us - client.discover_us)
        elif message.name in _LEFT:
            client.outcome = _LEFT[message.name]
            client.declines += message.name == DECLINE

    def _heard(self, send: Send, now_us: int, effects: Sequence[Effect], *, at_once: bool) -> None:
        name = message_name(send.payload)
        self.sent[name] += 1
        self.timeline.at(now_us).sent[name] += 1
        hardware = hardware_of_payload(send.payload)
        client = self.clients.get(hardware) if hardware else self._by_xid.get(send.payload[_XID])
        if client is None:
            return
        asked = client.waiting
        if asked is not None and asked.xid == send.payload[_XID]:
            if name == OFFER and not at_once:
                self.offers.add(now_us - asked.first_us)
            client.waiting = None
        self.at_once += name == OFFER and at_once
        self._got(client, name, int.from_bytes(send.payload[16:20], "big"))
        if name == NAK:
            client.naks += 1
            client.met((REFUSED, *self._reason(self.refusals, client.said[0], logged_reason(effects))))

    def _got(self, client: Client, name: str, address: int) -> None:
        """Note what became of the client by this reply."""
        if name == ACK and client.said[0] == INFORM:
            if client.outcome in (Outcome.QUIET, Outcome.UNANSWERED):
                client.outcome = Outcome.INFORMED
            return
        client.outcome = _OUTCOMES.get(name, client.outcome)
        if name in (ACK, BOOTREPLY) and address:
            client.granted(address)
        if name in (ACK, NAK):
            client.discover_us = 0

    def _give_up(self, client: Client) -> None:
        """Count the message that the client still waits for an answer to as unanswered."""
        asked = client.waiting
        if asked is None:
            return
        client.waiting = None
        if is_partners(asked.reason):
            self.left_to_partner += 1
            if client.outcome in (Outcome.QUIET, Outcome.UNANSWERED):
                client.outcome = Outcome.PARTNERS
            return
        client.unanswered += 1
        self.timeline.at(asked.last_us).unanswered[asked.name] += 1
        client.met((SILENT, *self._reason(self.silences, asked.name, asked.reason)))
        if asked.giaddr:
            self._relay(asked.giaddr).unanswered += 1
        if asked.name != INFORM or client.outcome is Outcome.QUIET:
            client.outcome = Outcome.UNANSWERED

    def _reason(self, counter: Counter[tuple[str, str]], name: str, reason: str) -> tuple[str, str]:
        """Count a reason; returns it as it is counted, since beyond REASONS_MAXIMUM they are one."""
        key = (name, reason)
        key = key if key in counter or len(counter) < REASONS_MAXIMUM else (name, _OTHER)
        counter[key] += 1
        return key

    def _relay(self, giaddr: int) -> Relay:
        """The counts of a relay; those beyond RELAYS_MAXIMUM share one."""
        if giaddr not in self.relays and len(self.relays) >= RELAYS_MAXIMUM:
            giaddr = 0
        return self.relays.setdefault(giaddr, Relay())
