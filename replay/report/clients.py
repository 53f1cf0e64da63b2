"""A client over a whole recording: what it is called, what it got, how it ended. Plain data, filled by survey.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from ...engine.wire.packet import FIXED_OCTETS, TYPE_NAMES
from ..showing.decode import hardware_of_payload, options_of
from .limits import ADDRESSES_MAXIMUM

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = (
    f"DHCP{word}" for word in ["DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"]
)  # fmt: skip
BOOTREQUEST: Final = "BOOTREQUEST"
BOOTREPLY: Final = "BOOTREPLY"
# What a server never answers.
UNANSWERABLE: Final = frozenset({RELEASE, DECLINE})
_HOST_NAME, _REQUESTED, _TYPE, _IDENTIFIER, _FQDN = 12, 50, 53, 61, 81
_FQDN_NAME_AT: Final = 3
_FQDN_ENCODED: Final = 4
_ADDRESS_OCTETS: Final = 4


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


class Message(NamedTuple):
    """A client's message as far as a report looks at it; addresses are numbers, 0 for none."""

    name: str
    hardware: bytes
    xid: bytes
    ciaddr: int
    requested: int
    giaddr: int
    identifier: bytes
    host_name: bytes

    @property
    def key(self) -> bytes:
        """What tells the client: its hardware address, else its identifier."""
        return self.hardware or self.identifier


def key_of(payload: bytes) -> bytes:
    """`Message.key` of these octets, without reading more of them than that takes."""
    return hardware_of_payload(payload) or read_message(payload).identifier


def read_message(payload: bytes) -> Message:
    """The message that these octets are; names are those of decode.message_name."""
    if len(payload) < FIXED_OCTETS:
        return Message(f"{len(payload)} octets", b"", b"", 0, 0, 0, b"", b"")
    options = options_of(payload)
    kind = options.get(_TYPE, b"")
    name = TYPE_NAMES.get(kind[0], f"type {kind[0]}") if len(kind) == 1 else _operation(payload[0])
    requested = options.get(_REQUESTED, b"")
    return Message(
        name=name,
        hardware=hardware_of_payload(payload),
        xid=payload[4:8],
        ciaddr=int.from_bytes(payload[12:16], "big"),
        requested=int.from_bytes(requested, "big") if len(requested) == _ADDRESS_OCTETS else 0,
        giaddr=int.from_bytes(payload[24:28], "big"),
        identifier=options.get(_IDENTIFIER, b""),
        host_name=options.get(_HOST_NAME, b"").rstrip(b"\0") or _fqdn(options.get(_FQDN, b"")),
    )


def _operation(number: int) -> str:
    return {1: BOOTREQUEST, 2: BOOTREPLY}.get(number, f"op {number}")


def _fqdn(option: bytes) -> bytes:
    """The name in a client's FQDN option (RFC 4702), labels joined by dots where it is in wire format."""
    name = option[_FQDN_NAME_AT:]
    if not option or not option[0] & _FQDN_ENCODED:
        return name
    labels = []
    while name and name[0] and len(name) > name[0]:
        labels.append(name[1 : 1 + name[0]])
        name = name[1 + name[0] :]
    return b".".join(labels)


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
