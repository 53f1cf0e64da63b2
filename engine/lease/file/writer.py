"""The lease file written anew, one record for each object, in slices so that no packet waits.

What changes while a rewrite is open is appended behind it by its own record, which is the one that counts; here it is
enough that nothing is left out. Declarations are those of the moment at which it began: one that comes meanwhile would
else stand there twice, and one that goes would have another skipped. A queue is copied when its turn comes; a lease
that has moved within it since then is written where it stood. The copy holds one key for each lease, so that a lease is
written once, and a rewrite that goes on from a snapshot writes the same. Who opens and installs files is the program.

See docs/behaviour/lease-file.md#shape-of-the-file, docs/behaviour/lease-file.md#what-is-written-when.
"""

from __future__ import annotations

from heapq import heappop
from typing import TYPE_CHECKING, Any, Final

from ..queues import ADDRESS_MASK, FREE_QUEUE, QUEUES, key_order, key_time
from .record import RecordWriter, left_out
from .state_reader import failover_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...model.configuration import Configuration
    from ...model.lease import Lease
    from ..database import Database

# About two milliseconds' worth of leases looked at, or of other records.
SLICE_LEASES: Final = 320
SLICE_DECLARATIONS: Final = 1000
_KEY_OCTETS: Final = 16
_VERSION: Final = "isc-dhcp-4.4.3-P1"


def header(byte_order: str = "little") -> bytes:
    """The first lines of the file (docs/behaviour/lease-file.md#header-of-the-file)."""
    return (
        "# The format of this file is documented in the dhcpd.leases(5) manual page.\n"
        f"# This lease file was written by {_VERSION}\n\n"
        "# authoring-byte-order entry is generated, DO NOT DELETE\n"
        f"authoring-byte-order {byte_order}-endian;\n\n"
    ).encode()


