"""Does anything that was to be hidden still stand in a record? The last look, which knows nothing of how it was hidden.

Only what the pseudonymous machine was told is looked through, and what was taken over from the recording: what it
does of its own accord cannot name whom it has never heard of. Hardware addresses and identifiers are looked for as they
are, in hex with any separator, and as octal escapes in strings; words as words. Nothing shorter than four letters or
six octets is looked for, since such stand anywhere by chance, nor what is somebody else's pseudonym, nor words that the
configuration itself speaks. What is found is told; whether it is a name or chance, a person must judge.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ...trace import events as ev
from .protocols.secrets import Secrets
from .pseudonyms import PIECE, is_text
from .sources import Occurrences, identified, stands_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .findings import Findings
    from .pseudonyms import Pseudonyms

_OCTETS_MIN: Final = 6
_LETTERS_MIN: Final = 4
_SEPARATED: Final = re.compile(rb"[0-9A-Fa-f]{1,2}(?:[:.-][0-9A-Fa-f]{1,2}){5,}")
_BARE: Final = re.compile(rb"(?:[0-9A-Fa-f]{2}){6,}")
_OCTAL: Final = re.compile(rb"\\([0-3][0-7]{2})")
# Here a text that a client calls itself by may be a word of the language.
_SPOKEN: Final = (ev.ConfigurationFile, ev.LeaseFilePart, ev.Boot)


class Survivors:
    """Looks through records for what `findings` names."""

    def __init__(self, findings: Findings, pseudonyms: Pseudonyms) -> None:
        octets = {value for value in findings.hardware | findings.identifiers if stands_out(value)}
        given = {pseudonyms.hardware(value) for value in findings.hardware}
        given |= {identified(value, pseudonyms) for value in findings.identifiers}
        self._octets = Occurrences(octets - given)
        self._binary = Occurrences(value for value in octets - given if not is_text(value))
        words = {word for word in findings.words if len(word) >= _LETTERS_MIN}
        self._words = words - {pseudonyms.word(word) for word in findings.words} - findings.kept - findings.spoken
        made = Secrets(findings.secrets)
        self._secrets = {value for value in findings.secrets if len(value) >= _OCTETS_MIN and made.text(value) != value}

    def of(self, record: Iterable[Any]) -> Iterator[str]:
        """What of the names to be hidden a record still holds, in words for people."""
        octets = self._binary if isinstance(record, _SPOKEN) else self._octets
        for data in _fields(record):
            yield from self._in(data, octets)

    def _in(self, data: bytes, octets: Occurrences) -> Iterator[str]:
        plain = _OCTAL.sub(lambda found: bytes([int(found[1], 8)]), data)
        for where in (data, plain) if plain != data else (data,):
            yield from (found.hex(":") for _at, found in octets.within(where))
        for piece in PIECE.findall(data):
            if piece.lower() in self._words:
                yield piece.decode("utf-8", "replace")
        for whole in _written_in_hex(data):
            yield from (found.hex(":") for _at, found in octets.within(whole))
        for secret in self._secrets:
            if secret in data:
                yield "a secret"


def _fields(record: Iterable[Any]) -> Iterator[bytes]:
    for field in record:
        if isinstance(field, str):
            yield field.encode("utf-8", "surrogatepass")
        elif isinstance(field, bytes):
            yield field
        elif isinstance(field, tuple | list):
            yield from _fields(field)


def _written_in_hex(data: bytes) -> Iterator[bytes]:
    """Octets that a text holds in hex, with and without separators."""
    for found in _SEPARATED.findall(data):
        yield bytes(int(digits, 16) for digits in re.split(b"[:.-]", found))
    for found in _BARE.findall(data):
        yield bytes.fromhex(found.decode("ascii"))
