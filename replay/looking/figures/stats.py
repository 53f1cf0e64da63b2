"""How much was asked, what came of it, how long it took, and how full the pools were, over the time of a recording.

One pass over the tape in which a machine is told every event, for the pools. Memory grows with the machine's leases
and not with the length of the recording: buckets are given out one by one, spans are counted in histograms, and of
the clients and silences that are told by name only the most frequent are kept.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ....trace import Entry
from ....trace.effects import Send
from ....trace.events import Packet
from ...playing.resume import beginning
from ...playing.seek import EngineFailed, first_us
from ...showing.decode import hardware_of_payload, message_name
from ...showing.messages import UNANSWERABLE, is_partners, logged_reason
from ..answers import Waiting, is_waiting
from ..leasetable import PoolRow, pool_rows
from ..naming import HostNames
from .clients import Clients
from .intervals import Stopwatch, Times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from ....engine.machine import Machine
    from ....trace import Tape
    from ..answers import Answered

    Name = TypeVar("Name", bytes, str)

# Buckets that are chosen by themselves are the shortest of these that make no more than so many.
SPANS_US: Final = tuple(seconds * 1_000_000 for seconds in (1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000))
BUCKETS_WANTED: Final = 24
BUCKETS_MAXIMUM: Final = 100_000
# Told by name; beyond twice as many the less frequent are forgotten.
NAMES_KEPT: Final = 8_192
_SECOND_US: Final = 1_000_000


class TooManyBuckets(ValueError):
    """Buckets of `span_us` would be `count`, more than anybody can look at."""

    def __init__(self, span_us: int, count: int) -> None:
        super().__init__(f"that makes {count:,} buckets, and {BUCKETS_MAXIMUM:,} are the most: say a longer span")
        self.span_us = span_us
        self.count = count


@dataclass(slots=True)
class Bucket:
    """From `start_us` on: packets received and sent by message; `unanswered` received ones; `pools` at its end.

    `times` are the spans that ended in it.
    """

    start_us: int
    received: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    pools: list[PoolRow] = field(default_factory=list)
    times: Times = field(default_factory=Times)

    def packets_per_s(self, span_us: int) -> float:
        """Packets received in a second."""
        return sum(self.received.values()) * _SECOND_US / span_us

    def exchanges_per_s(self, span_us: int) -> float:
        """Exchanges from DISCOVER to ACK that were completed in a second."""
        return self.times.exchanges * _SECOND_US / span_us


@dataclass(slots=True)
class Totals:
    """Over all buckets: packets by client, what the log said last where no answer went out, and all spans.

    `talkers` and `silences` are exact until NAMES_KEPT names twice over, and hold the most frequent beyond. `noted`
    tells whether the recording has notes of time, without which there is neither `decision` nor `release`. `names` are
    the clients' host names. `left_to_partner` counts messages that the failover partner is to answer.
    """

    talkers: Counter[bytes] = field(default_factory=Counter)
    silences: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    times: Times = field(default_factory=Times)
    left_to_partner: int = 0
    noted: bool = False
    seen: Clients = field(default_factory=Clients)
    names: HostNames = field(default_factory=HostNames)

    @property
    def clients(self) -> int:
        """How many hardware addresses asked: exact up to some ten thousands, to one in 300 beyond."""
        return len(self.seen)

    def add(self, bucket: Bucket) -> None:
        """Count a bucket that is over."""
        self.received.update(bucket.received)
        self.sent.update(bucket.sent)
        self.times.update(bucket.times)


def bucket_span_us(tape: Tape, last_us: int) -> int:
    """The span of a bucket that suits the recording's length."""
    length = max(1, last_us - first_us(tape))
    return next((span for span in SPANS_US if length <= span * BUCKETS_WANTED), SPANS_US[-1])


def check_span(tape: Tape, span_us: int, last_us: int) -> None:
    """Raise TooManyBuckets where a span is too short for the recording's length; TapeError."""
    count = (last_us - first_us(tape)) // span_us + 1
    if count > BUCKETS_MAXIMUM:
        raise TooManyBuckets(span_us, count)


def buckets(
    tape: Tape, span_us: int, totals: Totals, progress: Callable[[Entry], None] | None = None
) -> Iterator[Bucket]:
    """The buckets that hold a packet, in the recording's order; fills `totals`. Raises as seek.machine_at.

    Where the tape's clock was set back, times come again. `progress` is called with each entry.
    """
    machine, from_seq, _snapshot = beginning(tape)
    watch, now, waiting = Stopwatch(), Bucket(0), Waiting()
    for found in tape.iterate_noted(from_seq=from_seq):
        if isinstance(found, Entry):
            start_us = found.event.wall_us // span_us * span_us
            if now.start_us != start_us:
                yield from _over(now, machine, totals)
                now = Bucket(start_us)
            if progress is not None:
                progress(found)
            _apply(machine, found)
            for answered in waiting.take(found):
                count(now, totals, answered, found.effects is not None)
        watch.take(found, now.times)
        totals.noted = watch.noted
    yield from _over(now, machine, totals)


def _over(bucket: Bucket, machine: Machine, totals: Totals) -> Iterator[Bucket]:
    """A bucket that is over, where it holds a packet; its spans count in any case."""
    totals.add(bucket)
    if bucket.received:
        bucket.pools = pool_rows(machine)
        yield bucket


def _apply(machine: Machine, entry: Entry) -> None:
    try:
        machine.apply(entry.event)
    except Exception as error:
        raise EngineFailed(entry.seq, error) from error


def count(bucket: Bucket, totals: Totals, answered: Answered, recorded: bool) -> None:
    """Count a packet and its answers, or a late answer; `recorded`: the recording has effects."""
    sent = [message_name(effect.payload) for effect in answered.effects if isinstance(effect, Send)]
    bucket.sent.update(sent)
    if answered.packet is None:
        return
    event = answered.packet.event
    assert isinstance(event, Packet), "only packets are answered"
    name, hardware = message_name(event.payload), hardware_of_payload(event.payload)
    if not answered.late:
        bucket.received[name] += 1
        totals.seen.add(hardware)
        totals.names.learn(event.payload)
        _note(totals.talkers, hardware)
    if not sent and recorded and name not in UNANSWERABLE and not is_waiting(answered.effects):
        reason = logged_reason(answered.effects)
        if is_partners(reason):
            totals.left_to_partner += 1
            return
        bucket.unanswered += 1
        _note(totals.silences, f"{name}: {reason}")


def _note(counter: Counter[Name], name: Name) -> None:
    """Count a name, and forget the rarest where there are too many."""
    counter[name] += 1
    if len(counter) > 2 * NAMES_KEPT:
        kept = counter.most_common(NAMES_KEPT)
        counter.clear()
        counter.update(dict(kept))

