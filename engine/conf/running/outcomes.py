"""Which classes match a packet, remembered by what their conditions read.

Most classes ask a few options of the packet, and clients send the same ones all day. Where every expression of a
class depends on nothing but options and the hardware address, its outcome for the same octets is the same for ever,
and where nothing was logged on the way a dictionary answers for all such classes that stand together. Any other
expression (a variable, a function, the lease, the clock, a host name) is evaluated for each packet, in its place among
the others.

What is remembered is never part of the machine's state, and no reply hangs on whether it was. Its size is bounded.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ...model.syntax import KINDS
from .expressions import operands
from .expressions_data import HLEN_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ...model.configuration import Class, ClassRun
    from ...model.context import Context, Message
    from ...model.syntax import Expression

# A class that matches, with the value of its `match` expression (None where it has none).
Outcome: TypeAlias = "tuple[Class, bytes | None]"
Reader: TypeAlias = "Callable[[Message], bytes | None]"

# Clients choose what they send: both how much is remembered and how long it may be must have an end.
REMEMBERED_MAX: Final = 32_768
KEY_OCTETS_MAX: Final = 512
HARDWARE: Final = "hardware"

# The kinds that are plain functions of their operands, with the types that these must have for nothing to be logged
# (a letter each: data, number, boolean, any; the last one stands for all that follow).
_PURE: Final[dict[str, str]] = {
    "data": "", "number": "", "code-word": "", "null": "", "substring": "dnn", "suffix": "dn", "concat": "d",
    "lcase": "d", "ucase": "d", "encode-int": "n", "extract-int": "d", "pick-first-value": "d", "add": "n",
    "multiply": "n", "divide": "n", "remainder": "n", "bit-and": "n", "bit-or": "n", "bit-xor": "n", "equal": "a",
    "not-equal": "a", "and": "b", "or": "b", "not": "b", "regex": "d", "iregex": "d",
}  # fmt: skip
_SEARCHING: Final = frozenset({"regex", "iregex"})
_READING: Final = frozenset({"option", "exists"})


def inputs(expression: Expression, wanted: str) -> set[object] | None:
    """What the value of an expression depends on: (space, code) of options, HARDWARE; None where on anything else."""
    if wanted not in ("a", KINDS[expression.kind][0][0]):
        return None
    if expression.kind in _READING:
        option = expression.option
        return {(option.space, option.code)}
    if expression.kind == HARDWARE:
        return {HARDWARE}
    types = _PURE.get(expression.kind)
    if types is None or _searches_in_nothing(expression):
        return None
    found: set[object] = set()
    for number, operand in enumerate(operands(expression)):
        part = inputs(operand, types[min(number, len(types) - 1)])
        if part is None:
            return None
        found |= part
    return found


def _searches_in_nothing(expression: Expression) -> bool:
    """A regular expression that is looked for in an empty constant: that is logged."""
    if expression.kind not in _SEARCHING:
        return False
    left = operands(expression)[0]
    return left.octets is not None and not left.octets


def _class_inputs(member: Class) -> set[object] | None:
    condition: Any = member.condition
    trees = [] if member.match_if is None else [(condition.condition, "b")]
    if member.submatch_tree is not None:
        trees.append((member.submatch_tree, "d"))
    found: set[object] = set()
    for tree, wanted in trees:
        part = inputs(tree, wanted)
        if part is None:
            return None
        found |= part
    return found


def evaluate(members: Sequence[Class], context: Context) -> Iterable[Outcome]:
    """The outcomes of classes in their order, one after the other as they are asked for."""
    for member in members:
        condition, submatch = member.match_if, member.submatch
        if condition is not None and not condition(context):
            continue
        if submatch is not None:
            key = submatch(context)
            if key:
                yield member, key
        elif condition is not None:
            yield member, None


def class_runs(classes: Sequence[Class]) -> tuple[ClassRun, ...]:
    """The classes in their order, those whose outcomes can be remembered together."""
    needs = [_class_inputs(member) for member in classes]
    parts: list[tuple[tuple[Class, ...], set[object] | None]] = []
    for _live, group in groupby(zip(classes, needs, strict=True), key=lambda pair: pair[1] is None):
        pairs = list(group)
        needed = [need for _member, need in pairs if need is not None]
        parts.append((tuple([member for member, _need in pairs]), set().union(*needed) if needed else None))
    remembering = sum(needed is not None for _members, needed in parts)
    return tuple([
        _live_run(members) if needed is None else _Remembering(members, needed, REMEMBERED_MAX // remembering)
        for members, needed in parts
    ])  # fmt: skip


def _live_run(members: Sequence[Class]) -> ClassRun:
    return lambda context: evaluate(members, context)


def _reader(wanted: object) -> Reader:
    if not isinstance(wanted, tuple):
        return lambda packet: packet.hardware
    space, code = wanted
    if space == "dhcp":
        return lambda packet: packet.options.get(code)
    return lambda packet: packet.spaces.get(space, {}).get(code)


class _LogProbe:
    """Stands in for the server while classes are matched, to note whether anything is logged on the way."""

    __slots__ = ("host", "logged")

    def __init__(self, host: Any) -> None:
        self.host = host
        self.logged = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.host, name)

    def log(self, level: int, text: str) -> None:
        self.logged = True
        self.host.log(level, text)


class _Remembering:
    """A run of classes that depend on `needed` alone. What was remembered is forgotten as a whole when it is full."""

    __slots__ = ("_known", "_limit", "_members", "_readers", "_shared")

    def __init__(self, members: tuple[Class, ...], needed: set[object], limit: int) -> None:
        self._members = members
        self._readers = tuple([_reader(wanted) for wanted in sorted(needed, key=str)])
        self._limit = limit
        self._known: dict[tuple[bytes | None, ...], tuple[Outcome, ...]] = {}
        self._shared: dict[tuple[Outcome, ...], tuple[Outcome, ...]] = {}

    def __call__(self, context: Context) -> Iterable[Outcome]:
        """The outcomes for a packet."""
        packet = context.packet
        # An hlen beyond the field makes `hardware` log a line, which must come for each packet.
        if packet is None or packet.hlen > HLEN_MAX:
            return evaluate(self._members, context)
        key = tuple([read(packet) for read in self._readers])
        found = self._known.get(key)
        if found is None:
            probe = context.host = _LogProbe(context.host)
            found = tuple(evaluate(self._members, context))
            context.host = probe.host
            if not probe.logged and sum([len(value) for value in key if value is not None]) <= KEY_OCTETS_MAX:
                self._remember(key, found)
        return found

    def _remember(self, key: tuple[bytes | None, ...], found: tuple[Outcome, ...]) -> None:
        if len(self._known) >= self._limit:
            self._known.clear()
            self._shared.clear()
        self._known[key] = self._shared.setdefault(found, found)
