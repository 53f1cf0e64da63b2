"""The smallest plan that still fails: of what befalls the servers, of what clients do, and of the time.

A piece of a plan passes when the same invariant is violated, wherever. What is left out changes the draws of those
behind it, so that a failure may show otherwise than it did; it is one all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..shrink.ddmin import minimise
from .plan import CLIENT
from .run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .plan import Plan, Step

    Watch = Callable[[str, int, int], None]

TRIALS_MAXIMUM: Final = 400
_SECOND_US: Final = 1_000_000


class _Shrinker:
    """The best plan so far, and how many trials are left."""

    def __init__(self, plan: Plan, invariant: str, watch: Watch | None) -> None:
        self.best = plan
        self.trials = 0
        self._invariant = invariant
        self._watch = watch

    def fails(self, plan: Plan) -> bool:
        """Whether a plan fails in the same way, which makes it the best."""
        if self.trials >= TRIALS_MAXIMUM:
            return False
        self.trials += 1
        outcome = Run(plan).carry_out()
        if outcome.violated is None or outcome.violated.invariant != self._invariant:
            return False
        self.best = plan
        if self._watch is not None:
            self._watch("made small", outcome.events, self.trials)
        return True

    def cut(self, at_us: int) -> None:
        """Leave out what comes after the failure."""
        kept = tuple(step for step in self.best.steps if step.at_us <= at_us)
        self.fails(self.best._replace(steps=kept, length_us=min(self.best.length_us, at_us + _SECOND_US)))

    def thin_out(self, chosen: Callable[[Step], bool]) -> None:
        """Leave out as many of the chosen steps as can be."""
        whole = self.best
        others = [step for step in whole.steps if not chosen(step)]

        def first_that_fails(alternatives: Sequence[Sequence[Step]]) -> int | None:
            plans = (whole._replace(steps=tuple(sorted([*others, *steps]))) for steps in alternatives)
            return next((at for at, plan in enumerate(plans) if self.fails(plan)), None)

        minimise([step for step in whole.steps if chosen(step)], first_that_fails)


def smaller(plan: Plan, invariant: str, at_us: int, watch: Watch | None = None) -> Plan:
    """A small plan that fails as `plan` does, which violated that at a moment; `watch` is told of each success.

    `watch` gets what is done, the events of the smallest so far, and how many were tried.
    """
    shrinker = _Shrinker(plan, invariant, watch)
    shrinker.cut(at_us)
    for _round in range(2):
        shrinker.thin_out(lambda step: step.kind != CLIENT)
        shrinker.thin_out(lambda step: step.kind == CLIENT)
    last_us = max((step.at_us + step.for_us for step in shrinker.best.steps), default=0)
    shrinker.cut(last_us)
    return shrinker.best
