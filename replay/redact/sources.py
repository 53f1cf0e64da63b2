"""dhcpd.conf and lease files: what they name, and the same text with pseudonyms; line numbers stay, comments go.

Both speak one language, and the engine's own lexer reads it, so that a string is a string here as there; statement by
statement, since a lease file may be longer than memory should be.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from ...engine.conf.reading.keywords import EOF, NAME, STRING
from ...engine.conf.reading.lexer import Lexer, Overflow
from ...engine.wire.text import dotted
from .findings import TYPES
from .protocols import debts
from .protocols.secrets import Secrets
from .pseudonyms import PIECE, is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .findings import Findings
    from .pseudonyms import Pseudonyms

_HEX: Final = re.compile(rb"[0-9A-Fa-f]{1,2}")
_WORD: Final = re.compile(rb"[^\s]")
_COMMENT: Final = re.compile(rb"#[^\n]*")
_DOTTED: Final = re.compile(rb"(?<![\w.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?![\w.])")
_REVERSED: Final = re.compile(rb"(?<![\w.])((?:\d{1,3}\.){1,4})(?=in-addr\.arpa)", re.IGNORECASE)
_ESCAPE_OR_PIECE: Final = re.compile(rb"\\(?:x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)|" + PIECE.pattern, re.DOTALL)
_HARDWARE: Final = re.compile(rb"(?<![\w:-])[0-9A-Fa-f]{1,2}(?:([:-])[0-9A-Fa-f]{1,2}){5,15}(?![\w:-])")
_BARE: Final = re.compile(rb"[0-9A-Fa-f]{12,}")
_HARDWARE_TYPE: Final = re.compile(rb"ethernet|token-ring|fddi|infiniband|unknown-\d+", re.IGNORECASE)
_HARDWARE_DIGITS: Final = 12
_OCTETS_LISTED_MIN: Final = 3
_OCTETS_STANDING_OUT_MIN: Final = 6
# A string, or the words up to the semicolon, behind one of these names somebody or some place.
NAMING: Final = frozenset(
    b"host zone key omapi-key group host-name domain-name domain-search ddns-hostname ddns-domainname client-hostname "
    b"ddns-fwd-name hostname fqdn ddns-rev-name ddns-rev-domainname ddns-client-fqdn server-name nis-domain "
    b"nisplus-domain domainname tftp-server-name netbios-scope nds-tree-name nds-context pcode tcode".split()
)
# Of these, the name of which is a declaration's, a zone's or a key's, whatever else the word may mean.
_DECLARING: Final = frozenset(b"host key omapi-key group zone".split())
IDENTIFYING: Final = frozenset(
    b"uid dhcp-client-identifier client-identifier circuit-id remote-id pxe-client-id ddns-txt ddns-dhcid".split()
)
_PATHS: Final = frozenset(b"include lease-file-name pid-file-name".split())
# What may stand before such a name in a statement that gives it a value.
_LEADING: Final = frozenset(b"option supersede default append prepend send set agent fqdn dynamic deleted .".split())
_ENDS: Final = frozenset((b";", b"{", b"}"))
_MASKS: Final = frozenset(b"netmask subnet-mask".split())
# Octets that say who serves whom, and name nobody.
_BUCKETS: Final = b"hba"
_ALGORITHM: Final = b"algorithm"
# Words of a statement on which hangs what stands behind them.
_HEEDED: Final = _DECLARING | {_ALGORITHM, b"secret"}
_TOKENS_MAX: Final = 4096
# Four numbers, three words, and dots between them.
_REVERSE_TOKENS_MAX: Final = 11
_TEXTS_LEFT: Final = "texts of the configuration and the lease file"
_NAMES_LEFT: Final = "names without quotation marks in the configuration and the lease file"


class Token(NamedTuple):
    """`text` is decoded, `start` and `end` the octets in the source."""

    kind: str
    text: bytes
    start: int
    end: int


def tokens(data: bytes) -> Iterator[Token]:
    """Every token that a reader may see, also behind an octet 255 or a run of white space, which end the engine's."""
    base = 0
    for part in data.split(b"\xff"):
        for token in _tokens(part):
            yield token._replace(start=base + token.start, end=base + token.end)
        base += len(part) + 1


def _tokens(part: bytes) -> Iterator[Token]:
    start = 0
    while start < len(part):
        lexer = Lexer(part, "", lambda _lexer, _text: None, start)
        try:
            while lexer.next() != EOF:
                yield Token(lexer.kind, lexer.text, lexer.start, lexer.pos)
        except Overflow:
            word = _WORD.search(part, max(lexer.pos, start + 1))
            start = len(part) if word is None else word.start()
        else:
            return


