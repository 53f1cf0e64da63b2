"""The types `class` and `subclass`: made, removed, shown by their limit and how much of it is used.

Their `match` can only be the hardware address. The statements of a group that a class is given are written into its
record, since the record cannot name a group.

Source: docs/behaviour/omapi.md#class, docs/behaviour/omapi.md#subclass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...conf.writing.values import quoted
from ...model import syntax
from ...model.change import Reversal
from ...model.configuration import ClassName
from ..handles import Reference
from ..status import ALREADY_EXISTS, INVALID_ARGUMENT, NOT_FOUND, UNKNOWN_ATTRIBUTE
from ..wire import integer
from .base import NoKeys, Refused
from .declaration import checked, identifier_text, octets_of, statement_lines, text_in

if TYPE_CHECKING:
    from ...model.configuration import Class
    from ...model.syntax import Block
    from ..handles import Handles
    from ..wire import Values
    from .base import ObjectHost

CLASS: Final = "class"
SUBCLASS: Final = "subclass"
_HARDWARE: Final = b"hardware"
# What ends a string for its reader, or means something else to it.
_SPECIAL: Final = frozenset({*range(0x20), *b'"\\', 0x7F, 0xFF})


def class_reference(name: ClassName) -> Reference:
    """The reference of a class or subclass."""
    return Reference(CLASS, name.name) if name.key is None else Reference(SUBCLASS, name.name, name.key)


class _Objects:
    """What classes and subclasses have in common."""

    def __init__(self, host: ObjectHost, handles: Handles) -> None:
        self._host = host
        self._handles = handles

    def _known(self, reference: Reference) -> Class | None:
        key = None if reference.type == CLASS else reference.key
        return self._host.generation.declared.member(ClassName(str(reference.name), key))

    def exists(self, reference: Reference) -> bool:
        """Whether it is still declared."""
        return self._known(reference) is not None

    def attributes(self, reference: Reference) -> Values:
        """Two numbers. What is charged to a subclass is not charged to its class."""
        known = self._known(reference)
        assert known is not None, "a handle was asked for by `exists`"
        used = self._host.database.charges.count(known.full_name)
        return {b"lease-limit": integer(known.limit), b"leases-used": integer(used)}


class ClassObjects(_Objects):
    """Classes, found by their name."""

    name = CLASS

    def find(self, values: Values) -> Reference | None:
        """By name alone: a handle is no key here."""
        name = values.get(b"name")
        if not name:
            raise NoKeys
        reference = Reference(CLASS, _name_in(name))
        return reference if self.exists(reference) else None

    def create(self) -> _ClassChange:
        """A new class."""
        return _ClassChange(self._host, None)

    def change(self, reference: Reference) -> _ClassChange:
        """A class that is there."""
        return _ClassChange(self._host, reference)

    def remove(self, reference: Reference) -> None:
        """Take a class away. That one of dhcpd.conf is gone is not written: the next start has it again."""
        known = self._known(reference)
        assert known is not None, "a handle was asked for by `exists`"
        record = class_record(known.name, "deleted", _matches_hardware(known), [])
        _put(self._host, reference, record, written=known.dynamic)
        self._handles.forget(reference)


class SubclassObjects(_Objects):
    """Subclasses, found by their class's name and the value that they match."""

    name = SUBCLASS

    def find(self, values: Values) -> Reference | None:
        """Both keys are needed."""
        name, key = values.get(b"name"), values.get(b"hashstring")
        if not name or not key:
            raise NoKeys
        text = _name_in(name)
        if self._host.generation.declared.class_named(text) is None:
            raise Refused(NOT_FOUND)
        reference = Reference(SUBCLASS, text, key)
        return reference if self.exists(reference) else None

    def create(self) -> _SubclassChange:
        """A new subclass."""
        return _SubclassChange(self._host, None)

    def change(self, reference: Reference) -> _SubclassChange:
        """A subclass that is there."""
        return _SubclassChange(self._host, reference)

    def remove(self, reference: Reference) -> None:
        """Take a subclass away."""
        known = self._known(reference)
        assert known is not None, "a handle was asked for by `exists`"
        record = subclass_record(reference, "deleted", known.limit, list(known.scope.statements))
        _put(self._host, reference, record, written=True)
        self._handles.forget(reference)


def _matches_hardware(known: Class) -> bool:
    return known.submatch_tree is not None and known.submatch_tree.kind == "hardware"


def class_record(name: str, marker: str, hardware: bool, block: Block) -> str:
    """A class's record: statements follow an empty line, and the brace their last semicolon."""
    match = "  match hardware;\n" if hardware else ""
    return f"class {_name_text(name)} {{\n  {marker};\n{match}{_tail(block)}}}\n\n"


def subclass_record(reference: Reference, marker: str, limit: int, block: Block) -> str:
    """A subclass's record."""
    lines = f"  lease limit {limit};\n" if limit else ""
    words = f"{_name_text(str(reference.name))} {identifier_text(reference.key)}"
    return f"subclass {words} {{\n  {marker};\n{lines}{_tail(block)}}}\n\n"


