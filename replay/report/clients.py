"""A client over a whole recording: what it is called, what it got, how it ended. Plain data, filled by survey.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from .limits import ADDRESSES_MAXIMUM


class Outcome(StrEnum):
    """How it stands with a client when the recording ends. SENTENCES says each to people."""

    SERVED = "has an address"
    INFORMED = "informed"
    OFFERED = "offered only"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
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
    Outcome.RELEASED: "It gave its address back.",
    Outcome.DECLINED: "It declined the address that it got: somebody else has it.",
    Outcome.ENDED: "Its last lease was over when the recording ended.",
    Outcome.QUIET: "It asked for nothing that this server answers.",
}


@dataclass(slots=True)
class Waiting:
    """A message that has no answer yet. `first_us`: when it was said first, if it was said again since."""

    name: str
    xid: bytes
    first_us: int
    last_us: int
    reason: str


@dataclass(slots=True)
class Client:
    """One client. `addresses` are those granted, the latest last; `discover_us` the DISCOVER of an exchange under way.

    `unanswered` counts messages without an answer, one that was said again once. `said` is its last one:
    name, xid and time.
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

    def granted(self, address: int) -> None:
        """It has this address now."""
        if address in self.addresses:
            self.addresses.remove(address)
        self.addresses.append(address)
        del self.addresses[:-ADDRESSES_MAXIMUM]

    @property
    def trouble(self) -> int:
        """How much there is to explain about it: for the order in which clients get room."""
        unhappy = self.outcome in (Outcome.REFUSED, Outcome.UNANSWERED, Outcome.DECLINED, Outcome.OFFERED)
        moved = max(0, len(self.addresses) - 1)
        return 4 * unhappy + 3 * min(self.naks, 5) + 2 * min(self.unanswered, 5) + 3 * min(self.declines, 5) + moved
