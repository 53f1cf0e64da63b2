"""How the value of an option is written for people and for the lease file.

Printing only: the other way is the parser's. Everything here takes octets and gives text; nothing is refused, a
value too short for its format becomes `<error>`, as ISC dhcpd writes it.

See docs/behaviour/packets.md#values-as-text, docs/behaviour/packets.md#arrays-and-records.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR
from ...model import notices
from ...model.tables import LETTER_OCTETS
from ..domain_names import BadNameError, name_text, read_name, read_names

if TYPE_CHECKING:
    from ...model.spaces import OptionDefinition

LogLine = Callable[[int, str], None]
ERROR_TEXT: Final = "<error>"
TEXT_MAX_CHARACTERS: Final = 32768
# ISC prints an identifier into 60 characters: quotes and a NUL beside text, or three characters an octet.
_IDENTIFIER_MAX_OCTETS: Final = 57
# ISC's log lines are at most this long.
LOG_OCTETS_MAXIMUM: Final = 1023
_IDENTIFIER_ROOM_CHARACTERS: Final = 60

_PRINTABLE = frozenset(range(0x20, 0x7F))
_INFINITE: Final = 0xFFFFFFFF

_QUOTED = tuple(
    "\\" + chr(octet) if octet in b'"\\' else chr(octet) if octet in _PRINTABLE else f"\\{octet:03o}"
    for octet in range(256)
)
# This form escapes what a shell would act on, too.
_PRETTY = tuple(
    "\\" + chr(octet) if octet in b"\"'$`\\|&" else chr(octet) if octet in _PRINTABLE else f"\\{octet:03o}"
    for octet in range(256)
)
_PAIRS = tuple(f"{octet:02x}" for octet in range(256))
_DIGITS = tuple(f"{octet:x}" for octet in range(256))


def printable(value: bytes) -> bool:
    """Whether all octets are printable ASCII (space included)."""
    return _PRINTABLE.issuperset(value)


def quoted(value: bytes) -> str:
    """The octal form of the lease file, with its quotes (docs/behaviour/lease-file.md#quoted-strings-in-octal-form)."""
    return '"' + "".join([_QUOTED[octet] for octet in value]) + '"'


def pretty_text(value: bytes) -> str:
    """A value as text, with its quotes; one NUL at the end is left out (docs/behaviour/packets.md#values-as-text)."""
    return '"' + "".join([_PRETTY[octet] for octet in value.removesuffix(b"\0")]) + '"'


def hex_list(value: bytes) -> str:
    """`0:1:ab`: octets without zeros in front."""
    return ":".join([_DIGITS[octet] for octet in value])


def hex_pairs(value: bytes) -> str:
    """`00:01:ab`: octets of two digits."""
    return ":".join([_PAIRS[octet] for octet in value])


def bytes_text(value: bytes) -> str:
    """Text where it is printable, a NUL at the end aside, else a hex list."""
    return pretty_text(value) if printable(value.removesuffix(b"\0")) else hex_list(value)


def identifier_text(value: bytes) -> str:
    """The form of identifiers in log lines: quoted and cut, or hex, or nothing where hex has no room.

    See docs/behaviour/packets.md#values-as-text.
    """
    cut = value[:_IDENTIFIER_MAX_OCTETS]
    if printable(cut):
        return f'"{cut.decode("ascii")}"'
    return hex_pairs(value) if 3 * len(value) <= _IDENTIFIER_ROOM_CHARACTERS else ""


def shown(value: bytes) -> str:
    """Octets of a configuration or a packet as the text of a log line, an octet a character: ISC's C string."""
    return value[:LOG_OCTETS_MAXIMUM].split(b"\0", 1)[0].decode("latin-1")


def _fields(option_format: str) -> tuple[list[tuple[str, str]], str]:
    """The fields of a format, and `A`, `a` or nothing for how they repeat."""
    fields: list[tuple[str, str]] = []
    repeat = ""
    at = 0
    while at < len(option_format):
        letter = option_format[at]
        at += 1
        if letter in "Aa":
            repeat = letter
        elif letter in "EN":
            end = option_format.find(".", at)
            end = len(option_format) if end < 0 else end
            fields.append((letter, option_format[at:end]))
            at = end + 1
        elif letter == "D" and option_format[at : at + 1] == "c":
            fields.append(("D", "c"))
            at += 1
        elif letter != "o":
            fields.append((letter, ""))
    return fields, repeat


def _fixed_text(letter: str, value: bytes, words: dict[int, str]) -> str:
    """One value of a letter in LETTER_OCTETS."""
    if letter == "I":
        return ".".join([str(octet) for octet in value])
    if letter == "6":
        return str(IPv6Address(value))
    number = int.from_bytes(value, "big", signed=letter in "lsb")
    if letter == "f":
        return "true" if number else "false"
    if letter == "T" and number == _INFINITE:
        return "infinite"
    return words.get(number, str(number)) if letter == "N" else str(number)


def _variable_text(letter: str, value: bytes) -> tuple[str, int]:
    """The text of a field that has no fixed length, and how many octets it took."""
    try:
        if letter == "d":
            name, behind = read_name(value, 0)
            return name_text(name), behind
        if letter == "D":
            return ", ".join(f'"{name_text(name)}"' for name in read_names(value)), len(value)
    except BadNameError:
        return ERROR_TEXT, len(value)
    return (pretty_text(value) if letter in "tUk" else bytes_text(value)), len(value)


class _Printer:
    """One value on its way to text."""

    def __init__(self, option: OptionDefinition, value: bytes, enumerations: dict[str, dict[int, str]]) -> None:
        self.option = option
        self.value = value
        self.enumerations = enumerations
        self.at = 0

    def record(self, fields: list[tuple[str, str]]) -> str:
        return " ".join([self.field(letter, argument) for letter, argument in fields if letter != "Z"])

    def field(self, letter: str, argument: str) -> str:
        width = LETTER_OCTETS.get(letter, 0)
        if not width:
            text, taken = _variable_text(letter, self.value[self.at :])
            self.at += taken
            return text
        self.at += width
        return _fixed_text(letter, self.value[self.at - width : self.at], self.enumerations.get(argument, {}))

    def items(self, fields: list[tuple[str, str]]) -> list[str]:
        """As many whole records as there are octets for."""
        width = max(1, _width(fields))
        made: list[str] = []
        while self.at + width <= len(self.value):
            made.append(self.record(fields))
        return made


def _width(fields: list[tuple[str, str]]) -> int:
    return sum(LETTER_OCTETS.get(letter, 0) for letter, _argument in fields)


def _ignore(_level: int, _text: str) -> None:
    """Log nothing."""


def text_of(
    option: OptionDefinition,
    value: bytes,
    log: LogLine = _ignore,
    enumerations: dict[str, dict[int, str]] | None = None,
) -> str:
    """The value in the option's own syntax, as `option NAME ...;` takes it; `<error>` where it is too short."""
    fields, repeat = _fields(option.format or "X")
    needed = _width(fields[:-1] if repeat == "a" else fields)
    if repeat == "A":
        needed = _width(fields) if value else 0
    if len(value) < needed:
        log(ERROR, f"{option.name}: expecting at least {needed} bytes; got {len(value)}")
        return ERROR_TEXT
    printer = _Printer(option, value, enumerations or {})
    text = _arranged(printer, fields, repeat)
    if printer.at < len(value) and fields:
        where = " at end of array" if repeat else ""
        log(ERROR, f"{option.name}: {len(value) - printer.at} extra bytes{where}")
    if len(text) > TEXT_MAX_CHARACTERS:
        log(*notices.OPTION_TOO_LONG_TO_PRINT(option=option.name))
        return ERROR_TEXT
    return text


def _arranged(printer: _Printer, fields: list[tuple[str, str]], repeat: str) -> str:
    if repeat == "A":
        return ",".join(printer.items(fields))
    if repeat == "a":
        head = printer.record(fields[:-1])
        return " ".join([part for part in (head, ",".join(printer.items(fields[-1:]))) if part])
    return printer.record(fields)
