"""dhcpd.conf and lease files: what they name, and the same text with pseudonyms; line numbers stay, comments go.

Both speak one language, and the engine's own lexer reads it, so that a string is a string here as there. What the
lexer cannot read (behind octet 255, behind white space without end) is cut off: the engine never reads it either.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from ...engine.conf.reading.keywords import EOF, STRING
from ...engine.conf.reading.lexer import Lexer, Overflow
from .findings import TYPES
from .pseudonyms import PIECE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .findings import Findings
    from .pseudonyms import Pseudonyms

_HEX: Final = re.compile(rb"[0-9A-Fa-f]{1,2}")
_COMMENT: Final = re.compile(rb"#[^\n]*")
_DOTTED: Final = re.compile(rb"(?<![\w.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?![\w.])")
_ESCAPE_OR_PIECE: Final = re.compile(rb"\\(?:x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)|" + PIECE.pattern, re.DOTALL)
_HARDWARE: Final = re.compile(rb"(?<![\w:-])[0-9A-Fa-f]{1,2}(?:([:-])[0-9A-Fa-f]{1,2}){5,15}(?![\w:-])")
_OCTETS_LISTED_MIN: Final = 3
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]")
# A string, or the words up to the semicolon, behind one of these names somebody or some place.
_NAMING: Final = frozenset(
    b"host zone host-name domain-name domain-search ddns-hostname ddns-domainname client-hostname ddns-fwd-name "
    b"hostname fqdn ddns-rev-name ddns-client-fqdn server-name nis-domain nisplus-domain domainname "
    b"tftp-server-name".split()
)
_IDENTIFYING: Final = frozenset(b"uid dhcp-client-identifier client-identifier circuit-id remote-id".split())
# What may stand before such a name in a statement that gives it a value.
_LEADING: Final = frozenset(b"option supersede default append prepend send set agent fqdn dynamic deleted .".split())
_ENDS: Final = frozenset((b";", b"{", b"}"))
_MASKS: Final = frozenset(b"netmask subnet-mask".split())


class Token(NamedTuple):
    """`text` is decoded, `start` and `end` the octets in the source."""

    kind: str
    text: bytes
    start: int
    end: int


def tokens(data: bytes) -> list[Token]:
    """Every token that the engine's reader would see."""
    lexer = Lexer(data, "", lambda _text: None)
    found: list[Token] = []
    try:
        while lexer.next() != EOF:
            found.append(Token(lexer.kind, lexer.text, lexer.start, lexer.pos))
    except Overflow:
        pass
    return found


def _octet_list(read: list[Token], at: int) -> tuple[bytes, int]:
    """The octets written `a:b:c` from a token on, and the number of the token behind them."""
    made = bytearray()
    here = at
    while here < len(read) and _HEX.fullmatch(read[here].text) and read[here].kind != STRING:
        made.append(int(read[here].text, 16))
        here += 1
        if here + 1 >= len(read) or read[here].text != b":" or not _HEX.fullmatch(read[here + 1].text):
            break
        here += 1
    return bytes(made), here


