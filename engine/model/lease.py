"""A lease: one dynamic address and everything that is known of who has it, and its binding states.

Fields and their meaning are those of the lease file. Times are seconds since 1970, 0 for none,
NEVER for no end. The class is slotted and lean (a site has a million of them): what is rare stands in `rare`.

See docs/behaviour/lease-file.md#meaning-of-each-field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .configuration import ClassName, Handler, Pool, Subnet
    from .context import Bindings

NEVER: Final = 2147483647

# Binding states, by ISC's numbers (OMAPI shows them).
FREE: Final = 1
ACTIVE: Final = 2
EXPIRED: Final = 3
RELEASED: Final = 4
ABANDONED: Final = 5
RESET: Final = 6
BACKUP: Final = 7
STATE_NAMES: Final = ("", "free", "active", "expired", "released", "abandoned", "reset", "backup")

# Flags.
BOOTP_FLAG: Final = 1
RESERVED_FLAG: Final = 2


class Rare:
    """What few leases have. `agent_options` are (code, value) in the packet's order; `variables` go by name.

    `padding`: what stood behind the hardware address in its 16 octets, where that was not zeros.
    """

    __slots__ = (
        "agent_options", "atsfp", "billing", "ddns", "host", "no_reuse", "on_commit", "on_expiry", "on_release",
        "padding", "pending", "tsfp", "variables",
    )  # fmt: skip

    def __init__(self) -> None:
        """All absent."""
        self.tsfp = 0
        self.atsfp = 0
        self.billing: ClassName | None = None
        self.variables: Bindings | None = None
        self.agent_options: tuple[tuple[int, bytes], ...] | None = None
        self.on_commit: Any = None
        self.on_expiry: Any = None
        self.on_release: Any = None
        self.host: str | None = None
        self.pending: Any = None
        self.no_reuse = False
        self.ddns: Any = None
        self.padding = b""

    def hear(self, handler: Handler) -> None:
        """Install a handler for the later events that it names."""
        if "expiry" in handler.events:
            self.on_expiry = handler
        if "release" in handler.events:
            self.on_release = handler


class Lease:
    """One address. `hardware` is type octet and address; `hostname` None where there is none.

    `pool` is None for a mock lease (a host's fixed address; then `static` is true). `key` is its place in its queue
    (queues.py), None while it stands among the addresses that were never filed.
    """

    __slots__ = (
        "address", "cltt", "ends", "flags", "hardware", "hostname", "key", "next_state", "pool", "rare",
        "rewind_state", "starts", "state", "subnet", "tstp", "uid",
    )  # fmt: skip

    def __init__(self, address: int, pool: Pool | None, subnet: Subnet | None) -> None:
        """A lease that was never used."""
        self.address = address
        self.pool = pool
        self.subnet = subnet
        self.starts = 0
        self.ends = 0
        self.tstp = 0
        self.cltt = 0
        self.state = FREE
        self.next_state = FREE
        self.rewind_state = FREE
        self.flags = 0
        self.hardware = b""
        self.uid = b""
        self.hostname: bytes | None = None
        self.key: int | None = None
        self.rare: Rare | None = None

    def rarely(self) -> Rare:
        """`rare`, made where it was missing."""
        rare = self.rare
        if rare is None:
            rare = self.rare = Rare()
        return rare

    @property
    def static(self) -> bool:
        """Whether this is a mock lease for a host's fixed address."""
        return self.pool is None
