"""Questions that carry a number: which of the retold run's stands for which of the recorded one's.

A run that is told less asks less, so that its numbers are others. Two questions are the same when they ask the same;
of several alike the first asked is answered first.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


class Numbering:
    """Questions of one kind. What a question asks is anything that can be compared."""

    __slots__ = ("_recorded", "_waiting")

    def __init__(self) -> None:
        self._recorded: dict[int, Hashable] = {}
        self._waiting: dict[Hashable, deque[int]] = {}

    def __contains__(self, number: int) -> bool:
        """Whether the recorded run asked it."""
        return number in self._recorded

    def recorded(self, number: int, asks: Hashable) -> None:
        """The recorded run asked."""
        self._recorded[number] = asks

    def asked(self, number: int, asks: Hashable) -> None:
        """The retold run asked, and waits."""
        self._waiting.setdefault(asks, deque()).append(number)

    def match(self, number: int) -> int | None:
        """The retold run's number for a recorded one, which then waits no more; None where it did not ask that."""
        waiting = self._waiting.get(self._recorded[number]) if number in self._recorded else None
        return waiting.popleft() if waiting else None
