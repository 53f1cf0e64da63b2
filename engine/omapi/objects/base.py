"""What a type of object offers to OMAPI: to be found, shown, made, changed, removed; and how it refuses.

A type answers what is asked of it in terms of references and octets; the order of questions, the texts and the wire
are requests.py's. Refusals are `Refused` with the status code that the client sees.

Source: docs/behaviour/omapi.md#objects-and-requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..status import INVALID_ARGUMENT, KEY_CONFLICT, NOT_FOUND, NOT_IMPLEMENTED, PERMISSION_DENIED

if TYPE_CHECKING:
    from collections.abc import Callable

    from ....trace.effects import Effect
    from ...draws import Draws
    from ...lease.commit import Leases
    from ...lease.database import Database
    from ...model.change import Reversal
    from ...model.configuration import Configuration
    from ...service.generation import Generation
    from ..handles import Handles, Reference
    from ..wire import Values

INTEGER_OCTETS = 4


class Refused(Exception):
    """A request cannot be carried out; `code` is a number of status.py."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class NoKeys(Exception):
    """Nothing among the values of a look-up names an object of the type."""


class Change(Protocol):
    """An object that values are being applied to, one after the other. What was applied before a refusal stays."""

    def set(self, name: bytes, value: bytes) -> None:
        """Apply one value (none of no octets: null); raises Refused."""

    def finish(self) -> Reference:
        """All values are applied: have the object registered and stored where its type has that; raises Refused."""

    def keep(self) -> None:
        """A value was refused, or `finish` was: what was applied before stays as far as the type keeps it."""


class ObjectHost(Protocol):
    """What the objects ask of the server. `now` is seconds since 1970; `effects` are those of the event."""

    now: int
    effects: list[Effect]
    database: Database
    leases: Leases
    draws: Draws
    generation: Generation

    @property
    def configuration(self) -> Configuration:
        """The configuration in force, without what came to it at run time."""

    def log(self, level: int, text: str) -> None:
        """Emit a log line."""

    def addresses_of(self, name: str) -> tuple[int, ...] | None:
        """The addresses of a host name as last looked up."""

    def store(self, record: bytes, reversal: Reversal | None = None) -> None:
        """Append a record to the lease file; `reversal`: how what it tells is taken back, where it can be."""


class ObjectType(Protocol):
    """One type. `name` is what an OPEN calls it."""

    name: str

    def find(self, values: Values) -> Reference | None:
        """The object that all keys among `values` lead to, None for none; raises NoKeys, Refused."""

    def exists(self, reference: Reference) -> bool:
        """Whether what a handle stands for is still there."""

    def attributes(self, reference: Reference) -> Values:
        """What is shown of an object, in order."""

    def create(self) -> Change:
        """A new object that has no values yet; raises Refused where there can be none."""

    def change(self, reference: Reference) -> Change:
        """An object that is there, to be changed."""

    def remove(self, reference: Reference) -> None:
        """Take an object away; raises Refused."""


class Shown:
    """A type that can only be looked at: each of its refusals stands in `create`, `update` and `remove` codes."""

    name = ""
    create_code = NOT_IMPLEMENTED
    update_code = PERMISSION_DENIED
    remove_code = NOT_IMPLEMENTED

    def create(self) -> Change:
        """There can be no more of them."""
        raise Refused(self.create_code)

    def change(self, reference: Reference) -> Change:
        """Its values stay as they are."""
        return _Unchangeable(reference, self.update_code)

    def remove(self, _reference: Reference) -> None:
        """It stays."""
        raise Refused(self.remove_code)


class _Unchangeable:
    def __init__(self, reference: Reference, code: int) -> None:
        self._reference = reference
        self._code = code

    def set(self, _name: bytes, _value: bytes) -> None:
        raise Refused(self._code)

    def finish(self) -> Reference:
        return self._reference

    def keep(self) -> None:
        """Nothing was applied."""


def integer_in(value: bytes) -> int:
    """The number in a value; raises Refused where it has not four octets."""
    if len(value) != INTEGER_OCTETS:
        raise Refused(INVALID_ARGUMENT)
    return int.from_bytes(value, "big")


def found_by_handle(
    handles: Handles, values: Values, kind: str, exists: Callable[[Reference], bool]
) -> Reference | None:
    """The object that a key `handle` names, None where there is no such key; raises Refused."""
    value = values.get(b"handle")
    if not value:
        return None
    reference = handles.reference(integer_in(value))
    if reference is None:
        raise Refused(NOT_FOUND)
    if reference.type != kind:
        raise Refused(INVALID_ARGUMENT)
    if not exists(reference):
        raise Refused(NOT_FOUND)
    return reference


def agreed(earlier: Reference | None, found: Reference | None) -> Reference | None:
    """What two keys lead to: the first that finds nothing is not found, a later one that differs is a conflict."""
    if found is None:
        raise Refused(NOT_FOUND if earlier is None else KEY_CONFLICT)
    if earlier is not None and found != earlier:
        raise Refused(KEY_CONFLICT)
    return found
