"""What a server asks of the world, and what the recording knows of the answers.

A server under another configuration asks other things: it pings other addresses, looks up other names, runs other
programs. A question that the recording has too at that moment gets the recorded answer when that comes. Any other is
answered at once by what the recording has shown so far: an address that answered a ping answers again, a name has the
addresses that it had; a name that was never asked for is unknown, and counted. A program ends well, sockets for DNS
open, and a DNS server does not answer. Answers to what nobody asks now are dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...trace import effects as fx
from ...trace import events as ev

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ...trace.effects import Effect
    from ...trace.events import Event

Key = tuple[str, object]
_ID_OCTETS: Final = 2
_UNKNOWN: Final = "host unknown."

# Effect -> (what it asks, its number where the answer repeats one).
_ASKED: Final[dict[type[Effect], Callable[[Any], tuple[Key, int]]]] = {
    fx.Ping: lambda effect: (("ping", effect.address), 0),
    fx.Lookup: lambda effect: (("name", effect.name), 0),
    fx.ReverseLookup: lambda effect: (("reverse", effect.address), 0),
    fx.Execute: lambda effect: (("execute", effect.arguments), effect.call),
    fx.DnsOpen: lambda effect: (("sockets", len(effect.sources)), 0),
    fx.DnsSend: lambda effect: (("dns", (effect.server, effect.payload[2:])), effect.query),
}
# Event -> (what it answers; None for what only its number tells, that number).
_ANSWERED: Final[dict[type[Event], Callable[[Any], tuple[str, object, int]]]] = {
    ev.PingReply: lambda event: ("ping", event.source, 0),
    ev.PingFailed: lambda event: ("ping", event.address, 0),
    ev.HostAnswer: lambda event: ("name", event.name, 0),
    ev.NameAnswer: lambda event: ("reverse", event.address, 0),
    ev.Executed: lambda event: ("execute", None, event.call),
    ev.DnsOpened: lambda event: ("sockets", len(event.errors), 0),
    ev.DnsAnswer: lambda event: ("dns", None, event.query),
}


class Questions:
    """The open questions of both runs. `unknown` lists the names that had to be answered as unknown."""

    def __init__(self) -> None:
        self.unknown: dict[str, None] = {}
        self._recorded: dict[Key, int] = {}
        self._numbered: dict[tuple[str, int], Key] = {}
        self._own: dict[Key, list[int]] = {}
        self._query_ids: dict[int, bytes] = {}
        self._in_use: dict[int, None] = {}
        self._names: dict[str, ev.HostAnswer] = {}
        self._reverse: dict[int, str] = {}

    def know(self, answers: dict[str, tuple[int, ...]]) -> None:
        """Names whose addresses are known from before the recording."""
        for name, addresses in answers.items():
            self._names[name] = ev.HostAnswer(0, 0, name, addresses, "")

    def asked_in_recording(self, effects: Iterable[Effect]) -> None:
        """Note what the recorded server asked."""
        for effect in effects:
            asked = _ASKED.get(type(effect))
            if asked is not None:
                key, number = asked(effect)
                self._recorded[key] = self._recorded.get(key, 0) + 1 if number else 1
                if number:
                    self._numbered[key[0], number] = key

    def asked(self, effects: Iterable[Effect], now: tuple[int, int]) -> list[Event]:
        """Note what the new server asked; the answers that will not come from the recording."""
        answers: list[Event] = []
        for effect in effects:
            asked = _ASKED.get(type(effect))
            if asked is None:
                continue
            key, number = asked(effect)
            if isinstance(effect, fx.DnsSend):
                self._query_ids[number] = effect.payload[:_ID_OCTETS]
            answer = None if key in self._recorded else self._answer(key, number, now)
            if answer is not None:
                answers.append(answer)
            elif number or key not in self._own:
                self._own.setdefault(key, []).append(number)
        return answers

    def answer(self, event: Event) -> Event | None:
        """What becomes of a recorded answer: it is passed on, with the number of the new question, or dropped."""
        kind, subject, number = _ANSWERED[type(event)](event)
        key = (kind, subject) if not number else self._numbered.pop((kind, number), (kind, None))
        if self._recorded.get(key, 0) > 1:
            self._recorded[key] -= 1
        else:
            self._recorded.pop(key, None)
        self._remember(event)
        waiting = self._own.get(key)
        if waiting is None:
            return None
        own = waiting.pop(0)
        if not waiting:
            del self._own[key]
        if isinstance(event, ev.Executed):
            return event._replace(call=own)
        if isinstance(event, ev.DnsAnswer):
            payload = event.payload and self._query_ids[own] + event.payload[_ID_OCTETS:]
            return event._replace(query=own, payload=payload)
        return event

    def is_answer(self, event: Event) -> bool:
        """Whether `answer` decides about this event."""
        return type(event) in _ANSWERED

    def _remember(self, event: Event) -> None:
        if isinstance(event, ev.PingReply):
            self._in_use[event.source] = None
        elif isinstance(event, ev.HostAnswer):
            self._names[event.name] = event
        elif isinstance(event, ev.NameAnswer):
            self._reverse[event.address] = event.name

    def _answer(self, key: Key, number: int, now: tuple[int, int]) -> Event | None:
        kind, subject = key
        if kind == "ping":
            assert isinstance(subject, int)
            return ev.PingReply(*now, subject) if subject in self._in_use else None
        if kind == "name":
            return self._name(str(subject), now)
        if kind == "reverse":
            assert isinstance(subject, int)
            return ev.NameAnswer(*now, subject, self._reverse.get(subject, ""))
        if kind == "execute":
            return ev.Executed(*now, number, 0, "")
        if kind == "sockets":
            assert isinstance(subject, int)
            return ev.DnsOpened(*now, b"", ("",) * subject)
        return None

    def _name(self, name: str, now: tuple[int, int]) -> ev.HostAnswer:
        known = self._names.get(name)
        if known is not None:
            return ev.HostAnswer(*now, name, known.addresses, known.error)
        self.unknown[name] = None
        return ev.HostAnswer(*now, name, (), _UNKNOWN)
