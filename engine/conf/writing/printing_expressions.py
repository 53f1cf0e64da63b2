"""Expressions back to text, in ISC's spelling, with the parentheses that reading back needs.

See docs/behaviour/lease-file.md#handlers-as-written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...model.syntax import Expression, HostName
from ..reading.parse_expressions import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.spaces import OptionDefinition

# Operators between two operands, and words without any.
SIGNS: Final = {
    "equal": "=", "not-equal": "!=", "regex": "~=", "iregex": "~~", "and": "and", "or": "or", "add": "+",
    "multiply": "*", "divide": "/", "remainder": "%", "bit-and": "&", "bit-or": "|", "bit-xor": "^",
}  # fmt: skip
WORDS: Final = frozenset({
    "hardware", "leased-address", "host-decl-name", "filename", "server-name", "null", "lease-time", "client-state",
    "known", "static",
})  # fmt: skip
_PRINTABLE: Final = range(0x20, 0x7F)


def quoted(octets: bytes) -> str:
    """A string that reads back to the octets."""
    made = ['"']
    for octet in octets:
        if octet in b'"\\':
            made.append("\\" + chr(octet))
        else:
            made.append(chr(octet) if octet in _PRINTABLE else f"\\{octet:03o}")
    return "".join(made) + '"'


def print_expression(expression: Expression) -> str:
    """One expression in one line."""
    kind, arguments = expression.kind, expression.arguments
    if kind in SIGNS:
        return _binary(expression)
    if kind in WORDS:
        return kind
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(*arguments)
    return f"{kind} ({_list(arguments)})"


def _list(arguments: tuple[object, ...]) -> str:
    return ", ".join(print_expression(item) for item in arguments if isinstance(item, Expression))


def _binary(expression: Expression) -> str:
    left, right = expression.operands
    before = _grouped(left, groups=groups_left(left, expression.kind))
    return f"{before} {SIGNS[expression.kind]} {_grouped(right, groups=groups_right(right, expression.kind))}"


def _grouped(operand: Expression, *, groups: bool) -> str:
    text = print_expression(operand)
    return f"({text})" if groups else text


def groups_left(operand: Expression, operator: str) -> bool:
    """Whether a left operand needs parentheses: it reads back as it was while no operator within binds looser."""
    return operand.kind in SIGNS and not (
        _flat(operand) and OPERATORS[operand.kind][0] >= OPERATORS[operator][0]
    )


def _flat(operand: Expression) -> bool:
    """Whether an operand's own right operand is simple, so that what follows it cannot be drawn in."""
    return operand.operands[1].kind not in SIGNS


def groups_right(operand: Expression, operator: str) -> bool:
    """Whether a right operand needs parentheses: it takes all that follows while its operator binds tighter."""
    if operand.kind not in SIGNS:
        return False
    simple = operand.operands[0].kind not in SIGNS
    tighter = OPERATORS[operand.kind][0] > OPERATORS[operator][0]
    return not (simple and tighter and not _has_numbers(operand))


def groups_operand(operand: Expression) -> bool:
    """Whether the operand of `not` needs parentheses."""
    return operand.kind in SIGNS


def _has_numbers(operand: Expression) -> bool:
    """Whether a bare number stands in it, whose meaning hangs on what is before it."""
    return any(item.kind == "number" for item in operand.operands)


def _data(octets: bytes, is_quoted: bool = False) -> str:  # noqa: FBT002 - a field of the tree
    if is_quoted or not octets:
        return quoted(octets)
    return ":".join(f"{octet:02x}" for octet in octets)


def _assembled(parts: tuple[bytes | HostName, ...]) -> str:
    """ISC joins the parts two by two."""
    made = ""
    for part in parts:
        text = f"gethostbyname ({quoted(part.name.encode('latin-1'))})" if isinstance(part, HostName) else _data(part)
        made = f"concat ({made}, {text})" if made else text
    return made


def _concat(first: Expression, *others: Expression) -> str:
    """`concat` of two at a time, as ISC joins them."""
    made = print_expression(first)
    for other in others:
        made = f"concat ({made}, {print_expression(other)})"
    return made


def _option(option: OptionDefinition) -> str:
    return f"option {option.full_name}"


_SPECIAL: Final[dict[str, Callable[..., str]]] = {
    "data": _data,
    "number": str,
    "assembled": _assembled,
    "concat": _concat,
    "option": _option,
    "config-option": lambda option: f"config-option {option.full_name}",
    "exists": lambda option: f"exists {option.full_name}",
    "encode-int": lambda value, bits: f"encode-int ({print_expression(value)},  {bits})",
    "extract-int": lambda value, bits: f"extract-int ({print_expression(value)},  {bits})",
    "gethostname": lambda: "gethostname()",
    "gethostbyname": lambda name: f"gethostbyname ({quoted(name.encode('latin-1'))})",
    "code-word": lambda word, _value: word,
    "not": lambda value: f"not {_grouped(value, groups=groups_operand(value))}",
    "check": lambda name: f"check {quoted(name.encode('latin-1'))}",
    "defined": lambda name: f"defined ({name})",
    "variable": lambda name: name,
    "call": lambda name, *arguments: f"{name} ({_list(arguments)})",
}
