"""Expressions made into Python closures: what kind of value is wanted decides how an expression is read.

ISC dhcpd has one evaluator for each type (data, numeric, boolean) and one that takes any; a variable or a function
call passes the parser everywhere and fails, with a log line, in the evaluator of the wrong type. Here the same choice
is made once, at compile time: `Compiler.data/number/boolean/any` give either a constant (bytes, int, bool, None for
null) or a closure `(Context) -> value | None`. Constants are folded as far as doing so cannot be seen: never where
evaluation may log.

The kinds of each type are in expressions_data.py and expressions_logic.py, as tables. No expression raises: what
crashes ISC is null.

See docs/behaviour/configuration.md#easily-got-wrong, docs/behaviour/configuration.md#data-expressions,
docs/behaviour/configuration.md#numeric-expressions-and-calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar

from ....trace.effects import ERROR
from ...model import notices
from ...model.configuration import Function
from ...model.context import Frame
from ...model.syntax import KINDS, Expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ...model.configuration import DataExpression, Result, Value
    from ...model.context import Bindings, Context
    from ...model.syntax import OptionStatement

# Numbers are 64 bits; a variable holds them signed, every operator sees them unsigned.
MASK: Final = 0xFFFFFFFFFFFFFFFF
CALL_DEPTH_MAX: Final = 50
_SIGN: Final = 1 << 63

_T = TypeVar("_T")
Compiled: TypeAlias = "_T | Callable[[Context], _T | None] | None"
AnyValue: TypeAlias = Any
Step: TypeAlias = "Callable[[Context], int | None]"
Watch: TypeAlias = "Callable[[OptionStatement, Step], Step]"
Table: TypeAlias = "dict[str, Callable[[Compiler, Expression], Any]]"

# ISC's numbers of the operators, which its log lines about a value of the wrong type show. What it has no operator for
# goes by the one that it makes of it: literals with host names are `concat`, code words numbers.
OPCODES: Final[dict[str, int]] = {
    "check": 2,
    "equal": 3,
    "substring": 4,
    "suffix": 5,
    "concat": 6,
    "gethostbyname": 7,
    "assembled": 6,
    "and": 8,
    "or": 9,
    "not": 10,
    "option": 11,
    "hardware": 12,
    "packet": 13,
    "data": 14,
    "extract-int": 15,
    "encode-int": 18,
    "number": 21,
    "code-word": 21,
    "exists": 22,
    "known": 24,
    "reverse": 25,
    "leased-address": 26,
    "binary-to-ascii": 27,
    "config-option": 28,
    "host-decl-name": 29,
    "pick-first-value": 30,
    "lease-time": 31,
    "static": 33,
    "not-equal": 38,
    "null": 39,
    "defined": 40,
    "filename": 42,
    "server-name": 43,
    "call": 45,
    "add": 47,
    "multiply": 49,
    "divide": 50,
    "remainder": 51,
    "bit-and": 52,
    "bit-or": 53,
    "bit-xor": 54,
    "client-state": 55,
    "ucase": 56,
    "lcase": 57,
    "regex": 58,
    "iregex": 59,
    "gethostname": 60,
    "v6relay": 61,
}
# Each width of these is an operator of its own: 8, 16 and 32 bits, in a row.
_WIDE: Final = frozenset({"extract-int", "encode-int"})
_WIDTH_STEPS: Final[dict[object, int]] = {8: 0, 16: 1, 32: 2}
_BINDING_TYPES: Final[dict[type, int]] = {bool: 0, bytes: 1, int: 2, Function: 4}


def type_number(value: object) -> int:
    """ISC's number of a binding's type: 0 boolean, 1 data, 2 numeric, 4 function."""
    return next(number for kind, number in _BINDING_TYPES.items() if isinstance(value, kind))


def constantly(value: Compiled[_T]) -> Callable[[Context], _T | None]:
    """The closure, or one that gives the constant."""
    if callable(value):
        return value
    return lambda _context: value


def null_value(_context: Context) -> None:
    """A value that is always null, for where a constant null must stand in an option set."""


class CallValue:
    """A function call as the whole value of an option: it logs as everywhere, but its value is used.

    See docs/behaviour/configuration.md#numeric-expressions-and-calls.
    """

    __slots__ = ("call", "refuse")

    def __init__(self, call: Callable[[Context], AnyValue], refuse: Callable[[Context], None]) -> None:
        """`call` runs the function, `refuse` logs the line."""
        self.call = call
        self.refuse = refuse

    def __call__(self, context: Context) -> bytes | None:
        """The function's value where it is data."""
        value = self.call(context)
        self.refuse(context)
        return value if isinstance(value, bytes) else None


