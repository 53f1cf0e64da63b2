"""The lease file cut into items, and items into statements and tokens.

ISC reads one token after another and, once lost, eats the following records. Here the bounds of an item are found
first: an item ends at its `;` or closing brace, or, when it was cut short, where the next record begins. So a half
record, a wild brace or an open quotation mark costs nothing behind it. What is looked at is the item and nothing
behind its end, so that a file is read in the time that its length asks for. No meaning is given to anything.

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

_LEASE: Final = rb"lease \d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3} \{\n"
_LINE: Final = (
    rb"(?:lease [\d.]+ *\{|(?:host|group|class|subclass|failover peer|ia-[a-z]+) [^\n;]*\{"
    rb"|(?:server-duid|authoring-byte-order) )"
)
# Where a lease's record surely begins, also in the middle of a word or of a string that was cut short.
RECORD_START: Final = re.compile(_LEASE)
# Where any record begins within a flat one: in another layout, or of another kind, at the start of a line only.
_ANY_START: Final = re.compile(_LEASE + rb"|(?<=\n)" + _LINE)
# Records that hold no other records. A group may, but not as servers write it: its lines are set in.
_FLAT: Final = re.compile(rb"(?:lease|host|class|subclass|failover)[ \n]|group [^\n{]+ \{\n +\w")
# How far behind its first word the beginning of a record is looked for: a long name of a class, and to spare.
_START_MAX_OCTETS: Final = 1024
_SPACE: Final = re.compile(rb"(?:[ \t\r\n\f\v]+|#[^\n]*)*")
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[A-Za-z0-9_-]+|.', re.DOTALL)
_NO_BOUND: Final = re.compile(rb'(?:[^"{};#]++|"(?:[^"\\]|\\.)*+"|#[^\n]*+)*+', re.DOTALL)
_QUOTE: Final = ord('"')
_OPENING: Final = ord("{")
_CLOSING: Final = ord("}")
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


def tokens(
    data: bytes, at: int, end: int, first: int, start: re.Pattern[bytes] = RECORD_START
) -> Iterator[Token | None]:
    """Tokens of data[at:end]; None, and no more, where `start` is found behind `first` or a string is open."""
    while True:
        at = skip_space(data, at)
        if at >= end:
            return
        match = _TOKEN.match(data, at, end)
        assert match is not None
        text = match[0]
        if text == b'"' or _begins(data, match, first, end, start):
            yield None
            return
        yield _token(text, at, match.end())
        at = match.end()


def _begins(data: bytes, match: re.Match[bytes], first: int, end: int, start: re.Pattern[bytes]) -> bool:
    """Whether another record begins behind `first`, in a name cut short or a string of several lines."""
    at, text = match.start(), match[0]
    if text[:1] == b'"':
        if b"\n" not in text:
            return False
    elif len(text) == 1 or (b"lease" not in text and not data.endswith(b"\n", 0, at)):
        return False
    found = start.search(data, at, min(match.end() + _START_MAX_OCTETS, end))
    return found is not None and first < found.start() < match.end()


def _token(text: bytes, start: int, end: int) -> Token:
    if text[:1] == b'"':
        return Token(STRING, unescape(text[1 : max(1, len(text) - 1)]), start, end)
    if _NUMBER.fullmatch(text):
        return Token(NUMBER, text, start, end)
    if len(text) > 1 or text.isalnum():
        return Token(NAME, text, start, end)
    return Token(SIGN, text, start, end)


def read_item(data: bytes, at: int, end: int, *, top: bool) -> Item:
    """The item or statement that begins at `at`; `top`: of the file, so that its end is looked for with suspicion."""
    start = _ANY_START if top and _FLAT.match(data, at) else RECORD_START
    bounds = _bounds(data, at, end, at + top, start)
    if bounds is None:
        return _suspected(data, at, end, at if top else -1, start)
    block, stop = bounds
    head = tokens(data, at, (block or stop) - 1, -1)
    inside = (block, stop - 1) if block else None
    return Item(at, stop, tuple([token for token in head if token is not None]), inside, whole=True, open=False)


def _bounds(data: bytes, at: int, end: int, seen: int, start: re.Pattern[bytes]) -> tuple[int, int] | None:
    """Where an item's block begins (0: it has none) and where it ends.

    None where it does not end, a string does not, or another record seems to begin at `seen` or behind it.
    """
    block = depth = 0
    while True:
        match = _NO_BOUND.match(data, at, end)
        assert match is not None
        at = match.end() + 1
        if at > end or data[at - 1] == _QUOTE or start.search(data, seen, min(at + 1, end)) is not None:
            return None
        seen = at
        if data[at - 1] == _OPENING:
            block = block or at
            depth += 1
        else:
            depth -= data[at - 1] == _CLOSING
            if depth <= 0:
                return block, at


def _suspected(data: bytes, at: int, end: int, first: int, start: re.Pattern[bytes]) -> Item:
    """An item in which something is wrong, or looks so: token by token, until it ends or another record begins."""
    head: list[Token] = []
    depth, block, behind = 0, 0, at
    for token in tokens(data, at, end, first, start):
        if token is None:
            return _cut(data, at, behind, head, block, end, start)
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
    return Item(at, end, tuple(head), (block, end) if block else None, whole=False, open=True)


def _cut(data: bytes, at: int, behind: int, head: list[Token], block: int, end: int, start: re.Pattern[bytes]) -> Item:
    """An item that another record, or the end of the data within a string, cuts short."""
    found = start.search(data, behind, end)
    stop = end if found is None else found.start()
    return Item(at, stop, tuple(head), (block, stop) if block else None, whole=False, open=found is None)
