"""OMAPI's connections in an ISC trace: whose the octets are that came, which the file does not say.

The connection is 0 in every record, what went out is written as so many zeros, and an end names nobody. So octets go to
the connection that must be meant: one that has not greeted for a greeting, else the one whose requests count
up to this one's number; of several, that which has been silent longest. With one
connection at a time, as scripts have it, nothing is guessed.

Where the server also has failover connections nothing can be told apart, and nothing of either is played.

See docs/behaviour/isc-trace.md#octets-of-a-connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...engine.omapi.server import SERVICE
from ...engine.omapi.wire import GREETING, GREETING_OCTETS, HEADER_OCTETS
from ...trace import events as ev

if TYPE_CHECKING:
    from ...trace.effects import StreamListen
    from ...trace.events import Event
    from .records import Accepted, Octets

_ID: Final = slice(16, 20)


class _Peer:
    """A connection as far as its octets have told: whether it has greeted, and its last request's number."""

    def __init__(self) -> None:
        self.greeted = False
        self.last_id = 0


class Connections:
    """The OMAPI connections of one ISC trace, by the stream numbers that they are given here, with what each has asked.

    What is to be told to the machine comes back as an event without time, None where it is not to be played.
    """

    def __init__(self) -> None:
        """Nobody listens, and nobody has called."""
        self._ports: set[int] = set()
        self._peers: dict[int, _Peer] = {}
        self._last = 0
        self.foreign = False

    def listen(self, effect: StreamListen) -> None:
        """The machine accepts connections."""
        if effect.service == SERVICE:
            self._ports.add(effect.port)

    def accepted(self, record: Accepted, local: int) -> Event | None:
        """Somebody has called; `local` is an address of the server."""
        if record.port not in self._ports:
            self.foreign = True
        if self.foreign:
            return None
        self._last += 2
        self._peers[self._last] = _Peer()
        return ev.StreamOpened(0, 0, self._last, SERVICE, local, record.port, record.peer, record.peer_port)

    def came(self, record: Octets) -> Event | None:
        """Octets that came."""
        found = None if self.foreign else self._whose(record.data)
        return None if found is None else ev.StreamData(0, 0, found, record.data)

    def ended(self) -> Event | None:
        """Somebody has hung up: who has been silent longest."""
        if self.foreign or not self._peers:
            return None
        stream = next(iter(self._peers))
        del self._peers[stream]
        return ev.StreamClosed(0, 0, stream, "")

    def closed(self, stream: int) -> None:
        """The machine has ended a connection."""
        self._peers.pop(stream, None)

    def _whose(self, data: bytes) -> int | None:
        begins = data.startswith(GREETING)
        known = {stream: peer for stream, peer in self._peers.items() if peer.greeted != begins}
        number = int.from_bytes((data[GREETING_OCTETS:] if begins else data)[_ID], "big")
        counting = [stream for stream, peer in known.items() if not begins and peer.last_id + 1 == number]
        stream = next(iter(counting or known), None)
        if stream is not None:
            # Who has just spoken is the last to be taken for the next.
            peer = self._peers[stream] = self._peers.pop(stream)
            peer.greeted = True
            if len(data) >= HEADER_OCTETS:
                peer.last_id = number
        return stream
