"""`dhcpd-trace pair`: both ends of a failover pair on one timeline, and their leases side by side."""

from __future__ import annotations

import sys
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import click

from ..command.console import (
    JSON,
    SINCE,
    TAPE,
    UNTIL,
    leave,
    opened,
    print_json,
    print_lines,
    print_pairs,
    print_table,
    seq_of_moment,
    time_of,
)
from ..command.progress import reading
from ..failover import standings
from ..failover.databases import beside
from ..failover.matching import check_pair, join
from ..failover.side import NoPair, read_side
from ..failover.timeline import Pair, ahead_us, timeline
from ..looking.leasetable import lease_object, when
from ..looking.moments import us_of
from ..playing.seek import machine_at, seq_at
from ..playing.verdict import Status
from ..showing.describe import clock, moment
from ..showing.failover import kind_of, message_words

if TYPE_CHECKING:
    from ...engine.machine import Machine
    from ...trace import Tape
    from ..failover.databases import Beside
    from ..failover.matching import Passage, Skew
    from ..failover.side import Side
    from ..failover.timeline import Row

_MICROSECONDS = 1_000_000
_LEASE_HEADS = ("address", "{0}", "client", "ends", "{1}", "client", "ends", "why")


@click.command()
@TAPE
@click.argument("other", type=click.Path(dir_okay=True))
@click.option("--lost", is_flag=True, help="Only what one end said and the other never got.")
@click.option("--at", "moment_text", metavar="TIME|EVENT", help="The leases of both ends at this moment of the first.")
@click.option("--all", "everything", is_flag=True, help="With --at: also the leases on which both agree.")
@SINCE
@UNTIL
@JSON
def pair(
    trace: str,
    other: str,
    *,
    lost: bool,
    moment_text: str | None,
    everything: bool,
    since: str | None,
    until: str | None,
    as_json: bool,
) -> None:
    """Both ends of a failover pair: what each said and the other heard, on one timeline.

    The recordings are of one life each of the two servers. Times are those of the first one's clock. With --at the exit
    status is 1 where the two do not agree on a lease.
    """
    with opened(trace) as tape, opened(other) as second:
        try:
            found = _read(tape, second, as_json=as_json)
        except NoPair as error:
            leave(str(error), Status.UNJUDGED)
        if moment_text is not None:
            sys.exit(_leases(tape, second, found, moment_text, everything=everything, as_json=as_json))
        since_us, until_us = time_of(tape, since, "--since"), time_of(tape, until, "--until")
    rows = [
        row for row in timeline(found)
        if (since_us is None or row.at_us >= since_us) and (until_us is None or row.at_us <= until_us)
        and (not lost or row.kind == "lost")
    ]  # fmt: skip
    (_show_json if as_json else _show)(found, rows)


def _read(tape: Tape, other: Tape, *, as_json: bool) -> Pair:
    sides = []
    for one in (tape, other):
        with reading(one, as_json=as_json) as progress:
            sides.append(read_side(one, progress.at))
    first, second = sides
    relationships = check_pair(first, second)
    return Pair((first, second), relationships, tuple(join(first, second)))


# The timeline


def _show(found: Pair, rows: list[Row]) -> None:
    first, second = found.sides
    came = sum(len(row.passages) for row in rows if row.kind == "message")
    lost = sum(len(row.passages) for row in rows if row.kind == "lost")
    print_pairs([
        ("relationships", ", ".join(found.relationships)),
        (first.name, _extent(first)),
        (second.name, _extent(second)),
        *(("clocks", text) for text in _skews(found)),
        ("messages", f"{came:,} came, {lost:,} never came"),
    ])
    width = max(len(first.name), len(second.name))
    for row in rows:
        text = f"{row.text}{_late(found, row)}"
        print_lines(f"{clock(row.at_us)}  {found.sides[row.side].name:<{width}} {row.seq:>7}  {text}")


def _extent(side: Side) -> str:
    return f"{side.path}, {side.last_seq:,} events, {moment(side.first_us)} to {clock(side.last_us)}"


def _skews(found: Pair) -> list[str]:
    lines = []
    for one in found.joined:
        if one.skew is not None:
            streams = " and ".join(str(end.stream) for end in one.ends if end is not None)
            lines.append(f"connection {streams}: {found.sides[1].name}'s is {_skew_text(one.skew)}")
    return lines