class Rewriter:
    """One rewrite: call `next_slice` until it gives None, then `summary`."""

    __slots__ = (
        "_ahead", "_begun", "_counts", "_database", "_in_place", "_keys", "_now", "_orphans", "_position", "_texts",
        "_titled", "_writer", "byte_order",
    )  # fmt: skip

    def __init__(
        self,
        database: Database,
        configuration: Configuration,
        utc_offset_s: int = 0,
        now: int | None = None,
        byte_order: str = "little",
    ) -> None:
        """`now` in seconds since 1970 (default: when the lease file was read) decides which billing is of use."""
        self._database = database
        self._writer = RecordWriter(configuration, utc_offset_s)
        self._now = database.now if now is None else now
        self.byte_order = byte_order
        self._counts = {"class": 0, "group": 0, "rubout": 0, "lease": 0}
        # Whether the file's header was written, and the declarations that were not, the last one first.
        self._titled = False
        self._texts = [*database.declarations.texts()][::-1]
        self._orphans = [*database.orphans]
        # Where it is: -1 before the leases, then six queues for each pool; the copy of the queue; the leases without
        # a time that stand among the pool's unused addresses, and whether their turn has come.
        self._position = -1
        self._begun = 0
        self._keys: tuple[list[int], list[int]] = ([], [])
        self._in_place: list[int] = []
        self._ahead = False

    def next_slice(self) -> bytes | None:
        """The next piece of the file, which may be empty; None behind the last."""
        if self._position < 0:
            return self._declarations()
        records: list[str] = []
        if self._orphans:
            return self._some_orphans()
        for _step in range(SLICE_LEASES):
            lease = self._next_lease()
            if lease is not None and not left_out(lease):
                records.append(self._writer.text(lease, self._now))
            elif self._position >= self._end:
                break
        self._counts["lease"] += len(records)
        if not records and self._position >= self._end:
            return None
        return "".join(records).encode("utf-8", "surrogateescape")

    def _some_orphans(self) -> bytes:
        """Leases that are in no range any more: a mistake in the configuration can be taken back."""
        addresses, self._orphans = self._orphans[:SLICE_LEASES], self._orphans[SLICE_LEASES:]
        orphans = [self._database.orphans[one] for one in addresses if one in self._database.orphans]
        self._counts["lease"] += len(orphans)
        return b"".join([self._writer.record(lease, self._now) for lease in orphans])

    @property
    def _end(self) -> int:
        return len(self._database.pool_order) * QUEUES

    def _declarations(self) -> bytes:
        """Everything but leases: a slice of it."""
        pieces = [] if self._titled else [header(self.byte_order)]
        self._titled = True
        for _step in range(min(SLICE_DECLARATIONS, len(self._texts))):
            heading, text = self._texts.pop()
            self._counts[heading] = self._counts.get(heading, 0) + 1
            pieces.append(text)
        if not self._texts:
            pieces += self._states()
            self._open(0)
        return b"".join(pieces)

    def _states(self) -> Iterator[bytes]:
        """The failover states, and the DUID of version 6, which ISC forgets at every other rewrite."""
        for name, state in self._database.failover_states.items():
            yield failover_record(name, state, self._writer)
        duid = self._database.server_duid
        if duid is not None:
            yield f"server-duid {self._writer.identifier(duid)};\n\n".encode()

    def _open(self, position: int) -> None:
        """Take up a queue."""
        self._position = position
        if position >= self._end:
            return
        pool = self._database.pool_order[position // QUEUES]
        number = position % QUEUES
        queue = self._database.swept_queue(pool, number)
        self._begun = self._database.latest_order
        self._keys = (queue.moving.copy(), queue.staying.copy())
        self._in_place = self._database.in_place(pool)[::-1] if number == FREE_QUEUE else []
        self._ahead = False

    def _next_lease(self) -> Lease | None:
        """One step: a lease to write, or None for a place that nobody holds any more, or for a queue's end."""
        if self._ahead and self._in_place:
            return self._database.entered(self._in_place.pop())
        moving, staying = self._keys
        heap = moving if moving and (not staying or moving[0] < staying[0]) else staying
        if self._in_place and (not heap or key_time(heap[0]) > 0):
            self._ahead = True
            return None
        if not heap:
            self._skip_empty()
            return None
        key = heappop(heap)
        lease = self._database.entered(key & ADDRESS_MASK)
        place = lease.key
        # It stands where it stood, or has moved since, within this queue or to another.
        return lease if place == key or (place is not None and key_order(place) < self._begun) else None

    def _skip_empty(self) -> None:
        """To the next queue that holds anything."""
        if self._position < self._end:
            self._open(self._position + 1)

    def summary(self) -> list[str]:
        """ISC's lines, in its order. It counts failures where it says new dynamic hosts: always 0.

        See docs/behaviour/lease-file.md#log-lines-of-a-rewrite.
        """
        counts, declared = self._counts, self._database.declared
        lines: list[str] = []
        if declared.classes:
            lines.append(f"Wrote {counts['class']} class decls to leases file.")
        if declared.groups:
            lines.append(f"Wrote {counts['group']} group decls to leases file.")
        if declared.hosts.count or counts["rubout"]:
            lines.append(f"Wrote {counts['rubout']} deleted host decls to leases file.")
            lines.append("Wrote 0 new dynamic host decls to leases file.")
        lines.append(f"Wrote {counts['lease']} leases to leases file.")
        return lines

    def snapshot(self) -> dict[str, Any]:
        """How far it is, as plain data."""
        return {
            "now": self._now,
            "byte_order": self.byte_order,
            "counts": dict(self._counts),
            "titled": self._titled,
            "texts": list(self._texts),
            "orphans": list(self._orphans),
            "position": self._position,
            "begun": self._begun,
            "keys": [_packed(heap) for heap in self._keys],
            "in_place": list(self._in_place),
            "ahead": self._ahead,
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Go on where the rewrite that gave `data` was."""
        self._now = data["now"]
        self.byte_order = data["byte_order"]
        self._counts = dict(data["counts"])
        self._titled = data["titled"]
        self._texts = [(heading, text) for heading, text in data["texts"]]
        self._orphans = list(data["orphans"])
        self._position = data["position"]
        self._begun = data["begun"]
        moving, staying = [_unpacked(packed) for packed in data["keys"]]
        self._keys = (moving, staying)
        self._in_place = list(data["in_place"])
        self._ahead = data["ahead"]


def _packed(heap: list[int]) -> bytes:
    """A heap's keys in order, which is a heap as well: how one came to stand is no part of the state."""
    return b"".join([key.to_bytes(_KEY_OCTETS, "big") for key in sorted(heap)])


def _unpacked(packed: bytes) -> list[int]:
    return [int.from_bytes(packed[at : at + _KEY_OCTETS], "big") for at in range(0, len(packed), _KEY_OCTETS)]
