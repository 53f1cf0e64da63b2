"""Literal option values back to text: taken apart again by the letters of their format.

See docs/behaviour/configuration.md#values-by-format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...model.syntax import Expression, HostName
from ...model.tables import LETTER_OCTETS
from ..domain_names import BadNameError, name_text, read_name, read_names
from ..options import ENUMERATIONS
from ..reading.parse_values import Field, fields_of
from .printing_expressions import quoted

if TYPE_CHECKING:
    from ...model.syntax import OptionStatement

# Letters of fields that take all that is left.
_REST: Final = "tXEdDUk"
_FLAGS: Final = {0: "false", 1: "true", 2: "ignore"}


class _Unfit(Exception):
    pass


def _split(format_: str, value: bytes) -> list[list[tuple[Field, bytes]]]:
    """Records of (field, octets). Raises _Unfit where the value is not of the format."""
    fields, repeats = fields_of(format_)
    records: list[list[tuple[Field, bytes]]] = []
    at = 0
    while True:
        record: list[tuple[Field, bytes]] = []
        for field in fields:
            if field.optional and at >= len(value):
                break
            at = _take(field, value, at, record)
            while field.array and at < len(value):
                at = _take(field, value, at, record)
        records.append(record)
        if at >= len(value) or not repeats:
            break
    if at != len(value):
        raise _Unfit
    return records


def _take(field: Field, value: bytes, at: int, record: list[tuple[Field, bytes]]) -> int:
    """One field at `at`; the offset behind it."""
    letter = field.letter
    if letter == "Z":
        end = at
    elif letter in _REST:
        end = len(value)
    else:
        end = at + (ENUMERATIONS.get(field.name, (1, {}))[0] if letter == "N" else LETTER_OCTETS.get(letter, 0))
        if end > len(value) or end == at:
            raise _Unfit
    record.append((field, value[at:end]))
    return end


def literal_text(statement: OptionStatement) -> str | None:
    """The value as dhcpd.conf has it behind the option's name; None where `= expression` must do."""
    value = statement.value
    if value.kind == "assembled":
        return _assembled_text(statement)
    octets = value.octets
    if octets is None:
        return None
    try:
        records = _split(statement.option.format, octets)
        strings = bool(value.arguments[1])
        return ", ".join(_record_text(record, strings=strings) for record in records)
    except (_Unfit, BadNameError):
        return None


def _assembled_text(statement: OptionStatement) -> str | None:
    """A value with host names in it: each part is one field."""
    parts = statement.value.parts
    fields, repeats = fields_of(statement.option.format)
    rest = list(parts)
    records: list[str] = []
    while rest:
        record: list[str] = []
        for field in fields:
            items = [_part_text(field, rest.pop(0)) for _ in rest[: len(rest) if field.array else 1]]
            record += [", ".join(items)] if items else []
        records.append(" ".join(record))
        if not repeats:
            break
    return None if rest else ", ".join(records)


def _part_text(field: Field, part: bytes | HostName) -> str:
    if isinstance(part, HostName):
        return part.name
    if field.letter in "XE" and part:
        return ":".join(f"{octet:02x}" for octet in part)
    return _field_text(field, part)


def _record_text(record: list[tuple[Field, bytes]], *, strings: bool) -> str:
    made = ""
    for index, (field, octets) in enumerate(record):
        joint = "" if not index else ", " if field.array and record[index - 1][0] is field else " "
        if field.letter in "XE" and not strings:
            if not octets:
                raise _Unfit
            made += joint + ":".join(f"{octet:02x}" for octet in octets)
        else:
            made += joint + _field_text(field, octets)
    return made


def _dotted(octets: bytes) -> str:
    return ".".join(str(octet) for octet in octets)


def _field_text(field: Field, octets: bytes) -> str:
    letter = field.letter
    if letter == "I":
        return _dotted(octets)
    if letter == "6":
        return ":".join(f"{octets[at]:02x}{octets[at + 1]:02x}" for at in range(0, 16, 2))
    if letter in "lLTsSbB":
        return str(int.from_bytes(octets, "big", signed=letter in "lsb"))
    if letter == "f":
        return _known(_FLAGS, octets[0])
    if letter == "N":
        words = {number: word for word, number in ENUMERATIONS.get(field.name, (1, {}))[1].items()}
        return _known(words, int.from_bytes(octets, "big"))
    if letter == "d":
        name, end = read_name(octets, 0)
        text = name_text(name)
        # The bare form takes letters, digits and hyphens, as a word of the language is read.
        if end != len(octets) or not text.replace("-", "a").replace(".", "a").isalnum():
            raise _Unfit
        return text
    if letter == "D":
        return ", ".join(quoted(name_text(name).encode("latin-1")) for name in read_names(octets))
    if letter == "U":
        return octets.decode("latin-1")
    return "" if letter == "Z" else quoted(octets)


def _known(words: dict[int, str], number: int) -> str:
    if number not in words:
        raise _Unfit
    return words[number]


def pieces(statement: OptionStatement) -> list[Expression]:
    """The fields of a literal value, which ISC's server joins two by two; none where the value is one piece."""
    value = statement.value
    octets = value.octets
    if octets is None:
        return []
    try:
        fields = [pair for record in _split(statement.option.format, octets) for pair in record]
    except _Unfit:
        return []
    return [Expression("data", (part, field.letter in "tUk" or _was_string(field, value))) for field, part in fields]


def _was_string(field: Field, value: Expression) -> bool:
    """Whether a value of octets was written as a string."""
    return field.letter in "XE" and bool(value.arguments[1])
