"""What each chosen client said and heard, line by line, with the packets decoded, in as little room as it takes.

A story keeps its first and its last lines. Packets that differ only in xid and secs are decoded once. Lines are tuples
of numbers (`Line`), since that is what the page carries; texts and packets are numbers in tables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from ...trace.effects import Log, Send
from ..showing.decode import message_name, packet_fields
from ..showing.describe import log_text
from .limits import (
    PACKETS_MAXIMUM,
    REASONS_FIRST_MAXIMUM,
    REASONS_TROUBLE_MAXIMUM,
    STORIES_MAXIMUM,
    STORY_CHANGES_MAXIMUM,
    STORY_HEAD_MAXIMUM,
    STORY_LINES_MAXIMUM,
    STORY_TAIL_MAXIMUM,
)
from .texts import Texts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from ...engine.model.spaces import Registry
    from ...trace.effects import Effect
    from ...trace.events import Packet
    from ..showing.messages import Message
    from .clients import Client

_NOT_DECODED: Final = -1
_LEFT_OUT: Final = frozenset({"xid", "secs"})
_XID_AND_SECS: Final = slice(4, 10)


class Change(NamedTuple):
    """A lease that changed: its address, states as numbers of texts, when it ends (seconds since 1970, 0: not said)."""

    address: str
    before: int
    after: int
    ends: int


class Line(NamedTuple):
    """A line of a story. `us` counts from the recording's first event; `said`, `heard`, `reason` number texts.

    `asked` and `answers` number packets, -1 for one that is not decoded, None for none.
    """

    seq: int
    us: int
    said: int
    heard: int
    reason: int
    xid: str
    asked: int | None
    answers: list[int]
    changes: list[Change]


@dataclass(slots=True)
class Story:
    """A client's lines; `met` counts its messages, `left_out` those in the middle that are not told."""

    messages: int
    lines: list[Line] = field(default_factory=list)
    met: int = 0
    left_out: int = 0
    changes: int = 0
    troubles: int = 0

    def has_room(self) -> bool:
        """Whether its next message is among the first or the last, and counts it."""
        self.met += 1
        kept = self.met <= STORY_HEAD_MAXIMUM or self.met > self.messages - STORY_TAIL_MAXIMUM
        self.left_out += not kept
        return kept

    def wants_reasons(self, *, trouble: bool) -> bool:
        """Whether its next message is one to ask for reasons: of the first, or of the first without a good answer."""
        if self.met < REASONS_FIRST_MAXIMUM:
            return True
        if trouble and self.troubles < REASONS_TROUBLE_MAXIMUM:
            self.troubles += 1
            return True
        return False


def chosen(clients: Collection[Client], first: Collection[bytes]) -> list[Client]:
    """The clients in the order in which they get room: those of `first`, trouble, then who spoke most."""
    return sorted(
        clients, key=lambda one: (one.key not in first, -one.trouble, -one.messages, one.first_us, one.key)
    )


class Stories:
    """The stories of those of `ranked` for whom there is room."""

    def __init__(self, ranked: Iterable[Client]) -> None:
        self.by_client: dict[bytes, Story] = {}
        self.texts = Texts()
        self.packets: list[list[int]] = []
        self.left_out_packets = 0
        self._packet_numbers: dict[bytes, int] = {}
        room = STORY_LINES_MAXIMUM
        for client in ranked:
            room -= min(client.messages, STORY_HEAD_MAXIMUM + STORY_TAIL_MAXIMUM)
            if room < 0 or len(self.by_client) == STORIES_MAXIMUM:
                break
            self.by_client[client.key] = Story(client.messages)

    def message(
        self,
        story: Story,
        place: tuple[int, int],
        event: Packet,
        message: Message,
        effects: Sequence[Effect],
        reason: str,
        changes: list[Change],
        registry: Registry | None,
    ) -> None:
        """Tell what a client said at `place` (event number, microseconds), and what came of it at once."""
        if not story.has_room():
            return
        sends = [effect for effect in effects if isinstance(effect, Send)]
        heard = ", ".join(map(answer_text, sends))
        told = reason or ("" if heard else _last_words(effects))
        story.lines.append(
            Line(
                *place, self.texts.number(said_text(event, message)), self.texts.number(heard),
                self.texts.number(told), message.xid.hex(), self._packet(event.payload, registry),
                [self._packet(send.payload, registry) for send in sends], changes,
            )
        )  # fmt: skip

    def later(
        self,
        story: Story,
        place: tuple[int, int],
        reason: str,
        sends: Sequence[Send],
        changes: list[Change],
        registry: Registry | None,
    ) -> None:
        """Tell what came of an event that is not this client's own, and why: a late answer, a lease that ended."""
        if not sends:
            story.changes += 1
            if story.changes > STORY_CHANGES_MAXIMUM:
                return
        heard = ", ".join(map(answer_text, sends))
        xid = sends[0].payload[4:8].hex() if sends else ""
        answers = [self._packet(send.payload, registry) for send in sends]
        numbers = (0, self.texts.number(heard), self.texts.number(reason))
        story.lines.append(Line(*place, *numbers, xid, None, answers, changes))

    def change(self, address: int, before: str, after: str, ends: int) -> Change:
        """A change as a line has it."""
        return Change(str(IPv4Address(address)), self.texts.number(before), self.texts.number(after), ends)

    def _packet(self, payload: bytes, registry: Registry | None) -> int:
        alike = payload[: _XID_AND_SECS.start] + payload[_XID_AND_SECS.stop :]
        key = blake2b(alike, digest_size=16).digest()
        number = self._packet_numbers.get(key)
        if number is None:
            if len(self.packets) >= PACKETS_MAXIMUM:
                self.left_out_packets += 1
                return _NOT_DECODED
            number = self._packet_numbers[key] = len(self.packets)
            fields = packet_fields(payload, registry)
            kept = [one for one in fields if one.name not in _LEFT_OUT]
            self.packets.append([self.texts.number(text) for one in kept for text in one])
        return number


def said_text(event: Packet, message: Message) -> str:
    """`DHCPREQUEST for 10.0.0.5 by relay 10.0.0.1 on eth0`."""
    words = [message.name]
    if message.requested:
        words.append(f"for {IPv4Address(message.requested)}")
    if message.ciaddr:
        words.append(f"from {IPv4Address(message.ciaddr)}")
    if message.giaddr:
        words.append(f"by relay {IPv4Address(message.giaddr)}")
    return " ".join([*words, f"on {event.interface}"])


def answer_text(send: Send) -> str:
    """`DHCPACK 10.0.0.5 to 10.0.0.1`."""
    given = int.from_bytes(send.payload[16:20], "big")
    words = [message_name(send.payload), *([str(IPv4Address(given))] if given else [])]
    return " ".join([*words, "to", str(IPv4Address(send.destination & 0xFFFFFFFF))])


def _last_words(effects: Sequence[Effect]) -> str:
    return next((log_text(effect.text) for effect in reversed(effects) if isinstance(effect, Log)), "")
