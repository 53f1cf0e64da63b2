"""Hardware addresses and identifiers as people and devices write them; nothing is guessed of what is none of these."""

from __future__ import annotations

import re
from typing import Final

_OCTETS_MIN: Final = 2
# Of hexadecimal digits: 00:11:22:33:44:55, 0-1-2-a-b-c, 0011.2233.4455 (Cisco), 0011-2233-4455 (HP, Huawei), or none.
_SEPARATED: Final = re.compile(r"[0-9A-Fa-f]{1,2}(?:([:-])[0-9A-Fa-f]{1,2})(?:\1[0-9A-Fa-f]{1,2})*")
_GROUPED: Final = re.compile(r"[0-9A-Fa-f]{4}(?:[.-]?[0-9A-Fa-f]{4}){2}")


def octets_of(text: str) -> bytes | None:
    """The octets of a hardware address or identifier in hex, more than one; None where it is none."""
    if _GROUPED.fullmatch(text):
        return bytes.fromhex(re.sub(r"[.-]", "", text))
    if not _SEPARATED.fullmatch(text):
        return None
    octets = bytes(int(part, 16) for part in re.split("[:-]", text))
    return octets if len(octets) >= _OCTETS_MIN else None
