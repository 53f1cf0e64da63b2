"""The secrets of keys: what stands in the place of each, so that different ones stay different, and nothing else shows.

A secret becomes as many letters A, which are noughts; those behind the first have their number in front. HMAC (RFC
2104) fills a secret up with noughts, so that noughts of any length would be one key, and what was signed with the
secret of before a reload would be right behind it. No message is known here.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIGIT: Final = re.compile(rb"[A-Za-z0-9+/]")
_DIGITS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NUMBERS: Final = len(_DIGITS) ** 2
# Four digits of base64; a shorter secret has no room for its number.
_OCTETS_MIN: Final = 3
_NUMBER_SHIFT: Final = 12


class Secrets:
    """What becomes of each of the secrets that configurations hold, written in base64."""

    def __init__(self, texts: Iterable[bytes]) -> None:
        known = sorted({_octets(text) for text in texts} - {b""})
        self._numbers = {secret: number % _NUMBERS for number, secret in enumerate(known)}

    def text(self, text: bytes) -> bytes:
        """What stands in the place of a whole secret in a file."""
        secret = _octets(text)
        blind = self.part(text)
        if len(secret) < _OCTETS_MIN or not blind.startswith(b"AA"):
            return blind
        high, low = divmod(self._numbers.get(secret, 0), len(_DIGITS))
        return bytes((_DIGITS[high], _DIGITS[low])) + blind[2:]

    def part(self, text: bytes) -> bytes:
        """The same for a piece of one that is written in several."""
        return _DIGIT.sub(b"A", text)

    def octets(self, secret: bytes) -> bytes:
        """The octets of what stands in the place of a secret, which a key is made of."""
        if len(secret) < _OCTETS_MIN:
            return bytes(len(secret))
        number = self._numbers.get(secret, 0) << _NUMBER_SHIFT
        return number.to_bytes(_OCTETS_MIN, "big") + bytes(len(secret) - _OCTETS_MIN)


def _octets(text: bytes) -> bytes:
    digits = b"".join(_DIGIT.findall(text))
    return base64.b64decode(digits + b"A" * (-len(digits) % 4))[: len(digits) * 6 // 8]
