"""A local object: a type, a handle at the server once it is open there, and attributes in order.

An attribute has one of four local types, which are Python's: int, str, bytes ("data") and None ("null": the server is
to unset it). What the server answers is always data; a str is sent as UTF-8 (octets that are not UTF-8 pass as Python's
`surrogateescape` has them). Each attribute also knows whether it was changed here since the server last told the
object's values: those go with the next request, in order.

Nothing is sent here, and no attribute is known by name but one: `remote-handle`, which never is an attribute, and says
which object at the server this is.

Source: docs/behaviour/omapi.md#the-calls-of-dhcpctl.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Final

from ..engine.omapi.status import NOT_FOUND, UNEXPECTED_ERROR
from ..engine.omapi.wire import Values, integer
from .errors import DhcpctlError

Value = int | str | bytes | None
REMOTE_HANDLE: Final = "remote-handle"
_INTEGER_OCTETS: Final = 4


class Object(MutableMapping[str, Value]):
    """An object of `type` ("host", "lease", ...), open at no server yet. A mapping of attribute names to values.

    `handle` is the server's number for it, 0 while it is not open. Deleting an attribute forgets it here; to unset it
    at the server, set it to None and update.
    """

    __slots__ = ("_changed", "_values", "handle", "type")

    def __init__(self, type: str, values: Mapping[str, Value] | None = None) -> None:  # noqa: A002 - OMAPI's word
        self.type = type
        self.handle = 0
        self._values: dict[str, Value] = {}
        self._changed: set[str] = set()
        self.update(values or {})

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __setitem__(self, name: str, value: Value) -> None:
        if name == REMOTE_HANDLE:
            self.handle = int.from_bytes(octets_of(value), "big")
            return
        self._values[name] = value
        self._changed.add(name)

    def __delitem__(self, name: str) -> None:
        del self._values[name]
        self._changed.discard(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Object({self.type!r}, {self._values!r}, handle={self.handle})"

    def data(self, name: str) -> bytes:
        """An attribute's octets, an integer as four. Raises DhcpctlError 23 (not found) where it is missing or null."""
        value = self._values.get(name)
        if value is None:
            raise DhcpctlError(NOT_FOUND, name)
        return octets_of(value)

    def integer(self, name: str) -> int:
        """An attribute of four octets as a number. Raises DhcpctlError 23 as `data`, 34 where it has not four."""
        octets = self.data(name)
        if len(octets) != _INTEGER_OCTETS:
            raise DhcpctlError(UNEXPECTED_ERROR, f"{name} has {len(octets)} octets")
        return int.from_bytes(octets, "big")

    def text(self, name: str) -> str:
        """An attribute as text. Raises DhcpctlError 23 as `data`."""
        return text_of_octets(self.data(name))

    def changed(self) -> Values:
        """The attributes that were changed since the server told the object's values, as a request carries them."""
        return {
            octets_of_name(name): octets_of(value) for name, value in self._values.items() if name in self._changed
        }

    def take(self, values: Values, handle: int) -> None:
        """What the server says the object is now; null attributes are gone, and nothing counts as changed."""
        for name, value in values.items():
            self._values[text_of_octets(name)] = value or None
        self._values.pop(REMOTE_HANDLE, None)
        self._values = {name: value for name, value in self._values.items() if value is not None}
        self._changed.clear()
        self.handle = handle


def octets_of(value: Value) -> bytes:
    """A value as it goes over the wire: null is no octets."""
    if value is None:
        return b""
    if isinstance(value, int):
        return integer(value)
    return octets_of_name(value) if isinstance(value, str) else value


def octets_of_name(text: str) -> bytes:
    """Text as octets."""
    return text.encode("utf-8", "surrogateescape")


def text_of_octets(octets: bytes) -> str:
    """Octets as text, and back to the same by octets_of_name."""
    return octets.decode("utf-8", "surrogateescape")
