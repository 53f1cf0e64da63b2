"""DNS messages as octets: updates and questions out, answers in. One function each way, and no state.

Names are dnspython's. They are compressed, a PTR record's target too: each points to the zone's name or to its first
use, whatever their letters' case. A message is made without its id, which differs from server to server. An answer
comes from anybody, so it is walked with bounds, and only what is asked for is decoded.

See docs/behaviour/dns-updates.md#form-of-a-message.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

import dns.exception
import dns.name

from ...conf.domain_names import append_name
from ..rules import Kind, Way
from . import result

if TYPE_CHECKING:
    from ..records import Names
    from ..rules import Row, Template

# What a message without EDNS may have over UDP (RFC 1035, 4.2.1), a signature included.
UDP_OCTETS_MAXIMUM: Final = 512
HEADER: Final = Struct("!HHHHHH")
_FIXED: Final = Struct("!HHIH")
_QUESTION: Final = Struct("!HH")
_OPCODE_UPDATE: Final = 5 << 11
_RECURSION_DESIRED: Final = 0x0100
_RCODE: Final = 15
IN: Final = 1
_NONE: Final = 254
_ANY: Final = 255
A: Final = 1
NS: Final = 2
SOA: Final = 6
_PTR: Final = 12
_SIG: Final = 24
AAAA: Final = 28
_OPT: Final = 41
TSIG: Final = 250
_TYPES: Final = {Kind.ANY: 255, Kind.A: A, Kind.AAAA: AAAA, Kind.PTR: _PTR}
_TXT: Final = 16
_DHCID: Final = 49
_CLASSES: Final = {
    Way.NONE_EXISTS: _NONE, Way.SOME_EXISTS: _ANY, Way.THIS_EXISTS: IN, Way.ADD: IN, Way.DELETE_ALL: _ANY,
    Way.DELETE_THIS: _NONE,
}  # fmt: skip
_WITH_DATA: Final = frozenset({Way.THIS_EXISTS, Way.ADD, Way.DELETE_THIS})
_POINTER: Final = 0xC0
_LABEL_MAXIMUM: Final = 63
_NAME_MAXIMUM: Final = 255

Name = dns.name.Name


class BadName(ValueError):
    """A text is no domain name; `reason` is ISC's word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@lru_cache(maxsize=4096)
def name_from_text(text: bytes) -> Name:
    """The name that a text stands for, escapes of master files understood. Raises BadName."""
    try:
        return dns.name.from_text(text)
    except dns.name.EmptyLabel:
        raise BadName("empty label") from None
    except dns.name.LabelTooLong:
        raise BadName("label too long") from None
    except dns.name.NameTooLong:
        raise BadName("ran out of space") from None
    except dns.name.BadEscape:
        raise BadName("bad escape") from None


def wire_form(name: Name) -> bytes:
    """The octets of a name, uncompressed, in its own case."""
    made = name.to_wire()
    assert made is not None, "without a file the octets come back"
    return made


def update(zone: Name, owner: Name, template: Template, names: Names, address: int) -> bytes:
    """An update of `owner` in `zone`, with the id 0. Raises BadName where the PTR's target is no name."""
    made = bytearray(HEADER.pack(0, _OPCODE_UPDATE, 1, len(template.prerequisites), len(template.updates), 0))
    known: dict[tuple[bytes, ...], int] = {}
    append_name(made, zone.labels[:-1], known)
    made += _QUESTION.pack(SOA, IN)
    data = {Kind.A: address.to_bytes(4, "big"), Kind.GUARD: names.guard_data}
    pointer = b""
    for row in (*template.prerequisites, *template.updates):
        if pointer:
            made += pointer
        else:
            append_name(made, owner.labels[:-1], known)
            pointer = (known[tuple([label.lower() for label in owner.labels[:-1]])] | _POINTER << 8).to_bytes(2, "big")
        ttl = names.ttl if row.way is Way.ADD else 0
        content = data.get(row.kind, b"") if row.way in _WITH_DATA else b""
        made += _FIXED.pack(_type_of(row, names), _CLASSES[row.way], ttl, len(content)) + content
        if row.kind is Kind.PTR and row.way is Way.ADD:
            begin = len(made)
            append_name(made, name_from_text(names.forward).labels[:-1], known)
            made[begin - 2 : begin] = (len(made) - begin).to_bytes(2, "big")
    return bytes(made)


def _type_of(row: Row, names: Names) -> int:
    if row.kind is Kind.GUARD:
        return names.guard_type
    if row.kind is Kind.OTHER_GUARD:
        return _DHCID if names.guard_type == _TXT else _TXT
    return _TYPES[row.kind]


