"""A dotted quad that is read at one stroke leaves the reader where its tokens one by one would have."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpd.engine.conf.reading import lexer
from dhcpd.engine.conf.reading.cursor import Cursor

NUMBERS = ("10", "0", "255", "256", "007", "1", "1000")
PIECES = (*NUMBERS, ".", ".", ".", " ", "\n", "\t", "a", "-", ";", "{", "#x\n", "\xff", '"')
USUAL = st.tuples(*[st.integers(0, 260)] * 4).map(lambda octets: ".".join(map(str, octets)))
TEXTS = st.lists(st.sampled_from(PIECES) | USUAL, max_size=12).map("".join)


def left(text: str, *, peek: bool) -> tuple[object, ...]:
    """What reading two addresses gives, and everything that is told of the place behind each."""
    cursor = Cursor(("x " + text).encode("latin-1"), "dhcpd.conf")
    cursor.lexer.next()
    found: list[object] = []
    for _address in range(2):
        if peek:
            found.append(cursor.lexer.peek())
        found += [cursor.address(), cursor.lexer.kind, cursor.lexer.text, cursor.lexer.show(), cursor.place()]
    found += [cursor.lexer.peek(), cursor.lexer.show(), cursor.lexer.next(), cursor.lexer.show()]
    return (*found, cursor.lines)


@given(text=TEXTS, peek=st.booleans())
@settings(max_examples=1000, deadline=None)
def test_as_token_by_token(text: str, peek: bool) -> None:
    quick = left(text, peek=peek)
    usual, lexer.Lexer.quad = lexer.Lexer.quad, lambda _lexer: None  # type: ignore[method-assign]
    try:
        assert left(text, peek=peek) == quick
    finally:
        lexer.Lexer.quad = usual  # type: ignore[method-assign]
