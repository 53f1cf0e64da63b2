"""The lease file read: every record in order, the last one of an address counts.

Nearly all records were written by ISC's server or by this one, in one layout; a single expression takes such a record
apart. Whatever it does not match goes, one item at a time, to tokens.py and record_reader.py, or, being a host, group
or class, to the configuration's parser. Damage costs the item or statement that it lies in and nothing else. The file
comes in pieces and is never whole in memory; the pieces are given back as they are used up.

See docs/behaviour/lease-file.md#shape-of-the-file, docs/behaviour/lease-file.md#what-is-accepted,
docs/behaviour/lease-file.md#declarations-made-at-run-time, docs/behaviour/lease-file.md#failover-state-record,
docs/behaviour/lease-file.md#start-with-a-lease-file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ....trace.effects import ERROR
from ...model.configuration import ClassName
from ...model.context import variable_name
from ...model.lease import BOOTP_FLAG, RESERVED_FLAG, Lease
from ..embedded import Statements
from ..instantiate import instantiate
from .complaints import CORRUPT, POSSIBLY_CORRUPT, Complaints, StatementError
from .dates import DateReader, wrapped
from .record import address_text
from .record_reader import STATES, RecordReader
from .state_reader import read_failover_state
from .tokens import STRING, Item, open_comment, read_item, skip_space, unescape

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.configuration import Configuration
    from ..database import Database

# An item longer than this cannot be one: what is cut short at its start ends here at the latest.
ITEM_MAX_OCTETS: Final = 4 << 20
# Values that a million leases share are kept once. They come from clients, so their number is bounded.
_SHARED_MAX: Final = 4096

_DATE: Final = rb"(\d \d{4}/\d\d/\d\d \d\d:\d\d:\d\d|never|epoch \d{1,10});(?: #[^\n]*)?\n"
_STRING: Final = rb'"(?:[^"\\\n]|\\[0-3][0-7][0-7]|\\["\\])*"'
_STATE: Final = rb"binding state (free|active|expired|released|abandoned|reset|backup);\n"
# A whole record as servers write it, its lines in their one order, so that a file of a million leases is read in C.
# Whatever differs by a blank goes the slow way: the expression may be strict.
_RECORD: Final = re.compile(
    rb"lease (\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3}) \{\n"
    rb"(?:  starts " + _DATE + rb")?(?:  ends " + _DATE + rb")?(?:  tstp " + _DATE + rb")?"
    rb"((?:  a?tsfp [^\n]*\n)*)(?:  cltt " + _DATE + rb")?"
    rb"  " + _STATE + rb"(?:  next " + _STATE + rb")?(?:  rewind " + _STATE + rb")?"
    rb"(  reserved;\n)?(  dynamic-bootp;\n)?"
    rb'(?:  billing (?:sub)?class "([^"\\\n]*)"(?: (?:"([^"\\\n]*)"|([0-9a-f]{2}(?::[0-9a-f]{2})*)))?;\n)?'
    rb"(?:  hardware (ethernet|token-ring|fddi|infiniband|unknown-\d{1,3}) "
    rb"((?:[0-9a-f]{2}(?::[0-9a-f]{2}){0,19})?);\n)?"
    rb"(?:  uid (?:(" + _STRING + rb")|([0-9a-f]{2}(?::[0-9a-f]{2})*));\n)?"
    rb"((?:  set [^\n]*\n)*(?:  option agent[^\n]*\n)*)"
    rb'(?:  client-hostname "([^"\\\n]*)";\n)?'
    rb"((?:  on [a-z ]+ \{\n(?:    [^\n]*\n)*+  \}\n)*+)"
    rb"\}\n"
)  # fmt: skip
_SET: Final = re.compile(rb"  set ([A-Za-z][A-Za-z0-9_-]*) = (?:(" + _STRING + rb")|%(-?\d{1,10})|(true|false));\n")
_AGENT: Final = re.compile(
    rb"  option agent\.([A-Za-z0-9-]+) (?:("
    rb'"(?:[^"\\\n]|\\.)*"'
    rb")|([0-9a-f]{1,2}(?::[0-9a-f]{1,2})*));\n"
)
_HANDLER: Final = re.compile(rb"  (on [^\n]*\n(?:    [^\n]*\n)*  \})\n")
_FAILOVER_TIME: Final = re.compile(rb"  (a?tsfp) " + _DATE)
_HARDWARE: Final = {b"ethernet": b"\x01", b"token-ring": b"\x06", b"fddi": b"\x08", b"infiniband": b"\x20"}
_STATE_NUMBERS: Final = {name.encode(): number for name, number in STATES.items()}
_WRONG_ORDER: Final = "WARNING: Lease file authored using different byte order, will attempt to convert"


def _string(text: bytes) -> bytes:
    """The content of a string that has octal escapes only; with its quotation marks."""
    inner = text[1:-1]
    return inner.decode("unicode_escape").encode("latin-1") if b"\\" in inner else inner


def _unknown_code(name: bytes) -> int | None:
    """The code in `unknown-N`."""
    if not name.startswith(b"unknown-") or not name[8:].isdigit():
        return None
    code = int(name[8:][:9])
    return code if code < 256 else None  # noqa: PLR2004 - an octet


class LeaseFileReader:
    """Reads one lease file; `loaded` holds the leases by address, in the order of their last records."""

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
        self.loaded: dict[int, Lease] = {}
        self.complaints = Complaints(name, log)
        self.statements = Statements(database.declared, name)
        self.records = RecordReader(database, self.statements, self.complaints, now)
        self._log = log
        self._now = now
        self._dates = DateReader()
        self._byte_order = byte_order
        self._order_seen = False
        self._shared: dict[bytes, bytes] = {}
        self._variable_names: dict[bytes, str] = {}
        agent = configuration.registry.spaces.get("agent")
        self._agent = {} if agent is None else agent.by_name

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
        data = data[at:] + parts.pop() if parts else data[at:]
        self.complaints.go_on(at, data)
        return data, 0

    def _piece(self, data: bytes, at: int, *, last: bool) -> int:
        """Read the items of one piece; where the first one begins that may go on in the next piece."""
        match = _RECORD.match
        while True:
            found = match(data, at)
            if found is not None:
                after = self._canonical(found)
                if after:
                    at = after
                    continue
            before, at = at, skip_space(data, at)
            if at >= len(data):
                return at if last else open_comment(data, before)
            if found is None and match(data, at) is not None:
                continue
            item = read_item(data, at, len(data), top=True)
            if item.open and not last and len(data) - at < ITEM_MAX_OCTETS:
                return at
            self._item(item)
            at = max(item.end, at + 1)

    def _canonical(self, found: re.Match[bytes]) -> int:
        """A record in the layout that is written; where it ends, or 0 where something in it wants the slow way."""
        (a, b, c, d, starts, ends, tstp, failover, cltt, state, next_state, rewind, reserved, bootp,
         class_name, class_key, class_hex, hardware_type, hardware, uid, hex_uid, options, hostname,
         handlers) = found.groups()  # fmt: skip
        address = ((int(a) & 255) << 24) + ((int(b) & 255) << 16) + ((int(c) & 255) << 8) + (int(d) & 255)
        lease = self._new_lease(address)
        if lease is None:
            return found.end()
        date = self._date
        lease.starts, lease.ends, lease.cltt = date(starts), date(ends), date(cltt)
        lease.tstp = lease.ends if tstp is None else date(tstp)
        numbers = _STATE_NUMBERS
        lease.state = number = numbers[state]
        lease.next_state = number if next_state is None else numbers[next_state]
        lease.rewind_state = number if rewind is None else numbers[rewind]
        lease.flags = (RESERVED_FLAG if reserved else 0) | (BOOTP_FLAG if bootp else 0)
        if hardware_type is not None:
            kind = _HARDWARE.get(hardware_type) or bytes((int(hardware_type[8:]) & 255,))
            lease.hardware = kind + bytes.fromhex(hardware.replace(b":", b"").decode("ascii"))
        if uid is not None:
            lease.uid = _string(uid)
            if not lease.uid:
                lease.rarely().empty_uid = True
        elif hex_uid is not None:
            lease.uid = bytes.fromhex(hex_uid.replace(b":", b"").decode("ascii"))
        if (options and not self._options(lease, options)) or (failover and not self._failover(lease, failover)):
            return 0
        if handlers and not self._on(lease, handlers):
            return 0
        if class_name is not None and not self._billing(lease, class_name, class_key, class_hex):
            return 0
        lease.hostname = hostname
        self._enter(lease)
        return found.end()

    def _date(self, text: bytes | None) -> int:
        return 0 if text is None else self._dates.read(text)

    def _options(self, lease: Lease, text: bytes) -> bool:
        """`set` lines, then `option agent.` lines; False where one is not as it is written."""
        at = 0
        bindings: dict[str, Any] = {}
        while found := _SET.match(text, at):
            name, string, number, truth = found.groups()
            key = self._variable_names.get(name) or self._new_variable_name(name)
            if string is not None:
                bindings[key] = self._share(_string(string))
            else:
                bindings[key] = truth == b"true" if number is None else wrapped(int(number))
            at = found.end()
        members: list[tuple[int, bytes]] = []
        while found := _AGENT.match(text, at):
            member = self._agent_option(*found.groups())
            if member is None:
                return False
            members.append(member)
            at = found.end()
        rare = lease.rarely()
        rare.variables = bindings or None
        rare.agent_options = tuple(members) or None
        return at == len(text)

    def _agent_option(self, name: bytes, string: bytes | None, octets: bytes | None) -> tuple[int, bytes] | None:
        """Code and value where the option is text or octets, as nearly all are."""
        code = _unknown_code(name)
        if code is None:
            option = self._agent.get(name.decode("ascii").lower())
            if option is None or option.format != "X":
                return None
            code = option.code
        if string is not None:
            return code, unescape(string[1:-1])
        assert octets is not None
        return code, bytes([int(octet, 16) for octet in octets.split(b":")])

    def _new_variable_name(self, spelled: bytes) -> str:
        if len(self._variable_names) >= _SHARED_MAX:
            self._variable_names.clear()
        made = self._variable_names[spelled] = variable_name(spelled.decode("ascii"))
        return made

    def _share(self, value: bytes) -> bytes:
        """One object for values that are the same in record after record; bounded."""
        if len(self._shared) >= _SHARED_MAX:
            self._shared.clear()
        return self._shared.setdefault(value, value)

    def _on(self, lease: Lease, text: bytes) -> bool:
        """`on` blocks; False where one cannot be read, or complains."""
        for found in _HANDLER.findall(text):
            lines: list[tuple[int, str]] = []
            handler = self.statements.handler(found, 1, lines)
            if handler is None or lines:
                return False
            lease.rarely().hear(handler)
        return True

    def _billing(self, lease: Lease, name: bytes, key: bytes | None, octets: bytes | None) -> bool:
        """The class, or subclass, that a lease is charged to; False where it is unknown."""
        if octets is not None:
            key = bytes.fromhex(octets.replace(b":", b"").decode("ascii"))
        billing = ClassName(name.decode("utf-8", "surrogateescape"), key)
        lease.rarely().billing = billing
        return self.records.billed_class(billing)

    def _failover(self, lease: Lease, text: bytes) -> bool:
        at = 0
        while at < len(text):
            found = _FAILOVER_TIME.match(text, at)
            if found is None:
                return False
            setattr(lease.rarely(), found[1].decode("ascii"), self._dates.read(found[2]))
            at = found.end()
        return True

    def _new_lease(self, address: int) -> Lease | None:
        """An empty lease for an address; None, with ISC's line, where no pool holds it."""
        lease = self.database.find(address)
        if lease is None:
            self._log(ERROR, f"lease {address_text(address)}: no subnet.")
        return lease

    def _enter(self, lease: Lease) -> None:
        """The last record of an address counts, and counts as entered last."""
        loaded = self.loaded
        if lease.address in loaded:
            del loaded[lease.address]
        loaded[lease.address] = lease

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
        lease = self._new_lease(address)
        if lease is not None:
            self.records.read(lease, item)
            self._enter(lease)

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
    instantiate(database, reader.loaded, now)
