"""The syntax tree of dhcpd.conf: what the parser makes and the compiler reads.

Every node knows its place (file, line, column). Names are resolved as far as ISC's one-pass parser resolves them:
options are definitions, not names; literal option values are bytes already. Nothing here has a meaning yet, and
nothing here checks anything: the parser does.

Nodes share how they are compared and shown: to generate these methods for each of fifty kinds took a twentieth of what
a test of a configuration takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Final

from .spaces import OptionDefinition


@dataclass(frozen=True)
class Place:
    """Where a node begins: the file as it was named, line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


NOWHERE = Place("", 0, 0)


@dataclass(frozen=True)
class HostName:
    """A host name within a literal value; `every`: all its addresses count (arrays), else only the first."""

    name: str
    every: bool


@dataclass(frozen=True)
class Expression:
    """An expression: `kind` is ISC's word for the operator, `arguments` as the table KINDS says.

    `place` does not count when trees are compared. The properties read an argument by what it is; where the kind has no
    such argument they raise AssertionError, but `octets`, which then is None, and `operands`, which has none.
    """

    kind: str
    arguments: tuple[Argument, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)

    @property
    def octets(self) -> bytes | None:
        """The octets of a constant (`data`), None of every other expression."""
        value = self.arguments[0] if self.kind == "data" else None
        return value if isinstance(value, bytes) else None

    @property
    def operands(self) -> list[Expression]:
        """The arguments that are expressions, in order: all that are evaluated."""
        return [argument for argument in self.arguments if isinstance(argument, Expression)]

    @property
    def option(self) -> OptionDefinition:
        """The option of `option`, `config-option` and `exists`."""
        definition = self.arguments[0]
        assert isinstance(definition, OptionDefinition), f"{self.kind} has no option"
        return definition

    @property
    def name(self) -> str:
        """The name of a variable, a function, a class (`check`), a host or a code."""
        name = self.arguments[0]
        assert isinstance(name, str), f"{self.kind} has no name"
        return name

    @property
    def number(self) -> int:
        """The last argument: a number itself, or the bits of `encode-int` and `extract-int`."""
        number = self.arguments[-1]
        assert isinstance(number, int), f"{self.kind} has no number"
        return number

    @property
    def parts(self) -> tuple[bytes | HostName, ...]:
        """The parts of a literal value with host names in it (`assembled`)."""
        parts = self.arguments[0]
        assert isinstance(parts, tuple), f"{self.kind} has no parts"
        return parts


# What stands in the places of an expression: another one, or what the parser has resolved.
Argument = Expression | OptionDefinition | bytes | str | int | tuple[bytes | HostName, ...]


# kind -> (type of the result, what the arguments are). E is an expression; types: data, number, boolean, any.
KINDS: Final[dict[str, tuple[str, str]]] = {
    "data": ("data", "bytes, quoted: bool"),  # STRING, or a hex list (quoted False)
    "number": ("number", "int"),
    "assembled": ("data", "tuple of bytes | HostName"),  # a literal option value with host names in it
    "option": ("data", "OptionDefinition"),
    "config-option": ("data", "OptionDefinition"),
    "substring": ("data", "E E E"),
    "suffix": ("data", "E E"),
    "concat": ("data", "E E ..."),
    "lcase": ("data", "E"),
    "ucase": ("data", "E"),
    "hardware": ("data", ""),
    "packet": ("data", "E E"),
    "leased-address": ("data", ""),
    "host-decl-name": ("data", ""),
    "filename": ("data", ""),
    "server-name": ("data", ""),
    "binary-to-ascii": ("data", "E E E E"),
    "reverse": ("data", "E E"),
    "encode-int": ("data", "E, bits: int"),
    "pick-first-value": ("data", "E ..."),
    "gethostname": ("data", ""),
    "gethostbyname": ("data", "name: str"),
    "v6relay": ("data", "E E"),
    "null": ("data", ""),
    "extract-int": ("number", "E, bits: int"),
    "lease-time": ("number", ""),
    "client-state": ("number", ""),
    "code-word": ("number", "word: str, int"),  # formerr, nxdomain, booting, ...
    "add": ("number", "E E"),
    "multiply": ("number", "E E"),
    "divide": ("number", "E E"),
    "remainder": ("number", "E E"),
    "bit-and": ("number", "E E"),
    "bit-or": ("number", "E E"),
    "bit-xor": ("number", "E E"),
    "equal": ("boolean", "E E"),
    "not-equal": ("boolean", "E E"),
    "regex": ("boolean", "E E"),
    "iregex": ("boolean", "E E"),
    "and": ("boolean", "E E"),
    "or": ("boolean", "E E"),
    "not": ("boolean", "E"),
    "exists": ("boolean", "OptionDefinition"),
    "known": ("boolean", ""),
    "static": ("boolean", ""),
    "check": ("boolean", "name: str"),
    "defined": ("boolean", "name: str"),
    "variable": ("any", "name: str"),
    "call": ("any", "name: str, E ..."),
}


