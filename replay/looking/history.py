"""Who had this address, and what became of this client? Every change of a lease, and every message, in order.

The recording is played, since only the machine knows who has what; at the events that concern the question it is
asked for its reasons. What operators and the failover partner did meanwhile stands between (operations.py), but for
what was written over OMAPI of other leases. What the lease file said at the start is the first change. Leases that end
while nobody asks (expiry) are seen when the server's timer ends them, which is when the server itself knew.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ...engine.model.change import Cause
from ...engine.model.lease import NEVER
from ...trace import Entry
from ...trace.effects import Send
from ...trace.events import LeaseFileEnd, Packet
from ..playing.resume import beginning
from ..playing.seek import EngineFailed, machine_at
from ..showing.decode import hardware_of_payload
from ..showing.notation import octets_of
from ..showing.rows import rows
from .dns_names import NamesInDns
from .leasetable import CAUSES, LeaseRow, identifier, lease_row, row_of, when
from .naming import HostNames, address_of, client_test
from .operations import Operations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ...engine.machine import Machine
    from ...engine.model.change import Change
    from ...engine.service.reasons import Reason
    from ...trace import Tape
    from .operations import Operation

Leases = dict[int, LeaseRow]
_TYPE_AT = 1
_YIADDR = slice(16, 20)
_MICROSECONDS = 1_000_000
_NO_REASONS: list[Reason] = []
_POOLS_TOLD = 3
_LEASE_WRITES = ("update lease ", "open lease", "delete lease ")
# An OFFER or an ACK is told with the message that it answers.
_SAID_BY_THE_ANSWER = frozenset({Cause.OFFER, Cause.CONFIRM, Cause.GRANT})


class Line(NamedTuple):
    """One thing that happened at event `seq`: `text` tells it, `reason` why (or empty).

    `what` is `message`, `lease`, `dns` (a name of such a lease), or the kind of an operation: `reload`, `omapi`,
    `failover`. `before` and `after` are
    the lease's rows where one changed.
    """

    seq: int
    wall_us: int
    what: str
    text: str
    reason: str = ""
    before: LeaseRow | None = None
    after: LeaseRow | None = None


def history(
    tape: Tape,
    subject: str,
    *,
    after: int | None = None,
    until: int | None = None,
    progress: Callable[[Entry], None] | None = None,
) -> Iterator[Line]:
    """The history of an IPv4 address, or of a client by its hardware address (of any type) or identifier.

    With `after` it begins with the state after that event, from the snapshot before; `until` is the last event.
    Raises NoSuchMoment, NoBeginning, DamagedTape after what could be read, EngineFailed.
    """
    watched = leases_of(subject)
    wanted = client_test(subject, tape)
    if after is None:
        machine, from_seq, _snapshot = beginning(tape)
        begun = "when the recording begins"
    else:
        machine, from_seq, begun = machine_at(tape, after), after + 1, f"after event {after:,}"
    machine.follow_leases()
    names, operations = HostNames(), Operations(machine)
    number = address_of(subject)
    of_address = number is not None
    known = watched.of(machine)
    asked = set[int]() if number is None else {number}  # also where no lease is: a fixed address
    in_dns = NamesInDns(machine, known.keys() | asked)
    for row in known.values():
        yield Line(from_seq - 1, 0, "lease", _state_text(row), begun, None, row)
    for entry in tape.iterate(from_seq=from_seq):
        if not isinstance(entry, Entry):
            continue
        if until is not None and entry.seq > until:
            return
        if progress is not None:
            progress(entry)
        concerned = wanted(entry)
        if isinstance(entry.event, Packet):
            names.learn(entry.event.payload)
        reasons = _apply(machine, entry, explained=operations.wants_reasons(entry) or concerned)
        if concerned:
            yield from _messages(entry, wanted, names, why(reasons), named=of_address)
        watched.note(entry, machine, concerned=concerned)
        now = watched.of(machine)
        yield from _operations(operations.of(entry, reasons), changed=now != known)
        if now != known:
            yield from _changes(entry, known, now, machine.changes)
        yield from _names(entry, in_dns.of(known.keys() | now.keys() | asked))
        known = now


def _messages(
    entry: Entry, wanted: Callable[[Entry], bool], names: HostNames, reason: str, *, named: bool
) -> Iterator[Line]:
    """What a client said and heard; `named`: with its name. Of answers to several, those that are wanted."""
    sends = [effect for effect in entry.effects or () if isinstance(effect, Send)]
    effects = entry.effects
    if not isinstance(entry.event, Packet) and len(sends) > 1:
        others = [send for send in sends if not wanted(entry._replace(effects=(send,)))]
        effects = tuple(effect for effect in entry.effects or () if effect not in others)
    for row in rows(entry.event, effects, names.of):
        said = f"{row.said} by {row.way}" if isinstance(entry.event, Packet) else row.said
        told = f"{f'{row.client}  ' if named else ''}{said} -> {row.heard}"
        repeats = reason in told or (not sends and row.heard in reason)
        yield Line(entry.seq, entry.event.wall_us, "message", told, "" if repeats else reason)


def _names(entry: Entry, told: Iterable[Reason]) -> Iterator[Line]:
    """What became of the names of leases in question, as lines."""
    for one in told:
        yield Line(entry.seq, entry.event.wall_us, "dns", f"{one.subject} {one.verdict}", one.why)


def _operations(found: Iterable[Operation], *, changed: bool) -> Iterator[Line]:
    """Operations as lines; of those on leases, the ones by which a lease in question changed (`changed`)."""
    for one in found:
        if changed or not one.what.startswith(_LEASE_WRITES):
            yield Line(one.seq, one.wall_us, one.kind, f"{one.who}: {one.what}")


def _apply(machine: Machine, entry: Entry, *, explained: bool) -> list[Reason]:
    try:
        if explained:
            return machine.explain(entry.event)[1]
        machine.apply(entry.event)
    except Exception as error:
        raise EngineFailed(entry.seq, error) from error
    return _NO_REASONS


class Watched(Protocol):
    """The leases in question."""

    def of(self, machine: Machine) -> Leases:
        """Those that the machine has now."""

    def note(self, entry: Entry, machine: Machine, *, concerned: bool) -> None:
        """An event was told; `concerned`: it is a packet of the subject's."""


