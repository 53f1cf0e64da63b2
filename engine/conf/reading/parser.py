"""dhcpd.conf, in bytes, to a syntax tree with every message that ISC's server gives.

The parser holds no file open and reads none: all files come in a mapping, and a text in place of bytes is the reason
why one could not be read. It checks what ISC checks while it reads, and stops early only where ISC does.

See docs/behaviour/configuration.md#lexical-rules, docs/behaviour/configuration.md#declarations-and-parameters,
docs/behaviour/configuration.md#checks-and-messages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ...model import notices
from ...model.syntax import Authoritative, Block, Include, OptionStatement
from .cursor import Cursor, FatalError, Lost
from .frames import CLASS, GLOBAL, GROUP, HOST, POOL, POOL6, SHARED_NETWORK, SUBCLASS, SUBNET, Frame
from .keywords import EOF, STRING
from .lexer import Lexer, Overflow
from .parse_expressions import Missing
from .parse_networks import Networks
from .symbols import Symbols

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ...model.spaces import OptionDefinition, Registry
    from ...model.syntax import Node

_INCLUDE_MAX_DEPTH: Final = 64
# Files that include others twice, which include others twice, would never end.
_INCLUDE_MAX: Final = 100_000
_V6_ONLY: Final = {
    "subnet6": "subnet6 statement is only supported in DHCPv6 mode.",
}
_DIRECTORY: Final = "Is a directory"


@dataclass
class Parsed:
    """What reading came to: the tree, the log lines in order (level, text), and whether the server may start.

    `failed`: there were messages. `fatal`: reading ended at once, with this text; the lines before it stand in `lines`.
    """

    block: Block
    lines: list[tuple[int, str]]
    failed: bool
    fatal: str | None
    warnings: int
    requested_interfaces: list[str] = field(default_factory=list)


class Parser(Networks):
    """Reads one file and those that it includes; usable piecewise on a lease file, too."""

    def __init__(
        self,
        data: bytes,
        name: str,
        registry: Registry,
        symbols: Symbols | None = None,
        start: int = 0,
        files: Mapping[str, bytes | str] | None = None,
        named: Iterable[str] = (),
    ) -> None:
        """Of a file's bytes from offset `start`; `registry` and `symbols` grow. `named`: see parse."""
        super().__init__(data, name, start)
        self.registry = registry
        self.symbols = Symbols() if symbols is None else symbols
        self.files = {} if files is None else files
        self.requested_interfaces = []
        self.named_interfaces = frozenset(named)
        self._reading = [name]
        self._inclusions = 0

    def file(self, frame: Frame) -> Block:
        """Everything up to the end of the file."""
        made: Block = []
        while self.lexer.peek() != EOF:
            self._statement_into(made, frame)
        return made

    def block(self, frame: Frame) -> Block:
        """Statements through the closing brace. Raises Lost only where an error ends the block itself."""
        self.nest()
        try:
            return self._through_brace(frame)
        finally:
            self.nested -= 1

    def _through_brace(self, frame: Frame) -> Block:
        made: Block = []
        peek = self.lexer.peek
        while True:
            kind = peek()
            if kind == "}":
                self.lexer.next()
                return made
            if kind == EOF:
                self.lexer.next()
                self.warn("unexpected end of file")
                return made
            self._statement_into(made, frame)

    def _statement_into(self, made: Block, frame: Frame) -> None:
        try:
            node = self.statement(frame)
        except Lost as lost:
            if lost.abandon:
                lost.abandon = False
                raise
            if not lost.claimed:
                self._no_statement(frame)
            return
        if node is None:
            self._no_statement(frame)
        else:
            made.append(node)

    def _no_statement(self, frame: Frame) -> None:
        self.warn("expecting a declaration" if frame.declared else "expecting a parameter or declaration")
        self.skip()

    def statement(self, frame: Frame) -> Node | None:
        """One statement or declaration; None where the next token begins none. Raises Lost."""
        lexer = self.lexer
        kind = lexer.peek()
        reader = (_INCLUDED_READERS if frame.included else _BLOCK_READERS)[frame.kind].get(kind)
        if reader is not None:
            if kind not in _LOOKED_AT:
                lexer.next()
            return reader(self, frame)
        node = self.executable()
        if frame.host is not None and node is not None:
            frame.host.sets_options = True
        return node

    def declaration(self) -> Node | None:
        """One host, group, class or subclass of a lease file, at its first word; None where it is refused."""
        made: Block = []
        try:
            self._statement_into(made, Frame(GLOBAL))
        except (Lost, FatalError, Overflow):
            return None
        return made[0] if made else None

    # Small declarations

    def _include(self, frame: Frame) -> Node:
        frame.declared = True
        place = self.place()
        if self.lexer.next() != STRING:
            raise self.lost("filename string expected.")
        name = self.text()
        before = self.warnings
        block = self._included(name, frame)
        if self.warnings > before:
            self.warn(f"{name}: bad parse.")
        self.end()
        return Include(place, name, block)

    def _included(self, name: str, frame: Frame) -> Block:
        """The statements of another file, in this one's place."""
        data = self.files.get(name, "No such file or directory")
        if isinstance(data, str):
            raise FatalError(f"Can't read in {name}: {data}" if data == _DIRECTORY else f"Can't open {name}: {data}")
        if name in self._reading:
            raise FatalError(notices.INCLUDES_ITSELF(file=name).text)
        self._inclusions += 1
        if self._inclusions > _INCLUDE_MAX:
            raise FatalError(notices.TOO_MANY_INCLUSIONS(file=name, most=_INCLUDE_MAX).text)
        if len(self._reading) > _INCLUDE_MAX_DEPTH:
            self.warn(f"{name}: included too deeply")
            return []
        outer, inner = self.lexer, frame.inner(frame.kind)
        inner.included = True
        self._reading.append(name)
        self.lexer = Lexer(data, name, self.remarks.say)
        try:
            block = self.file(inner)
        finally:
            self.lexer = outer
            self._reading.pop()
        if frame.host is not None and block:
            frame.host.sets_options = True
        return block

    # In an included file ISC's reader knows the block's kind but not its own statements: a pool's ranges and permits,
    # a class's match, a host's identity must stand in the file of the block itself.

    def _included_range(self, _frame: Frame) -> Node:
        raise self.lost("range declaration not allowed here.")

    def _included_failover(self, _frame: Frame) -> Node:
        return self.failover(Frame(SUBNET))

    def _included_group(self, frame: Frame) -> Node:
        frame.declared = True
        raise self.lost("group declarations not allowed here.")

    def _declared_option(self, frame: Frame) -> Node:
        """`option ...` as a declaration: a value, or a definition in the global scope."""
        if self.lexer.peek() == "space":
            if frame.kind != GLOBAL:
                raise self.lost("option space definitions may not be scoped.")
            self.lexer.next()
            return self.space_definition()
        space, name, option = self.option_reference()
        if self.lexer.peek() == "code":
            if frame.kind != GLOBAL:
                raise self.lost("option definitions may not be scoped.")
            self.lexer.next()
            return self.code_definition(space, name)
        if option is None:
            raise self.lost(f"unknown option {space.name}.{name}")
        return self._declared_value(option, frame)

    def _declared_value(self, option: OptionDefinition, frame: Frame) -> OptionStatement:
        if frame.host is not None:
            frame.host.sets_options = True
        self.declaring = True
        try:
            return self.option_value(option, "supersede")
        except Missing:
            raise
        except Lost as lost:
            raise Lost from lost
        finally:
            self.declaring = False

    def _server_identifier(self, frame: Frame) -> Node:
        return self._declared_value(self.registry.spaces["dhcp"].by_code[54], frame)

    def _authoritative(self, frame: Frame) -> Node:
        frame.declared = False
        place = self.place()
        self.authoritative_place(frame)
        self.end()
        return Authoritative(place, value=True)

    def _not_authoritative(self, frame: Frame) -> Node:
        frame.declared = False
        place = self.place()
        if self.lexer.next() != "authoritative":
            raise self.lost("expecting assertion")
        self.authoritative_place(frame)
        self.end()
        return Authoritative(place, value=False)

    def _server_duid(self, frame: Frame) -> Node:
        frame.declared = False
        return self.server_duid()

    def _lease_id_format(self, frame: Frame) -> Node:
        frame.declared = False
        return self.lease_id_format()

    def _percent(self, frame: Frame) -> Node:
        frame.declared = False
        self.skip()
        raise Lost

    def _six(self, frame: Frame) -> Node:
        """Statements of DHCPv6."""
        kind = self.lexer.kind
        if kind == "subnet6" and frame.kind in (SUBNET, CLASS, SUBCLASS, HOST):
            text = "subnet declarations not allowed here."
        elif kind == "fixed-prefix6" or (kind in ("range6", "prefix6") and frame.kind not in (SUBNET, POOL6)):
            text = f"{kind} declaration not allowed here."
        else:
            text = f"{kind} statement is only supported in DHCPv6 mode."
        raise self.lost(text)


