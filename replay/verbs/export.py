"""`dhcpd-trace export`: a recording for other programs."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from ..capture.exporting import export as exported
from ..command.console import FROM, JSON, TAPE, TO, leave, opened, output, print_json, print_lines, watching
from ..looking.naming import client_test
from ..playing.seek import EngineFailed
from ..playing.verdict import Status
from ..showing.statusline import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...trace import Entry, Tape


@click.command()
@TAPE
@click.option(
    "--pcapng",
    "out",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write a capture for Wireshark. An older file is moved aside.",
)
@click.option(
    "--client",
    metavar="MAC|IP|ID|NAME",
    help="Only this client's packets: by hardware address in any notation, IPv4 address, identifier or host name.",
)
@FROM
@TO
@click.option("--reasons/--no-reasons", default=True, help="Say why, by playing the recording, or do not.")
@JSON
def export(
    trace: str, *, out: str, client: str | None, from_seq: int, to_seq: int | None, reasons: bool, as_json: bool
) -> None:
    """The packets of a recording as a capture, each with the server's decision as its comment.

    Link-level addresses that a recording does not hold are made up of the IP addresses (02:00:...).
    """
    with opened(trace) as tape, watching(Progress, as_json=as_json) as progress, output(out, trace) as name:
        frames = _write(tape, str(name), _filter(tape, client, from_seq, to_seq), progress, reasons=reasons)
    if as_json:
        print_json({"output": out, "frames": frames})
    else:
        print_lines(f"{out}: {frames:,} frames")


def _filter(tape: Tape, client: str | None, from_seq: int, to_seq: int | None) -> Callable[[Entry], bool]:
    of_client = client_test(client, tape) if client is not None else lambda _entry: True
    return lambda entry: from_seq <= entry.seq and (to_seq is None or entry.seq <= to_seq) and of_client(entry)


def _write(
    tape: Tape, out: str, wanted: Callable[[Entry], bool], progress: Progress | None, *, reasons: bool
) -> int:
    """Write the capture; returns how many frames there were."""
    try:
        with open(out, "wb") as file:  # noqa: PTH123 - a name, not a path
            return exported(
                tape, file, f"dhcpd-trace {version('dhcpd')}", wanted=wanted, reasons=reasons, watch=progress
            )
    except EngineFailed as error:
        leave(f"{error}; --no-reasons leaves it out", Status.DIFFERENT)
