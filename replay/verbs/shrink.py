"""`dhcpd-trace shrink`: the smallest recording that still shows a fault."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ..command.console import JSON, TAPE, leave, opened, output, output_option, print_json, print_lines, watching
from ..corpus.workers import InProcess, Processes, WorkersLost, cores
from ..playing.verdict import INTERRUPTED, Status
from ..retell.material import Material, TooLong, load
from ..showing.statusline import Trials
from ..shrink import candidate, stages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..corpus.workers import Executor
    from ..shrink.stages import Shrinker

_NO_DIFFERENCE: Final = "nothing to shrink: the recording plays without a difference (--until takes a test of yours)"
_NOT_SHOWN: Final = (
    "the recording does not show the fault: the command must end with status 0 where it does, as creduce's; "
    "write ! before it to turn that round"
)


@click.command()
@TAPE
@click.option(
    "--until", "command", metavar="'COMMAND {}'", help="The test: status 0 where the tape {} still shows the fault."
)
@click.option("--until-differs", "differs", is_flag=True, help="The test: playing it leaves the recording.")
@output_option("Write the result here; without it, to TRACE.shrunk.", required=False)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Try N at once; without it, one a core.")
@JSON
def shrink(trace: str, *, command: str | None, differs: bool, out: str | None, jobs: int | None, as_json: bool) -> None:
    """Make the smallest recording that still shows a fault.

    Taken away are clients, time, events, options, statements of the configuration and leases, as long as the test
    says that the fault is still there. ^C leaves the smallest one so far.
    """
    if (command is None) is not differs:
        message = "give the test: either --until 'COMMAND {}' or --until-differs"
        raise click.UsageError(message)
    if command is not None and candidate.PLACE not in command:
        message = "the command needs {} where the name of the recording is to stand"
        raise click.UsageError(message)
    material = _loaded(trace)
    if differs and not material.first_fault:
        leave(_NO_DIFFERENCE, Status.UNJUDGED)
    target = out or f"{trace}.shrunk"
    with output(target, trace) as name, _interrupts() as interrupt:
        with _executor(jobs) as executor, watching(Trials, as_json=as_json) as progress:
            shrinker = stages.Shrinker(material, command, executor, progress)
            interrupted = _run(shrinker, interrupt)
        events = _write(str(name), shrinker, material)
    _tell(trace, target, shrinker, len(material.entries), events, as_json=as_json)
    sys.exit(INTERRUPTED if interrupted else Status.SAME)


def _loaded(trace: str) -> Material:
    try:
        with opened(trace):
            return load(trace)
    except TooLong as error:
        leave(str(error), Status.UNJUDGED)


def _executor(jobs: int | None) -> Executor:
    workers = jobs or cores()
    return InProcess() if workers == 1 else Processes(workers, candidate.__name__)


class _Interrupt:
    """What hears ^C: the first raises KeyboardInterrupt; what is done after it is short, and not given up for another.

    `heard` tells of it where the exception was lost in a library, or a worker tells of the same ^C first.
    """

    heard = False

    def __call__(self, *_signal: object) -> None:
        if not self.heard:
            self.heard = True
            raise KeyboardInterrupt


@contextmanager
def _interrupts() -> Iterator[_Interrupt]:
    interrupt = _Interrupt()
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


def _run(shrinker: Shrinker, interrupt: _Interrupt) -> bool:
    """Shrink; whether it was interrupted: then neither a lost worker nor a test that failed is a finding."""
    try:
        shrinker.run()
    except KeyboardInterrupt:
        interrupt.heard = True
    except (stages.NotShown, WorkersLost) as error:
        if not interrupt.heard:
            leave(_NOT_SHOWN if isinstance(error, stages.NotShown) else str(error), Status.UNJUDGED)
    return interrupt.heard


def _write(out: str, shrinker: Shrinker, material: Material) -> int:
    found = candidate.replayed(material, shrinker.best)
    assert found is not None, "the best candidate was a witness"
    return candidate.write_candidate(out, material, found)


def _tell(trace: str, out: str, shrinker: Shrinker, before: int, events: int, *, as_json: bool) -> None:
    if as_json:
        size, old_size = Path(out).stat().st_size, Path(trace).stat().st_size
        print_json({
            "trace": trace, "output": out, "events_before": before, "events": events, "octets_before": old_size,
            "octets": size, "trials": shrinker.trials,
            "stages": [{"stage": step.stage, "before": step.before, "after": step.after} for step in shrinker.steps],
        })  # fmt: skip
        return
    for step in shrinker.steps:
        print_lines(f"{step.stage:<24}{step.before:>9,} -> {step.after:,}")
    print_lines(f"{out}: {events:,} events of {before:,}")
