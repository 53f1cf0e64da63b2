"""Events and effects with pseudonyms: what every field of every record is, as two tables.

An effect is rewritten only where the recorded one is to be kept, or compared; else the machine that was told the
pseudonyms makes its own. Lease files come in parts, which are put together first (`lease_file`), and so do the data of
connections (streams.py). DNS messages hang on those before them (dns.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...engine.startup import read_command_line
from ...trace import effects as ef
from ...trace import events as ev

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...trace.effects import Effect
    from ...trace.events import Event
    from .protocols.dns import DnsWriter
    from .protocols.messages import Messages
    from .protocols.streams import StreamWriter
    from .pseudonyms import Pseudonyms
    from .sources import Writer

LEASE_PART_BYTES: Final = 1 << 20
_IPV4_OCTETS: Final = 4


class Records:
    """Rewrites records; `address` as in sources.Writer."""

    def __init__(
        self,
        writer: Writer,
        messages: Messages,
        pseudonyms: Pseudonyms,
        address: Callable[[int], int],
        streams: StreamWriter,
        names: DnsWriter,
    ) -> None:
        self._writer = writer
        self._messages = messages
        self._pseudonyms = pseudonyms
        self._address = address
        self._streams = streams
        self._names = names
        self._changes: dict[str, Callable[[Any], Any]] = {
            "text": self.text,
            "source": writer.rewrite,
            "message": messages.rewrite,
            "address": address,
            "address octets": self._packed,
            "addresses octets": lambda values: tuple(self._packed(value) for value in values),
            "addresses": lambda values: tuple(address(value) for value in values),
            "command line": self._command_line,
            "variables": lambda pairs: tuple((name, self.text(value)) for name, value in pairs),
            "links": lambda links: tuple(self._link(link) for link in links),
            "hardware": pseudonyms.hardware,
            "octets": writer.text,
            "arguments": lambda values: tuple(writer.text(value) for value in values),
        }

    def event(self, event: Event) -> Event:
        """The event with pseudonyms in place of what it names."""
        if isinstance(event, ev.StreamData):
            return self._streams.event(event)
        if isinstance(event, ev.DnsAnswer):
            return self._names.event(event)
        made: Event = self._rewritten(event, EVENTS[type(event)])
        return made

    def effect(self, effect: Effect) -> Effect:
        """The effect with pseudonyms in place of what it names."""
        if isinstance(effect, ef.StreamSend):
            return self._streams.effect(effect)
        if isinstance(effect, ef.DnsSend):
            effect = self._names.effect(effect)
        made: Effect = self._rewritten(effect, EFFECTS[type(effect)])
        return made

    def lease_file(self, parts: list[ev.LeaseFilePart]) -> list[ev.LeaseFilePart]:
        """The parts of a lease file, which its records may run over: as many parts of the rewritten one."""
        whole = self._writer.rewrite(b"".join(part.content for part in parts))
        each = max(1, -(-len(whole) // len(parts)))
        return [part._replace(content=whole[number * each : (number + 1) * each]) for number, part in enumerate(parts)]

    def text(self, value: str) -> str:
        """A text of a record."""
        return self._writer.text(value.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def _rewritten(self, record: Any, fields: dict[str, str]) -> Any:
        changed = {
            name: self._changes[how](getattr(record, name)) for name, how in fields.items() if how in self._changes
        }
        return record._replace(**changed) if changed else record

    def _packed(self, octets: bytes) -> bytes:
        """An IPv4 address in network order; others are nobody's whose name is hidden."""
        if len(octets) != _IPV4_OCTETS:
            return octets
        return self._address(int.from_bytes(octets, "big")).to_bytes(_IPV4_OCTETS, "big")

    def _command_line(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """The values of options; options and the names of interfaces stay."""
        options = read_command_line(words).values
        made: list[str] = []
        is_value = False
        for word in words:
            made.append(self.text(word) if is_value else word)
            is_value = not is_value and word in options
        return tuple(made)

    def _link(self, link: ev.Link) -> ev.Link:
        return link._replace(
            hardware=self._pseudonyms.hardware(link.hardware),
            addresses=tuple((self._address(address), length) for address, length in link.addresses),
        )


# What stays: numbers and words that name nobody, errors in the system's words, and names of interfaces (which the
# report counts). All other kinds are how Records rewrites a field.
NUMBER: Final = "number"
WORD: Final = "word"
ERROR: Final = "error"
INTERFACE: Final = "interface"
STAYING: Final = frozenset({NUMBER, WORD, ERROR, INTERFACE})

EVENTS: Final[dict[type, dict[str, str]]] = {
    ev.Boot: {
        "version": WORD, "arguments": "command line", "environment": "variables", "host_name": "text",
        "process_id": NUMBER, "seed": NUMBER, "dhcp_port": NUMBER, "byte_order": WORD, "utc_offset_s": NUMBER,
    },
    ev.ConfigurationFile: {"name": "text", "content": "source", "error": ERROR},
    ev.ConfigurationEnd: {"name": "text", "reload": NUMBER},
    ev.LeaseFilePart: {"content": "source"},  # as a whole: Records.lease_file
    ev.LeaseFileEnd: {"error": ERROR},
    ev.Interfaces: {"links": "links", "error": ERROR},
    ev.Listening: {"plain_udp": NUMBER},
    ev.ListenFailed: {"what": WORD, "name": INTERFACE, "error": ERROR},
    ev.Packet: {"interface": INTERFACE, "source": "address", "source_port": NUMBER, "payload": "message"},
    ev.Timer: {},
    ev.PingReply: {"source": "address"},
    ev.PingFailed: {"address": "address", "error": ERROR},
    ev.HostAnswer: {"name": "text", "addresses": "addresses", "error": WORD},
    ev.NameAnswer: {"address": "address", "name": "text"},
    ev.DnsOpened: {"resolv_conf": "octets", "errors": ERROR},
    ev.DnsAnswer: {"query": NUMBER, "payload": "dns", "error": WORD},
    ev.StreamListenFailed: {"service": WORD, "address": "address", "port": NUMBER, "error": WORD},
    ev.StreamOpened: {
        "stream": NUMBER, "service": WORD, "local": "address", "local_port": NUMBER, "peer": "address",
        "peer_port": NUMBER,
    },
    ev.StreamData: {"stream": NUMBER, "data": "stream"},
    ev.StreamHalfClosed: {"stream": NUMBER},
    ev.StreamClosed: {"stream": NUMBER, "error": WORD},
    ev.Executed: {"call": NUMBER, "status": NUMBER, "error": ERROR},
    ev.StorageFailed: {"operation": WORD, "path": "text", "error": ERROR},
    ev.RewriteContinue: {},
    ev.RewriteInstalled: {},
    ev.Signal: {"number": NUMBER},
    ev.SendFailed: {
        "interface": INTERFACE, "raw": NUMBER, "length": NUMBER, "marker": WORD, "error": ERROR, "unreachable": NUMBER,
    },
    ev.ReceiveFailed: {"interface": INTERFACE, "error": ERROR},
    ev.Remark: {"level": NUMBER, "text": "text"},
    ev.Command: {"call": NUMBER, "who": WORD, "name": WORD, "arguments": "variables"},
    ev.End: {"reason": "text"},
}  # fmt: skip
EFFECTS: Final[dict[type, dict[str, str]]] = {
    ef.Send: {
        "interface": INTERFACE, "raw": NUMBER, "destination": "address", "port": NUMBER, "link": "hardware",
        "source": "address", "durable": NUMBER, "marker": WORD, "payload": "message",
    },
    ef.Store: {"data": "source"},
    ef.Log: {"level": NUMBER, "text": "text"},
    ef.Wake: {"at_us": NUMBER},
    ef.Ping: {"address": "address", "identifier": NUMBER},
    ef.Settings: {
        "lease_file": "text", "pid_file": "text", "log_facility": NUMBER, "local_port": NUMBER, "remote_port": NUMBER,
        "local_address": "address", "sync": NUMBER, "test": WORD,
    },
    ef.Listen: {"interfaces": INTERFACE},
    ef.Exit: {"status": NUMBER},
    ef.Fatal: {"text": "text"},
    ef.RewriteBegin: {"suffix": NUMBER},
    ef.RewritePart: {"data": "source"},
    ef.RewriteEnd: {"install": NUMBER},
    ef.Lookup: {"name": "text"},
    ef.ReverseLookup: {"address": "address"},
    ef.DnsOpen: {"sources": "addresses octets"},
    ef.DnsSend: {
        "query": NUMBER, "server": "address octets", "port": NUMBER, "tcp": NUMBER, "wait_us": NUMBER, "payload": "dns",
    },
    ef.StreamListen: {"service": WORD, "address": "address", "port": NUMBER},
    ef.StreamListenEnd: {"service": WORD, "address": "address", "port": NUMBER},
    ef.StreamOpen: {"stream": NUMBER, "service": WORD, "local": "address", "address": "address", "port": NUMBER},
    ef.StreamSend: {"stream": NUMBER, "data": "stream", "durable": NUMBER},
    ef.StreamClose: {"stream": NUMBER, "flush": NUMBER},
    ef.Execute: {"call": NUMBER, "arguments": "arguments"},
    ef.Serving: {},
    ef.Answers: {"event": NUMBER},
    ef.ConfigurationRefused: {"why": WORD},
    ef.CommandAnswer: {"call": NUMBER, "result": WORD, "text": "text", "durable": NUMBER},
}  # fmt: skip
