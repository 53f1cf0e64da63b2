"""Executable statements as ISC's server writes them into the lease file: its words, its order, its lines.

Either server reads what the other wrote. Better than ISC's here: parentheses that matter stand, quotes and backslashes
are escaped, `return` keeps its value and `add` its semicolon.

See docs/behaviour/lease-file.md#handlers-as-written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...model import syntax
from ...model.syntax import Expression, HostName
from .columns import Columns
from .printing_expressions import SIGNS, WORDS, groups_left, groups_operand, groups_right, print_expression
from .printing_values import pieces
from .values import printable, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.syntax import Block, Node


def print_handler(on: syntax.On, indent: int = 2) -> str:
    """`on EVENT or EVENT { ... }`, or `on EVENT;`, each line ended by a line feed; `indent` in blanks."""
    return print_statements([on], indent)


def print_statements(block: Block, indent: int = 0) -> str:
    """Executable statements, each line ended by a line feed."""
    page = Columns()
    _block(page, block, indent)
    return page.text()


def _block(page: Columns, block: Block, indent: int) -> None:
    for node in block:
        _STATEMENTS[type(node)](page, node, indent)


# Expressions. `first`: nothing of the same list stands before it; else what is made of several words begins a line.


def _expression(page: Columns, expression: Expression, indent: int, *, first: bool = True) -> None:
    kind = expression.kind
    if kind in _BEGINS_LINE and not first:
        page.break_line(indent)
    if kind in SIGNS:
        _binary(page, expression, indent)
    elif kind in WORDS:
        page.put(kind, indent)
    else:
        write = _EXPRESSIONS.get(kind)
        if write is None:
            page.put(print_expression(expression), indent)
        else:
            write(page, expression, indent)


def _grouped(page: Columns, expression: Expression, indent: int, *, grouped: bool, first: bool = True) -> None:
    if grouped:
        page.put("(", indent)
        _expression(page, expression, indent)
        page.put(")", indent)
    else:
        _expression(page, expression, indent, first=first)


def _binary(page: Columns, expression: Expression, indent: int) -> None:
    left, right = expression.operands
    _grouped(page, left, indent, grouped=groups_left(left, expression.kind))
    page.put(SIGNS[expression.kind], indent, " ", " ")
    _grouped(page, right, indent + 2, grouped=groups_right(right, expression.kind), first=False)


def _not(page: Columns, expression: Expression, indent: int) -> None:
    value = expression.operands[0]
    page.put("not", indent, behind=" ")
    _grouped(page, value, indent, grouped=groups_operand(value))


def _constant(page: Columns, octets: bytes, indent: int) -> None:
    """A string where all of it can be read, however it was written; else an octet and a colon at a time."""
    if printable(octets):
        page.put(quoted(octets), indent)
        return
    for at, octet in enumerate(octets):
        if at:
            page.put(":", indent)
        page.put(f"{octet:02x}", indent)


def _data(page: Columns, expression: Expression, indent: int) -> None:
    octets = expression.octets
    assert octets is not None, "the parser's data"
    _constant(page, octets, indent)


def _option(page: Columns, expression: Expression, indent: int) -> None:
    """`option NAME` and the like."""
    word, name = print_expression(expression).split(" ", 1)
    page.put(word, indent)
    page.put(name, indent, " ")


def _opened(page: Columns, word: str, indent: int) -> int:
    """Begin a list of arguments; the column in which they stand."""
    page.put(word, indent)
    page.put("(", indent, " ")
    return page.column


def _function(page: Columns, expression: Expression, indent: int) -> None:
    """`NAME (E, E)`."""
    place = _opened(page, expression.kind, indent)
    for at, argument in enumerate(expression.operands):
        if at:
            page.put(",", indent if expression.kind in _COMMA_OUTSIDE and at == 1 else place, behind=" ")
        _expression(page, argument, place, first=not at)
    page.put(")", indent)


def _call(page: Columns, expression: Expression, indent: int) -> None:
    """A function that the configuration defines: its arguments stand where it does."""
    _opened(page, expression.name, indent)
    for at, argument in enumerate(expression.operands):
        if at:
            page.put(",", indent, behind=" ")
        _expression(page, argument, indent, first=not at)
    page.put(")", indent)


def _concat(page: Columns, expression: Expression, indent: int) -> None:
    _join(page, expression.operands, indent)


def _assembled(page: Columns, expression: Expression, indent: int) -> None:
    """An option's value with host names in it."""
    _join(page, [_part(one) for one in expression.parts], indent)