def holder(bindings: Bindings, name: str) -> Bindings | None:
    """The innermost set of variables that has `name`."""
    here: Bindings | None = bindings
    while here is not None and name not in here:
        here = here.outer if isinstance(here, Frame) else None
    return here


def variable(context: Context, name: str) -> AnyValue:
    """The value of a variable, None for none; numbers as unsigned."""
    bindings = context.bindings
    if type(bindings) is Frame:
        found = holder(bindings, name)
        value = None if found is None else found[name]
    else:
        value = bindings.get(name)
    return value & MASK if type(value) is int else value


def assign(context: Context, name: str, value: AnyValue) -> None:
    """`set`: where the name exists, there; else in the innermost set. Numbers are kept signed."""
    if type(value) is int and value >= _SIGN:
        value -= 1 << 64
    found = holder(context.bindings, name)
    (context.bindings if found is None else found)[name] = value


def call_function(context: Context, name: str, arguments: tuple[Callable[[Context], AnyValue], ...]) -> AnyValue:
    """The value of `name(arguments)`, None with a log line where it cannot be called.

    The depth of calls within calls is bounded where ISC would overflow its stack.

    See docs/behaviour/configuration.md#numeric-expressions-and-calls.
    """
    function = variable(context, name.lower())
    problem = _refusal(function, len(arguments))
    if problem:
        context.host.log(ERROR, f"{name}: {problem}")
        return None
    if isinstance(context.bindings, Frame) and context.bindings.depth >= CALL_DEPTH_MAX:
        context.host.log(*notices.CALLS_TOO_DEEP(function=name))
        return None
    caller = context.bindings
    frame = Frame(caller)
    for parameter, argument in zip(function.parameters, arguments, strict=True):
        frame[parameter] = argument(context)
    returned = context.returned
    context.bindings, context.returned = frame, None
    function.run(context)
    value = _returned(context)
    context.bindings, context.returned = caller, returned
    return value


def _returned(context: Context) -> AnyValue:
    """What `return` has left. Asked for apart: compiled, who has just set it to None is sure to find None there."""
    return context.returned


def _refusal(function: object, count: int) -> str:
    if function is None:
        return "no such function."
    if not isinstance(function, Function):
        return "not a function."
    if count != len(function.parameters):
        return "too many arguments." if count > len(function.parameters) else "too few arguments."
    return ""


class Tables(NamedTuple):
    """What makes each kind of expression, by the type of its value; `whole` where it is an option's whole value."""

    whole: Table
    data: Table
    numbers: Table
    booleans: Table


