"""`dhcpd-trace stats`: packets, answers and pool use over time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from ...trace import Entry
from ..console import JSON, TAPE, opened, print_json, print_pairs, print_table
from ..describe import moment
from ..moments import NoMoment, span_us
from ..stats import Bucket, Totals, bucket_span_us, buckets

if TYPE_CHECKING:
    from ...trace import Tape

_HEADS = ("from (UTC)", "received", "per second", "ACK", "NAK", "unanswered", "active", "free", "abandoned")
_SHOWN_MAXIMUM = 10


@click.command()
@TAPE
@click.option("--every", metavar="SPAN", help="The length of a bucket: 10s, 1m, 1h. Without it, one that suits.")
@JSON
def stats(trace: str, *, every: str | None, as_json: bool) -> None:
    """Packets, answers, silences and pool use over the time of a recording, which is played for it.

    How long the server worked on a packet is not in a recording, and is not told.
    """
    totals = Totals()
    with opened(trace) as tape:
        span = _span(tape, every)
        found = list(buckets(tape, span, totals))
    if as_json:
        for bucket in found:
            print_json(_object(bucket, span))
        print_json({
            "clients": len(totals.talkers),
            "top_talkers": {name.hex(":"): count for name, count in totals.talkers.most_common(_SHOWN_MAXIMUM)},
            "unanswered": dict(totals.silences),
        })
        return
    _show(found, span, totals)


def _span(tape: Tape, every: str | None) -> int:
    if every is not None:
        try:
            return span_us(every)
        except NoMoment as error:
            raise click.BadParameter(str(error), param_hint="--every") from None
    segments = tape.index().segments
    last = segments[-1].first_seq if segments else 1
    ends = (entry.event.wall_us for entry in tape.iterate(from_seq=last, resync=True) if isinstance(entry, Entry))
    return bucket_span_us(tape, max(ends, default=0))


def _object(bucket: Bucket, span: int) -> dict[str, object]:
    return {
        "start_us": bucket.start_us,
        "span_us": span,
        "received": dict(bucket.received),
        "sent": dict(bucket.sent),
        "unanswered": bucket.unanswered,
        "pools": [pool._asdict() for pool in bucket.pools],
    }


def _show(found: list[Bucket], span: int, totals: Totals) -> None:
    print_table(_HEADS, (_cells(bucket, span) for bucket in found), _HEADS[1:])
    received, sent = Counter[str](), Counter[str]()
    for bucket in found:
        received.update(bucket.received)
        sent.update(bucket.sent)
    click.echo("")
    print_pairs([
        *((f"received {name}", f"{count:,}") for name, count in received.most_common()),
        *((f"sent {name}", f"{count:,}") for name, count in sent.most_common()),
        *((f"unanswered {text}", f"{count:,}") for text, count in totals.silences.most_common(_SHOWN_MAXIMUM)),
        ("clients", f"{len(totals.talkers):,}"),
        *((f"  {name.hex(':')}", f"{count:,}") for name, count in totals.talkers.most_common(_SHOWN_MAXIMUM)),
    ])


def _cells(bucket: Bucket, span: int) -> tuple[str, ...]:
    received = sum(bucket.received.values())
    pools = (sum(getattr(pool, name) for pool in bucket.pools) for name in _HEADS[-3:])
    counts = (bucket.sent["DHCPACK"], bucket.sent["DHCPNAK"], bucket.unanswered, *pools)
    start = moment(bucket.start_us).removesuffix(" UTC").removesuffix(".000000")
    return (start, f"{received:,}", f"{received * 1_000_000 / span:,.1f}", *(f"{count:,}" for count in counts))
