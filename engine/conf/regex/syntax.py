r"""POSIX extended regular expressions, as regcomp(3) of the GNU C library reads them, taken apart into a tree.

What it refuses raises BadPattern: an interval that is none, a repetition of nothing, an open bracket or group. Its
extensions are read too (`\<`, `\w`, `\1`, a backquote); `\d` is a plain d, a backslash within brackets a plain
backslash. Nothing is matched here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

_ALL: Final = (1 << 256) - 1
# RE_DUP_MAX of the GNU C library.
_REPEAT_MAX: Final = 0x7FFF
# Groups in groups: the reader goes down with each.
_DEPTH_MAX: Final = 200
_INTERVAL: Final = re.compile(rb"\{([0-9]*)(,?)([0-9]*)\}")


class BadPattern(ValueError):
    """regcomp would refuse the pattern, or it is beyond our limits; it then matches nothing."""


class Octets(NamedTuple):
    """One octet out of a set: bit N of `mask` stands for octet N."""

    mask: int


class Assertion(NamedTuple):
    """A place: `begin`, `end`, `word begin`, `word end`, `word edge`, `no word edge`."""

    what: str


class Sequence(NamedTuple):
    """All parts, one behind the other."""

    parts: tuple[Node, ...]


class Choice(NamedTuple):
    """One of the branches."""

    branches: tuple[Node, ...]


class Repeat(NamedTuple):
    """`least` to `most` times (None: any number)."""

    body: Node
    least: int
    most: int | None


class Group(NamedTuple):
    """A group in parentheses, by its number from 1."""

    number: int
    body: Node


class Again(NamedTuple):
    """What the group of this number matched, once more."""

    number: int


Node: TypeAlias = "Octets | Assertion | Sequence | Choice | Repeat | Group | Again"


def mask_of(octets: bytes) -> int:
    """The set of these octets."""
    mask = 0
    for octet in octets:
        mask |= 1 << octet
    return mask


def _between(low: int, high: int) -> int:
    return (1 << high + 1) - (1 << low)


_DIGIT: Final = mask_of(b"0123456789")
_UPPER: Final = _between(0x41, 0x5A)
_LOWER: Final = _between(0x61, 0x7A)
_PRINT: Final = _between(0x20, 0x7E)
_ALNUM: Final = _DIGIT | _UPPER | _LOWER
_SPACE: Final = mask_of(b" \t\n\v\f\r")
WORD: Final = _ALNUM | mask_of(b"_")
_CLASSES: Final[dict[bytes, int]] = {
    b"alnum": _ALNUM,
    b"alpha": _UPPER | _LOWER,
    b"blank": mask_of(b" \t"),
    b"cntrl": _between(0, 0x1F) | 1 << 0x7F,
    b"digit": _DIGIT,
    b"graph": _PRINT & ~mask_of(b" "),
    b"lower": _LOWER,
    b"print": _PRINT,
    b"punct": _PRINT & ~_ALNUM & ~mask_of(b" "),
    b"space": _SPACE,
    b"upper": _UPPER,
    b"xdigit": _DIGIT | mask_of(b"abcdefABCDEF"),
}
# What a backslash does before these; before anything else it makes that literal.
_ESCAPES: Final[dict[int, Node]] = {
    ord("<"): Assertion("word begin"),
    ord(">"): Assertion("word end"),
    ord("b"): Assertion("word edge"),
    ord("B"): Assertion("no word edge"),
    ord("w"): Octets(WORD),
    ord("W"): Octets(_ALL & ~WORD),
    ord("s"): Octets(_SPACE),
    ord("S"): Octets(_ALL & ~_SPACE),
    ord("`"): Assertion("begin"),
    ord("'"): Assertion("end"),
}
_PLAIN: Final[dict[int, Node]] = {
    ord("."): Octets(_ALL),
    ord("^"): Assertion("begin"),
    ord("$"): Assertion("end"),
}


def parse(pattern: bytes, *, ignore_case: bool) -> tuple[Node, bool]:
    """The tree of a pattern, and whether it refers back to a group. Raises BadPattern."""
    parser = _Parser(pattern, _in_either_case if ignore_case else lambda mask: mask)
    return parser.alternatives(0), parser.refers_back


def _in_either_case(mask: int) -> int:
    return mask | (mask & _UPPER) << 0x20 | (mask & _LOWER) >> 0x20


class _Parser:
    """One pattern, read once from left to right; `fold` gives a set what else it stands for."""

    def __init__(self, pattern: bytes, fold: Callable[[int], int]) -> None:
        self.pattern = pattern
        self.fold = fold
        self.at = 0
        self.groups = 0
        self.closed: set[int] = set()
        self.refers_back = False

    def alternatives(self, depth: int) -> Node:
        """Branches up to the end of a group, or of the pattern."""
        branches = [self._branch(depth)]
        while self._here(b"|"):
            self.at += 1
            branches.append(self._branch(depth))
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def _here(self, octet: bytes) -> bool:
        return self.pattern[self.at : self.at + 1] == octet

    def _branch(self, depth: int) -> Node:
        """Pieces up to `|`, the closing parenthesis of a group, or the end."""
        made: list[Node] = []
        repeatable = False
        while self.at < len(self.pattern):
            here = self.pattern[self.at]
            if here == ord("|") or (here == ord(")") and depth):
                break
            if here in b"*+?{":
                if not repeatable:
                    raise BadPattern("a repetition of nothing")
                made[-1] = Repeat(made[-1], *self._times())
                continue
            made.append(self._atom(depth))
            repeatable = here != ord("^")
        return made[0] if len(made) == 1 else Sequence(tuple(made))

    def _times(self) -> tuple[int, int | None]:
        here = self.pattern[self.at]
        if here != ord("{"):
            self.at += 1
            return {ord("*"): (0, None), ord("+"): (1, None), ord("?"): (0, 1)}[here]
        found = _INTERVAL.match(self.pattern, self.at)
        if found is None:
            raise BadPattern("a brace without an interval")
        low, comma, high = found.groups()
        least, most = int(low or b"0"), int(high or low or b"0")
        if not (low or comma) or (high and not comma) or max(least, most) > _REPEAT_MAX or (high and most < least):
            raise BadPattern("an interval that is none")
        self.at = found.end()
        return least, None if comma and not high else most

    def _atom(self, depth: int) -> Node:
        here = self.pattern[self.at]
        self.at += 1
        if here == ord("("):
            return self._group(depth)
        if here == ord("["):
            return self._bracket()
        if here == ord("\\"):
            return self._escape()
        return _PLAIN.get(here) or Octets(self.fold(1 << here))

    def _group(self, depth: int) -> Node:
        if depth >= _DEPTH_MAX:
            raise BadPattern(f"groups nest deeper than {_DEPTH_MAX}")
        self.groups += 1
        number = self.groups
        body = self.alternatives(depth + 1)
        if self.at >= len(self.pattern):
            raise BadPattern("an open group")
        self.at += 1
        self.closed.add(number)
        return Group(number, body)

    def _escape(self) -> Node:
        if self.at >= len(self.pattern):
            raise BadPattern("a backslash at the end")
        here = self.pattern[self.at]
        self.at += 1
        if ord("1") <= here <= ord("9"):
            if here - ord("0") not in self.closed:
                raise BadPattern("no such group")
            self.refers_back = True
            return Again(here - ord("0"))
        return _ESCAPES.get(here) or Octets(self.fold(1 << here))

    def _bracket(self) -> Node:
        """`[...]`: a `]` in first place and every backslash are literal."""
        negated = self._here(b"^")
        self.at += negated
        mask = 0
        first = True
        while first or not self._here(b"]"):
            first = False
            mask |= self._bracket_item()
        self.at += 1
        mask = self.fold(mask)
        return Octets(_ALL & ~mask if negated else mask)

    def _bracket_item(self) -> int:
        if self.pattern.startswith(b"[:", self.at):
            name = self._named(b":]")
            if name not in _CLASSES:
                raise BadPattern("no such class of characters")
            return _CLASSES[name]
        low = self._bracket_end()
        following = self.pattern[self.at : self.at + 2]
        if following[:1] != b"-" or following == b"-]":
            return 1 << low
        self.at += 1
        high = self._bracket_end()
        if high < low:
            raise BadPattern("a range that ends before it begins")
        return _between(low, high)

    def _bracket_end(self) -> int:
        """One octet, plain or as `[.x.]` or `[=x=]`."""
        for opening, closing in ((b"[.", b".]"), (b"[=", b"=]")):
            if self.pattern.startswith(opening, self.at):
                name = self._named(closing)
                if len(name) != 1:
                    raise BadPattern("no such character")
                return name[0]
        if self.at >= len(self.pattern):
            raise BadPattern("an open bracket")
        self.at += 1
        return self.pattern[self.at - 1]

    def _named(self, closing: bytes) -> bytes:
        end = self.pattern.find(closing, self.at + 2)
        if end < 0:
            raise BadPattern("an open bracket")
        name = self.pattern[self.at + 2 : end]
        self.at = end + 2
        return name
