"""The lease file read: every record in order, the last one of an address counts.

Nearly all records were written by ISC's server or by this one, in one layout: those are canonical.py's. Whatever
differs goes, one item at a time, to tokens.py and record_reader.py, or, being a host, group or class, to the
configuration's parser. Damage costs the item or statement that it lies in and nothing else. The file
comes in pieces and is never whole in memory; the pieces are given back as they are used up.

See docs/behaviour/lease-file.md#shape-of-the-file, docs/behaviour/lease-file.md#what-is-accepted,
docs/behaviour/lease-file.md#declarations-made-at-run-time, docs/behaviour/lease-file.md#failover-state-record,
docs/behaviour/lease-file.md#start-with-a-lease-file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ....trace.effects import ERROR
from ..embedded import Statements
from ..instantiate import instantiate
from .canonical import RECORD, CanonicalReader
from .complaints import CORRUPT, POSSIBLY_CORRUPT, Complaints, StatementError
from .record_reader import RecordReader
from .state_reader import read_failover_state
from .tokens import STRING, Item, open_comment, read_item, skip_space

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.configuration import Configuration
    from ..database import Database

# An item longer than this cannot be one: what is cut short at its start ends here at the latest.
ITEM_MAX_OCTETS: Final = 4 << 20
_ZEROS: Final = re.compile(rb"\0[\0\s]*")
_WRONG_ORDER: Final = "WARNING: Lease file authored using different byte order, will attempt to convert"


class LeaseFileReader:
    """Reads one lease file; `canonical.loaded` holds the leases by address, in the order of their last records."""

    def __init__(
        self,
        database: Database,
        configuration: Configuration,
        log: Callable[[int, str], None],
        name: str,
        now: int,
        byte_order: str = "little",
    ) -> None:
        """`name` is the file's, for messages; `now` in seconds since 1970; `byte_order` the machine's."""
        self.database = database
        self.configuration = configuration
        self.complaints = Complaints(name, log)
        self.statements = Statements(database.declared, name)
        self.records = RecordReader(database, self.statements, self.complaints, now)
        self.canonical = CanonicalReader(database, configuration, self.statements, self.records, log)
        self._log = log
        self._now = now
        self._byte_order = byte_order
        self._order_seen = False
        # How much of the data an item had that goes on in the next part.
        self._open_octets = 0
        self._ends_in_zeros = False

    def read(self, parts: list[bytes]) -> None:
        """Read the whole file; empties `parts`."""
        parts.reverse()
        data, at = b"", 0
        while True:
            data, at = self._next_piece(data, at, parts)
            at = self._piece(data, at, last=not parts)
            if not parts and at >= len(data):
                return

    def _next_piece(self, data: bytes, at: int, parts: list[bytes]) -> tuple[bytes, int]:
        """What is left of the data with the next part; with several where an item was open, lest it be cut for each."""
        pieces, octets = [data[at:]], 0
        while parts and (not octets or octets < self._open_octets):
            pieces.append(parts.pop())
            octets += len(pieces[-1])
        self._open_octets = 0
        data = b"".join(pieces)
        self.complaints.go_on(at, data)
        return data, 0

    def _piece(self, data: bytes, at: int, *, last: bool) -> int:
        """Read the items of one piece; where the first one begins that may go on in the next piece."""
        match, read = RECORD.match, self.canonical.read
        while True:
            found = match(data, at)
            if found is not None and read(found):
                at = found.end()
                continue
            before, at = at, skip_space(data, at)
            if at >= len(data):
                return at if last else open_comment(data, before)
            if found is None and match(data, at) is not None:
                continue
            if not data[at]:
                at = self._zeros(data, at)
                continue
            item = read_item(data, at, len(data), top=True)
            if item.open and not last and len(data) - at < ITEM_MAX_OCTETS:
                self._open_octets = len(data) - at
                return at
            self._item(item)
            at = max(item.end, at + 1)

    def _zeros(self, data: bytes, at: int) -> int:
        """Octets that were never written, of a disk that lost its power: there may be millions. Where they end."""
        found = _ZEROS.match(data, at)
        assert found is not None
        if at or not self._ends_in_zeros:
            self._log(ERROR, CORRUPT)
        self._ends_in_zeros = found.end() == len(data)
        return found.end()

    # Items in any layout

    def _item(self, item: Item) -> None:
        keyword = item.tokens[0].word if item.tokens else ""
        handler = _ITEMS.get(keyword)
        if handler is None or (item.block is None and keyword in _BLOCKS):
            self._log(ERROR, CORRUPT)
        elif not item.whole:
            self.complaints.warn("unexpected end of file" if item.open else POSSIBLY_CORRUPT, item.end)
        else:
            handler(self, item)

    def _lease(self, item: Item) -> None:
        address = self.records.address(item)
        if address is None:
            return
        lease = self.canonical.new_lease(address)
        if lease is not None:
            self.records.read(lease, item)
            self.canonical.enter(lease)

    def _declaration(self, item: Item) -> None:
        text = self.complaints.data[item.start : item.end]
        lines: list[tuple[int, str]] = []
        node = self.statements.declaration(text, self.complaints.line_of(item.start), lines)
        self.complaints.pass_on(lines)
        if node is not None:
            self.database.declare(node, text)

    def _failover_state(self, item: Item) -> None:
        try:
            name, state = read_failover_state(item, self.complaints, self._now)
        except StatementError as error:
            self.complaints.warn(error.text, error.at)
            return
        if name not in self.configuration.failover_peers:
            self.complaints.warn(f"unknown failover peer: {name}", item.tokens[-1].end)
            return
        self.database.failover_states[name] = state

    def _server_duid(self, item: Item) -> None:
        token = item.tokens[1] if len(item.tokens) > 1 else None
        if token is not None and token.kind == STRING:
            self.database.server_duid = token.text
            return
        digits = [one.text for one in item.tokens[1::2]]
        try:
            self.database.server_duid = bytes([int(one, 16) & 0xFF for one in digits]) or None
        except ValueError:
            self.complaints.warn("expecting numeric value.", item.end)

    def _authoring_byte_order(self, item: Item) -> None:
        word = b"".join([token.text for token in item.tokens[1:]]).lower()
        if self._order_seen:
            text = "authoring-byte-order specified too late.\nIt must occur before the first lease in file\n"
            self.complaints.warn(text, item.end)
        elif word not in {b"little-endian", b"big-endian"}:
            text = "authoring-byte-order is invalid:  it must be big-endian or little-endian."
            self.complaints.warn(text, item.end)
        elif not word.startswith(self._byte_order.encode()):
            self._log(ERROR, _WRONG_ORDER)
        self._order_seen = True

    def _version_6(self, item: Item) -> None:
        kind = item.tokens[0].word.upper().replace("-", "_")
        self.complaints.warn(f"{kind} is only supported in DHCPv6 mode.", item.tokens[0].end)


_BLOCKS: Final = frozenset({"lease", "host", "group", "class", "subclass", "failover"})
_ITEMS: Final[dict[str, Callable[[LeaseFileReader, Item], None]]] = {
    "lease": LeaseFileReader._lease,
    "host": LeaseFileReader._declaration,
    "group": LeaseFileReader._declaration,
    "class": LeaseFileReader._declaration,
    "subclass": LeaseFileReader._declaration,
    "failover": LeaseFileReader._failover_state,
    "server-duid": LeaseFileReader._server_duid,
    "authoring-byte-order": LeaseFileReader._authoring_byte_order,
    "ia-na": LeaseFileReader._version_6,
    "ia-ta": LeaseFileReader._version_6,
    "ia-pd": LeaseFileReader._version_6,
}


def load_lease_file(
    parts: list[bytes],
    database: Database,
    configuration: Configuration,
    log: Callable[[int, str], None],
    name: str,
    now: int,
    byte_order: str = "little",
) -> None:
    """Read a lease file, given in pieces (the list is emptied), and put its leases into a fresh database.

    `name` is the file's, for messages; `now` in seconds since 1970. Leases that have run out are not touched: the
    service asks the database what is due. Nothing is raised, whatever the file holds.
    """
    reader = LeaseFileReader(database, configuration, log, name, now, byte_order)
    reader.read(parts)
    instantiate(database, reader.canonical.loaded, now)
