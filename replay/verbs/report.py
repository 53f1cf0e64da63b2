"""`dhcpd-trace report`: a recording as one file for a browser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..command.console import (
    CONFIGURATION_FLAGS,
    JSON,
    TAPE,
    configuration_files,
    content_of,
    opened,
    output,
    output_option,
    print_json,
    print_lines,
    watching,
)
from ..report import collect, render
from ..report.findings import WhatIf
from ..showing.statusline import Progress
from ..whatif import compare

if TYPE_CHECKING:
    from ...trace import Tape
    from ..report import Findings


@click.command()
@TAPE
@output_option("Write the page here.")
@click.option(
    *CONFIGURATION_FLAGS, "--whatif", "path", metavar="FILE",
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
    with opened(trace) as tape, watching(Progress, as_json=as_json) as progress, output(out, trace) as name:
        whatif = None if path is None else _whatif(tape, path, leases, progress, closed_loop=not open_loop)
        findings = collect(tape, whatif, progress)
        page = render(findings).encode()
        Path(str(name)).write_bytes(page)
    _tell(findings, out, len(page), as_json=as_json)
    sys.exit(int(findings.verdict.status))


def _whatif(tape: Tape, path: str, leases: str | None, progress: Progress | None, *, closed_loop: bool) -> WhatIf:
    files = configuration_files(path)
    content = None if leases is None else content_of(leases)
    return WhatIf(Path(path).name, compare(tape, files, content, closed_loop=closed_loop, watch=progress))


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
    print_lines(f"{out}: {clients:,} clients, {stories:,} with a story; {findings.verdict.closing_line()}")
    if findings.whatif is not None:
        print_lines(f"with {findings.whatif.name}: {findings.whatif.report.differences:,} differences")
