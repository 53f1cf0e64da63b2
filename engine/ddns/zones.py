"""Where an update goes: the zone of a name, its servers, its key; and which zones are not to be asked.

A zone is found by the text of the name, the longest statement first. The statement is believed: whether it is a zone
of its own in DNS shows in the answers, and a server that says that it is not makes the zone repudiated.

See docs/behaviour/dns-updates.md#which-zone, docs/behaviour/dns-updates.md#repudiated-zones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from ..model.peers import Key
from .wire.message import until_nul

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.configuration import Configuration
    from ..model.peers import Zone

SERVERS_MAXIMUM: Final = 3
# So many zones that a search has found are kept; the names come from clients.
FOUND_MAXIMUM: Final = 256
# ... and so many that are not asked: where there are more, the oldest may be asked again.
REPUDIATED_MAXIMUM: Final = 1024


class ZoneHost(Protocol):
    """What zones need of the server."""

    now_us: int

    @property
    def configuration(self) -> Configuration:
        """The configuration in force, which has the zones and keys."""

    def addresses_of(self, name: str) -> tuple[int, ...] | None:
        """The addresses of a host name as last looked up."""


class Place(NamedTuple):
    """Where updates of a name go: `zone` as it is written; its servers (4 or 16 octets), which may be none; its key."""

    zone: str
    servers: tuple[bytes, ...]
    key: Key | None


class Zones:
    """The zones of the configuration in force, those that a search has found, and those not to be asked for a while.

    Zones of the last two kinds go by name and end at a moment of the event's clock, in microseconds since 1970.
    """

    __slots__ = ("_found", "_host", "_repudiated")

    def __init__(self, host: ZoneHost) -> None:
        """No zone is repudiated, and none was found."""
        self._host = host
        # Name in lower case -> the name as found, its servers, and until when they may be kept.
        self._found: dict[str, tuple[str, tuple[bytes, ...], int]] = {}
        self._repudiated: dict[str, int] = {}

    def find(self, name: bytes) -> Place | None:
        """The place of a name; None where no zone statement covers it, and no zone that was found."""
        configuration = self._host.configuration
        for text in suffixes(name):
            zone = configuration.zones.get(text)
            if zone is not None:
                key = None if zone.key is None else configuration.keys.get(zone.key)
                return Place(zone.name, self._servers(zone), key)
            found = self._found.get(text)
            if found is not None and found[2] > self._host.now_us:
                return Place(found[0], found[1], None)
        return None

    def keep(self, name: str, servers: tuple[bytes, ...], for_us: int) -> None:
        """A search has found a zone and its servers: they count for so many microseconds."""
        self._found.pop(name.lower(), None)
        if len(self._found) >= FOUND_MAXIMUM:
            del self._found[next(iter(self._found))]
        self._found[name.lower()] = (name, servers, self._host.now_us + for_us)
        self._repudiated.pop(name.lower(), None)

    def _servers(self, zone: Zone) -> tuple[bytes, ...]:
        """The servers' addresses, in the order in which they are asked: a host name counts by its first one."""
        found: list[bytes] = []
        for four, six in ((zone.primary, zone.primary6), (zone.secondary, zone.secondary6)):
            for entry in four:
                addresses = (entry,) if isinstance(entry, int) else (self._host.addresses_of(entry) or ())[:1]
                found += [address.to_bytes(4, "big") for address in addresses]
            found += six
        return tuple(found[:SERVERS_MAXIMUM])

    def repudiate(self, zone: str, until_us: int) -> None:
        """A server of the zone says that it is not one: nothing is asked of it until then."""
        self._repudiated.pop(zone.lower(), None)
        if len(self._repudiated) >= REPUDIATED_MAXIMUM:
            del self._repudiated[next(iter(self._repudiated))]
        self._repudiated[zone.lower()] = until_us

    def is_repudiated(self, zone: str) -> bool:
        """Whether nothing is asked of the zone now."""
        until_us = self._repudiated.get(zone.lower())
        if until_us is not None and until_us <= self._host.now_us:
            del self._repudiated[zone.lower()]
            return False
        return until_us is not None

    def forget(self) -> None:
        """Another configuration is in force: its zones are as good as any."""
        self._repudiated.clear()

    def snapshot(self) -> dict[str, Any]:
        """The zones that are not asked, and those that were found, as plain data."""
        found = [(key, name, list(servers), until_us) for key, (name, servers, until_us) in self._found.items()]
        return {"repudiated": list(self._repudiated.items()), "found": found}

    def restore(self, data: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._repudiated = dict(data["repudiated"])
        self._found = {key: (name, tuple(servers), until_us) for key, name, servers, until_us in data["found"]}


def suffixes(name: bytes) -> Iterator[str]:
    """A name and its parents as texts in lower case with a final dot, without the root."""
    text = until_nul(name).decode("utf-8", "surrogateescape").lower()
    if not text.endswith("."):
        text += "."
    while text.strip("."):
        yield text
        text = text.partition(".")[2]
