"""Which packets are a client's, however somebody names it: an address, its hardware, its identifier or its host name.

An address is a packet's that asks for it, holds it or is given it. Hardware addresses and identifiers are taken in any
notation (showing/notation.py), host names without regard to case, with or without their domain. A client that says its
host name now and then is known by its hardware address in all its other packets: the recording is read once to find it.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from ...trace import DamagedTape, Entry
from ...trace.effects import Send
from ...trace.events import Packet
from ..showing.decode import hardware_of_payload, options_of
from ..showing.messages import host_name
from ..showing.notation import octets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...trace import Tape

_CIADDR: Final = slice(12, 16)
_YIADDR: Final = slice(16, 20)
_REQUESTED: Final = 50
_CLIENT_IDENTIFIER: Final = 61
_ADDRESS_OCTETS: Final = 4
# Host names that are remembered for lines about clients; the longest unseen is forgotten beyond.
NAMES_MAXIMUM: Final = 65_536


def client_test(text: str, tape: Tape) -> Callable[[Entry], bool]:
    """What tells a client's packets, and late answers to them, in `tape`. Raises TapeUnreadable."""
    address = address_of(text)
    if address is not None:
        return lambda entry: address in _addresses(entry)
    octets = octets_of(text)
    if octets is not None:
        return lambda entry: octets in _names(entry)
    own = text.encode("utf-8", "surrogateescape")
    wanted = {own, b"\0" + own, *hardware_named(tape, text)}
    return lambda entry: not wanted.isdisjoint(_names(entry)) or _is_called(entry, own.lower())


def address_of(text: str) -> int | None:
    """The number of an IPv4 address, None where the text is none."""
    try:
        return int(IPv4Address(text))
    except ValueError:
        return None


def hardware_of_client(tape: Tape, text: str) -> frozenset[bytes]:
    """The hardware addresses of a client that is named by one, or by a host name. Raises TapeUnreadable."""
    octets = octets_of(text)
    return hardware_named(tape, text) if octets is None else frozenset({octets})


def hardware_named(tape: Tape, name: str) -> frozenset[bytes]:
    """The hardware addresses of all who give themselves this host name, up to damage. Raises TapeUnreadable."""
    own = name.encode("utf-8", "surrogateescape").lower()
    found: set[bytes] = set()
    try:
        for entry in tape.iterate():
            if isinstance(entry, Entry) and isinstance(entry.event, Packet) and _is_called(entry, own):
                found.add(hardware_of_payload(entry.event.payload))
    except DamagedTape:
        pass  # whoever asked reads the tape after this, and tells
    return frozenset(found - {b""})


def payloads_of(entry: Entry) -> Iterator[bytes]:
    """The messages of an entry: the one that came, or those that left late, for a packet before."""
    if isinstance(entry.event, Packet):
        yield entry.event.payload
        return
    for effect in entry.effects or ():
        if isinstance(effect, Send):
            yield effect.payload


def _addresses(entry: Entry) -> Iterator[int]:
    """The addresses that a packet is about: asked for, held, or given in the answer."""
    event = entry.event
    if isinstance(event, Packet):
        yield int.from_bytes(event.payload[_CIADDR], "big")
        requested = options_of(event.payload).get(_REQUESTED, b"")
        if len(requested) == _ADDRESS_OCTETS:
            yield int.from_bytes(requested, "big")
    for effect in entry.effects or ():
        if isinstance(effect, Send):
            yield int.from_bytes(effect.payload[_YIADDR], "big")


def _names(entry: Entry) -> Iterator[bytes]:
    for payload in payloads_of(entry):
        yield hardware_of_payload(payload)
        identifier = options_of(payload).get(_CLIENT_IDENTIFIER)
        if identifier is not None:
            yield identifier


def _is_called(entry: Entry, name: bytes) -> bool:
    """Whether the client gives itself this name (in small letters), or one that has a domain behind it."""
    if not name or not isinstance(entry.event, Packet):
        return False
    said = host_name(options_of(entry.event.payload)).lower()
    return said == name or said.startswith(name + b".")


class HostNames:
    """The host names that clients have given themselves so far, by hardware address."""

    def __init__(self) -> None:
        self._names: dict[bytes, bytes] = {}

    def learn(self, payload: bytes) -> None:
        """Take the name that a client's message has."""
        name = host_name(options_of(payload))
        if name:
            hardware = hardware_of_payload(payload)
            self._names.pop(hardware, None)
            self._names[hardware] = name
            if len(self._names) > NAMES_MAXIMUM:
                del self._names[next(iter(self._names))]

    def of(self, hardware: bytes) -> bytes:
        """The name that was last given, empty for none."""
        return self._names.get(hardware, b"")
