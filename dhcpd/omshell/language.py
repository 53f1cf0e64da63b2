"""One line of the shell's language: ISC's, which is its configuration's tokens and a grammar of its own.

Each line is read as a file of its own, named `<STDIN>`, which is why all messages of the lexer speak of line 1 (or
of 2, behind the line's end). Here a line becomes words, names and values; what a command does with them, and in which
order it complains, is shell.py's.

Source: docs/behaviour/omapi.md#omshell.
"""

from __future__ import annotations

from typing import Final

from ..dhcpctl.objects import Value, text_of_octets
from ..engine.conf.reading.cursor import Cursor, atoi
from ..engine.conf.reading.keywords import EOF, HEX_TOKENS, HEXNAME, IDENTIFIERS, NAME, NUMBER, STRING
from ..trace.effects import ERROR

# ISC reads its input into a buffer of 1,024 octets, of which one is a NUL: a longer line is several.
LINE_OCTETS_MAX: Final = 1023
_OCTET_MAX: Final = 255
_QUAD_NUMBERS: Final = 4
_HEXADECIMAL: Final = 16
_WORDS: Final = IDENTIFIERS | {STRING}


class InvalidValue(Exception):
    """What stands for a value is none."""


class NoValue(Exception):
    """A value was begun, and has a mistake that was reported."""


class Line(Cursor):
    """The tokens of one line, read from the left. `said` takes the messages of the lexer."""

    def __init__(self, data: bytes) -> None:
        # Of what is behind a NUL a program in C knows nothing.
        super().__init__(data.split(b"\0", 1)[0], "<STDIN>")
        self._abandoned = False

    def said(self) -> str:
        """What there is to say of the line since the last call, an octet a character."""
        made = "".join(f"{text}\n" for _level, text in self.lines)
        self.lines.clear()
        return made

    def command(self) -> str:
        """The first token's kind; EOF for an empty line."""
        return self.lexer.next()

    def is_over(self) -> bool:
        """Whether nothing stands behind what was read; a token that does is read."""
        return self.lexer.next() == EOF

    def skip_to_semicolon(self) -> None:
        """Read what is left, through a semicolon: the lexer may have something to say of it."""
        while not self._abandoned and self.lexer.kind not in (EOF, ";"):
            self.lexer.next()

    def abandon(self) -> None:
        """Leave what is left unread."""
        self._abandoned = True

    def word(self) -> str | None:
        """A word or a string, as types and attributes are named; None for anything else, which is read too."""
        return self._decoded() if self.lexer.next() in _WORDS else None

    def name_of_key(self) -> str | None:
        """Words and numbers joined by dots; None, and nothing read, where there is none."""
        name = self.dotted_name()
        return None if name is None else name.encode("latin-1").decode("utf-8", "surrogateescape")

    def name_of_algorithm(self) -> str | None:
        """One word that is no keyword and no number; None for anything else."""
        return self._decoded() if self.lexer.next() == NAME else None

    def port(self) -> int | str | None:
        """A number, cut to 16 bits, or a service's name; None for anything else."""
        kind = self.lexer.next()
        if kind == NUMBER:
            return atoi(self.lexer.text) & 0xFFFF
        return self._decoded() if kind in IDENTIFIERS else None

    def server(self) -> str | None:
        """Four numbers with dots between, of any size, or one word without a dot; None for anything else."""
        if self.lexer.peek() != NUMBER:
            return self._decoded() if self.lexer.next() in IDENTIFIERS else None
        numbers: list[str] = []
        while len(numbers) < _QUAD_NUMBERS:
            if (numbers and self.lexer.next() != ".") or self.lexer.next() != NUMBER:
                return None
            numbers.append(self.text())
        return ".".join(numbers)

    def secret(self) -> bytes | None:
        """Base64 in one token or many; None where it is wrong, which is reported, or comes to nothing."""
        if self.lexer.peek() == EOF:  # ISC takes the line feed for the secret, and stands in the line behind it then
            self.lines += [(ERROR, "<STDIN> line 2: invalid base64 character 10."), (ERROR, ""), (ERROR, "^")]
            return None
        return self.base64_value() or None

    def value(self) -> Value:
        """A value of `set`; the token behind it is read, too, and `ended` tells of it.

        Raises InvalidValue, and NoValue where what is wrong was reported.
        """
        kind = self.lexer.next()
        if kind not in HEX_TOKENS and kind != STRING:
            raise InvalidValue
        first = self.lexer.text
        if kind == NUMBER and self.lexer.peek() == ".":
            return self._dotted(first)
        if kind == HEXNAME or (kind == NUMBER and self.lexer.kind == ":"):
            return self._hexadecimal(first)
        made: Value = text_of_octets(first) if kind == STRING else atoi(first)
        self.lexer.next()
        return made

    @property
    def ended(self) -> bool:
        """Whether the token last read is the end."""
        return self.lexer.kind == EOF

    def _decoded(self) -> str:
        return text_of_octets(self.lexer.text)

    def _dotted(self, first: bytes) -> bytes:
        """Decimal octets with dots between; one that is missing between two dots is 0."""
        octets = [self._decimal(first)]
        kind = self.lexer.next()
        while kind == ".":
            kind = self.lexer.next()
            if kind == ".":
                octets.append(0)
            elif kind == NUMBER:
                octets.append(self._decimal(self.lexer.text))
                kind = self.lexer.next()
        return bytes(octets)

    def _decimal(self, text: bytes) -> int:
        number = atoi(text)
        if number > _OCTET_MAX:
            self.warn(f"dotted octet > 255: {text.decode('latin-1')}")
            raise NoValue
        return number & _OCTET_MAX

    def _hexadecimal(self, first: bytes) -> bytes:
        """Hexadecimal octets with colons between; one that is too large is reported, and cut."""
        octets = [self.number(first, _HEXADECIMAL, 8)]
        kind = self.lexer.next()
        while kind == ":":
            if self.lexer.next() not in HEX_TOKENS:
                break
            octets.append(self.number(self.lexer.text, _HEXADECIMAL, 8))
            kind = self.lexer.next()
        return bytes(octets)
