"""How much was asked, what came of it, and how full the pools were, over the time of a recording.

One pass over the tape in which a machine is told every event, for the pools; memory grows with the buckets and
clients, not with the events. A tape has no time for an effect, so how long the server worked on a packet is not in
it, and no figure here pretends to be that: `waits` are what clients saw between two packets of theirs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..trace import Entry
from ..trace.effects import Log, Send
from ..trace.events import Packet
from .decode import hardware_of_payload, message_name
from .leasetable import PoolRow, pool_rows
from .resume import beginning
from .seek import EngineFailed, first_us

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..engine.machine import Machine
    from ..trace import Tape

# Buckets that are chosen by themselves are the shortest of these that make no more than so many.
SPANS_US: Final = tuple(seconds * 1_000_000 for seconds in (1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000))
BUCKETS_WANTED: Final = 24


@dataclass(slots=True)
class Bucket:
    """From `start_us` on: packets received and sent by message; `unanswered` received ones; `pools` at its end."""

    start_us: int
    received: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    pools: list[PoolRow] = field(default_factory=list)


@dataclass(slots=True)
class Totals:
    """Over all buckets: packets by client, and what the log said last where no answer went out."""

    talkers: Counter[bytes] = field(default_factory=Counter)
    silences: Counter[str] = field(default_factory=Counter)


def bucket_span_us(tape: Tape, last_us: int) -> int:
    """The span of a bucket that suits the recording's length."""
    length = max(1, last_us - first_us(tape))
    return next((span for span in SPANS_US if length <= span * BUCKETS_WANTED), SPANS_US[-1])


def buckets(tape: Tape, span_us: int, totals: Totals) -> Iterator[Bucket]:
    """The buckets that hold a packet, in order; fills `totals`. Raises as seek.machine_at."""
    machine, from_seq, _snapshot = beginning(tape)
    now: Bucket | None = None
    for entry in tape.iterate(from_seq=from_seq):
        if not isinstance(entry, Entry):
            continue
        start_us = entry.event.wall_us // span_us * span_us
        if now is not None and now.start_us != start_us:
            now.pools = pool_rows(machine)
            yield now
            now = None
        _apply(machine, entry)
        if isinstance(entry.event, Packet):
            now = now or Bucket(start_us)
            count(now, totals, entry.event, entry.effects)
    if now is not None:
        now.pools = pool_rows(machine)
        yield now


def _apply(machine: Machine, entry: Entry) -> None:
    try:
        machine.apply(entry.event)
    except Exception as error:
        raise EngineFailed(entry.seq, error) from error


def count(bucket: Bucket, totals: Totals, event: Packet, effects: tuple[Any, ...] | None) -> None:
    """Count a packet and its answers."""
    name = message_name(event.payload)
    bucket.received[name] += 1
    totals.talkers[hardware_of_payload(event.payload)] += 1
    sent = [message_name(effect.payload) for effect in effects or () if isinstance(effect, Send)]
    bucket.sent.update(sent)
    if not sent and effects is not None:
        bucket.unanswered += 1
        lines = [effect.text for effect in effects if isinstance(effect, Log)]
        reason = lines[-1].rpartition(": ")[2] if lines and ": " in lines[-1] else "no reason logged"
        totals.silences[f"{name}: {reason}"] += 1
