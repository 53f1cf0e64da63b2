"""How long the server took over packets, and how long clients waited, from a tape's times and its notes of time.

*decision*: from the packet's arrival until the machine had answered its whole batch. *release*: until the replies that
had to wait for the disk had been sent, or were free to go where nothing had to be synced before them. *acquire*: from
a client's first DISCOVER until its ACK had left; without notes, until the REQUEST came that was acknowledged.
*again*: from a message until the same client sent it again, under the same transaction number, before an ACK (a client
may renew under the number that it was bound with). The arrival is the batch's: what a packet waited in the socket
before is on no tape.

Memory is bounded whatever the tape: of clients only the latest CLIENTS_MAXIMUM are remembered.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from ....trace import Entry, Handled, Stored
from ....trace.effects import RewriteBegin, RewriteEnd, RewritePart, Send, Store
from ....trace.events import Listening, Packet
from ...showing.decode import hardware_of_payload, message_name
from .histogram import Histogram

if TYPE_CHECKING:
    from ....trace import Found
    from ....trace.events import Event

CLIENTS_MAXIMUM: Final = 65_536
WAITING_MAXIMUM: Final = 65_536
_XID: Final = slice(4, 8)
_WORK: Final = (Store, RewriteBegin, RewritePart, RewriteEnd)


SPANS: Final = ("decision", "release", "acquire", "again")


@dataclass(slots=True)
class Times:
    """The spans that ended in some stretch of a recording, in microseconds, and how many exchanges came to an ACK."""

    decision: Histogram = field(default_factory=Histogram)
    release: Histogram = field(default_factory=Histogram)
    acquire: Histogram = field(default_factory=Histogram)
    again: Histogram = field(default_factory=Histogram)
    exchanges: int = 0

    def update(self, other: Times) -> None:
        """Count what another has counted, too."""
        for name in SPANS:
            getattr(self, name).update(getattr(other, name))
        self.exchanges += other.exchanges

    def figures(self) -> dict[str, dict[str, int] | None]:
        """The spans by name with `_us` behind it, as Histogram.figures has them."""
        return {f"{name}_us": getattr(self, name).figures() for name in SPANS}


class _Client(NamedTuple):
    """What a client last sent, and when; `began_us` is that of its first DISCOVER that no ACK followed, -1 for none."""

    message: str
    xid: bytes
    mono_us: int
    began_us: int


class _Reply(NamedTuple):
    """A reply on its way, of event `seq`: when its packet came, and when its exchange began; -1: not to be counted."""

    seq: int
    arrived_us: int
    began_us: int


class Stopwatch:
    """Follows a tape; `take` gets everything that `Tape.iterate_noted` yields. `noted`: the tape has notes of time."""

    def __init__(self) -> None:
        """Begin with nothing on its way."""
        self.noted = False
        self._clients: dict[bytes, _Client] = {}
        self._arrived: deque[int] = deque(maxlen=WAITING_MAXIMUM)
        self._free: deque[_Reply] = deque(maxlen=WAITING_MAXIMUM)
        self._held: deque[_Reply] = deque(maxlen=WAITING_MAXIMUM)
        self._unsynced_seq = 0

    def take(self, found: Found, times: Times) -> None:
        """Count into `times` the spans that end here."""
        if isinstance(found, Entry):
            self._event(found, times)
        elif isinstance(found, Handled):
            self._handled(found, times)
        elif isinstance(found, Stored):
            self._stored(found, times)

    def _event(self, entry: Entry, times: Times) -> None:
        event, arrived_us = entry.event, -1
        if isinstance(event, Packet):
            arrived_us = event.mono_us
            self._asked(event, times)
            if self.noted:
                self._arrived.append(arrived_us)
        for effect in entry.effects or ():
            if isinstance(effect, _WORK):
                self._unsynced_seq = entry.seq
            elif isinstance(effect, Send):
                self._replied(effect, _Reply(entry.seq, arrived_us, self._began_us(effect, times)), event, times)
        if isinstance(event, Listening):
            # What the start stored was synced before anybody could ask.
            self._unsynced_seq = 0

    def _replied(self, send: Send, reply: _Reply, event: Event, times: Times) -> None:
        """A reply was decided: it is held, or goes."""
        if not self.noted:
            if reply.began_us >= 0:
                times.acquire.add(event.mono_us - reply.began_us)
        elif send.durable and self._unsynced_seq:
            self._held.append(reply)
        elif send.durable:
            self._free.append(reply)

    def _asked(self, event: Packet, times: Times) -> None:
        """Note what a client sends."""
        hardware, message, xid = hardware_of_payload(event.payload), message_name(event.payload), event.payload[_XID]
        before = self._clients.pop(hardware, None)
        began_us = -1 if before is None else before.began_us
        if before is not None and (before.message, before.xid) == (message, xid):
            times.again.add(event.mono_us - before.mono_us)
        if message == "DHCPDISCOVER" and began_us < 0:
            began_us = event.mono_us
        self._clients[hardware] = _Client(message, xid, event.mono_us, began_us)
        if len(self._clients) > CLIENTS_MAXIMUM:
            del self._clients[next(iter(self._clients))]

    def _began_us(self, send: Send, times: Times) -> int:
        """When the exchange began that this reply ends, -1 where it ends none."""
        if message_name(send.payload) != "DHCPACK":
            return -1
        hardware = hardware_of_payload(send.payload)
        client = self._clients.get(hardware)
        if client is None:
            return -1
        times.exchanges += client.began_us >= 0
        self._clients[hardware] = client._replace(message="", began_us=-1)
        return client.began_us

    def _handled(self, note: Handled, times: Times) -> None:
        self.noted = True
        while self._arrived:
            times.decision.add(note.mono_us - self._arrived.popleft())
        while self._free:
            _count(self._free.popleft(), note.mono_us, times)

    def _stored(self, note: Stored, times: Times) -> None:
        while self._held and self._held[0].seq <= note.seq:
            reply = self._held.popleft()
            if note.left_us is not None:
                _count(reply, note.left_us, times)
        if self._unsynced_seq <= note.seq:
            self._unsynced_seq = 0


def _count(reply: _Reply, left_us: int, times: Times) -> None:
    if reply.arrived_us >= 0:
        times.release.add(left_us - reply.arrived_us)
    if reply.began_us >= 0:
        times.acquire.add(left_us - reply.began_us)
