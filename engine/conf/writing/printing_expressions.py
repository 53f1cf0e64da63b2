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

_SIGNS: Final = {
    "equal": "=", "not-equal": "!=", "regex": "~=", "iregex": "~~", "and": "and", "or": "or", "add": "+",
    "multiply": "*", "divide": "/", "remainder": "%", "bit-and": "&", "bit-or": "|", "bit-xor": "^",
}  # fmt: skip
_WORDS: Final = frozenset({
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
    if kind in _SIGNS:
        return _binary(expression)
    if kind in _WORDS:
        return kind
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(*arguments)
    return f"{kind} ({_list(arguments)})"


def _list(arguments: tuple[object, ...]) -> str:
    return ", ".join(print_expression(item) for item in arguments if isinstance(item, Expression))


def _binary(expression: Expression) -> str:
    left, right = expression.arguments
    return f"{_left(left, expression.kind)} {_SIGNS[expression.kind]} {_right(right, expression.kind)}"


def _left(operand: object, operator: str) -> str:
    """The left operand: without parentheses it reads back as it was while no operator within binds looser."""
    assert isinstance(operand, Expression)
    text = print_expression(operand)
    if operand.kind not in _SIGNS or (_flat(operand) and OPERATORS[operand.kind][0] >= OPERATORS[operator][0]):
        return text
    return f"({text})"


def _flat(operand: Expression) -> bool:
    """Whether an operand's own right operand is simple, so that what follows it cannot be drawn in."""
    last = operand.arguments[1]
    return isinstance(last, Expression) and last.kind not in _SIGNS


def _right(operand: object, operator: str) -> str:
    """The right operand: it takes all that follows while its operator binds tighter."""
    assert isinstance(operand, Expression)
    text = print_expression(operand)
    if operand.kind not in _SIGNS:
        return text
    first = operand.arguments[0]
    simple = isinstance(first, Expression) and first.kind not in _SIGNS
    tighter = OPERATORS[operand.kind][0] > OPERATORS[operator][0]
    return text if simple and tighter and not _has_numbers(operand) else f"({text})"


def _has_numbers(operand: Expression) -> bool:
    """Whether a bare number stands in it, whose meaning hangs on what is before it."""
    return any(isinstance(item, Expression) and item.kind == "number" for item in operand.arguments)


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
    "gethostname": lambda: "gethostname ()",
    "gethostbyname": lambda name: f"gethostbyname ({quoted(name.encode('latin-1'))})",
    "code-word": lambda word, _value: word,
    "not": lambda value: f"not {_operand(value)}",
    "check": lambda name: f"check {quoted(name.encode('latin-1'))}",
    "defined": lambda name: f"defined ({name})",
    "variable": lambda name: name,
    "call": lambda name, *arguments: f"{name} ({_list(arguments)})",
}


def _operand(value: Expression) -> str:
    text = print_expression(value)
    return f"({text})" if value.kind in _SIGNS else text
