"""Tokens in columns: where ISC's server breaks the lines of statements in its lease file.

A token that would go beyond the last column begins a line, at the indent of what it belongs to where it fits there,
else below where the line stood. After the latter, ISC takes the line for just full, wherever it ends; and some
statements begin in another column than ISC takes them to: both are kept, since they decide where later lines break.

See docs/behaviour/lease-file.md#handlers-as-written.
"""

from __future__ import annotations

from typing import Final

COLUMN_LAST: Final = 79


class Columns:
    """Text that is put together token by token. `column`: how many columns the line is taken to have."""

    __slots__ = ("_parts", "column")

    def __init__(self) -> None:
        """Nothing yet."""
        self._parts: list[str] = []
        self.column = 0

    def text(self) -> str:
        """What was put so far."""
        return "".join(self._parts)

    def begin(self, text: str, indent: int) -> None:
        """Begin a statement at its indent with words that are never broken."""
        self._parts.append(" " * indent + text)
        self.column = indent + len(text)

    def end(self, text: str) -> None:
        """End a statement, whatever stands on its line."""
        self._parts.append(text + "\n")
        self.column = 0

    def break_line(self, indent: int) -> None:
        """Go on in a new line."""
        self._parts.append("\n" + " " * indent)
        self.column = indent

    def put(self, token: str, indent: int, before: str = "", behind: str = "") -> None:
        """One token. `before` it a blank where it does not begin a line; `behind` it one where that fits."""
        width = len(before) + len(token)
        if self.column + width <= COLUMN_LAST:
            self._parts.append(before)
            self.column += len(before)
        elif indent + width < COLUMN_LAST:
            self.break_line(indent)
        else:
            self.break_line(self.column)
            self.column = max(COLUMN_LAST - width - 1, 0)
        self._parts.append(token)
        self.column += len(token)
        if behind and self.column + len(behind) > COLUMN_LAST:
            self.break_line(indent)
        else:
            self._parts.append(behind)
            self.column += len(behind)
