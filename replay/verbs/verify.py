"""`dhcpd-trace verify`: play a recording, and tell whether the engine still does what was recorded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..console import JSON, TAPE, opened, plain, print_json
from ..play import Progress, play, report
from ..resume import beginning
from ..verdict import Status, Verdict

if TYPE_CHECKING:
    from ...trace import Tape


@click.command()
@TAPE
@click.option("--lease-file", "lease_path", type=click.Path(dir_okay=False), help="Write the lease file here too.")
@click.option(
    "--from", "from_seq", type=click.IntRange(min=1), metavar="N", help="Begin at the last snapshot before event N."
)
@JSON
def verify(trace: str, *, lease_path: str | None, from_seq: int | None, as_json: bool) -> None:
    """Play a recording and compare every effect; exit status 0 the same, 1 different, 2 damaged, 125 not judged."""
    if from_seq is not None and lease_path is not None:
        message = "--lease-file needs the whole run; leave out --from"
        raise click.UsageError(message)
    progress = Progress() if sys.stderr.isatty() and not as_json else None
    with opened(trace) as tape:
        verdict = _verify(tape, lease_path, from_seq, progress)
    if progress is not None:
        progress.clear()
    if as_json:
        print_json(_verdict_object(verdict))
    else:
        click.echo("\n".join(report(verdict)))
    sys.exit(int(verdict.status))


def _verify(tape: Tape, lease_path: str | None, from_seq: int | None, progress: Progress | None) -> Verdict:
    try:
        if from_seq is None:
            return play(tape, lease_path, watch=progress)
        start = beginning(tape, from_seq - 1)
        return play(tape, None, lambda: start.machine, watch=progress, from_seq=start.from_seq)
    except OSError as error:
        return Verdict(Status.UNJUDGED, damage=f"cannot write the lease file {lease_path}: {error.strerror}")


def _verdict_object(verdict: Verdict) -> dict[str, object]:
    difference = verdict.difference
    return {
        "status": verdict.status.name.lower(),
        "exit_status": int(verdict.status),
        "events": verdict.events,
        "effects": verdict.effects,
        "unrecorded": verdict.unrecorded,
        "differences": 0 if difference is None else 1,
        "difference": None
        if difference is None
        else {
            "seq": difference.seq,
            "event": type(difference.event).__name__,
            "wall_us": difference.event.wall_us,
            "client": difference.client,
            "failure": difference.failure,
            "expected": [{"effect": type(one).__name__, "fields": plain(one)} for one in difference.expected],
            "got": [{"effect": type(one).__name__, "fields": plain(one)} for one in difference.got],
        },
        "damage": verdict.damage,
        "notices": list(verdict.notices),
    }
