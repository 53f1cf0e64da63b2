"""`dhcpd-trace bisect`: which event two configurations, or two versions, are the first to answer otherwise."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import click

from ..command.console import (
    CONFIGURATION_FLAGS,
    JSON,
    TAPE,
    complain,
    configuration_files,
    content_of,
    opened,
    plain,
    print_json,
    print_lines,
    rich_console,
    watching,
)
from ..looking.explain import as_object, explain, show
from ..playing.card import card
from ..playing.play import with_history
from ..playing.seek import EngineFailed
from ..playing.verdict import Status
from ..showing.describe import event_line
from ..showing.statusline import Progress
from ..whatif.divergence import Divergence, find_divergence, reason_lines, reason_objects
from ..whatif.driver import Refused
from ..whatif.other_program import OtherProgram, OtherProgramFailed, first_difference

if TYPE_CHECKING:
    from ...trace import Tape
    from ..whatif.other_program import Trial


@click.command()
@TAPE
@click.option(*CONFIGURATION_FLAGS, "path", metavar="FILE", help="The other configuration.")
@click.option("--leases", metavar="FILE", help="Begin with this lease file instead of the recorded one (with -cf).")
@click.option("--other", metavar="PROGRAM", help="The dhcpd of another version, as a command.")
@click.option("--timeout", "timeout_s", type=float, default=600.0, metavar="S", help="For each run of PROGRAM; 600.")
@JSON
def bisect(
    trace: str, *, path: str | None, leases: str | None, other: str | None, timeout_s: float, as_json: bool
) -> None:
    """Which event two configurations, or two versions, are the first to answer otherwise.

    With -cf the recorded configuration and another one, with the reasons of both; with --other this recording and
    another version, of which only `-play` is used. Exit status: 0 they never part, 1 they do, 2 the recording is
    damaged, 125 cannot be judged.
    """
    if (path is None) == (other is None):
        message = "say what to hold against the recording: either -cf or --other"
        raise click.UsageError(message)
    with opened(trace) as tape:
        if path is not None:
            status = _configurations(tape, path, leases, as_json=as_json)
        else:
            status = _programs(tape, other or "", timeout_s, as_json=as_json)
    sys.exit(int(status))


def _configurations(tape: Tape, path: str, leases: str | None, *, as_json: bool) -> Status:
    files = configuration_files(path)
    content = None if leases is None else content_of(leases)
    try:
        with watching(Progress, as_json=as_json) as progress:
            divergence = find_divergence(tape, files, content, watch=progress)
    except Refused as refused:
        for line in refused.lines:
            complain(line)
        complain(f"{path}: the server does not start with this configuration")
        return Status.UNJUDGED
    except EngineFailed as failed:
        complain(str(failed))
        return Status.UNJUDGED
    if divergence is None:
        _say_same("configurations", as_json=as_json)
        return Status.SAME
    if as_json:
        print_json(_divergence_object(divergence))
    else:
        print_lines(*_divergence_lines(tape, divergence))
    return Status.DIFFERENT


def _say_same(what: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"seq": None})
    else:
        print_lines(f"The {what} never part.")


def _divergence_lines(tape: Tape, divergence: Divergence) -> list[str]:
    _first, *rest = card(with_history(tape, divergence.difference))
    lines = [f"The configurations part at event {divergence.difference.seq:,}: expected is the recorded one.", *rest]
    lines += [f"  told besides: {why}" for why in divergence.told]
    lines.append("  Reasons of one side only, - recorded, + other:")
    return lines + [f"  {one}" for one in reason_lines(divergence)]


def _divergence_object(divergence: Divergence) -> dict[str, object]:
    difference = divergence.difference
    return {
        "seq": difference.seq,
        "event": type(difference.event).__name__,
        "description": event_line(difference.event),
        "wall_us": difference.event.wall_us,
        "client": difference.client,
        "recorded": [{"effect": type(one).__name__, "fields": plain(one)} for one in difference.expected],
        "other": [{"effect": type(one).__name__, "fields": plain(one)} for one in difference.got],
        "recorded_reasons": reason_objects(divergence.recorded_reasons),
        "other_reasons": reason_objects(divergence.new_reasons),
    }


def _programs(tape: Tape, other: str, timeout_s: float, *, as_json: bool) -> Status:
    program = OtherProgram(shlex.split(other), timeout_s)
    watch = complain if sys.stderr.isatty() and not as_json else None
    try:
        found = first_difference(tape, program, watch)
    except OtherProgramFailed as error:
        complain(f"{other}: {error}")
        return Status.UNJUDGED
    if found is None:
        _say_same("versions", as_json=as_json)
        return Status.SAME
    _tell(tape, found, program.runs, as_json=as_json)
    return Status.DIFFERENT


def _tell(tape: Tape, found: Trial, runs: int, *, as_json: bool) -> None:
    """The event, what this version does about it and why, and what the other one printed."""
    here = next(explain(tape, [found.last]))
    if as_json:
        print_json({"seq": found.last, "runs": runs, "output": found.output, "here": as_object(here)})
        return
    print_lines(f"The other version leaves the recording at event {found.last:,} ({runs} runs). This version:", "")
    show(rich_console(), here)
    print_lines("The other version:", "", *(f"  {line}" for line in found.output.rstrip().splitlines()))
