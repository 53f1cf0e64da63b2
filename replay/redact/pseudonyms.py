"""Pseudonyms: of the same length and kind, the same for the same value, not to be turned back without the key.

Each octet, letter or digit is moved by an amount that a keyed hash of everything before it gives. So values that
begin alike go on beginning alike (a vendor's part of hardware addresses, `pc-` of host names), which is what classes
look at; two different values never meet; and the length, the punctuation and upper and lower case stay. An octet goes
on having as many digits, in hex and in decimal, since configurations make names of them. Nothing is remembered here
but to be quick.

A value that is spared stays as it is, and so does whatever it begins with; what stands beside it is moved among the
other places only, so that even then no two values meet.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ...engine.failover.rules import sharing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PIECE: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff-]+")
# The kinds of values, each with moves of its own.
OCTETS: Final = b"octets"
HARDWARE: Final = b"hardware"
WORD: Final = b"word"
# Octets exchange among those of as many digits.
_DIGITS: Final = (range(10), range(10, 16), range(16, 100), range(100, 256))
_OCTETS: Final[dict[int, Sequence[int]]] = {octet: group for group in _DIGITS for octet in group}
# So does the first octet of a hardware address, with the two bits that say whose it is and whether it is a group's.
_FIRST: Final[dict[int, Sequence[int]]] = {
    octet: [one for one in group if one & 3 == octet & 3] for group in _DIGITS for octet in group
}
# Small letters, digits, and the rest of a letter in UTF-8.
_LETTERS: Final = range(0x61, 0x7B)
_WORDS: Final[dict[int, Sequence[int]]] = {
    octet: group for group in (_LETTERS, range(0x30, 0x3A), range(0x80, 0xC0)) for octet in group
}
_CASE: Final = 0x20
_DUID_MARK: Final = 255
_ADDRESS_BITS: Final = 32
# The first octets that stay among themselves: the classes of unicast addresses, without 0, 127 and 224 and above.
_FIRST_OCTETS: Final = (range(1, 127), range(128, 192), range(192, 224))
_FIRST_OCTET_BITS: Final = 8
_REMEMBERED_MAX: Final = 1 << 18


class Pseudonyms:
    """The pseudonyms of one recording.

    `kept` are pieces of words (lower case) that stay: the configuration compares with them. `spared` are (kind, value)
    that stay as a whole, words among them in lower case. `balanced` are those that stay in their bucket of a failover
    pair's load balancing, with what stands before them in its key.
    """

    def __init__(
        self,
        key: bytes,
        kept: Iterable[bytes] = (),
        spared: Iterable[tuple[bytes, bytes]] = (),
        balanced: Mapping[tuple[bytes, bytes], bytes] = MappingProxyType({}),
    ) -> None:
        """`key`: the same key gives the same pseudonyms, in another recording too."""
        self._balanced = balanced
        self._key = hashlib.blake2b(key, digest_size=32).digest()
        self._kept = sorted(kept, key=lambda piece: (-len(piece), piece))
        # An identifier of RFC 4361 stays one: which DHCID its client gets hangs on that.
        self._fixed: dict[tuple[bytes, bytes], set[int]] = {(OCTETS, b""): {_DUID_MARK}}
        for kind, value in spared:
            for at, octet in enumerate(value):
                self._fixed.setdefault((kind, value[:at]), set()).add(octet)
        self._moves: dict[tuple[bytes, bytes], int] = {}
        self._words: dict[bytes, bytes] = {}

    def _move(self, kind: bytes, before: bytes) -> int:
        """A large number that hangs on everything before the place."""
        known = self._moves.get((kind, before))
        if known is None:
            digest = hmac.digest(self._key, kind + b"\0" + before, "blake2s")
            known = int.from_bytes(digest[:8], "big")
            if len(self._moves) >= _REMEMBERED_MAX:
                self._moves.clear()
            self._moves[kind, before] = known
        return known

    def octets(self, value: bytes) -> bytes:
        """Any octets."""
        made = bytes([self._within(_OCTETS[octet], octet, OCTETS, value[:at]) for at, octet in enumerate(value)])
        return self._on_its_side(OCTETS, value, made)

    def _on_its_side(self, kind: bytes, value: bytes, made: bytes) -> bytes:
        """The pseudonym of a client that a failover pair shares out: its last octet is the one of the same bucket.

        There is exactly one, and another one for every other value that begins alike. It need not have as many digits.
        """
        before = self._balanced.get((kind, value))
        if before is None or made == value:
            return made
        wanted = sharing.bucket(before + value)
        found = made[:-1] + bytes([sharing.last_octet(before + made[:-1], wanted)])
        # All that begins so stays where it is: a spared value does.
        return made if found == value else found

    def _within(self, group: Sequence[int], octet: int, kind: bytes, before: bytes) -> int:
        fixed = self._fixed.get((kind, before))
        if fixed is not None:
            if octet in fixed:
                return octet
            group = [one for one in group if one not in fixed]
        return group[(group.index(octet) + self._move(kind, before)) % len(group)]

    def hardware(self, value: bytes) -> bytes:
        """A hardware address; whether it is one of a group, or made up, still shows. None, and all ones, stay."""
        if value in (b"\0" * len(value), b"\xff" * len(value)):
            return value
        tables = [_FIRST, *[_OCTETS] * (len(value) - 1)]
        made = bytes([self._within(tables[at][octet], octet, HARDWARE, value[:at]) for at, octet in enumerate(value)])
        return self._on_its_side(HARDWARE, value, made)

    def word(self, value: bytes) -> bytes:
        """A word of a name."""
        known = self._words.get(value)
        if known is None:
            lower = value.lower()
            stays = self._stays(lower)
            known = bytes([octet if at in stays else self._moved(octet, lower[:at]) for at, octet in enumerate(value)])
            if len(self._words) >= _REMEMBERED_MAX:
                self._words.clear()
            self._words[value] = known
        return known

    def _stays(self, lower: bytes) -> set[int]:
        found: set[int] = set()
        for piece in self._kept:
            at = lower.find(piece)
            while at >= 0:
                found.update(range(at, at + len(piece)))
                at = lower.find(piece, at + 1)
        return found

    def _moved(self, octet: int, before: bytes) -> int:
        """A capital letter is moved as the small one is."""
        group = _WORDS.get(octet)
        if group is not None:
            return self._within(group, octet, WORD, before)
        small = octet | _CASE
        return self._within(_LETTERS, small, WORD, before) ^ _CASE if octet < small and small in _LETTERS else octet

    def text(self, value: bytes) -> bytes:
        """Every word of a text."""
        return PIECE.sub(lambda found: self.word(found[0]), value)

    def identifier(self, value: bytes) -> bytes:
        """Octets that identify somebody: as text where they are text, else octet by octet."""
        return self.text(value) if is_text(value) else self.octets(value)

    def address(self, value: int, length: int) -> int:
        """An IP address: the first `length` bits are exchanged, the rest, the place within the network, stays.

        Addresses that share a prefix go on sharing one as long.
        """
        first = value >> 24
        made = 0
        for group in _FIRST_OCTETS:
            if first in group and length >= _FIRST_OCTET_BITS:
                made = group.start + (first - group.start + self._move(b"network", b"")) % len(group)
        if not made:
            return value
        for bit in range(_FIRST_OCTET_BITS, _ADDRESS_BITS):
            own = value >> (_ADDRESS_BITS - 1 - bit) & 1
            before = value >> (_ADDRESS_BITS - bit)
            flip = self._move(b"address", bit.to_bytes(1, "big") + before.to_bytes(4, "big")) & 1 if bit < length else 0
            made = made << 1 | own ^ flip
        return made


def is_text(value: bytes) -> bool:
    """Whether a person could read the octets."""
    return value.isascii() and value.decode("ascii").isprintable() and len(value) > 1