def statements(data: bytes) -> Iterator[list[Token]]:
    """The tokens through each semicolon or brace; what has none goes on in the next, so that no file fills memory."""
    read: list[Token] = []
    for token in tokens(data):
        read.append(token)
        if len(read) == _TOKENS_MAX or (token.text in _ENDS and token.kind != STRING):
            yield read
            read = []
    if read:
        yield read


def octet_list(read: list[Token], at: int) -> tuple[bytes, int]:
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
        self._path = self._subclass = self._nameless = False
        self._strings = 0

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
        first = not at or read[at - 1].text != b":"
        if word == b"hardware" and read[at + 1 : at + 2] and _HARDWARE_TYPE.fullmatch(read[at + 1].text):
            self._findings.hardware_address(octet_list(read, at + 2)[0])
        elif self._secret:
            self._findings.secrets.add(token.text)
        elif self._identifying and first:
            self._findings.identifier(octet_list(read, at)[0])
        elif self._naming and self._plain and word != b"=":
            self._findings.name(token.text, plain=True)
        elif first and not self._nameless and _HEX.fullmatch(word):
            self._octets(octet_list(read, at)[0])

    def _octets(self, value: bytes) -> None:
        """A list of octets anywhere: as long as a hardware address it may be one, or whatever a client calls itself."""
        if len(value) == _OCTETS_STANDING_OUT_MIN:
            self._findings.hardware_address(value)
        elif len(value) > _OCTETS_STANDING_OUT_MIN:
            self._findings.identifier(value)

    def _string(self, text: bytes) -> None:
        if self._secret:
            self._findings.secrets.add(text)
        elif self._naming:
            self._findings.name(text, plain=self._plain)
        elif self._identifying or (self._subclass and self._strings):
            self._findings.identifier(text)
        elif self._path:
            self._findings.path(text)
        debts.survey(text, self._findings)
        self._head = False
        self._strings += 1

    def _lead(self, word: bytes) -> None:
        self._plain = self._plain and word != b"="
        if self._head:
            self._naming = self._plain = word in NAMING
            self._identifying = word in IDENTIFYING
            self._path = word in _PATHS
            self._head = word in _LEADING
        self._secret = self._secret or word == b"secret"
        self._nameless = self._nameless or word == _BUCKETS
        self._subclass = self._subclass or word == b"subclass"


def survey(data: bytes, findings: Findings) -> None:
    """Take what a file names into `findings`."""
    surveyor = _Surveyor(findings)
    unquoted: set[bytes] = set()
    for read in statements(data):
        for at in range(len(read)):
            surveyor.take(read, at)
        unquoted.update(token.text.lower() for token in read if token.kind != STRING)
    findings.spoken |= unquoted - findings.plain


