"""Delta debugging: as few of the items as still pass a test, by leaving out ever smaller pieces.

The test is asked about several alternatives at once, so that it may look at them side by side, and answers with the
first that passes; what it answers depends on their order alone, so that the result is the same on any number of cores.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")


def minimise(items: Sequence[Item], first_that_passes: Callable[[list[list[Item]]], int | None]) -> list[Item]:
    """A part of `items`, in order, that passes, of which no single item can be left out.

    `items` themselves are taken to pass. `first_that_passes` gets alternatives and returns the place of the first
    that passes, or None.
    """
    left = list(items)
    if not left or first_that_passes([[]]) is not None:
        return []
    pieces = 2
    while len(left) > 1:
        alternatives = _alternatives(left, min(pieces, len(left)))
        found = first_that_passes(alternatives)
        if found is not None:
            taken_away = len(left) - len(alternatives[found])
            pieces = max(2, -(-len(alternatives[found]) // taken_away))
            left = alternatives[found]
        elif pieces >= len(left):
            break
        else:
            pieces = min(len(left), pieces * 2)
    return left


def _alternatives(items: list[Item], pieces: int) -> list[list[Item]]:
    """What is left without each of the pieces, which are of about the same size."""
    bounds = [len(items) * at // pieces for at in range(pieces + 1)]
    return [items[:first] + items[last:] for first, last in pairwise(bounds)]


def longest_passing_cut(count: int, passes: Callable[[int], bool]) -> int:
    """The largest number of items, by halving, that can be cut off at one end; 0 always can."""
    low, high = 0, count
    while low < high:
        middle = (low + high + 1) // 2
        if passes(middle):
            low = middle
        else:
            high = middle - 1
    return low
