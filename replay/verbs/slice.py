"""`dhcpd-trace slice`: a piece of a recording as a recording of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from ..console import JSON, TAPE, hardware, leave, opened, print_json
from ..retell.slices import NothingThere, Piece, write_slice
from ..verdict import Status

_MICROSECONDS = 1_000_000


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """The callback of an option that takes a moment in UTC: microseconds since 1970. Raises click.BadParameter."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value.removesuffix(" UTC"))
    except ValueError:
        message = f"{value} is no moment; write it as 2026-11-24T04:15:42 (UTC)"
        raise click.BadParameter(message) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return round(found.timestamp() * _MICROSECONDS)


def _clients(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> frozenset[bytes]:
    """The callback of the option --client."""
    return frozenset(found for value in values if (found := hardware(context, parameter, value)) is not None)


@click.command("slice")
@TAPE
@click.option("-o", "--output", "out", required=True, metavar="OUT", type=click.Path(dir_okay=False), help="The piece.")
@click.option("--client", "clients", multiple=True, callback=_clients, metavar="HARDWARE", help="Only these packets.")
@click.option("--from", "first", type=click.IntRange(min=1), default=1, metavar="N", help="Begin at event N.")
@click.option("--to", "last", type=click.IntRange(min=1), metavar="N", help="End behind event N.")
@click.option("--since", callback=_moment, metavar="TIME", help="Begin at the first event at or after TIME (UTC).")
@click.option("--until", callback=_moment, metavar="TIME", help="End before the first event at or after TIME (UTC).")
@JSON
def slice(  # noqa: A001 - the verb's name
    trace: str,
    *,
    out: str,
    clients: frozenset[bytes],
    first: int,
    last: int | None,
    since: int | None,
    until: int | None,
    as_json: bool,
) -> None:
    """Cut a piece out of a recording: self-contained, it plays alone.

    A stretch of events is a part of the run, with the state before it. With --client it is what the engine does when
    only these clients are there: another run than the recorded one.
    """
    piece = Piece(*_bounds(trace, first, last, since, until), clients)
    events = _written(trace, out, piece)
    if as_json:
        octets = Path(out).stat().st_size
        print_json({"trace": trace, "output": out, "events": events, "first_seq": piece.first, "octets": octets})
    else:
        click.echo(f"{out}: {events:,} events")


def _bounds(trace: str, first: int, last: int | None, since: int | None, until: int | None) -> tuple[int, int]:
    """The numbers of the first and the last event, 0 for the recording's last; leaves where there is none between."""
    with opened(trace) as tape:
        begin = 1 if since is None else tape.seek_time(since)
        behind = None if until is None else tape.seek_time(until)
    if begin is None or (behind is not None and behind <= max(first, begin)):
        leave(f"{trace}: no event in the time that was asked for", Status.UNJUDGED)
        raise AssertionError("leave() does not come back")
    ends = [one for one in (last, None if behind is None else behind - 1) if one is not None]
    return max(first, begin), min(ends, default=0)


def _written(trace: str, out: str, piece: Piece) -> int:
    try:
        with opened(trace):
            return write_slice(trace, out, piece)
    except NothingThere as error:
        leave(str(error), Status.UNJUDGED)
    raise AssertionError("leave() does not come back")