def _part(part: bytes | HostName) -> Expression:
    if isinstance(part, HostName):
        return Expression("gethostbyname", (part.name,))
    return Expression("data", (part, False))


def _join(page: Columns, values: list[Expression], indent: int) -> None:
    """`concat` of two at a time, as ISC joins them."""
    *before, last = values
    if not before:
        _expression(page, last, indent)
        return
    place = _opened(page, "concat", indent)
    _join(page, before, place)
    page.put(",", place, behind=" ")
    _expression(page, last, place, first=False)
    page.put(")", indent)


def _sized(page: Columns, expression: Expression, indent: int) -> None:
    """`encode-int (E,  32)`: ISC has two blanks."""
    place = _opened(page, expression.kind, indent)
    _expression(page, expression.operands[0], indent)
    page.put(",", place, behind=" ")
    page.put(str(expression.number), place, " ")
    page.put(")", indent)


_BEGINS_LINE: Final = frozenset({
    "option", "config-option", "concat", "substring", "suffix", "binary-to-ascii", "encode-int", "extract-int",
    "pick-first-value", "reverse", "v6relay",
})  # fmt: skip
# Functions whose first comma belongs to what is around them.
_COMMA_OUTSIDE: Final = frozenset({"substring"})
_EXPRESSIONS: Final[dict[str, Callable[[Columns, Expression, int], None]]] = {
    "data": _data,
    "not": _not,
    "option": _option,
    "config-option": _option,
    "exists": _option,
    "check": _option,
    "concat": _concat,
    "assembled": _assembled,
    "encode-int": _sized,
    "extract-int": _sized,
    "call": _call,
    "substring": _function,
    "suffix": _function,
    "lcase": _function,
    "ucase": _function,
    "packet": _function,
    "binary-to-ascii": _function,
    "pick-first-value": _function,
    "reverse": _function,
    "v6relay": _function,
}


# Statements


def constant_written(node: syntax.OptionStatement) -> bytes | None:
    """The octets that `print_statements` writes as an option's value; None where it writes an expression."""
    parts = (pieces(node) if node.literal else []) or [node.value]
    return parts[0].octets if len(parts) == 1 else None


def _option_statement(page: Columns, node: syntax.OptionStatement, indent: int) -> None:
    inner = indent + 8
    page.begin(node.operator, indent)
    page.put(node.option.full_name, inner, " ")
    page.put("=", inner, " ", " ")
    parts = pieces(node) if node.literal else []
    _join(page, parts or [node.value], inner)
    page.end(";")


def _set(page: Columns, node: syntax.Set, indent: int) -> None:
    inner = indent + 4
    page.begin("set ", indent)
    page.put(node.name, inner)
    page.put("=", inner, " ", " ")
    page.column = indent + 3
    _expression(page, node.value, indent + 3, first=False)
    page.put(";", inner, " ")
    page.end("")


def _unset(page: Columns, node: syntax.Unset, indent: int) -> None:
    inner = indent + 6
    page.begin("unset ", indent)
    page.put(node.name, inner)
    page.put(";", inner, " ")
    page.end("")


def _log(page: Columns, node: syntax.Log, indent: int) -> None:
    inner = indent + 4
    page.begin(f"log ({node.level or 'debug'}, ", indent)
    page.column = inner
    _expression(page, node.value, inner, first=False)
    page.put(");", inner)
    page.end("")


def _execute(page: Columns, node: syntax.Execute, indent: int) -> None:
    inner = indent + 4
    page.begin("execute (", indent)
    page.column += 4
    page.put(quoted(node.command.encode("latin-1")), inner)
    for argument in node.arguments:
        page.put(",", inner, behind=" ")
        _expression(page, argument, inner, first=False)
    page.end(");")


