"""Updates as octets (RFC 2136): what a step's template says of a name, in its zone.

Names are compressed, a PTR record's target too: each points to the zone's name or to its first use, whatever their
letters' case. Nearly every name is plain text in front of its zone's, and nearly every target shares nothing with the
zone it stands in: for these, what a zone and a template come to is kept, and the rest put between. Other names, with
escapes or with something to point at, take the long way. Both come to the same octets.

See docs/behaviour/dns-updates.md#form-of-a-message.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from ...conf.domain_names import append_name
from ..records import DHCID, TXT
from ..rules import Kind, Way
from .message import (
    AAAA,
    HEADER,
    IN,
    LABEL_MAXIMUM,
    NAME_MAXIMUM,
    POINTER,
    QUESTION,
    SOA,
    A,
    BadName,
    labels_from_text,
    name_from_text,
    wire_form,
)

if TYPE_CHECKING:
    from ..records import Names
    from ..rules import Row, Template

_OPCODE_UPDATE: Final = 5 << 11
_NONE: Final = 254
_ANY: Final = 255
_PTR: Final = 12
_TYPES: Final = {Kind.ANY: 255, Kind.A: A, Kind.AAAA: AAAA, Kind.PTR: _PTR}
_CLASSES: Final = {
    Way.NONE_EXISTS: _NONE, Way.SOME_EXISTS: _ANY, Way.THIS_EXISTS: IN, Way.ADD: IN, Way.DELETE_ALL: _ANY,
    Way.DELETE_THIS: _NONE,
}  # fmt: skip
_WITH_DATA: Final = frozenset({Way.THIS_EXISTS, Way.ADD, Way.DELETE_THIS})
_LENGTH: Final = Struct("!H")
_NO_TTL: Final = bytes(4)
_TO_ZONE: Final = bytes((POINTER, HEADER.size))


class BadZone(BadName):
    """The zone's text is no domain name."""


class NotInZone(BadName):
    """The name to be updated is not in the zone."""


class BadTarget(BadName):
    """What a PTR record is to point to is no domain name."""


class _Zone(NamedTuple):
    """A zone's name as text, and what every update of it says of it.

    `question`: the name, SOA, IN. `suffix` ends the plain texts of names in the zone, in lower case, with the dot in
    front; empty where the zone's own text is not plain. `top` is its last label in lower case.
    """

    text: bytes
    question: bytes
    suffix: bytes
    top: bytes
    name_octets: int


class _Record(NamedTuple):
    """A record of a template: type and class; whether it has the update's TTL; what its data is, ANY for none."""

    octets: bytes
    has_ttl: bool
    content: Kind


class _Form(NamedTuple):
    """A template with one type of guard: the header, its records in order, and whether one is to point to a name."""

    header: bytes
    records: tuple[_Record, ...]
    has_target: bool


def update(zone: bytes, owner: bytes, template: Template, names: Names, address: int) -> bytes:
    """An update of `owner` in `zone`, both as text, with the id 0. Raises BadName, and its kinds here."""
    place = _place(zone, owner)
    form = _form(template, names.guard_type)
    front = _plain_front(owner, place)
    target = _plain_target(names.forward, place) if form.has_target else b""
    if front is None or target is None:
        return _compressed(place, owner, form, names, address)
    at = HEADER.size + len(place.question) if front else HEADER.size
    pointer = _LENGTH.pack(POINTER << 8 | at)
    made = [form.header, place.question, front, _TO_ZONE]
    for record in form.records:
        data = target if record.content is Kind.PTR else _data(record, names, address)
        made += record.octets, _ttl(record, names), _LENGTH.pack(len(data)), data, pointer
    return b"".join(made[:-1])


def _place(zone: bytes, owner: bytes) -> _Zone:
    """Raises BadName for the owner, or BadZone."""
    try:
        return _zone(zone)
    except BadName as bad:
        name_from_text(owner)
        raise BadZone(bad.reason) from None


@lru_cache(maxsize=256)
def _zone(text: bytes) -> _Zone:
    name = name_from_text(text)
    question = wire_form(name) + QUESTION.pack(SOA, IN)
    plain = text.removesuffix(b".").lower()
    suffix = b"" if _has_escapes(text) or not plain else b"." + plain
    top = name.labels[-2].lower() if len(name.labels) > 1 else b""
    return _Zone(text, question, suffix, top, len(question) - QUESTION.size)


