"""The faults of a simulated world: what each does, and how it is over.

A fault is done to a server, or to what is between servers; some are over by themselves after a while. `end` is called
then, and for all at the end of a run, when the world is made good; it must not mind being called for nothing. What a
fault leaves (a server that is not running, a clock that is wrong) is put right by the run at its end.

To add one: a function or two, and a line in FAULTS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from .plan import Step
    from .run import Run

_PARTS: Final = 1 << 16
SECOND_US: Final = 1_000_000


class Fault(NamedTuple):
    """What is done, how it is over, and how often it comes among all (a weight); `longest_s` of those that last."""

    what: str
    begin: Callable[[Run, Step], bool]
    end: Callable[[Run, Step], None] | None
    weight: int
    longest_s: int


def share(draw: int) -> float:
    """A number from 0 to 1 that a step's draw gives."""
    return draw % _PARTS / _PARTS


# Servers: what has ended is started again by `start`, or at the end


def _kill(run: Run, step: Step) -> bool:
    return run.stop(step.who, lambda node: node.kill())


def _darken(run: Run, step: Step) -> bool:
    return run.stop(step.who, lambda node: node.lose_power(share(step.draw)))


def _restart(run: Run, step: Step) -> None:
    run.start(step.who)


# Between servers


def _partition(run: Run, step: Step) -> bool:
    one, other = run.neighbours(step)
    run.world.network.cut(one, other)
    return True


def _join(run: Run, step: Step) -> None:
    run.world.network.join(*run.neighbours(step))


FAULTS: Final[dict[str, Fault]] = {
    "kill": Fault("a server is killed, and started again later", _kill, _restart, 8, 300),
    "power": Fault("a server loses its power, and what was not synced in part or all", _darken, _restart, 8, 300),
    "partition": Fault("nothing passes between two servers", _partition, _join, 10, 400),
}
