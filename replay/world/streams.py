"""Streams of a recording, for a machine that may ask for others: each is told as a whole or not at all.

The bytes of a stream mean nothing without those before. What others opened is told where this machine listens. What
the recorded machine called is told to this one where it called the same, with the number that the call has now.
Peers whose words fit the recorded run only (a failover partner speaks of leases that another run does not have) can be
left out: then this machine's calls to them are refused, and they never call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...trace import effects as fx
from ...trace import events as ev
from .numbering import Numbering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ...trace.effects import Effect
    from ...trace.events import Event

REFUSED: Final = "ECONNREFUSED"
PARTNER: Final = frozenset({"failover"})


class Streams:
    """What of the recorded streams one machine is told.

    `open_end`: it began from a snapshot, and may have asked for things before. `without` names the services whose
    peers are not there; `refused` holds the machine's calls to them, for which `StreamClosed` is due, and `silent`
    how many streams of theirs were not told. Of the others' calls `heard` were told, and `unheard` were not, since
    this machine does not listen where they called.
    """

    __slots__ = ("_calls", "_listens", "_now", "_open_end", "_without", "heard", "refused", "silent", "unheard")

    def __init__(self, *, open_end: bool = False, without: frozenset[str] = frozenset()) -> None:
        self.refused: list[int] = []
        self.silent = self.heard = self.unheard = 0
        self._open_end = open_end
        self._without = without
        self._listens: dict[tuple[str, int, int], None] = {}
        self._calls = Numbering()
        # The number that a recorded stream has now, None where it is not told.
        self._now: dict[int, int | None] = {}

    def recorded(self, effects: Iterable[Effect]) -> None:
        """What the recorded machine asked for."""
        for effect in effects:
            if type(effect) is fx.StreamOpen:
                self._calls.recorded(effect.stream, effect[1:])

    def asked(self, effects: Iterable[Effect]) -> None:
        """What this machine asks for."""
        for effect in effects:
            kind = type(effect)
            if kind is fx.StreamListen:
                self._listens[_key(effect)] = None
            elif kind is fx.StreamListenEnd:
                self._listens.pop(_key(effect), None)
            elif isinstance(effect, fx.StreamOpen):
                self._called(effect)

    def _called(self, effect: fx.StreamOpen) -> None:
        if effect.service in self._without:
            self.refused.append(effect.stream)
        else:
            self._calls.asked(effect.stream, effect[1:])

    def refusals(self, wall_us: int, mono_us: int) -> list[Event]:
        """The ends of the calls that are refused, each once."""
        refused, self.refused = self.refused, []
        return [ev.StreamClosed(wall_us, mono_us, stream, REFUSED) for stream in refused]

    def admit(self, event: Event) -> Event | None:
        """The event of a stream or listener as this machine may get it, None where it may not."""
        return CHECKS[type(event)](self, event)

    def _listen_failed(self, event: ev.StreamListenFailed) -> Event | None:
        return event if self._open_end or _key(event) in self._listens else None

    def _opened(self, event: ev.StreamOpened) -> Event | None:
        """A call of ours stands if we called; one of theirs if somebody listens for it."""
        own: int | None = None
        if event.service in self._without:
            self.silent += 1
        elif event.stream % 2:
            own = self._own_call(event.stream)
        elif self._is_listening(event):
            own = event.stream
            self.heard += 1
        else:
            self.unheard += 1
        self._now[event.stream] = own
        return None if own is None else event._replace(stream=own)

    def _own_call(self, number: int) -> int | None:
        """The number that a recorded call has now."""
        if self._open_end and number not in self._calls:
            return number
        return self._calls.match(number)

    def _is_listening(self, event: ev.StreamOpened) -> bool:
        return self._open_end or any(
            (event.service, event.local_port) == (service, port) and address in (0, event.local)
            for service, address, port in self._listens
        )

    def _goes_on(self, event: ev.StreamData | ev.StreamHalfClosed) -> Event | None:
        own = self._now.get(event.stream, event.stream if self._open_end else None)
        return None if own is None else event._replace(stream=own)

    def _closed(self, event: ev.StreamClosed) -> Event | None:
        """The last of a stream that was told, or of a call that never stood."""
        if event.stream in self._now:
            own = self._now.pop(event.stream)
        elif event.stream % 2:
            own = self._own_call(event.stream)
        else:
            own = event.stream if self._open_end else None
        return None if own is None else event._replace(stream=own)


def _key(record: Any) -> tuple[str, int, int]:
    return record.service, record.address, record.port


CHECKS: Final[dict[type[Event], Callable[[Streams, Any], Event | None]]] = {
    ev.StreamListenFailed: Streams._listen_failed,
    ev.StreamOpened: Streams._opened,
    ev.StreamData: Streams._goes_on,
    ev.StreamHalfClosed: Streams._goes_on,
    ev.StreamClosed: Streams._closed,
}