@dataclass(eq=False, repr=False)
class Node:  # noqa: PLW1641 - a node has no hash; to say so would be a default field to the compiled build
    """What every statement has. Equal are nodes of one kind with equal fields, wherever they stand."""

    place: Place = field(compare=False)

    def __eq__(self, other: object) -> bool:
        compared = [one.name for one in fields(self) if one.compare]
        return type(self) is type(other) and all(getattr(self, name) == getattr(other, name) for name in compared)

    def __repr__(self) -> str:
        shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self))
        return f"{type(self).__name__}({shown})"


Block = list[Node]


@dataclass(eq=False, repr=False)
class Include(Node):
    """`include "name";` with the statements that it brought (already in their places within `block`)."""

    name: str
    block: Block


@dataclass(eq=False, repr=False)
class SharedNetwork(Node):
    name: str
    block: Block


@dataclass(eq=False, repr=False)
class Subnet(Node):
    """Addresses are 32-bit numbers."""

    number: int
    netmask: int
    block: Block


@dataclass(eq=False, repr=False)
class Interface(Node):
    name: str


@dataclass(eq=False, repr=False)
class Group(Node):
    name: str | None
    block: Block


@dataclass(eq=False, repr=False)
class GroupReference(Node):
    name: str


@dataclass(eq=False, repr=False)
class Host(Node):
    name: str
    block: Block


@dataclass(eq=False, repr=False)
class Hardware(Node):
    """`type_number` is the octet before the address."""

    type_number: int
    address: bytes


@dataclass(eq=False, repr=False)
class FixedAddress(Node):
    """Addresses (numbers) and host names, in order."""

    addresses: tuple[int | str, ...]


@dataclass(eq=False, repr=False)
class ClientUid(Node):
    value: bytes


@dataclass(eq=False, repr=False)
class FixedAddress6(Node):
    """Kept; no effect in DHCPv4. Each address is 16 octets."""

    addresses: tuple[bytes, ...]


@dataclass(eq=False, repr=False)
class FixedPrefix6(Node):
    """Kept; no effect in DHCPv4. `prefix` is 16 octets, `length` in bits."""

    prefix: bytes
    length: int


@dataclass(eq=False, repr=False)
class HostIdentifier(Node):
    option: OptionDefinition
    value: bytes


@dataclass(eq=False, repr=False)
class Marker(Node):
    """`dynamic;` `deleted;` `static;` of a record in the lease file."""

    word: str


@dataclass(eq=False, repr=False)
class Pool(Node):
    block: Block


@dataclass(eq=False, repr=False)
class Range(Node):
    dynamic_bootp: bool
    low: int
    high: int


@dataclass(eq=False, repr=False)
class Permit(Node):
    """`kind`: known, unknown, authenticated, unauthenticated, all, dynamic-bootp, class, after; `value` of two."""

    allow: bool
    kind: str
    value: str | int | None


@dataclass(eq=False, repr=False)
class Class(Node):
    """`legacy` is the word of a `vendor-class` or `user-class` block, which has no effect."""

    name: str
    block: Block
    legacy: str | None = None


