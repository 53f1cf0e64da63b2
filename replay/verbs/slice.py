"""`dhcpd-trace slice`: a piece of a recording as a recording of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..command.console import (
    FROM,
    JSON,
    SINCE,
    TAPE,
    TO,
    UNTIL,
    leave,
    opened,
    output,
    output_option,
    print_json,
    print_lines,
    time_of,
)
from ..looking.naming import hardware_of_client
from ..playing.verdict import Status
from ..retell.slices import NothingThere, Piece, write_slice

if TYPE_CHECKING:
    from ...trace import Tape


@click.command("slice")
@TAPE
@output_option("Write the piece here.")
@click.option(
    "--client",
    "clients",
    multiple=True,
    metavar="MAC|NAME",
    help="Only the packets of this client, by hardware address or host name; may be repeated.",
)
@FROM
@TO
@SINCE
@UNTIL
@JSON
def slice(  # noqa: A001 - the verb's name
    trace: str,
    *,
    out: str,
    clients: tuple[str, ...],
    from_seq: int,
    to_seq: int | None,
    since: str | None,
    until: str | None,
    as_json: bool,
) -> None:
    """Cut a piece out of a recording: self-contained, it plays alone.

    A stretch of events is a part of the run, with the state before it. With --client it is what the engine does when
    only these clients are there: another run than the recorded one.
    """
    with opened(trace) as tape, output(out, trace) as name:
        piece = Piece(*_bounds(tape, from_seq, to_seq, since, until), _hardware(tape, clients))
        events = _written(trace, str(name), piece)
    if as_json:
        octets = Path(out).stat().st_size
        print_json({"trace": trace, "output": out, "events": events, "first_seq": piece.first, "octets": octets})
    else:
        print_lines(f"{out}: {events:,} events")


def _hardware(tape: Tape, clients: tuple[str, ...]) -> frozenset[bytes]:
    """The hardware addresses of the clients that are named; leaves where nobody has a name."""
    found: set[bytes] = set()
    for name in clients:
        own = hardware_of_client(tape, name)
        if not own:
            leave(f"{tape.path}: no client {name}", Status.UNJUDGED)
        found |= own
    return frozenset(found)


def _bounds(tape: Tape, first: int, last: int | None, since: str | None, until: str | None) -> tuple[int, int]:
    """The numbers of the first and the last event, 0 for the recording's last; leaves where there is none between."""
    since_us, until_us = time_of(tape, since, "--since"), time_of(tape, until, "--until")
    begin = 1 if since_us is None else tape.seek_time(since_us)
    behind = None if until_us is None else tape.seek_time(until_us + 1)
    if begin is None or (behind is not None and behind <= max(first, begin)):
        leave(f"{tape.path}: no event in the time that was asked for", Status.UNJUDGED)
    ends = [one for one in (last, None if behind is None else behind - 1) if one is not None]
    return max(first, begin), min(ends, default=0)


def _written(trace: str, out: str, piece: Piece) -> int:
    try:
        return write_slice(trace, out, piece)
    except NothingThere as error:
        leave(str(error), Status.UNJUDGED)
