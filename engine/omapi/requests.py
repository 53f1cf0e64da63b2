"""OPEN, REFRESH, UPDATE, DELETE: what is looked at in which order, and which status and text answers what.

The order is ISC's, since clients see it in the codes that they get: who may speak at all (authorise), then the
message's own values, then the object. A request is answered with octets; a rule of the protocol that is broken is a
ProtocolError, and ends the connection. What objects are is not known here: types.py's table says who is asked.

Stricter than ISC dhcpd on purpose (docs/differences.md): a message that names an authenticator must carry its
signature; an OPEN without a usable key never makes a blank object.

Source: docs/behaviour/omapi.md#order-of-evaluation-of-open and the sections around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from . import status
from .handles import Reference
from .objects.base import NoKeys, Refused
from .signing import Key, is_signed_by
from .wire import DELETE, NOTIFY, OPEN, REFRESH, STATUS, UPDATE, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .connection import Connection, Reply
    from .handles import Handles
    from .objects.base import Change, ObjectType
    from .wire import Message, Values

AUTHENTICATOR: Final = "authenticator"
# Types that exist inside ISC's library only: they can be named, and not looked up.
UNSEARCHABLE: Final = frozenset({
    "connection", "listener", "io", "generic", "protocol", "protocol-listener", "message", "waiter", "failover-link",
    "failover-listener",
})  # fmt: skip
# Message values that would overwrite the message's own fields.
RESERVED: Final = frozenset({b"authid", b"op", b"handle", b"id", b"rid", b"object", b"notify-object"})
# Those of a message that names an authenticator.
_RESERVED_SIGNED: Final = RESERVED | {AUTHENTICATOR.encode()}
_CREATE: Final = b"create"
_UPDATE: Final = b"update"
_EXCLUSIVE: Final = b"exclusive"
_FLAG_OCTETS: Final = 4

NO_AUTHENTICATOR: Final = "No authenticator on message"
CANNOT_UPDATE: Final = "can't update object"
CANNOT_CREATE: Final = "can't create new object"
NO_MATCH: Final = "no object matches specification"
NO_HANDLE: Final = "no matching handle"
EXISTS: Final = "specified object already exists"
LOOKUP_FAILED: Final = "object lookup failed"


class Access(NamedTuple):
    """What the server's configuration says of OMAPI: its keys by lower-case name, and the one that must be used."""

    keys: Mapping[str, Key]
    required: Key | None


class Answer(Exception):
    """The request ends here, with a STATUS of this code and text."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


class Silence(Exception):
    """The request is not answered: what it asked for is under way, and the connection's end will say so."""


