"""Differences that many clients met alike, told once: `routers 10.0.7.1 -> 10.0.7.254: 212 clients`.

Two differences are alike where their group and their `Change.alike` are the same: a field with both its values, an
answer without its address, two networks. A difference of several fields is so many rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from .report import Alike, Group

if TYPE_CHECKING:
    from .report import Change

# Values may be a client's own; rows beyond are one.
ROWS_MAXIMUM: Final = 2_000
OTHERS: Final = "other differences"


@dataclass(slots=True)
class _Row:
    clients: set[str] = field(default_factory=set)
    messages: int = 0
    client: str = ""
    seq: int = 0


class Alikes:
    """The rows so far."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Group, str], _Row] = {}

    def take(self, change: Change, client: str, seq: int) -> None:
        """Count a difference of a client's message."""
        for text in change.alike or (change.text,):
            key = change.group, text
            if key not in self._rows and len(self._rows) >= ROWS_MAXIMUM:
                key = change.group, OTHERS
            row = self._rows.setdefault(key, _Row())
            row.clients.add(client)
            row.messages += 1
            if not row.client or seq < row.seq:
                row.client, row.seq = client, seq

    def found(self) -> tuple[Alike, ...]:
        """The rows, the worst group first, and of each what most clients met."""
        order = {group: number for number, group in enumerate(Group)}
        rows = [
            Alike(group, text, len(row.clients), row.messages, row.client, row.seq)
            for (group, text), row in self._rows.items()
        ]
        return tuple(sorted(rows, key=lambda one: (order[one.group], -one.clients, one.seq, one.text)))
