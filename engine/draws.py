"""The machine's random numbers: SHA-256 of the seed in the `Boot` event and of a counter, which a snapshot keeps.

Transaction numbers and the like must not be guessed by strangers, and must be the same in playback. The standard
library's generator gives no such promise to either; a hash of a secret seed and a counter gives both, and its whole
state is one number. Every part of the engine draws from the one generator of its machine, so that the order of draws
is the order of events.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

_BLOCK_OCTETS: Final = 32
_COUNTER_OCTETS: Final = 8


class Draws:
    """The generator of one machine. `drawn` is the state: how many blocks of 32 octets were drawn, by any caller."""

    __slots__ = ("_seed", "drawn")

    def __init__(self, seed: bytes, drawn: int = 0) -> None:
        """Go on behind the blocks that were drawn."""
        self._seed = seed
        self.drawn = drawn

    def octets(self, count: int) -> bytes:
        """So many octets. What is left of the last block is not used again."""
        made = b""
        while len(made) < count:
            self.drawn += 1
            made += sha256(self._seed + self.drawn.to_bytes(_COUNTER_OCTETS, "big")).digest()
        return made[:count]

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1, each as likely as the others. `limit` is at least 1, at most 2**256."""
        assert 0 < limit <= 1 << (8 * _BLOCK_OCTETS), "a draw is made of one block"
        bits = (limit - 1).bit_length()
        while True:
            number = int.from_bytes(self.octets(_BLOCK_OCTETS), "big") >> (8 * _BLOCK_OCTETS - bits)
            if number < limit:
                return number
