"""Many seeds: in this process, in a process a core, or by a Dask cluster, and what came of all of them.

Seeds go out in batches, and counts come back, so that what moves between processes costs nothing. A seed whose run
fails is named with what was violated; it is run again by who wants to keep it (keeping.py).
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from .drawing import plan
from .run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..corpus.workers import Executor

SEEDS_A_BATCH: Final = 8


class Batch(NamedTuple):
    """Seeds `first` to `last`, with these kinds of faults."""

    first: int
    last: int
    kinds: tuple[str, ...]


class Failure(NamedTuple):
    """A seed whose run violated an invariant, so long after its beginning and behind so many events."""

    seed: int
    invariant: str
    what: str
    at_us: int
    events: int


class Sum(NamedTuple):
    """What came of seeds; `cpu_s` is processor time."""

    seeds: int
    events: int
    cpu_s: float
    met: Counter[str]
    failures: tuple[Failure, ...]

    def plus(self, other: Sum) -> Sum:
        """Both together."""
        return Sum(
            self.seeds + other.seeds, self.events + other.events, self.cpu_s + other.cpu_s, self.met + other.met,
            self.failures + other.failures,
        )  # fmt: skip


NOTHING: Final = Sum(0, 0, 0.0, Counter(), ())


def batches(first: int, last: int, kinds: tuple[str, ...]) -> Iterator[Batch]:
    """The seeds `first` to `last` in batches."""
    for begin in range(first, last + 1, SEEDS_A_BATCH):
        yield Batch(begin, min(last, begin + SEEDS_A_BATCH - 1), kinds)


def simulate_batch(batch: Batch) -> Sum:
    """Run a batch."""
    began_s = time.process_time()
    events, met, failures = 0, Counter[str](), []
    for seed in range(batch.first, batch.last + 1):
        outcome = Run(plan(seed, batch.kinds)).carry_out()
        events += outcome.events
        met += outcome.met
        if outcome.violated is not None:
            violated = outcome.violated
            failures.append(Failure(seed, violated.invariant, violated.what, outcome.at_us, outcome.events))
    seeds = batch.last - batch.first + 1
    return Sum(seeds, events, time.process_time() - began_s, met, tuple(failures))


def simulate_seeds(
    first: int, last: int, kinds: tuple[str, ...], executor: Executor, watch: Callable[[Sum], None]
) -> Sum:
    """Run the seeds `first` to `last`; `watch` is told what has come of those so far. Raises WorkersLost."""
    found = NOTHING
    futures = [executor.submit(simulate_batch, batch) for batch in batches(first, last, kinds)]
    for future in futures:
        found = found.plus(future.result())
        watch(found)
    return found
