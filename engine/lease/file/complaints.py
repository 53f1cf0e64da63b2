"""What is said about a lease file that cannot be read as it stands: ISC's three lines, with file and line number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR

if TYPE_CHECKING:
    from collections.abc import Callable

# ISC's buffer for the line that a message shows.
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
    """Logs complaints about one file, of which the piece `data` is at hand.

    Lines are counted on from the last one asked for: questions come in the file's order, or nearly so.
    """

    __slots__ = ("_counted", "_data", "_first_line", "_line", "_log", "name")

    def __init__(self, name: str, log: Callable[[int, str], None]) -> None:
        """Nothing is at hand yet."""
        self.name = name
        self._log = log
        self._data = b""
        self._first_line = 1
        self._counted, self._line = 0, 1

    @property
    def data(self) -> bytes:
        """The piece at hand."""
        return self._data

    def go_on(self, used: int, data: bytes) -> None:
        """The first `used` octets of the piece are done with; `data` is the next one, which begins behind them."""
        self._first_line = self.line_of(used)
        self._counted, self._line = 0, self._first_line
        self._data = data

    def line_of(self, offset: int) -> int:
        """The number of the line that an offset lies in."""
        if offset < self._counted:
            self._counted, self._line = 0, self._first_line
        self._line += self._data.count(b"\n", self._counted, offset)
        self._counted = offset
        return self._line

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
