"""POSIX extended regular expressions, as regcomp(3) of the GNU C library reads them, for `~=` and `~~`.

The pattern is translated for the `re` module of Python, which reads another dialect (`a++`, `[[:alpha:]]`, a
backslash within brackets, a lone brace). Only "does it match somewhere" is asked, so that leftmost-longest, where
POSIX and Python differ, cannot show. A pattern that regcomp refuses is None here: it matches nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache

_CLASSES: dict[bytes, str] = {
    b"alnum": "0-9A-Za-z",
    b"alpha": "A-Za-z",
    b"blank": " \\t",
    b"cntrl": "\\x00-\\x1f\\x7f",
    b"digit": "0-9",
    b"graph": "!-~",
    b"lower": "a-z",
    b"print": " -~",
    b"punct": "!-/:-@\\[-`{-~",
    b"space": " \\t-\\r",
    b"upper": "A-Z",
    b"xdigit": "0-9A-Fa-f",
}
# What a backslash does before these; before anything else it makes that literal. `\d` is a plain d.
_ESCAPES: dict[int, str] = {
    ord("<"): r"\b(?=\w)",
    ord(">"): r"\b(?<=\w)",
    ord("b"): r"\b",
    ord("B"): r"\B",
    ord("w"): r"\w",
    ord("W"): r"\W",
    ord("s"): r"\s",
    ord("S"): r"\S",
    ord("`"): r"\A",
    ord("'"): r"\Z",
}
_REPEAT_MAX = 0x7FFF
_INTERVAL = re.compile(rb"\{([0-9]*)(,?)([0-9]*)\}")


class _BadPatternError(Exception):
    """regcomp would refuse the pattern."""


class _Translator:
    """One pattern, read once from left to right."""

    def __init__(self, pattern: bytes) -> None:
        self.pattern = pattern
        self.at = 0
        self.groups = 0
        self.closed: set[int] = set()

    def translate(self) -> str:
        return self._alternatives(0)

    def _alternatives(self, depth: int) -> str:
        branches = [self._branch(depth)]
        while self.at < len(self.pattern) and self.pattern[self.at] == ord("|"):
            self.at += 1
            branches.append(self._branch(depth))
        return "|".join(branches)

    def _branch(self, depth: int) -> str:
        """Pieces up to `|`, the closing parenthesis of a group, or the end."""
        made: list[str] = []
        repeatable = False
        while self.at < len(self.pattern):
            here = self.pattern[self.at]
            if here == ord("|") or (here == ord(")") and depth):
                break
            if here in b"*+?{":
                if not repeatable:
                    raise _BadPatternError
                made[-1] = f"(?:{made[-1]}){self._repetition()}"
                continue
            made.append(self._atom(depth))
            repeatable = here != ord("^")
        return "".join(made)

    def _repetition(self) -> str:
        here = self.pattern[self.at]
        if here != ord("{"):
            self.at += 1
            return chr(here)
        found = _INTERVAL.match(self.pattern, self.at)
        if found is None:
            raise _BadPatternError
        low, comma, high = found.groups()
        if not (low or comma) or (high and not comma):
            raise _BadPatternError
        least, most = int(low or b"0"), int(high or low or b"0")
        if least > _REPEAT_MAX or most > _REPEAT_MAX or (high and most < least):
            raise _BadPatternError
        self.at = found.end()
        return f"{{{least}{comma.decode()}{high.decode()}}}"

    def _atom(self, depth: int) -> str:
        here = self.pattern[self.at]
        self.at += 1
        if here == ord("("):
            return self._group(depth)
        if here == ord("["):
            return self._bracket()
        if here == ord("\\"):
            return self._escape()
        return {ord("."): ".", ord("^"): r"\A", ord("$"): r"\Z"}.get(here) or f"\\x{here:02x}"

    def _group(self, depth: int) -> str:
        self.groups += 1
        number = self.groups
        body = self._alternatives(depth + 1)
        if self.at >= len(self.pattern):
            raise _BadPatternError
        self.at += 1
        self.closed.add(number)
        return f"({body})"

    def _escape(self) -> str:
        if self.at >= len(self.pattern):
            raise _BadPatternError
        here = self.pattern[self.at]
        self.at += 1
        if ord("1") <= here <= ord("9"):
            if here - ord("0") not in self.closed:
                raise _BadPatternError
            return f"(?:\\{here - ord('0')})"
        return _ESCAPES.get(here) or f"\\x{here:02x}"

    def _bracket(self) -> str:
        """`[...]`: a `]` in first place and every backslash are literal."""
        negated = self.pattern[self.at : self.at + 1] == b"^"
        self.at += negated
        made: list[str] = []
        first = True
        while first or self.pattern[self.at : self.at + 1] != b"]":
            first = False
            made.append(self._bracket_item())
        self.at += 1
        return f"[{'^' if negated else ''}{''.join(made)}]"

    def _bracket_item(self) -> str:
        if self.pattern.startswith(b"[:", self.at):
            name = self._named(b":]")
            if name not in _CLASSES:
                raise _BadPatternError
            return _CLASSES[name]
        low = self._bracket_end()
        following = self.pattern[self.at : self.at + 2]
        if following[:1] != b"-" or following == b"-]":
            return f"\\x{low:02x}"
        self.at += 1
        high = self._bracket_end()
        if high < low:
            raise _BadPatternError
        return f"\\x{low:02x}-\\x{high:02x}"

    def _bracket_end(self) -> int:
        """One octet, plain or as `[.x.]` or `[=x=]`."""
        for opening, closing in ((b"[.", b".]"), (b"[=", b"=]")):
            if self.pattern.startswith(opening, self.at):
                name = self._named(closing)
                if len(name) != 1:
                    raise _BadPatternError
                return name[0]
        if self.at >= len(self.pattern):
            raise _BadPatternError
        self.at += 1
        return self.pattern[self.at - 1]

    def _named(self, closing: bytes) -> bytes:
        end = self.pattern.find(closing, self.at + 2)
        if end < 0:
            raise _BadPatternError
        name = self.pattern[self.at + 2 : end]
        self.at = end + 2
        return name


@lru_cache(maxsize=256)
def compiled(pattern: bytes, ignore_case: bool) -> re.Pattern[bytes] | None:
    """The pattern, ready to search with; None where regcomp would refuse it. It ends at its first NUL."""
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    try:
        return re.compile(_Translator(pattern.split(b"\0", 1)[0]).translate().encode("ascii"), flags)
    except (_BadPatternError, re.error, OverflowError, RecursionError):
        return None


def matches(pattern: bytes, text: bytes, *, ignore_case: bool) -> bool:
    """Whether `pattern` is found in `text`, both as C strings; a bad pattern is found nowhere (conf-language 4.4)."""
    found = compiled(pattern, ignore_case)
    return found is not None and found.search(text.split(b"\0", 1)[0]) is not None
