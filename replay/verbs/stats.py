"""`dhcpd-trace stats`: packets, answers, latencies and pool use over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..command.console import JSON, TAPE, opened, print_json, print_lines, print_pairs, print_table
from ..command.progress import reading
from ..looking.figures.intervals import SPANS
from ..looking.figures.stats import Bucket, TooManyBuckets, Totals, bucket_span_us, buckets, check_span
from ..looking.moments import NoMoment, span_us
from ..playing.seek import last_us
from ..showing.describe import moment

if TYPE_CHECKING:
    from ...trace import Tape
    from ..looking.figures.intervals import Times

_HEADS = (
    "from (UTC)", "received", "per second", "ACK", "NAK", "exchanges/s", "unanswered", "decision", "release",
    "active", "free", "abandoned",
)  # fmt: skip
_POOL_HEADS = _HEADS[-3:]
_SPAN_HEADS = ("span", "count", "median", "90 of 100", "99 of 100", "longest")
_SHOWN_MAXIMUM = 10
_MILLISECOND_US = 1_000
_SECOND_US = 1_000_000


@click.command()
@TAPE
@click.option("--every", metavar="SPAN", help="The length of a bucket: 10s, 1m, 1h. Without it, one that suits.")
@JSON
def stats(trace: str, *, every: str | None, as_json: bool) -> None:
    """Packets, answers, silences, latencies and pool use over the time of a recording, which is played for it.

    The columns decision and release have the 99th of 100: from a packet's arrival until it was answered, and until
    its ACK left behind the sync. A recording without notes of time has neither.
    """
    totals = Totals()
    with opened(trace) as tape, reading(tape, as_json=as_json) as progress:
        span = _span(tape, every)
        found = buckets(tape, span, totals, progress.at)
        if as_json:
            for bucket in found:
                print_json(_object(bucket, span))
            print_json(_totals_object(totals))
            return
        rows = [_cells(bucket, span) for bucket in found]
    print_table(_HEADS, rows, _HEADS[1:])
    _show_totals(totals)


def _span(tape: Tape, every: str | None) -> int:
    last = last_us(tape)
    if every is None:
        return bucket_span_us(tape, last)
    try:
        span = span_us(every)
        check_span(tape, span, last)
    except (NoMoment, TooManyBuckets) as error:
        raise click.BadParameter(str(error), param_hint="--every") from None
    return span


def _object(bucket: Bucket, span: int) -> dict[str, Any]:
    return {
        "start_us": bucket.start_us,
        "span_us": span,
        "received": dict(bucket.received),
        "sent": dict(bucket.sent),
        "unanswered": bucket.unanswered,
        "packets_per_s": round(bucket.packets_per_s(span), 3),
        "exchanges_per_s": round(bucket.exchanges_per_s(span), 3),
        **_times_object(bucket.times),
        "pools": [pool._asdict() for pool in bucket.pools],
    }


def _totals_object(totals: Totals) -> dict[str, Any]:
    return {
        "clients": totals.clients,
        "noted": totals.noted,
        "received": dict(totals.received),
        "sent": dict(totals.sent),
        **_times_object(totals.times),
        "top_talkers": {name.hex(":"): count for name, count in totals.talkers.most_common(_SHOWN_MAXIMUM)},
        "unanswered": dict(totals.silences),
    }


def _times_object(times: Times) -> dict[str, Any]:
    return {"exchanges": times.exchanges, "retransmissions": times.again.count, **times.figures()}


def _show_totals(totals: Totals) -> None:
    print_lines("")
    spans = [(name, getattr(totals.times, name).figures()) for name in SPANS]
    rows = [(name, f"{found['count']:,}", *map(_time, list(found.values())[1:])) for name, found in spans if found]
    if rows:
        print_table(_SPAN_HEADS, rows, _SPAN_HEADS[1:])
    if not totals.noted:
        print_lines("The recording has no notes of time: how long the server took is not told.")
    print_lines("")
    print_pairs([
        *((f"received {name}", f"{count:,}") for name, count in totals.received.most_common()),
        *((f"sent {name}", f"{count:,}") for name, count in totals.sent.most_common()),
        *((f"unanswered {text}", f"{count:,}") for text, count in totals.silences.most_common(_SHOWN_MAXIMUM)),
        ("exchanges from DISCOVER to ACK", f"{totals.times.exchanges:,}"),
        ("messages sent again", f"{totals.times.again.count:,}"),
        ("clients", f"{totals.clients:,}"),
        *((f"  {name.hex(':')}", f"{count:,}") for name, count in totals.talkers.most_common(_SHOWN_MAXIMUM)),
    ])


def _time(us: int) -> str:
    """A span for people."""
    if us >= _SECOND_US:
        return f"{us / _SECOND_US:.2f} s"
    return f"{us / _MILLISECOND_US:.2f} ms" if us >= _MILLISECOND_US else f"{us} us"


def _cells(bucket: Bucket, span: int) -> tuple[str, ...]:
    start = moment(bucket.start_us).removesuffix(" UTC").removesuffix(".000000")
    slowest = [getattr(bucket.times, name) for name in SPANS[:2]]
    return (
        start,
        f"{sum(bucket.received.values()):,}",
        f"{bucket.packets_per_s(span):,.1f}",
        f"{bucket.sent['DHCPACK']:,}",
        f"{bucket.sent['DHCPNAK']:,}",
        f"{bucket.exchanges_per_s(span):,.1f}",
        f"{bucket.unanswered:,}",
        *(_time(one.quantile(0.99)) if one.count else "-" for one in slowest),
        *(f"{sum(getattr(pool, name) for pool in bucket.pools):,}" for name in _POOL_HEADS),
    )
