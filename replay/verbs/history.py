"""`dhcpd-trace history`: every holder of an address, or everything about a client."""

from __future__ import annotations

import sys

import click

from ..command.console import JSON, TAPE, complain, opened, print_json, print_lines, seq_of_moment
from ..command.progress import reading
from ..looking.history import Line
from ..looking.history import history as lines_of
from ..looking.leasetable import lease_object
from ..playing.verdict import Status
from ..showing.describe import moment


@click.command()
@TAPE
@click.argument("subject", metavar="ADDRESS|CLIENT")
@click.option("--changes", is_flag=True, help="Only changes of leases, no messages.")
@click.option("--since", metavar="TIME|EVENT", help="Begin with the state at this moment, written as for `at`.")
@click.option("--until", metavar="TIME|EVENT", help="End at this moment.")
@JSON
def history(
    trace: str, *, subject: str, changes: bool, since: str | None, until: str | None, as_json: bool
) -> None:
    """Every holder and change of an address, or every address and message of a client.

    A client is named by its hardware address, its identifier or its host name.

    The whole recording is played, or from the snapshot before --since. Exit status 125: it knows nothing of this
    address or client.
    """
    shown = 0
    with opened(trace) as tape:
        after = None if since is None else seq_of_moment(tape, since, "--since")
        end = None if until is None else seq_of_moment(tape, until, "--until")
        with reading(tape, as_json=as_json, until=end or 0) as progress:
            for line in lines_of(tape, subject, after=after, until=end, progress=progress.at):
                if changes and line.what != "lease":
                    continue
                progress.clear()
                (_show_json if as_json else _show)(line)
                shown += 1
    if not shown:
        complain(f"{trace}: nothing of {subject}")
        sys.exit(Status.UNJUDGED)


def _show(line: Line) -> None:
    when = moment(line.wall_us).removesuffix(" UTC") if line.wall_us else ""
    mark = "*" if line.what == "lease" else " "
    reason = f"  [{line.reason}]" if line.reason else ""
    print_lines(f"{line.seq:>8}  {when:<26} {mark} {line.text}{reason}")


def _show_json(line: Line) -> None:
    before, after = (None if row is None else lease_object(row) for row in (line.before, line.after))
    print_json({**line._asdict(), "before": before, "after": after})
