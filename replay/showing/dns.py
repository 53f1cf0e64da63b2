"""DNS messages as an operator reads them: updates, questions and answers, on a line or field by field.

An update (RFC 2136) says in three sections what must hold and what changes then; an answer says by its code what
became of it. Any octets are shown, and never refused: what is no DNS message to its end is left to the caller as
octets. Signatures (RFC 8945) are shown by their key, and none is checked: what the server made of an answer is the
engine's to say (`explain`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import dns.exception
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from ...engine.ddns.wire.message import HEADER, TSIG, BadAnswer, name_at, read
from .decode import Field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...engine.ddns.wire.message import Record

_RESPONSE: Final = 0x8000
_TRUNCATED: Final = 0x0200
_QUESTION_OCTETS: Final = 4
_IN, _NONE, _ANY = dns.rdataclass.IN, dns.rdataclass.NONE, dns.rdataclass.ANY
_UPDATE: Final = dns.opcode.UPDATE
_SECTIONS: Final = ("answer", "authority", "additional")
_UPDATE_SECTIONS: Final = ("prerequisite", "update", "additional")
_PREREQUISITE, _CHANGE = 0, 1
_HOW: Final[dict[int, str]] = {_NONE: "no", _ANY: "any"}
# Records whose data are told in the syntax of master files; of others the octets are.
_TOLD: Final = frozenset({
    dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.CNAME, dns.rdatatype.DHCID, dns.rdatatype.NS,
    dns.rdatatype.PTR, dns.rdatatype.SOA, dns.rdatatype.TXT,
})  # fmt: skip
_TOLD_ON_A_LINE: Final = _TOLD - {dns.rdatatype.DHCID, dns.rdatatype.TXT}
# An answer has 65,535 octets at most, and may have thousands of records.
_RECORDS_MAXIMUM: Final = 100
# On a line.
_WORDS_MAXIMUM: Final = 4


class _Message(NamedTuple):
    """A message that can be read to its end. `zone` is the name in question, `kind` its type; 0 for no question."""

    octets: bytes
    flags: int
    zone: str
    kind: int
    rcode: int
    records: tuple[Record, ...]

    @property
    def is_answer(self) -> bool:
        return bool(self.flags & _RESPONSE)

    @property
    def opcode(self) -> int:
        return self.flags >> 11 & 15


def _read(octets: bytes) -> _Message | None:
    if len(octets) < HEADER.size:
        return None
    try:
        found = read(octets)
        zone, kind = _question(octets)
    except (BadAnswer, dns.exception.DNSException):
        return None
    return _Message(octets, int.from_bytes(octets[2:4], "big"), zone, kind, found.rcode, found.records)


def _question(octets: bytes) -> tuple[str, int]:
    """The name and type in question, of which one is usual; no more of them is looked at."""
    if not int.from_bytes(octets[4:6], "big"):
        return "", 0
    name, length = dns.name.from_wire(octets, HEADER.size)
    at = HEADER.size + length
    return name.to_text(), int.from_bytes(octets[at : at + 2], "big")


def _name(octets: bytes, at: int) -> str:
    try:
        return name_at(octets, at).to_text()
    except BadAnswer:
        return "(a name that cannot be read)"


def _type(number: int) -> str:
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number))


def _data(octets: bytes, record: Record) -> str:
    """A record's data as text, in hex where they are of a type that is not told, or broken; empty for none."""
    raw = octets[record.data_at : record.data_at + record.octets]
    if record.kind not in _TOLD or not raw:
        return raw.hex(":")
    kind = dns.rdatatype.RdataType(record.kind)
    try:
        return dns.rdata.from_wire(_IN, kind, octets, record.data_at, record.octets).to_text(chunksize=0)
    except (dns.exception.DNSException, ValueError):
        return raw.hex(":")


# A line


def dns_words(octets: bytes) -> str:
    """One line: what is asked or answered, or how many octets there are."""
    found = _read(octets)
    if found is None:
        return f"{len(octets):,} octets"
    words = [_opcode(found.opcode), *(_answer_words(found) if found.is_answer else _asked_words(found))]
    for record in found.records:
        if record.kind == TSIG:
            key, _algorithm, error = _signature(octets, record)
            words.append(f"signed {key}{f' ({error})' if error else ''}")
    return " ".join(words)


def _opcode(number: int) -> str:
    return dns.opcode.to_text(dns.opcode.Opcode.make(number))


