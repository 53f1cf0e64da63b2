"""Hosts, groups and classes as records: what OMAPI makes of them is written, and read back, as the lease file has it.

So there is one way in for what is declared at run time. A declaration that is made here is text first: it is put in
force by reading that text as the lease file's reader does, so that a restart, a snapshot and the running server cannot
come to different things. What would not be read back as it was meant is refused.

Source: docs/behaviour/omapi.md#what-is-written-of-a-host and the sections on groups and classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...conf.reading.cursor import FatalError, Lost
from ...conf.reading.lexer import Overflow
from ...conf.writing.lease_layout import print_statements
from ...conf.writing.values import hex_pairs, printable, quoted
from ...lease.embedded import Statements
from ..status import INVALID_ARGUMENT, PARSE_ERROR
from .base import Refused

if TYPE_CHECKING:
    from ...model.change import Reversal
    from ...model.syntax import Block, Node
    from .base import ObjectHost

SOURCE: Final = "network client"
STATEMENT_INDENT: Final = 8


def text_in(value: bytes) -> str:
    """A value as text, one character an octet; raises Refused where it is null."""
    if not value:
        raise Refused(INVALID_ARGUMENT)
    return value.decode("utf-8", "surrogateescape")


def identifier_text(value: bytes) -> str:
    """A client identifier, or a subclass's value: quoted where it can be read, else in hexadecimal."""
    return quoted(value) if printable(value) and b'"' not in value and b"\\" not in value else hex_pairs(value)


def read_statements(host: ObjectHost, value: bytes) -> Block:
    """The executable statements in `value`; what is said of mistakes is logged.

    Reading stops in silence before what begins no statement, and after a value that is wrong, with what came before;
    raises Refused where ISC's parser gives up the whole.
    """
    parser = Statements(host.generation.declared, SOURCE).parser(value)
    try:
        return parser.statements()
    except (Lost, FatalError, Overflow):
        raise Refused(PARSE_ERROR) from None
    finally:
        for level, text in parser.lines:
            host.log(level, text)


def statement_lines(block: Block) -> str:
    """Statements as a record has them."""
    return print_statements(block, STATEMENT_INDENT)


def checked(host: ObjectHost, record: str) -> Node:
    """What the lease file's reader makes of a record; raises Refused where it finds a mistake, or reads nothing.

    What it only remarks upon is read as it stands: each start says it.
    """
    parser = Statements(host.generation.declared, SOURCE).parser(octets_of(record))
    node = parser.declaration()
    if node is None or parser.warnings:
        raise Refused(INVALID_ARGUMENT)
    return node


def octets_of(record: str) -> bytes:
    """A record as it stands in the lease file."""
    return record.encode("utf-8", "surrogateescape")


def declare(host: ObjectHost, record: str) -> bytes:
    """Put a record in force; its octets. Raises Refused where it does not read back."""
    octets = octets_of(record)
    host.database.declare(checked(host, record), octets)
    return octets


def take_back(host: ObjectHost, reversal: Reversal) -> None:
    """Have what was declared be again as it was before, or as much of it as a restart would still understand.

    The records are stored, too: a new lease file that is being written may have what is taken back.
    """
    for record in (reversal.deletion, reversal.before):
        if record:
            put_back(host, record)
    host.store(reversal.deletion + reversal.before)


def put_back(host: ObjectHost, record: bytes) -> None:
    """Have what was declared be in force again: a reload may have taken away what it names, and it goes on without."""
    node = Statements(host.generation.declared, SOURCE).declaration(record, 1, [])
    if node is not None:
        host.database.declare(node, record)
