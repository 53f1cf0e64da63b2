"""Octets of a connection as an operator reads them: OMAPI's messages by object and attribute, failover's by field.

A record of a tape has no more than the octets that came at one moment, and a message may be cut anywhere, so that
what is here is a reading of what stands there: octets that are whole messages of OMAPI, from the first to the last,
are shown as such, others as the failover protocol's (failover.py) where they look like it, and else as they are. The
two cannot be taken for each other: a message of failover begins with its length, one of OMAPI with two octets of zero
unless it names the 65,536th authenticator. Signatures are not shown, and none is checked.

`Unfinished` follows the streams of a recording, so that a message that came in two pieces is shown with the second.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from ...engine.conf.writing.values import printable
from ...engine.model.lease import STATE_NAMES
from ...engine.omapi.status import text_of
from ...engine.omapi.wire import (
    GREETING,
    MESSAGE_OCTETS_MAX,
    OP_NAMES,
    STATUS,
    Message,
    ProtocolError,
    Reader,
)
from ...trace.events import StreamClosed, StreamData, StreamOpened
from .decode import Field
from .failover import begins_message, failover_fields, failover_words, pieces

if TYPE_CHECKING:
    from ...trace.events import Event

_FAILOVER: Final = "failover"
_NUMBER_OCTETS: Final = 4
_ADDRESSES: Final = frozenset({"ip-address", "partner-address", "local-address"})
_TEXTS: Final = frozenset({"name", "algorithm", "group", "statements", "match", "client-hostname", "hostname", "type"})
_OCTETS: Final = frozenset({"hardware-address", "dhcp-client-identifier", "load-balance-hba", "hashstring"})


def messages_in(data: bytes) -> list[Message] | None:
    """The OMAPI messages that `data` is, None where it is anything else; a greeting may stand before them."""
    reader = Reader(MESSAGE_OCTETS_MAX)
    reader.feed(data if data.startswith(GREETING) else GREETING + data)
    found: list[Message] = []
    try:
        while (message := reader.next_message()) is not None:
            if message.op not in OP_NAMES:
                return None
            found.append(message)
    except ProtocolError:
        return None
    return None if reader.held_octets else found


class Unfinished:
    """What streams of the failover protocol have left of messages that are not whole: `rest`, before the last event."""

    def __init__(self) -> None:
        self.rest = b""
        self._rests: dict[int, bytes] = {}
        self._known: set[int] = set()

    def see(self, event: Event) -> None:
        """Take in every event, in order; then `rest` is what its stream had left."""
        self.rest = b""
        if isinstance(event, StreamData):
            self.rest = self._rests.pop(event.stream, b"")
            self._rests[event.stream] = self._left(event)
        elif isinstance(event, StreamClosed):
            self._rests.pop(event.stream, None)
            self._known.discard(event.stream)
        elif isinstance(event, StreamOpened) and event.service == _FAILOVER:
            self._known.add(event.stream)

    def _left(self, event: StreamData) -> bytes:
        """What an event leaves: octets are the beginning of a message where the stream is known for such."""
        found = None if messages_in(event.data) else pieces(event.data, self.rest)
        if found is not None:
            return found.rest
        return self.rest + event.data if event.stream in self._known and begins_message(event.data) else b""


def stream_words(data: bytes, rest: bytes = b"") -> str:
    """One line: what is asked or answered, or how many octets there are. `rest`: what was left before (Unfinished)."""
    found = messages_in(data)
    if found is None:
        failover = pieces(data, rest)
        return f"{len(data):,} octets" if failover is None else failover_words(failover)
    if not found:
        return "OMAPI greeting"
    return "; ".join(map(_words, found))


def _words(message: Message) -> str:
    kind = message.message.get(b"type", b"").decode("utf-8", "replace")
    subject = kind or (f"object {message.handle}" if message.handle else "")
    values = " ".join(f"{field.name}={field.value}" for field in _values(message))
    if message.op == STATUS:
        code = int.from_bytes(message.message.get(b"result", b""), "big")
        subject = f"{code} ({text_of(code)})"
        values = message.message.get(b"message", b"").decode("utf-8", "replace")
    return " ".join(filter(None, (f"OMAPI {OP_NAMES[message.op]}", subject, values)))


def stream_fields(data: bytes, rest: bytes = b"") -> list[Field] | None:
    """Every message by its fields, None where `data` is neither OMAPI's nor failover's."""
    found = messages_in(data)
    if found is None:
        failover = pieces(data, rest)
        return None if failover is None else failover_fields(failover)
    fields = [Field("greeting", "version 100, header of 24 octets")] if data.startswith(GREETING) else []
    for message in found:
        fields.append(Field("operation", OP_NAMES[message.op]))
        fields += [Field(name, str(value)) for name, value in (
            ("handle", message.handle), ("id", message.id), ("answers id", message.rid),
        ) if value]  # fmt: skip
        if message.authid:
            fields.append(Field("signed with", f"authenticator {message.authid}"))
        fields += [Field(f"message {name.decode('utf-8', 'replace')}", value_text(name, value))
                   for name, value in message.message.items()]  # fmt: skip
        fields += _values(message)
    return fields


def _values(message: Message) -> list[Field]:
    kind = message.message.get(b"type", b"")
    return [
        Field(name.decode("utf-8", "replace"), value_text(name, value, kind))
        for name, value in message.object.items()
    ]


def value_text(name: bytes, value: bytes, kind: bytes = b"") -> str:
    """An attribute's octets by what the attribute is: an address, a number, text, or octets in hexadecimal."""
    text = name.decode("utf-8", "replace")
    if not value:
        return "null"
    if text in _ADDRESSES and len(value) % _NUMBER_OCTETS == 0:
        parts = [value[at : at + _NUMBER_OCTETS] for at in range(0, len(value), _NUMBER_OCTETS)]
        return ",".join(str(IPv4Address(part)) for part in parts)
    if text in _OCTETS:
        return value.hex(":")
    if text == "state" and kind in (b"lease", b"") and len(value) == _NUMBER_OCTETS:
        number = int.from_bytes(value, "big")
        return f"{number} ({STATE_NAMES[number]})" if 0 < number < len(STATE_NAMES) else str(number)
    if printable(value) and (text in _TEXTS or len(value) != _NUMBER_OCTETS):
        return f'"{value.decode("ascii")}"'
    if len(value) == _NUMBER_OCTETS:
        return str(int.from_bytes(value, "big"))
    return value.hex(":")
