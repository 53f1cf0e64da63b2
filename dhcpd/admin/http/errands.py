"""Questions whose answers take seconds (explain, report): each in a process of its own, a few at a time."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Final

from ...process.child import Child, ChildFailed
from ..problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE_MAXIMUM: Final = 2


class Errands:
    """The children at work, watched by `epoll`."""

    def __init__(self, epoll: select.epoll) -> None:
        self._epoll = epoll
        self._children: dict[int, Child] = {}

    def begin(self, make: Callable[[], bytes]) -> Child:
        """Have `make` called in a child; raises Problem 503 where there are too many, or no process is to be had."""
        if len(self._children) >= AT_ONCE_MAXIMUM:
            raise Problem(503, f"{AT_ONCE_MAXIMUM} such questions are being answered already", "ask again in a moment")
        try:
            child = Child(make)
        except OSError as error:
            raise Problem(503, f"no process can be had: {error.strerror}", "ask again when there is memory") from error
        self._children[child.fileno()] = child
        self._epoll.register(child.fileno(), select.EPOLLIN)
        return child

    def look(self, descriptor: int) -> tuple[Child, bytes | Problem] | None:
        """What the child of a descriptor that is readable has made, or why it has not; None while it is at work."""
        child = self._children.get(descriptor)
        if child is None or not child.ended():
            return None
        self._forget(child)
        try:
            return child, child.octets()
        except ChildFailed as failed:
            return child, Problem(500, f"the answer could not be made: {failed}", "the recording may be damaged")

    def drop(self, child: Child) -> None:
        """Nobody waits for this child any more."""
        if child.fileno() in self._children:
            self._forget(child)
            child.abandon()

    def close(self) -> None:
        """End them all."""
        for child in list(self._children.values()):
            self.drop(child)

    def _forget(self, child: Child) -> None:
        del self._children[child.fileno()]
        self._epoll.unregister(child.fileno())
