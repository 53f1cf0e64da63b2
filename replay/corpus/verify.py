"""The verdict of every recording of a corpus, in its order, from parts played by workers.

A recording's verdict is that of its first part which is not the same; what the parts behind it say would not have
been heard by one playback either. The exit status of a corpus is the worst of its recordings'.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ..playing.verdict import Status, Verdict
from .parts import Part, PartResult, play_part, split
from .workers import WorkersLost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .workers import Executor, Future

# More parts than workers, so that one that takes long does not leave the others idle at the end.
PARTS_A_WORKER: Final = 3
# From the best to the worst: a difference is a finding, damage hides what may be one, and what cannot be judged says
# nothing.
_SEVERITY: Final = (Status.SAME, Status.UNJUDGED, Status.DAMAGED, Status.DIFFERENT)


class TraceResult(NamedTuple):
    """The verdict of the recording at `path`, the time that all its parts took, and how many those were."""

    path: str
    verdict: Verdict
    seconds: float
    parts: int


def worst(statuses: Sequence[Status]) -> Status:
    """DIFFERENT before DAMAGED before UNJUDGED before SAME."""
    return max(statuses, key=_SEVERITY.index, default=Status.SAME)


def verify_corpus(
    traces: Sequence[str], executor: Executor, watch: Callable[[int, int], None] | None = None
) -> Iterator[TraceResult]:
    """Play every recording; yields their verdicts in order. `watch` is told (parts done, parts in all)."""
    plans = plan(traces, executor.workers)
    total, done = sum(map(len, plans)), 0
    # The work of all is given out before the first result is awaited.
    futures = [[_submitted(executor, part) for part in parts] for parts in plans]
    for path, first, own in zip(traces, [parts[0] for parts in plans], futures, strict=True):
        results = []
        for future in own:
            results.append(_result(future))
            done += 1
            if watch is not None:
                watch(done, total)
        if len(results) > 1 and any(result.useless_snapshot for result in results):
            results = [_result(_submitted(executor, first._replace(until=0)))]
        yield joined(path, results)
        own.clear()


def plan(traces: Sequence[str], workers: int) -> list[list[Part]]:
    """The parts of every recording: of about the same size for all, so that any worker can take any."""
    if workers == 1:
        return [split(path, 1) for path in traces]
    sizes = [_octets(path) for path in traces]
    target = max(1, sum(sizes) // (workers * PARTS_A_WORKER))
    return [split(path, -(-size // target)) for path, size in zip(traces, sizes, strict=True)]


def _octets(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _submitted(executor: Executor, part: Part) -> Future[PartResult] | WorkersLost:
    try:
        return executor.submit(play_part, part)
    except WorkersLost as error:
        return error


def _result(future: Future[PartResult] | WorkersLost) -> PartResult:
    try:
        if isinstance(future, WorkersLost):
            raise future
        return future.result()
    except WorkersLost as error:
        return PartResult(Verdict(Status.UNJUDGED, damage=str(error)), 0.0)


def joined(path: str, results: Sequence[PartResult]) -> TraceResult:
    """One verdict from those of the parts: counts up to and with the first that is not the same."""
    decisive = next((at for at, one in enumerate(results) if one.verdict.status is not Status.SAME), len(results) - 1)
    heard = [one.verdict for one in results[: decisive + 1]]
    verdict = replace(
        heard[-1],
        events=sum(one.events for one in heard),
        effects=sum(one.effects for one in heard),
        unrecorded=sum(one.unrecorded for one in heard),
        notices=tuple(dict.fromkeys(notice for one in heard for notice in one.notices)),
    )
    return TraceResult(path, verdict, sum(one.seconds for one in results), len(results))
