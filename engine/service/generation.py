"""Everything that follows from one configuration, so that a reload can replace it as a whole.

What is made from the configuration is made here and kept nowhere else: the encoder and the tables of its registry, the
plans of scopes, the pools that need no look at their permits, the writer of records, the networks of the interfaces.
What a run has learned (leases, offers, charges, variables) is the server's and the database's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..conf.running.classify import open_pools
from ..lease.file.record import RecordWriter
from ..model.configuration import SharedNetwork
from ..wire.encode import Encoder
from .plan import Plans

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..declared import Declared


@dataclass(frozen=True)
class Interface:
    """An interface that is served: `address` is its first one, 0 for none."""

    name: str
    hardware: bytes
    address: int
    network: SharedNetwork | None


class Generation:
    """A configuration with what was made from it. `declared` is what came to the configuration at run time.

    `open_pools`, by pool index: whether its permits need no look. `interfaces`: those that are served, by name.
    """

    __slots__ = ("configuration", "declared", "encoder", "interfaces", "open_pools", "plans", "records")

    def __init__(self, declared: Declared, utc_offset_s: int, log: Callable[[int, str], None]) -> None:
        """No interface is served yet. `log` hears of variables that cannot be written to the lease file."""
        configuration = declared.configuration
        self.configuration = configuration
        self.declared = declared
        self.encoder = Encoder(configuration.registry)
        self.plans = Plans()
        self.records = RecordWriter(configuration, utc_offset_s, log)
        self.open_pools = open_pools(configuration)
        self.interfaces: dict[str, Interface] = {}
