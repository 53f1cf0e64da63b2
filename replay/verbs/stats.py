"""`dhcpd-trace stats`: packets, answers, latencies and pool use over time."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from ..command.console import JSON, TAPE, opened, print_json, print_lines, print_pairs, print_table
from ..command.progress import reading
from ..looking.figures.intervals import SPANS
from ..looking.figures.stats import Bucket, TooManyBuckets, Totals, bucket_span_us, buckets, check_span
from ..playing.seek import last_us
from ..showing.describe import moment
from ..showing.messages import name_text
from ..showing.terminal import safe
from ..showing.times import NoMoment, span_us

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...trace import Tape
    from ..looking.figures.intervals import Times

WIDTH = 80
_HEADS = ("from (UTC)", "received", "ACK", "NAK", "unanswered", "exch/s", "decision", "release")
_POOL_HEADS = ("from (UTC)", "active", "free", "expired", "abandoned", "full pools")
_SPAN_HEADS = ("span", "count", "median", "90 of 100", "99 of 100", "longest")
_SHOWN_MAXIMUM = 10
_MILLISECOND_US = 1_000
_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US
_MILLION = 1_000_000


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
        rows = [(bucket.start_us, _cells(bucket, span), _pool_cells(bucket)) for bucket in found]
    pools = [(start_us, cells) for start_us, _messages, cells in rows if cells]
    print_table(_HEADS, _dated([(start_us, cells) for start_us, cells, _pools in rows], span), _HEADS[1:])
    if pools:
        print_lines("")
        print_table(_POOL_HEADS, _dated(pools, span), _POOL_HEADS[1:])
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
        "left_to_partner": totals.left_to_partner,
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
        ("exchanges from DISCOVER to ACK", f"{totals.times.exchanges:,}"),
        ("messages sent again", f"{totals.times.again.count:,}"),
        *([("left to the partner", f"{totals.left_to_partner:,}")] if totals.left_to_partner else []),
        ("clients", f"{totals.clients:,}"),
    ])
    _print_counted("unanswered", totals.silences.most_common(_SHOWN_MAXIMUM))
    talkers = totals.talkers.most_common(_SHOWN_MAXIMUM)
    _print_counted("busiest clients", [(_client(totals, hardware), count) for hardware, count in talkers])


def _client(totals: Totals, hardware: bytes) -> str:
    return f"{hardware.hex(':') or 'no hardware address'} {name_text(totals.names.of(hardware))}".rstrip()


def _print_counted(title: str, rows: Sequence[tuple[str, int]]) -> None:
    """Counts with what they count behind, which may be long."""
    if not rows:
        return
    print_lines("", title)
    width = max(len(f"{count:,}") for _text, count in rows)
    for text, count in rows:
        indent = " " * (width + 4)
        begin = f"  {count:>{width},}  "
        print_lines(*wrap(safe(text), WIDTH, initial_indent=begin, subsequent_indent=indent, break_on_hyphens=False))


def _time(us: int) -> str:
    """A span for people, to three figures."""
    if us >= _SECOND_US:
        return f"{_figures(us / _SECOND_US)} s"
    return f"{_figures(us / _MILLISECOND_US)} ms" if us >= _MILLISECOND_US else f"{us} us"


def _figures(value: float) -> str:
    """Three figures before and behind the point together, or all that stand before it."""
    return f"{value:.{max(0, 3 - len(str(int(value))))}f}"


def _count(number: int) -> str:
    """A count in seven characters: `999,999`, `1.23M`."""
    return f"{number:,}" if number < _MILLION else f"{_figures(number / _MILLION)}M"


def _dated(rows: Sequence[tuple[int, tuple[str, ...]]], span: int) -> Iterator[tuple[str, ...]]:
    """The rows with the time of day at which each begins; one with the date stands before the first of a day."""
    today = ""
    for start_us, cells in rows:
        date, _, clock = moment(start_us).removesuffix(" UTC").removesuffix(".000000").partition(" ")
        if span >= _DAY_US:
            yield date, *cells
            continue
        if date != today:
            today = date
            yield date, *("" for _cell in cells)
        yield clock, *cells


def _cells(bucket: Bucket, span: int) -> tuple[str, ...]:
    slowest = [getattr(bucket.times, name) for name in SPANS[:2]]
    return (
        _count(sum(bucket.received.values())),
        _count(bucket.sent["DHCPACK"]),
        _count(bucket.sent["DHCPNAK"]),
        _count(bucket.unanswered),
        f"{bucket.exchanges_per_s(span):,.1f}",
        *(_time(one.quantile(0.99)) if one.count else "-" for one in slowest),
    )


def _pool_cells(bucket: Bucket) -> tuple[str, ...]:
    """How the pools stand at the end of a bucket; empty where there are none."""
    if not bucket.pools:
        return ()
    counts = [sum(getattr(pool, name) for pool in bucket.pools) for name in _POOL_HEADS[1:-1]]
    return *map(_count, counts), _count(sum(not pool.free and pool.total > 0 for pool in bucket.pools))
