"""`dhcpd-trace import-isc`: a trace file of ISC dhcpd becomes a recording of ours."""

from __future__ import annotations

import sys
from importlib.metadata import version

import click

from ..command.console import JSON, LEASE_FILE, leave, output, output_option, print_json, print_lines, watching
from ..isc import Imported
from ..isc import import_isc as imported
from ..playing.play import report
from ..playing.verdict import Status
from ..showing.statusline import Progress


@click.command(name="import-isc")
@click.argument("trace", type=click.Path(dir_okay=True))
@output_option("Write the recording here.", required=False)
@LEASE_FILE
@JSON
def import_isc(trace: str, *, out: str | None, lease_path: str | None, as_json: bool) -> None:
    """Play a trace file that ISC dhcpd 3.0 to 4.4 recorded with -tf, and make a recording of it.

    What ISC's server was told is told to ours, and every packet that it sent is held against ours. Exit status 0:
    the same packets; 1: others; 2: the file is damaged (what is before the damage is imported); 125: not judged.
    Without -o and --lease-file it is only compared; `dhcpd -play FILE -lf LEASES` takes such a file, too.
    """
    try:
        with output(out, trace) as name, watching(Progress, as_json=as_json) as progress:
            result = imported(trace, name, lease_path, version=version("dhcpd"), watch=progress)
    except OSError as error:
        leave(f"cannot write {lease_path}: {error.strerror}", Status.UNJUDGED)
    verdict = result.verdict
    if verdict.damage and not verdict.events:
        leave(verdict.damage, verdict.status)
    if as_json:
        print_json(_as_object(result))
    else:
        print_lines(*report(verdict))
    sys.exit(int(verdict.status))


def _as_object(result: Imported) -> dict[str, object]:
    verdict = result.verdict
    return {
        "status": verdict.status.name.lower(),
        "exit_status": int(verdict.status),
        "events": verdict.events,
        "effects": verdict.effects,
        "isc_packets": result.sent,
        "same": result.same,
        "missing": result.missing,
        "extra": result.extra,
        "not_played": dict(result.left),
        "damage": verdict.damage,
    }
