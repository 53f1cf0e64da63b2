"""What mypyc gets wrong is not written where it compiles: engine/, trace/, the way of a packet (packaging/compiled).

Each rule has a sample that breaks it. What a compiler refuses by itself needs no rule here; these it takes in silence.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]


def compiled() -> Iterator[Path]:
    """The sources that packaging/compiled/setup.py names."""
    tree = ast.parse((ROOT / "packaging/compiled/setup.py").read_text())
    named = {
        ast.unparse(node.target): ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Tuple)
    }
    for package in named["PACKAGES"]:
        yield from (ROOT / package).resolve().rglob("*.py")
    yield from ((ROOT / path).resolve() for path in named["PROGRAM"])


SOURCES = sorted(compiled())
PURE = {"len", "min", "max"}
NATIVE_BASES_MISSING = {"bytes", "str", "int", "tuple", "AssertionError", "OSError", "UnicodeError"}


def calls_in_slice_bounds(tree: ast.AST) -> Iterator[int]:
    """`left[os.write(fd, left):]`: the bound is evaluated twice."""
    for node in ast.walk(tree):
        bounds = [node.lower, node.upper, node.step] if isinstance(node, ast.Slice) else []
        for bound in filter(None, bounds):
            for call in ast.walk(bound):
                if isinstance(call, ast.Call) and ast.unparse(call.func) not in PURE:
                    yield call.lineno


def classes(tree: ast.AST) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def dataclasses_that_make_a_second_class(tree: ast.AST) -> Iterator[int]:
    """`@dataclass(slots=True)`: it returns another class than the native one, and the import fails."""
    for node in classes(tree):
        for decorator in node.decorator_list:
            words = decorator.keywords if isinstance(decorator, ast.Call) else []
            if any(word.arg in ("slots", "weakref_slot") for word in words):
                yield node.lineno


def names_for_types_only(tree: ast.AST) -> set[str]:
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for alias in statement.names
    }


def hashes_that_a_dataclass_denies(tree: ast.AST) -> Iterator[int]:
    """`__hash__ = None` in a dataclass: it is taken for a field with a default, and the import may fail."""
    for node in classes(tree):
        if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
            yield from (
                line.lineno
                for line in node.body
                if isinstance(line, ast.Assign) and "__hash__" in ast.unparse(line.targets[0])
            )


def fields_of_types_that_are_not_there(tree: ast.AST) -> Iterator[int]:
    """A field of a record whose type is imported for type checking alone: a crash at import."""
    absent = names_for_types_only(tree)
    for node in classes(tree):
        kinds = " ".join(ast.unparse(one) for one in [*node.decorator_list, *node.bases])
        if "dataclass" in kinds or "NamedTuple" in kinds:
            fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
            for one in fields:
                if any(isinstance(name, ast.Name) and name.id in absent for name in ast.walk(one.annotation)):
                    yield one.lineno


def slots_that_are_read(tree: ast.AST) -> Iterator[int]:
    """`Rare.__slots__`: a native class has none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "__slots__":
            yield node.lineno


def native_classes_of_builtins(tree: ast.AST) -> Iterator[int]:
    """A subclass of `bytes`: it must be left to the interpreter, by `@interpreted`."""
    for node in classes(tree):
        bases = {ast.unparse(base) for base in node.bases}
        if bases & NATIVE_BASES_MISSING and "interpreted" not in {ast.unparse(one) for one in node.decorator_list}:
            yield node.lineno


def bounds_that_may_cross(tree: ast.AST) -> Iterator[int]:
    """`data[begin:end]` of bytes with `end` before `begin`: an error, where Python gives no octets."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and isinstance(node.slice, ast.Slice):
            lower, upper = node.slice.lower, node.slice.upper
            known = lower is None or upper is None or in_order(ast.unparse(lower), ast.unparse(upper))
            if not known and ast.unparse(node) not in IN_ORDER:
                yield node.lineno


def in_order(lower: str, upper: str) -> bool:
    """Whether the bounds' texts alone say it: numbers, a length behind the lower one, or the greater of the two."""
    if lower.isdigit() and upper.isdigit():
        return int(lower) <= int(upper)
    return upper.startswith((f"{lower} + ", f"max({lower}, "))


