"""A database as plain data, and back: leases, places, lists, counters, declarations.

Plain means what msgpack carries: numbers up to 64 bits, octets, text, lists, maps. `on` blocks go as their text and
are compiled again, which is what a restart does to them, too. What follows from the leases (queues, most lists of
clients, billing) is made anew from them; only what has an order of its own is spelled out.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..model.configuration import ClassName, Function
from ..model.context import NO_OCTETS, NoOctets, spelling, variable_name
from ..model.failover_state import FailoverState
from ..model.lease import HANDLERS, Lease
from .embedded import Statements, function_text, handler_text
from .indexes import Index, indexed_hardware
from .queues import key_order, key_queue, key_time, make_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model.configuration import Handler
    from ..model.lease import Rare
    from .database import Database

VERSION: Final = 1
_EVENTS: Final = {"on_commit": "commit", "on_expiry": "expiry", "on_release": "release"}
# Fields of `Rare` that are left out where they are false.
_IF_SET: Final = ("unwritten", "padding", "empty_uid")
# What a variable may hold; bool is an int.
_KEPT: Final = (bytes, int, Function)


class Place(NamedTuple):
    """Where a lease stands in its queue: the parts of its key (queues.py) but for the address, which 64 bits hold."""

    time: int
    order: int
    queue: int


class LeaseRow(NamedTuple):
    """A lease as a snapshot has it: the fields of model/lease.py.

    `place`: None for one that was entered and never filed. `rare`: what few leases have, by name; None for nothing.
    """

    address: int
    starts: int
    ends: int
    tstp: int
    cltt: int
    state: int
    next_state: int
    rewind_state: int
    flags: int
    hardware: bytes
    uid: bytes
    hostname: bytes | None
    place: Place | None
    rare: dict[str, Any] | None


class SnapshotError(ValueError):
    """A snapshot of another version than this program's; `version` is what it says, `read` what is read."""

    def __init__(self, version: object, read: int) -> None:
        super().__init__(f"snapshot version {version!r}, this program reads {read}")
        self.version = version


def take(database: Database) -> dict[str, Any]:
    """Everything that a fresh database of the same configuration lacks."""
    by_uid, by_hardware = database.clients()
    return {
        "version": VERSION,
        "now": database.now,
        "order": database.latest_order,
        "history": database.table.history.tobytes(),
        "in_place": sorted(database.table.in_place),
        "leases": [_plain(lease) for lease in database.leases()],
        "by_uid": _lists(by_uid),
        "by_hardware": _lists(by_hardware),
        "counters": database.counters(),
        "declarations": database.declarations.plain(),
        "spawned": database.charges.plain(),
        "orphans": [_plain(lease) for lease in database.orphans.values()],
        "failover": {
            name: [
                state.my_state, state.my_since, state.partner_state, state.partner_since, state.mclt, state.needs_all,
            ]
            for name, state in database.failover_states.items()
        },
        "server_duid": database.server_duid,
    }


def put_back(database: Database, data: dict[str, Any]) -> None:
    """Fill a fresh database."""
    database.now = data["now"]
    database.redeclare(data["declarations"])
    database.charges.restore(data["spawned"], database.declared.classes)
    statements = Statements(database.declared, "snapshot")
    history = array("I")
    history.frombytes(data["history"])
    database.set_history(history, frozenset(data["in_place"]))
    by_uid, by_hardware = database.clients()
    for fields in data["leases"]:
        lease = _lease(database, LeaseRow(*fields), statements)
        if lease.uid:
            by_uid[lease.uid] = lease
        if indexed_hardware(lease.hardware):
            by_hardware[lease.hardware] = lease
    for fields in data["orphans"]:
        row = LeaseRow(*fields)
        orphan = database.orphans[row.address] = Lease(row.address, None, None)
        _fill(database, orphan, row, statements)
    _relist(by_uid, data["by_uid"], database)
    _relist(by_hardware, data["by_hardware"], database)
    database.resume(data["order"], data["counters"])
    for name, state in data["failover"].items():
        database.failover_states[name] = FailoverState(*state)
    database.server_duid = data["server_duid"]


def _lists(index: Index) -> list[tuple[bytes, list[int]]]:
    """The entries of more than one lease: their order is history."""
    return sorted((key, [one.address for one in found]) for key, found in index.items() if isinstance(found, list))


def _relist(index: Index, lists: Iterable[Any], database: Database) -> None:
    for key, addresses in lists:
        index[key] = [database.entered(address) for address in addresses]