def leases_of(subject: str) -> Watched:
    """What gives the leases in question: that of an address, or those that a client has or had."""
    try:
        return _OfAddress(int(IPv4Address(subject)))
    except ValueError:
        return _OfClient(subject)


class _OfAddress:
    """The lease of an address, once it was used."""

    def __init__(self, address: int) -> None:
        self._address = address

    def of(self, machine: Machine) -> Leases:
        row = lease_row(machine, self._address)
        return {} if row is None or not _used(row) else {self._address: row}

    def note(self, entry: Entry, machine: Machine, *, concerned: bool) -> None:
        """Do nothing: an address stays what it is."""


class _OfClient:
    """The leases of a client. Leases know its hardware type, which who asks need not: it is learned on the way."""

    def __init__(self, subject: str) -> None:
        octets = octets_of(subject)
        text = subject.encode()
        self._identifiers = (text, b"\0" + text) if octets is None else (octets,)
        self._hardware = octets
        self._types: set[int] = set()
        self._met: set[bytes] = set()  # under a host name or the text of an identifier
        self._looked = False

    def of(self, machine: Machine) -> Leases:
        if machine.server is None:
            return {}
        database = machine.server.database
        if not self._looked:
            self._looked = True
            self._learn(machine)
        found = [lease for uid in self._identifiers for lease in database.by_uid(uid)]
        if self._hardware is not None:
            for kind in sorted(self._types):
                found += database.by_hardware(bytes([kind]) + self._hardware)
        for hardware in sorted(self._met):
            found += database.by_hardware(hardware)
        return {lease.address: row_of(lease) for lease in found}

    def note(self, entry: Entry, machine: Machine, *, concerned: bool) -> None:
        if concerned and isinstance(entry.event, Packet) and len(entry.event.payload) > _TYPE_AT:
            kind = entry.event.payload[_TYPE_AT]
            self._types.add(kind)
            if self._hardware is None and (hardware := hardware_of_payload(entry.event.payload)):
                self._met.add(bytes([kind]) + hardware)
        elif isinstance(entry.event, LeaseFileEnd):
            self._learn(machine)

    def _learn(self, machine: Machine) -> None:
        """The types under which leases have the address already."""
        if machine.server is not None and self._hardware is not None:
            found = (lease.hardware for lease in machine.server.database.leases())
            self._types.update(one[0] for one in found if one and one[1:] == self._hardware)


def _used(row: LeaseRow) -> bool:
    return row.state != "free" or bool(row.hardware or row.uid or row.ends)