def question(name: Name, kind: int) -> bytes:
    """A question to a resolver, with the id 0."""
    return HEADER.pack(0, _RECURSION_DESIRED, 1, 0, 0, 0) + wire_form(name) + _QUESTION.pack(kind, IN)


def with_id(message: bytes, number: int) -> bytes:
    """The message under an id."""
    return number.to_bytes(2, "big") + message[2:]


class BadAnswer(ValueError):
    """An answer cannot be read; `word` is one of result.py's."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Record(NamedTuple):
    """Where one record of an answer stands: its owner's name begins at `at`, its data of `octets` at `data_at`.

    `section`: 0 answer, 1 authority, 2 additional.
    """

    section: int
    at: int
    kind: int
    class_: int
    ttl: int
    data_at: int
    octets: int


class Answer(NamedTuple):
    """An answer: `rcode` is of twelve bits where an OPT record has widened it (`extended`)."""

    octets: bytes
    rcode: int
    extended: bool
    records: tuple[Record, ...]

    def repeats(self, asked: bytes) -> bool:
        """Whether it repeats the question (or zone) of the message that it answers, or none at all."""
        count = int.from_bytes(self.octets[4:6], "big")
        if not count:
            return asked[2] >> 3 != 0
        end = _skip(asked, HEADER.size) + _QUESTION.size
        found = self.octets[HEADER.size : end]
        return count == 1 and found.lower() == asked[HEADER.size : end].lower()


def read(octets: bytes) -> Answer:
    """Walk an answer of at least a header's octets. Raises BadAnswer; trailing octets do not count."""
    _id, flags, questions, *counts = HEADER.unpack_from(octets)
    at = HEADER.size
    for _ in range(questions):
        at = _skip(octets, at) + _QUESTION.size
        if at > len(octets):
            raise BadAnswer(result.END_OF_INPUT)
    records: list[Record] = []
    for section, count in enumerate(counts):
        for _ in range(count):
            record = _record(octets, section, at)
            records.append(record)
            at = record.data_at + record.octets
    return _judged(octets, flags & _RCODE, tuple(records))


def _record(octets: bytes, section: int, at: int) -> Record:
    fixed_at = _skip(octets, at)
    data_at = fixed_at + _FIXED.size
    if data_at > len(octets):
        raise BadAnswer(result.END_OF_INPUT)
    kind, class_, ttl, length = _FIXED.unpack_from(octets, fixed_at)
    if data_at + length > len(octets):
        raise BadAnswer(result.END_OF_INPUT)
    return Record(section, at, kind, class_, ttl, data_at, length)


def _judged(octets: bytes, rcode: int, records: tuple[Record, ...]) -> Answer:
    """Give the code its upper bits, of the one OPT record that there may be (RFC 6891, 6.1.3)."""
    options = [record for record in records if record.kind == _OPT]
    if len(options) > 1:
        raise BadAnswer(result.FORMERR)
    upper = options[0].ttl >> 24 if options else 0
    return Answer(octets, upper << 4 | rcode, bool(upper), records)


def _skip(octets: bytes, at: int) -> int:
    """Where a name ends. A pointer must lead back, in front of the name."""
    begin, total = at, 1
    while at < len(octets):
        length = octets[at]
        if not length:
            return at + 1
        if length >= _POINTER:
            if at + 2 > len(octets):
                break
            if int.from_bytes(octets[at : at + 2], "big") & 0x3FFF >= begin:
                raise BadAnswer(result.BAD_POINTER)
            return at + 2
        if length > _LABEL_MAXIMUM:
            raise BadAnswer(result.BAD_LABEL)
        total += length + 1
        if total > _NAME_MAXIMUM:
            raise BadAnswer(result.NAME_TOO_LONG)
        at += length + 1
    raise BadAnswer(result.END_OF_INPUT)


def name_at(octets: bytes, at: int) -> Name:
    """The name that begins there, decompressed. Raises BadAnswer."""
    try:
        return dns.name.from_wire(octets, at)[0]
    except dns.name.BadPointer:
        raise BadAnswer(result.BAD_POINTER) from None
    except dns.name.BadLabelType:
        raise BadAnswer(result.BAD_LABEL) from None
    except dns.name.NameTooLong:
        raise BadAnswer(result.NAME_TOO_LONG) from None
    except dns.exception.DNSException:
        raise BadAnswer(result.END_OF_INPUT) from None
