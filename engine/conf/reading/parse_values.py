"""Option names, option values in their own formats, and definitions of options and spaces.

A value becomes bytes at once; one that holds host names becomes an `assembled` expression, to be put together when the
names are known. Lengths and ranges of whole values are not checked, as in ISC's server.

See docs/behaviour/configuration.md#option-definitions-and-option-spaces,
docs/behaviour/configuration.md#values-by-format.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING, Final, NamedTuple

from ....trace.effects import ERROR
from ...model.spaces import OptionDefinition, OptionSpace
from ...model.syntax import Expression, HostName, Node, OptionCodeDefinition, OptionSpaceDefinition, OptionStatement
from ..domain_names import LABEL_MAX_OCTETS, NAME_MAX_OCTETS, compress
from ..options import ENUMERATIONS
from .cursor import FatalError, Lost, atoi
from .keywords import EOF, HEX_TOKENS, HEXNAME, IDENTIFIERS, NAME, NUMBER, STRING
from .parse_expressions import ANY, DATA, Expressions, Missing, type_of

if TYPE_CHECKING:
    from ...model.spaces import Registry

Part = bytes | HostName

# Format letter -> width. Signed and unsigned letters take the same values (cursor.py).
_INTEGER_BITS: Final = {"B": 8, "b": 8, "S": 16, "s": 16, "L": 32, "l": 32, "T": 32}
# `ignore` is meant for what stands behind allow and deny, and is taken by every flag.
_FLAGS: Final = {"true": b"\1", "on": b"\1", "false": b"\0", "off": b"\0", "ignore": b"\2"}
_SIGNED: Final = {"8": "b", "16": "s", "32": "l"}
_DHCP_END: Final = 255
_CODES: Final = 1 << 32
_HEX_DIGITS: Final = frozenset(b"0123456789abcdefABCDEF")
_WORDS: Final = frozenset({NAME, HEXNAME})
# ISC's array for the letters of a format that is defined.
_FORMAT_MAX_LETTERS: Final = 128


class Field(NamedTuple):
    """One letter of a format: `name` behind E and N, `array` of it, `optional`, `compressed`."""

    letter: str
    name: str = ""
    array: bool = False
    optional: bool = False
    compressed: bool = False


_FORMATS: dict[str, tuple[tuple[Field, ...], bool]] = {}


def fields_of(format_: str) -> tuple[tuple[Field, ...], bool]:
    """The fields of a format, and whether the whole repeats."""
    known = _FORMATS.get(format_)
    if known is None:
        known = _FORMATS[format_] = _split(format_)
    return known


def _split(format_: str) -> tuple[tuple[Field, ...], bool]:
    made: list[Field] = []
    at = 0
    while at < len(format_):
        letter = format_[at]
        at += 1
        if letter in "EN":
            stop = format_.find(".", at)
            stop = len(format_) if stop < 0 else stop
            made.append(Field(letter, format_[at:stop]))
            at = stop + 1
        elif letter == "A":
            return tuple(made), True
        elif letter in "aoc" and made:
            last = made[-1]
            made[-1] = Field(
                last.letter,
                last.name,
                last.array or letter == "a",
                last.optional or letter == "o",
                last.compressed or letter == "c",
            )
        else:
            made.append(Field(letter))
    return tuple(made), False


class Values(Expressions):
    """Reads option names and values; `registry` grows with the definitions."""

    registry: Registry
    _string_seen = False
    _braces = 0

    # Names

    def option_reference(self) -> tuple[OptionSpace, str, OptionDefinition | None]:
        """`[SPACE.]NAME`: the space, the name as written, the option if there is one. Raises Lost."""
        lexer = self.lexer
        if lexer.next() not in IDENTIFIERS:
            raise self.lost_unless_semicolon("expecting identifier after option keyword.")
        name, space_name = self.text(), "dhcp"
        if lexer.peek() == ".":
            lexer.next()
            if lexer.next() not in IDENTIFIERS:
                raise self.lost_unless_semicolon("expecting identifier after '.'")
            name, space_name = self.text(), name
        space = self.registry.spaces.get(space_name.lower())
        if space is None:
            raise self.lost(f"no option space named {space_name}.")
        option = space.by_name.get(name.lower())
        return space, name, self._by_number(space, name) if option is None else option

    def _by_number(self, space: OptionSpace, name: str) -> OptionDefinition | None:
        """The option that `unknown-N` stands for."""
        word, _, digits = name.partition("-")
        if word.lower() != "unknown" or not digits.isdigit():
            return None
        code = int(digits)
        if code in (0, space.end):
            raise self.lost(f"Option codes 0 and {space.end} are illegal in the {space.name} space.")
        known = space.by_code.get(code)
        if known is None:
            return space.unknown(code)
        self.lines.append((
            ERROR,
            f"option {name} has been redefined as option {known.name}.  Please update your configs if necessary.",
        ))
        return known

    def known_option(self) -> OptionDefinition:
        """An option in an expression or an executable statement. Raises Lost."""
        space, name, option = self.option_reference()
        if option is None:
            raise self.lost(f"no option named {name} in space {space.name}")
        return option

    # Values

    def option_value(self, option: OptionDefinition, operator: str, *, required: bool = False) -> OptionStatement:
        """What follows an option's name, through the semicolon. Raises Lost, unclaimed.

        `required`: a value that is missing altogether is an error at its own place.
        """
        place = self.place()
        literal = not self.accept("=")
        value = self.literal(option, required=required) if literal else self._expression_value()
        self.end(claimed=False)
        return OptionStatement(place, operator, option, value, literal)

    def _expression_value(self) -> Expression:
        try:
            found = self.expression_or_none(DATA)
        except Missing:
            raise
        except Lost:
            raise Lost(claimed=False) from None
        if found is None:
            raise Missing if self.declaring else self.lost("expecting a data expression.", claimed=False)
        if type_of(found) not in (DATA, ANY):
            raise self.lost("Expecting a data expression.", skip=False, claimed=False)
        return found

    def literal(self, option: OptionDefinition, *, required: bool = False) -> Expression:
        """A value in the option's own format; `required` as for option_value. Raises Lost, unclaimed."""
        place = self.place()
        parts: list[Part] = []
        fields, repeats = fields_of(option.format)
        # A value that is missing altogether is not missed before the token behind the semicolon.
        missing = not required and (not fields or fields[0].letter != "Z") and self.accept(";")
        while fields and not missing:
            for field in fields:
                if field.optional and self.lexer.peek() == ";":
                    break
                self._field(field, parts, every=repeats or field.array)
                while field.array and self.accept(","):
                    self._field(field, parts, every=True)
            if not (repeats and self.accept(",")):
                break
        if any(isinstance(part, HostName) for part in parts):
            return Expression("assembled", (tuple(parts),), place)
        quoted = bool(fields) and (fields[-1].letter in "tUk" or (fields[-1].letter in "XE" and self._string_seen))
        return Expression("data", (b"".join(part for part in parts if isinstance(part, bytes)), quoted), place)

    def _field(self, field: Field, parts: list[Part], *, every: bool) -> None:
        letter = field.letter
        bits = _INTEGER_BITS.get(letter)
        if letter == "I":
            found = self.address_or_name()
            if found is None:
                raise Lost(claimed=False)
            parts.append(HostName(found, every) if isinstance(found, str) else found.to_bytes(4, "big"))
        elif bits is not None:
            parts.append(self._integer(letter, bits))
        else:
            reader = _READERS.get(letter)
            if reader is not None:
                parts.append(reader(self, field))

    def _refused(self, text: str) -> Lost:
        return self.lost_unless_semicolon(text, claimed=False)

    def _integer(self, letter: str, bits: int) -> bytes:
        kind = self.lexer.next()
        if letter == "T" and kind == "infinite":
            return b"\xff\xff\xff\xff"
        if kind not in HEX_TOKENS:
            raise self._refused("expecting number.")
        return self.number(self.lexer.text, 0, bits).to_bytes(bits // 8, "big")

    def _text(self, _field: Field) -> bytes:
        kind = self.lexer.next()
        if kind != STRING and kind not in IDENTIFIERS:
            raise self._refused("expecting string.")
        return self.lexer.text

    def _octets(self, _field: Field) -> bytes:
        kind = self.lexer.peek()
        self._string_seen = kind == STRING
        if kind == STRING:
            self.lexer.next()
            return self.lexer.text
        if kind in HEX_TOKENS:
            return self.hex_octets()
        self.lexer.next()
        raise self._refused("expecting string or hexadecimal data.")

    def _flag(self, _field: Field) -> bytes:
        if self.lexer.next() not in IDENTIFIERS:
            raise self._refused("expecting identifier.")
        value = _FLAGS.get(self.text().lower())
        if value is None:
            raise self._refused("expecting boolean.")
        return value

    def _word(self, field: Field) -> bytes:
        width, words = ENUMERATIONS.get(field.name, (1, {}))
        if self.lexer.next() not in IDENTIFIERS:
            raise self._refused("identifier expected")
        value = words.get(self.text())
        if value is None:
            raise self._refused("unknown value")
        return value.to_bytes(width, "big")

    def _space_name(self, _field: Field) -> bytes:
        if self.lexer.next() not in IDENTIFIERS:
            raise self._refused("expecting identifier.")
        return self.lexer.text

    def _key_name(self, _field: Field) -> bytes:
        if self.lexer.peek() == STRING:
            self.lexer.next()
            return self.lexer.text
        name = self.dotted_name()
        if name is None:
            self.lexer.next()
            raise self._refused("not a valid key name.")
        return name.encode("latin-1")

    def _domain_name(self, _field: Field) -> bytes:
        name = self.dotted_name()
        if name is None:
            raise self.lost("not a valid domain name.", claimed=False)
        labels = _labels(name.encode("latin-1"))
        if labels is None:
            self.warn("Error assembling domain name: Message too long")
            raise self.lost("not a valid domain name.")
        return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"

    def _domain_list(self, field: Field) -> bytes:
        names: list[tuple[bytes, ...]] = []
        while True:
            if self.lexer.next() != STRING:
                raise self._refused("Expecting a domain string.")
            labels = _labels(self.lexer.text)
            if labels is None:
                word = "compressing" if field.compressed else "assembling"
                raise self._refused(f"Error {word} domain list: Message too long")
            names.append(tuple(labels))
            if not self.accept(","):
                break
        if field.compressed:
            return compress(names)
        return b"".join(b"".join(bytes((len(label),)) + label for label in name) + b"\0" for name in names)

    def _ip6(self, _field: Field) -> bytes:
        return self.ip6_address()

    def ip6_address(self) -> bytes:
        """An IPv6 address as text, 16 octets. Raises Lost."""
        lexer = self.lexer
        made: list[str] = []
        end = -1
        while lexer.peek() in HEX_TOKENS or lexer.kind in (":", ".") or (made and lexer.kind in IDENTIFIERS):
            if (made and lexer.start != end) or (lexer.kind in _WORDS and not _HEX_DIGITS.issuperset(lexer.text)):
                break
            lexer.next()
            end = lexer.pos
            made.append(self.text())
        try:
            return IPv6Address("".join(made)).packed
        except AddressValueError:
            raise self.lost("Invalid IPv6 address.", claimed=False) from None

    def claimed_address6(self) -> bytes:
        """An IPv6 address outside of values. Raises Lost (claimed)."""
        try:
            return self.ip6_address()
        except Lost:
            raise Lost from None

    # Definitions

    def space_definition(self) -> Node:
        """`option space NAME ...;`: the words `option space` are read. Raises Lost."""
        place = self.place()
        lexer = self.lexer
        if lexer.next() not in IDENTIFIERS or not lexer.kind.isascii():
            raise self.lost("expecting identifier.")
        name = self.text()
        code_width, length_width, hash_size = 1, 1, None
        while lexer.next() != ";":
            if lexer.kind == "code":
                code_width = self._width("number 1, 2, 4", (1, 2, 4))
            elif lexer.kind == "length":
                length_width = self._width("number 1 or 2", (1, 2))
            elif lexer.kind == "hash":
                hash_size = self._hash_size()
            else:
                self.warn("Unexpected token.")
                if lexer.kind == EOF:
                    raise Lost
        self.registry.add(OptionSpace(name.lower(), code_width, length_width, shown=name))
        return OptionSpaceDefinition(place, name, code_width, length_width, hash_size)

    def _width(self, wanted: str, allowed: tuple[int, ...]) -> int:
        if self.lexer.next() != "width":
            raise self.lost("expecting width token.", skip=False)
        if self.lexer.next() != NUMBER:
            raise self.lost(f"expecting {wanted}.", skip=False)
        width = atoi(self.lexer.text)
        if width not in allowed:
            text = (
                f"invalid code width ({width}), expecting a 1, 2 or 4."
                if len(allowed) > 2  # noqa: PLR2004 - of the two lists, the one for codes
                else f"invalid length width ({width}) expecting 1 or 2."
            )
            raise self.lost(text, skip=False)
        return width

    def _hash_size(self) -> int:
        if self.lexer.next() != "size":
            raise self.lost("expecting size token.", skip=False)
        if self.lexer.next() != NUMBER:
            raise self.lost("expecting a 10base number", skip=False)
        size = atoi(self.lexer.text)
        if size < 0:
            raise self.lost(f"invalid hash length: {size}", skip=False)
        return size

    def code_definition(self, space: OptionSpace, name: str) -> Node:
        """`code N = TYPE ;` of an option: the word `code` is read. Raises Lost."""
        place = self.place()
        lexer = self.lexer
        if lexer.next() != NUMBER:
            raise self.lost("expecting option code number.")
        code = atoi(lexer.text) % _CODES
        self.expect("=", 'expecting "="')
        self._braces = 0
        format_ = self._type()
        self._encapsulates(format_)
        if not self.semicolon():
            self.warn("semicolon expected.")
            self.skip()
            raise Lost
        option = space.define(name, code, format_)
        inner = self._inner_space(format_)
        if inner is not None:
            inner.encapsulated_by = option
        return OptionCodeDefinition(place, option)

    def _inner_space(self, format_: str) -> OptionSpace | None:
        fields, _repeats = fields_of(format_)
        return self.registry.spaces.get(fields[-1].name) if fields and fields[-1].letter == "E" else None

    def _encapsulates(self, format_: str) -> None:
        """One space goes into one option: ISC's server dies of a second."""
        inner = self._inner_space(format_)
        if inner is not None and inner.encapsulated_by is not None:
            text = "Internal inconsistency: storage value has not been initialized to zero (from parse.c:1849)."
            raise FatalError(text)

    def _type(self) -> str:
        """A TYPE as format letters."""
        lexer = self.lexer
        if lexer.peek() == "array":
            lexer.next()
            self.expect("of", 'expecting "of".')
            if lexer.peek() == "{":
                return self._record(array=True) + "A"
            letters = self._simple(array=True)
            return letters + "A"
        if lexer.peek() == "{":
            return self._record(array=False)
        return self._simple(array=False)

    def _record(self, *, array: bool) -> str:
        self.lexer.next()
        self._braces = 1
        made: list[str] = []
        while True:
            letters = self._simple(array=array) if self.lexer.peek() != "array" else self._array_field(array=array)
            made.append(letters)
            last = letters[0]
            if len(made) > _FORMAT_MAX_LETTERS:
                raise self._lost_type("too many types in record.")
            if not self.accept(","):
                break
            if last == "t":
                raise self._lost_type("text must be at end of record.")
            if last in "XdDZ":
                raise self._lost_type("string must be at end of record.")
            if last == "E":
                self.lexer.next()
                raise self.lost("encapsulate must always be the last item.")
        if self.lexer.next() != "}":
            raise self._lost_type("expecting right brace.")
        self._braces = 0
        return "".join(made)

    def _lost_type(self, text: str) -> Lost:
        """An error in a type; out of a record the way leads over its closing brace."""
        self.warn(text)
        if self._braces:
            self.skip_block(self._braces)
        self.skip()
        return Lost()

    def _array_field(self, *, array: bool) -> str:
        self.lexer.next()
        if array:
            raise self._lost_type("no nested arrays.")
        self.expect("of", 'expecting "of".')
        if self.lexer.peek() == "{":
            self.lexer.next()
            self._braces = 2
            raise self._lost_type("only uniform array inside record.")
        return self._simple(array=True) + "a"

    def _simple(self, *, array: bool) -> str:
        """A simple type; `array`: whether it will repeat."""
        kind = self.lexer.next()
        if kind in ("text", "string", "domain-name", "domain-list") and array:
            raise self._lost_type("arrays of text strings not yet supported.")
        simple = _SIMPLE_TYPES.get(kind)
        if simple is not None:
            return simple
        if kind == "domain-list":
            return "Dc" if self.accept("compressed") else "D"
        if kind == "zerolen":
            if array:
                raise self._lost_type("array incompatible with zerolen.")
            return "Z"
        if kind == "array":
            raise self._lost_type("no nested arrays.")
        if kind == "encapsulate":
            return self._encapsulated(array=array)
        return self._integer_type(kind)

    def _integer_type(self, kind: str) -> str:
        unsigned = kind == "unsigned"
        if kind in ("signed", "unsigned"):
            kind = self.lexer.next()
            if kind != "integer":
                raise self._lost_type('expecting "integer" keyword.')
        if kind != "integer":
            raise self._lost_type(f"unknown data type {self.text()}")
        if self.lexer.next() != NUMBER:
            raise self.lost("expecting number.")
        letter = _SIGNED.get(str(atoi(self.lexer.text)))
        if letter is None:
            raise self._lost_type(f"{self.text()} bit precision is not supported.")
        return letter.upper() if unsigned else letter

    def _encapsulated(self, *, array: bool) -> str:
        if self.lexer.next() not in IDENTIFIERS:
            raise self._lost_type("expecting option space identifier")
        if array:
            raise self._lost_type("Arrays of encapsulations don't make sense.")
        name = self.text()
        if name.lower() not in self.registry.spaces:
            raise self._lost_type(f"unknown option space {name}")
        return f"E{name.lower()}."


_SIMPLE_TYPES: Final = {
    "boolean": "f", "ip-address": "I", "ip6-address": "6", "domain-name": "d", "text": "t", "string": "X",
}  # fmt: skip

_READERS: Final = {
    "t": Values._text,
    "X": Values._octets,
    "E": Values._octets,
    "f": Values._flag,
    "N": Values._word,
    "U": Values._space_name,
    "k": Values._key_name,
    "d": Values._domain_name,
    "D": Values._domain_list,
    "6": Values._ip6,
}


def _labels(name: bytes) -> list[bytes] | None:
    """The labels of a name as text, without the root; None where it is none."""
    if name in (b"", b"."):
        return []
    labels = name.removesuffix(b".").split(b".")
    if any(not 0 < len(label) <= LABEL_MAX_OCTETS for label in labels):
        return None
    if sum([len(label) + 1 for label in labels]) + 1 > NAME_MAX_OCTETS:
        return None
    return labels
