"""Events and effects with pseudonyms: which field of which record holds what, as two tables.

An effect is rewritten only where the recorded one is to be kept, or compared; else the machine that was told the
pseudonyms makes its own. Lease files come in parts, which are put together first (`lease_file`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...trace import effects as ef
from ...trace import events as ev

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...trace.effects import Effect
    from ...trace.events import Event
    from .messages import Messages
    from .pseudonyms import Pseudonyms
    from .sources import Writer

LEASE_PART_BYTES: Final = 1 << 20


class Records:
    """Rewrites records; `address` as in sources.Writer."""

    def __init__(
        self, writer: Writer, messages: Messages, pseudonyms: Pseudonyms, address: Callable[[int], int]
    ) -> None:
        self._writer = writer
        self._messages = messages
        self._pseudonyms = pseudonyms
        self._address = address
        self._changes: dict[str, Callable[[Any], Any]] = {
            "text": self._text,
            "source": self._source,
            "payload": messages.rewrite,
            "address": address,
            "addresses": lambda values: tuple(address(value) for value in values),
            "texts": lambda values: tuple(self._text(value) for value in values),
            "words": lambda values: tuple(writer.words(value) for value in values),
            "pairs": lambda pairs: tuple((name, self._text(value)) for name, value in pairs),
            "links": lambda links: tuple(self._link(link) for link in links),
            "hardware": pseudonyms.hardware,
            "nothing": lambda _data: b"",
        }

    def event(self, event: Event) -> Event:
        """The event with pseudonyms in place of what it names."""
        made: Event = self._rewritten(event, EVENTS.get(type(event), {}))
        return made

    def effect(self, effect: Effect) -> Effect:
        """The effect with pseudonyms in place of what it names."""
        made: Effect = self._rewritten(effect, EFFECTS.get(type(effect), {}))
        return made

    def lease_file(self, parts: list[ev.LeaseFilePart]) -> list[ev.LeaseFilePart]:
        """The parts of a lease file, which its records may run over: as many parts of the rewritten one."""
        whole = self._writer.rewrite(b"".join(part.content for part in parts))
        each = max(1, -(-len(whole) // len(parts)))
        return [
            part._replace(content=whole[number * each : (number + 1) * each]) for number, part in enumerate(parts)
        ]

    def _rewritten(self, record: Any, fields: dict[str, str]) -> Any:
        changed = {name: self._changes[how](getattr(record, name)) for name, how in fields.items()}
        return record._replace(**changed) if changed else record

    def _text(self, value: str) -> str:
        return self._writer.words(value.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def _source(self, data: bytes) -> bytes:
        return self._writer.rewrite(data)

    def _link(self, link: ev.Link) -> ev.Link:
        return link._replace(
            hardware=self._pseudonyms.hardware(link.hardware),
            addresses=tuple((self._address(address), length) for address, length in link.addresses),
        )


# Fields that are not named hold nothing of anybody: numbers of calls and events, kinds, errors of the system.
EVENTS: Final[dict[type, dict[str, str]]] = {
    ev.Boot: {"arguments": "texts", "environment": "pairs", "host_name": "text"},
    ev.ConfigurationFile: {"name": "text", "content": "source"},
    ev.ConfigurationEnd: {"name": "text"},
    ev.Interfaces: {"links": "links"},
    ev.Packet: {"source": "address", "payload": "payload"},
    ev.PingReply: {"source": "address"},
    ev.PingFailed: {"address": "address"},
    ev.HostAnswer: {"name": "text", "addresses": "addresses"},
    ev.NameAnswer: {"address": "address", "name": "text"},
    ev.DnsAnswer: {"payload": "nothing"},
    ev.StreamOpened: {"peer": "address"},
    ev.StreamData: {"data": "nothing"},
    ev.StorageFailed: {"path": "text"},
    ev.Remark: {"text": "text"},
}
EFFECTS: Final[dict[type, dict[str, str]]] = {
    ef.Send: {"destination": "address", "link": "hardware", "source": "address", "payload": "payload"},
    ef.Store: {"data": "source"},
    ef.Log: {"text": "text"},
    ef.Ping: {"address": "address"},
    ef.Settings: {"lease_file": "text", "pid_file": "text", "local_address": "address"},
    ef.Fatal: {"text": "text"},
    ef.RewritePart: {"data": "source"},
    ef.Lookup: {"name": "text"},
    ef.ReverseLookup: {"address": "address"},
    ef.DnsSend: {"server": "address", "payload": "nothing"},
    ef.StreamListen: {"address": "address"},
    ef.StreamOpen: {"address": "address"},
    ef.StreamSend: {"data": "nothing"},
    ef.Execute: {"arguments": "words"},
}
