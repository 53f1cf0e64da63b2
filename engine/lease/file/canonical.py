"""Records of leases in the one layout in which servers write them: nearly all of a file, and read the fast way.

A single expression takes such a record apart, so that a file of a million leases is read in C; what it finds is looked
up where it can be (minutes, states, networks: records share them) and made where it cannot. It refuses whatever
differs by a blank, and what complains: that is reader.py's, item by item, which alone knows what to say of it.

See docs/behaviour/lease-file.md#the-lease-record.
"""

from __future__ import annotations

import re
from codecs import getdecoder
from typing import TYPE_CHECKING, Any, Final

from ....trace.effects import ERROR
from ...model.configuration import ClassName
from ...model.context import variable_name
from ...model.lease import BOOTP_FLAG, RESERVED_FLAG, Lease
from .dates import DateReader, wrapped
from .record import address_text
from .record_reader import STATES
from .tokens import unescape

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...model.configuration import Configuration, Pool, Subnet
    from ..database import Database
    from ..embedded import Statements
    from .record_reader import RecordReader

# Values that a million leases share are kept once. They come from clients, so their number is bounded.
_SHARED_MAX: Final = 4096

_DATE: Final = rb"(\d \d{4}/\d\d/\d\d \d\d:\d\d:\d\d|never|epoch \d{1,10});(?: #[^\n]*)?\n"
_STRING: Final = rb'"(?:[^"\\\n]|\\(?:[0-3][0-7][0-7]|["\\]))*+"'
_STATE: Final = rb"(?:free|active|expired|released|abandoned|reset|backup);\n"
# A whole record as servers write it, its lines in their one order, so that a file of a million leases is read in C.
# Whatever differs by a blank goes the slow way: the expression may be strict.
RECORD: Final = re.compile(
    rb"lease (\d{1,3}\.\d{1,3}\.\d{1,3})\.(\d{1,3}) \{\n"
    rb"(?:  starts " + _DATE + rb")?(?:  ends " + _DATE + rb")?(?:  tstp " + _DATE + rb")?"
    rb"((?:  a?tsfp [^\n]*\n)*)(?:  cltt " + _DATE + rb")?"
    rb"(  binding state " + _STATE + rb"(?:  next binding state " + _STATE + rb")?"
    rb"(?:  rewind binding state " + _STATE + rb")?(?:  reserved;\n)?(?:  dynamic-bootp;\n)?)"
    rb'(?:  billing (?:sub)?class "([^"\\\n]*)"(?: (?:"([^"\\\n]*)"|([0-9a-f]{2}(?::[0-9a-f]{2})*)))?;\n)?'
    rb"(?:  hardware (ethernet|token-ring|fddi|infiniband|unknown-\d{1,3}) "
    rb"((?:[0-9a-f]{2}(?::[0-9a-f]{2}){0,19}+)?+);\n)?"
    rb"(?:  uid (?:(" + _STRING + rb")|([0-9a-f]{2}(?::[0-9a-f]{2})*));\n)?"
    rb"((?:  set [^\n]*\n)*(?:  option agent[^\n]*\n)*)"
    rb'(?:  client-hostname "([^"\\\n]*)";\n)?'
    rb"((?:  on [a-z ]+ \{\n(?:    [^\n]*\n)*+  \}\n)*+)"
    rb"\}\n"
)  # fmt: skip
_STATE_LINES: Final = re.compile(
    rb"  binding state ([a-z]+);\n(?:  next binding state ([a-z]+);\n)?(?:  rewind binding state ([a-z]+);\n)?"
    rb"(  reserved;\n)?(  dynamic-bootp;\n)?"
)
_SET: Final = re.compile(rb"  set ([A-Za-z][A-Za-z0-9_-]*) = (?:(" + _STRING + rb")|%(-?\d{1,10})|(true|false));\n")
_AGENT: Final = re.compile(
    rb"  option agent\.([A-Za-z0-9-]+) (?:("
    rb'"(?:[^"\\\n]|\\.)*"'
    rb")|([0-9a-f]{1,2}(?::[0-9a-f]{1,2})*));\n"
)
_HANDLER: Final = re.compile(rb"  (on [^\n]*\n(?:    [^\n]*\n)*  \})\n")
_FAILOVER_TIME: Final = re.compile(rb"  (a?tsfp) " + _DATE)
_HARDWARE: Final = {b"ethernet": b"\x01", b"token-ring": b"\x06", b"fddi": b"\x08", b"infiniband": b"\x20"}
# By itself, since to look it up by its name takes longer than to read a string.
_unescaped: Final = getdecoder("unicode_escape")
_States = tuple[int, int, int, int]
_STATE_NUMBERS: Final = {name.encode(): number for name, number in STATES.items()}

def _string(text: bytes) -> bytes:
    """The content of a string that has octal escapes only; with its quotation marks."""
    return _unescaped(text[1:-1])[0].encode("latin-1") if b"\\" in text else text[1:-1]


def _unknown_code(name: bytes) -> int | None:
    """The code in `unknown-N`."""
    if not name.startswith(b"unknown-") or not name[8:].isdigit():
        return None
    code = int(name[8:][:9])
    return code if code < 256 else None  # noqa: PLR2004 - an octet


