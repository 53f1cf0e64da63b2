"""`dhcpd-trace whatif`: what another configuration would have answered the recorded clients."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from ..console import JSON, TAPE, leave, opened, print_json
from ..play import Progress
from ..verdict import Status
from ..whatif import Group, Report, compare, read_files
from ..whatif.show import show, show_story

ANY: Final = "any"
GROUPS: Final = [ANY, *(group.value for group in Group)]


@click.command()
@TAPE
@click.option("-cf", "--configuration", "path", required=True, metavar="FILE", help="The new dhcpd.conf.")
@click.option("--leases", metavar="FILE", help="Begin with this lease file instead of the recorded one.")
@click.option(
    "--fail-on",
    "failing",
    multiple=True,
    metavar="GROUP",
    type=click.Choice(GROUPS),
    help=f"Exit status 1 only for these differences: {', '.join(GROUPS)}. Repeatable; without it, any.",
)
@click.option("--open-loop", is_flag=True, help="Say every packet as recorded: no client takes the new offers.")
@click.option("--client", metavar="CLIENT", help="The story of this client (its hardware address), side by side.")
@click.option("--all", "everything", is_flag=True, help="List every client, not only the first of each group.")
@JSON
def whatif(
    trace: str,
    *,
    path: str,
    leases: str | None,
    failing: tuple[str, ...],
    open_loop: bool,
    client: str | None,
    everything: bool,
    as_json: bool,
) -> None:
    """What another configuration would have answered the recorded clients.

    The clients of the recording meet a server with the new configuration; a model of each takes the new offers. Exit
    status: 0 no difference (of a kind that --fail-on names), 1 a difference, 2 the recording is damaged, 125 cannot be
    judged: the configuration has errors, or a file cannot be read.
    """
    files = list(read_files(path))
    if files[0].error:
        leave(f"{path}: {files[0].error}", Status.UNJUDGED)
    content = None if leases is None else _content(leases)
    name = (client or "").lower().replace("-", ":")
    progress = Progress() if sys.stderr.isatty() and not as_json else None
    with opened(trace) as tape:
        report = compare(
            tape, files, content, closed_loop=not open_loop, stories=lambda one: one == name, watch=progress
        )
    if progress is not None:
        progress.clear()
    groups = tuple(Group) if not failing or ANY in failing else tuple(Group(one) for one in failing)
    _tell(report, name, groups, everything=everything, as_json=as_json)
    sys.exit(int(report.status(groups)))


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        leave(f"{path}: {error.strerror}", Status.UNJUDGED)
        raise


def _tell(report: Report, client: str, groups: tuple[Group, ...], *, everything: bool, as_json: bool) -> None:
    if as_json:
        print_json({**report.as_object(), "exit_status": int(report.status(groups))})
    elif client and not (report.refused or report.failure):
        if client not in report.clients:
            leave(f"the recording has no client {client}", Status.UNJUDGED)
        show_story(report.clients[client])
    else:
        show(report, everything=everything)
