"""`dhcpd-trace history`: every holder of an address, or everything about a client."""

from __future__ import annotations

import sys

import click

from ..console import JSON, TAPE, complain, opened, print_json
from ..describe import moment
from ..history import Line
from ..history import history as lines_of
from ..leasetable import lease_object
from ..verdict import Status


@click.command()
@TAPE
@click.argument("subject", metavar="ADDRESS|CLIENT")
@click.option("--changes", is_flag=True, help="Only changes of leases, no messages.")
@JSON
def history(trace: str, *, subject: str, changes: bool, as_json: bool) -> None:
    """Every holder and change of an address, or every address and message of a client (hardware or identifier).

    The whole recording is played. Exit status 125: it knows nothing of this address or client.
    """
    shown = 0
    with opened(trace) as tape:
        for line in lines_of(tape, subject):
            if changes and line.what != "lease":
                continue
            (_show_json if as_json else _show)(line)
            shown += 1
    if not shown:
        complain(f"{trace}: nothing of {subject}")
        sys.exit(Status.UNJUDGED)


def _show(line: Line) -> None:
    when = moment(line.wall_us).removesuffix(" UTC") if line.wall_us else ""
    mark = "*" if line.what == "lease" else " "
    reason = f"  [{line.reason}]" if line.reason else ""
    click.echo(f"{line.seq:>8}  {when:<26} {mark} {line.text}{reason}")


def _show_json(line: Line) -> None:
    before, after = (None if row is None else lease_object(row) for row in (line.before, line.after))
    print_json({**line._asdict(), "before": before, "after": after})
