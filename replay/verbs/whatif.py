"""`dhcpd-trace whatif`: what another configuration would have answered the recorded clients."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from ..command.console import (
    CONFIGURATION_FLAGS,
    JSON,
    TAPE,
    configuration_files,
    content_of,
    leave,
    opened,
    print_json,
    watching,
)
from ..looking.naming import hardware_of_client
from ..playing.verdict import Status
from ..showing.statusline import Progress
from ..whatif import Group, Report, compare
from ..whatif.show import show, show_story

if TYPE_CHECKING:
    from ...trace import Tape

ANY: Final = "any"
GROUPS: Final = [ANY, *(group.value for group in Group)]


@click.command()
@TAPE
@click.option(*CONFIGURATION_FLAGS, "path", required=True, metavar="FILE", help="The new dhcpd.conf.")
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
@click.option("--client", metavar="MAC|NAME", help="The story of this client (hardware, host name), side by side.")
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
    files = configuration_files(path)
    content = None if leases is None else content_of(leases)
    with opened(trace) as tape, watching(Progress, as_json=as_json) as progress:
        names = () if client is None else _names(tape, client)
        report = compare(
            tape, files, content, closed_loop=not open_loop, stories=lambda one: one in names, watch=progress
        )
    groups = tuple(Group) if not failing or ANY in failing else tuple(Group(one) for one in failing)
    _tell(report, names, groups, everything=everything, as_json=as_json)
    sys.exit(int(report.status(groups)))


def _names(tape: Tape, client: str) -> tuple[str, ...]:
    """The names in the report of the client that is asked for; leaves where there is none."""
    found = hardware_of_client(tape, client)
    if not found:
        leave(f"the recording has no client {client}", Status.UNJUDGED)
    return tuple(sorted(one.hex(":") for one in found))


def _tell(
    report: Report, clients: tuple[str, ...], groups: tuple[Group, ...], *, everything: bool, as_json: bool
) -> None:
    if as_json:
        print_json({**report.as_object(), "exit_status": int(report.status(groups))})
    elif clients and not (report.refused or report.failure):
        found = [report.clients[one] for one in clients if one in report.clients]
        if not found:
            leave(f"the recording has no client {clients[0]}", Status.UNJUDGED)
        for one in found:
            show_story(one)
    else:
        show(report, everything=everything)