# Their own readers consume these words: some of the messages about them point before the word.
_LOOKED_AT: Final = frozenset({"match", "failover", "host-identifier"})
# Who reads what begins with a word. A statement in the wrong place has its reader all the same: it is the reader that
# says, in ISC's words, that it does not belong there.
_EVERYWHERE: Final[dict[str, Callable[[Parser, Frame], Node]]] = {
    "include": Parser._include,
    "option": Parser._declared_option,
    "host": Parser.host,
    "group": Parser.group,
    "shared-network": Parser.shared_network,
    "subnet": Parser.subnet,
    "class": Parser.class_,
    "vendor-class": Parser.class_,
    "user-class": Parser.class_,
    "subclass": Parser.subclass,
    "pool": Parser.pool,
    "range": Parser.range,
    "hardware": Parser.hardware_statement,
    "fixed-address": Parser.fixed_address,
    "authoritative": Parser._authoritative,
    "not": Parser._not_authoritative,
    "failover": Parser.failover,
    "server-identifier": Parser._server_identifier,
    "server-duid": Parser._server_duid,
    "lease-id-format": Parser._lease_id_format,
    "subnet6": Parser._six,
    "range6": Parser._six,
    "prefix6": Parser._six,
    "pool6": Parser.pool6,
    "fixed-address6": Parser.fixed_address6,
    "fixed-prefix6": Parser._six,
    "%": Parser._percent,
}
_MARKERS: Final[dict[str, Callable[[Parser, Frame], Node]]] = {
    "dynamic": Parser.marker,
    "deleted": Parser.marker,
    "static": Parser.marker,
}
_IN_CLASS: Final = _EVERYWHERE | _MARKERS | {
    "match": Parser.match,
    "spawn": Parser.spawn,
    "lease": Parser.lease_limit,
}
_BLOCK_READERS: Final[dict[str, dict[str, Callable[[Parser, Frame], Node]]]] = {
    GLOBAL: _EVERYWHERE,
    GROUP: _EVERYWHERE | _MARKERS,
    SHARED_NETWORK: _EVERYWHERE | {"interface": Parser.interface},
    SUBNET: _EVERYWHERE | {"interface": Parser.interface},
    POOL: _EVERYWHERE | {"allow": Parser.permit, "deny": Parser.permit, "no": Parser.no_failover},
    POOL6: _EVERYWHERE | {"allow": Parser.permit, "deny": Parser.permit},
    CLASS: _IN_CLASS,
    SUBCLASS: _IN_CLASS,
    HOST: _EVERYWHERE
    | {"dynamic": Parser.marker, "deleted": Parser.marker, "uid": Parser.uid}
    | {"host-identifier": Parser.host_identifier, "fixed-prefix6": Parser.fixed_prefix6},
}
# In a file that a block includes, ISC reads what the block itself would have read with the statements of any place.
_INCLUDED_READERS: Final = dict.fromkeys(_BLOCK_READERS, _EVERYWHERE) | {
    POOL: _EVERYWHERE | {"range": Parser._included_range, "failover": Parser._included_failover},
    HOST: _EVERYWHERE | {"group": Parser._included_group},
}


