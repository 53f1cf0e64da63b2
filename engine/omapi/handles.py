"""Handles: the numbers by which OMAPI names objects. One series for the whole server, shared by all connections.

A handle stands for a reference (the type of an object, and what names it in the server), never for the object itself:
so a snapshot keeps it, a reload does not break it, and an object that is gone answers "no matching handle". A
reference gets its number when it is first named on the wire, and keeps it while the object lives. There are at most as
many as there are objects; what is deleted gives its number up, and the number never comes again.

Source: docs/behaviour/omapi.md#identifiers-and-handles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Reference(NamedTuple):
    """An object of the server: its `type`, and its `name` there: an address, a position, or what it is called.

    A subclass is named by its class and by its `key`, the value that it matches.
    """

    type: str
    name: str | int = ""
    key: bytes = b""


class Handles:
    """Handle -> reference and back. A handle counts up from 1 and never comes again."""

    __slots__ = ("_by_number", "_last", "_numbers")

    def __init__(self) -> None:
        """Nothing has been named yet."""
        self._numbers: dict[Reference, int] = {}
        self._by_number: dict[int, Reference] = {}
        self._last = 0

    def number(self, reference: Reference) -> int:
        """The handle of an object, which is named on the wire now."""
        found = self._numbers.get(reference)
        if found is None:
            self._last += 1
            found = self._numbers[reference] = self._last
            self._by_number[found] = reference
        return found

    def reference(self, number: int) -> Reference | None:
        """What a handle stands for, None where it stands for nothing."""
        return self._by_number.get(number)

    def forget(self, reference: Reference) -> None:
        """The object is gone; if one of the same name comes, it is another."""
        number = self._numbers.pop(reference, None)
        if number is not None:
            del self._by_number[number]

    def snapshot(self) -> list[Any]:
        """[last number, [number, type, name, key]...] as plain data."""
        return [self._last, [[number, *reference] for number, reference in self._by_number.items()]]

    def restore(self, data: Sequence[Any]) -> None:
        """Take over a snapshot."""
        self._last, rows = data
        self._by_number = {number: Reference(kind, name, key) for number, kind, name, key in rows}
        self._numbers = {reference: number for number, reference in self._by_number.items()}