# Slices whose bounds do not cross, or which are not of bytes, and why.
IN_ORDER = {
    "option.format[1:-1]": "text",
    "self.data[begin:end]": "from a line's begin to what was read of it",
    "format_[at:stop]": "text",
    "self.pattern[self.at + 2:end]": "the end was sought from there",
    "found[start:end]": "the end is not before the start, a line above",
    "self.numbers[low:high]": "an array",
    "value[at:end]": "the end lies behind, or the value does not fit",
    "self.value[self.at - width:self.at]": "the place has just gone on by the width",
    "option_format[at:end]": "text",
    "self.octets[HEADER.size:end]": "a question lies behind the header",
    "asked[HEADER.size:end]": "a question lies behind the header",
    "octets[mac_at:tail_at]": "a length behind",
    "octets[tail_at + 2:end]": "compared above",
    "text[1:-1]": "between quotation marks that were read",
    "string[1:-1]": "between quotation marks that were read",
    "self.complaints.data[item.start:item.end]": "an item that was read",
    "data[statement.tokens[1].start:statement.end]": "a token of the statement",
    "data[statement.start:statement.end]": "a statement that was read",
    "texts[self._declared:last]": "a list",
    "history[low:high]": "an array",
    "wanted[low:high]": "an array",
    "data[length_at + _LENGTH_OCTETS:at]": "as many octets as are needed were counted",
    "data[name_at:length_at]": "a length behind",
    "data[_AUTHLEN_AT:HEADER_OCTETS]": "constants in this order",
    "data[self._header_octets:at]": "the lists lie behind the header",
    "DateWriter(local=False, utc_offset_s=0).text(second)[2:-1]": "text",
    "area[at + 2:end]": "a length behind",
    "frame[ETHERNET_OCTETS:begin]": "the header behind Ethernet's has its least length",
    "payload[FIXED_OCTETS:OPTIONS_AT]": "constants in this order",
    "buffer[begin:position]": "a length behind",
    "raw[begin:position]": "a length behind",
    "raw[position:begin]": "a width behind",
    "payload[FILE_AT:FIXED_OCTETS]": "constants in this order",
    "payload[SNAME_AT:FILE_AT]": "constants in this order",
    "record[1:_FIELDS]": "a tuple",
    "whole[start:end]": "a length behind",
}


def two_errors_of_one_name(tree: ast.AST) -> Iterator[int]:
    """`except A as error` and `except B as error` in one function: the second is held to the first one's type."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            kinds: dict[str, set[str]] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.ExceptHandler) and node.name and node.type is not None:
                    kinds.setdefault(node.name, set()).add(ast.unparse(node.type))
            if any(len(found) > 1 for found in kinds.values()):
                yield function.lineno


def slices_that_are_constants(tree: ast.AST) -> Iterator[int]:
    """`payload[_GIADDR]` of a `Final` slice: taken for a number."""
    named = [node for node in ast.walk(tree) if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call)]
    constants = {ast.unparse(node.target) for node in named if ast.unparse(node.value.func) == "slice"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.slice) in constants:
            yield node.lineno


def fields_that_are_words_of_c(tree: ast.AST) -> Iterator[int]:
    """`self._thread`: an underscore before the name of a field makes a word of C's of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in WORDS_OF_C:
            yield node.lineno


# `__thread` and its like: GCC's keywords of two underscores, and the macros of the system.
WORDS_OF_C = {
    "_alignof", "_asm", "_attribute", "_auto_type", "_complex", "_const", "_extension", "_imag", "_inline", "_int128",
    "_linux", "_real", "_restrict", "_signed", "_thread", "_typeof", "_unix", "_volatile",
}  # fmt: skip


def addresses_of_variables(tree: ast.AST) -> Iterator[int]:
    """`ctypes.addressof(buffer)` of a variable: it is given back where it is named last, before the address is used.

    An argument lives as long as the call.
    """
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            arguments = {one.arg for one in function.args.args}
            for node in ast.walk(function):
                asks = isinstance(node, ast.Call) and ast.unparse(node.func).endswith("addressof")
                if asks and any(ast.unparse(one) not in arguments for one in node.args):
                    yield node.lineno


