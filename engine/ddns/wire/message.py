"""DNS messages as octets: names, questions out, answers in; updates are update.py's. No state.

Names are dnspython's, which is loaded when the first one is read: to load it is an eighth of a start, and who says
nothing to DNS, or only tests a configuration, does without. A message is made without its id, which differs from
server to server. An answer comes from anybody, so it is walked with bounds, and only what is asked for is decoded.

See docs/behaviour/dns-updates.md#form-of-a-message.
"""

from __future__ import annotations

import re
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from . import result

if TYPE_CHECKING:
    from dns.name import Name

# What a message without EDNS may have over UDP (RFC 1035, 4.2.1), a signature included.
UDP_OCTETS_MAXIMUM: Final = 512
HEADER: Final = Struct("!HHHHHH")
_FIXED: Final = Struct("!HHIH")
QUESTION: Final = Struct("!HH")
_RECURSION_DESIRED: Final = 0x0100
_RCODE: Final = 15
IN: Final = 1
A: Final = 1
NS: Final = 2
SOA: Final = 6
AAAA: Final = 28
_OPT: Final = 41
TSIG: Final = 250
POINTER: Final = 0xC0
LABEL_MAXIMUM: Final = 63
NAME_MAXIMUM: Final = 255

# A label that begins so was one of single bits, which is history (RFC 6891, 5), and which ISC's library refuses.
_BIT_LABEL: Final = re.compile(rb"(?:(?:[^\\.]|\\.)*\.)*\\\[", re.DOTALL)


class BadName(ValueError):
    """A text is no domain name; `reason` is ISC's word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def until_nul(text: bytes) -> bytes:
    """What DNS and the log hear of a name; the lease and option 81 have all of it."""
    return text.split(b"\0", 1)[0]


def _heard(text: bytes) -> bytes:
    text = until_nul(text)
    return text[:-1] if (len(text) - len(text.rstrip(b"\\"))) % 2 else text


@lru_cache(maxsize=4096)
def name_from_text(text: bytes) -> Name:
    """The name that a text stands for, escapes of master files understood. Raises BadName.

    The text ends at a NUL, as ISC's, which is a C string; a backslash with nothing behind it says nothing.
    """
    text = _heard(text)
    if b"\\[" in text and _BIT_LABEL.match(text):
        raise BadName("bad label type")
    return labels_from_text(text)


def labels_from_text(text: bytes) -> Name:
    """The same, but for a label of bits: a guard is made of its name before anybody refuses that. Raises BadName."""
    import dns.name  # noqa: PLC0415 - see above

    text = _heard(text)
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


def question(name: Name, kind: int) -> bytes:
    """A question to a resolver, with the id 0."""
    return HEADER.pack(0, _RECURSION_DESIRED, 1, 0, 0, 0) + wire_form(name) + QUESTION.pack(kind, IN)


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
        end = skip_name(asked, HEADER.size) + QUESTION.size
        found = self.octets[HEADER.size : end]
        return count == 1 and found.lower() == asked[HEADER.size : end].lower()


def read(octets: bytes) -> Answer:
    """Walk an answer. Raises BadAnswer; trailing octets do not count."""
    if len(octets) < HEADER.size:
        raise BadAnswer(result.END_OF_INPUT)
    _id, flags, questions, *counts = HEADER.unpack_from(octets)
    at = HEADER.size
    for _ in range(questions):
        at = skip_name(octets, at) + QUESTION.size
        if at > len(octets):
            raise BadAnswer(result.END_OF_INPUT)
    records: list[Record] = []
    for section, count in enumerate(counts):
        for _ in range(count):
            record = read_record(octets, section, at)
            records.append(record)
            at = record.data_at + record.octets
    return _judged(octets, flags & _RCODE, tuple(records))


def read_record(octets: bytes, section: int, at: int) -> Record:
    """The record that begins there. Raises BadAnswer where it does not end in the message."""
    fixed_at = skip_name(octets, at)
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


def skip_name(octets: bytes, at: int) -> int:
    """Where a name ends. A pointer must lead back, in front of the name."""
    begin, total = at, 1
    while at < len(octets):
        length = octets[at]
        if not length:
            return at + 1
        if length >= POINTER:
            if at + 2 > len(octets):
                break
            if int.from_bytes(octets[at : at + 2], "big") & 0x3FFF >= begin:
                raise BadAnswer(result.BAD_POINTER)
            return at + 2
        if length > LABEL_MAXIMUM:
            raise BadAnswer(result.BAD_LABEL)
        total += length + 1
        if total > NAME_MAXIMUM:
            raise BadAnswer(result.NAME_TOO_LONG)
        at += length + 1
    raise BadAnswer(result.END_OF_INPUT)


def name_at(octets: bytes, at: int) -> Name:
    """The name that begins there, decompressed. Raises BadAnswer."""
    import dns.exception  # noqa: PLC0415 - as above
    import dns.name  # noqa: PLC0415 - as above

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
