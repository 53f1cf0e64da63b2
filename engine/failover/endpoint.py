"""One end of a failover relationship: what it knows, and how it speaks to the partner and to the machine.

Plain data (state, the partner's state, what is under way) with the sentences that need nothing else: STATE, requests,
signs of life. How the state changes is moving.py's; leases are outgoing.py's, incoming.py's and balancing.py's, and
connections connections.py's. `Site` is what an endpoint asks of the machine that it is part of: the machine is the one
implementation (relationships.py binds it). Everything asked for becomes an effect or a change of plain data.

The STATE message leaves when the record is on disk (`durable`), so that a partner never knows more than a restart
would. Nothing here waits or reads a clock.

Source: docs/behaviour/failover.md#endpoint-states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from ...trace.effects import ERROR, INFO
from .link import LINK_STARTUP_S, RETRY_S, contact_interval_s
from .messages import (
    STARTUP_FLAG,
    StateMessage,
    UpdateRequest,
    UpdateRequestAll,
    octets,
)
from .rules.ownership import Stand
from .rules.states import (
    RECOVER,
    STARTUP,
    UNKNOWN,
    Service,
    State,
    serving,
)
from .rules.updates import Updates

if TYPE_CHECKING:

    from ..lease.commit import Leases
    from ..lease.database import Database
    from ..model.configuration import Pool
    from ..model.peers import FailoverPeer
    from .link import Link
    from .messages import Message

SECOND_US: Final = 1_000_000
STARTUP_S: Final = LINK_STARTUP_S

# Where the partner has never said MCLT: its promises are waited for as long as if it were so long, which is what the
# draft recommends, and longer than what most sites have; and nobody is promised more than what is less than any.
LONGEST_MCLT_S: Final = 3600
SHORTEST_MCLT_S: Final = 30

# Alarms (site.py). Behind each, what its `detail` says.
RETRY: Final = "retry"  # nothing: call the partner again
LISTEN: Final = "listen"  # nothing: open the listener again
REST: Final = "rest"  # the stream: something of it waits, since it was too much at once
LINK: Final = "link"  # the stream: its handshake has taken too long
CONTACT: Final = "contact"  # nothing: the partner has heard nothing for long
SILENCE: Final = "silence"  # nothing: the partner has said nothing for long
ACKS: Final = "acks"  # nothing: acknowledge what was accepted
STARTING: Final = "starting"  # nothing: the partner has not come in time
PARTNER_DOWN: Final = "partner-down"  # nothing: auto-partner-down
WAIT: Final = "recover-wait"  # nothing: MCLT is over, or everything is to be asked for again
BALANCE: Final = "balance"  # the pool's index
RECORD: Final = "record"  # nothing: enter again the state that could not be recorded

# Messages that promise what the lease file holds.
_DURABLE: Final = frozenset({"StateMessage", "BindingUpdate", "BindingAck", "UpdateDone"})


class Site(Protocol):
    """What an endpoint asks of the machine that it is part of. Every method returns at once, and none waits.

    What is asked for shows as an effect of the event under way, or as an entry of the agenda; `stream` is a
    connection's number (trace/events.py).
    """

    @property
    def now(self) -> int:
        """Seconds since 1970."""

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""

    @property
    def database(self) -> Database:
        """All leases."""

    @property
    def leases(self) -> Leases:
        """Where leases change."""

    def log(self, level: int, text: str) -> None:
        """Log a line at a level of syslog."""

    def tell(self, subject: str, verdict: str, why: str) -> None:
        """A step of a decision (Reason "peer"), for who asks why."""

    def record(self, endpoint: Endpoint) -> None:
        """Append the endpoint's state record to the lease file."""

    def retime(self, endpoint: Endpoint) -> None:
        """Which leases end by themselves has changed: set the pools' moments anew."""

    # Streams and moments

    def call(self, endpoint: Endpoint) -> None:
        """Try to open a connection to the partner."""

    def listen(self, endpoint: Endpoint) -> None:
        """Accept connections at the endpoint's own address and port."""

    def send(self, stream: int, data: bytes, *, durable: bool) -> None:
        """Send; `durable`: not before what was stored up to now is on disk."""

    def drop(self, stream: int, why: str) -> None:
        """End a connection at once; `Endpoint.lost_link` is called for the link."""

    def alarm(self, endpoint: Endpoint, timer: str, detail: int, at_us: int) -> None:
        """Have `Endpoint.due` called at a moment, in the place of the one that was set for this timer and detail."""

    def no_alarm(self, endpoint: Endpoint, timer: str, detail: int) -> None:
        """Set no alarm, if one was."""

    def alarm_at(self, endpoint: Endpoint, timer: str, detail: int) -> int | None:
        """The moment of an alarm that is set, in microseconds since 1970."""

    def draw(self, limit: int) -> int:
        """A random number from 0 to `limit` - 1."""

    def pools(self, endpoint: Endpoint) -> tuple[Pool, ...]:
        """The pools of the relationship, in the order of the lease file."""


