"""`dhcpd-trace import-isc`: a trace file of ISC dhcpd becomes a recording of ours."""

from __future__ import annotations

import sys
from importlib.metadata import version

import click

from ...trace import TapeWriteFailed
from ..console import JSON, leave, print_json
from ..isc import Imported
from ..isc import import_isc as imported
from ..play import Progress, report
from ..verdict import Status


@click.command(name="import-isc")
@click.argument("trace", type=click.Path(dir_okay=False))
@click.option("-o", "--output", "out", type=click.Path(dir_okay=False), help="Write the recording here.")
@click.option("--lease-file", "lease_path", type=click.Path(dir_okay=False), help="Write the lease file here.")
@JSON
def import_isc(trace: str, *, out: str | None, lease_path: str | None, as_json: bool) -> None:
    """Play a trace file that ISC dhcpd 3.0 to 4.4 recorded with -tf, and make a recording of it.

    What ISC's server was told is told to ours, and every packet that it sent is held against ours. Exit status 0:
    the same packets; 1: others; 2: the file is damaged (what is before the damage is imported); 125: not judged.
    Without -o and --lease-file it is only compared; `dhcpd -play FILE -lf LEASES` takes such a file, too.
    """
    progress = Progress() if sys.stderr.isatty() and not as_json else None
    try:
        result = imported(trace, out, lease_path, version=version("dhcpd"), watch=progress)
    except TapeWriteFailed as error:
        leave(str(error), Status.UNJUDGED)
    except OSError as error:
        leave(f"cannot write {error.filename or lease_path}: {error.strerror}", Status.UNJUDGED)
    if progress is not None:
        progress.clear()
    if as_json:
        print_json(_as_object(result))
    else:
        click.echo("\n".join(report(result.verdict)))
    sys.exit(int(result.verdict.status))


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
