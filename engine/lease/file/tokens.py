"""The lease file cut into items, and items into statements and tokens.

ISC reads one token after another and, once lost, eats the following records. Here the bounds of an item are found
first: an item ends at its `;` or closing brace, or, when it was cut short, where the next lease's record begins. So a
half record, a wild brace or an open quotation mark costs nothing behind it. No meaning is given to anything.

See docs/behaviour/lease-file.md#lexical-rules, docs/behaviour/lease-file.md#top-level,
docs/behaviour/lease-file.md#error-recovery.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = 1
NUMBER: Final = 2
STRING: Final = 3
SIGN: Final = 4

# Where a record surely begins, also in the middle of a word or of a string that was cut short.
RECORD_START: Final = re.compile(rb"lease \d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3} \{\n")
_LINE_START: Final = re.compile(
    rb"\n(?:(?:host|group|class|subclass|failover peer|ia-[a-z]+) [^\n;]*\{|(?:server-duid|authoring-byte-order) )"
)
_SPACE: Final = re.compile(rb"(?:[ \t\r\n\f\v]+|#[^\n]*)*")
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[A-Za-z0-9_-]+|.', re.DOTALL)
_NUMBER: Final = re.compile(rb"-?\d+")
_ESCAPE: Final = re.compile(rb"\\([0-3][0-7][0-7]|x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_ESCAPES: Final = {b"t": b"\t", b"r": b"\r", b"n": b"\n", b"b": b"\b"}
_OCTAL_DIGITS: Final = 3


class Token(NamedTuple):
    """`text` as written, but a string's content; `start` and `end` are offsets."""

    kind: int
    text: bytes
    start: int
    end: int

    @property
    def word(self) -> str:
        """A keyword, in lower case."""
        return self.text.decode("latin-1").lower() if self.kind == NAME else ""


class Item(NamedTuple):
    """A top-level item, or a statement of one. `whole` is false where it was cut short, `open` at the end of the data.

    `tokens` are those in front of the block; `block` the offsets between the braces, None without.
    """

    start: int
    end: int
    tokens: tuple[Token, ...]
    block: tuple[int, int] | None
    whole: bool
    open: bool


def unescape(text: bytes) -> bytes:
    r"""The content of a string: `\ooo`, `\xHH`, `\t` and their like; any other escaped octet is itself."""
    return _ESCAPE.sub(_unescaped, text) if b"\\" in text else text


def _unescaped(match: re.Match[bytes]) -> bytes:
    found: bytes = match[1]
    if len(found) == _OCTAL_DIGITS:
        return bytes((int(found[1:], 16) if found[:1] == b"x" else int(found, 8),))
    return _ESCAPES.get(found, found)


def skip_space(data: bytes, at: int) -> int:
    """Behind white space and comments."""
    match = _SPACE.match(data, at)
    assert match is not None
    return match.end()


def open_comment(data: bytes, at: int) -> int:
    """Where a comment begins, behind `at`, that the end of the data cuts; else the length of the data."""
    found = data.find(b"#", data.rfind(b"\n", at) + 1 or at)
    return len(data) if found < 0 else found


def tokens(data: bytes, at: int, end: int, first: int) -> Iterator[Token | None]:
    """Tokens of data[at:end]; None, and no more, where another record begins behind `first` or a string stays open."""
    while True:
        at = skip_space(data, at)
        if at >= end:
            return
        match = _TOKEN.match(data, at, end)
        assert match is not None
        text = match[0]
        if text[:1] == b'"' or (at > first and b"lease" in text):
            start = RECORD_START.search(data, at, min(match.end() + 32, end))
            if (start is not None and first < start.start() < match.end()) or text == b'"':
                yield None
                return
        yield _token(text, at, match.end())
        at = match.end()


def _token(text: bytes, start: int, end: int) -> Token:
    if text[:1] == b'"':
        return Token(STRING, unescape(text[1:-1]), start, end)
    if _NUMBER.fullmatch(text):
        return Token(NUMBER, text, start, end)
    if len(text) > 1 or text.isalnum():
        return Token(NAME, text, start, end)
    return Token(SIGN, text, start, end)


def read_item(data: bytes, at: int, end: int, *, top: bool) -> Item:
    """The item or statement that begins at `at`; `top`: of the file, so that its end is looked for with suspicion."""
    head: list[Token] = []
    depth, block, behind = 0, 0, at
    limit = _line_start(data, at, end) if top else end
    for token in tokens(data, at, limit, at if top else -1):
        if token is None:
            return _cut(data, at, behind, head, block, end)
        behind = token.end
        if token.kind == SIGN and token.text in b"{};":
            if token.text == b"{":
                block = block or token.end
                depth += 1
            elif token.text == b"}":
                depth -= 1
            if depth <= 0 and token.text != b"{":
                inside = (block, token.start) if block else None
                return Item(at, token.end, tuple(head), inside, whole=True, open=False)
        elif not block:
            head.append(token)
    if limit < end:
        return Item(at, limit, tuple(head), (block, limit) if block else None, whole=False, open=False)
    return Item(at, end, tuple(head), (block, end) if block else None, whole=False, open=True)


def _line_start(data: bytes, at: int, end: int) -> int:
    """Where another kind of record begins at the start of a line, behind a lease's record; only leases are flat."""
    if RECORD_START.match(data, at) is None:
        return end
    found = _LINE_START.search(data, at, end)
    return end if found is None else found.start() + 1


def _cut(data: bytes, at: int, behind: int, head: list[Token], block: int, end: int) -> Item:
    """An item that another record, or the end of the data within a string, cuts short."""
    start = RECORD_START.search(data, behind, end)
    stop = end if start is None else start.start()
    return Item(at, stop, tuple(head), (block, stop) if block else None, whole=False, open=start is None)
