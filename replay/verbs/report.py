"""`dhcpd-trace report`: a recording as one file for a browser."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ..console import JSON, TAPE, leave, opened, print_json
from ..play import Progress
from ..report import collect, render
from ..report.findings import WhatIf
from ..verdict import Status
from ..whatif import compare, read_files

if TYPE_CHECKING:
    from ...trace import Tape
    from ..report import Findings


@click.command()
@TAPE
@click.option("-o", "--output", "out", required=True, type=click.Path(dir_okay=False), help="Write the page here.")
@click.option(
    "-cf", "--configuration", "--whatif", "path", metavar="FILE",
    help="A section on what this dhcpd.conf would have answered.",
)  # fmt: skip
@click.option("--leases", metavar="FILE", help="The what-if begins with this lease file instead of the recorded one.")
@click.option("--open-loop", is_flag=True, help="The what-if says every packet as recorded.")
@JSON
def report(
    trace: str, *, out: str, path: str | None, leases: str | None, open_loop: bool, as_json: bool
) -> None:
    """Make one self-contained HTML file of a recording: traffic, pools, times, troubles, every client's story.

    The file is opened from disk and fetches nothing. Exit status, with the file written: 0 the recording plays the
    same, 1 otherwise, 2 it is damaged, 125 it cannot be played. What a what-if finds does not change it.
    """
    if path is None and (leases is not None or open_loop):
        message = "--leases and --open-loop belong to a what-if: give its configuration with -cf FILE"
        raise click.UsageError(message)
    if Path(out).exists() and Path(trace).exists() and Path(out).samefile(trace):
        leave(f"{out} is the recording itself; give the page another name", Status.UNJUDGED)
    progress = Progress() if sys.stderr.isatty() and not as_json else None
    with opened(trace) as tape:
        whatif = None if path is None else _whatif(tape, path, leases, progress, closed_loop=not open_loop)
        findings = collect(tape, whatif, progress)
    text = render(findings)
    if progress is not None:
        progress.clear()
    _write(out, text)
    _tell(findings, out, len(text.encode()), as_json=as_json)
    sys.exit(int(findings.verdict.status))


def _whatif(tape: Tape, path: str, leases: str | None, progress: Progress | None, *, closed_loop: bool) -> WhatIf:
    files = list(read_files(path))
    if files[0].error:
        leave(f"{path}: {files[0].error}", Status.UNJUDGED)
    try:
        content = None if leases is None else Path(leases).read_bytes()
    except OSError as error:
        leave(f"{leases}: {error.strerror}", Status.UNJUDGED)
    return WhatIf(Path(path).name, compare(tape, files, content, closed_loop=closed_loop, watch=progress))


def _write(out: str, text: str) -> None:
    """The page, in a file that takes its name when it is whole; readable by its owner alone, as a recording is."""
    part = f"{out}.part"
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, out)  # noqa: PTH105 - names, not paths
    except OSError as error:
        _cannot_write(out, error)
    finally:
        Path(part).unlink(missing_ok=True)


def _cannot_write(out: str, error: OSError) -> NoReturn:
    leave(f"cannot write {out}: {error.strerror}", Status.UNJUDGED)


def _tell(findings: Findings, out: str, octets: int, *, as_json: bool) -> None:
    clients, stories = len(findings.survey.clients), len(findings.stories.by_client)
    if as_json:
        made = {
            "output": out,
            "octets": octets,
            "events": findings.survey.events,
            "clients": clients,
            "clients_listed": len(findings.listed),
            "stories": stories,
            "unanswered": sum(findings.survey.silences.values()),
            "refused": findings.survey.sent["DHCPNAK"],
            "verdict": findings.verdict.closing_line(),
            "whatif_differences": None if findings.whatif is None else findings.whatif.report.differences,
            "exit_status": int(findings.verdict.status),
        }
        print_json(made)
        return
    click.echo(f"{out}: {clients:,} clients, {stories:,} with a story; {findings.verdict.closing_line()}")
    if findings.whatif is not None:
        click.echo(f"with {findings.whatif.name}: {findings.whatif.report.differences:,} differences")
