"""The statements of dhcpd.conf and of a lease file as a tree of places in the text, and the text without some of them.

Read with the engine's own lexer, so that strings, comments and braces are what they are to the parser. What a
statement means is not asked: whether the rest can be used is for the engine to say, which is told it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ...engine.conf.reading.keywords import EOF
from ...engine.conf.reading.lexer import Lexer, Overflow

if TYPE_CHECKING:
    from collections.abc import Iterable

# What goes on with the statement whose block has just ended.
_CONTINUES: Final = frozenset({b"else", b"elsif", b";"})


@dataclass(slots=True)
class Statement:
    """Octets `start` to `end` of the text; `inner` are the statements in its blocks."""

    start: int
    end: int = 0
    inner: list[Statement] = field(default_factory=list)


def statements_of(text: bytes) -> list[Statement]:
    """The outermost statements, each with those in it; what no `;` or `}` ends is none."""
    lexer = Lexer(text, "", lambda _lexer, _text: None)
    outer: list[Statement] = []
    # For each open block: the statement that it belongs to, and where its statements are gathered.
    open_blocks: list[tuple[Statement, list[Statement]]] = []
    level, current = outer, None
    try:
        while lexer.next() != EOF:
            token, start, end = lexer.text, lexer.start, lexer.pos
            quoted = text[start : start + 1] == b'"'
            if token == b"}" and not quoted:
                if not open_blocks:
                    continue
                current, level = open_blocks.pop()
                current.end = end
                lexer.peek()
                if lexer.text.lower() not in _CONTINUES:
                    level.append(current)
                    current = None
                continue
            current = current or Statement(start)
            if token == b"{" and not quoted:
                open_blocks.append((current, level))
                level, current = current.inner, None
            elif token == b";" and not quoted:
                current.end = end
                level.append(current)
                current = None
    except Overflow:
        pass
    return outer


def levels_of(statements: list[Statement]) -> list[Statement]:
    """The statements one level down."""
    return [one for statement in statements for one in statement.inner]


def without(text: bytes, removed: Iterable[Statement]) -> bytes:
    """The text without these statements, and without the lines that are empty then."""
    pieces, at = [], 0
    for statement in sorted(removed, key=lambda one: one.start):
        if statement.start >= at:
            pieces.append(text[at : statement.start])
            at = statement.end
    pieces.append(text[at:])
    lines = b"".join(pieces).split(b"\n")
    return b"".join(line.rstrip() + b"\n" for line in lines if line.strip())
