"""`dhcpd-trace shrink`: the smallest recording that still shows a fault."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ...trace import TapeError, TapeWriteFailed
from ..console import JSON, TAPE, leave, opened, print_json
from ..corpus.crew import Alone, CrewLost, Processes, cores
from ..retell.material import Material, TooLong, load
from ..shrink import candidate, stages
from ..verdict import Status

if TYPE_CHECKING:
    from ..corpus.crew import Crew
    from ..shrink.stages import Shrinker

INTERRUPTED: Final = 130
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
@click.option("-o", "--output", "out", metavar="OUT", type=click.Path(dir_okay=False), help="Write the result here.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Try N at once; without it, one a core.")
@JSON
def shrink(trace: str, *, command: str | None, differs: bool, out: str | None, jobs: int | None, as_json: bool) -> None:
    """Make the smallest recording that still shows a fault, and write it to OUT (TRACE.shrunk without -o).

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
    progress = _Progress() if sys.stderr.isatty() and not as_json else None
    with _crew(jobs) as crew:
        shrinker = stages.Shrinker(material, command, crew, progress)
        interrupted = _run(shrinker)
        if progress is not None:
            progress.clear()
        events = _write(out or f"{trace}.shrunk", shrinker, material)
        _tell(trace, out or f"{trace}.shrunk", shrinker, len(material.entries), events, as_json=as_json)
        sys.exit(INTERRUPTED if interrupted else 0)


def _loaded(trace: str) -> Material:
    try:
        with opened(trace):
            return load(trace)
    except TooLong as error:
        leave(str(error), Status.UNJUDGED)
    raise AssertionError("leave() does not come back")


def _crew(jobs: int | None) -> Crew:
    workers = jobs or cores()
    return Alone() if workers == 1 else Processes(workers, candidate.__name__)


def _run(shrinker: Shrinker) -> bool:
    """Shrink; whether it was interrupted."""
    try:
        shrinker.run()
    except stages.NotShown:
        leave(_NOT_SHOWN, Status.UNJUDGED)
    except CrewLost as error:
        leave(str(error), Status.UNJUDGED)
    except KeyboardInterrupt:
        return True
    return False


def _write(out: str, shrinker: Shrinker, material: Material) -> int:
    found = candidate.told(material, shrinker.best)
    assert found is not None, "the best candidate was a witness"
    try:
        return candidate.write_candidate(out, material, found)
    except TapeWriteFailed as error:
        leave(str(error), Status.UNJUDGED)
    except TapeError as error:
        leave(str(error), Status.DAMAGED)
    raise AssertionError("leave() does not come back")


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
        click.echo(f"{step.stage:<24}{step.before:>9,} -> {step.after:,}")
    click.echo(f"{out}: {events:,} events of {before:,}")


class _Progress:
    """How far it has come: a line on stderr that rewrites itself."""

    def __init__(self) -> None:
        self._width = 0

    def __call__(self, stage: str, events: int, trials: int) -> None:
        text = f"{stage}: {events:,} events, {trials:,} tried"
        self._width = max(self._width, len(text))
        sys.stderr.write(f"\r{text:<{self._width}}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Leave an empty line behind."""
        sys.stderr.write("\r" + " " * self._width + "\r")
        sys.stderr.flush()
