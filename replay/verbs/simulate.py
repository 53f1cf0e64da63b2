"""`dhcpd-trace simulate`: failover servers in a hostile world, from seeds."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ..command.console import JSON, content_of, leave, print_json, print_lines, watching
from ..corpus.workers import Dask, InProcess, Processes, WorkersLost, cores
from ..playing.verdict import INTERRUPTED, Status
from ..showing.statusline import Simulated, Trials
from ..simulate import drawing, many
from ..simulate.faults import FAULTS
from ..simulate.judging import coverage
from ..simulate.keeping import keep, new_folder
from ..simulate.plan import NotAPlan, Plan
from ..simulate.smaller import smaller

if TYPE_CHECKING:
    from ..corpus.workers import Executor
    from ..simulate.many import Failure, Sum
    from ..simulate.run import Outcome

_SEEDS: Final = re.compile(r"(\d{1,18})(?:\.\.(\d{1,18}))?")
_KINDS: Final = ", ".join(FAULTS)


@click.command()
@click.argument("plan", required=False, type=click.Path(dir_okay=True))
@click.option("--seeds", default="1..100", metavar="A..B", show_default=True, help="The seeds, both ends included.")
@click.option("--faults", metavar="KIND,...", help=f"Only these faults: {_KINDS}; `none` for peace.")
@click.option("--without", metavar="KIND,...", help="All faults but these.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Run in N processes; without it, one a core.")
@click.option("--dask", metavar="ADDRESS", help="Have the workers of this Dask scheduler run (needs dhcpd[dask]).")
@click.option(
    "-o", "--output", "folder", default="simulated", metavar="FOLDER", show_default=True,
    type=click.Path(file_okay=False), help="Keep what fails here, each seed in a folder.",
)  # fmt: skip
@click.option("--whole", is_flag=True, help="Keep a failure as it came, and do not make it small.")
@JSON
def simulate(
    plan: str | None, *, seeds: str, faults: str | None, without: str | None, jobs: int | None, dask: str | None,
    folder: str, whole: bool, as_json: bool,
) -> None:  # fmt: skip
    """Let pairs of failover servers live in a hostile world, and check after every event what must hold.

    A seed is a run; one that fails is made as small as it goes, and kept with the recordings of its servers. PLAN is
    the plan.json of such a failure, to be run again.

    Exit status: 0 all held, 1 something did not.
    """
    if plan is not None:
        _again(planned(plan), Path(folder), as_json=as_json)
    first, last = _range(seeds)
    kinds = _chosen(faults, without)
    began_s = time.monotonic()
    found = _all(first, last, kinds, jobs, dask, as_json=as_json)
    for failure in found.failures:
        _kept(failure, drawing.plan(failure.seed, kinds), Path(folder), whole=whole, as_json=as_json)
    _tell(found, time.monotonic() - began_s, as_json=as_json)
    sys.exit(Status.DIFFERENT if found.failures else Status.SAME)


def planned(path: str) -> Plan:
    """The plan in a file; what is none ends the verb."""
    try:
        return Plan.of(content_of(path).decode("ascii", "replace"))
    except NotAPlan as error:
        leave(f"{path}: {error}", Status.DAMAGED)


def _range(seeds: str) -> tuple[int, int]:
    found = _SEEDS.fullmatch(seeds)
    if found is None or int(found[2] or found[1]) < int(found[1]):
        message = f"{seeds!r} are no seeds; write 7 or 1..1000"
        raise click.BadParameter(message, param_hint="--seeds")
    return int(found[1]), int(found[2] or found[1])


def _chosen(faults: str | None, without: str | None) -> tuple[str, ...]:
    """The kinds of faults that the command line asks for."""
    named = {
        option: () if text in (None, "none") else tuple(text.split(","))
        for option, text in (("--faults", faults), ("--without", without))
    }
    for option, kinds in named.items():
        for kind in kinds:
            if kind not in FAULTS:
                message = f"there is no fault {kind!r}: {_KINDS}"
                raise click.BadParameter(message, param_hint=option)
    wanted = tuple(FAULTS) if faults is None else named["--faults"]
    return tuple(kind for kind in wanted if kind not in named["--without"])


def _all(
    first: int, last: int, kinds: tuple[str, ...], jobs: int | None, dask: str | None, *, as_json: bool
) -> Sum:
    try:
        with watching(Simulated, as_json=as_json) as line, _executor(last - first + 1, jobs, dask) as executor:

            def watch(found: Sum) -> None:
                if line is not None:
                    line(found.seeds, last - first + 1, found.events, len(found.failures))

            return many.simulate_seeds(first, last, kinds, executor, watch)
    except WorkersLost as error:
        leave(str(error), Status.UNJUDGED)
    except KeyboardInterrupt:
        leave("interrupted", INTERRUPTED)


def _executor(seeds: int, jobs: int | None, dask: str | None) -> Executor:
    if dask is not None:
        return Dask(dask)
    workers = min(jobs or cores(), -(-seeds // many.SEEDS_A_BATCH))
    return InProcess() if workers == 1 else Processes(workers, many.__name__)


def _kept(failure: Failure, plan: Plan, folder: Path, *, whole: bool, as_json: bool) -> None:
    """Keep a failure, and tell of it."""
    if not whole:
        with watching(Trials, as_json=as_json) as line:
            plan = smaller(plan, failure.invariant, failure.at_us, line)
    where, outcome = _keep(plan, folder)
    if as_json:
        print_json({**failure._asdict(), "kept": str(where), "kept_events": outcome.events})
    else:
        print_lines(f"seed {failure.seed}: {outcome.violated}", f"    kept in {where}, {outcome.events:,} events")


def _keep(plan: Plan, folder: Path) -> tuple[Path, Outcome]:
    """Where it is kept, and what came of it there."""
    try:
        where = new_folder(folder, plan.seed)
        return where, keep(plan, where)
    except OSError as error:
        leave(f"cannot write {error.filename or folder}: {error.strerror}", Status.UNJUDGED)


def _again(plan: Plan, folder: Path, *, as_json: bool) -> None:
    """Run a plan, and leave."""
    where, outcome = _keep(plan, folder)
    violated = outcome.violated
    if as_json:
        what = None if violated is None else {"invariant": violated.invariant, "what": violated.what}
        print_json({"seed": plan.seed, "events": outcome.events, "violated": what, "kept": str(where)})
    else:
        print_lines(f"{violated or 'everything held'} ({outcome.events:,} events)", f"kept in {where}")
    sys.exit(Status.SAME if violated is None else Status.DIFFERENT)


def _tell(found: Sum, seconds: float, *, as_json: bool) -> None:
    """The sum, and what was met how often."""
    if as_json:
        print_json({"seeds": found.seeds, "events": found.events, "seconds": seconds, "cpu_seconds": found.cpu_s,
                    "failures": len(found.failures), "met": dict(sorted(found.met.items())),
                    "never_met": coverage.never_met(found.met, FAULTS),
                    "cannot_come": coverage.CANNOT_COME})  # fmt: skip
        return
    rate = found.events / found.cpu_s if found.cpu_s else 0.0
    print_lines(
        f"{found.seeds:,} seeds, {found.events:,} events in {seconds:.0f} s ({rate:,.0f} a second of a core): "
        f"{len(found.failures):,} failed"
    )
    print_lines(*[f"{count:>12,}  {what}" for what, count in sorted(found.met.items())])
    never = coverage.never_met(found.met, FAULTS)
    print_lines(f"never met, of {len(coverage.expected(FAULTS)):,} things that must come: {len(never):,}")
    print_lines(*[f"{0:>12}  {what}" for what in never])
    print_lines(*[f"{'never':>12}  {what}: {why}" for what, why in coverage.CANNOT_COME.items()])