@dataclass(eq=False, repr=False)
class Subclass(Node):
    name: str
    value: bytes
    quoted: bool
    block: Block | None


@dataclass(eq=False, repr=False)
class MatchIf(Node):
    condition: Expression


@dataclass(eq=False, repr=False)
class Match(Node):
    """`match DATA;`, or `spawn with DATA;`."""

    value: Expression
    spawn: bool


@dataclass(eq=False, repr=False)
class LeaseLimit(Node):
    limit: int


@dataclass(eq=False, repr=False)
class Authoritative(Node):
    value: bool


@dataclass(eq=False, repr=False)
class FailoverPeer(Node):
    """A definition; `settings` are (words, value) in order, the words joined by blanks (`peer address`)."""

    name: str
    settings: tuple[tuple[str, object], ...]


@dataclass(eq=False, repr=False)
class FailoverReference(Node):
    """`failover peer "X";`, or `no failover peer` (name None)."""

    name: str | None


@dataclass(eq=False, repr=False)
class OptionSpaceDefinition(Node):
    name: str
    code_width: int
    length_width: int
    hash_size: int | None


@dataclass(eq=False, repr=False)
class OptionCodeDefinition(Node):
    option: OptionDefinition


@dataclass(eq=False, repr=False)
class Key(Node):
    name: str
    algorithm: str
    secret: bytes


@dataclass(eq=False, repr=False)
class Zone(Node):
    """`primary`, `secondary`: IPv4 addresses or host names; `primary6`, `secondary6`: 16 octets each."""

    name: str
    primary: tuple[int | str, ...]
    secondary: tuple[int | str, ...]
    primary6: tuple[bytes, ...]
    secondary6: tuple[bytes, ...]
    key: str | None


@dataclass(eq=False, repr=False)
class LeaseIdFormat(Node):
    format: str


@dataclass(eq=False, repr=False)
class DbTimeFormat(Node):
    local: bool


@dataclass(eq=False, repr=False)
class ServerDuid(Node):
    """Parsed and kept; no effect in DHCPv4. `words` are the tokens."""

    words: tuple[str, ...]


@dataclass(eq=False, repr=False)
class OptionStatement(Node):
    """An option or parameter (space `server`) is set. `operator`: supersede, default, append, prepend.

    `literal`: the value was written in the option's own format, not as `= expression`.
    """

    operator: str
    option: OptionDefinition
    value: Expression
    literal: bool


@dataclass(eq=False, repr=False)
class If(Node):
    """`elsif` is an `If` alone in `otherwise`."""

    condition: Expression
    then: Block
    otherwise: Block | None


@dataclass(eq=False, repr=False)
class Switch(Node):
    value: Expression
    block: Block


@dataclass(eq=False, repr=False)
class Case(Node):
    value: Expression


@dataclass(eq=False, repr=False)
class Default(Node):
    pass


@dataclass(eq=False, repr=False)
class Set(Node):
    name: str
    value: Expression


@dataclass(eq=False, repr=False)
class Define(Node):
    """A function: `set NAME (..)` and `define NAME (..)`."""

    name: str
    parameters: tuple[str, ...]
    block: Block


@dataclass(eq=False, repr=False)
class Unset(Node):
    name: str


@dataclass(eq=False, repr=False)
class Eval(Node):
    value: Expression


@dataclass(eq=False, repr=False)
class Return(Node):
    value: Expression


@dataclass(eq=False, repr=False)
class Break(Node):
    pass


@dataclass(eq=False, repr=False)
class Log(Node):
    """`level` is the word, or None where it was left out (debug)."""

    level: str | None
    value: Expression


@dataclass(eq=False, repr=False)
class Execute(Node):
    command: str
    arguments: tuple[Expression, ...]


@dataclass(eq=False, repr=False)
class Add(Node):
    name: str


@dataclass(eq=False, repr=False)
class On(Node):
    """`block` is None for `on X;`, which clears."""

    events: tuple[str, ...]
    block: Block | None


@dataclass(eq=False, repr=False)
class ParseVendorOption(Node):
    pass
