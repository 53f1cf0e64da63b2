"""A failover partner for another configuration's server: it says what the recorded one said, and acknowledges all.

What a partner says of its own (its states, its leases, its requests, signs of life) is said again at its recorded
moment. What it answers cannot be: another server asks other things. So every binding update of the new server is
acknowledged, when the recorded partner acknowledged that address, or some seconds later; an update request is answered
once, in the same way; who asks for addresses is given none. It is there while the recorded one was: from the
handshake on, until that connection ended. What this partner takes or gives in leases is not modelled: how the pair
would share addresses that it did not share in the recording, this cannot tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ...engine.failover import messages as msg
from ...engine.failover.wire import ProtocolError, Splitter
from ...trace import effects as fx
from ...trace import events as ev

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...engine.failover.endpoint import Endpoint
    from ...engine.failover.relationships import Relationships
    from ...engine.machine import Machine
    from ...trace.effects import Effect
    from ...trace.events import Event

SERVICE: Final = "failover"
# The recorded partner acknowledges within two seconds or so; one that was never asked does after these.
ACKNOWLEDGES_AFTER_US: Final = 5_000_000
_SECOND_US: Final = 1_000_000
# Numbers of connections that no recording has: a recorded run does not accept so many.
_FIRST_STREAM: Final = 1 << 30
_EPHEMERAL_PORT: Final = 49_152
# What is said again as it was; the rest is an answer.
_OWN: Final = (
    msg.StateMessage, msg.Contact, msg.BindingUpdate, msg.PoolRequest, msg.UpdateRequest, msg.UpdateRequestAll
)  # fmt: skip


class Pending(NamedTuple):
    """An update of the new server that is to be acknowledged: its xid, and when at the latest."""

    xid: int
    due_us: int


class ModelPartner:
    """The failover partner of one recording, for one new server: what it says, as events of stream connections.

    `played` counts the connections that the model had to the new server. Times are microseconds, as an event's.
    """

    def __init__(self) -> None:
        """Nobody was heard yet."""
        self.played = 0
        self._heard: dict[int, Splitter] = {}
        # The recorded connection that is the link, and the model's own to the new server; 0 for none.
        self._recorded = self._stream = 0
        self._said: Splitter = Splitter()
        self._pending: dict[int, Pending] = {}
        self._asked: Pending | None = None
        self._xid = 0

    @property
    def due_us(self) -> int | None:
        """When something is to be acknowledged that no recorded acknowledgement was for."""
        waiting = [one.due_us for one in self._pending.values()]
        waiting += [self._asked.due_us] if self._asked is not None else []
        return min(waiting, default=None) if self._stream else None

    # What the recording has

    def recorded(self, event: Event, machine: Machine) -> list[Event]:
        """What the new server is told for a recorded event of a stream; streams of others are none of the model's."""
        if isinstance(event, ev.StreamOpened) and event.service == SERVICE:
            self._heard[event.stream] = Splitter()
        elif isinstance(event, ev.StreamData) and event.stream in self._heard:
            return list(self._data(event, machine))
        elif isinstance(event, ev.StreamClosed | ev.StreamHalfClosed) and event.stream in self._heard:
            del self._heard[event.stream]
            return self._gone(event.stream, event.wall_us, event.mono_us)
        return []

    def knows(self, stream: int) -> bool:
        """Whether a recorded stream is a partner's."""
        return stream in self._heard

    def _gone(self, stream: int, wall_us: int, mono_us: int) -> list[Event]:
        if stream != self._recorded:
            return []
        own, self._recorded, self._stream = self._stream, 0, 0
        return [ev.StreamClosed(wall_us, mono_us, own, "")] if own else []

    def _data(self, event: ev.StreamData, machine: Machine) -> Iterator[Event]:
        said: list[msg.Message] = []
        try:
            for frame in self._heard[event.stream].feed(event.data):
                found = msg.message_of(frame)
                if isinstance(found, msg.Connect | msg.ConnectAck) and getattr(found, "reject", None) is None:
                    yield from self._connect(event, found, machine)
                elif found is not None and event.stream == self._recorded:
                    said += self._again(found)
        except ProtocolError:
            return
        if said and self._stream:
            yield ev.StreamData(event.wall_us, event.mono_us, self._stream, b"".join(map(msg.octets, said)))

    def _connect(
        self, event: ev.StreamData, greeting: msg.Connect | msg.ConnectAck, machine: Machine
    ) -> Iterator[Event]:
        """The recorded handshake: the model calls the new server, where it has the relationship and takes calls."""
        endpoint = _endpoint(machine.failover, greeting.name or b"")
        if self._recorded or endpoint is None or not machine.serving:
            return
        settings = endpoint.settings
        assert machine.failover is not None, "it has the relationship"
        own, other = (machine.failover.connections.address_of(one) for one in (settings.address, settings.peer_address))
        if own is None or other is None:
            return
        self._recorded = event.stream
        self._stream = _FIRST_STREAM + 2 * self.played
        self.played += 1
        self._said, self._pending, self._asked, self._xid = Splitter(), {}, None, 1
        yield ev.StreamOpened(
            event.wall_us, event.mono_us, self._stream, SERVICE, own, settings.port, other, _EPHEMERAL_PORT
        )
        first = _first_words(greeting, primary=endpoint.primary)
        yield ev.StreamData(event.wall_us, event.mono_us, self._stream, msg.octets(first))

    def _again(self, said: msg.Message) -> list[msg.Message]:
        """What the model says when the recorded partner said something."""
        if isinstance(said, _OWN):
            self._xid += 1
            return [said._replace(xid=self._xid)]
        if isinstance(said, msg.BindingAck) and said.address in self._pending:
            return [msg.BindingAck(said.time, self._pending.pop(said.address).xid, said.address)]
        if isinstance(said, msg.UpdateDone) and self._asked is not None:
            asked, self._asked = self._asked, None
            return [msg.UpdateDone(said.time, asked.xid)]
        return []

    # What the new server does

    def hear(self, effects: Iterable[Effect], wall_us: int, mono_us: int) -> list[Event]:
        """Take in what the new server says and closes; what is answered at once."""
        answers: list[msg.Message] = []
        for effect in effects:
            if isinstance(effect, fx.StreamSend) and effect.stream == self._stream:
                for frame in self._said.feed(effect.data):
                    answers += self._answer(msg.message_of(frame), wall_us)
            elif isinstance(effect, fx.StreamClose) and effect.stream == self._stream and self._stream:
                own, self._stream = self._stream, 0
                return [ev.StreamClosed(wall_us, mono_us, own, "")]
        if not answers:
            return []
        return [ev.StreamData(wall_us, mono_us, self._stream, b"".join(map(msg.octets, answers)))]

    def _answer(self, said: msg.Message | None, wall_us: int) -> list[msg.Message]:
        due_us = wall_us + ACKNOWLEDGES_AFTER_US
        if isinstance(said, msg.BindingUpdate) and said.address is not None:
            self._pending[said.address] = Pending(said.xid, due_us)
        elif isinstance(said, msg.UpdateRequest | msg.UpdateRequestAll):
            self._asked = Pending(said.xid, due_us)
        elif isinstance(said, msg.PoolRequest):
            return [msg.PoolResponse(wall_us // _SECOND_US, said.xid, 0)]
        return []

    def late(self, wall_us: int) -> list[Event]:
        """The acknowledgements that are due by now."""
        now = wall_us // _SECOND_US
        due = [address for address, one in self._pending.items() if one.due_us <= wall_us]
        said: list[msg.Message] = [msg.BindingAck(now, self._pending.pop(address).xid, address) for address in due]
        if self._asked is not None and self._asked.due_us <= wall_us:
            said.append(msg.UpdateDone(now, self._asked.xid))
            self._asked = None
        return [ev.StreamData(wall_us, 0, self._stream, b"".join(map(msg.octets, said)))] if said else []


_SHARED: Final = ("name", "max_unacked", "receive_timer", "vendor", "version")
_HALF: Final = b"\xff" * 16 + bytes(16)


def _endpoint(failover: Relationships | None, name: bytes) -> Endpoint | None:
    if failover is None:
        return None
    return failover.endpoints.get(name.decode("latin-1"))


def _first_words(greeting: msg.Connect | msg.ConnectAck, *, primary: bool) -> msg.Message:
    """What the model says first to a primary or a secondary, whichever the recorded server was."""
    fields = {name: getattr(greeting, name) for name in _SHARED}
    if primary:
        return msg.ConnectAck(greeting.time, 0, **fields, tls=0)
    mclt, hba = getattr(greeting, "mclt", None), getattr(greeting, "hba", None)
    return msg.Connect(greeting.time, 0, **fields, tls=0, mclt=mclt or 0, hba=hba or _HALF)
