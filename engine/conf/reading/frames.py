"""Where in a configuration the parser is: the block being read and what it has met there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .symbols import Network

GLOBAL: Final = "global"
SHARED_NETWORK: Final = "shared-network"
SUBNET: Final = "subnet"
GROUP: Final = "group"
POOL: Final = "pool"
POOL6: Final = "pool6"
CLASS: Final = "class"
SUBCLASS: Final = "subclass"
HOST: Final = "host"


@dataclass
class HostState:
    """What a host block has had."""

    name: str
    hardware: bool = False
    fixed_address: bool = False
    identifier: bool = False
    deleted: bool = False
    sets_options: bool = False
    uid: bytes | None = None


@dataclass
class PoolState:
    """What a pool block has had."""

    ranges: int = 0
    after: bool = False
    failover_peer: str | None = None


class Frame:
    """A block: its kind, the network and subnet around it; `declared` picks the text for what is no statement.

    `included` says that a file is being read in the block's place, where fewer statements are known.
    """

    __slots__ = ("declared", "host", "included", "kind", "match_if", "network", "pool", "submatch", "subnet")

    def __init__(self, kind: str, network: Network | None = None, subnet: tuple[int, int] | None = None) -> None:
        """A block of that kind, in a network and subnet or none (number, mask)."""
        self.kind = kind
        self.network = network
        self.subnet = subnet
        self.declared = False
        self.included = False
        self.host: HostState | None = None
        self.pool: PoolState | None = None
        self.match_if = False
        self.submatch = False

    def inner(self, kind: str) -> Frame:
        """A block within this one, in the same network."""
        return Frame(kind, self.network, self.subnet)
