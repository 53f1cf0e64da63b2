"""The failover protocol's messages: what they name, and the same octets with pseudonyms, option by option."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ....engine.failover import wire
from ....engine.failover.link import LinkRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..findings import Findings
    from ..sources import Writer
    from .messages import Messages

_OPTION_OCTETS: Final = 4
_ASSIGNED_ADDRESS, _IDENTIFIER, _HARDWARE, _MESSAGE = 2, 4, 5, 16
_RELATIONSHIP: Final = 22
_NAMELESS: Final = frozenset({11, 28})  # buckets, and the make of the server


def _options(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(code, start, end) of the value of each option of each message, as far as they can be told."""
    at = 0
    while at + wire.HEADER_OCTETS <= len(data):
        stop = at + int.from_bytes(data[at : at + 2], "big")
        if stop < at + wire.HEADER_OCTETS:
            return
        here = at + max(data[at + 3], wire.HEADER_OCTETS)
        at = stop
        while here + _OPTION_OCTETS <= min(stop, len(data)):
            code, octets = (int.from_bytes(data[place : place + 2], "big") for place in (here, here + 2))
            here += _OPTION_OCTETS
            yield code, here, min(here + octets, stop, len(data))
            here += octets


def survey(data: bytes, findings: Findings) -> None:
    """Take what a connection's messages name into `findings`, and count what of them will stay."""
    for code, start, end in _options(data):
        value = data[start:end]
        if code == _IDENTIFIER:
            findings.identifier(value)
        elif code == _HARDWARE:
            findings.hardware_address(value[1:])
        elif code == _RELATIONSHIP:
            findings.leave("names of failover relationships")
        elif code not in _NAMELESS and (code not in wire.OPTIONS or wire.OPTIONS[code].form <= wire.OCTETS):
            option = wire.OPTIONS.get(code)
            findings.leave(f"{option.name if option else 'unknown options'} in failover messages")


class FailoverWriter:
    """Rewrites what came from a partner, or went to it."""

    def __init__(self, writer: Writer, messages: Messages) -> None:
        self._writer = writer
        self._kinds: Mapping[int, Callable[[bytes], bytes]] = {
            _ASSIGNED_ADDRESS: messages.addresses,
            _IDENTIFIER: messages.identifier,
            _MESSAGE: writer.text,
        }

    def rewrite(self, data: bytes) -> bytes:
        """The same octets with pseudonyms."""
        made = bytearray(data)
        for code, start, end in _options(data):
            if code not in wire.OPTIONS or wire.OPTIONS[code].form <= wire.OCTETS or code in self._kinds:
                made[start:end] = self._kinds.get(code, self._writer.anything)(data[start:end])
        return bytes(made)

    def state(self, part: dict[str, Any], held: Callable[[int], bytes]) -> dict[str, Any]:
        """The relationships of a snapshot; `held` gives what of a message had come on a connection."""
        connections = part["connections"] | {
            "links": [
                row._replace(endpoint=self._text(row.endpoint), held=held(row.stream))
                for row in (LinkRow(*fields) for fields in part["connections"]["links"])
            ],
            "complaints": {
                self._text(name): self._text(line) for name, line in part["connections"]["complaints"].items()
            },
        }
        endpoints = {self._text(name): endpoint for name, endpoint in part["endpoints"].items()}
        return part | {"endpoints": endpoints, "connections": connections}

    def _text(self, value: str) -> str:
        return self._writer.text(value.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