class Requests:
    """Answers the requests of all connections. `types` by name."""

    def __init__(self, access: Access, handles: Handles, types: Mapping[str, ObjectType]) -> None:
        self._access = access
        self._handles = handles
        self._types = types

    def exists(self, reference: Reference) -> bool:
        """Whether an object of one of the types is there."""
        return self._types[reference.type].exists(reference)

    def answer(self, connection: Connection, message: Message) -> Reply:
        """What answers a message; raises ProtocolError where the connection is to end instead, Silence."""
        _check_form(message)
        key = self._key_of(connection, message)
        if key is not None:
            if not is_signed_by(message, key):
                return connection.status(message, status.INVALID_KEY)
            connection.trust()
        try:
            self._authorise(message, key)
            handler = _HANDLERS.get(message.op)
            if handler is None:
                raise ProtocolError(f"operation {message.op}")
            return handler(self, connection, message, key)
        except Answer as end:
            return connection.status(message, end.code, end.text, key)

    # Who may speak

    def _key_of(self, connection: Connection, message: Message) -> Key | None:
        """The key that the message says it is signed with, None for an unsigned one."""
        if not message.authid:
            return None
        reference = self._handles.reference(message.authid) if message.authid in connection.keys else None
        key = None if reference is None else self._access.keys.get(str(reference.name))
        if key is None or not key.usable:
            raise ProtocolError("a signature by a key that was not opened")
        return key

    def _authorise(self, message: Message, key: Key | None) -> None:
        if self._access.required is None or key is not None:
            return
        if message.op != OPEN or message.message.get(b"type") != AUTHENTICATOR.encode():
            raise Answer(status.NO_KEY_SPECIFIED, NO_AUTHENTICATOR)

    # OPEN

    def _open(self, connection: Connection, message: Message, key: Key | None) -> Reply:
        name = message.message.get(b"type", b"").decode("latin-1")
        create, update, exclusive = _flag(message, _CREATE), _flag(message, _UPDATE), _flag(message, _EXCLUSIVE)
        if name == AUTHENTICATOR:
            return self._open_authenticator(connection, message, key, changes=create or update)
        if name in UNSEARCHABLE and not create:
            raise Answer(status.NOT_IMPLEMENTED, "unsearchable object type")
        kind = self._types.get(name)
        if kind is None:
            if create:
                raise Answer(status.INVALID_ARGUMENT, "type required on create")
            return self._refresh(connection, message, key)
        reference = self._look_up(kind, message.object, create=create)
        if reference is not None and create and exclusive:
            raise Answer(status.ALREADY_EXISTS, EXISTS)
        if reference is None:
            reference = self._make(kind, message.object)
        elif create or update:
            self._apply(kind.change(reference), message.object)
        return self._shown(connection, message, reference, key)

    def _look_up(self, kind: ObjectType, values: Values, *, create: bool) -> Reference | None:
        """The object that the values name; None where one is to be made."""
        try:
            reference = kind.find(values)
        except NoKeys:
            # ISC makes a blank object here, which nothing can be done with.
            if not create:
                self._refuse_blank(kind)
            return None
        except Refused as refused:
            if refused.code != status.NOT_FOUND:
                raise Answer(refused.code, LOOKUP_FAILED) from None
            reference = None
        if reference is None and not create:
            raise Answer(status.NOT_FOUND, NO_MATCH)
        return reference

    def _refuse_blank(self, kind: ObjectType) -> None:
        try:
            kind.create()
        except Refused as refused:
            raise Answer(refused.code, CANNOT_CREATE) from None
        raise Answer(status.NO_KEY_SPECIFIED, LOOKUP_FAILED)

    def _make(self, kind: ObjectType, values: Values) -> Reference:
        try:
            change = kind.create()
        except Refused as refused:
            raise Answer(refused.code, CANNOT_CREATE) from None
        return self._apply(change, values)

    def _apply(self, change: Change, values: Values) -> Reference:
        """Apply values in their order; the first that is refused ends it, and what came before stays."""
        try:
            for name, value in values.items():
                change.set(name, value)
            return change.finish()
        except Refused as refused:
            change.keep()
            raise Answer(refused.code, CANNOT_UPDATE) from None

    def _shown(self, connection: Connection, message: Message, reference: Reference, key: Key | None) -> Reply:
        values = self._types[reference.type].attributes(reference)
        return connection.update(message, self._handles.number(reference), values, key)

    def _open_authenticator(self, connection: Connection, message: Message, key: Key | None, *, changes: bool) -> Reply:
        """Let a connection use a key from now on. The answer is signed only where the request was."""
        wanted = self._wanted_key(message)
        if wanted is None:
            create = _flag(message, _CREATE)
            raise Answer(status.NOT_IMPLEMENTED, CANNOT_CREATE) if create else Answer(status.NOT_FOUND, NO_MATCH)
        if _flag(message, _CREATE) and _flag(message, _EXCLUSIVE):
            raise Answer(status.ALREADY_EXISTS, EXISTS)
        if changes:
            raise Answer(status.SUCCESS, CANNOT_UPDATE)
        if self._access.required is not None and wanted != self._access.required:
            raise Answer(status.INVALID_KEY, "can't select authenticator")
        number = self._handles.number(Reference(AUTHENTICATOR, wanted.name.lower()))
        if number not in connection.keys:
            connection.keys.append(number)
        return connection.update(message, number, _key_attributes(wanted), key)

    def _wanted_key(self, message: Message) -> Key | None:
        """The key of this name and algorithm, both compared without case."""
        if not message.object:
            raise Answer(status.NOT_IMPLEMENTED, CANNOT_CREATE)
        name = message.object.get(b"name", b"").decode("latin-1")
        algorithm = message.object.get(b"algorithm", b"").decode("latin-1")
        found = self._access.keys.get(name.lower())
        return found if found is not None and found.algorithm.lower() == algorithm.lower() else None

    # REFRESH, UPDATE, DELETE: the object is named by its handle

    def _named(self, message: Message) -> Reference:
        reference = self._handles.reference(message.handle)
        if reference is None or not (
            reference.type == AUTHENTICATOR or self._types[reference.type].exists(reference)
        ):
            raise Answer(status.NOT_FOUND, NO_HANDLE)
        return reference

    def _refresh(self, connection: Connection, message: Message, key: Key | None) -> Reply:
        reference = self._named(message)
        if reference.type == AUTHENTICATOR:
            found = self._access.keys[str(reference.name)]
            return connection.update(message, message.handle, _key_attributes(found), key)
        return self._shown(connection, message, reference, key)

    def _update(self, connection: Connection, message: Message, key: Key | None) -> Reply:
        reference = self._named(message)
        if reference.type == AUTHENTICATOR:
            raise Answer(status.SUCCESS, "cannot update authenticator")
        if not message.object:
            raise Answer(status.INVALID_ARGUMENT, CANNOT_UPDATE)
        self._apply(self._types[reference.type].change(reference), message.object)
        return connection.status(message, status.SUCCESS, key=key)

    def _delete(self, connection: Connection, message: Message, key: Key | None) -> Reply:
        reference = self._named(message)
        if reference.type == AUTHENTICATOR:
            raise Answer(status.NOT_IMPLEMENTED, "no remove method for object")
        try:
            self._types[reference.type].remove(reference)
        except Refused as refused:
            raise Answer(refused.code) from None
        return connection.status(message, status.SUCCESS, key=key)

    def _notify(self, _connection: Connection, _message: Message, _key: Key | None) -> Reply:
        raise Answer(status.NOT_IMPLEMENTED, "notify not implemented yet")


def _check_form(message: Message) -> None:
    """Messages that end the connection, whoever sends them; raises ProtocolError.

    A message with a `rid` answers something, and the server has asked nothing.
    """
    reserved = _RESERVED_SIGNED if message.authid else RESERVED
    if not reserved.isdisjoint(message.message):
        name = next(name for name in message.message if name in reserved)
        raise ProtocolError(f"a message value called {name.decode('latin-1')}")
    if message.rid or message.op == STATUS:
        raise ProtocolError("an answer to a question that was not asked")


def _flag(message: Message, name: bytes) -> bool:
    """A flag among the message's values; raises Answer where it is no number."""
    value = message.message.get(name)
    if not value:
        return False
    if len(value) != _FLAG_OCTETS:
        raise Answer(status.INVALID_ARGUMENT, f"invalid {name.decode()} flag value")
    return any(value)


def _key_attributes(key: Key) -> Values:
    return {b"name": key.name.encode("latin-1"), b"algorithm": key.algorithm.encode("latin-1")}


_HANDLERS: Final[dict[int, Callable[[Requests, Connection, Message, Key | None], Reply]]] = {
    OPEN: Requests._open,
    REFRESH: Requests._refresh,
    UPDATE: Requests._update,
    DELETE: Requests._delete,
    NOTIFY: Requests._notify,
}
