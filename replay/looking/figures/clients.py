"""How many clients there are, by their hardware addresses: exact up to EXACT_MAXIMUM, estimated beyond.

Anybody can send packets from any number of addresses, so that memory must not grow with them.
"""

from __future__ import annotations

import zlib
from typing import Final

from ....trace.index import ClientCount

EXACT_MAXIMUM: Final = 65_536


class Clients:
    """`len` tells the number."""

    __slots__ = ("_estimate", "_exact")

    def __init__(self) -> None:
        self._exact: set[bytes] = set()
        self._estimate: ClientCount | None = None

    def add(self, hardware: bytes) -> None:
        """Count a client, once."""
        if self._estimate is None:
            self._exact.add(hardware)
            if len(self._exact) > EXACT_MAXIMUM:
                self._estimate = ClientCount()
                self._estimate.update(map(zlib.crc32, self._exact))
                self._exact.clear()
        else:
            self._estimate.update((zlib.crc32(hardware),))

    def __len__(self) -> int:
        """The number, to one in 300 where it is beyond EXACT_MAXIMUM."""
        return len(self._exact) if self._estimate is None else len(self._estimate)