class Compiler:
    """Makes closures; collects the host names that it meets (in order) for Configuration.host_names.

    `watch`, where it is set, puts something around each statement that sets an option; it is for explaining decisions,
    and costs the speed of runs of assignments.
    """

    def __init__(self, tables: Tables, host_names: Iterable[str] = ()) -> None:
        """`host_names` are those met before."""
        self.tables = tables
        self.host_names = list(host_names)
        self.watch: Watch | None = None
        self._names_met = set(self.host_names)

    def meet_host_name(self, name: str) -> None:
        """Remember that answers for this host name will be needed."""
        if name not in self._names_met:
            self._names_met.add(name)
            self.host_names.append(name)

    def data(self, expression: Expression) -> Compiled[bytes]:
        """The expression made ready to be evaluated as data: its octets, None for null, or a closure."""
        make = self.tables.data.get(expression.kind)
        if make is None:
            return self._misplaced(expression, "data", bytes)
        made: Compiled[bytes] = make(self, expression)
        return made

    def number(self, expression: Expression) -> Compiled[int]:
        """The expression made ready to be evaluated as a number: unsigned, 64 bits."""
        make = self.tables.numbers.get(expression.kind)
        if make is None:
            return self._misplaced(expression, "numeric", int)
        made: Compiled[int] = make(self, expression)
        return made

    def boolean(self, expression: Expression) -> Compiled[bool]:
        """The expression made ready to be evaluated as a condition."""
        make = self.tables.booleans.get(expression.kind)
        if make is None:
            return self._misplaced(expression, "boolean", bool)
        made: Compiled[bool] = make(self, expression)
        return made

    def any(self, expression: Expression) -> Compiled[AnyValue]:
        """The expression made ready where any type will do: `set`, `=`, arguments, `return`, `eval`."""
        kind = expression.kind
        if kind == "variable":
            name = expression.name.lower()
            return lambda context: variable(context, name)
        if kind == "call":
            return self.call(expression)
        wanted = {"data": self.data, "number": self.number, "boolean": self.boolean}[KINDS[kind][0]]
        return wanted(expression)

    def option_value(self, expression: Expression) -> Value:
        """The whole value of an option or parameter: octets where they are constant, or what finds them."""
        if expression.kind == "call":
            return CallValue(self.call(expression), _refuser(_bogus("data")))
        make = self.tables.whole.get(expression.kind)
        made: Value | None = self.data(expression) if make is None else make(self, expression)
        return null_value if made is None else made

    def data_closure(self, expression: Expression) -> DataExpression:
        """The expression as data, and as a closure even where it is constant."""
        return constantly(self.data(expression))

    def call(self, expression: Expression) -> Callable[[Context], Result]:
        """A function call where its value is taken as it is."""
        name = expression.name
        arguments = tuple(constantly(self.any(argument)) for argument in operands(expression, 1))
        return lambda context: call_function(context, name, arguments)

    def _misplaced(self, expression: Expression, wanted: str, kept: type[_T]) -> Compiled[_T]:
        """A variable, a call, or an operand of another type beside one of those."""
        if expression.kind == "variable":
            return _typed_variable(expression.name.lower(), wanted, kept)
        if expression.kind == "call":
            return self._misplaced_call(expression, wanted, kept)
        found = {"data": "Data", "number": "Numeric", "boolean": "Boolean"}[KINDS[expression.kind][0]]
        return _refuser(f"{found} opcode in evaluate_{wanted}_expression: {_opcode(expression)}")

    def _misplaced_call(self, expression: Expression, wanted: str, kept: type[_T]) -> Compiled[_T]:
        name = expression.name
        call = self.call(expression)
        bogus = _bogus(wanted)

        def refuse(context: Context) -> None:
            value = call(context)
            if value is not None and type(value) is not kept:
                line = f"{name}() returned type {type_number(value)} in evaluate_{wanted}_expression."
                context.host.log(ERROR, line)
            context.host.log(ERROR, bogus)

        return refuse


def _opcode(expression: Expression) -> int:
    """ISC's number of an expression; integers of each width have one of their own."""
    number = OPCODES.get(expression.kind, 0)
    return number + _WIDTH_STEPS[expression.number] if expression.kind in _WIDE else number


def _bogus(wanted: str) -> str:
    opcode = OPCODES["call"]
    if wanted == "numeric":
        return f"evaluate_numeric_expression: bogus opcode {opcode}"
    return f"Bogus opcode in evaluate_{wanted}_expression: {opcode}"


def _refuser(line: str) -> Callable[[Context], None]:
    def refuse(context: Context) -> None:
        context.host.log(ERROR, line)

    return refuse


def _typed_variable(name: str, wanted: str, kept: type[_T]) -> Callable[[Context], _T | None]:
    def run(context: Context) -> _T | None:
        value = variable(context, name)
        if value is None or (isinstance(value, kept) and (type(value) is not bool or kept is bool)):
            return value
        context.host.log(ERROR, f"binding type {type_number(value)} in evaluate_{wanted}_expression.")
        return None

    return run


def operands(expression: Expression, start: int = 0) -> list[Expression]:
    """The arguments from `start` on, which are expressions (syntax.KINDS)."""
    return [argument for argument in expression.arguments[start:] if isinstance(argument, Expression)]
