"""Sizes and times as the options of the recording take them: `256M`, `24h`. Refused: whatever could mean two things."""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = re.compile(r"([0-9]{1,15})([A-Za-z]?)", re.ASCII)
_SIZES: Final = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_TIMES: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
OCTETS_MINIMUM: Final = 64 << 10


def octets(text: str) -> int:
    """A size of at least OCTETS_MINIMUM; raises ValueError with what to write instead."""
    found = _WORD.fullmatch(text)
    if found is None or found[2].upper() not in _SIZES:
        message = "give a number with K, M or G"
        raise ValueError(message)
    size = int(found[1]) * _SIZES[found[2].upper()]
    if size < OCTETS_MINIMUM:
        message = f"give at least {OCTETS_MINIMUM >> 10}K"
        raise ValueError(message)
    return size


def seconds(text: str) -> int:
    """A time of at least a second; raises ValueError with what to write instead."""
    found = _WORD.fullmatch(text)
    if found is None or found[2] not in _TIMES or not int(found[1]):
        message = "give a number with s, m, h or d"
        raise ValueError(message)
    return int(found[1]) * _TIMES[found[2]]