class _Surveyor:
    """Reads a file statement by statement. `_head`: only words that lead to a name were met in this one so far."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._begin()

    def _begin(self) -> None:
        self._head = True
        self._naming = self._plain = self._identifying = self._secret = False

    def take(self, read: list[Token], at: int) -> None:
        """Look at a token."""
        token = read[at]
        word = token.text.lower()
        if token.kind == STRING:
            self._string(token.text)
        elif word in _ENDS:
            self._begin()
        else:
            self._word(word, read, at)
            self._lead(word)

    def _word(self, word: bytes, read: list[Token], at: int) -> None:
        token = read[at]
        if word == b"hardware":
            self._findings.hardware_address(_octet_list(read, at + 2)[0])
        elif self._secret:
            self._findings.secrets.add(token.text)
        elif self._identifying and read[at - 1].text != b":":
            self._findings.identifier(_octet_list(read, at)[0])
        elif self._naming and self._plain and word != b"=":
            self._findings.name(token.text)

    def _string(self, text: bytes) -> None:
        if self._secret:
            self._findings.secrets.add(text)
        elif self._naming:
            self._findings.name(text)
        elif self._identifying:
            self._findings.identifier(text)
        self._head = False

    def _lead(self, word: bytes) -> None:
        self._plain = self._plain and word != b"="
        if self._head:
            self._naming = self._plain = word in _NAMING
            self._identifying = word in _IDENTIFYING
            self._head = word in _LEADING
        self._secret = self._secret or word == b"secret"


def survey(data: bytes, findings: Findings) -> None:
    """Take what a file names into `findings`."""
    read = tokens(data)
    surveyor = _Surveyor(findings)
    for at in range(len(read)):
        surveyor.take(read, at)


class Writer:
    """The same file with pseudonyms. `address` gives an address's, the same one where addresses are not hidden."""

    def __init__(self, findings: Findings, pseudonyms: Pseudonyms, address: Callable[[int], int]) -> None:
        self._findings = findings
        self._pseudonyms = pseudonyms
        self._address = address

    def rewrite(self, data: bytes) -> bytes:
        """The file's text."""
        read = tokens(data)
        made: list[bytes] = []
        behind = 0
        for start, end, text in self._changes(read, data):
            made += [self._between(data[behind:start]), text]
            behind = end
        last = read[-1].end if read else len(data)
        made.append(self._between(data[behind:last]))
        return b"".join(made) + _COMMENT.sub(b"#", data[last:].partition(b"\xff")[0])

    def _between(self, text: bytes) -> bytes:
        """What is not exchanged: comments are emptied, addresses are still looked for."""
        return _COMMENT.sub(b"#", text)

    def _changes(self, read: list[Token], data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """(start, end, new text) of what is exchanged, in order."""
        at = 0
        secret = naming = False
        while at < len(read):
            token = read[at]
            word = token.text.lower() if token.kind != STRING else b""
            behind = at + 1
            if word in _ENDS:
                secret = naming = False
            elif secret:
                blind = _BASE64.sub(b"A", token.text)
                yield token.start, token.end, b'"' + blind + b'"' if token.kind == STRING else blind
            elif token.kind == STRING:
                yield token.start, token.end, self._string(token, data)
            else:
                change = self._listed(read, at) or self._dotted(read, at) or self._named(read, at, naming=naming)
                if change is not None:
                    behind, text = change
                    yield token.start, read[behind - 1].end, text
            secret = secret or word == b"secret"
            naming = naming or word == b"host"
            at = behind

    def _string(self, token: Token, data: bytes) -> bytes:
        hidden = self.octets(token.text)
        if hidden is not None:
            return quoted(hidden)
        source = data[token.start : token.end]
        return self.words(_DOTTED.sub(self._address_text, source))

    def octets(self, value: bytes) -> bytes | None:
        """The pseudonym of octets that stand for somebody as a whole, None where they do not."""
        findings, pseudonyms = self._findings, self._pseudonyms
        if len(value) >= _OCTETS_LISTED_MIN and findings.begins_hardware(value):
            return pseudonyms.hardware(value)
        if len(value) >= _OCTETS_LISTED_MIN and value[0] in TYPES and findings.begins_hardware(value[1:]):
            return value[:1] + pseudonyms.hardware(value[1:])
        if value in findings.identifiers:
            return identified(value, pseudonyms)
        return None

    def words(self, text: bytes) -> bytes:
        """A text in which the words that name somebody are exchanged; escapes are stepped over."""
        return _HARDWARE.sub(self._hardware_text, _ESCAPE_OR_PIECE.sub(self._word, text))

    def _word(self, found: re.Match[bytes]) -> bytes:
        piece = found[0]
        lower = piece.lower()
        hidden = lower in self._findings.words or lower in self._findings.prefixes
        return self._pseudonyms.word(piece) if hidden and piece[:1] != b"\\" else piece

    def _hardware_text(self, found: re.Match[bytes]) -> bytes:
        octets = bytes(int(part, 16) for part in re.split(b"[:-]", found[0]))
        hidden = self.octets(octets)
        return found[0] if hidden is None else hidden.hex(found[1].decode("ascii")).encode("ascii")

    def _listed(self, read: list[Token], at: int) -> tuple[int, bytes] | None:
        """A list of octets in hex."""
        octets, behind = _octet_list(read, at)
        hidden = self.octets(octets) if len(octets) >= _OCTETS_LISTED_MIN else None
        return None if hidden is None else (behind, hidden.hex(":").encode("ascii"))

    def _dotted(self, read: list[Token], at: int) -> tuple[int, bytes] | None:
        """An address, unless it is a mask."""
        parts = read[at : at + 7]
        text = b"".join(part.text for part in parts)
        if len(parts) < 7 or any(part.kind == STRING for part in parts) or not _DOTTED.fullmatch(text):  # noqa: PLR2004
            return None
        if at and read[at - 1].text.lower() in _MASKS:
            return at + 7, text
        return at + 7, _DOTTED.sub(self._address_text, text)

    def _address_text(self, found: re.Match[bytes]) -> bytes:
        octets = [int(part) for part in found.groups()]
        if max(octets) > 255:  # noqa: PLR2004 - no address
            return found[0]
        hidden = self._address(int.from_bytes(bytes(octets), "big"))
        return ".".join(str(octet) for octet in hidden.to_bytes(4, "big")).encode("ascii")

    def _named(self, read: list[Token], at: int, *, naming: bool) -> tuple[int, bytes] | None:
        """A word without quotation marks: the name of a host declaration, or part of a host's name."""
        token = read[at]
        lower = token.text.lower()
        if lower not in self._findings.words or (lower in self._findings.reserved and not naming):
            return None
        return at + 1, self._pseudonyms.word(token.text)


def identified(value: bytes, pseudonyms: Pseudonyms) -> bytes:
    """The pseudonym of an identifier; the type octet in front of a text stays."""
    return value[:1] + pseudonyms.text(value[1:]) if value[:1] == b"\0" else pseudonyms.identifier(value)


def quoted(value: bytes) -> bytes:
    """Octets as a string of the language."""
    return b'"' + b"".join(
        bytes([octet]) if 0x20 <= octet < 0x7F and octet not in b'"\\' else b"\\%03o" % octet  # noqa: PLR2004 - printable
        for octet in value
    ) + b'"'  # fmt: skip
