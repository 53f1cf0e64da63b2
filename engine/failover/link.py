"""One TCP connection to the partner: how it begins, the numbers of its messages, and when it counts as dead.

Both servers call each other, and whichever connection stands first is used. On it the primary always speaks first
(CONNECT), and the secondary answers (CONNECTACK); from then on the connection is *the link* of the relationship, and
no other is taken. The checks of both messages are functions here that return a Refusal or None, in ISC's order. What
is done about a refusal is endpoint.py's; nothing here sends.

Each side numbers its own messages on each connection from 0; an answer repeats the number of what it answers. A
BNDUPD is never number 0, since that means "none" on a lease. The silence of the partner is measured against what this
server announced, on everything that it receives; the interval of CONTACT is a third of what the *partner* announced,
on everything that this server sends.

Where this differs from ISC: a partner that announces a timer below three seconds, or one that is negative to ISC, is
contacted once a second, and not without a pause (docs/differences.md).

Source: docs/behaviour/failover.md#connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .rules.binding import Reason, Refusal
from .rules.sharing import HBA_OCTETS
from .wire import Splitter

if TYPE_CHECKING:
    from .messages import Connect, ConnectAck

# Clocks further apart than this cannot be a pair's.
TIME_OFFSET_MAX_S: Final = 60
# A connection on which no CONNECT or CONNECTACK comes in this time is given up.
LINK_STARTUP_S: Final = 15
# After a connection was refused or lost, or a listener could not be opened.
RETRY_S: Final = 5
RETRY_LISTEN_S: Final = 90
CONTACTS_A_TIMER: Final = 3
_CONTACT_S_MIN: Final = 1
_CONTACT_S_MAX: Final = 1 << 30
# As much of a stranger's name is repeated to him.
NAME_OCTETS_MAX: Final = 255

ALREADY_CONNECTED: Final = Refusal(Reason.DUPLICATE_CONNECTION, "already connected")
NO_MCLT: Final = Refusal(Reason.INVALID_MCLT, "no MCLT provided")
_NO_NAME: Final = Refusal(Reason.INVALID_PARTNER, "missing relationship-name")
_UNKNOWN_NAME: Final = Refusal(Reason.INVALID_PARTNER, "unknown failover relationship name")
_TIME_OFFSET: Final = Refusal(Reason.TIME_MISMATCH, "time offset too large")
_INVALID_HBA: Final = Refusal(Reason.HBA_CONFLICT, "invalid HBA")


class LinkRow(NamedTuple):
    """A connection as a snapshot has it: the fields of Link; `held`: what has come of a message that is not whole."""

    stream: int
    endpoint: str
    called: bool
    greeted: bool
    announced: bool
    conflicts: int
    next_xid: int
    heard_us: int
    sent_us: int
    held: bytes


class Link:
    """A connection. `stream` numbers it (trace/events.py), `endpoint` names the relationship that it belongs to.

    `called`: this server opened it. `greeted`: its handshake is over, so that it is the link. `announced`: the partner
    has said on it what state it is in. `conflicts`: how often a partner's conflict has ended this server's recovery
    on it. Times in microseconds.
    """

    __slots__ = (
        "announced", "called", "conflicts", "endpoint", "greeted", "heard_us", "next_xid", "sent_us", "splitter",
        "stream",
    )  # fmt: skip

    def __init__(self, stream: int, endpoint: str, now_us: int, *, called: bool) -> None:
        self.stream = stream
        self.endpoint = endpoint
        self.called = called
        self.greeted = self.announced = False
        self.conflicts = 0
        self.next_xid = 0
        self.heard_us = now_us
        self.sent_us = now_us
        self.splitter = Splitter()

    def xid(self) -> int:
        """The number of the next message of ours."""
        number = self.next_xid
        self.next_xid = number + 1 & 0xFFFFFFFF
        return number

    def update_xid(self) -> int:
        """The number of the next BNDUPD of ours, which is never 0."""
        self.next_xid = self.next_xid or 1
        return self.xid()

    def plain(self) -> LinkRow:
        """Everything, as plain data."""
        return LinkRow(self.stream, self.endpoint, self.called, self.greeted, self.announced, self.conflicts,
                       self.next_xid, self.heard_us, self.sent_us, self.splitter.rest)  # fmt: skip

    @classmethod
    def restored(cls, row: LinkRow) -> Link:
        """The connection of `plain`."""
        made = cls(row.stream, row.endpoint, row.heard_us, called=row.called)
        made.greeted, made.announced, made.conflicts = row.greeted, row.announced, row.conflicts
        made.next_xid, made.sent_us = row.next_xid, row.sent_us
        made.splitter = Splitter(row.held)
        return made


def contact_interval_s(receive_timer: int, own_delay_s: int) -> int:
    """How often a partner wants to hear something that announced `receive_timer` (0: nothing, as in `own_delay_s`)."""
    interval = (receive_timer or own_delay_s) // CONTACTS_A_TIMER
    return min(max(interval, _CONTACT_S_MIN), _CONTACT_S_MAX)


def connect_refused(message: Connect, now: int, *, known: bool) -> Refusal | None:
    """Why a CONNECT is refused, as far as this is delivered. `known`: there is a relationship of its name."""
    if message.name is None:
        return _NO_NAME
    if not known:
        return _UNKNOWN_NAME
    if abs(message.time - now) > TIME_OFFSET_MAX_S:
        return _TIME_OFFSET
    if message.hba is None or len(message.hba) != HBA_OCTETS:
        return _INVALID_HBA
    return None


def connect_ack_refused(message: ConnectAck, now: int, name: bytes, *, linked: bool) -> Refusal | None:
    """Why a CONNECTACK without a refusal of its own is not taken. `linked`: there is a link already."""
    if message.name is None:
        return _NO_NAME
    if message.name != name:
        theirs = printable(message.name[:NAME_OCTETS_MAX])
        return Refusal(
            Reason.INVALID_PARTNER, f"remote failover relationship name {theirs} does not match"
        )
    if linked:
        return ALREADY_CONNECTED
    if abs(message.time - now) > TIME_OFFSET_MAX_S:
        return _TIME_OFFSET
    return None


def printable(octets: bytes) -> str:
    """A stranger's text, up to a NUL, for a log line: what is not printable ASCII goes as its octal number."""
    text = octets.split(b"\0", 1)[0]
    return "".join(chr(octet) if 32 <= octet < 127 else f"\\{octet:03o}" for octet in text)  # noqa: PLR2004 - ASCII
