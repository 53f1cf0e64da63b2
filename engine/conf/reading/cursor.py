"""What every part of the parser stands on: messages, resynchronisation, and the small pieces of the grammar.

Names, numbers, addresses, hex lists, dates. A part that cannot go on has given its
message and raises `Lost`; whoever catches it decides where reading goes on.

See docs/behaviour/configuration.md#numbers, docs/behaviour/configuration.md#dates,
docs/behaviour/configuration.md#going-on-after-an-error.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR
from ...model import notices
from ...model.syntax import Place
from ..calendar import seconds_since_epoch
from .keywords import EOF, HEXNAME, IDENTIFIERS, NUMBER, STRING
from .lexer import Lexer

if TYPE_CHECKING:
    from collections.abc import Callable

NEVER: Final = 0x7FFFFFFF
# Blocks and expressions within each other; each costs the readers of the text and of the tree a few calls.
NESTED_MAX: Final = 80
# Operators of one expression, and the branches of one `if`: their trees lean to one side, as deep as there are.
CHAINED_MAX: Final = 250
_BRACES: Final = frozenset({"{", "}"})
# ISC counts in unsigned integers of 32 bits: what is greater wraps, and is not reported.
_WORD_MAX: Final = 1 << 32
# Every spelling of an octet: a look-up where conversion would be felt, in configurations of a hundred thousand hosts.
_HEX_PAIR: Final = {form.format(n).encode(): n for n in range(256) for form in ("{:x}", "{:02x}", "{:X}", "{:02X}")}
_HARDWARE_TYPES: Final = {"ethernet": 1, "token-ring": 6, "fddi": 8, "infiniband": 32}
_HARDWARE_MAX_BYTES: Final = 20
# What nearly all hosts of large configurations look like, taken in one step; the semicolon is the last group.
_OCTET: Final = rb"(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_USUAL_ADDRESS: Final = re.compile(rb"[ \t]+" + rb"\.".join([_OCTET] * 4) + rb"(;)")
_USUAL_HARDWARE: Final = re.compile(rb"[ \t]+ethernet[ \t]+((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})(;)")
_BASE64_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/=]*")
# ISC's numbers of two tokens, which one of its messages shows.
_STRING_TOKEN, _EOF_TOKEN = 262, 607


class Lost(Exception):
    """A statement could not be read. `claimed`: nothing more is to be said about it.

    `abandon`: the block around the statement ends with it.
    """

    def __init__(self, *, claimed: bool = True) -> None:
        super().__init__()
        self.claimed = claimed
        self.abandon = False


class FatalError(Exception):
    """Reading ends at once with this text (docs/behaviour/configuration.md#fatal-while-parsing)."""


class Remarks:
    """What is said of the places of a file: log lines, and how many mistakes there were.

    It knows no reader: one that knew who hears of mistakes, and was known by him, would be found by a collection of
    garbage alone, with all that he knows.
    """

    __slots__ = ("lines", "warnings")

    def __init__(self) -> None:
        """Nothing was said."""
        self.lines: list[tuple[int, str]] = []
        self.warnings = 0

    def say(self, lexer: Lexer, text: str) -> None:
        """A message at a reader's current position: three lines."""
        number, shown, caret = lexer.show()
        self.warnings += 1
        self.lines += [(ERROR, f"{lexer.name} line {number}: {text}"), (ERROR, shown), (ERROR, caret)]


class Cursor:
    """A lexer and the log lines of reading; the base of the parser's parts."""

    def __init__(self, data: bytes, name: str, start: int = 0) -> None:
        """Of one file's bytes, from an offset."""
        self.remarks = Remarks()
        self.lines = self.remarks.lines
        self.nested = 0
        self.lexer = Lexer(data, name, self.remarks.say, start)

    @property
    def warnings(self) -> int:
        """How many mistakes there were so far."""
        return self.remarks.warnings

    def warn(self, text: str) -> None:
        """A message at the current position: three lines."""
        self.remarks.say(self.lexer, text)

    def nest(self) -> None:
        """One block or expression further in; the caller takes it back from `nested`. Raises FatalError."""
        self.nested += 1
        if self.nested > NESTED_MAX:
            raise self.too_many(f"more than {NESTED_MAX} blocks and expressions within each other")

    def too_many(self, what: str) -> FatalError:
        """The refusal of what this program's own limits do not let in; to be raised."""
        return FatalError(notices.TOO_MUCH_IN_FILE(file=self.lexer.name, line=self.lexer.show()[0], what=what).text)

    def place(self) -> Place:
        """Where the token last read begins."""
        line, column = self.lexer.place()
        return Place(self.lexer.name, line, column)

    def text(self) -> str:
        """The token last read as text, an octet a character."""
        return self.lexer.text.decode("latin-1")

    def lost(self, text: str, *, skip: bool = True, claimed: bool = True) -> Lost:
        """The message of an error, skipping the rest of the statement; to be raised."""
        self.warn(text)
        if skip:
            self.skip()
        return Lost(claimed=claimed)

    def lost_unless_semicolon(self, text: str, *, claimed: bool = True) -> Lost:
        """As lost(); where the token at fault was the semicolon, nothing is skipped."""
        return self.lost(text, skip=self.lexer.kind != ";", claimed=claimed)

    def skip(self, depth: int = 0) -> None:
        """Resynchronise, `depth` braces open: behind the next `;` outside braces, or behind a closing brace.

        See docs/behaviour/configuration.md#going-on-after-an-error.
        """
        lexer = self.lexer
        while True:
            lexer.peek()
            kind = lexer.next()
            if kind == EOF:
                return
            if kind == ";" and depth == 0:
                return
            if kind == "{":
                depth += 1
            elif kind == "}":
                depth -= 1
                if depth <= 0:
                    return

    def skip_block(self, depth: int = 0) -> None:
        """Skip behind the brace that closes the block of statements; semicolons do not stop it."""
        lexer = self.lexer
        while lexer.peek() != EOF:
            kind = lexer.next()
            if kind == "{":
                depth += 1
            elif kind == "}":
                depth -= 1
                if depth <= 0:
                    return

    def semicolon(self) -> bool:
        """`;`, or the message and a resynchronisation."""
        if self.lexer.next() == ";":
            return True
        self.warn("semicolon expected.")
        self.skip()
        return False

    def end(self, *, claimed: bool = True) -> None:
        """`;` or be lost."""
        if not self.semicolon():
            raise Lost(claimed=claimed)

    def expect(self, kind: str, text: str, *, skip: bool = True, claimed: bool = True) -> None:
        """Consume a token of that kind or be lost."""
        if self.lexer.next() != kind:
            raise self.lost(text, skip=skip, claimed=claimed)

    def accept(self, kind: str) -> bool:
        """Consume the next token if it is of that kind."""
        if self.lexer.peek() != kind:
            return False
        self.lexer.next()
        return True

    def number(self, text: bytes, base: int, bits: int) -> int:
        """The value of a number token; `base` 0 goes by its prefix. What is wrong is reported, and cut off.

        See docs/behaviour/configuration.md#numbers.
        """
        spelled = text.decode("latin-1")
        digits = spelled.removeprefix("-")
        if base == 0:
            base, digits = _by_prefix(digits)
        value = self._digits(spelled, digits, base) % _WORD_MAX
        negative = spelled.startswith("-")
        # A signed type takes the values of the unsigned one, too: ISC looks at the sign that is written.
        limit = 1 << (bits - 1) if negative else (1 << bits) - 1
        if value > limit:
            shown = {16: f"{value:x}", 8: f"{value:o}"}.get(base, str(value))
            most = limit - _WORD_MAX if negative and bits == 32 else limit  # noqa: PLR2004 - the width of ISC's int
            self.warn(f"{'-' if negative else ''}{shown} exceeds max ({most}) for precision.")
        return (-value if negative else value) % (1 << bits)

    def _digits(self, spelled: str, digits: str, base: int) -> int:
        value = 0
        if not digits:
            self.warn(f"Bogus number: {spelled}.")
        for digit in digits:
            if digit < "0":
                self.warn(f"Bogus number: {spelled}.")
                break
            # Letters go on counting behind F, so that the message can name the digit: `digit 33 not in base 16`.
            worth = ord(digit) - (87 if digit >= "a" else 55 if digit >= "A" else 48)
            if worth >= base:
                self.warn(f"Bogus number {spelled}: digit {worth} not in base {base}")
                break
            value = value * base + worth
        return value

    def numbers(self, separator: str, base: int, count: int | None = None) -> bytes | None:
        """Octets with a separator between, `count` of them or as many as there are; None: reported and skipped.

        What is wrong with single numbers of a list without a count is said at its end, of the last one first.
        """
        lexer = self.lexer
        made = bytearray()
        wrong: list[tuple[int, bytes]] = []
        while count is None or len(made) < count:
            if made and not self._separated(separator, count):
                if count is None:
                    break
                return None
            kind = lexer.next()
            if kind == EOF:
                self.warn("unexpected end of file")
                return bytes(count or 0)
            if kind != NUMBER and (base != 16 or kind != HEXNAME):  # noqa: PLR2004 - hexadecimal
                self.warn("expecting numeric value.")
                self.skip()
                return None
            octet = _HEX_PAIR.get(lexer.text) if base == 16 else None  # noqa: PLR2004 - hexadecimal
            if octet is None and count is None:
                wrong.append((len(made), lexer.text))
                octet = 0
            made.append(self.number(lexer.text, base, 8) if octet is None else octet)
        for at, text in reversed(wrong):
            made[at] = self.number(text, base, 8)
        return bytes(made)

    def _separated(self, separator: str, count: int | None) -> bool:
        """Consume a separator; whether there was one."""
        lexer = self.lexer
        kind = lexer.peek()
        if kind == separator:
            lexer.next()
            return True
        if count is not None:
            if kind not in _BRACES:
                lexer.next()
            self.warn("too few numbers.")
            if kind != ";":
                self.skip()
        return False

    def address(self) -> int | None:
        """A dotted quad as a number; None: reported and skipped."""
        quad = self.lexer.quad()
        if quad is not None:
            return quad
        octets = self.numbers(".", 10, 4)
        return None if octets is None else int.from_bytes(octets, "big")

    def hex_list(self) -> bytes | None:
        """`xx:xx:...`, at least one octet; None: reported and skipped."""
        return self.numbers(":", 16)

    def dotted_name(self) -> str | None:
        """Identifiers and numbers joined by dots (a dot may end it); None, and nothing read, where there is none."""
        lexer = self.lexer
        made: list[str] = []
        while lexer.peek() == NUMBER or lexer.kind in IDENTIFIERS:
            lexer.next()
            made.append(self.text())
            if lexer.peek() != ".":
                break
            lexer.next()
            made.append(".")
        return "".join(made) or None

    def address_or_name(self) -> int | str | None:
        """A dotted quad or a host name; None: reported and skipped."""
        lexer = self.lexer
        kind = lexer.peek()
        if kind == NUMBER:
            address = lexer.quad()
            if address is None and self._is_quad():
                address = self.address()
            # Behind an address that is none ISC's parser looks for a name: in the next statement, mostly.
            return self.dotted_name() if address is None else address
        if kind in IDENTIFIERS:
            return self.dotted_name()
        if kind not in _BRACES:
            lexer.next()
        code = {STRING: _STRING_TOKEN, EOF: _EOF_TOKEN}.get(kind) or ord(kind[0])
        self.warn(f"{self.word_at_fault()} ({code}): expecting IP address or hostname")
        if kind != ";":
            self.skip()
        return None

    def word_at_fault(self) -> str:
        """The text of the token last scanned, as a message shows it."""
        return self.text()

    def quick_address(self) -> int | None:
        """One dotted quad and its semicolon, in the spelling that all use; None, and nothing read, for any other."""
        usual = self.lexer.take(_USUAL_ADDRESS)
        return None if usual is None else int.from_bytes(bytes(map(int, usual.group(1, 2, 3, 4))), "big")

    def _is_quad(self) -> bool:
        """Whether the number ahead begins a dotted quad and no host name: a number must follow its dot."""
        data, at = self.lexer.data, self.lexer.pos
        rest = data[at : at + 64].lstrip()
        if not rest.startswith(b"."):
            return False
        label = rest[1:].lstrip()
        end = next((n for n, octet in enumerate(label) if not (chr(octet).isalnum() or octet in b"-_")), len(label))
        return label[:end].isdigit()

    def hardware(self) -> tuple[int, bytes] | None:
        """What follows the word `hardware`, through its semicolon: type and address; None: reported and skipped."""
        lexer = self.lexer
        usual = lexer.take(_USUAL_HARDWARE)
        if usual is not None:
            return 1, bytes.fromhex(usual[1].replace(b":", b"").decode())
        kind = lexer.next()
        type_number = _HARDWARE_TYPES.get(kind)
        if type_number is None:
            word = self.text()
            if kind not in IDENTIFIERS or not word.startswith("unknown-"):
                self.warn("expecting a network hardware type")
                self.skip()
                return None
            digits = word[len("unknown-") :]
            type_number = int(digits) % 256 if digits.isdigit() else 0
        address = b""
        if lexer.peek() != ";":
            found = self.hex_list()
            if found is None:
                return None
            address = found
            if len(address) > _HARDWARE_MAX_BYTES:
                self.warn("hardware address too long")
        if lexer.next() != ";":
            self.warn("expecting semicolon.")
            self.skip()
            return None
        return (type_number, address) if len(address) <= _HARDWARE_MAX_BYTES else None

    def date(self) -> int:
        """A date, seconds since 1970; 0 where it is wrong, which is reported. Its semicolon is left.

        See docs/behaviour/configuration.md#dates.
        """
        lexer = self.lexer
        kind = lexer.peek()
        if kind == "never":
            lexer.next()
            return NEVER
        if kind == "epoch":
            lexer.next()
            found = self._date_number("Seconds since epoch expected.")
            return 0 if found is None else found
        return self._calendar_date()

    def _calendar_date(self) -> int:
        values: list[int] = []
        for text, separator, complaint in _DATE_FIELDS:
            found = self._date_number(text)
            if found is None or (separator and not self._date_separator(separator, complaint)):
                return 0
            values.append(found)
        zone = 0
        if self.lexer.peek() == NUMBER:
            self.lexer.next()
            zone = atoi(self.lexer.text)
        elif self.lexer.kind != ";":
            self.lexer.next()
            self.warn("Time zone offset or semicolon expected.")
            return 0
        _weekday, year, month, day, hour, minute, second = values
        return seconds_since_epoch(year, month, day, hour, minute, second, zone)

    def _date_number(self, text: str) -> int | None:
        if self.lexer.peek() != NUMBER:
            self._date_error(text)
            return None
        self.lexer.next()
        return atoi(self.lexer.text)

    def _date_separator(self, separator: str, text: str) -> bool:
        if self.lexer.peek() != separator:
            self._date_error(text)
            return False
        self.lexer.next()
        return True

    def _date_error(self, text: str) -> None:
        if self.lexer.kind != ";":
            self.lexer.next()
        self.warn(text)

    def string(self, text: str = "expecting a string") -> str | None:
        """A quoted string as text; None: reported and skipped."""
        if self.lexer.next() != STRING:
            self.warn(text)
            self.skip()
            return None
        return self.text()

    def base64_value(self) -> bytes | None:
        """A token, whatever it is, and those behind it that are base64, strings too; None: reported.

        Bits that are left over are reported, too, and left out; they make `warnings` grow.
        """
        lexer = self.lexer
        # The end of a file has the line feed before it as its text.
        text = "\n" if lexer.next() == EOF else self.text()
        while lexer.peek() != EOF and _BASE64.fullmatch(lexer.text):
            lexer.next()
            text += self.text()
        digits = self._base64_digits(text)
        if digits is None:
            return None
        # What is filled up to four digits ISC does not look into.
        left = _left_over(digits) if len(text) % 4 else 0
        if left:
            self.warn(f"partial base64 value left over: {left}.")
        return base64.b64decode(digits + "A" * (-len(digits) % 4))[: len(digits) * 6 // 8]

    def _base64_digits(self, text: str) -> str | None:
        """The digits before the first `=`; None: reported."""
        digits, _, behind = text.partition("=")
        for digit in digits:
            if digit not in _BASE64_DIGITS:
                self.warn(f"invalid base64 character {(ord(digit) ^ 0x80) - 0x80}.")  # a signed char of C
                return None
        behind = behind.lstrip("=")
        if behind:
            self.warn(f"stuff after base64 '=' terminator: {behind}.")
            return None
        return digits

    def comma_list(self, item: Callable[[], None]) -> None:
        """`item` once, and again after each comma."""
        item()
        while self.accept(","):
            item()


_DATE_FIELDS: Final = (
    ("numeric day of week expected.", "", ""),
    ("numeric year expected.", "/", "expected slash separating year from month."),
    ("numeric month expected.", "/", "expected slash separating month from day."),
    ("numeric day of month expected.", "", ""),
    ("numeric hour expected.", ":", "expected colon separating hour from minute."),
    ("numeric minute expected.", ":", "expected colon separating minute from second."),
    ("numeric second expected.", "", ""),
)


def _left_over(digits: str) -> int:
    """The bits of the last digit of base64 that make no octet."""
    bits = len(digits) * 6 % 8
    return _BASE64_DIGITS.index(digits[-1]) & ((1 << bits) - 1) if bits else 0


def _by_prefix(digits: str) -> tuple[int, str]:
    """Base and remaining digits of a number written with a prefix or without."""
    # Only the small letter is a prefix: of `0X10` ISC's decimal reader complains.
    if digits.startswith("0x"):
        return 16, digits[2:]
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return 8, digits[1:]
    return 10, digits


def atoi(text: bytes) -> int:
    """A decimal token as C's atoi reads it: held to a long integer's 64 bits, then cut to 32."""
    digits = text.lstrip(b"-")
    value = int(digits) if digits.isdigit() else 0
    value = max(-value, -(1 << 63)) if text.startswith(b"-") else min(value, (1 << 63) - 1)
    return as_int(value)


def as_int(value: int) -> int:
    """A number cut to a C int of 32 bits."""
    return (value + (1 << 31)) % _WORD_MAX - (1 << 31)
