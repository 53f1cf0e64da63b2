"""What a recording names, gathered before anything is changed: hardware addresses, identifiers, words of names.

Only plain data and the questions about them; where they are found is survey.py's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from ...engine.model.syntax import NOWHERE
from .pseudonyms import HARDWARE, OCTETS, PIECE, WORD, is_text

if TYPE_CHECKING:
    from ...engine.model.configuration import Configuration
    from ...engine.model.peers import Key

# Words that name nobody. Anything of one letter, and numbers alone, are left as well.
PUBLIC: Final = frozenset(
    b"com org net edu gov mil int info biz arpa in-addr ip6 local localhost localdomain lan home internal example "
    b"invalid test www".split()
)
# What paths are made of on every system.
_PUBLIC_PATHS: Final = frozenset(
    b"etc var lib run usr bin sbin opt srv tmp home root dev db dhcp dhcp3 dhcpd isc conf leases lease pid state cache "
    b"log".split()
)
_WORD_OCTETS_MIN: Final = 2
_COUNTRY_OCTETS: Final = 2
# Hardware types in front of an address, in client identifiers and in what `hardware` gives.
TYPES: Final = frozenset({1, 6, 8, 32})


@dataclass(slots=True)
class Spared:
    """What must stay since a decision looks at it: words in lower case, identifiers, hardware addresses.

    `unread`: so must what stands where nobody reads.
    """

    unread: bool = False
    words: set[bytes] = field(default_factory=set)
    identifiers: set[bytes] = field(default_factory=set)
    hardware: set[bytes] = field(default_factory=set)

    def values(self) -> list[tuple[bytes, bytes]]:
        """(kind, value) of each, as pseudonyms are made."""
        found = {(WORD, word) for word in self.words} | {(HARDWARE, value) for value in self.hardware}
        for value in self.identifiers:
            text = value[1:] if value[:1] == b"\0" else value
            if is_text(text):
                found |= {(WORD, piece.lower()) for piece in PIECE.findall(text)}
            else:
                found.add((OCTETS, value))
        return sorted(found)


@dataclass(slots=True)
class Findings:
    """`words` are in lower case; `prefixes` of them stand in the configuration's conditions; `secrets` are as written.

    `keys` are those of every configuration that may have been in force, each once, without its place in a file.
    `plain` are those words that stand without quotation marks where the language has a name; `spoken` are words that
    stand so elsewhere, or name interfaces. `typed` are hardware addresses that clients send as identifiers, with the
    type that stands before them. `guarded` are those who have a guard in DNS: hardware type and address, identifier,
    forward name. `left` counts, by what it is, everything that is knowingly not changed.
    """

    hardware: set[bytes] = field(default_factory=set)
    identifiers: set[bytes] = field(default_factory=set)
    words: set[bytes] = field(default_factory=set)
    plain: set[bytes] = field(default_factory=set)
    spoken: set[bytes] = field(default_factory=set)
    prefixes: set[bytes] = field(default_factory=set)
    kept: set[bytes] = field(default_factory=set)
    reserved: set[bytes] = field(default_factory=set)
    secrets: set[bytes] = field(default_factory=set)
    keys: dict[Key, None] = field(default_factory=dict)
    typed: dict[bytes, bytes] = field(default_factory=dict)
    guarded: set[tuple[bytes, bytes, bytes]] = field(default_factory=set)
    left: dict[str, int] = field(default_factory=dict)
    _beginnings: set[bytes] = field(default_factory=set)

    def name(self, text: bytes, *, plain: bool = False) -> None:
        """Every word of a name is one to hide, but for the last label of a domain where that is a country's."""
        pieces = PIECE.findall(text)
        for number, piece in enumerate(pieces):
            word = piece.lower()
            country = number and number == len(pieces) - 1 and len(word) == _COUNTRY_OCTETS
            if word not in PUBLIC and not country and self._word(word) and plain:
                self.plain.add(word)

    def _word(self, word: bytes) -> bool:
        """Take a word, unless it is too short, or a number, to name anybody."""
        names = len(word) >= _WORD_OCTETS_MIN and not word.isdigit()
        if names:
            self.words.add(word)
        return names

    def path(self, text: bytes) -> None:
        """A path tells who works where: its words are names, but for those of every system."""
        for piece in PIECE.findall(text):
            word = piece.lower()
            if word not in _PUBLIC_PATHS and word not in PUBLIC:
                self._word(word)

    def identifier(self, value: bytes) -> None:
        """A client identifier, circuit id or the like; one that holds a hardware address tells that one."""
        if value[:1] and value[0] in TYPES and len(value) == 7:  # noqa: PLR2004 - type and an Ethernet address
            self.hardware_address(value[1:])
            self.typed[value[1:]] = value[:1]
        elif value[:1] == b"\0" and is_text(value[1:]):
            self.name(value[1:])
            self.identifiers.add(value)
        elif value:
            self.identifiers.add(value)
            if is_text(value):
                self.name(value)

    def hardware_address(self, value: bytes) -> None:
        """A hardware address without its type."""
        if value and value.strip(b"\0") and value.strip(b"\xff"):
            self.hardware.add(value)
            self._beginnings.update(value[:octets] for octets in range(1, len(value) + 1))

    def balanced(self) -> dict[tuple[bytes, bytes], bytes]:
        """(kind, value) of whoever a failover pair shares out, and what stands before it where that is done."""
        made = {(HARDWARE, value): self.typed.get(value, b"") for value in self.hardware}
        return made | {(OCTETS, value): b"" for value in self.identifiers if not is_text(value)}

    def begins_hardware(self, value: bytes) -> bool:
        """Whether a hardware address begins with these octets, or is them."""
        return value in self._beginnings

    def literal(self, text: bytes, *, exact: bool) -> None:
        """A text that the configuration's conditions compare with: words that it cuts out must survive.

        `exact`: it stands for itself; else it is a regular expression, of which every word counts as cut out.
        """
        for piece in PIECE.findall(text if exact else _plain(text)):
            part = piece.lower()
            if part in self.words or len(part) < _WORD_OCTETS_MIN:
                continue
            holders = [word for word in self.words if part in word]
            if exact and holders and all(word.startswith(part) for word in holders):
                self.prefixes.add(part)
            elif holders:
                self.kept.add(part)

    def configuration(self, configuration: Configuration | None) -> None:
        """Take the keys of a configuration; None for one that has mistakes."""
        if configuration is not None:
            self.keys |= {replace(key, place=NOWHERE): None for key in configuration.keys.values()}

    def interface(self, name: str) -> None:
        """The name of an interface, which stays."""
        self.spoken.update(piece.lower() for piece in PIECE.findall(name.encode("utf-8", "surrogatepass")))
        self.leave("names of interfaces")

    def leave(self, what: str, count: int = 1) -> None:
        """Count something that stays as it is."""
        self.left[what] = self.left.get(what, 0) + count


def _plain(pattern: bytes) -> bytes:
    """A regular expression without what is not text in it."""
    made = bytearray()
    inside = escaped = False
    for octet in pattern:
        if escaped:
            escaped = False
            made += b" "
        elif octet == ord("\\"):
            escaped = True
        elif octet == ord("["):
            inside = True
        elif octet == ord("]"):
            inside = False
            made += b" "
        else:
            made.append(ord(" ") if inside else octet)
    return bytes(made)
