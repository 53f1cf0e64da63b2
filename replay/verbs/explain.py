"""`dhcpd-trace explain`: why the server did what it did."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..command.console import JSON, TAPE, complain, opened, print_json, rich_console
from ..looking.explain import as_object, find
from ..looking.explain import explain as explanations
from ..looking.explain import show as show_explanation
from ..looking.naming import client_test
from ..playing.verdict import Status

if TYPE_CHECKING:
    from ...trace import Tape


@click.command()
@TAPE
@click.option("--client", metavar="MAC|IP|ID|NAME", help="This client's packets.")
@click.option("--event", "seq", type=click.IntRange(min=1), metavar="N", help="This event.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Explain at most N events.")
@JSON
def explain(trace: str, *, client: str | None, seq: int | None, count: int | None, as_json: bool) -> None:
    """Why the server did what it did: network, classes, pools, leases, times, and the statement of each option.

    A client is named by its hardware address in any notation, an IPv4 address, its identifier or its host name. The
    events are played up to the one in question. Exit status 1: the recording has other effects for it.
    """
    if (client is None) == (seq is None):
        message = "say which events: either --client or --event"
        raise click.UsageError(message)
    with opened(trace) as tape:
        status = _explain(tape, client, seq, count, as_json=as_json)
    sys.exit(int(status))


def _explain(tape: Tape, client: str | None, seq: int | None, count: int | None, *, as_json: bool) -> Status:
    wanted = client_test(client, tape) if client is not None else lambda entry: entry.seq == seq
    found = find(tape, wanted, 1 if seq is not None else count)
    if not found:
        what = f"packet of client {client}" if client is not None else f"event {seq}"
        complain(f"{tape.path}: no {what}")
        return Status.UNJUDGED
    console = rich_console()
    status = Status.SAME
    for one in explanations(tape, found):
        if as_json:
            print_json(as_object(one))
        else:
            show_explanation(console, one)
        if one.differs:
            status = Status.DIFFERENT
    return status