def _changes(entry: Entry, before: Leases, after: Leases, changes: Sequence[Change]) -> Iterator[Line]:
    offered = {change.after.address for change in changes if change.cause is Cause.OFFER}
    for address in sorted(before.keys() | after.keys()):
        old, new = before.get(address), after.get(address)
        if old == new:
            continue
        text = change_text(old, new, entry.event.wall_us // _MICROSECONDS, offered=address in offered)
        yield Line(entry.seq, entry.event.wall_us, "lease", text, _cause(entry, address, changes), old, new)


def _cause(entry: Entry, address: int, changes: Sequence[Change]) -> str:
    """Why a lease changed at an event, where the message that is told beside it does not say so."""
    if isinstance(entry.event, LeaseFileEnd):
        return "the lease file at the start"
    causes = [change.cause for change in changes if change.after.address == address]
    return "; ".join(CAUSES[cause] for cause in dict.fromkeys(causes) if cause not in _SAID_BY_THE_ANSWER)


def change_text(old: LeaseRow | None, new: LeaseRow | None, now: int, *, offered: bool = False) -> str:
    """A change of one lease at `now` (seconds since 1970) in words. `offered`: it is held back for an OFFER's sake."""
    if new is None:
        assert old is not None, "a change has a side"
        return f"{IPv4Address(old.address)} is no longer this client's"
    if offered and new.ends > now:
        return f"{IPv4Address(new.address)} offered to {new.who}{_until(new)}"
    if old is None or old.client != new.client:
        return _state_text(new)
    if old.state != new.state:
        return f"{IPv4Address(new.address)} {old.state} -> {new.state}{_until(new) if new.state != 'free' else ''}"
    if (old.ends, old.cltt, old.starts) != (new.ends, new.cltt, new.starts):
        if new.state == "active" and old.ends == new.ends:
            return f"{IPv4Address(new.address)} acknowledged again, with the time it had{_until(new)}"
        word = "renewed" if new.state == "active" else f"{new.state}, touched"
        return f"{IPv4Address(new.address)} {word}{_until(new)}"
    return f"{IPv4Address(new.address)} {new.state}, changed: {_fields(old, new)}"


def _fields(old: LeaseRow, new: LeaseRow) -> str:
    return ", ".join(name for name, a, b in zip(LeaseRow._fields, old, new, strict=True) if a != b)


def _state_text(row: LeaseRow) -> str:
    who = row.hardware.hex(":")
    if row.uid and row.uid[1:] != row.hardware:
        who = f"{who} ({identifier(row.uid)})".strip()
    name = f" \"{row.hostname.decode('ascii', 'backslashreplace')}\"" if row.hostname else ""
    return f"{IPv4Address(row.address)} {row.state}{f' for {who}{name}' if who else ''}{_until(row)}"


def _until(row: LeaseRow) -> str:
    if not row.ends:
        return ""
    return ", no end" if row.ends >= NEVER else f", until {when(row.ends)}"


def why(reasons: Sequence[Reason]) -> str:
    """The decisive reason in a few words: how the address was found, or why there was no answer.

    A reservation that was of no use is named, and the pools' own lists where they keep the client out.
    """
    chosen = [one.why for one in reasons if one.step == "candidate" and one.verdict in ("chosen", "fixed")]
    unused = [f"{one.subject} is a {one.why}" for one in reasons if _is_unused_reservation(one)]
    verdicts = [one for one in reasons if one.step == "verdict" and one.why != "granted"]
    said = [one.why if one.verdict == "no reply" else f"{one.verdict}: {one.why}" for one in verdicts]
    kept_out = not_permitted(reasons)
    return "; ".join([*chosen[-1:], *unused[:1], *([kept_out] if kept_out else said)])


def _is_unused_reservation(one: Reason) -> bool:
    return one.step == "candidate" and one.verdict == "passed over" and one.why.startswith("fixed-address ")


def not_permitted(reasons: Sequence[Reason]) -> str:
    """Which lists keep a client out of every pool of its network, where that is why it had no answer; else empty."""
    pools = [one for one in reasons if one.step == "pool"]
    silent = any(one.step == "verdict" and one.verdict == "no reply" for one in reasons)
    if not silent or not pools or any(one.verdict != "not permitted" for one in pools):
        return ""
    return "no pool permits it: " + "; ".join(f"{one.subject} has {one.why}" for one in pools[:_POOLS_TOLD])
