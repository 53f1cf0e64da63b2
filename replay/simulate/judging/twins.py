"""A machine that is made of a snapshot must go on as the one that gave it.

At moments by chance a server gets a twin, which is told the same for a while; each effect must be the same, and in the
end their states.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from ...playing.digest import digest
from .promises import Violated

if TYPE_CHECKING:
    from collections import Counter

    from ....engine.machine import Machine
    from ....trace.effects import Effect
    from ....trace.events import Event
    from ..node import Node

_ONE_IN: Final = 800
_EVENTS: Final = 30


class Twins:
    """The twins of all servers; their moments have a generator of their own, so that they change nothing else."""

    def __init__(self, seed: int, met: Counter[str]) -> None:
        """Nobody has one."""
        self._random = Random(seed)  # noqa: S311 - to be the same again is what is wanted
        self._met = met
        # Server -> its twin, and how many events that is told still.
        self._twins: dict[int, tuple[Machine, int]] = {}

    def before(self, node: Node) -> None:
        """A server is about to take an event: now and then it gets a twin."""
        if node.number not in self._twins and node.machine.serving and not self._random.randrange(_ONE_IN):
            self._met["restored from a snapshot"] += 1
            self._twins[node.number] = (node.twin_machine(), _EVENTS)

    def forget(self, number: int) -> None:
        """A server has ended, and its twin with it."""
        self._twins.pop(number, None)

    def after(self, node: Node, event: Event, effects: list[Effect]) -> None:
        """A server has taken an event. Raises Violated."""
        found = self._twins.get(node.number)
        if found is None:
            return
        twin, left = found
        if twin.apply(event) != effects:
            what = f"{node.name} restored from a snapshot does otherwise at a {type(event).__name__}"
            raise Violated("snapshot", what)
        if left > 1:
            self._twins[node.number] = (twin, left - 1)
            return
        del self._twins[node.number]
        if digest(twin.snapshot()) != digest(node.machine.snapshot()):
            raise Violated("snapshot", f"{node.name} restored from a snapshot comes to another state")
