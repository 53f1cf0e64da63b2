"""`dhcpd-trace redact`: a recording that may be shown to strangers."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import click

from ...trace import DamagedTape, TapeWriteFailed
from ..console import JSON, TAPE, complain, leave, opened, print_json, print_pairs
from ..play import Progress
from ..redact import NotRedacted, Report
from ..redact import redact as redacted
from ..verdict import Status

_KEY_OCTETS = 32


@click.command()
@TAPE
@click.option("-o", "--output", "out", required=True, type=click.Path(dir_okay=False), help="The new recording.")
@click.option("--addresses", is_flag=True, help="Hide IP addresses too; shared prefixes stay shared.")
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False),
    help="Take the key of the pseudonyms from this file: the same key gives the same pseudonyms in every recording. "
    "Without it the key is drawn at random and thrown away.",
)
@JSON
def redact(trace: str, *, out: str, addresses: bool, key_file: str | None, as_json: bool) -> None:
    """The same recording under pseudonyms: who the clients are does not show, what the server decided does.

    Hidden are hardware addresses, client identifiers, host and domain names, circuit and remote ids, comments, and the
    secrets of keys. Before the file is written both recordings are played side by side; where the pseudonyms would
    change a decision nothing is written, and the exit status is 1.
    """
    if Path(out).exists() and Path(out).samefile(trace):
        leave(f"{out} is the recording itself; give the new one another name", Status.UNJUDGED)
    key = secrets.token_bytes(_KEY_OCTETS) if key_file is None else Path(key_file).read_bytes()
    progress = Progress() if sys.stderr.isatty() and not as_json else None
    with opened(trace) as tape:
        try:
            report = redacted(tape, out, key, addresses=addresses, watch=progress)
        except NotRedacted as error:
            complain(f"{trace}: not redacted: {error}")
            sys.exit(Status.DIFFERENT)
        except TapeWriteFailed as error:
            complain(str(error))
            sys.exit(Status.UNJUDGED)
        except DamagedTape as error:
            complain(f"{error}; `dhcpd-trace slice` makes a whole recording of what is before the damage")
            sys.exit(Status.DAMAGED)
        finally:
            if progress is not None:
                progress.clear()
    _print_report(out, report, as_json=as_json)


def _print_report(out: str, report: Report, *, as_json: bool) -> None:
    if as_json:
        print_json({
            "output": out,
            "events": report.events,
            "hidden": report.hidden,
            "kept": list(report.kept),
            "left": report.left,
            "carried": report.carried,
        })
        return
    rows = [("written", out), ("events", f"{report.events:,}, each decided as before")]
    rows += [("hidden", f"{count:,} {what}") for what, count in report.hidden.items() if count]
    rows.append(("removed", "comments of the configuration and the lease file"))
    if report.kept:
        rows.append(("kept", f"pieces of names that the configuration compares with: {', '.join(report.kept)}"))
    rows += [("left", f"{what} in {count:,} messages") for what, count in sorted(report.left.items())]
    if report.carried:
        rows.append(("carried over", f"recorded effects of {report.carried:,} events that differ from the engine's"))
    print_pairs(rows)
