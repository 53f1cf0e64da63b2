"""Which event an effect answers: the one that it stands under, or an earlier one that had to wait (`Answers`).

An OFFER that waited for a ping stands under the timer, and a packet whose name was looked up is answered under the
answer of the resolver. Who looks at clients reads effects through here, so that such an answer is the client's.
Recordings of before that link have none; there a late answer is known by its message alone: client and transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...trace.effects import Answers, Ping, ReverseLookup, Send
from ...trace.events import Packet
from ..showing.decode import hardware_of_payload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ...trace import Entry
    from ...trace.effects import Effect

# So many packets may wait for something at a time; the longest waiting are taken for unanswered beyond.
WAITING_MAXIMUM = 65_536
_XID = slice(4, 8)


class Answered(NamedTuple):
    """Effects of an entry, and the packet that they answer: `packet` is None where they answer no packet.

    `late` tells that the packet is an earlier event.
    """

    packet: Entry | None
    effects: tuple[Effect, ...]
    late: bool


class Waiting:
    """Follows a recording, entry by entry, and gives effects to the packets that they answer."""

    def __init__(self) -> None:
        self._by_seq: dict[int, Entry] = {}

    def take(self, entry: Entry) -> Iterator[Answered]:
        """What of an entry's effects answers what: its own first, then that of packets which waited."""
        own, linked = _parts(entry.effects or ())
        if isinstance(entry.event, Packet):
            yield Answered(entry, own, late=False)
            if is_waiting(own):
                self._keep(entry)
        elif any(isinstance(effect, Send) for effect in own):
            yield from self._unlinked(own)
        else:
            yield Answered(None, own, late=False)
        for seq, effects in linked:
            packet = self._by_seq.get(seq)
            yield Answered(packet, effects, late=True)
            if packet is not None and not is_waiting(effects):
                del self._by_seq[seq]

    def _unlinked(self, effects: Sequence[Effect]) -> Iterator[Answered]:
        """Late answers in a recording without links: each message goes to the packet of its client and transaction."""
        before: list[Effect] = []
        for effect in effects:
            before.append(effect)
            if isinstance(effect, Send):
                packet = self._same_exchange(effect)
                yield Answered(packet, tuple(before), late=packet is not None)
                before = []
        if before:
            yield Answered(None, tuple(before), late=False)

    def _same_exchange(self, sent: Send) -> Entry | None:
        key = (sent.payload[_XID], hardware_of_payload(sent.payload))
        for seq, entry in self._by_seq.items():
            assert isinstance(entry.event, Packet), "only packets wait"
            payload = entry.event.payload
            if (payload[_XID], hardware_of_payload(payload)) == key:
                del self._by_seq[seq]
                return entry
        return None

    def _keep(self, entry: Entry) -> None:
        self._by_seq[entry.seq] = entry
        if len(self._by_seq) > WAITING_MAXIMUM:
            del self._by_seq[next(iter(self._by_seq))]


def is_waiting(effects: Iterable[Effect]) -> bool:
    """Whether a packet with these effects has its answer still to come."""
    return any(isinstance(effect, Ping | ReverseLookup) for effect in effects)


def _parts(effects: Sequence[Effect]) -> tuple[tuple[Effect, ...], list[tuple[int, tuple[Effect, ...]]]]:
    """An entry's own effects, and those behind each link with the number of the event that they answer."""
    own: list[Effect] = []
    linked: list[tuple[int, list[Effect]]] = []
    for effect in effects:
        if isinstance(effect, Answers):
            linked.append((effect.event, []))
        else:
            (linked[-1][1] if linked else own).append(effect)
    return tuple(own), [(seq, tuple(some)) for seq, some in linked]
