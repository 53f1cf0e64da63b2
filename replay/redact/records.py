"""Events and effects with pseudonyms: which field of which record holds what, as two tables.

An effect is rewritten only where the recorded one is to be kept, or compared; else the machine that was told the
pseudonyms makes its own. Lease files come in parts, which are put together first (`lease_file`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...trace import effects as ef
from ...trace import events as ev
from .errors import NotRedacted

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...trace.effects import Effect
    from ...trace.events import Event
    from .messages import Messages
    from .pseudonyms import Pseudonyms
    from .sources import Writer

LEASE_PART_BYTES: Final = 1 << 20
_IPV4_OCTETS: Final = 4


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
            "packed": self._packed,
            "packeds": lambda values: tuple(self._packed(value) for value in values),
            "addresses": lambda values: tuple(address(value) for value in values),
            "texts": lambda values: tuple(self._text(value) for value in values),
            "words": lambda values: tuple(writer.words(value) for value in values),
            "pairs": lambda pairs: tuple((name, self._text(value)) for name, value in pairs),
            "links": lambda links: tuple(self._link(link) for link in links),
            "hardware": pseudonyms.hardware,
            "octets": writer.words,
            "refused": _refuse,
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
        return self._writer.words(value.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def _source(self, data: bytes) -> bytes:
        return self._writer.rewrite(data)

    def _packed(self, octets: bytes) -> bytes:
        """An IPv4 address in network order; others are nobody's whose name is hidden."""
        if len(octets) != _IPV4_OCTETS:
            return octets
        return self._address(int.from_bytes(octets, "big")).to_bytes(_IPV4_OCTETS, "big")

    def _link(self, link: ev.Link) -> ev.Link:
        return link._replace(
            hardware=self._pseudonyms.hardware(link.hardware),
            addresses=tuple((self._address(address), length) for address, length in link.addresses),
        )


def _refuse(data: bytes) -> bytes:
    """Octets of another protocol: what they name would have to be read, and signatures made anew."""
    if data:
        raise NotRedacted(
            "the recording holds messages of OMAPI, failover or DNS, whose names and secrets cannot be hidden: "
            "slice it to the DHCP clients that matter first"
        )
    return data


# Fields that are not named hold nothing of anybody: numbers of calls and events, kinds, errors of the system.
EVENTS: Final[dict[type, dict[str, str]]] = {
    ev.Boot: {"arguments": "texts", "environment": "pairs", "host_name": "text"},
    ev.ConfigurationFile: {"name": "text", "content": "source"},
    ev.ConfigurationEnd: {"name": "text"},
    ev.LeaseFilePart: {},  # rewritten as a whole: Records.lease_file
    ev.LeaseFileEnd: {},
    ev.Interfaces: {"links": "links"},
    ev.Listening: {},
    ev.ListenFailed: {},
    ev.Packet: {"source": "address", "payload": "payload"},
    ev.Timer: {},
    ev.PingReply: {"source": "address"},
    ev.PingFailed: {"address": "address"},
    ev.HostAnswer: {"name": "text", "addresses": "addresses"},
    ev.NameAnswer: {"address": "address", "name": "text"},
    ev.DnsOpened: {"resolv_conf": "octets"},
    ev.DnsAnswer: {"payload": "refused"},
    ev.StreamListenFailed: {"address": "address"},
    ev.StreamOpened: {"local": "address", "peer": "address"},
    ev.StreamData: {"data": "refused"},
    ev.StreamHalfClosed: {},
    ev.StreamClosed: {},
    ev.Executed: {},
    ev.StorageFailed: {"path": "text"},
    ev.RewriteContinue: {},
    ev.RewriteInstalled: {},
    ev.Signal: {},
    ev.SendFailed: {},
    ev.ReceiveFailed: {},
    ev.Remark: {"text": "text"},
    ev.End: {},
}
EFFECTS: Final[dict[type, dict[str, str]]] = {
    ef.Send: {"destination": "address", "link": "hardware", "source": "address", "payload": "payload"},
    ef.Store: {"data": "source"},
    ef.Log: {"text": "text"},
    ef.Wake: {},
    ef.Ping: {"address": "address"},
    ef.Settings: {"lease_file": "text", "pid_file": "text", "local_address": "address"},
    ef.Listen: {},
    ef.Exit: {},
    ef.Fatal: {"text": "text"},
    ef.RewriteBegin: {},
    ef.RewritePart: {"data": "source"},
    ef.RewriteEnd: {},
    ef.Lookup: {"name": "text"},
    ef.ReverseLookup: {"address": "address"},
    ef.DnsOpen: {"sources": "packeds"},
    ef.DnsSend: {"server": "packed", "payload": "refused"},
    ef.StreamListen: {"address": "address"},
    ef.StreamListenEnd: {"address": "address"},
    ef.StreamOpen: {"local": "address", "address": "address"},
    ef.StreamSend: {"data": "refused"},
    ef.StreamClose: {},
    ef.Execute: {"arguments": "words"},
    ef.Serving: {},
    ef.Answers: {},
    ef.ConfigurationRefused: {},
}