def _name_in(value: bytes) -> str:
    """A name as the reader has strings: a character an octet. Raises Refused where it is null."""
    if not value:
        raise Refused(INVALID_ARGUMENT)
    return value.decode("latin-1")


def _name_text(name: str) -> str:
    """A name with its quotes: as it is, as ISC's, where its reader would take it so."""
    octets = name.encode("latin-1")
    return f'"{octets.decode("utf-8", "surrogateescape")}"' if _SPECIAL.isdisjoint(octets) else quoted(octets)


def _tail(block: Block) -> str:
    return f"\n{statement_lines(block).removesuffix(chr(10))}" if block else ""


def _put(host: ObjectHost, meant: Reference, record: str, *, written: bool, deletion: str = "") -> None:
    """Put a record in force, and store it where it is to last; raises Refused where it reads as something else.

    `deletion`: what takes it back, where there was none before.
    """
    node, octets = checked(host, record), octets_of(record)
    if meant.type == CLASS:
        read = Reference(CLASS, node.name) if isinstance(node, syntax.Class) else None
    else:
        read = Reference(SUBCLASS, node.name, node.value) if isinstance(node, syntax.Subclass) else None
    if read != meant:
        raise Refused(INVALID_ARGUMENT)
    host.database.declare(node, octets)
    if written:
        key = (meant.type, str(meant.name), meant.key)
        host.store(octets, Reversal(key, octets_of(deletion)) if deletion else None)


class _ClassChange:
    """A class that values are being applied to; `known` is the one that is there, None for a new one."""

    def __init__(self, host: ObjectHost, known: Reference | None) -> None:
        self._host = host
        self._known = known
        self._name = ""
        self._hardware = False
        self._block: Block = []

    def set(self, name: bytes, value: bytes) -> None:
        """Apply one value; raises Refused."""
        if name == b"name":
            text = _name_in(value)
            if self._name or self._known is not None:
                raise Refused(ALREADY_EXISTS)
            self._name = text
        elif name == b"group":
            self._block = _group_statements(self._host, value)
        elif name == b"match":
            if not value or value != _HARDWARE[: len(value)]:
                raise Refused(INVALID_ARGUMENT)
            self._hardware = True
        else:
            raise Refused(INVALID_ARGUMENT if name == b"option" else UNKNOWN_ATTRIBUTE)

    def keep(self) -> None:
        """Nothing of a class that was not finished stays."""

    def finish(self) -> Reference:
        """Put the class in force, and store it; one that is there is never written again."""
        if self._known is not None:
            raise Refused(ALREADY_EXISTS)
        if not self._name:
            raise Refused(INVALID_ARGUMENT)
        reference = Reference(CLASS, self._name)
        record = class_record(self._name, "dynamic", self._hardware, self._block)
        deletion = class_record(self._name, "deleted", self._hardware, [])
        _put(self._host, reference, record, written=True, deletion=deletion)
        return reference


class _SubclassChange:
    """A subclass that values are being applied to; `known` is the one that is there, None for a new one."""

    def __init__(self, host: ObjectHost, known: Reference | None) -> None:
        self._host = host
        self._known = known
        self._parent: Class | None = None
        self._key = b""
        self._block: Block | None = None
        if known is not None:
            self._parent, self._key = host.generation.declared.class_named(str(known.name)), known.key

    def set(self, name: bytes, value: bytes) -> None:
        """Apply one value; raises Refused."""
        if name == b"name":
            text = _name_in(value)
            if self._parent is not None:
                raise Refused(ALREADY_EXISTS)
            self._parent = self._host.generation.declared.class_named(text)
            if self._parent is None:
                raise Refused(NOT_FOUND)
        elif name == b"hashstring":
            if not value:
                raise Refused(INVALID_ARGUMENT)
            if self._key:
                raise Refused(ALREADY_EXISTS)
            self._key = value
        elif name == b"group":
            self._block = _group_statements(self._host, value)
        else:
            raise Refused(INVALID_ARGUMENT if name in (b"option", b"match") else UNKNOWN_ATTRIBUTE)

    def keep(self) -> None:
        """Nothing of a subclass that was not finished stays."""

    def finish(self) -> Reference:
        """Put the subclass in force, and store it."""
        if self._parent is None or not self._key:
            raise Refused(INVALID_ARGUMENT)
        reference = Reference(SUBCLASS, self._parent.name, self._key)
        block = list(self._parent.scope.statements) if self._block is None else self._block
        deletion = subclass_record(reference, "deleted", self._parent.limit, [])
        if self._known is not None:
            _put(self._host, reference, deletion, written=False)
        record = subclass_record(reference, "dynamic", self._parent.limit, block)
        _put(self._host, reference, record, written=True, deletion="" if self._known is not None else deletion)
        return reference


def _group_statements(host: ObjectHost, value: bytes) -> Block:
    """The statements of the group that a value names; raises Refused."""
    group = host.generation.declared.groups.get(text_in(value))
    if group is None:
        raise Refused(NOT_FOUND)
    return list(group.statements)
