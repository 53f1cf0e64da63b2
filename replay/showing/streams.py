"""Octets of a connection as an operator reads them: OMAPI's messages by object and attribute.

A record of a tape has no more than the octets that came at one moment, and a message may be cut anywhere, so that
what is here is a reading of what stands there: octets that are whole messages of OMAPI, from the first to the last,
are shown as such, others as they are. Signatures are not shown, and none is checked.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

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
from .decode import Field

_NUMBER_OCTETS: Final = 4
_ADDRESSES: Final = frozenset({"ip-address", "partner-address", "local-address"})
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


def stream_words(data: bytes) -> str:
    """One line: what is asked or answered, or how many octets there are."""
    found = messages_in(data)
    if found is None:
        return f"{len(data):,} octets"
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


def stream_fields(data: bytes) -> list[Field] | None:
    """Every message by its fields, None where `data` is no OMAPI."""
    found = messages_in(data)
    if found is None:
        return None
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
    if printable(value) and len(value) != _NUMBER_OCTETS:
        return f'"{value.decode("ascii")}"'
    if len(value) == _NUMBER_OCTETS:
        return str(int.from_bytes(value, "big"))
    return value.hex(":")
