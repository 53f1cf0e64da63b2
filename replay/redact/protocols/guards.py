"""Guards of names in DNS: digests of whom a name is for, which go with that client's pseudonym.

A guard is made of the client's identifier or hardware address, and of its name. A machine under pseudonyms makes
others; those that a lease file or a snapshot holds must be the same ones, or the machine would take its own names for
a stranger's. So of each lease that has one is kept what its guard was made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ....engine.conf.reading.keywords import STRING
from ....engine.ddns.guard import interim_guard, standard_guard
from ....engine.ddns.records import FORWARD_NAME
from ....engine.ddns.wire.message import BadName, name_from_text, wire_form
from ..sources import octet_list, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..findings import Findings
    from ..sources import Token

_UID: Final = b"uid"
_HARDWARE: Final = b"hardware"
_NAME: Final = FORWARD_NAME.encode()
_BEGINNING: Final = frozenset({b"lease", b"host"})
_TYPES: Final = {b"ethernet": 1, b"token-ring": 6, b"fddi": 8, b"infiniband": 32}
_WORDS_MIN: Final = 2


class Guarded(NamedTuple):
    """What the guards of a lease may have been made of: the hardware type and address, the identifier, the name."""

    hardware: bytes
    identifier: bytes
    name: bytes

    def guards(self) -> Iterator[bytes | None]:
        """Of each kind the guard by identifier and by hardware address, in that order; None for what cannot be."""
        for identifier in (self.identifier, b""):
            yield interim_guard(self.hardware, identifier)
            try:
                yield standard_guard(self.hardware, identifier, wire_form(name_from_text(self.name)))
            except BadName:
                yield None

    def exchanged(self, octets: Callable[[bytes], bytes], text: Callable[[bytes], bytes]) -> dict[bytes, bytes]:
        """Each guard, and what it is for the client's pseudonym: `octets` of its addresses, `text` of its name."""
        other = Guarded(octets(self.hardware), octets(self.identifier), text(self.name))
        pairs = zip(self.guards(), other.guards(), strict=True)
        return {one: made for one, made in pairs if one is not None and made is not None}


def survey(data: bytes, findings: Findings) -> None:
    """Take from a lease file what the guards of its leases were made of."""
    if FORWARD_NAME.encode() not in data:
        return
    values: dict[bytes, bytes] = {}
    for read in statements(data):
        name, value = _given(read)
        if name in _BEGINNING:
            _take(values, findings)
            values = {}
        elif name:
            values[name] = value
    _take(values, findings)


def _given(read: list[Token]) -> tuple[bytes, bytes]:
    """The name that a statement gives a value, and that, where it is one that counts; or how a record begins."""
    words = [token.text.lower() for token in read[:2]]
    if len(read) <= _WORDS_MIN or words[0] in _BEGINNING:
        return (words[0], b"") if words and words[0] in _BEGINNING else (b"", b"")
    if words[0] == _HARDWARE and words[1] in _TYPES:
        return _HARDWARE, bytes([_TYPES[words[1]]]) + octet_list(read, 2)[0]
    if words[0] == _UID:
        return _UID, read[1].text if read[1].kind == STRING else octet_list(read, 1)[0]
    return (words[1], read[-2].text) if words == [b"set", _NAME] else (b"", b"")


def _take(values: dict[bytes, bytes], findings: Findings) -> None:
    if _NAME in values:
        findings.guarded.add((values.get(_HARDWARE, b""), values.get(_UID, b""), values[_NAME]))
