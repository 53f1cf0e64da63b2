"""A DHCP message taken apart into its options and put together again, for those who change it.

Only plain messages: with the cookie, every option whole, none in the fields `file` and `sname`. Anything else is left
as it is by whoever asks here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...engine.wire.packet import COOKIE, FIXED_OCTETS

if TYPE_CHECKING:
    from collections.abc import Iterable

OPTIONS_AT: Final = FIXED_OCTETS + len(COOKIE)
MESSAGE_TYPE: Final = 53
_OVERLOAD: Final = 52
_PAD: Final = 0
_END: Final = 255


def options_in(payload: bytes) -> list[tuple[int, bytes]] | None:
    """(code, value) of every option in its order; None where the message is not a plain one."""
    if payload[FIXED_OCTETS:OPTIONS_AT] != COOKIE:
        return None
    found: list[tuple[int, bytes]] = []
    at, end = OPTIONS_AT, len(payload)
    while at < end and payload[at] != _END:
        code = payload[at]
        if code == _PAD:
            at += 1
            continue
        if at + 1 >= end or at + 2 + payload[at + 1] > end or code == _OVERLOAD:
            return None
        found.append((code, payload[at + 2 : at + 2 + payload[at + 1]]))
        at += 2 + payload[at + 1]
    codes = [code for code, _ in found]
    return found if len(set(codes)) == len(codes) else None


def assemble(header: bytes, options: Iterable[tuple[int, bytes]], octets: int) -> bytes:
    """A message of these options behind a header that ends in the cookie, padded to `octets`."""
    made = header + b"".join(bytes((code, len(value))) + value for code, value in options) + bytes([_END])
    return made.ljust(octets, bytes([_PAD]))


def without_options(payload: bytes, codes: frozenset[int]) -> bytes:
    """The message without these options; unchanged where it is not a plain one."""
    options = options_in(payload)
    if options is None or not codes:
        return payload
    return assemble(payload[:OPTIONS_AT], [one for one in options if one[0] not in codes], 0)