@lru_cache(maxsize=256)
def _form(template: Template, guard_type: int) -> _Form:
    header = HEADER.pack(0, _OPCODE_UPDATE, 1, len(template.prerequisites), len(template.updates), 0)
    records = tuple(_record(row, guard_type) for row in (*template.prerequisites, *template.updates))
    return _Form(header, records, any(record.content is Kind.PTR for record in records))


def _record(row: Row, guard_type: int) -> _Record:
    octets = QUESTION.pack(_type_of(row, guard_type), _CLASSES[row.way])
    return _Record(octets, row.way is Way.ADD, row.kind if row.way in _WITH_DATA else Kind.ANY)


def _type_of(row: Row, guard_type: int) -> int:
    if row.kind is Kind.GUARD:
        return guard_type
    if row.kind is Kind.OTHER_GUARD:
        return DHCID if guard_type == TXT else TXT
    return _TYPES[row.kind]


def _ttl(record: _Record, names: Names) -> bytes:
    return names.ttl.to_bytes(4, "big") if record.has_ttl else _NO_TTL


def _data(record: _Record, names: Names, address: int) -> bytes:
    """A record's data, but a PTR record's."""
    if record.content is Kind.A:
        return address.to_bytes(4, "big")
    return b"" if record.content is Kind.ANY else names.guard_data


# The short way. It may not take a name that the long one would refuse, or compress otherwise.


def _has_escapes(text: bytes) -> bool:
    """Whether the text of a name is not its labels and dots: `@` alone stands for the root, a NUL ends it."""
    return b"\\" in text or b"\0" in text or text == b"@"


def _plain_front(owner: bytes, place: _Zone) -> bytes | None:
    """The labels of a plain name in front of its zone's; None where it takes the long way."""
    text = owner.removesuffix(b".")
    if not place.suffix or _has_escapes(owner) or not (b"." + text).lower().endswith(place.suffix):
        return None
    if len(text) < len(place.suffix):
        return b""
    return _plain_labels(text[: -len(place.suffix)], NAME_MAXIMUM - place.name_octets)


def _plain_target(text: bytes, place: _Zone) -> bytes | None:
    """A plain name whose last label is not the zone's, so that nothing of it is compressed; else None."""
    if not text:
        return b"\0"
    plain = text.removesuffix(b".")
    if _has_escapes(text) or plain.lower().rpartition(b".")[2] == place.top:
        return None
    labels = _plain_labels(plain, NAME_MAXIMUM - 1)
    return None if labels is None else labels + b"\0"


def _plain_labels(text: bytes, octets_maximum: int) -> bytes | None:
    """The labels of a text without escapes; None where they are not as they should be."""
    labels = [label for label in text.split(b".") if 0 < len(label) <= LABEL_MAXIMUM]
    made = b"".join([bytes((len(label),)) + label for label in labels])
    return made if len(made) == len(text) + 1 <= octets_maximum else None


# The long way.


def _compressed(place: _Zone, owner: bytes, form: _Form, names: Names, address: int) -> bytes:
    """See `update`."""
    name, zone = name_from_text(owner), name_from_text(place.text)
    if not name.is_subdomain(zone):
        raise NotInZone("not in zone")
    made = bytearray(form.header)
    known: dict[tuple[bytes, ...], int] = {}
    append_name(made, zone.labels[:-1], known)
    made += QUESTION.pack(SOA, IN)
    append_name(made, name.labels[:-1], known)
    tail = tuple([label.lower() for label in name.labels[:-1]])
    pointer = _LENGTH.pack(POINTER << 8 | known.get(tail, HEADER.size))
    for record in form.records:
        made += record.octets + _ttl(record, names)
        if record.content is Kind.PTR:
            _append_target(made, names.forward, known)
        else:
            data = _data(record, names, address)
            made += _LENGTH.pack(len(data)) + data
        made += pointer
    return bytes(made[: -len(pointer)])


def _append_target(made: bytearray, text: bytes, known: dict[tuple[bytes, ...], int]) -> None:
    """The data of a PTR record, behind its length."""
    try:
        labels = labels_from_text(text).labels[:-1]
    except BadName as bad:
        raise BadTarget(bad.reason) from None
    begin = len(made)
    made += _LENGTH.pack(0)
    append_name(made, labels, known)
    made[begin : begin + _LENGTH.size] = _LENGTH.pack(len(made) - begin - _LENGTH.size)
