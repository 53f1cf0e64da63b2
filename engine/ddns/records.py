"""What DNS holds, or is to hold, for one lease: plain data, and the lease variables that keep it.

The variables are ISC's (dhcpd.leases(5)), so that either server goes on where the other has stopped. A removal is made
of them alone, never of the configuration.

See docs/behaviour/dns-updates.md#variables-of-the-lease.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from ..model.context import Bindings
    from ..model.lease import Lease

FORWARD_NAME: Final = "ddns-fwd-name"
REVERSE_NAME: Final = "ddns-rev-name"
CLIENT_NAME: Final = "ddns-client-fqdn"
TXT: Final = 16
DHCID: Final = 49
# The type of the guard and the variable that holds it, in the order in which they are looked for.
GUARD_NAMES: Final[dict[int, str]] = {DHCID: "ddns-dhcid", TXT: "ddns-txt"}
# What of a lease says that DNS has something.
STORED: Final = frozenset({FORWARD_NAME, CLIENT_NAME, REVERSE_NAME, *GUARD_NAMES.values()})
# One character-string (RFC 1035, 3.3).
_TEXT_OCTETS_MAXIMUM: Final = 255


class Names(NamedTuple):
    """Names as text, as they are composed; empty for none.

    `forward` is the name of the A record, and what the PTR record at `reverse` points to. `guard`: the record of type
    `guard_type` (TXT or DHCID) that stands beside the A record, as its lease variable holds it; empty where the client
    looks after its own A record, and only the PTR record is this server's. `ttl` in seconds.
    """

    forward: bytes = b""
    guard_type: int = TXT
    guard: bytes = b""
    reverse: bytes = b""
    ttl: int = 0

    @property
    def guard_data(self) -> bytes:
        """The guard as a record's data."""
        return bytes((len(self.guard),)) + self.guard if self.guard_type == TXT else self.guard


def stored_names(lease: Lease) -> Names:
    """What the variables of a lease say that DNS has; all empty for nothing."""
    rare = lease.rare
    if rare is None or rare.variables is None:
        return Names()
    variables = rare.variables
    reverse = _text(variables, REVERSE_NAME)
    forward = _text(variables, FORWARD_NAME)
    if forward:
        for kind, name in GUARD_NAMES.items():
            guard = _text(variables, name)
            if guard and (kind != TXT or len(guard) <= _TEXT_OCTETS_MAXIMUM):
                return Names(forward, kind, guard, reverse)
    return Names(_text(variables, CLIENT_NAME), TXT, b"", reverse)


def stored_name(lease: Lease) -> tuple[bytes, bytes]:
    """`ddns-fwd-name` and `ddns-client-fqdn` of a lease, by which it is decided whether anything is new."""
    rare = lease.rare
    if rare is None or rare.variables is None:
        return b"", b""
    return _text(rare.variables, FORWARD_NAME), _text(rare.variables, CLIENT_NAME)


def has_guard(lease: Lease, kind: int) -> bool:
    """Whether a lease stores a guard of this type."""
    rare = lease.rare
    return rare is not None and rare.variables is not None and bool(_text(rare.variables, GUARD_NAMES[kind]))


def _text(variables: Bindings, name: str) -> bytes:
    value = variables.get(name)
    return value if isinstance(value, bytes) else b""
