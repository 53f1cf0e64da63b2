"""A client over a whole recording: what it is called, what it got, how it ended. Plain data, filled by survey.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from .limits import ADDRESSES_MAXIMUM, CLIENT_REASONS_MAXIMUM, WAYS_MAXIMUM

if TYPE_CHECKING:
    from ..showing.messages import Message


class Outcome(StrEnum):
    """How it stands with a client when the recording ends. SENTENCES says each to people."""

    SERVED = "has an address"
    INFORMED = "informed"
    OFFERED = "offered only"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    PARTNERS = "the partner's"
    RELEASED = "released"
    DECLINED = "declined"
    ENDED = "lease over"
    QUIET = "other"


SENTENCES: Final[dict[Outcome, str]] = {
    Outcome.SERVED: "Its last address was granted, and the lease was not over at the end.",
    Outcome.INFORMED: "It has an address by other means, and was told options (DHCPINFORM).",
    Outcome.OFFERED: "It got an offer, and nothing was granted after that.",
    Outcome.REFUSED: "The last thing that it got was a DHCPNAK.",
    Outcome.UNANSWERED: "Its last message got no answer.",
    Outcome.PARTNERS: "It was left to the partner, whose recording tells what it got.",
    Outcome.RELEASED: "It gave its address back.",
    Outcome.DECLINED: "It declined the address that it got: somebody else has it.",
    Outcome.ENDED: "Its last lease was over when the recording ended.",
    Outcome.QUIET: "It asked for nothing that this server answers.",
}


# Those who asked for an address and have none.
WITHOUT_ADDRESS: Final = frozenset({Outcome.OFFERED, Outcome.REFUSED, Outcome.UNANSWERED, Outcome.DECLINED})
_CIRCUIT, _REMOTE = 1, 2
_PRINTABLE: Final = range(0x20, 0x7F)


@dataclass(slots=True)
class Waiting:
    """A message that has no answer yet. `first_us`: when it was said first, if it was said again since."""

    name: str
    xid: bytes
    first_us: int
    last_us: int
    reason: str
    giaddr: int = 0


@dataclass(slots=True)
class Client:
    """One client. `addresses` are those granted, the latest last; `discover_us` the DISCOVER of an exchange under way.

    `unanswered` counts messages without an answer, one that was said again once. `said` is its last one:
    name, xid and time. `why` is the reason for the last refusal or silence, `reasons` all of them as the survey counts
    them. `holds`: an active lease is its own at the end, whatever became of its last message.
    """

    key: bytes
    hardware: bytes = b""
    identifier: bytes = b""
    host_name: bytes = b""
    addresses: list[int] = field(default_factory=list)
    messages: int = 0
    naks: int = 0
    unanswered: int = 0
    declines: int = 0
    first_us: int = 0
    last_us: int = 0
    outcome: Outcome = Outcome.QUIET
    waiting: Waiting | None = None
    discover_us: int = 0
    said: tuple[str, bytes, int] = ("", b"", 0)
    holds: bool = False
    why: str = ""
    reasons: set[tuple[str, str, str]] = field(default_factory=set)
    relays: dict[int, None] = field(default_factory=dict)
    circuits: dict[str, None] = field(default_factory=dict)

    def granted(self, address: int) -> None:
        """It has this address now."""
        if address in self.addresses:
            self.addresses.remove(address)
        self.addresses.append(address)
        del self.addresses[:-ADDRESSES_MAXIMUM]

    def met(self, reason: tuple[str, str, str]) -> None:
        """It was refused or not answered: what happened, its message, why."""
        self.why = reason[-1]
        if len(self.reasons) < CLIENT_REASONS_MAXIMUM:
            self.reasons.add(reason)

    def came(self, message: Message) -> None:
        """Remember by which relay and circuit a message came."""
        if message.giaddr and len(self.relays) < WAYS_MAXIMUM:
            self.relays[message.giaddr] = None
        if message.agent and len(self.circuits) < WAYS_MAXIMUM:
            for text in circuits_of(message.agent):
                self.circuits[text] = None

    @property
    def trouble(self) -> int:
        """How much there is to explain about it: for the order in which clients get room."""
        moved = max(0, len(self.addresses) - 1)
        troubles = 3 * min(self.naks, 5) + 2 * min(self.unanswered, 5) + 3 * min(self.declines, 5)
        return 4 * (self.outcome in WITHOUT_ADDRESS) + troubles + moved


def circuits_of(agent: bytes) -> list[str]:
    """The circuit and remote identifiers of a relay's option (RFC 3046), as text where they are that, else in hex."""
    found = []
    at = 0
    while at + 2 <= len(agent):
        code, length = agent[at], agent[at + 1]
        value = agent[at + 2 : at + 2 + length]
        if code in (_CIRCUIT, _REMOTE) and value:
            is_text = all(octet in _PRINTABLE for octet in value)
            name = "circuit" if code == _CIRCUIT else "remote"
            found.append(f"{name} {value.decode() if is_text else value.hex(':')}")
        at += 2 + length
    return found