def parse(
    files: Mapping[str, bytes | str], name: str, registry: Registry, named: Iterable[str] = ()
) -> Parsed:
    """Read the configuration `name` among `files`; `registry` is filled with what it defines.

    `named`: the interfaces of the command line, about which no statement of the file says anything.
    """
    data = files.get(name, "No such file or directory")
    if isinstance(data, str):
        text = f"Can't read in {name}: {data}" if data == _DIRECTORY else f"Can't open {name}: {data}"
        return Parsed([], [], failed=False, fatal=text, warnings=0)
    parser = Parser(data, name, registry, files=files, named=named)
    block: Block = []
    fatal: str | None = None
    try:
        block = parser.file(Frame(GLOBAL))
    except FatalError as error:
        fatal = str(error)
    except Overflow:
        fatal = "Exiting"
    except Lost:
        pass
    return Parsed(block, parser.lines, parser.warnings > 0, fatal, parser.warnings, parser.requested_interfaces)


_INCLUDE: Final = re.compile(
    rb"""\#[^\n]*|"(?:[^"\\]|\\.)*"|(?<![A-Za-z0-9_-])include(?![A-Za-z0-9_-])""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


def includes(content: bytes) -> list[str]:
    """The names of the files that `content` includes, in order, found without parsing it."""
    found: list[str] = []
    for match in _INCLUDE.finditer(content):
        if match[0][:1] in (b"#", b'"'):
            continue
        cursor = Cursor(content, "", match.end())
        try:
            if cursor.lexer.next() == STRING:
                found.append(cursor.text())
        except Overflow:
            break
    return found
