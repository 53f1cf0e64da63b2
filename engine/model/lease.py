"""A lease: one dynamic address and everything that is known of who has it, and its binding states.

Fields and their meaning are those of the lease file. Times are seconds since 1970, 0 for none,
NEVER for no end. The class is slotted and lean (a site has a million of them): what is rare stands in `rare`.
Everybody reads leases; they are written in lease/commit.py, and made from a file or a snapshot in lease/.

See docs/behaviour/lease-file.md#meaning-of-each-field.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .configuration import ClassName, Handler, Host, Pool, Subnet
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

# Flags. The file has the first two; the others live in memory, as in ISC's server, and OMAPI shows them: the client's
# host name had a NUL behind it, and one that an operator may set, which nothing here reads.
BOOTP_FLAG: Final = 1
RESERVED_FLAG: Final = 2
NUL_FLAG: Final = 4
BROADCAST_FLAG: Final = 8

# The fields of `Rare` that hold handlers.
HANDLERS: Final = ("on_commit", "on_expiry", "on_release")


_RARE: Final = (
    "variables", "host", "agent_options", "billing", "on_expiry", "on_release", "on_commit", "no_reuse", "unwritten",
    "padding", "tsfp", "atsfp", "empty_uid",
)  # fmt: skip


class Rare:
    """What few leases have. `agent_options` are (code, value) in the packet's order; `variables` go by name.

    `padding`: what stood behind the hardware address in its 16 octets, where that was not zeros. `no_reuse`: the next
    ACK is stored, however young the lease is. `unwritten`: what was last granted had no reply, and is in no file.
    `empty_uid`: the lease file gave it an identifier of no octets, which is nobody's: no client sends one.
    """

    __slots__ = _RARE

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
        self.no_reuse = False
        self.unwritten = False
        self.padding = b""
        self.empty_uid = False

    def hear(self, handler: Handler) -> None:
        """Install a handler for the later events that it names."""
        if "expiry" in handler.events:
            self.on_expiry = handler
        if "release" in handler.events:
            self.on_release = handler

    @property
    def is_empty(self) -> bool:
        """Whether all are absent, so that the lease needs none of this."""
        return self.variables is None and _all_of(self) == _ABSENT


_all_of: Final = attrgetter(*_RARE)
_ABSENT: Final = _all_of(Rare())


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

    @classmethod
    def fixed(cls, address: int, subnet: Subnet, host: Host) -> Lease:
        """A mock lease for a fixed address of a host."""
        made = cls(address, None, subnet)
        made.hardware = host.hardware
        made.uid = host.uid
        made.rarely().host = host.name
        return made

    def rarely(self) -> Rare:
        """`rare`, made where it was missing."""
        rare = self.rare
        if rare is None:
            rare = self.rare = Rare()
        return rare

    def is_of(self, hardware: bytes, uid: bytes) -> bool:
        """Whether this client has it, or had it last."""
        return self.hardware == hardware and self.uid == uid

    @property
    def static(self) -> bool:
        """Whether this is a mock lease for a host's fixed address."""
        return self.pool is None
