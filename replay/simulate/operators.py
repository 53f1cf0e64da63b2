"""Operators: they call a server over OMAPI, have one thing done, and go; nobody tries again.

What they ask for comes to the server as bytes on a connection, so that its recording has it as every other's. Both
sides greet; then there is one request, that opens an object and writes it, and one answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...engine.omapi.wire import GREETING, GREETING_OCTETS, OPEN, Message, encode, integer
from .sites import OMAPI_PORT

if TYPE_CHECKING:
    from ...engine.omapi.wire import Values
    from ..world.simulated.tcp import End, Tcp

ADDRESS: Final = 0x0A0000FA
_SHUTDOWN: Final = 2
_RESERVED: Final = 4
_FIRST_REQUEST: Final = 1


class Operator:
    """Who calls one server with one wish, a message of OMAPI, over one connection, whose owner it is (tcp.Owner)."""

    def __init__(self, tcp: Tcp, wish: Message) -> None:
        """Somebody who asks for this."""
        self.name = "operator"
        self._tcp = tcp
        self._wish = wish
        self._heard = 0
        self._asks = True
        tcp.live_at(ADDRESS, self.name)

    def call(self, address: int) -> None:
        """Call a server."""
        self._tcp.call(self, ADDRESS, address, OMAPI_PORT, "")

    def give_up(self) -> None:
        """Want nothing any more: a call that has not come through by now says nothing."""
        self._asks = False

    def opened(self, end: End) -> None:
        """Greet."""
        end.send(GREETING)

    def received(self, end: End, data: bytes) -> None:
        """When the server has greeted, say what is wanted; when it has answered, go."""
        greeted = self._heard >= GREETING_OCTETS
        self._heard += len(data)
        if greeted or not self._asks:
            end.finish()
        elif self._heard >= GREETING_OCTETS:
            end.send(encode(self._wish))

    def half_closed(self, end: End) -> None:
        """The server goes."""
        end.finish()

    def closed(self, _end: End, _error: str) -> None:
        """It is over."""


def _written(kind: bytes, values: Values) -> Message:
    return Message(OPEN, 0, _FIRST_REQUEST, 0, {b"type": kind, b"update": integer(1)}, values)


def state_wish(relationship: str, state: int) -> Message:
    """A relationship is to be in a state."""
    return _written(b"failover-state", {b"name": relationship.encode(), b"local-state": integer(state)})


def flags_wish(address: int, *, reserved: bool) -> Message:
    """An address is to be kept for who had it last, or no longer.

    Values are written in order, and what the lease was found by cannot be: it stands behind, and is refused alone.
    """
    flags = bytes((_RESERVED if reserved else 0,))
    values = {b"flags": flags, b"ip-address": address.to_bytes(4, "big")}
    return Message(OPEN, 0, _FIRST_REQUEST, 0, {b"type": b"lease", b"update": integer(1)}, values)


def shutdown_wish() -> Message:
    """The server is to end in order."""
    return _written(b"control", {b"state": integer(_SHUTDOWN)})
