"""A client as RFC 2131 (section 4.4, figure 5) has it, so that another server's answers reach a client that obeys them.

A recording holds what a client said to the server that recorded it. Said to another server, half of it makes no sense:
a REQUEST for an address that was not offered, a renewal of a lease that was not granted. So each client is followed
twice, by the same table: its recorded binding moves with what it said and heard in the recording, its new binding
with what it says and hears now. Where the two are equal it says exactly what it said. Where they differ, the table
ADAPTERS says what becomes of each message: the addresses are exchanged for those of the new binding, a client that has
nothing to ask for starts over with a DISCOVER, and what it would not say at all is withheld.

What the model cannot know it does not guess: whether another client would have been heard that the recording does not
hold, and how long a client waits. A client is taken to be there as long as its recorded lease lasts, so that it renews
a lease that is shorter now at the half of its time, as the RFC has it.

No I/O, no clock: times are microseconds that the caller gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from ...engine.wire.codes import LEASE_TIME, REBINDING_TIME, RENEWAL_TIME
from ...engine.wire.packet import (
    ACK,
    DECLINE,
    DISCOVER,
    INFORM,
    NAK,
    OFFER,
    RELEASE,
    REQUEST,
)
from ..showing.decode import options_of
from .packets import (
    MESSAGE_TYPE,
    SERVER,
    Message,
    discover_from,
    read,
    readdressed,
    rebinding_from,
    renewal_from,
    request_from,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...trace.events import Packet

_SECOND_US: Final = 1_000_000
_INFINITE_S: Final = 0xFFFFFFFF
_AGAIN_AFTER_US: Final = 60 * _SECOND_US
_FOUR: Final = 4
_YIADDR: Final = slice(16, 20)


class State(Enum):
    """The states of RFC 2131; INIT-REBOOT is left at once for REBOOTING and needs no place of its own."""

    INIT = auto()
    SELECTING = auto()
    REQUESTING = auto()
    REBOOTING = auto()
    BOUND = auto()
    RENEWING = auto()
    REBINDING = auto()


class Input(Enum):
    """What moves a client: what it says, what it hears, and the end of its lease."""

    DISCOVERS = auto()
    SELECTS = auto()
    REBOOTS = auto()
    RENEWS = auto()
    REBINDS = auto()
    RELEASES = auto()
    DECLINES = auto()
    ACKED = auto()
    NAKED = auto()
    EXPIRES = auto()


# A client may be switched off and on, give back or refuse at any time: these hold in every state.
ALWAYS: Final[dict[Input, State]] = {
    Input.DISCOVERS: State.SELECTING,
    Input.REBOOTS: State.REBOOTING,
    Input.RELEASES: State.INIT,
    Input.DECLINES: State.INIT,
    Input.EXPIRES: State.INIT,
}

# The rest; what is not here changes nothing (an ACK that nobody waits for is thrown away, RFC 2131 section 4.4.1).
TRANSITIONS: Final[dict[tuple[State, Input], State]] = {
    (State.INIT, Input.RENEWS): State.RENEWING,  # a client that was there before the recording
    (State.INIT, Input.REBINDS): State.REBINDING,
    (State.INIT, Input.SELECTS): State.REQUESTING,
    (State.SELECTING, Input.SELECTS): State.REQUESTING,
    (State.SELECTING, Input.RENEWS): State.RENEWING,
    (State.SELECTING, Input.REBINDS): State.REBINDING,
    (State.REQUESTING, Input.ACKED): State.BOUND,
    (State.REQUESTING, Input.NAKED): State.INIT,
    (State.REBOOTING, Input.ACKED): State.BOUND,
    (State.REBOOTING, Input.NAKED): State.INIT,
    (State.REBOOTING, Input.SELECTS): State.REQUESTING,
    (State.BOUND, Input.SELECTS): State.REQUESTING,
    (State.BOUND, Input.RENEWS): State.RENEWING,
    (State.BOUND, Input.REBINDS): State.REBINDING,
    (State.RENEWING, Input.REBINDS): State.REBINDING,
    (State.RENEWING, Input.ACKED): State.BOUND,
    (State.RENEWING, Input.NAKED): State.INIT,
    (State.REBINDING, Input.RENEWS): State.RENEWING,
    (State.REBINDING, Input.ACKED): State.BOUND,
    (State.REBINDING, Input.NAKED): State.INIT,
}
# In these a client has an address that it may use.
HOLDING: Final = frozenset({State.BOUND, State.RENEWING, State.REBINDING})


class Reply(NamedTuple):
    """What a server's message says to a client; times in seconds, 0 for none."""

    kind: int
    address: int
    server: int
    lease_s: int
    renew_s: int
    rebind_s: int


