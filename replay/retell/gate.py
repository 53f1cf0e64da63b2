"""What the world may answer in a retold run: only what its machine asked for.

A run that is told fewer events asks for less: for fewer pings, other timers, no rewrite of the lease file. An answer
that nobody asked for would make a tape of which no run could be the source, so it is left out; where an answer names
its question by a number, the number is changed to the one that the question has now. Streams are world/streams.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...trace import effects as fx
from ...trace import events as ev
from ..world.numbering import Numbering
from ..world.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from ...engine.machine import Machine
    from ...trace.effects import Effect
    from ...trace.events import Event


_ID_OCTETS: Final = 2


class Gate:
    """Lets events pass to one machine. `open_end`: it began from a snapshot, and may have asked for things before.

    `without` names services whose peers are not there, as world/streams.py has it.
    """

    __slots__ = (
        "_dns_sockets", "_installs", "_machine", "_names", "_open_end", "_pinged", "_programs", "_queries",
        "_query_ids", "_sent", "_stored", "streams", "wake_us",
    )  # fmt: skip

    def __init__(
        self,
        machine: Machine,
        wake_us: int = 0,
        *,
        open_end: bool = False,
        without: frozenset[str] = frozenset(),
    ) -> None:
        self._machine = machine
        self._open_end = open_end
        self.wake_us = wake_us
        self._pinged: dict[int, None] = {}
        self._names: dict[str | int, None] = {}
        self._programs = Numbering()
        self._installs = 0
        self._dns_sockets = 0
        self._queries = Numbering()
        self._query_ids: dict[int, bytes] = {}
        self.streams = Streams(open_end=open_end, without=without)
        self._sent = self._stored = open_end

    def admit(self, event: Event) -> Event | None:
        """The event as this machine may get it, None where it did not ask for it."""
        return CHECKS[type(event)](self, event)

    def recorded(self, effects: Sequence[Effect]) -> None:
        """What the old tape has as the effects of an event, kept or not: the numbers of what it asked."""
        self.streams.recorded(effects)
        for effect in effects:
            if type(effect) is fx.Execute:
                self._programs.recorded(effect.call, effect.arguments)
            elif type(effect) is fx.DnsSend:
                self._queries.recorded(effect.query, _dns_question(effect))

    def asked(self, effects: Sequence[Effect]) -> None:
        """What the machine asked for now."""
        self.streams.asked(effects)
        for effect in effects:
            note = _NOTES.get(type(effect))
            if note is not None:
                note(self, effect)

    # What is asked for

    def _wake(self, effect: fx.Wake) -> None:
        self.wake_us = effect.at_us

    def _ping(self, effect: fx.Ping) -> None:
        self._pinged[effect.address] = None

    def _lookup(self, effect: fx.Lookup) -> None:
        self._names[effect.name] = None

    def _reverse(self, effect: fx.ReverseLookup) -> None:
        self._names[effect.address] = None

    def _execute(self, effect: fx.Execute) -> None:
        self._programs.asked(effect.call, effect.arguments)

    def _rewritten(self, effect: fx.RewriteEnd) -> None:
        self._installs += effect.install

    def _send(self, _effect: fx.Send) -> None:
        self._sent = True

    def _store(self, _effect: fx.Store | fx.RewriteBegin) -> None:
        self._stored = True

    def _open_dns(self, _effect: fx.DnsOpen) -> None:
        self._dns_sockets += 1

    def _query(self, effect: fx.DnsSend) -> None:
        self._queries.asked(effect.query, _dns_question(effect))
        self._query_ids[effect.query] = effect.payload[:_ID_OCTETS]

    # What may come

    def _tell(self, event: Event) -> Event:
        """What the world does unasked."""
        return event

    def _timer(self, event: ev.Timer) -> Event | None:
        return event if self.wake_us and event.wall_us >= self.wake_us else None

    def _ping_reply(self, event: ev.PingReply) -> Event | None:
        return event if self._open_end or event.source in self._pinged else None

    def _ping_failed(self, event: ev.PingFailed) -> Event | None:
        return event if self._open_end or event.address in self._pinged else None

    def _host_answer(self, event: ev.HostAnswer) -> Event | None:
        return event if self._open_end or event.name in self._names else None

    def _name_answer(self, event: ev.NameAnswer) -> Event | None:
        return event if self._open_end or event.address in self._names else None

    def _dns_opened(self, event: ev.DnsOpened) -> Event | None:
        if not self._dns_sockets and not self._open_end:
            return None
        self._dns_sockets = max(0, self._dns_sockets - 1)
        return event

    def _dns_answer(self, event: ev.DnsAnswer) -> Event | None:
        if event.query not in self._queries:
            return event if self._open_end else None
        own = self._queries.match(event.query)
        if own is None:
            return None
        payload = event.payload and self._query_ids[own] + event.payload[_ID_OCTETS:]
        return event._replace(query=own, payload=payload)

    def _of_stream(self, event: Event) -> Event | None:
        return self.streams.admit(event)

    def _executed(self, event: ev.Executed) -> Event | None:
        own = self._programs.match(event.call)
        return None if own is None else event._replace(call=own)

    def _continue(self, event: ev.RewriteContinue) -> Event | None:
        return event if self._machine.rewriting else None

    def _installed(self, event: ev.RewriteInstalled) -> Event | None:
        if not self._installs and not self._open_end:
            return None
        self._installs = 0
        return event

    def _send_failed(self, event: ev.SendFailed) -> Event | None:
        return event if self._sent else None

    def _storage_failed(self, event: ev.StorageFailed) -> Event | None:
        return event if self._stored else None


def _dns_question(effect: fx.DnsSend) -> Hashable:
    """What tells it from others: all but the number, the time, and the id that is drawn for it."""
    return effect.server, effect.port, effect.tcp, effect.payload[_ID_OCTETS:]


CHECKS: Final[dict[type[Event], Callable[[Gate, Any], Event | None]]] = {
    ev.Boot: Gate._tell,
    ev.ConfigurationFile: Gate._tell,
    ev.ConfigurationEnd: Gate._tell,
    ev.LeaseFilePart: Gate._tell,
    ev.LeaseFileEnd: Gate._tell,
    ev.Interfaces: Gate._tell,
    ev.Listening: Gate._tell,
    ev.ListenFailed: Gate._tell,
    ev.Packet: Gate._tell,
    ev.Timer: Gate._timer,
    ev.PingReply: Gate._ping_reply,
    ev.PingFailed: Gate._ping_failed,
    ev.HostAnswer: Gate._host_answer,
    ev.NameAnswer: Gate._name_answer,
    ev.DnsOpened: Gate._dns_opened,
    ev.DnsAnswer: Gate._dns_answer,
    ev.StreamListenFailed: Gate._of_stream,
    ev.StreamOpened: Gate._of_stream,
    ev.StreamData: Gate._of_stream,
    ev.StreamHalfClosed: Gate._of_stream,
    ev.StreamClosed: Gate._of_stream,
    ev.Executed: Gate._executed,
    ev.RewriteContinue: Gate._continue,
    ev.RewriteInstalled: Gate._installed,
    ev.SendFailed: Gate._send_failed,
    ev.StorageFailed: Gate._storage_failed,
    ev.Signal: Gate._tell,
    ev.ReceiveFailed: Gate._tell,
    ev.Command: Gate._tell,
    ev.Remark: Gate._tell,
    ev.End: Gate._tell,
}
_NOTES: Final[dict[type[Effect], Callable[[Gate, Any], None]]] = {
    fx.Wake: Gate._wake,
    fx.Ping: Gate._ping,
    fx.Lookup: Gate._lookup,
    fx.ReverseLookup: Gate._reverse,
    fx.Execute: Gate._execute,
    fx.DnsOpen: Gate._open_dns,
    fx.DnsSend: Gate._query,
    fx.RewriteEnd: Gate._rewritten,
    fx.RewriteBegin: Gate._store,
    fx.Send: Gate._send,
    fx.Store: Gate._store,
}
