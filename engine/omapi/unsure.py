"""Changes that may not be on disk: what is done when the disk has refused one.

An answer to a change leaves when the change is synced. Where it cannot be stored, the program ends the connection that
waits for the answer, and says so; then what its last octets have changed is taken back, so that nobody finds what
nobody was told, and what a restart would not know. Whoever sends more has, as a rule, had the answer, so that what was
before stays: a client that does not wait for answers can lose that much of the certainty.

What is of several connections about one object is taken back from the last to the first, as soon as no later change of
it is unsure; when a later one has been answered, it stands, with all that it was made of.

Here are declarations: hosts and groups, and classes and subclasses that were made. What becomes of a lease has
happened, with its handlers, its name in DNS and its partner's word, and stays; so does what took a class away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..model.change import Reversal

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Row(NamedTuple):
    """One change that may not be stored; `number` counts them all."""

    number: int
    reversal: Reversal

    @property
    def plain(self) -> list[Any]:
        """For a snapshot."""
        return [self.number, *self.reversal]

    @classmethod
    def of(cls, fields: Sequence[Any]) -> _Row:
        number, key, *records = fields
        return cls(number, Reversal((key[0], key[1], key[2]), *records))


class Unsure:
    """The changes of each connection's last octets, by stream, and those whose records the disk has refused."""

    __slots__ = ("_last", "_pending", "_refused")

    def __init__(self) -> None:
        """Nothing has changed yet."""
        self._last = 0
        self._pending: dict[int, list[_Row]] = {}
        self._refused: list[_Row] = []

    def note(self, stream: int, reversals: Sequence[Reversal]) -> None:
        """A request has changed this; its answer waits for the disk."""
        rows = self._pending.get(stream)
        if rows is None:
            rows = self._pending[stream] = []
        for reversal in reversals:
            self._last += 1
            rows.append(_Row(self._last, reversal))

    def settle(self, stream: int) -> None:
        """What a connection has changed was answered, or nobody waits for the answer any more: it stands."""
        stand = self._pending.pop(stream, ())
        if self._refused:
            self._refused = [one for one in self._refused if not any(_is_before(one, later) for later in stand)]

    def refuse(self, stream: int) -> None:
        """What a connection has changed was not stored."""
        self._refused += self._pending.pop(stream, ())

    def due(self) -> list[Reversal]:
        """What is to be taken back now, in order; once."""
        waiting = [row for rows in self._pending.values() for row in rows]
        held = [one for one in self._refused if any(_is_before(one, later) for later in waiting)]
        taken = [one for one in self._refused if one not in held]
        self._refused = held
        return [row.reversal for row in sorted(taken, reverse=True, key=lambda row: row.number)]

    def snapshot(self) -> list[Any]:
        """The state as plain data."""
        pending = [[stream, [row.plain for row in rows]] for stream, rows in self._pending.items()]
        return [self._last, pending, [row.plain for row in self._refused]]

    def restore(self, data: Sequence[Any]) -> None:
        """Take over a snapshot."""
        self._last, pending, refused = data
        self._pending = {stream: [_Row.of(fields) for fields in rows] for stream, rows in pending}
        self._refused = [_Row.of(fields) for fields in refused]


def _is_before(one: _Row, other: _Row) -> bool:
    """Whether `other` has changed the same object later."""
    return one.reversal.key == other.reversal.key and one.number < other.number
