"""Bytes of dhcpd.conf, or of a lease file, to tokens; and where a message about them points.

ISC's messages show a line number, the source line as far as it was read, and a caret, by rules that follow from how its
reader pushes bytes back. All of it can be told from four offsets: how far the file has been read (`high`), where
the counters stood before the current token (`_mark`), and where the line to show was chosen (`_shown`). So reading
keeps offsets only, and lines and columns are counted when a message needs them.

The lexer knows tokens; it knows no grammar. It never reads a file, and nothing that it reads makes it fail other than
by `Overflow`.

See docs/behaviour/configuration.md#lexical-rules, docs/behaviour/configuration.md#position-and-form-of-messages.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from .keywords import BYTES_TO_KEYWORD, EOF, HEXNAME, NAME, NUMBER, STRING

if TYPE_CHECKING:
    from collections.abc import Callable

# ISC's buffers: 1500 octets of a token with its NUL, and 80 columns of the line that a message shows.
TOKEN_MAX_BYTES: Final = 1499
LINE_MAX_BYTES: Final = 80

_TOKEN: Final = re.compile(
    rb"""[ \t\n\r\v\f]*+(?:
      ([A-Za-z][A-Za-z0-9_-]*)    # 1 word
    | ([0-9-][A-Za-z0-9_-]*)      # 2 number, or a name that begins like one
    | "([^"\\]*)"                 # 3 string without escapes
    | (.)                         # 4 any other byte, '#' and '"' among them
    )""",
    re.VERBOSE | re.DOTALL,
)
_QUAD: Final = re.compile(rb"[ \t\n]{0,80}+" + rb"\.".join([rb"([0-9]{1,3})"] * 4) + rb"(?![A-Za-z0-9_-])")
_OCTET_MAX: Final = 255
_COMMENT: Final = re.compile(rb"#[^\n]*\n?")
_BLANKS: Final = re.compile(rb"[ \t\n\r\v\f]*")
# Whether a word may be a hex number ISC tells from what is behind its first letter, so that `zfe` may.
_HEX_TAIL: Final = re.compile(rb"[A-Za-z][0-9A-Fa-f]*")
_HEX_NUMBER: Final = re.compile(rb"0[xX][0-9A-Fa-f]+|-?[0-9]*[0-9A-Fa-f]*")
_DIGITS: Final = re.compile(rb"-?[0-9]*")
# `\t`, `\r`, `\n` and `\b`; any other character behind a backslash stands for itself.
_ESCAPES: Final = {0x74: 9, 0x72: 13, 0x6E: 10, 0x62: 8}
_PUNCTUATION: Final = tuple(chr(octet) for octet in range(256))
_HASH, _QUOTE, _BACKSLASH, _TAB = 0x23, 0x22, 0x5C, 0x09
_LETTER_X, _ZERO, _THREE, _SEVEN = 0x78, 0x30, 0x33, 0x37
# A configuration may hold any number of words, of which no more than this are remembered.
_SPELLINGS_MAX: Final = 100_000
# White space is read into the buffer for tokens, too: a longer run of it ends ISC's reading for good.
_MAXIMAL_RUN: Final = 1499
_OCTAL_DIGITS: Final = 3
_WORD, _NUMBER, _STRING = 1, 2, 3
_NUL: Final = "\0"


class Overflow(Exception):
    """White space beyond the limit: reading ends at once (docs/behaviour/configuration.md#limits)."""


class Lexer:
    """Reads one file. `kind` and `text` are those of the token last peeked at or consumed.

    `pos` is the offset behind that token, `start` where it began. An octet 255 is what ISC's reader gets at the end of
    a file, too: it ends a token or is one (EOF), is not shown, and reading goes on behind it. `data` is without them.
    """

    __slots__ = (
        "_ahead_mark", "_end", "_ends", "_lines", "_mark", "_peeked", "_shown", "_shown_before", "_warn",
        "data", "high", "kind", "name", "pos", "start", "text", "words",
    )  # fmt: skip

    def __init__(self, data: bytes, name: str, warn: Callable[[Lexer, str], None], start: int = 0) -> None:
        """Reads `data` from offset `start`; `warn` gets this reader, whose `show` tells the place, and a message."""
        self._ends: list[int] = []  # where octets 255 were, the first one last; behind them the end of the file
        if b"\xff" in data:
            start -= data.count(b"\xff", 0, start)
            data = self._without_ends(data, start)
        self.data = data
        self._end = self._ends.pop() if self._ends else len(data)
        self.name = name
        self.pos = self.start = self.high = start
        self.kind = EOF
        self.text = b""
        self._mark = -1
        self._ahead_mark = -1
        self._peeked = False
        self._shown = start
        self._shown_before = False
        self._warn = warn
        self._lines: list[int] | None = None
        # Keywords by their spelling: every spelling met is remembered, so that a word is folded once.
        self.words = dict(BYTES_TO_KEYWORD)

    def _without_ends(self, data: bytes, start: int) -> bytes:
        pieces = data.split(b"\xff")
        offsets = [*accumulate(len(piece) for piece in pieces)]
        self._ends = [offset for offset in reversed(offsets) if offset >= start]
        return b"".join(pieces)

    def _pass_end(self) -> None:
        """An octet 255 is read."""
        if self._ends:
            self._end = self._ends.pop()

    def next(self) -> str:
        """Consume a token; its kind."""
        if self._peeked:
            self._peeked = False
            ahead = self._ahead_mark
            if ahead != self._mark and self._crosses(self._mark, ahead):
                self._shown, self._shown_before = self.high, False
            self._mark = ahead
            return self.kind
        mark = self._scan(self._mark)
        self._mark = mark
        self._shown, self._shown_before = self.high, False
        return self.kind

    def peek(self) -> str:
        """The kind of the next token, which stays."""
        if not self._peeked:
            self._ahead_mark = mark = self._scan(self._mark)
            if mark != self._mark and self._crosses(self._mark, mark):
                self._shown, self._shown_before = self.high, True
            # ISC's reader keeps the number of a token that it has peeked at: NUL is none, and so forgotten.
            self._peeked = self.kind != _NUL
        return self.kind

    def _crosses(self, before: int, after: int) -> bool:
        """Whether two different marks stand in different lines; before the first token the line is 0."""
        return before < 0 or self.data.find(b"\n", before, after) >= 0

    def take(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Consume at one stroke what `pattern` finds here: tokens of one line, the last of them a `;`, its last group.

        The position is then what reading token by token would have left. None where the pattern does not fit, or a
        token has been peeked at.
        """
        found = None if self._peeked else pattern.match(self.data, self.pos, self._end)
        if found is not None:
            self.pos = self.high = self._shown = end = found.end()
            self.start = end - 1
            self._mark = end  # what stands before the semicolon is a number: the semicolon had been pushed back
            self._shown_before = False
            self.kind, self.text = ";", b";"
        return found

    def quad(self) -> int | None:
        """Consume at one stroke a dotted quad in the usual spelling; None, and nothing read, for any other.

        As `take` does. Its first number may have been peeked at. The last octet is then the token last read.
        """
        if not self._peeked:
            found = _QUAD.match(self.data, self.pos, self._end)
        elif self.kind == NUMBER:
            found = _QUAD.match(self.data, self.start, self._end)
        else:
            return None
        # The octet behind the last number has been looked at, so it must not be the end.
        if found is None or found.end() >= self._end:
            return None
        octets = [int(octet) for octet in found.groups()]
        if max(octets) > _OCTET_MAX:
            return None
        self.pos = end = found.end()
        self.start = self._mark = found.start(4)
        self.high = self._shown = end + 1
        self._peeked = self._shown_before = False
        self.kind, self.text = NUMBER, found[4]
        return octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3]

    def _scan(self, mark: int) -> int:
        """Read the next token into kind, text, start and pos; the offset of the counters before it."""
        data = self.data
        begin = self.pos
        found = _TOKEN.match(data, begin, self._end)
        if found is None:
            return self._end_of_file(begin, mark)
        group = found.lastindex or 0
        start = found.start(group)
        if group == _WORD:
            self.text = text = found[1]
            kind = self.words.get(text)
            self.kind = kind if kind is not None else self._word(text)
            self.pos = end = found.end()
            stop = end + 1
        elif group == _NUMBER:
            self.text = text = found[2]
            self.kind = NUMBER if text.isdigit() else _number_kind(text)
            self.pos = end = found.end()
            stop = end + 1
        elif group == _STRING:
            start -= 1
            self.text, self.kind = found[3], STRING
            self.pos = end = stop = found.end()
        else:
            octet = data[start]
            if octet == _HASH:
                return self._after_comment(begin, start, mark)
            if octet == _QUOTE:
                return self._string(start, self._place(begin, start))
            self.text, self.kind = found[4], _PUNCTUATION[octet]
            self.pos = end = stop = start + 1
        if start - begin > _MAXIMAL_RUN or end - start > _MAXIMAL_RUN:
            place = self._place(begin, start)
            self._limit(begin, start, place)
            stop = min(stop, self.pos + 1)
        else:
            high = self.high
            place = start + 1 if start > begin else max(high, start)
        self.start = start
        if stop > self._end:
            stop = self.pos
            self._pass_end()
        self.high = max(self.high, stop)
        return place

    def _place(self, begin: int, start: int) -> int:
        """Where the counters stand before the token at `start`, which white space from `begin` precedes."""
        return start + 1 if start > begin else max(self.high, start)

    def _word(self, text: bytes) -> str:
        kind = BYTES_TO_KEYWORD.get(text.lower())
        if kind is None:
            kind = HEXNAME if _HEX_TAIL.fullmatch(text) else NAME
        if len(self.words) < _SPELLINGS_MAX:
            self.words[text] = kind
        return kind

    def _limit(self, begin: int, start: int, place: int) -> None:
        """White space or a token beyond the limits."""
        if start - begin > _MAXIMAL_RUN:
            self.high = begin + _MAXIMAL_RUN + 1
            self._warn(self, "whitespace too long, buffer overflow.")
            raise Overflow
        if len(self.text) <= TOKEN_MAX_BYTES:
            return
        kind = self.kind
        size = TOKEN_MAX_BYTES
        if kind == STRING:
            self.pos = start + 1 + size
            text = "string constant larger than internal buffer"
        else:
            self.pos = start + size
            text = f"{'numeric ' if kind == NUMBER else ''}token larger than internal buffer"
        self.text = self.text[:size]
        self._complain(text, place, self.pos)

    def _complain(self, text: str, place: int, high: int) -> None:
        """A message from within a token: the token's place counts already, the line to show is still the old one."""
        saved = self._mark
        self._mark, self.high = place, max(self.high, high)
        self._warn(self, text)
        self._mark = saved

    def _end_of_file(self, begin: int, mark: int) -> int:
        end = self._end
        if end - begin > _MAXIMAL_RUN:
            self._limit(begin, end, mark)
        self.kind = EOF
        self.pos = self.start = end
        self.high = max(self.high, end)
        self._pass_end()
        return mark

    def _after_comment(self, begin: int, start: int, mark: int) -> int:
        """Skip white space and comments, however many, up to the next token."""
        data = self.data
        while True:
            if start - begin > _MAXIMAL_RUN:
                self._limit(begin, start, mark)
            end = start
            while found := _COMMENT.match(data, end, self._end):
                end = found.end()
                if end == self._end and not found[0].endswith(b"\n"):
                    self._pass_end()
            self.pos = begin = end
            self.high = max(self.high, end)
            blanks = _BLANKS.match(data, begin, self._end)
            start = begin if blanks is None else blanks.end()
            if start >= self._end or data[start] != _HASH:
                return self._scan(mark)

    def _string(self, start: int, place: int) -> int:
        """A string with escapes, or without its end (docs/behaviour/configuration.md#string-escapes)."""
        self.start = start
        made = bytearray()
        self.pos = start + 1
        data = self.data
        while True:
            if self.pos >= self._end:
                self._complain("eof in string constant", place, self.pos)
                self._pass_end()
                break
            octet = data[self.pos]
            self.pos += 1
            if octet == _QUOTE:
                break
            if octet == _BACKSLASH:
                octet = self._escape(place)
            if octet >= 0:
                made.append(octet)
            if len(made) > TOKEN_MAX_BYTES:
                del made[TOKEN_MAX_BYTES:]
                self._complain("string constant larger than internal buffer", place, self.pos)
                break
        self.kind, self.text = STRING, bytes(made)
        self.high = max(self.high, self.pos)
        return place

    def _take(self) -> int:
        """The next byte of a string, -1 at the end of the file."""
        if self.pos >= self._end:
            return -1
        self.pos += 1
        return self.data[self.pos - 1]

    def _escape(self, place: int) -> int:
        """The byte that an escape stands for, -1 for none; the backslash is read."""
        octet = self._take()
        if octet == _LETTER_X:
            return self._hex_escape(place)
        if _ZERO <= octet <= _THREE:
            return self._octal_escape(octet - _ZERO, place)
        return _ESCAPES.get(octet, octet)

    def _hex_escape(self, place: int) -> int:
        value = 0
        for _digit in range(2):
            octet = self._take()
            if octet < 0:
                return -1
            digit = _PUNCTUATION[octet]
            if digit not in "0123456789abcdefABCDEF":
                self._complain(f"invalid hex digit: {octet:x}", place, self.pos)
                return -1
            value = value * 16 + int(digit, 16)
        return value

    def _octal_escape(self, value: int, place: int) -> int:
        """Three digits; another byte while the value is 0 takes the place of a backslash's follower."""
        digits = 1
        while digits < _OCTAL_DIGITS:
            octet = self._take()
            if octet < 0:
                return -1
            if _ZERO <= octet <= _SEVEN:
                value = value * 8 + octet - _ZERO
                digits += 1
            elif value == 0:
                return self._escape(place)
            else:
                self._complain(f"invalid octal digit {octet:x}", place, self.pos)
        return value

    def _line_starts(self) -> list[int]:
        """Offsets of the line feeds."""
        if self._lines is None:
            self._lines = [found.start() for found in re.finditer(rb"\n", self.data)]
        return self._lines

    def line_of(self, offset: int) -> int:
        """The line, from 1, in which the counters stand once everything before `offset` is read."""
        return bisect_left(self._line_starts(), offset) + 1

    def _line_begin(self, line: int) -> int:
        return self._line_starts()[line - 2] + 1 if line > 1 else 0

    def place(self) -> tuple[int, int]:
        """Line and column of the token last scanned, both from 1, as a person counts."""
        feeds = self._lines or self._line_starts()
        start = self.start
        line = bisect_left(feeds, start)
        return line + 1, start - feeds[line - 1] if line else start + 1

    def show(self) -> tuple[int, str, str]:
        """Of a message now: the line number, the line as far as it was read, the line with the caret."""
        read = self.line_of(self.high)
        chosen = self.line_of(self._shown) - self._shown_before
        # Two buffers take turns: the one chosen holds the line being read, or the one before it.
        line = read if (read - chosen) % 2 == 0 else read - 1
        begin = self._line_begin(line) if line > 0 else 0
        end = 0 if line < 1 else self.high if line == read else self._line_begin(read) - 1
        # As a string of C: it ends at a NUL, if there is one.
        shown = self.data[begin:end][:LINE_MAX_BYTES].split(b"\0", 1)[0]
        if self._mark < 0:
            return 0, shown.decode("latin-1"), _caret(shown, len(shown) + 1)
        number = self.line_of(self._mark)
        column = self._mark - self._line_begin(number) + 1
        # A place beyond the buffer is shown at its begin.
        return number, shown.decode("latin-1"), _caret(shown, column if column <= LINE_MAX_BYTES else 1)


def _number_kind(text: bytes) -> str:
    """The kind of a token that begins with a digit or a minus sign, and is not all digits."""
    if _DIGITS.fullmatch(text):
        return NUMBER
    return HEXNAME if _HEX_NUMBER.fullmatch(text) else NAME


def _caret(shown: bytes, column: int) -> str:
    """Blanks up to the column, tabs widened, and the caret."""
    made: list[str] = []
    width = 0
    for octet in shown[: column - 1]:
        step = 8 - width % 8 if octet == _TAB else 1
        made.append(" " * step)
        width += step
    return "".join(made) + "^"
