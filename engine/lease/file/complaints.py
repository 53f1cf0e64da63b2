"""What is said about a lease file that cannot be read as it stands: ISC's three lines, with file and line number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR

if TYPE_CHECKING:
    from collections.abc import Callable

_ECHO_CHARACTERS: Final = 80
CORRUPT: Final = "Corrupt lease file - possible data loss!"
POSSIBLY_CORRUPT: Final = "possibly corrupt lease file"


class StatementError(Exception):
    """A statement that is refused: `text` is ISC's message, `at` the offset behind the token."""

    def __init__(self, text: str, at: int) -> None:
        super().__init__(text)
        self.text = text
        self.at = at


class Complaints:
    """Logs complaints about one file, of which the piece `data` is at hand; `first_line` numbers its first line."""

    __slots__ = ("_log", "data", "first_line", "name")

    def __init__(self, name: str, log: Callable[[int, str], None]) -> None:
        """Nothing is at hand yet."""
        self.name = name
        self._log = log
        self.data = b""
        self.first_line = 1

    def line_of(self, offset: int) -> int:
        """The number of the line that an offset lies in."""
        return self.first_line + self.data.count(b"\n", 0, offset)

    def warn(self, text: str, at: int) -> None:
        """A message about what ends at offset `at`, with the line as far as it was read, and a caret."""
        begin = self.data.rfind(b"\n", 0, at) + 1
        end = self.data.find(b"\n", at)
        end = at + 1 if end < 0 or end > at else at
        shown = self.data[begin:end].decode("latin-1")[:_ECHO_CHARACTERS]
        blanks = "".join(["\t" if one == "\t" else " " for one in shown[: at - begin]])
        self._log(ERROR, f"{self.name} line {self.line_of(max(at - 1, 0))}: {text}")
        self._log(ERROR, shown)
        self._log(ERROR, f"{blanks if at - begin < _ECHO_CHARACTERS else ''}^")

    def say(self, text: str) -> None:
        """A line of its own."""
        self._log(ERROR, text)

    def pass_on(self, lines: list[tuple[int, str]]) -> None:
        """Lines that are complete."""
        for level, text in lines:
            self._log(level, text)
