"""Operators: they call a server over OMAPI, have one thing done, and go; nobody tries again.

What they ask for comes to the server as bytes on a connection, so that its recording has it as every other's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...dhcpctl.objects import Object
from ...dhcpctl.session import Session, State
from .sites import OMAPI_PORT

if TYPE_CHECKING:
    from ..world.simulated.tcp import End, Tcp

ADDRESS: Final = 0x0A0000FA
_SHUTDOWN: Final = 2


class Operator:
    """See the module. An owner of a connection (tcp.Owner)."""

    def __init__(self, tcp: Tcp, wish: Object) -> None:
        """Somebody who wants an object as `wish` has it."""
        self.name = "operator"
        self._tcp = tcp
        self._wish = wish
        self._session = Session()
        tcp.live_at(ADDRESS, self.name)

    def call(self, address: int) -> None:
        """Call a server."""
        self._tcp.call(self, ADDRESS, address, OMAPI_PORT, "")

    def opened(self, end: End) -> None:
        """Greet."""
        end.send(self._session.take_output())

    def received(self, end: End, data: bytes) -> None:
        """When the server has greeted, say what is wanted; when it has answered, go."""
        greeted = self._session.state is State.READY
        self._session.receive(data)
        if not greeted and self._session.state is State.READY:
            self._session.open(self._wish, update=True)
            end.send(self._session.take_output())
        elif greeted:
            end.finish()

    def half_closed(self, end: End) -> None:
        """The server goes."""
        end.finish()

    def closed(self, _end: End, _error: str) -> None:
        """It is over."""


def state_wish(relationship: str, state: int) -> Object:
    """A relationship is to be in a state."""
    return Object("failover-state", {"name": relationship, "local-state": state})


def shutdown_wish() -> Object:
    """The server is to end in order."""
    return Object("control", {"state": _SHUTDOWN})