@lru_cache(2)  # most answers are those of the recording, and are asked about once for each side
def reply_of(payload: bytes) -> Reply:
    """Read a reply that this server made."""
    options = options_of(payload)

    def number(code: int) -> int:
        value = options.get(code, b"")
        return int.from_bytes(value, "big") if len(value) == _FOUR else 0

    kind = options.get(MESSAGE_TYPE, b"\0")
    lease_s = number(LEASE_TIME)
    return Reply(
        kind=kind[0] if kind else 0,
        address=int.from_bytes(payload[_YIADDR], "big"),
        server=number(SERVER),
        lease_s=lease_s,
        renew_s=number(RENEWAL_TIME) or lease_s // 2,
        rebind_s=number(REBINDING_TIME) or lease_s * 7 // 8,
    )


@dataclass(slots=True)
class Binding:
    """What a client has of one server, and its state there.

    `address` is held in the states HOLDING, else remembered; `offered` waits to be taken. Addresses are numbers, 0
    for none; times microseconds since 1970, 0 for never. `granted`: the beginning of the lease was seen.
    """

    state: State = State.INIT
    address: int = 0
    server: int = 0
    offered: int = 0
    offered_by: int = 0
    renew_us: int = 0
    rebind_us: int = 0
    ends_us: int = 0
    granted: bool = False

    def step(self, what: Input) -> bool:
        """Move by the table; False where that changes nothing."""
        state = ALWAYS.get(what) or TRANSITIONS.get((self.state, what))
        if state is None:
            return False
        self.state = state
        if what in (Input.DISCOVERS, Input.NAKED):
            self.offered = self.offered_by = 0
        return True

    def hear(self, reply: Reply, now_us: int) -> None:
        """Take in a reply."""
        if reply.kind == OFFER and self.state is State.SELECTING:
            self.offered, self.offered_by = reply.address, reply.server
        elif reply.kind == NAK:
            self.step(Input.NAKED)
        elif reply.kind == ACK and reply.lease_s and self.step(Input.ACKED):
            self._bind(reply, now_us)

    def _bind(self, reply: Reply, now_us: int) -> None:
        self.address, self.server, self.granted = reply.address, reply.server, True
        self.renew_us = self.rebind_us = self.ends_us = 0
        if reply.lease_s != _INFINITE_S:
            self.renew_us = now_us + reply.renew_s * _SECOND_US
            self.rebind_us = now_us + reply.rebind_s * _SECOND_US
            self.ends_us = now_us + reply.lease_s * _SECOND_US

    def pass_time(self, now_us: int) -> None:
        """A lease that is over is not held."""
        if self.ends_us and self.ends_us <= now_us and self.state in HOLDING:
            self.step(Input.EXPIRES)

    @property
    def held(self) -> int:
        """The address that the client may use, 0 for none."""
        return self.address if self.state in HOLDING else 0


def input_of(message: Message, now_us: int, binding: Binding) -> Input | None:
    """What a client's message means (RFC 2131, table 4); None for what moves nobody."""
    if message.kind != REQUEST:
        return _SAYINGS.get(message.kind)
    if message.server:
        return Input.SELECTS
    if not message.ciaddr:
        return Input.REBOOTS
    broadcast = message.giaddr or 0 < binding.rebind_us <= now_us
    return Input.REBINDS if broadcast else Input.RENEWS


_SAYINGS: Final[dict[int, Input]] = {
    DISCOVER: Input.DISCOVERS,
    RELEASE: Input.RELEASES,
    DECLINE: Input.DECLINES,
}


class Adapted(NamedTuple):
    """What becomes of a message: `packet` is said now, None where it is withheld; `why` where it is not as it was."""

    packet: Packet | None
    why: str = ""


