"""The type `group`: named groups of statements that hosts and classes may use. Made and removed, never changed.

Hosts of a group that is removed keep its statements until the server starts again, as in ISC dhcpd.

Source: docs/behaviour/omapi.md#group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...model.change import Reversal
from ...model.syntax import Group as GroupNode
from ..handles import Reference
from ..status import ALREADY_EXISTS, INVALID_ARGUMENT, NOT_FOUND
from .base import NoKeys, Refused, agreed, found_by_handle
from .declaration import checked, declare, octets_of, read_statements, statement_lines, text_in

if TYPE_CHECKING:
    from ...model.syntax import Block
    from ..handles import Handles
    from ..wire import Values
    from .base import ObjectHost

GROUP: Final = "group"
_MADE_UP_OCTETS: Final = 6


def _is_named(host: ObjectHost, name: str) -> bool:
    return host.generation.declared.groups.get(name) is not None


class GroupObjects:
    """The named groups in force, of dhcpd.conf, the lease file and OMAPI alike. An ObjectType (base.py).

    A name that is taken, statements that cannot be read, and any change raise Refused (base.py); no key, NoKeys.
    """

    name = GROUP

    def __init__(self, host: ObjectHost, handles: Handles) -> None:
        self._host = host
        self._handles = handles

    def exists(self, reference: Reference) -> bool:
        """Whether the group is still declared."""
        return _is_named(self._host, str(reference.name))

    def find(self, values: Values) -> Reference | None:
        """By handle or name; a name that is not found does not matter where the handle has found one."""
        found = found_by_handle(self._handles, values, GROUP, self.exists)
        name = values.get(b"name")
        if name:
            text = name.decode("utf-8", "surrogateescape")
            named = Reference(GROUP, text) if _is_named(self._host, text) else None
            if named is not None or found is None:
                found = agreed(found, named)
        if found is None:
            raise NoKeys
        return found

    def attributes(self, reference: Reference) -> Values:
        """Its name; its statements are never shown."""
        return {b"name": str(reference.name).encode("utf-8", "surrogateescape")}

    def create(self) -> _GroupChange:
        """A new group."""
        return _GroupChange(self._host, None)

    def change(self, reference: Reference) -> _GroupChange:
        """A group that is there: everything that it could be given it has."""
        return _GroupChange(self._host, reference)

    def remove(self, reference: Reference) -> None:
        """Take a group away, for good."""
        name = str(reference.name)
        groups = self._host.generation.declared.groups
        known, dynamic = groups.get(name), groups.own.get(name) is not None
        assert known is not None, "a handle was asked for by `exists`"
        deletion, before = _deletion(name, dynamic), _record(name, dynamic, list(known.statements))
        self._host.store(declare(self._host, deletion), _reversal(name, deletion, before))
        self._handles.forget(reference)


def _record(name: str, dynamic: bool, statements: Block) -> str:
    return f"group {name} {{\n{'  dynamic;' + chr(10) if dynamic else ''}{statement_lines(statements)}}}\n"


def _deletion(name: str, dynamic: bool) -> str:
    return f"group {name} {{\n{'  dynamic;' + chr(10) if dynamic else ''}  deleted;\n}}\n"


def _reversal(name: str, deletion: str, before: str = "") -> Reversal:
    return Reversal((GROUP, name, b""), octets_of(deletion), octets_of(before))


class _GroupChange:
    """A group that values are being applied to; `known` is the one that is there, None for a new one."""

    def __init__(self, host: ObjectHost, known: Reference | None) -> None:
        self._host = host
        self._known = known
        self._name = ""
        self._statements: Block | None = None

    def set(self, name: bytes, value: bytes) -> None:
        """Apply one value; raises Refused."""
        if name == b"name":
            text = text_in(value)
            if self._name or self._known is not None:
                raise Refused(ALREADY_EXISTS)
            self._name = text
        elif name == b"statements":
            if not value:
                raise Refused(INVALID_ARGUMENT)
            if self._statements is not None or self._known is not None:
                raise Refused(ALREADY_EXISTS)
            self._statements = read_statements(self._host, value)
        else:
            raise Refused(NOT_FOUND)

    def keep(self) -> None:
        """Nothing of a group that was not finished stays."""

    def finish(self) -> Reference:
        """Put the group in force, and store it; raises Refused."""
        if self._known is not None:
            return self._known
        if self._statements is None:
            raise Refused(INVALID_ARGUMENT)
        host = self._host
        name = self._name or f"ng{host.now:08x}{host.draws.octets(_MADE_UP_OCTETS).hex()}"
        record = _record(name, True, self._statements)
        node = checked(host, record)
        if not isinstance(node, GroupNode) or node.name != name:
            raise Refused(INVALID_ARGUMENT)
        if _is_named(host, name):
            raise Refused(ALREADY_EXISTS)
        octets = octets_of(record)
        host.database.declare(node, octets)
        host.store(octets, _reversal(name, _deletion(name, True)))
        return Reference(GROUP, name)
