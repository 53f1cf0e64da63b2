"""The boolean and numeric expressions, one function a kind, and the tables of them.

Null is None. `and` gives null, not false, where its left side is false; `=` never gives null; arithmetic is that of
an unsigned 64-bit number.

See docs/behaviour/configuration.md#boolean-expressions, docs/behaviour/configuration.md#numeric-expressions-and-calls.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ....trace.effects import ERROR
from ...model.context import Context, NoOctets
from .classify import classify
from .expressions import MASK, Compiled, Compiler, Table, constantly, operands, variable
from .expressions_regex import matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.syntax import Expression

Boolean: TypeAlias = "Compiled[bool]"
Number: TypeAlias = "Compiled[int]"


def _same(left: object, right: object) -> bool:
    return left == right and (type(left) is type(right) or (isinstance(left, bytes) and isinstance(right, bytes)))


def _equal(compiler: Compiler, expression: Expression) -> Boolean:
    """Both null are equal; different types are not."""
    first, second = map(compiler.any, operands(expression))
    if not callable(first) and not callable(second):
        return _same(first, second)
    left, right = constantly(first), constantly(second)
    if isinstance(second, bytes):
        return lambda context: left(context) == second
    return lambda context: _same(left(context), right(context))


def _not_equal(compiler: Compiler, expression: Expression) -> Boolean:
    equal = _equal(compiler, expression)
    if callable(equal):
        evaluate = equal
        return lambda context: not evaluate(context)
    return not equal


def _is_empty_constant(expression: Expression) -> bool:
    return expression.octets == b""


def _regex(*, ignore_case: bool) -> Callable[[Compiler, Expression], Boolean]:
    def compile_it(compiler: Compiler, expression: Expression) -> Boolean:
        first, second = operands(expression)
        if _is_empty_constant(first):
            return _empty_left
        left, right = compiler.data_closure(first), compiler.data_closure(second)
        matchless = _is_empty_constant(second)

        def run(context: Context) -> bool | None:
            text, pattern = left(context), right(context)
            if text is None or pattern is None:
                return None
            if isinstance(text, NoOctets):
                _empty_left(context)
                return None
            return not matchless and matches(pattern, text, ignore_case=ignore_case)

        return run

    return compile_it


def _empty_left(context: Context) -> None:
    """An empty constant to search in is an error of ISC's string functions, and null."""
    context.host.log(ERROR, "data_string_new: src cannot be NULL tree.c(811)")


def _and(compiler: Compiler, expression: Expression) -> Boolean:
    left, right = (constantly(compiler.boolean(operand)) for operand in operands(expression))
    return lambda context: right(context) if left(context) else None


def _or(compiler: Compiler, expression: Expression) -> Boolean:
    left, right = (constantly(compiler.boolean(operand)) for operand in operands(expression))

    def run(context: Context) -> bool | None:
        first = left(context)
        if first:
            return True
        second = right(context)
        return None if first is None and second is None else bool(second)

    return run


def _not(compiler: Compiler, expression: Expression) -> Boolean:
    evaluate = constantly(compiler.boolean(operands(expression)[0]))

    def run(context: Context) -> bool | None:
        found = evaluate(context)
        return None if found is None else not found

    return run


def _exists(_compiler: Compiler, expression: Expression) -> Boolean:
    """Whether the packet carries the option, of whatever length; without a packet it does not."""
    option = expression.option
    space, code = option.space, option.code
    if space == "dhcp":
        return lambda context: context.packet is not None and code in context.packet.options
    return lambda context: context.packet is not None and code in context.packet.spaces.get(space, {})


def _known(_compiler: Compiler, _expression: Expression) -> Boolean:
    return lambda context: None if context.packet is None else context.packet.known


def _static(_compiler: Compiler, _expression: Expression) -> Boolean:
    return lambda context: context.lease is not None and context.lease.pool is None


# Stands among what a context is asking for while classes are matched for `check`.
_CHECKING: Final = ("check", 0)


def _check(_compiler: Compiler, _expression: Expression) -> Boolean:
    """The one collection, `default`, is the classes: matching runs once more, without the reply as ever.

    A class that asks this itself is not matched again for its own sake (ISC goes on until its stack is used up).
    """

    def run(context: Context) -> bool:
        packet, host = context.packet, context.host
        if packet is None or _CHECKING in context.asking:
            return False
        inner = Context(host, context.now, packet, context.lease, None, context.bindings)
        inner.asking = (_CHECKING,)
        return classify(inner)

    return run


def _defined(_compiler: Compiler, expression: Expression) -> Boolean:
    name = expression.name.lower()
    return lambda context: variable(context, name) is not None


def _literal(_compiler: Compiler, expression: Expression) -> Number:
    return expression.number & MASK


def _extract_int(compiler: Compiler, expression: Expression) -> Number:
    """Big-endian from the start; too short is null."""
    value = compiler.data(operands(expression)[0])
    octets = expression.number // 8

    def extract(found: bytes | None) -> int | None:
        return None if found is None or len(found) < octets else int.from_bytes(found[:octets], "big")

    if callable(value):
        evaluate = value
        return lambda context: extract(evaluate(context))
    return extract(value)


def _lease_time(_compiler: Compiler, _expression: Expression) -> Number:
    """Seconds left of the lease."""

    def run(context: Context) -> int | None:
        lease = context.lease
        if lease is None:
            context.host.log(ERROR, "data: leased_lease: not available")
            return None
        if lease.ends < context.now:
            line = f"data: lease_time: lease ends at {lease.ends} when it is now {context.now}"
            context.host.log(ERROR, line)
            return None
        return lease.ends - context.now

    return run


def _null_number(_compiler: Compiler, _expression: Expression) -> Number:
    return None


def _arithmetic(
    function: Callable[[Any, Any], int],
    *,
    divides: bool = False,
) -> Callable[[Compiler, Expression], Number]:
    """Both sides are evaluated; null where one is, and for a division by nothing."""

    def compile_it(compiler: Compiler, expression: Expression) -> Number:
        first, second = map(compiler.number, operands(expression))
        left, right = constantly(first), constantly(second)

        def run(context: Context) -> int | None:
            one, other = left(context), right(context)
            if one is None or other is None or (divides and not other):
                return None
            return function(one, other) & MASK

        if isinstance(first, int) and isinstance(second, int):
            return None if divides and not second else function(first, second) & MASK
        return run

    return compile_it


BOOLEANS: Final[Table] = {
    "equal": _equal,
    "not-equal": _not_equal,
    "regex": _regex(ignore_case=False),
    "iregex": _regex(ignore_case=True),
    "and": _and,
    "or": _or,
    "not": _not,
    "exists": _exists,
    "known": _known,
    "static": _static,
    "check": _check,
    "defined": _defined,
}
NUMBERS: Final[Table] = {
    "number": _literal,
    "code-word": _literal,
    "extract-int": _extract_int,
    "lease-time": _lease_time,
    "client-state": _null_number,
    "add": _arithmetic(operator.add),
    "multiply": _arithmetic(operator.mul),
    "divide": _arithmetic(operator.floordiv, divides=True),
    "remainder": _arithmetic(operator.mod, divides=True),
    "bit-and": _arithmetic(operator.and_),
    "bit-or": _arithmetic(operator.or_),
    "bit-xor": _arithmetic(operator.xor),
}
