"""`dhcpd-trace verify`: play recordings, and tell whether the engine still does what was recorded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ..command.console import (
    JSON,
    LEASE_FILE,
    complain,
    leave,
    opened,
    plain,
    print_json,
    print_lines,
    rich_console,
    watching,
)
from ..corpus.gather import NothingFound, gather
from ..corpus.verify import TraceResult, plan, verify_corpus, worst
from ..playing.play import play, report
from ..playing.resume import beginning
from ..playing.verdict import INTERRUPTED, Status, Verdict
from ..showing.statusline import Parts, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...trace import Tape
    from ..corpus.gather import Corpus
    from ..corpus.workers import Executor

_WORDS: Final = {
    Status.SAME: ("same", "green"),
    Status.DIFFERENT: ("different", "bold red"),
    Status.DAMAGED: ("damaged", "yellow"),
    Status.UNJUDGED: ("unjudged", "magenta"),
}


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="TRACE|FOLDER...", type=click.Path(dir_okay=True))
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Play in N processes; without it, one a core.")
@click.option("--dask", metavar="ADDRESS", help="Have the workers of this Dask scheduler play (needs dhcpd[dask]).")
@click.option(
    "--junit",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write the verdicts here too, as JUnit XML, in the place of an older file.",
)
@LEASE_FILE
@click.option(
    "--from", "from_seq", type=click.IntRange(min=1), metavar="N", help="Begin at the last snapshot before event N."
)
@JSON
def verify(
    traces: tuple[str, ...],
    *,
    jobs: int | None,
    dask: str | None,
    junit: str | None,
    lease_path: str | None,
    from_seq: int | None,
    as_json: bool,
) -> None:
    """Play recordings and compare every effect; in folders, all files named *.trace or *.bin that are recordings.

    Exit status: 0 all the same, 1 one is different, 2 one is damaged, 125 one could not be judged; the first of
    different, damaged, not judged where there are several.
    """
    if lease_path is not None or from_seq is not None:
        _check_single(traces, lease_path, from_seq)
        results = [_verify_one(traces[0], lease_path, from_seq, as_json=as_json)]
    else:
        corpus = _gathered(traces)
        single = len(traces) == 1 and corpus.traces == traces
        show = _show_json if as_json else _show_report if single else _show_line
        results = _verify_all(corpus, jobs, dask, show, as_json=as_json)
        if not as_json and not single:
            _show_sum(results, corpus)
    if junit is not None:
        _write_junit(junit, results)
    sys.exit(int(worst([one.verdict.status for one in results])))


def _check_single(traces: tuple[str, ...], lease_path: str | None, from_seq: int | None) -> None:
    option = "--from" if lease_path is None else "--lease-file"
    if len(traces) != 1 or Path(traces[0]).is_dir():
        message = f"{option} goes with one recording"
        raise click.UsageError(message)
    if from_seq is not None and lease_path is not None:
        message = "--lease-file needs the whole run; leave out --from"
        raise click.UsageError(message)


def _gathered(names: tuple[str, ...]) -> Corpus:
    try:
        return gather(names)
    except NothingFound as error:
        leave(str(error), Status.UNJUDGED)
    except OSError as error:
        leave(f"{error.filename}: {error.strerror}", Status.UNJUDGED)


def _verify_all(
    corpus: Corpus, jobs: int | None, dask: str | None, show: Callable[[TraceResult], None], *, as_json: bool
) -> list[TraceResult]:
    results: list[TraceResult] = []
    try:
        with watching(Parts, as_json=as_json) as progress, _executor(corpus, jobs, dask) as executor:
            for result in verify_corpus(corpus.traces, executor, progress):
                if progress is not None:
                    progress.clear()
                results.append(result)
                show(result)
    except KeyboardInterrupt:
        leave(f"interrupted after {len(results):,} of {len(corpus.traces):,} recordings", INTERRUPTED)
    return results


def _executor(corpus: Corpus, jobs: int | None, dask: str | None) -> Executor:
    """The workers that the command line asks for; this process alone where there is nothing to divide."""
    from ..corpus import parts, workers  # noqa: PLC0415 - processes cost time to import

    if dask is not None:
        try:
            return workers.Dask(dask)
        except workers.WorkersLost as error:
            leave(str(error), Status.UNJUDGED)
    number = jobs or workers.cores()
    if number == 1 or sum(map(len, plan(corpus.traces, number))) == 1:
        return workers.InProcess()
    return workers.Processes(number, parts.__name__)


def _show_report(result: TraceResult) -> None:
    if result.verdict.damage and not result.verdict.events:
        complain(result.verdict.damage)
        return
    print_lines(*report(result.verdict))


def _show_line(result: TraceResult) -> None:
    """One line a recording; below it the card where there is one."""
    word, style = _WORDS[result.verdict.status]
    from rich.text import Text  # noqa: PLC0415 - a single recording needs no colours

    console = rich_console()
    console.print(Text.assemble((f"{word:<9}", style), f"  {result.path}  {result.verdict.closing_line()}"))
    for line in report(result.verdict)[:-1]:
        console.print(Text(f"    {line}".rstrip()))


def _show_json(result: TraceResult) -> None:
    print_json({"trace": result.path, **_verdict_object(result.verdict)})


def _show_sum(results: list[TraceResult], corpus: Corpus) -> None:
    statuses = [one.verdict.status for one in results]
    counts = [f"{statuses.count(status):,} {word}" for status, (word, _) in _WORDS.items() if status in statuses]
    events = sum(one.verdict.events for one in results)
    skipped = f"; {len(corpus.skipped):,} other files skipped" if corpus.skipped else ""
    recordings = "1 recording" if len(results) == 1 else f"{len(results):,} recordings"
    print_lines(f"{recordings}, {events:,} events: {', '.join(counts)}{skipped}")


def _write_junit(path: str, results: list[TraceResult]) -> None:
    from ..corpus.junit import write_junit  # noqa: PLC0415 - not for each call

    try:
        write_junit(path, results)
    except OSError as error:
        complain(f"cannot write {path}: {error.strerror}")
        sys.exit(int(worst([*(one.verdict.status for one in results), Status.UNJUDGED])))


def _verify_one(trace: str, lease_path: str | None, from_seq: int | None, *, as_json: bool) -> TraceResult:
    with opened(trace) as tape, watching(Progress, as_json=as_json) as progress:
        verdict = _verify(tape, lease_path, from_seq, progress)
    result = TraceResult(trace, verdict, 0.0, 1)
    (_show_json if as_json else _show_report)(result)
    return result


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
        "state": list(verdict.state),
        "damage": verdict.damage,
        "notices": list(verdict.notices),
    }