class CanonicalReader:
    """Reads such records of one file, before anything is in the database. `loaded`: leases by address, latest last."""

    __slots__ = (
        "_agent", "_dates", "_high", "_log", "_low", "_networks", "_pool", "_records", "_shared", "_states",
        "_statements", "_subnet", "_variable_names", "database", "loaded",
    )  # fmt: skip

    def __init__(
        self,
        database: Database,
        configuration: Configuration,
        statements: Statements,
        records: RecordReader,
        log: Callable[[int, str], None],
    ) -> None:
        """`statements` compiles `on` blocks, `records` knows the classes that a lease may be charged to."""
        self.database = database
        self.loaded: dict[int, Lease] = {}
        self._statements = statements
        self._records = records
        self._log = log
        self._dates = DateReader()
        self._states: dict[bytes, _States] = {}
        self._networks: dict[bytes, int] = {}
        self._shared: dict[bytes, bytes] = {}
        self._variable_names: dict[bytes, str] = {}
        agent = configuration.registry.spaces.get("agent")
        self._agent = {} if agent is None else agent.by_name
        # The range of the last record: the next one's address is in it, more often than not.
        self._low, self._high = 1, 0
        self._pool: Pool | None = None
        self._subnet: Subnet | None = None

    def read(self, found: re.Match[bytes]) -> bool:
        """Enter the lease of a record; False where something in it wants the slow way."""
        (network, host, starts, ends, tstp, failover, cltt, states, class_name, class_key, class_hex, hardware_type,
         hardware, uid, hex_uid, options, hostname, handlers) = found.groups()  # fmt: skip
        address = (self._networks.get(network) or self._new_network(network)) + (int(host) & 255)
        lease = self.new_lease(address)
        if lease is None:
            return True
        date = self._dates.read
        lease.starts = 0 if starts is None else date(starts)
        lease.ends = 0 if ends is None else date(ends)
        lease.tstp = lease.ends if tstp is None else date(tstp)
        lease.cltt = lease.starts if cltt == starts else 0 if cltt is None else date(cltt)
        lease.state, lease.next_state, lease.rewind_state, lease.flags = (
            self._states.get(states) or self._new_states(states)
        )
        if hardware_type is not None:
            kind = _HARDWARE.get(hardware_type) or bytes((int(hardware_type[8:]) & 255,))
            lease.hardware = kind + bytes.fromhex(hardware.replace(b":", b"").decode("ascii"))
        if uid is not None:
            identifier = _string(uid)
            # Most clients send their hardware address, behind its type (RFC 2132, 9.14): the same octets, kept once.
            lease.uid = lease.hardware if identifier == lease.hardware else identifier
            if not identifier:
                lease.rarely().empty_uid = True
        elif hex_uid is not None:
            lease.uid = bytes.fromhex(hex_uid.replace(b":", b"").decode("ascii"))
        if (options and not self._options(lease, options)) or (failover and not self._failover(lease, failover)):
            return False
        if handlers and not self._on(lease, handlers):
            return False
        if class_name is not None and not self._billing(lease, class_name, class_key, class_hex):
            return False
        lease.hostname = hostname
        self.enter(lease)
        return True

    def new_lease(self, address: int) -> Lease | None:
        """An empty lease for an address; None, with ISC's line, where no pool holds it."""
        if not self._low <= address <= self._high:
            span = self.database.table.find(address)
            if span is None:
                self._log(ERROR, f"lease {address_text(address)}: no subnet.")
                return None
            self._low, self._high = span.low, span.high
            pool = self._pool = self.database.configuration.pools[span.pool]
            self._subnet = pool.range_subnets[span.subnet]
        return Lease(address, self._pool, self._subnet)

    def enter(self, lease: Lease) -> None:
        """The last record of an address counts, and counts as entered last."""
        self.loaded.pop(lease.address, None)
        self.loaded[lease.address] = lease

    def _new_network(self, text: bytes) -> int:
        if len(self._networks) >= _SHARED_MAX:
            self._networks.clear()
        a, b, c = text.split(b".")
        made = ((int(a) & 255) << 24) + ((int(b) & 255) << 16) + ((int(c) & 255) << 8)
        self._networks[text] = made
        return made

    def _new_states(self, text: bytes) -> _States:
        """State, next state, state to rewind to and flags of these lines, of which there are few."""
        found = _STATE_LINES.match(text)
        assert found is not None, "they are part of what the whole expression has found"
        state, next_state, rewind, reserved, bootp = found.groups()
        number = _STATE_NUMBERS[state]
        made = self._states[text] = (
            number,
            number if next_state is None else _STATE_NUMBERS[next_state],
            number if rewind is None else _STATE_NUMBERS[rewind],
            (RESERVED_FLAG if reserved else 0) | (BOOTP_FLAG if bootp else 0),
        )
        return made

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
            handler = self._statements.handler(found, 1, lines)
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
        return self._records.billed_class(billing)

    def _failover(self, lease: Lease, text: bytes) -> bool:
        at = 0
        while at < len(text):
            found = _FAILOVER_TIME.match(text, at)
            if found is None:
                return False
            setattr(lease.rarely(), found[1].decode("ascii"), self._dates.read(found[2]))
            at = found.end()
        return True