def _plain(lease: Lease) -> tuple[object, ...]:
    """A LeaseRow as the bare tuple that it is: to make a million of the class takes half a second more."""
    key = lease.key
    place = None if key is None else (key_time(key), key_order(key), key_queue(key))
    return (
        lease.address, lease.starts, lease.ends, lease.tstp, lease.cltt, lease.state, lease.next_state,
        lease.rewind_state, lease.flags, lease.hardware, lease.uid, lease.hostname, place,
        None if lease.rare is None else _plain_rare(lease.rare),
    )  # fmt: skip


def _lease(database: Database, row: LeaseRow, statements: Statements) -> Lease:
    """The lease of a row, in its place."""
    lease = database.find(row.address)
    assert lease is not None, "a snapshot belongs to a configuration that has its addresses"
    _fill(database, lease, row, statements)
    if row.place is None:
        database.keep(lease)
    else:
        database.put(lease, make_key(*row.place, lease.address))
    return lease


def _fill(database: Database, lease: Lease, row: LeaseRow, statements: Statements) -> None:
    """Give a lease what its row says, but for its place."""
    (_address, lease.starts, lease.ends, lease.tstp, lease.cltt, lease.state, lease.next_state, lease.rewind_state,
     lease.flags, lease.hardware, lease.uid, lease.hostname, _place, rare) = row  # fmt: skip
    if rare is not None:
        _restore_rare(database, lease, rare, statements)


def _plain_rare(rare: Rare) -> dict[str, Any]:
    """What is set, by name."""
    billing = rare.billing
    found: dict[str, Any] = {"tsfp": rare.tsfp, "atsfp": rare.atsfp, "no_reuse": rare.no_reuse}
    if billing is not None:
        found["billing"] = list(billing)
    if rare.variables is not None:
        found["variables"] = variables(rare.variables)
    if rare.agent_options is not None:
        found["agent_options"] = [[code, value] for code, value in rare.agent_options]
    found.update({name: value for name in _IF_SET if (value := getattr(rare, name))})
    if rare.host is not None:
        found["host"] = rare.host
    handlers: list[tuple[list[str], Handler]] = []
    for name in HANDLERS:
        handler = getattr(rare, name)
        known = next((names for names, one in handlers if one is handler), None)
        if known is not None:
            known.append(name)
        elif handler is not None:
            handlers.append(([name], handler))
    found["handlers"] = [[names, handler_text(" or ".join(_EVENTS[one] for one in names), handler)]
                         for names, handler in handlers]  # fmt: skip
    return found


def _restore_rare(database: Database, lease: Lease, data: dict[str, Any], statements: Statements) -> None:
    rare = lease.rarely()
    rare.tsfp, rare.atsfp, rare.no_reuse = data["tsfp"], data["atsfp"], data["no_reuse"]
    rare.padding = data.get("padding", b"")
    rare.empty_uid = data.get("empty_uid", False)
    rare.unwritten = data.get("unwritten", False)
    if "billing" in data:
        database.charges.enter(lease, ClassName(*data["billing"]))
    if "variables" in data:
        rare.variables = variables_from(data["variables"], statements)
    if "agent_options" in data:
        rare.agent_options = tuple([(code, value) for code, value in data["agent_options"]])
    if "host" in data:
        rare.host = data["host"]
    for names, text in data["handlers"]:
        handler = statements.handler(text.encode("utf-8", "surrogateescape"), 1, [])
        for name in names:
            setattr(rare, name, handler)


def variables(bindings: Mapping[str, Any]) -> list[list[Any]]:
    """Variables as plain data; an empty list stands for NO_OCTETS, a map for a function, by its text."""
    kept = [(name, value) for name, value in bindings.items() if value is None or isinstance(value, _KEPT)]
    return [[spelling(name), _kept(value)] for name, value in kept]


def _kept(value: Any) -> Any:
    if isinstance(value, Function):
        return {"define": function_text(value)}
    return [] if isinstance(value, NoOctets) else value


def variables_from(data: Any, statements: Statements) -> dict[str, Any]:
    """The variables that `variables` has kept."""
    return {variable_name(name): _value_of(value, statements) for name, value in data}


def _value_of(data: Any, statements: Statements) -> Any:
    if isinstance(data, dict):
        return statements.function(data["define"].encode("utf-8", "surrogateescape"))
    return NO_OCTETS if data in ([], ()) else data
