"""A client's message, and what came of it, in the few words that a line has room for.

What a line leaves out (where a datagram came from and went to, every option) is shown by describe.py and decode.py.
Anything may have been received, so that nothing here refuses octets.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

from ...engine.wire.packet import FIXED_OCTETS, TYPE_NAMES
from ...trace.effects import Log, Ping, ReverseLookup, Send
from .decode import hardware_of_payload, message_name, options_of
from .describe import log_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...trace.effects import Effect
    from ...trace.events import Packet

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = (
    f"DHCP{word}" for word in ["DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"]
)  # fmt: skip
BOOTREQUEST: Final = "BOOTREQUEST"
BOOTREPLY: Final = "BOOTREPLY"
# What a server never answers.
UNANSWERABLE: Final = frozenset({RELEASE, DECLINE})
NO_REASON: Final = "no reason logged"
_HOST_NAME, _REQUESTED, _TYPE, _IDENTIFIER, _FQDN, _AGENT = 12, 50, 53, 61, 81, 82
_YIADDR: Final = slice(16, 20)
_FQDN_NAME_AT: Final = 3
_FQDN_ENCODED: Final = 4
_ADDRESS_OCTETS: Final = 4
# How a message names the address that its client has already.
_HELD: Final = {REQUEST: "to renew", RELEASE: "of", INFORM: "with"}
# A line about a message says who, through what, and then why: what stands behind "via INTERFACE: " is the reason.
_WHY: Final = re.compile(r".*? via [^ :]+(?: \([^)]*\))?: (.+)", re.DOTALL)
_FOUND: Final = re.compile(r".*? via [^ :]+ \((found|not found)\)")
# What the log says of a message that is the failover partner's to answer.
_PARTNERS: Final = ("load balance to peer ", "lease owned by peer")
_ADDRESS: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b(?!/\d)")
_HARDWARE: Final = re.compile(r"\b[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5,}\b")


class Message(NamedTuple):
    """A client's message as far as a line looks at it; addresses are numbers, 0 for none; `agent` is option 82."""

    name: str
    hardware: bytes
    xid: bytes
    ciaddr: int
    requested: int
    giaddr: int
    identifier: bytes
    host_name: bytes
    agent: bytes = b""

    @property
    def key(self) -> bytes:
        """What tells the client: its hardware address, else its identifier."""
        return self.hardware or self.identifier


def key_of(payload: bytes) -> bytes:
    """`Message.key` of these octets, without reading more of them than that takes."""
    return hardware_of_payload(payload) or read_message(payload).identifier


def read_message(payload: bytes) -> Message:
    """The message that these octets are; names are those of decode.message_name."""
    if len(payload) < FIXED_OCTETS:
        return Message(f"{len(payload)} octets", b"", b"", 0, 0, 0, b"", b"")
    options = options_of(payload)
    kind = options.get(_TYPE, b"")
    name = TYPE_NAMES.get(kind[0], f"type {kind[0]}") if len(kind) == 1 else _operation(payload[0])
    requested = options.get(_REQUESTED, b"")
    return Message(
        name=name,
        hardware=hardware_of_payload(payload),
        xid=payload[4:8],
        ciaddr=int.from_bytes(payload[12:16], "big"),
        requested=int.from_bytes(requested, "big") if len(requested) == _ADDRESS_OCTETS else 0,
        giaddr=int.from_bytes(payload[24:28], "big"),
        identifier=options.get(_IDENTIFIER, b""),
        host_name=host_name(options),
        agent=options.get(_AGENT, b""),
    )


def _operation(number: int) -> str:
    return {1: BOOTREQUEST, 2: BOOTREPLY}.get(number, f"op {number}")


def host_name(options: dict[int, bytes]) -> bytes:
    """The name that a client gives itself: option 12, else its FQDN option; empty for none."""
    return options.get(_HOST_NAME, b"").rstrip(b"\0") or _fqdn(options.get(_FQDN, b""))


def _fqdn(option: bytes) -> bytes:
    """The name in a client's FQDN option (RFC 4702), labels joined by dots where it is in wire format."""
    name = option[_FQDN_NAME_AT:]
    if not option or not option[0] & _FQDN_ENCODED:
        return name
    labels = []
    while name and name[0] and len(name) > name[0]:
        labels.append(name[1 : 1 + name[0]])
        name = name[1 + name[0] :]
    return b".".join(labels)


def name_text(octets: bytes) -> str:
    """A host name as a client wrote it: UTF-8 where it is that."""
    return octets.decode("utf-8", "backslashreplace")


def said_words(message: Message) -> str:
    """`DHCPREQUEST for 10.0.0.5`, `DHCPREQUEST to renew 10.0.0.5`, `DHCPRELEASE of 10.0.0.5`."""
    words = [message.name]
    if message.requested:
        words.append(f"for {IPv4Address(message.requested)}")
    if message.ciaddr:
        words.append(f"{_HELD.get(message.name, 'with')} {IPv4Address(message.ciaddr)}")
    return " ".join(words)


def way_words(event: Packet, message: Message) -> str:
    """The relay's address, else the interface that the message came in on."""
    return str(IPv4Address(message.giaddr)) if message.giaddr else event.interface


def reply_words(send: Send) -> str:
    """`DHCPACK 10.0.0.5`."""
    given = int.from_bytes(send.payload[_YIADDR], "big")
    return f"{message_name(send.payload)}{f' {IPv4Address(given)}' if given else ''}"


def answer_words(effects: Sequence[Effect]) -> str:
    """What a client heard for its message, or else why it heard nothing (yet)."""
    sent = [reply_words(effect) for effect in effects if isinstance(effect, Send)]
    if sent:
        return ", ".join(sent)
    if any(isinstance(effect, Ping) for effect in effects):
        return "waits for a ping"
    if any(isinstance(effect, ReverseLookup) for effect in effects):
        return "waits for a host name"
    lines = [effect.text for effect in effects if isinstance(effect, Log)]
    found = _FOUND.match(lines[-1]) if lines else None
    return log_text(found[1] if found else _reason(lines) or (lines[-1] if lines else "nothing"))


def logged_reason(effects: Iterable[Effect]) -> str:
    """Why a message had no answer, or a refusal, as the log says it; addresses left out, so that rows alike are one.

    That is what stands behind the client and the way in the last line that has a reason, else a last line that is of
    another kind, else NO_REASON.
    """
    reason = _reason([effect.text for effect in effects if isinstance(effect, Log)])
    return _HARDWARE.sub("CLIENT", _ADDRESS.sub("ADDRESS", log_text(reason))) or NO_REASON


def is_partners(reason: str) -> bool:
    """Whether such a reason says that the failover partner answers the client instead, or has what it asks for."""
    return reason.startswith(_PARTNERS)


def _reason(lines: Sequence[str]) -> str:
    for line in reversed(lines):
        said = _WHY.match(line)
        if said is not None:
            return said[1].rstrip(".")
    return lines[-1].rstrip(".") if lines and " via " not in lines[-1] else ""
