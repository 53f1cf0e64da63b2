"""What of the configuration's language stands in the lease file: `on` blocks, option values, declarations.

Read with the configuration's own parser, one statement at a time, so that its grammar is written once; printed with
its printer. Everything that is refused comes back as log lines and None.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ..conf.building.compile import compile_function, compile_handler
from ..conf.reading.cursor import FatalError, Lost
from ..conf.reading.lexer import Overflow
from ..conf.reading.parser import Parser
from ..conf.reading.symbols import NamesInForce, Symbols
from ..conf.writing.lease_layout import print_handler, print_statements
from ..model import syntax
from ..model.configuration import Function
from ..model.lease import HANDLERS

if TYPE_CHECKING:
    from ..declared import Declared
    from ..model.configuration import Handler
    from ..model.context import Bindings
    from ..model.lease import Lease
    from .charges import Charges

Lines = list[tuple[int, str]]
_REFUSED: Final = (Lost, FatalError, Overflow)
_HANDLERS_MAX: Final = 4096
_LINE_NUMBER: Final = re.compile(r" line (\d+): ")


class Statements:
    """Reads statements of one file that know what is `declared`. `name` is the file's, for messages.

    Handlers are the same in lease after lease: those read without complaint are kept by their text, in bounds.
    """

    __slots__ = ("_declared", "_handlers", "_symbols", "name")

    def __init__(self, declared: Declared, name: str) -> None:
        """Nothing is read yet."""
        self._declared = declared
        self.name = name
        self._symbols: Symbols | None = None
        self._handlers: dict[bytes, Handler] = {}

    def parser(self, text: bytes) -> Parser:
        """A parser of this text that knows the names in force."""
        if self._symbols is None:
            self._symbols = _symbols(self._declared)
        return Parser(text, self.name, self._declared.configuration.registry, self._symbols)

    def handler(self, text: bytes, line: int, lines: Lines) -> Handler | None:
        """An `on EVENT { ... }` statement that begins on line `line`; its complaints are added to `lines`.

        None where it was not read.
        """
        known = self._handlers.get(text)
        return known if known is not None else self._new_handler(text, line, lines)

    def _new_handler(self, text: bytes, line: int, lines: Lines) -> Handler | None:
        parser = self.parser(text)
        try:
            tree = parser.executable()
        except _REFUSED:
            tree = None
        lines += _moved(parser.lines, line)
        if parser.warnings or not isinstance(tree, syntax.On) or tree.block is None:
            return None
        made = compile_handler(tree)
        if not parser.lines:
            if len(self._handlers) >= _HANDLERS_MAX:
                self._handlers.clear()
            self._handlers[text] = made
        return made

    def function(self, text: bytes) -> Function | None:
        """A `define NAME (...) { ... }` statement; None where it is none."""
        parser = self.parser(text)
        try:
            tree = parser.executable()
        except _REFUSED:
            return None
        return compile_function(tree) if isinstance(tree, syntax.Define) else None

    def agent_option(self, text: bytes, line: int, lines: Lines) -> tuple[int, bytes] | None:
        """Code and value of `agent.NAME VALUE;` (what follows the word `option`)."""
        parser = self.parser(text)
        try:
            option = parser.known_option()
            found = parser.option_value(option, "supersede")
        except _REFUSED:
            lines += _moved(parser.lines, line)
            return None
        lines += _moved(parser.lines, line)
        value = found.value.octets
        return None if value is None else (option.code, value)

    def declaration(self, text: bytes, line: int, lines: Lines) -> syntax.Node | None:
        """A host, group, class or subclass; None where it is refused. Putting it in force is the caller's."""
        parser = self.parser(text)
        node = parser.declaration()
        lines += _moved(parser.lines, line)
        return node


def _symbols(declared: Declared) -> Symbols:
    """The names that are in force."""
    configuration = declared.configuration
    return Symbols(
        classes=NamesInForce(lambda name: declared.class_named(name) is not None),
        hosts=NamesInForce(lambda name: declared.hosts.by_name.get(name) is not None),
        groups=NamesInForce(lambda name: declared.groups.get(name) is not None),
        keys=set(configuration.keys),
        peers=set(configuration.failover_peers),
    )


def _moved(lines: Lines, first_line: int) -> Lines:
    """Messages about a piece of the file, with the line numbers of the whole."""
    ahead = first_line - 1

    def add(match: re.Match[str]) -> str:
        return f" line {int(match[1]) + ahead}: "

    return [(level, _LINE_NUMBER.sub(add, text, count=1)) for level, text in lines]


def function_text(function: Function) -> str:
    """`define NAME (...) { ... }`."""
    return print_statements([function.tree])


def handler_text(events: str, handler: Handler) -> str:
    """`on <events> { ... }` in the layout of a lease's record."""
    tree = syntax.On(handler.tree.place, tuple(events.split(" or ")), handler.tree.block)
    return print_handler(tree)


class Translation:
    """What leases hold of the language, handlers and functions, made anew for the configuration below `declared`.

    By their text, as a restart and a restored snapshot do, so that all three go on alike: an option that was renamed
    has its new name, and a handler that cannot be read any more is gone. Many leases hold one handler, which is read
    once. Charges to classes that the configuration does not have are taken back.
    """

    __slots__ = ("_charges", "_declared", "_functions", "_handlers", "_statements")

    def __init__(self, declared: Declared, charges: Charges) -> None:
        """Nothing is read yet."""
        self._declared = declared
        self._charges = charges
        self._statements = Statements(declared, "reload")
        self._handlers: dict[Handler, Handler | None] = {}
        self._functions: dict[Function, Function | None] = {}

    def translate(self, lease: Lease) -> None:
        """Make a lease's handlers and functions anew; a charge to a class that is no more is taken back."""
        rare = lease.rare
        if rare is None:
            return
        for name in HANDLERS:
            handler: Handler | None = getattr(rare, name)
            if handler is not None:
                setattr(rare, name, self._handler(handler))
        if rare.variables is not None:
            self.translate_variables(rare.variables)
        if rare.billing is not None and self._declared.class_named(rare.billing.name) is None:
            self._charges.take_back(lease)

    def translate_variables(self, variables: Bindings) -> None:
        """Make the functions among variables anew; one that cannot be read any more is a variable without a value."""
        for name, value in variables.items():
            if isinstance(value, Function):
                if value not in self._functions:
                    text = function_text(value).encode("utf-8", "surrogateescape")
                    self._functions[value] = self._statements.function(text)
                variables[name] = self._functions[value]

    def _handler(self, handler: Handler) -> Handler | None:
        if handler not in self._handlers:
            text = handler_text(" or ".join(handler.events), handler).encode("utf-8", "surrogateescape")
            self._handlers[handler] = self._statements.handler(text, 1, [])
        return self._handlers[handler]