def _answer_words(found: _Message) -> Iterator[str]:
    yield _rcode(found.rcode)
    if found.flags & _TRUNCATED:
        yield "truncated"
    told = [_record_words(found, record) for record in found.records if not record.section and record.kind != TSIG]
    if told:
        yield _listed(told)


def _asked_words(found: _Message) -> Iterator[str]:
    yield found.zone
    if found.opcode != _UPDATE:
        yield _type(found.kind)
        return
    for section, begin in ((_PREREQUISITE, "if "), (_CHANGE, "")):
        told = [_record_words(found, record) for record in found.records if record.section == section]
        if told:
            yield f"{begin}{_listed(told)}{':' if begin else ''}"


def _listed(told: list[str]) -> str:
    more = len(told) - _WORDS_MAXIMUM
    return ", ".join(told[:_WORDS_MAXIMUM]) + (f" and {more:,} more" if more > 0 else "")


def _record_words(found: _Message, record: Record, *, whole: bool = False) -> str:
    """What a record says: in an update that is a condition or a change (RFC 2136, 2.4 and 2.5), else itself.

    Data that no person reads (the guard's, octets) are there where the record is told as a `whole`.
    """
    owner, kind = _name(found.octets, record.at), _type(record.kind)
    data = _data(found.octets, record) if whole or record.kind in _TOLD_ON_A_LINE else ""
    if found.opcode != _UPDATE or found.is_answer:
        return f"{owner} {kind} {data}".rstrip()
    if record.section == _PREREQUISITE:
        what = "record" if record.kind == dns.rdatatype.ANY else f"{kind} {data}".rstrip()
        how = _HOW.get(record.class_, "this")
        return f"{owner} has {how} {what}"
    if record.class_ == _IN:
        return f"add {owner} {kind} {data}".rstrip()
    return f"delete {owner} {kind} {data}".rstrip()


def _rcode(number: int) -> str:
    return dns.rcode.to_text(dns.rcode.Rcode.make(number))


# Field by field


def dns_fields(octets: bytes) -> list[Field] | None:
    """The message by its fields, None where it cannot be read to its end."""
    found = _read(octets)
    if found is None:
        return None
    fields = [
        Field("opcode", _opcode(found.opcode)),
        Field("id", str(int.from_bytes(octets[:2], "big"))),
        Field("flags", f"{found.flags:#06x}{' response' if found.is_answer else ''}"),
    ]
    if found.is_answer:
        fields.append(Field("rcode", _rcode(found.rcode)))
    if found.kind:
        fields.append(Field("zone" if found.opcode == _UPDATE else "question", _question_text(found)))
    for record in found.records[:_RECORDS_MAXIMUM]:
        fields += _record_fields(found, record)
    if len(found.records) > _RECORDS_MAXIMUM:
        fields.append(Field("more records", f"{len(found.records) - _RECORDS_MAXIMUM:,}"))
    return fields


def _question_text(found: _Message) -> str:
    return found.zone if found.opcode == _UPDATE else f"{found.zone} {_type(found.kind)}"


def _record_fields(found: _Message, record: Record) -> Iterator[Field]:
    if record.kind == TSIG:
        key, algorithm, error = _signature(found.octets, record)
        yield Field("TSIG key", f"{key}, {algorithm}")
        yield Field("TSIG error", error or "none")
        return
    sections = _UPDATE_SECTIONS if found.opcode == _UPDATE else _SECTIONS
    text = _record_words(found, record, whole=True)
    ttl = f", ttl {record.ttl}" if record.class_ == _IN else ""
    yield Field(sections[record.section], text + ttl)


def _signature(octets: bytes, record: Record) -> tuple[str, str, str]:
    """Of a TSIG record: the key's name, the algorithm and the error, which is empty for none."""
    key = _name(octets, record.at)
    try:
        data = dns.rdata.from_wire(_ANY, dns.rdatatype.TSIG, octets, record.data_at, record.octets)
    except (dns.exception.DNSException, ValueError):
        return key, "broken", "cannot be read"
    error: int = data.error  # type: ignore[attr-defined]  # of the type asked for
    algorithm: dns.name.Name = data.algorithm  # type: ignore[attr-defined]  # as above
    return key, algorithm.to_text(), dns.rcode.to_text(dns.rcode.Rcode.make(error), tsig=True) if error else ""