class Writer:
    """The same file with pseudonyms. `address` gives an address's, the same one where addresses are not hidden.

    `secrets`: what becomes of those of keys. `left` counts, by what they are, the strings and names of what was
    rewritten that came out as they were.
    """

    def __init__(self, findings: Findings, pseudonyms: Pseudonyms, address: Callable[[int], int]) -> None:
        self._findings = findings
        self._pseudonyms = pseudonyms
        self._address = address
        self._left: dict[str, set[bytes]] = {_TEXTS_LEFT: set(), _NAMES_LEFT: set()}
        self._guards: dict[bytes, bytes] = {}
        self.secrets = Secrets(findings.secrets)
        self._known = Occurrences(value for value in findings.hardware | findings.identifiers if stands_out(value))
        self._hex = {value.hex().encode("ascii") for value in findings.hardware if len(value) == _HARDWARE_DIGITS // 2}

    @property
    def left(self) -> dict[str, int]:
        """How many different ones there were."""
        return {what: len(texts) for what, texts in self._left.items() if texts}

    def rewrite(self, data: bytes) -> bytes:
        """The file's text."""
        made: list[bytes] = []
        behind = 0
        for start, end, text in self._changes(data):
            made += [_without_comments(data[behind:start]), text]
            behind = end
        made.append(_without_comments(data[behind:]))
        return b"".join(made)

    def _changes(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """(start, end, new text) of what is exchanged, in order."""
        said: set[bytes] = set()
        for read in statements(data):
            at = 0
            while at < len(read):
                token = read[at]
                word = token.text.lower() if token.kind != STRING else b""
                behind = at + 1
                if word in _ENDS:
                    said.clear()
                elif b"secret" in said:
                    blind = self._blind(read, at)
                    yield token.start, token.end, b'"' + blind + b'"' if token.kind == STRING else blind
                elif _ALGORITHM not in said:
                    behind, text = self._changed(read, at, data, declaring=not said.isdisjoint(_DECLARING))
                    if text is not None:
                        yield token.start, read[behind - 1].end, text
                    self._note(token, data, text)
                if word in _HEEDED:
                    said.add(word)
                at = behind

    def _blind(self, read: list[Token], at: int) -> bytes:
        """What stands in the place of a secret, or of a piece of one."""
        behind = next((token.text for token in read[at + 1 :] if token.text.strip(b"=")), b"")
        alone = read[at - 1].text.lower() == b"secret" and behind in _ENDS
        return self.secrets.text(read[at].text) if alone else self.secrets.part(read[at].text)

    def _changed(self, read: list[Token], at: int, data: bytes, *, declaring: bool) -> tuple[int, bytes | None]:
        """(number of the token behind, new text or None) of what begins with a token."""
        if read[at].kind == STRING:
            return at + 1, self._string(read[at], data)
        found = self._listed(read, at) or self._dotted(read, at) or self._reversed(read, at)
        return found or self._named(read, at, declaring=declaring) or (at + 1, None)

    def _note(self, token: Token, data: bytes, text: bytes | None) -> None:
        """Count a string or a name that is as it was."""
        if text is not None and text != data[token.start : token.end]:
            return
        if token.kind == STRING and PIECE.search(token.text):
            self._left[_TEXTS_LEFT].add(token.text)
        elif token.kind == NAME and token.text.lower() not in self._findings.reserved:
            self._left[_NAMES_LEFT].add(token.text)

    def _string(self, token: Token, data: bytes) -> bytes:
        hidden = self.octets(token.text)
        return self.text(data[token.start : token.end]) if hidden is None else quoted(hidden)

    def learn(self, guard: bytes, made: bytes) -> None:
        """A client's guard in DNS, and that of its pseudonym, which is no pseudonym of the guard."""
        if len(guard) == len(made):
            self._guards[guard] = made

    def octets(self, value: bytes) -> bytes | None:
        """The pseudonym of octets that stand for somebody as a whole, None where they do not."""
        findings, pseudonyms = self._findings, self._pseudonyms
        if value in self._guards:
            return self._guards[value]
        owed = debts.exchanged(value, self.anything, self.text)
        if owed is not None:
            return owed
        if len(value) >= _OCTETS_LISTED_MIN and findings.begins_hardware(value):
            return pseudonyms.hardware(value)
        if len(value) >= _OCTETS_LISTED_MIN and value[0] in TYPES and findings.begins_hardware(value[1:]):
            return value[:1] + pseudonyms.hardware(value[1:])
        if value in findings.identifiers:
            return identified(value, pseudonyms)
        return None

    def text(self, text: bytes) -> bytes:
        """A text in which words, and addresses where they are to be hidden, are exchanged."""
        return self.words(_REVERSED.sub(self._reversed_text, _DOTTED.sub(self._address_text, text)))

    def words(self, text: bytes) -> bytes:
        """A text in which the words that name somebody are exchanged; escapes are stepped over."""
        return _HARDWARE.sub(self._hardware_text, _ESCAPE_OR_PIECE.sub(self._word, text))

    def anything(self, value: bytes) -> bytes:
        """Octets of which nobody knows what they are: what names somebody is exchanged wherever it stands in them."""
        hidden = self.octets(value)
        if hidden is not None:
            return hidden
        made = bytearray(self.words(value))
        for at, part in self._known.within(value):
            is_hardware = part in self._findings.hardware
            hidden = self._pseudonyms.hardware(part) if is_hardware else identified(part, self._pseudonyms)
            made[at : at + len(part)] = hidden
        return bytes(made)

    def _word(self, found: re.Match[bytes]) -> bytes:
        piece = found[0]
        if piece[:1] == b"\\":
            return piece
        lower = piece.lower()
        hidden = lower in self._findings.words or lower in self._findings.prefixes
        made = self._pseudonyms.word(piece) if hidden else piece
        for digits in _BARE.finditer(piece):
            made = self._with_hardware(made, digits)
        return made

    def _with_hardware(self, made: bytes, digits: re.Match[bytes]) -> bytes:
        """A word with the pseudonyms of the hardware addresses that stand in it as bare digits."""
        run, start = digits[0], digits.start()
        lower = run.lower()
        for at in range(len(run) - _HARDWARE_DIGITS + 1):
            if lower[at : at + _HARDWARE_DIGITS] in self._hex:
                octets = bytes.fromhex(run[at : at + _HARDWARE_DIGITS].decode("ascii"))
                text = self._pseudonyms.hardware(octets).hex().encode("ascii")
                text = text.upper() if run[at : at + _HARDWARE_DIGITS].isupper() else text
                made = made[: start + at] + text + made[start + at + _HARDWARE_DIGITS :]
        return made

    def _hardware_text(self, found: re.Match[bytes]) -> bytes:
        octets = bytes(int(part, 16) for part in re.split(b"[:-]", found[0]))
        hidden = self.octets(octets)
        if hidden is None:
            return found[0]
        pairs = zip(re.split(b"[:-]", found[0]), hidden, strict=True)
        parts = [b"%0*x" % (len(part), octet) for part, octet in pairs]
        text = found[1].join(parts)
        return text.upper() if found[0].isupper() else text

    def _listed(self, read: list[Token], at: int) -> tuple[int, bytes] | None:
        """A list of octets in hex."""
        octets, behind = octet_list(read, at)
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

    def _reversed(self, read: list[Token], at: int) -> tuple[int, bytes] | None:
        """The digits of a reverse zone without quotation marks, and the dots between them."""
        if not read[at].text.isdigit():
            return None
        found = _REVERSED.match(b"".join(part.text for part in read[at : at + _REVERSE_TOKENS_MAX]))
        if found is None:
            return None
        return at + 2 * found[1].count(b"."), self._reversed_text(found)

    def _address_text(self, found: re.Match[bytes]) -> bytes:
        octets = [int(part) for part in found.groups()]
        if max(octets) > 255:  # noqa: PLR2004 - no address
            return found[0]
        return dotted(self._address(int.from_bytes(bytes(octets), "big"))).encode("ascii")

    def _reversed_text(self, found: re.Match[bytes]) -> bytes:
        """The digits of a reverse zone, or of a name in one."""
        octets = [int(part) for part in reversed(found[1].split(b".")[:-1])]
        if max(octets) > 255:  # noqa: PLR2004 - no address
            return found[0]
        hidden = self._address(int.from_bytes(bytes(octets).ljust(4, b"\0"), "big")).to_bytes(4, "big")
        return b"".join([b"%d." % octet for octet in reversed(hidden[: len(octets)])])

    def _named(self, read: list[Token], at: int, *, declaring: bool) -> tuple[int, bytes] | None:
        """A word without quotation marks: the name of a declaration or of a key, or part of a host's name."""
        token = read[at]
        lower = token.text.lower()
        if lower not in self._findings.plain or (lower in self._findings.reserved and not declaring):
            return None
        if b":" in (read[at - 1].text if at else b"", read[at + 1].text if at + 1 < len(read) else b""):
            return None  # an octet of a list
        if at and read[at - 1].text.lower() == b"interface":
            return None
        return at + 1, self._pseudonyms.word(token.text)


def _without_comments(text: bytes) -> bytes:
    return _COMMENT.sub(b"#", text)


def stands_out(value: bytes) -> bool:
    """Whether it cannot be mistaken for some octet and the zeros behind it, of which messages are full."""
    return len(value) >= _OCTETS_STANDING_OUT_MIN and any(value[1:])


class Occurrences:
    """Finds values, each of which stands out, in octets: by their beginnings, so that many cost no more than few."""

    def __init__(self, values: Iterable[bytes]) -> None:
        self._by_beginning: dict[bytes, list[bytes]] = {}
        for value in values:
            self._by_beginning.setdefault(value[:_OCTETS_STANDING_OUT_MIN], []).append(value)

    def within(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(offset, value) of each."""
        known = self._by_beginning
        for at in range(len(data) - _OCTETS_STANDING_OUT_MIN + 1):
            for value in known.get(data[at : at + _OCTETS_STANDING_OUT_MIN], ()):
                if data.startswith(value, at):
                    yield at, value


def identified(value: bytes, pseudonyms: Pseudonyms) -> bytes:
    """The pseudonym of an identifier; the type octet in front of a text stays."""
    if value[:1] == b"\0" and is_text(value[1:]):
        return value[:1] + pseudonyms.text(value[1:])
    return pseudonyms.identifier(value)


def quoted(value: bytes) -> bytes:
    """Octets as a string of the language."""
    return b'"' + b"".join(
        bytes([octet]) if 0x20 <= octet < 0x7F and octet not in b'"\\' else b"\\%03o" % octet  # noqa: PLR2004 - printable
        for octet in value
    ) + b'"'  # fmt: skip