def attributes_set(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """Attributes that a statement assigns to, each with its value."""
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
                pairs = zip(target.elts, statement.value.elts, strict=False)
            else:
                pairs = iter([(target, statement.value)])
            yield from ((ast.unparse(one), value) for one, value in pairs if isinstance(one, ast.Attribute))


def attributes_that_a_call_has_changed(tree: ast.AST) -> Iterator[int]:
    """`self.found = None`, a call that finds something, `self.found`: it is taken to be None still, or an error."""
    for body in [getattr(node, "body", None) for node in ast.walk(tree)]:
        none: dict[str, bool] = {}
        for statement in body if isinstance(body, list) else ():
            for node in ast.walk(statement):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and none.get(ast.unparse(node)):
                    yield node.lineno
            if any(isinstance(node, ast.Call) for node in ast.walk(statement)):
                none = dict.fromkeys(none, True)
            for name, value in attributes_set(statement):
                none.pop(name, None)
                if isinstance(value, ast.Constant) and value.value is None:
                    none[name] = False


def attributes_that_were_none(tree: ast.AST) -> Iterator[int]:
    """`while self.status is None: turn(); look(self.status)`: as above, for what a condition has found."""
    for node in ast.walk(tree):
        if isinstance(node, ast.While | ast.If):
            both = isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And)
            for test in node.test.values if both else [node.test]:
                asked = isinstance(test, ast.Compare) and ast.unparse(test).endswith(" is None")
                if asked and isinstance(test.left, ast.Attribute):
                    yield from loads_behind_a_call(node.body, ast.unparse(test.left))


def loads_behind_a_call(body: list[ast.stmt], name: str) -> Iterator[int]:
    """Where an attribute is read behind a call, before it is assigned to."""
    called = False
    for statement in body:
        nodes = sorted(
            (one for one in ast.walk(statement) if isinstance(one, ast.Call | ast.Attribute)),
            key=lambda one: (one.end_lineno, one.end_col_offset),
        )
        for one in nodes:
            if isinstance(one, ast.Attribute) and ast.unparse(one) == name:
                if isinstance(one.ctx, ast.Store):
                    return
                if called:
                    yield one.lineno
            called = called or isinstance(one, ast.Call)


RULES = {
    bounds_that_may_cross: "data[at - 1 : at]",
    attributes_that_a_call_has_changed: "def f(a):\n  a.b, a.found = 1, None\n  look(a)\n  return a.found",
    attributes_that_were_none: "def f(a):\n  while a.status is None:\n    look(a)\n    print(a.status)",
    two_errors_of_one_name:
        "def f():\n try: g()\n except A as error: print(error)\n except B as error: print(error)",
    slices_that_are_constants: "_GIADDR: Final = slice(24, 28)\nany(payload[_GIADDR])",
    calls_in_slice_bounds: "left = left[os.write(fd, left) :]",
    dataclasses_that_make_a_second_class: "@dataclass(frozen=True, slots=True)\nclass Key:\n    name: str",
    hashes_that_a_dataclass_denies: "@dataclass(eq=False)\nclass Node:\n    __hash__ = None",
    fields_of_types_that_are_not_there:
        "if TYPE_CHECKING:\n    from a import Place\n@dataclass\nclass Key:\n    place: Place | None",
    fields_that_are_words_of_c: "self._thread = Thread()",
    addresses_of_variables: "def f(p):\n  buffer = array(p)\n  use(ctypes.addressof(buffer))",
    slots_that_are_read: "attrgetter(*Rare.__slots__)",
    native_classes_of_builtins: "class NoOctets(bytes):\n    pass",
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_finds_its_sample(rule):
    assert list(rule(ast.parse(RULES[rule])))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_what_is_compiled_keeps_the_rule(rule):
    assert len(SOURCES) > 100
    broken = [f"{path.relative_to(ROOT)}:{line}" for path in SOURCES for line in rule(ast.parse(path.read_text()))]
    assert not broken, rule.__doc__