@dataclass(slots=True, eq=False)
class Client:
    """One client with both its bindings.

    `pattern` is its last message by the way (relay and all) that the messages of a client without an address come.
    `starting_over`: takes an offer at once, since the recorded client is further. `planned`:
    it is on the agenda of who drives it.
    """

    name: str
    met: bool = False
    pattern: Packet | None = None
    recorded: Binding = field(default_factory=Binding)
    new: Binding = field(default_factory=Binding)
    starting_over: bool = False
    planned: bool = False
    xid: bytes = b""

    def meet(self, message: Message) -> None:
        """The first message tells what the client had before the recording began."""
        self.met = True
        had = message.ciaddr or (message.requested if message.kind == REQUEST and not message.server else 0)
        self.recorded.address = self.new.address = had
        if message.ciaddr:
            self.recorded.state = self.new.state = State.BOUND

    def adapt(self, packet: Packet, message: Message) -> Adapted:
        """What the client says now, in place of what it said; both bindings move."""
        now_us = packet.wall_us
        if not self.met:
            self.meet(message)
        self.recorded.pass_time(now_us)
        self.new.pass_time(now_us)
        self.xid = message.xid
        if message.kind in (DISCOVER, REQUEST) and (message.giaddr or not message.ciaddr):
            self.pattern = packet
        adapted = self._adapted(packet, message)
        said = input_of(message, now_us, self.recorded)
        if said is not None:
            self.recorded.step(said)
        return adapted

    def _adapted(self, packet: Packet, message: Message) -> Adapted:
        adapter = ADAPTERS.get(message.kind)
        alike = self.recorded == self.new
        if not alike and adapter is not None:
            return adapter(self, packet, message)
        self.starting_over = False
        self._say(packet)
        return Adapted(packet)

    def _say(self, packet: Packet) -> None:
        """The new binding moves with what is said."""
        from_packet = _read_own(packet)
        said = input_of(from_packet, packet.wall_us, self.new)
        if said is not None:
            self.new.step(said)

    def _said(self, packet: Packet, why: str) -> Adapted:
        self._say(packet)
        return Adapted(packet, why)

    # The adapters: one a message type, for a client whose bindings differ

    def _discover(self, packet: Packet, message: Message) -> Adapted:
        """The address that it would like to have again is the one that it has had."""
        self.starting_over = False
        if message.requested and message.requested == self.recorded.address != self.new.address:
            return self._said(readdressed(packet, requested=self.new.address), "asks for its own address")
        return self._said(packet, "")

    def _request(self, packet: Packet, message: Message) -> Adapted:
        if message.server:
            return self._select(packet, message)
        self.starting_over = False
        if message.ciaddr:
            return self._renew(packet, message)
        if not message.requested or message.requested != self.recorded.address:
            return self._said(packet, "")
        if not self.new.address:
            return self._start_over(packet)
        return self._said(readdressed(packet, requested=self.new.address), "asks for its own address")

    def _select(self, packet: Packet, message: Message) -> Adapted:
        recorded, new = self.recorded, self.new
        if recorded.offered_by and message.server != recorded.offered_by:
            return self._said(packet, "")  # it has chosen another server
        if new.offered:
            requested = new.offered if message.requested else None
            taken = readdressed(packet, requested=requested, server=new.offered_by)
            return self._said(taken, "" if taken == packet else "takes the offer that it has now")
        if new.state is State.SELECTING:
            self.starting_over = True
            return Adapted(None, "it has no offer to take yet")
        if new.held:
            kept = readdressed(packet, requested=new.address if message.requested else None, server=new.server)
            return self._said(kept, "" if kept == packet else "asks for its own address")
        return self._start_over(packet)

    def _renew(self, packet: Packet, message: Message) -> Adapted:
        if message.ciaddr != self.recorded.address:
            return self._said(packet, "")
        if not self.new.held:
            return self._start_over(packet)
        renewed = readdressed(packet, ciaddr=self.new.address)
        return self._said(renewed, "" if renewed == packet else "renews its own address")

    def _start_over(self, packet: Packet) -> Adapted:
        """A client without a lease asks for one, by the way that it last came."""
        if self.pattern is None:
            return Adapted(None, "it has no lease, and the recording does not show by which relay it would ask for one")
        self.starting_over = True
        asking = discover_from(self.pattern, self.xid)._replace(wall_us=packet.wall_us, mono_us=packet.mono_us)
        return self._said(asking, "has no lease: starts over")

    def _release(self, packet: Packet, message: Message) -> Adapted:
        if message.ciaddr != self.recorded.address:
            return self._said(packet, "")
        if not self.new.held:
            self.starting_over = False  # it leaves, and waits for no offer
            return Adapted(None, "it has no lease to release")
        released = readdressed(packet, ciaddr=self.new.address, server=self.new.server)
        return self._said(released, "" if released == packet else "releases its own address")

    def _decline(self, packet: Packet, message: Message) -> Adapted:
        """Who has the address that the client found in use is not the client's doing: another one is not in use."""
        if message.requested == self.recorded.address and self.new.address != message.requested:
            return Adapted(None, "the address that was found in use is not the one that it has now")
        return self._said(readdressed(packet, server=self.new.server or None), "")

    def _inform(self, packet: Packet, message: Message) -> Adapted:
        if not message.ciaddr or message.ciaddr != self.recorded.address:
            return self._said(packet, "")
        if not self.new.held:
            return Adapted(None, "it has no address to ask with")
        asked = readdressed(packet, ciaddr=self.new.address)
        return self._said(asked, "" if asked == packet else "asks from its own address")

    # What it hears, and what it says of its own accord

    def hear_recorded(self, reply: Reply, now_us: int) -> None:
        """A reply of the recording; the first tells about how long a lease from before it lasts."""
        self.recorded.hear(reply, now_us)
        new = self.new
        if self.recorded.ends_us and new.held and not new.granted:
            new.ends_us = self.recorded.ends_us - (self.recorded.renew_us - now_us)
            new.granted = True

    def hear_new(self, reply: Reply, now_us: int) -> Packet | None:
        """A reply of the new server; what the client says to it at once, if it has started over."""
        self.new.hear(reply, now_us)
        if reply.kind != OFFER or not self.starting_over:
            return None
        self.starting_over = False
        return self.take_offer(now_us)

    def take_offer(self, now_us: int) -> Packet | None:
        """The REQUEST for an offer that the recorded client did not have; None where there is nothing to take."""
        new = self.new
        if self.pattern is None or new.state is not State.SELECTING or not new.offered:
            return None
        packet = request_from(self.pattern, self.xid, new.offered, new.offered_by)
        packet = packet._replace(wall_us=now_us)
        self._say(packet)
        return packet

    def renew_early(self, now_us: int) -> Packet | None:
        """The renewal of a lease that is shorter than the recorded one, while that one lasts; None for none."""
        new = self.new
        new.pass_time(now_us)
        if self.pattern is None or not new.held or not self.must_renew or now_us >= self.recorded.ends_us:
            return None
        asking = rebinding_from if 0 < new.rebind_us <= now_us else renewal_from
        packet = asking(self.pattern, new.address)._replace(wall_us=now_us)
        self._say(packet)
        return packet

    @property
    def must_renew(self) -> bool:
        """Whether the new lease ends before the recorded one, so that the recorded renewals may come too late."""
        return bool(self.new.ends_us and self.recorded.held and self.new.ends_us < self.recorded.ends_us)

    def next_renewal_us(self, now_us: int) -> int:
        """When it asks again (RFC 2131 section 4.4.5).

        At T1, then after half of what is left until T2, but at least a minute; at T2, of everybody; then after half of
        what is left of the lease, but at least a minute.
        """
        new = self.new
        if now_us < new.renew_us:
            return new.renew_us
        if now_us < new.rebind_us:
            return min(new.rebind_us, now_us + max(_AGAIN_AFTER_US, (new.rebind_us - now_us) // 2))
        return now_us + max(_AGAIN_AFTER_US, (new.ends_us - now_us) // 2)

    @property
    def is_offered_more(self) -> bool:
        """Whether it has an offer now, and none in the recording."""
        return self.new.state is State.SELECTING and bool(self.new.offered) and not self.recorded.offered


def _read_own(packet: Packet) -> Message:
    from_packet = read(packet.payload)
    assert from_packet is not None, "a client's message stays one"
    return from_packet


ADAPTERS: Final[dict[int, Callable[[Client, Packet, Message], Adapted]]] = {
    DISCOVER: Client._discover,
    REQUEST: Client._request,
    RELEASE: Client._release,
    DECLINE: Client._decline,
    INFORM: Client._inform,
}
