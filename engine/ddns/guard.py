"""The guard record beside an A record: whose name it is, as a digest (RFC 4701; before it ISC's interim TXT).

The digests are ISC's to the bit. Where it departs from RFC 4701, by the case of the name, every DHCID that is in DNS
already departs with it, and a server that folded case would take its own records for a stranger's.

See docs/behaviour/dns-updates.md#guard-identifier.
"""

from __future__ import annotations

from hashlib import md5, sha256
from typing import Final

_CLIENT_IDENTIFIER: Final = 61
_DIGITS: Final = b"0123456789abcdef"
# The types of identity of RFC 4701, 3.3: the hardware address, a client identifier, the DUID in one of RFC 4361.
_BY_HARDWARE: Final = 0
_BY_IDENTIFIER: Final = 1
_BY_DUID: Final = 2
_SHA_256: Final = 1
# RFC 4361, 6.1: the octet 255, four of the IAID, then the DUID.
_DUID_MARK: Final = 255
_DUID_AT: Final = 5


def interim_guard(hardware: bytes, identifier: bytes) -> bytes:
    """34 characters: the type, then MD5 of the identity. `hardware` is the type octet and the address."""
    kind = _CLIENT_IDENTIFIER if identifier else 0
    # The second digit is a number modulo 15: all that is in DNS already was made so.
    head = bytes((_DIGITS[kind >> 4 & 15], _DIGITS[kind % 15]))
    digest = md5(identifier or hardware, usedforsecurity=False)
    return head + digest.hexdigest().encode("ascii")


def standard_guard(hardware: bytes, identifier: bytes, name: bytes) -> bytes | None:
    """A DHCID record's data; None for an identifier of RFC 4361 that is cut short. `name` is in wire form."""
    kind, identity = _BY_HARDWARE, hardware
    if identifier and identifier[0] == _DUID_MARK:
        if len(identifier) < _DUID_AT:
            return None
        kind, identity = _BY_DUID, identifier[_DUID_AT:]
    elif identifier:
        kind, identity = _BY_IDENTIFIER, identifier
    return kind.to_bytes(2, "big") + bytes((_SHA_256,)) + sha256(identity + name).digest()