class Unsure(NamedTuple):
    """The state before a change whose record may not be on disk: what `Endpoint` had, and when it was left."""

    state: State
    saved: State
    since: int
    needs_all: bool
    left_us: int


class Endpoint:
    """One server's end of one relationship: plain data, and the sentences to the partner that need nothing else.

    Times in seconds since 1970 where no unit is named.

    `saved` is the state behind STARTUP. `since` and `partner_since` tell when the two states began, as far as this
    server knows. `mclt` and `hba` are the primary's, None for an HBA that was never heard. `needs_all`: what this
    server knows is not complete until the partner has told everything; `asked_here`: that was asked for on this link;
    `lacking`: something that was told since lacked what is needed to know it. `forgetful`: the partner came back
    without what it knew, and is being told. `doubtful`: the disk has refused something, and may lack records of leases
    that have not changed since.
    `busy_us`: how much the partner has asked for of late (rules/patience.py).
    `why`: what led to the state, in words for an operator. `skew_s`: how far the partner's clock was ahead at its last
    message, None before there was one. `unsure` are the states of the last moments, the oldest first: where to go
    back to when the disk refuses the record of a change; `wanted` is the state that is to be entered again then.
    """

    __slots__ = (
        "needs_all", "asked_here", "balance_at", "balanced_at", "busy_us", "calling", "doubtful", "forgetful", "hba",
        "lacking", "link", "mclt", "partner_delay_s",
        "partner_since", "partner_state", "partner_unacked", "saved", "serving", "settings", "since", "site", "skew_s",
        "state", "unsure", "updates", "wanted", "why",
    )  # fmt: skip

    def __init__(self, settings: FailoverPeer, site: Site) -> None:
        """An endpoint without a record: it must recover."""
        self.settings = settings
        self.site = site
        self.state = self.saved = RECOVER
        self.since = self.partner_since = site.now
        self.partner_state = UNKNOWN
        self.mclt = settings.mclt
        self.hba = settings.hash_buckets
        self.partner_unacked = 0
        self.partner_delay_s = 0
        self.skew_s: int | None = None
        self.link: Link | None = None
        self.calling = 0
        self.updates = Updates()
        self.unsure: list[Unsure] = []
        self.wanted: State | None = None
        self.needs_all = True
        self.asked_here = self.lacking = self.forgetful = self.doubtful = False
        self.balanced_at = self.busy_us = 0
        # Pool.index -> when its balance is looked at next.
        self.balance_at: dict[int, int] = {}
        self.serving = serving(self.state, self.partner_state)
        self.why = "no record of the relationship in the lease file"

    @property
    def name(self) -> str:
        """The relationship's name."""
        return self.settings.name

    @property
    def primary(self) -> bool:
        """Whether this is the primary."""
        return self.settings.primary

    @property
    def recorded_state(self) -> State:
        """The state that the lease file is to say, and the partner is told: not STARTUP, but the one behind it."""
        return self.saved if self.state is STARTUP else self.state

    @property
    def partners_lead_s(self) -> int:
        """MCLT, for which the partner's promises are waited for: one that has lost its record may not know it."""
        return self.mclt or LONGEST_MCLT_S

    @property
    def own_lead_s(self) -> int:
        """MCLT, as far as this server may promise."""
        return self.mclt or SHORTEST_MCLT_S

    def stand(self) -> Stand:
        """What questions of ownership hang on."""
        return Stand(self.site.now, self.primary, self.state, self.since, self.serving.service, self.partners_lead_s)

    def log(self, level: int, text: str) -> None:
        """A line about this relationship."""
        self.site.log(level, text)

    def tell(self, verdict: str, why: str) -> None:
        """What became of the relationship at this event, and why, for who asks."""
        self.site.tell(self.name, verdict, why)

    # Beginning

    def take_record(
        self, state: State, since: int, partner_state: State, partner_since: int, mclt: int | None, *, needs_all: bool
    ) -> None:
        """What the lease file says of the relationship."""
        self.state = self.saved = state
        self.needs_all = needs_all
        self.since = since
        self.partner_state = partner_state
        self.partner_since = partner_since
        if mclt is not None and not self.primary:
            self.mclt = mclt
        self.why = "the record in the lease file"

    def alarm(self, timer: str, seconds: int) -> None:
        """Have something done so many seconds from now."""
        self.site.alarm(self, timer, 0, self.site.now_us + seconds * SECOND_US)

    # The link

    def linked(self, link: Link) -> None:
        """The handshake is over: this is the link."""
        assert self.link is None, "one link at a time"
        link.greeted = True
        self.link = link
        self.asked_here = False
        self.tell("linked", f"the handshake on connection {link.stream} is over")
        self.site.no_alarm(self, LINK, link.stream)

    def begin_timers(self) -> None:
        """The link is to be kept alive from now on, and its silence noticed."""
        self.alarm(CONTACT, self.contact_s())
        self.alarm(SILENCE, self.settings.max_response_delay)

    def contact_s(self) -> int:
        """How often the partner wants to hear something."""
        return contact_interval_s(self.partner_delay_s, self.settings.max_response_delay)

    def retry(self) -> None:
        """Call the partner soon, unless there is a link by then."""
        self.alarm(RETRY, RETRY_S)

    # Sending

    def send(self, message: Message, *, durable: bool = True) -> None:
        """Send a message over the link, which there must be.

        One that promises what the lease file holds waits for the disk, unless `durable` is False: what it promises is
        known to be there.
        """
        link = self.link
        assert link is not None
        link.sent_us = self.site.now_us
        self.site.send(link.stream, octets(message), durable=durable and type(message).__name__ in _DURABLE)

    def send_state(self) -> None:
        """Announce the state."""
        assert self.link is not None
        flags = STARTUP_FLAG if self.serving.service is Service.STARTUP else 0
        self.send(StateMessage(self.site.now, self.link.xid(), int(self.recorded_state), flags, self.since))

    def request_updates(self) -> None:
        """Ask for what this server has not acknowledged, or for everything where only that will do."""
        if self.needs_all:
            self.request_everything()
        elif self.link is not None:
            self.send(UpdateRequest(self.site.now, self.link.xid()))
            self.log(INFO, f"Sent update request message to {self.name}")
        else:
            self._request_failed()

    def request_everything(self) -> None:
        """Ask for everything."""
        if self.link is None:
            self._request_failed()
            return
        self.send(UpdateRequestAll(self.site.now, self.link.xid()))
        self.asked_here, self.lacking = True, False
        self.log(INFO, f"Sent update request all message to {self.name}")

    def _request_failed(self) -> None:
        self.log(ERROR, f"Failed to send update request all message to {self.name}: not connected")

    # Snapshots

    def plain(self) -> dict[str, Any]:
        """The state, as plain data; the link is told by its stream."""
        return {
            "state": int(self.state),
            "saved": int(self.saved),
            "since": self.since,
            "partner_state": int(self.partner_state),
            "partner_since": self.partner_since,
            "mclt": self.mclt,
            "hba": self.hba,
            "partner_unacked": self.partner_unacked,
            "partner_delay_s": self.partner_delay_s,
            "calling": self.calling,
            "updates": self.updates.plain(),
            "needs_all": self.needs_all,
            "asked_here": self.asked_here,
            "lacking": self.lacking,
            "forgetful": self.forgetful,
            "doubtful": self.doubtful,
            "balanced_at": self.balanced_at,
            "balance_at": list(self.balance_at.items()),
            "why": self.why,
            "skew_s": self.skew_s,
            "unsure": [[int(value) for value in one] for one in self.unsure],
            "wanted": None if self.wanted is None else int(self.wanted),
            # Also where it is over: a clock that is set back makes it count again.
            "busy_us": self.busy_us,
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take over what `plain` gave."""
        self.state, self.saved = State(data["state"]), State(data["saved"])
        self.partner_state = State(data["partner_state"])
        for name in ("since", "partner_since", "mclt", "hba", "partner_unacked", "partner_delay_s", "calling",
                     "needs_all", "asked_here", "lacking", "forgetful", "doubtful", "balanced_at", "why",
                     "skew_s"):  # fmt: skip
            setattr(self, name, data[name])
        self.busy_us = data.get("busy_us", 0)
        self.updates.restore(data["updates"])
        self.unsure = [
            Unsure(State(state), State(saved), since, bool(needs_all), left_us)
            for state, saved, since, needs_all, left_us in data["unsure"]
        ]
        self.wanted = None if data["wanted"] is None else State(data["wanted"])
        self.balance_at = dict(data["balance_at"])
        self.serving = serving(self.state, self.partner_state)