def _skew_text(skew: Skew) -> str:
    side = "ahead" if skew.ahead_us >= 0 else "behind"
    text = f"{abs(skew.ahead_us) / _MICROSECONDS:.6f} s {side}"
    if not skew.measured_both_ways:
        return f"{text} or less: messages went one way only"
    return f"{text}, give or take {skew.within_us / _MICROSECONDS:.6f} s"


def _late(found: Pair, row: Row) -> str:
    """How long the messages of a row took, and where they stand in the other recording."""
    if row.kind != "message":
        return ""
    heard = [one.heard for one in row.passages if one.heard is not None]
    last = heard[-1]
    ahead = ahead_us(found, row.seq, row.side)
    corrected = last.wall_us - (ahead if row.side == 0 else -ahead)
    said = row.passages[-1].said
    late = (corrected - (said.wall_us if said is not None else corrected)) / _MICROSECONDS
    return f"  [heard at event {last.seq:,}, {max(late, 0):.6f} s later]"


def _show_json(found: Pair, rows: list[Row]) -> None:
    for joined in found.joined:
        if joined.skew is not None:
            streams = [None if end is None else end.stream for end in joined.ends]
            print_json({"kind": "clocks", "streams": streams, **joined.skew._asdict()})
    for row in rows:
        print_json({
            "kind": row.kind, "at_us": row.at_us, "side": found.sides[row.side].name, "seq": row.seq, "text": row.text,
            "messages": [_message(one) for one in row.passages],
        })  # fmt: skip


def _message(one: Passage) -> dict[str, Any]:
    message = one.message
    return {
        "message": kind_of(message.octets),
        "xid": message.xid,
        "text": message_words(message.octets),
        "said": None if one.said is None else {"seq": one.said.seq, "wall_us": one.said.wall_us},
        "heard": None if one.heard is None else {"seq": one.heard.seq, "wall_us": one.heard.wall_us},
    }


# The leases at a moment


def _leases(tape: Tape, other: Tape, found: Pair, text: str, *, everything: bool, as_json: bool) -> Status:
    seq = seq_of_moment(tape, text, "--at")
    first = machine_at(tape, seq)
    now_us = max(us_of(tape, text), first.server.now_us if first.server is not None else 0)
    there_us = now_us + ahead_us(found, seq, 0)
    second = machine_at(other, seq_at(other, there_us))
    differ = False
    for name in found.relationships:
        if not as_json:
            for machine, at_us in ((first, now_us), (second, there_us)):
                _show_standing(machine, name, at_us)
        rows = beside(first, second, name)
        differ = differ or any(not row.same for row in rows)
        _show_leases(found, [row for row in rows if everything or not row.same], len(rows), as_json=as_json)
    return Status.DIFFERENT if differ else Status.SAME


def _show_standing(machine: Machine, name: str, at_us: int) -> None:
    for one in standings.standings(machine):
        if one.name == name:
            rows = standings.pairs(one, at_us // _MICROSECONDS)
            print_pairs([("at", moment(at_us)), *(row for row in rows if row[0] in _STANDING_ROWS)])


_STANDING_ROWS = frozenset({"relationship", "my state", "partner's state", "link", "updates"})


def _show_leases(found: Pair, rows: list[Beside], total: int, *, as_json: bool) -> None:
    if as_json:
        for row in rows:
            print_json(_lease_object(found, row))
        return
    names = [side.name for side in found.sides]
    print_lines(f"{sum(not row.same for row in rows):,} of {total:,} leases differ")
    if rows:
        print_table([head.format(*names) for head in _LEASE_HEADS], [_lease_cells(names, row) for row in rows])


def _lease_cells(names: list[str], row: Beside) -> tuple[str, ...]:
    cells = [str(IPv4Address(row.address))]
    for one in row.rows:
        cells += (one.state, one.who, when(one.ends))
    why = [f"{name}: {text}" for name, text in zip(names, row.pending, strict=True) if text]
    return (*cells, "; ".join(why) or ("" if row.same else "NOTHING IS UNDER WAY"))


def _lease_object(found: Pair, row: Beside) -> dict[str, Any]:
    return {
        "address": str(IPv4Address(row.address)),
        "same": row.same,
        **{
            side.name: {**lease_object(one), "pending": pending}
            for side, one, pending in zip(found.sides, row.rows, row.pending, strict=True)
        },
    }
