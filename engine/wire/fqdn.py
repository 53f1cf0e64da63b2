"""Option 81, client FQDN: its one value against the virtual space `fqdn`.

Read and written with the deviations from RFC 4702 that ISC dhcpd shows its clients. Whoever decides on names and
updates does it elsewhere; here are only octets and sub-options.

See docs/behaviour/packets.md#client-fqdn-on-intake, docs/behaviour/packets.md#fqdn-on-output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_CLIENT_UPDATE: Final = 1
SERVER_UPDATE: Final = 2
ENCODED: Final = 3
RCODE1: Final = 4
RCODE2: Final = 5
HOSTNAME: Final = 6
DOMAINNAME: Final = 7
FQDN: Final = 8

_SERVER_BIT: Final = 0x01
_CLIENT_BIT: Final = 0x02
_ENCODED_BIT: Final = 0x04
_LABEL_MAXIMUM: Final = 63
_FIXED_OCTETS: Final = 3
_YES: Final = b"\x01"
_NO: Final = b"\x00"


def decode_fqdn(value: bytes) -> tuple[dict[int, bytes], str]:
    """The sub-options of a received option 81 by code, and the info line that it gives rise to (or empty).

    Fewer than three octets: no sub-options. A name with a bad label leaves only `encoded`.
    """
    if len(value) < _FIXED_OCTETS:
        return {}, ""
    found = {ENCODED: _YES if value[0] & _ENCODED_BIT else _NO}
    no_client_update = value[0] & _CLIENT_BIT
    if value[0] & _ENCODED_BIT:
        names, line = _decode_labels(value[_FIXED_OCTETS:])
        if line:
            return found, line
    else:
        # Dropping the NUL sets the flag in ISC's decoder, even where the NUL is the second RCODE of an empty name.
        if not value[-1]:
            no_client_update = _CLIENT_BIT
        names = _split_text(value[_FIXED_OCTETS : max(_FIXED_OCTETS, len(value) - (not value[-1]))])
    found[SERVER_UPDATE] = _YES if value[0] & _SERVER_BIT else _NO
    found[NO_CLIENT_UPDATE] = _YES if no_client_update else _NO
    found[RCODE1] = value[1:2]
    found[RCODE2] = value[2:3]
    for code, name in zip((FQDN, HOSTNAME, DOMAINNAME), names, strict=True):
        if name:
            found[code] = name.rstrip(b"\x00")
    return found, ""


def _split_text(name: bytes) -> tuple[bytes, bytes, bytes]:
    host, _, domain = name.partition(b".")
    return name, host, domain


def _decode_labels(wire: bytes) -> tuple[tuple[bytes, bytes, bytes], str]:
    """Name, host name and domain name (this with its leading dot) of DNS labels; or the line about a bad one."""
    labels: list[bytes] = []
    position = 0
    terminated = False
    while position < len(wire) and not terminated:
        length = wire[position]
        if length > _LABEL_MAXIMUM:
            return (b"", b"", b""), "label length exceeds 63 in fqdn option"
        if position + 1 + length > len(wire):
            return (b"", b"", b""), "fqdn label longer than buffer"
        terminated = not length
        if length:
            labels.append(wire[position + 1 : position + 1 + length])
        position += 1 + length
    name = b".".join(labels)
    # A name without the root's label is a partial one (RFC 4702, 2.3): all of it is the host's.
    if not terminated:
        return (name, name, b""), ""
    host = labels[0] if labels else b""
    return (name, host, name[len(host) :]), ""


def encode_fqdn(members: Mapping[int, bytes]) -> bytes:
    """Option 81 for a reply from sub-options by code; `hostname` and `domainname` do not count.

    See docs/behaviour/packets.md#fqdn-on-output.
    """
    encoded = _is_true(members, ENCODED)
    flags = _is_true(members, SERVER_UPDATE) * _SERVER_BIT
    flags |= _is_true(members, NO_CLIENT_UPDATE) * _CLIENT_BIT | encoded * _ENCODED_BIT
    name = members.get(FQDN, b"")
    head = bytes((flags,)) + (members.get(RCODE1) or _NO)[:1] + (members.get(RCODE2) or _NO)[:1]
    return head + (_encode_labels(name) if encoded and name else name)


def _is_true(members: Mapping[int, bytes], code: int) -> bool:
    value = members.get(code)
    return bool(value) and value != _NO


def _encode_labels(name: bytes) -> bytes:
    """Labels of a dotted name with the root: an empty one ends the name, and none is too long. A NUL is as a dot."""
    wire = b""
    for label in name.replace(b"\0", b".").split(b"."):
        if not label:
            break
        wire += bytes((len(label) & 255,)) + label
    return wire + b"\x00"