def _value(word: str) -> Callable[[Columns, Any, int], None]:
    """`eval E;` and the like."""

    def write(page: Columns, node: syntax.Eval | syntax.Return, indent: int) -> None:
        page.begin(word + " ", indent)
        _expression(page, node.value, page.column)
        page.end(";")

    return write


def _braced(page: Columns, head: str, block: Block, indent: int) -> None:
    page.begin(head, indent)
    page.end(" {")
    _block(page, block, indent + 2)
    page.begin("}", indent)
    page.end("")


# In ISC's order.
_EVENTS: Final = ("expiry", "commit", "release", "transmission")


def _on(page: Columns, node: syntax.On, indent: int) -> None:
    events = " or ".join(sorted(node.events, key=_EVENTS.index))
    if node.block is not None:
        _braced(page, f"on {events}", node.block, indent)
        return
    page.begin(f"on {events};", indent)
    page.end("")


def _if(page: Columns, node: syntax.If, indent: int) -> None:
    page.begin("if ", indent)
    _branch(page, node, indent, indent + 3)
    other = node.otherwise
    while other is not None and len(other) == 1 and isinstance(other[0], syntax.If):
        page.begin("} elsif ", indent)
        _branch(page, other[0], indent, indent + 6)
        other = other[0].otherwise
    if other is not None:
        page.begin("} else {", indent)
        page.end("")
        _block(page, other, indent + 2)
    page.begin("}", indent)
    page.end("")


def _branch(page: Columns, node: syntax.If, indent: int, inner: int) -> None:
    """The condition and what it guards."""
    page.column = inner
    # A parenthesis that begins the condition would be taken for the statement's own.
    _grouped(page, node.condition, inner, grouped=print_expression(node.condition).startswith("("))
    page.put("{", indent, " ")
    page.end("")
    _block(page, node.then, indent + 2)


def _switch(page: Columns, node: syntax.Switch, indent: int) -> None:
    page.begin("switch (", indent)
    page.column = indent + 7
    _expression(page, node.value, indent + 7)
    page.end(") {")
    for inner in node.block:
        _STATEMENTS[type(inner)](page, inner, indent + (1 if isinstance(inner, syntax.Case | syntax.Default) else 2))
    page.begin("}", indent)
    page.end("")


def _case(page: Columns, node: syntax.Case, indent: int) -> None:
    inner = indent + 6
    page.begin("case ", indent)
    page.column = inner
    value = node.value
    # A list of octets would swallow the colon.
    octets = value.octets
    _grouped(page, value, inner, grouped=octets is not None and not printable(octets))
    page.put(":", inner)
    page.end("")


def _define(page: Columns, node: syntax.Define, indent: int) -> None:
    _braced(page, f"define {node.name} ({', '.join(node.parameters)})", node.block, indent)


def _words(text: str) -> Callable[[Columns, Any, int], None]:
    """A statement that is always the same."""

    def write(page: Columns, _node: Node, indent: int) -> None:
        page.begin(text, indent)
        page.end("")

    return write


def _add(page: Columns, node: syntax.Add, indent: int) -> None:
    page.begin(f"add {quoted(node.name.encode('latin-1'))}", indent)
    page.end(";")


def _include(page: Columns, node: syntax.Include, indent: int) -> None:
    _block(page, node.block, indent)


_STATEMENTS: Final[dict[type[Node], Callable[[Columns, Any, int], None]]] = {
    syntax.OptionStatement: _option_statement,
    syntax.Set: _set,
    syntax.Unset: _unset,
    syntax.Log: _log,
    syntax.Execute: _execute,
    syntax.Eval: _value("eval"),
    syntax.Return: _value("return"),
    syntax.Break: _words("break;"),
    syntax.On: _on,
    syntax.If: _if,
    syntax.Switch: _switch,
    syntax.Case: _case,
    syntax.Default: _words("default: "),
    syntax.Define: _define,
    syntax.Add: _add,
    syntax.ParseVendorOption: _words("parse-vendor-option;"),
    syntax.Include: _include,
}
