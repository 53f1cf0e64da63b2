"""A machine's leases and pools as rows: for `at`, `history`, `diff` and `stats`, and for whoever wants them as data.

Only leases that were ever used are rows; a pool's count of free addresses has the others. The machine stays as it is.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...engine.model.change import Cause
from ...engine.model.lease import ABANDONED, NEVER, STATE_NAMES
from ..showing.describe import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...engine.machine import Machine
    from ...engine.model.change import LeaseImage
    from ...engine.model.configuration import Pool
    from ...engine.model.lease import Lease

_SECOND_US = 1_000_000
_PRINTABLE = range(0x21, 0x7F)


class LeaseRow(NamedTuple):
    """An address: `hardware` without the type octet, `state` by ISC's name, times in seconds since 1970, 0 for none."""

    address: int
    state: str
    hardware: bytes
    uid: bytes
    hostname: bytes
    starts: int
    ends: int
    cltt: int

    @property
    def client(self) -> tuple[bytes, bytes]:
        """What tells the client: its identifier, else its hardware address."""
        return (b"", self.uid) if self.uid else (self.hardware, b"")

    @property
    def who(self) -> str:
        """The client as text, empty for none."""
        return self.hardware.hex(":") or identifier(self.uid)


class PoolRow(NamedTuple):
    """A pool: its shared network or subnet, its ranges as text, and how many addresses are in which state.

    `free` is what is in no other state: reserved and offered addresses are among it.
    """

    network: str
    ranges: str
    total: int
    active: int
    free: int
    expired: int
    abandoned: int
    backup: int


# Why a lease changed, as people say it.
CAUSES: Final[dict[Cause, str]] = {
    Cause.OFFER: "offered",
    Cause.CONFIRM: "its client is told again what it has",
    Cause.GRANT: "granted",
    Cause.RELEASE: "its client gave it back",
    Cause.REVOKE: "its client may not keep it",
    Cause.ABANDON: "something else has the address",
    Cause.EXPIRE: "its time is over",
    Cause.OPERATOR: "an operator has written it over OMAPI",
    Cause.NAME: "DNS holds a name for it, or holds one no longer",
    Cause.PARTNER: "the failover partner says so",
    Cause.KEEP: "the failover partner has lost its lease file, and may have promised as much",
    Cause.ACKNOWLEDGE: "the failover partner knows of it",
    Cause.GIVE: "given to the failover partner",
}


def row_of(lease: Lease | LeaseImage) -> LeaseRow:
    """The row of a lease, as it is or as it was."""
    state = STATE_NAMES[lease.state] if 0 <= lease.state < len(STATE_NAMES) else str(lease.state)
    return LeaseRow(
        lease.address, state, lease.hardware[1:], lease.uid, lease.hostname or b"",
        lease.starts, lease.ends, lease.cltt,
    )  # fmt: skip


def lease_rows(machine: Machine) -> list[LeaseRow]:
    """Every lease that was ever used, by address."""
    server = machine.server
    if server is None:
        return []
    return sorted(row_of(lease) for lease in server.database.leases())


def lease_row(machine: Machine, address: int) -> LeaseRow | None:
    """The lease of an address; None where no pool has it."""
    lease = None if machine.server is None else machine.server.database.find(address)
    return None if lease is None else row_of(lease)


def pool_rows(machine: Machine) -> list[PoolRow]:
    """The pools in the configuration's order; counted by the queues, a million leases take no longer than one."""
    server = machine.server
    if server is None:
        return []
    rows = []
    for pool in server.configuration.pools:
        counts = server.database.counts(pool)
        used = counts.active + counts.expired + counts.abandoned + counts.backup
        rows.append(
            PoolRow(
                pool.network.name, ranges_text(pool), counts.lease_count, counts.active,
                counts.lease_count - used, counts.expired, counts.abandoned, counts.backup,
            )
        )
    return rows


def ranges_text(pool: Pool) -> str:
    """`10.0.0.1-10.0.0.9`, several with a space between."""
    return " ".join(f"{IPv4Address(low)}-{IPv4Address(high)}" for low, high in pool.ranges)


def pool_of(machine: Machine, address: int) -> Pool | None:
    """The pool that has an address."""
    server = machine.server
    return None if server is None else server.configuration.find_pool(address)


def in_pool(machine: Machine, rows: list[LeaseRow], address: int) -> Iterator[LeaseRow]:
    """Those of `rows` that are in the same pool as `address`."""
    wanted = pool_of(machine, address)
    return (row for row in rows if wanted is not None and pool_of(machine, row.address) is wanted)


def identifier(octets: bytes) -> str:
    """A client identifier as text where it is text (behind a type octet 0 too), else in hex."""
    text = octets[1:] if octets[:1] == b"\0" else octets
    if text and all(octet in _PRINTABLE for octet in text):
        return text.decode("ascii")
    return octets.hex(":")


def when(seconds: int) -> str:
    """A lease's time: `2026-11-24 05:47:27`, `never` for no end, empty for none."""
    if seconds >= NEVER:
        return "never"
    return moment(seconds * _SECOND_US).removesuffix(".000000 UTC") if seconds else ""


def lease_object(row: LeaseRow) -> dict[str, Any]:
    """A row as JSON has it."""
    return {
        "address": str(IPv4Address(row.address)),
        "state": row.state,
        "hardware": row.hardware.hex(":"),
        "client_id": row.uid.hex(":"),
        "hostname": row.hostname.decode("utf-8", "backslashreplace"),
        "starts": row.starts,
        "ends": row.ends,
        "cltt": row.cltt,
    }


def in_use(row: LeaseRow | None) -> bool:
    """Whether a client has the address."""
    return row is not None and row.state == "active"


def is_abandoned(row: LeaseRow | None) -> bool:
    """Whether the address is left alone because something else was found to have it."""
    return row is not None and row.state == STATE_NAMES[ABANDONED]
