"""Executable statements: what runs for a packet, and the parameters and options that it sets.

A statement that is none of these gives None and reads nothing, so that a declaration may be tried next.

See docs/behaviour/configuration.md#executable-statements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import INFO
from ...model.syntax import (
    Add,
    Break,
    Case,
    DbTimeFormat,
    Default,
    Define,
    Eval,
    Execute,
    Expression,
    If,
    LeaseIdFormat,
    Log,
    Node,
    On,
    OptionStatement,
    ParseVendorOption,
    Return,
    Set,
    Switch,
    Unset,
)
from .cursor import CHAINED_MAX, Lost
from .keywords import EOF, HEXNAME, IDENTIFIERS, NAME, STRING
from .parse_expressions import ANY, DATA, DATA_OR_NUMERIC, NUMERIC, type_of
from .parse_keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.spaces import OptionDefinition
    from ...model.syntax import Block

_FLAG_PARAMETERS: Final = {
    "bootp": "allow-bootp",
    "booting": "allow-booting",
    "dynamic-bootp": "dynamic-bootp",
    "unknown-clients": "boot-unknown-clients",
    "duplicates": "duplicates",
    "declines": "declines",
    "client-updates": "client-updates",
    "leasequery": "leasequery",
}
_FLAG_VALUES: Final = {"allow": b"\1", "deny": b"\0", "ignore": b"\2"}
_OPERATORS: Final = {"option": "supersede", "supersede": "supersede", "send": "supersede", "default": "default",
                     "append": "append", "prepend": "prepend"}  # fmt: skip
_EVENTS: Final = frozenset({"commit", "release", "expiry", "transmission"})
_LOG_LEVELS: Final = frozenset({"fatal", "error", "info", "debug"})


class Statements(Keys):
    """Reads executable statements."""

    def statements(self, switch: str | None = None) -> Block:
        """Statements up to what is none. `switch`: the type of the switch whose body this is. Raises Lost (claimed)."""
        made: Block = []
        while True:
            try:
                node = self.executable(switch)
            except Lost as lost:
                if lost.claimed:
                    raise
                return made
            if node is None:
                return made
            made.append(node)

    def executable(self, switch: str | None = None) -> Node | None:
        """One statement; None where the next token begins none."""
        lexer = self.lexer
        kind = lexer.peek()
        reader = _READERS.get(kind)
        if reader is not None:
            lexer.next()
            return reader(self)
        if kind == "default":
            return self._default(switch)
        if kind == "case":
            return self._case(switch)
        if kind in IDENTIFIERS:
            parameter = self.registry.spaces["server"].by_name.get(self.text().lower())
            if parameter is not None:
                lexer.next()
                return self._parameter(parameter)
            if kind in (NAME, HEXNAME):
                return self._expression_statement()
        return None

    def _parameter(self, parameter: OptionDefinition) -> OptionStatement:
        """The value of a parameter, whose name is read. Raises Lost, unclaimed."""
        outer, self.declaring = self.declaring, True
        try:
            return self.option_value(parameter, "supersede")
        except Lost:
            raise Lost(claimed=False) from None
        finally:
            self.declaring = outer

    def _expression_statement(self) -> Eval:
        self.lexer.peek()
        found = self.expression(ANY)
        place = self.place()
        if found is None:
            raise self.lost("expecting expression.")
        self.end()
        return Eval(place, found)

    def body(self, missing_left: str = "left brace expected.", missing_right: str = "right brace expected.",
             switch: str | None = None) -> Block:  # fmt: skip
        """A braced list of statements. Raises Lost (claimed)."""
        if self.lexer.next() != "{":
            raise self.lost_unless_semicolon(missing_left)
        self.nest()
        try:
            made = self.statements(switch)
        except Lost:
            self.skip_block()
            raise
        finally:
            self.nested -= 1
        self.expect("}", missing_right)
        return made

    # Conditions

    def _if(self, branch: int = 1) -> If:
        if branch > CHAINED_MAX:
            raise self.too_many(f"more than {CHAINED_MAX} branches")
        place = self.place()
        parenthesised = self.accept("(")
        condition = self.boolean()
        if parenthesised:
            self.expect(")", "expecting right paren.")
        then = self.body()
        return If(place, condition, then, self._otherwise(branch + 1))

    def _otherwise(self, branch: int) -> Block | None:
        lexer = self.lexer
        kind = lexer.peek()
        if kind == "elsif":
            lexer.next()
            return [self._if(branch)]
        if kind != "else":
            return None
        lexer.next()
        if lexer.peek() == "if":
            lexer.next()
            return [self._if(branch)]
        if lexer.kind != "{":
            raise self.lost("left brace or if expected.")
        return self.body()

    def _switch(self) -> Switch:
        place = self.place()
        if self.lexer.next() != "(":
            raise self.lost_unless_semicolon("expecting left brace.")
        value = self.expression(DATA_OR_NUMERIC)
        if value is None:
            raise self.lost("expecting data or numeric expression.")
        self.expect(")", "right paren expected.")
        kind = DATA if type_of(value) == DATA else NUMERIC
        return Switch(place, value, self.body(switch=kind))

    def _case(self, switch: str | None) -> Case:
        self.lexer.next()
        place = self.place()
        if switch is None:
            raise self.lost("case statement in inappropriate scope.")
        found = self.expression_or_none(switch)
        # The type of a label is only looked at where data is compared.
        if found is None or (switch == DATA and type_of(found) not in (DATA, ANY)):
            text = "expecting data expression." if switch == DATA else "expecting numeric expression."
            raise self.lost(text)
        self.expect(":", "colon expected.")
        return Case(place, found)

    def _default(self, switch: str | None) -> Node:
        lexer = self.lexer
        lexer.next()
        if lexer.peek() != ":":
            return self._assignment("default")
        place = self.place()
        lexer.next()
        if switch is None:
            raise self.lost("switch default statement in inappropriate scope.")
        return Default(place)

    # Variables and functions

    def _set(self) -> Node:
        place = self.place()
        name = self._variable()
        kind = self.lexer.next()
        if kind == "(":
            return self._function_body(name)
        if kind != "=":
            raise self.lost_unless_semicolon("expecting '=' in set statement.")
        return Set(place, name, self._claimed(ANY, "expecting expression."))

    def _define(self) -> Node:
        place = self.place()
        name = self._variable()
        kind = self.lexer.next()
        if kind == "(":
            return self._function_body(name)
        if kind != "=":
            raise self.lost_unless_semicolon("expecting '=' in define statement.")
        return Set(place, name, self._claimed(ANY, "expecting expression."))

    def _variable(self) -> str:
        if self.lexer.next() not in (NAME, HEXNAME):
            raise self.lost(f"{self.text()} can't be a variable name")
        return self.text()

    def _function_body(self, name: str) -> Define:
        place = self.place()
        lexer = self.lexer
        parameters: list[str] = []
        while lexer.next() != ")":
            if lexer.kind not in (NAME, HEXNAME):
                raise self.lost("expecting argument name")
            parameters.append(self.text())
            if lexer.next() == ")":
                break
            if lexer.kind != ",":
                raise self.lost("expecting right paren.")
        if lexer.next() != "{":
            raise self.lost("expecting left brace.")
        self.nest()
        try:
            made = self.statements()
        finally:
            self.nested -= 1
        self.expect("}", "expecting right brace.")
        return Define(place, name, tuple(parameters), made)

    def _unset(self) -> Unset:
        place = self.place()
        name = self._variable()
        self.end()
        return Unset(place, name)

    def _claimed(self, context: str, missing: str) -> Expression:
        """An expression and its semicolon; after an error the rest of the statement is skipped."""
        try:
            found = self.expression_or_none(context)
        except Lost:
            self.skip()
            raise
        if found is None:
            raise self.lost(missing, claimed=False)
        self.end()
        return found

    def _argument(self, missing: str = "") -> Expression:
        """What `log` and `execute` evaluate; ISC's parser drops a `log` of nothing without a word."""
        try:
            found = self.expression_or_none(DATA)
        except Lost:
            self.skip()
            raise
        if found is None:
            if missing:
                self.warn(missing)
            self.skip()
            raise Lost
        if type_of(found) not in (DATA, ANY):
            self.warn("Expecting a data expression.")
            self.skip()
            raise Lost
        return found

    def _eval(self) -> Eval:
        place = self.place()
        return Eval(place, self._claimed(ANY, "expecting data expression."))

    def _return(self) -> Return:
        place = self.place()
        if self.lexer.peek() in (";", "}", EOF):
            self.warn("expecting data expression.")
            self.skip()
            raise Lost(claimed=False)
        return Return(place, self._claimed(ANY, "expecting data expression."))

    def _break(self) -> Break:
        place = self.place()
        self.end()
        return Break(place)

    # Log, execute, classes, events

    def _log(self) -> Log:
        place = self.place()
        self.expect("(", "left parenthesis expected.")
        level: str | None = None
        if self.lexer.peek() in _LOG_LEVELS:
            level = self.lexer.next()
            self.expect(",", "comma expected.")
        value = self._argument()
        self.expect(")", "right parenthesis expected.")
        self.end()
        return Log(place, level, value)

    def _execute(self) -> Execute:
        place = self.place()
        self.expect("(", "left parenthesis expected.")
        if self.lexer.next() != STRING:
            raise self.lost("Expecting a quoted string.")
        command = self.text()
        arguments: list[Expression] = []
        while self.accept(","):
            arguments.append(self._argument("expecting expression."))
        self.expect(")", "right parenthesis expected.")
        self.end()
        return Execute(place, command, tuple(arguments))

    def _add(self) -> Add:
        place = self.place()
        if self.lexer.next() != STRING:
            raise self.lost("expecting class name.")
        name = self.text()
        if name not in self.symbols.classes:
            self.warn(f"class {name}: not found")
        self.end()
        return Add(place, name)

    def _on(self) -> On:
        place = self.place()
        events: list[str] = []
        while True:
            kind = self.lexer.next()
            if kind not in _EVENTS:
                raise self.lost("expecting a lease event type")
            events.append(kind)
            if not self.accept("or"):
                break
        if self.accept(";"):
            return On(place, tuple(events), None)
        return On(place, tuple(events), self.body())

    def _parse_vendor_option(self) -> ParseVendorOption:
        place = self.place()
        self.end()
        return ParseVendorOption(place)

    # Options and parameters

    def _assignment(self, word: str) -> OptionStatement:
        option = self.known_option()
        return self.option_value(option, _OPERATORS[word])

    def flag_statement(self, word: str) -> OptionStatement:
        """`allow|deny|ignore KEYWORD;`: the first word is read."""
        place = self.place()
        name = _FLAG_PARAMETERS.get(self.lexer.next())
        if name is None:
            raise self.lost("expecting allow/deny key", claimed=False)
        self.end()
        option = self.registry.spaces["server"].by_name[name]
        value = Expression("data", (_FLAG_VALUES[word], False), place)
        return OptionStatement(place, "supersede", option, value, literal=True)

    def db_time_format(self) -> DbTimeFormat:
        """`db-time-format default|local;`: the word is read."""
        place = self.place()
        kind = self.lexer.next()
        if kind not in ("local", "default"):
            raise self.lost("Expecting 'local' or 'default'.")
        self.end()
        return DbTimeFormat(place, kind == "local")

    def lease_id_format(self) -> LeaseIdFormat:
        """`lease-id-format octal|hex;`: the word is read."""
        place = self.place()
        kind = self.lexer.next()
        if kind not in ("octal", "hex"):
            raise self.lost("lease-id-format is invalid:  it must be octal or hex.")
        self.lines.append((INFO, f"lease_id_format is: {kind}"))
        self.expect(";", "corrupt lease file; expecting a semicolon")
        return LeaseIdFormat(place, kind)


def _operators() -> dict[str, Callable[[Statements], Node]]:
    """A reader for each operator word but `default`, which has two meanings."""

    def reader(word: str) -> Callable[[Statements], Node]:
        return lambda statements: statements._assignment(word)

    return {word: reader(word) for word in _OPERATORS if word != "default"}


def _flags() -> dict[str, Callable[[Statements], Node]]:
    """A reader for each of allow, deny, ignore."""

    def reader(word: str) -> Callable[[Statements], Node]:
        return lambda statements: statements.flag_statement(word)

    return {word: reader(word) for word in _FLAG_VALUES}


_READERS: Final[dict[str, Callable[[Statements], Node]]] = {
    "if": Statements._if,
    "switch": Statements._switch,
    "set": Statements._set,
    "define": Statements._define,
    "unset": Statements._unset,
    "eval": Statements._eval,
    "return": Statements._return,
    "break": Statements._break,
    "log": Statements._log,
    "execute": Statements._execute,
    "add": Statements._add,
    "on": Statements._on,
    "parse-vendor-option": Statements._parse_vendor_option,
    "db-time-format": Statements.db_time_format,
    "key": Statements.key_block,
    "zone": Statements.zone_block,
    **_operators(),
    **_flags(),
}
