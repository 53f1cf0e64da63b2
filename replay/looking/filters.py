"""Which events of a recording somebody wants to see: every filter is a test of an entry, and all must agree.

Where a filter can be answered by the tape's index (a hardware address, a first event, a first time) the rest of the
file is not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from ...trace import Entry
from ...trace.effects import Send
from ...trace.events import End, Packet
from ..showing.decode import message_name
from ..showing.notation import octets_of
from .answers import Waiting, is_waiting
from .naming import client_test, payloads_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...trace import Tape

_XID: Final = slice(4, 8)
_ETHERNET_OCTETS: Final = 6
_NEVER_ANSWERED: Final = frozenset({"DHCPRELEASE", "DHCPDECLINE"})
# A ping or a look-up is waited for 5 s at most, whatever else a server is busy with.
LATE_US_MAXIMUM: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Filter:
    """What is wanted; None or empty: anything.

    `client` is as for `explain`, `address` an IPv4 address that the packet is about, `kinds` names of events and
    `messages` of DHCP messages (`DISCOVER`), both in small letters. `unanswered`: messages that a client waits an
    answer for, and that got none. Times are microseconds since 1970, both included.
    """

    client: str | None = None
    address: str | None = None
    xid: int | None = None
    kinds: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()
    since_us: int | None = None
    until_us: int | None = None
    from_seq: int = 1
    to_seq: int | None = None
    unanswered: bool = False

    def tests(self, tape: Tape) -> list[Callable[[Entry], bool]]:
        """The tests that need a look at an entry of `tape`. Raises TapeUnreadable."""
        found: list[Callable[[Entry], bool]] = []
        if self.kinds:
            found.append(lambda entry: type(entry.event).__name__.lower() in self.kinds)
        if self.unanswered:
            found.append(_is_unanswered)
        if self.since_us is not None:
            found.append(lambda entry: entry.event.wall_us >= (self.since_us or 0))
        if self.xid is not None:
            wanted = self.xid.to_bytes(4, "big")
            found.append(lambda entry: any(payload[_XID] == wanted for payload in payloads_of(entry)))
        if self.messages:
            found.append(lambda entry: isinstance(entry.event, Packet) and self._has_message(entry.event))
        found += [client_test(text, tape) for text in (self.client, self.address) if text is not None]
        return found

    def _has_message(self, event: Packet) -> bool:
        return message_name(event.payload).lower().removeprefix("dhcp") in self.messages

    def is_past(self, entry: Entry) -> bool:
        """Whether neither this entry nor any behind it is wanted."""
        if self.to_seq is not None and entry.seq > self.to_seq:
            return True
        return self.until_us is not None and entry.event.wall_us > self.until_us


def _is_unanswered(entry: Entry) -> bool:
    effects = entry.effects or ()
    if not isinstance(entry.event, Packet) or is_waiting(effects) or any(type(one) is Send for one in effects):
        return False
    return message_name(entry.event.payload) not in _NEVER_ANSWERED


def select(
    tape: Tape,
    wanted: Filter,
    wait: Callable[[], bool] | None = None,
    progress: Callable[[Entry], None] | None = None,
) -> Iterator[Entry]:
    """The wanted entries in order; with `wait` as for Tape.iterate, until the run's End. Raises DamagedTape.

    `progress` is called with every entry that is looked at.
    """
    tests = wanted.tests(tape)
    for entry in _entries(tape, wanted, wait):
        if progress is not None:
            progress(entry)
        if wanted.is_past(entry):
            return
        if all(test(entry) for test in tests):
            yield entry
        if wait is not None and isinstance(entry.event, End):
            return


def _entries(tape: Tape, wanted: Filter, wait: Callable[[], bool] | None) -> Iterator[Entry]:
    """The entries among which the wanted are, by the index as far as it helps."""
    from_seq = wanted.from_seq
    if wait is None and wanted.since_us is not None:
        first = tape.seek_time(wanted.since_us)
        if first is None:
            return
        from_seq = max(from_seq, first)
    hardware = _hardware(wanted.client)
    if wait is None and hardware is not None:
        yield from _with_late(tape, tape.client(hardware, from_seq=from_seq))
        return
    for entry in tape.iterate(from_seq=from_seq, wait=wait):
        if isinstance(entry, Entry):
            yield entry


def _with_late(tape: Tape, packets: Iterator[Entry]) -> Iterator[Entry]:
    """A client's packets, and the entries under which those that had to wait were answered, in order."""
    late: list[tuple[int, Entry]] = []
    for packet in packets:
        while late and late[0][0] < packet.seq:
            yield heappop(late)[1]
        yield packet
        if is_waiting(packet.effects or ()):
            found = _late_answer(tape, packet)
            if found is not None and all(seq != found.seq for seq, _entry in late):
                heappush(late, (found.seq, found))
    while late:
        yield heappop(late)[1]


def _late_answer(tape: Tape, packet: Entry) -> Entry | None:
    """The entry under which a packet that waits is answered, None where it is not within the time that is waited."""
    waiting = Waiting()
    for entry in tape.iterate(from_seq=packet.seq):
        if not isinstance(entry, Entry):
            continue
        if entry.event.wall_us > packet.event.wall_us + LATE_US_MAXIMUM:
            return None
        for answered in waiting.take(entry):
            if answered.late and answered.packet is not None and answered.packet.seq == packet.seq:
                return entry
    return None


def _hardware(client: str | None) -> bytes | None:
    """The octets of an Ethernet address, which is what the index knows."""
    octets = octets_of(client or "")
    return octets if octets is not None and len(octets) == _ETHERNET_OCTETS else None
