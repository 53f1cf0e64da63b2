"""Executable statements made into closures `(Context) -> int | None`.

What a closure gives tells the list that it stands in whether to go on: None does, BREAK ends that list only, LEAVE
(a `return` with a value, in a function) ends every list up to the function. Option values are stored unevaluated;
a run of plain assignments in a row is one dict update.

Refused here: nothing, the parser has. What has no effect in DHCPv4 (`on transmission`) is kept as data.

See docs/behaviour/configuration.md#executable-statements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from ....trace.effects import DEBUG, ERROR, INFO
from ...model import syntax
from ...model.configuration import Function, Handler
from ...model.context import variable_name
from ...wire.codes import VENDOR_OPTIONS
from ...wire.packet import decode_space
from ..domain_names import BadNameError, compress, read_names
from ..writing.values import shown
from .classify import add_class
from .expressions import CallValue, assign, constantly, holder
from .expressions_data import concatenation

if TYPE_CHECKING:
    from ...model.configuration import DataExpression, Value
    from ...model.context import Bindings, Context, OptionSet
    from .expressions import Compiler

Step = Callable[["Context"], "int | None"]

BREAK: Final = 1
LEAVE: Final = 2
VENDOR_OPTION_SPACE: Final = 19
# `fatal` is no level of the log: it ends the server (_log).
_LEVELS: Final = {None: DEBUG, "debug": DEBUG, "info": INFO, "error": ERROR}


def nothing(_context: Context) -> None:
    """The list without statements."""


def flattened(block: Sequence[syntax.Node]) -> Sequence[syntax.Node]:
    """The statements of a block with those of included files in their places."""
    if not any(isinstance(node, syntax.Include) for node in block):
        return block
    made: syntax.Block = []
    for node in block:
        made += flattened(node.block) if isinstance(node, syntax.Include) else (node,)
    return made


def compile_list(compiler: Compiler, block: Sequence[syntax.Node]) -> Step:
    """One list: executed top to bottom until a step says to stop."""
    steps = _steps(compiler, flattened(block))
    if not steps:
        return nothing
    if len(steps) == 1:
        only = steps[0]
        return lambda context: LEAVE if only(context) == LEAVE else None
    return lambda context: _run_steps(context, steps)


def _run_steps(context: Context, steps: tuple[Step, ...]) -> int | None:
    for step in steps:
        signal = step(context)
        if signal:
            return signal if signal == LEAVE else None
    return None


def _steps(compiler: Compiler, block: Sequence[syntax.Node]) -> tuple[Step, ...]:
    """The closures of a list, plain assignments in a row as one."""
    steps: list[Step] = []
    batch: list[syntax.OptionStatement] = []
    for node in block:
        if isinstance(node, syntax.OptionStatement):
            if compiler.watch is not None:
                steps.append(compiler.watch(node, single_assignment(compiler, node)))
                continue
            if node.operator == "supersede":
                batch.append(node)
                continue
        if batch:
            steps.append(_assignments(compiler, batch))
            batch = []
        made = STATEMENTS.get(type(node))
        if made is not None:
            steps.append(made(compiler, node))
    if batch:
        steps.append(_assignments(compiler, batch))
    return tuple(steps)


def single_assignment(compiler: Compiler, node: syntax.OptionStatement) -> Step:
    """One option statement by itself, whatever its operator."""
    return _assignments(compiler, [node]) if node.operator == "supersede" else _option(compiler, node)


def _assignments(compiler: Compiler, batch: list[syntax.OptionStatement]) -> Step:
    """`option X v;` in a row, of any spaces: the order within a space is that of first setting."""
    spaces: dict[str, dict[int, Value]] = {}
    for node in batch:
        spaces.setdefault(node.option.space, {})[node.option.code] = compiler.option_value(node.value)
    pairs = tuple(spaces.items())
    if len(pairs) == 1:
        space, values = pairs[0]

        def run_one(context: Context) -> None:
            reply = context.reply
            if reply is not None:
                values_of(reply, space).update(values)

        return run_one

    def run(context: Context) -> None:
        reply = context.reply
        if reply is not None:
            for name, assigned in pairs:
                values_of(reply, name).update(assigned)

    return run


def values_of(reply: OptionSet, space: str) -> dict[int, Value]:
    """The values of one space, which is entered where it was not used before."""
    found = reply.spaces.get(space)
    if found is None:
        found = reply.spaces[space] = {}
    return found


def _option(compiler: Compiler, node: syntax.OptionStatement) -> Step:
    """`default`, `append`, `prepend` (`supersede` does not come here)."""
    space, code = node.option.space, node.option.code
    value = compiler.option_value(node.value)
    join = _joined_domain_lists if "Dc" in node.option.format else _joined
    operator = node.operator

    def run(context: Context) -> None:
        if context.reply is None:
            return
        values = values_of(context.reply, space)
        old = values.get(code)
        if old is None:
            values[code] = value
        elif operator == "append":
            values[code] = join(old, value)
        elif operator == "prepend":
            values[code] = join(value, old)

    return run


def _as_data(value: Value) -> Value:
    """A part of a concatenation: a function's call there gives its line and null.

    See docs/behaviour/configuration.md#numeric-expressions-and-calls.
    """
    if not isinstance(value, CallValue):
        return value
    call = value

    def run(context: Context) -> None:
        call(context)

    return run


def _joined(left: Value, right: Value) -> Value:
    made = concatenation([_as_data(left), _as_data(right)])
    return b"" if made is None else made


def _joined_domain_lists(left: Value, right: Value) -> Value:
    """Both lists taken apart, and compressed again as one."""
    find_left, find_right = constantly(_as_data(left)), constantly(_as_data(right))

    def run(context: Context) -> bytes | None:
        one, other = find_left(context), find_right(context)
        if one is None or other is None:
            return None
        names = []
        for number, part in enumerate((one, other), 1):
            try:
                names += read_names(part)
            except BadNameError:
                context.host.log(ERROR, f"concat_dclists: error decompressing domain list {number}")
                context.host.log(ERROR, "data: concat_dclist failed")
                return None
        return compress(names)

    return _folded_domain_lists(left, right) or run


def _folded_domain_lists(left: Value, right: Value) -> bytes | None:
    """The joined list at once where both are constant and whole."""
    if not isinstance(left, bytes) or not isinstance(right, bytes):
        return None
    try:
        return compress(read_names(left) + read_names(right))
    except BadNameError:
        return None


def _if(compiler: Compiler, node: syntax.If) -> Step:
    condition = constantly(compiler.boolean(node.condition))
    then = compile_list(compiler, node.then)
    otherwise = nothing if node.otherwise is None else compile_list(compiler, node.otherwise)
    return lambda context: then(context) if condition(context) else otherwise(context)


def _switch(compiler: Compiler, node: syntax.Switch) -> Step:
    """Execution enters behind the first label that matches, else behind `default:`, and falls through."""
    as_data = syntax.KINDS[node.value.kind][0] == "data"
    find: Callable[[syntax.Expression], Any] = compiler.data if as_data else compiler.number
    evaluate = constantly(find(node.value))
    labels: list[tuple[Callable[[Context], Any], int]] = []
    default = -1
    steps: tuple[Step, ...] = ()
    between: syntax.Block = []
    for child in flattened(node.block):
        if not isinstance(child, syntax.Case | syntax.Default):
            between.append(child)
            continue
        steps += _steps(compiler, between)
        between = []
        if isinstance(child, syntax.Case):
            labels.append((constantly(find(child.value)), len(steps)))
        elif default < 0:
            default = len(steps)
    steps += _steps(compiler, between)

    def run(context: Context) -> int | None:
        value = evaluate(context)
        start = default
        if value is not None:
            start = next((place for label, place in labels if label(context) == value), default)
        return None if start < 0 else _run_steps(context, steps[start:])

    return run


def _set(compiler: Compiler, node: syntax.Set) -> Step:
    """The old value is gone before the new one is found: `set x = concat(x, "a");` gives null, in ISC as here."""
    name = variable_name(node.name)
    evaluate = constantly(compiler.any(node.value))

    def run(context: Context) -> None:
        found = holder(context.bindings, name)
        if found is not None:
            found[name] = None
        assign(context, name, evaluate(context))

    return run


def _unset(_compiler: Compiler, node: syntax.Unset) -> Step:
    name = variable_name(node.name)

    def run(context: Context) -> None:
        found: Bindings | None = holder(context.bindings, name)
        if found is not None:
            found[name] = None

    return run


def make_function(compiler: Compiler, node: syntax.Define) -> Function:
    """The function that a `define` makes."""
    parameters = tuple(parameter.lower() for parameter in node.parameters)
    return Function(node.name, parameters, compile_list(compiler, node.block), node)


def _define(compiler: Compiler, node: syntax.Define) -> Step:
    function = make_function(compiler, node)
    name = variable_name(node.name)
    return lambda context: assign(context, name, function)


def _return(compiler: Compiler, node: syntax.Return) -> Step:
    """Outside a function, or with a null value, execution goes on."""
    evaluate = constantly(compiler.any(node.value))

    def run(context: Context) -> int | None:
        value = context.returned = evaluate(context)
        return None if value is None or type(context.bindings) is dict else LEAVE

    return run


def _break(_compiler: Compiler, _node: syntax.Break) -> Step:
    return lambda _context: BREAK


def _eval(compiler: Compiler, node: syntax.Eval) -> Step:
    evaluate = constantly(compiler.any(node.value))

    def run(context: Context) -> None:
        evaluate(context)

    return run


def _log(compiler: Compiler, node: syntax.Log) -> Step:
    evaluate = compiler.data_closure(node.value)
    fatal = node.level == "fatal"
    level = _LEVELS.get(node.level, DEBUG)

    def run(context: Context) -> None:
        value = evaluate(context)
        if value is None:
            return
        if fatal:
            context.host.fatal(shown(value))
        else:
            context.host.log(level, shown(value))

    return run


def _execute(compiler: Compiler, node: syntax.Execute) -> Step:
    """Every argument is shown; a null one keeps the program from being run."""
    command = node.command.encode("utf-8", "surrogateescape")
    found: list[DataExpression] = [compiler.data_closure(argument) for argument in node.arguments]

    def run(context: Context) -> None:
        arguments = [command]
        context.host.log(DEBUG, f"execute_statement argv[0] = {shown(command)}")
        for number, evaluate in enumerate(found, 1):
            value = evaluate(context)
            if value is None:
                context.host.log(DEBUG, f"execute: bad arg {number}")
                return
            arguments.append(value.split(b"\0", 1)[0])
            context.host.log(DEBUG, f"execute_statement argv[{number}] = {shown(value)}")
        context.host.execute(tuple(arguments))

    return run


def _add(_compiler: Compiler, node: syntax.Add) -> Step:
    """Without a packet (global scope at the start, where ISC crashes) there is nothing to add to."""

    def run(context: Context) -> None:
        member = context.host.class_named(node.name)
        if member is not None:
            add_class(context, member)

    return run


def make_handler(compiler: Compiler, node: syntax.On) -> Handler:
    """The handler that an `on` statement installs."""
    body = compile_list(compiler, node.block or [])

    def run(context: Context) -> None:
        body(context)

    return Handler(node, run)


def _on(compiler: Compiler, node: syntax.On) -> Step:
    """Executing `on` installs its body in place of what was there; without a body it clears."""
    handler = None if node.block is None else make_handler(compiler, node)
    events = node.events

    def run(context: Context) -> None:
        for event in events:
            context.handlers[event] = handler

    return run


def _parse_vendor_option(_compiler: Compiler, _node: syntax.ParseVendorOption) -> Step:
    """Option 43 decoded in the space that an earlier statement has named; silent where anything is missing."""

    def run(context: Context) -> None:
        packet, reply = context.packet, context.reply
        value = None if reply is None else reply.server.get(VENDOR_OPTION_SPACE)
        space = value(context) if callable(value) else value
        raw = None if packet is None else packet.options.get(VENDOR_OPTIONS)
        if packet is not None and space and raw:
            decode_space(packet, space.decode("latin-1").lower(), raw, context.host.log)

    return run


STATEMENTS: Final[dict[type[syntax.Node], Callable[[Compiler, Any], Step]]] = {
    syntax.OptionStatement: _option,
    syntax.If: _if,
    syntax.Switch: _switch,
    syntax.Set: _set,
    syntax.Unset: _unset,
    syntax.Define: _define,
    syntax.Return: _return,
    syntax.Break: _break,
    syntax.Eval: _eval,
    syntax.Log: _log,
    syntax.Execute: _execute,
    syntax.Add: _add,
    syntax.On: _on,
    syntax.ParseVendorOption: _parse_vendor_option,
}


def is_constant(node: syntax.Node) -> bool:
    """Whether a statement does the same in every context: it assigns an option, or installs a handler."""
    return isinstance(node, syntax.OptionStatement | syntax.On)
