"""Where leases change: the one place that writes a lease's fields, and that appends its record to the lease file.

Who decides (service/, later OMAPI, failover and dynamic DNS) reads leases as it likes and has them changed here. There
are two kinds of operations:

    what a decision does on its way          kept in memory, no Change: `attach`, `install`, `set_variables`,
                                             `forget_variables`, `drop_handlers`, `take_on_commit`,
                                             `run_with_end`
    what becomes of the lease                a Change each: `offer`, `confirm`, `grant` (client has it), `release`
                                             (RELEASE, REVOKE), `abandon`, `expire`, `move` (client has it no longer),
                                             `take_over`, `acknowledge`, `give` (a partner says, knows, gets it)
    what an operator writes                  a Change each: `write_state`, `write_end`, `write_flags`, `write_variable`
    what DNS has come to hold for it         a Change: `write_names`

An operation of the second kind files the lease anew (its lists of clients, its queue), has its time watched, writes
its record and tells its partner, in this order. `offer` and `confirm` stay in memory, as in ISC dhcpd. A `grant` is
stored by its caller with `store`, since the record stands behind the request's line in the log, and before the reply;
`unstored` is asserted to be another lease, or none, where the reply leaves.

How it ends is read in transition.py's tables. Here stands no test of what a message says, and of a partner only in
which column of those tables the lease lives. To add a kind of change: a Cause, a method here, and a line in the tables
where a state changes; `Change` tells the rest of the server.

What must never be is asserted: one object a lease (`Database.keep`), its key at its place, queues that count what is
in them. A violation ends the program with its recording kept, since a lease that is not what its record says would
be promised twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ...trace.effects import ERROR, INFO, Store
from ..model.change import Cause, Change, LeaseImage
from ..model.context import Context
from ..model.context import Host as StatementHost
from ..model.lease import ACTIVE, BROADCAST_FLAG, EXPIRED, FREE, NUL_FLAG, RELEASED, RESERVED_FLAG, RESET, STATE_NAMES
from ..model.name_keeper import NO_NAMES
from ..model.partner import NO_PARTNER
from ..wire.codes import HOST_NAME
from ..wire.text import dotted
from .transition import ENDINGS, NEXT_STATE, TRANSITIONS, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...trace.effects import Effect
    from ..model.configuration import Handler, Pool
    from ..model.context import Bindings, Message
    from ..model.lease import Lease
    from ..model.name_keeper import NameKeeper
    from ..model.partner import Binding, Holder, Partner
    from .database import Database
    from .file.record import RecordWriter
    from .transition import Losses




class LeaseHost(StatementHost, Protocol):
    """What the leases ask of the server. `now` is seconds since 1970; `effects` are those of the event."""

    now: int
    effects: list[Effect]

    def watch(self, lease: Lease) -> None:
        """A lease was filed anew: its change of state may be its pool's next one."""


class Leases:
    """The operations on the leases of one database, for its machine. `partners`: who shares each pool, by Pool.index.

    What must never be is an AssertionError (DuplicateLeaseError is one); times are seconds since 1970.

    `changes` holds what became of leases in this event, while they are `followed`: by a partner, or by who asked for it
    (`Machine.follow_leases`). `records` makes records as the configuration in force wants them; `appended` counts those
    stored since the machine set it to 0. `unstored` is the lease that was granted and has no record yet, if any.
    `names` keeps leases' names in DNS.
    """

    __slots__ = (
        "_before", "_change", "_host", "appended", "changes", "database", "followed", "names", "partners", "records",
        "unstored",
    )  # fmt: skip

    def __init__(self, host: LeaseHost, database: Database, records: RecordWriter) -> None:
        """The leases of a database, all pools this server's alone."""
        self.database = database
        self.records = records
        self.names: NameKeeper = NO_NAMES
        self.partners: list[Partner] = [NO_PARTNER] * len(database.configuration.pools)
        self.changes: list[Change] = []
        self.followed = False
        self.appended = 0
        self._host = host
        self.unstored: Lease | None = None
        self._before: LeaseImage | None = None
        self._change: Change | None = None

    def partner_of(self, lease: Lease) -> Partner:
        """Who shares the lease's pool; a fixed address is nobody else's."""
        pool = lease.pool
        return NO_PARTNER if pool is None else self.partners[pool.index]

    def pair(self, pool: Pool, partner: Partner) -> None:
        """Share a pool with a partner, who hears of every change in it."""
        self.partners[pool.index] = partner
        self.followed = True

    def rebase(self, before: Sequence[Pool], records: RecordWriter) -> None:
        """The database has other pools than `before` had: each has the partner of its relationship, by name.

        `records` makes records as the new configuration wants them.
        """
        known = {pool.failover_peer: partner for pool, partner in zip(before, self.partners, strict=True)}
        self.partners = [
            NO_PARTNER if pool.failover_peer is None else known.get(pool.failover_peer, NO_PARTNER)
            for pool in self.database.configuration.pools
        ]
        self.records = records

    def remember(self, lease: Lease) -> None:
        """Let the Change that comes of a message begin with the lease as it is now (`followed`)."""
        self._before = LeaseImage.of(lease)

    # On the way to a decision

    def attach(self, lease: Lease, host: str | None) -> None:
        """Hang a host declaration on a lease, by its name, or take it off."""
        if host is not None:
            lease.rarely().host = host
        elif lease.rare is not None:
            lease.rare.host = None

    def install(self, lease: Lease, handlers: Mapping[str, Handler | None]) -> None:
        """Put up, or clear, what `on` statements say for the lease: event name -> handler."""
        self._keep(lease)
        rare = lease.rarely()
        if "commit" in handlers:
            rare.on_commit = handlers["commit"]
        if "expiry" in handlers:
            rare.on_expiry = handlers["expiry"]
        if "release" in handlers:
            rare.on_release = handlers["release"]

    def drop_handlers(self, lease: Lease) -> None:
        """Forget every `on` block of a lease."""
        rare = lease.rare
        if rare is not None:
            rare.on_expiry = rare.on_release = rare.on_commit = None

    def set_variables(self, lease: Lease, variables: Bindings) -> None:
        """Keep what statements have set; a lease that was never used is entered for it, even where it is refused."""
        if lease.key is None:
            self._keep(lease)
        lease.rarely().variables = variables

    def forget_variables(self, lease: Lease) -> None:
        """Drop what statements have set."""
        if lease.rare is not None:
            lease.rare.variables = None

    def forget_names(self, lease: Lease, names: frozenset[str]) -> None:
        """Drop the variables of these names from a lease whose address has left the configuration: it has no record."""
        rare = lease.rare
        if rare is not None and rare.variables:
            rare.variables = {name: value for name, value in rare.variables.items() if name not in names} or None

    def take_on_commit(self, lease: Lease) -> Handler:
        """The `on commit` block of a lease that has one. It runs once: the lease has it no longer."""
        rare = lease.rarely()
        handler: Handler = rare.on_commit
        rare.on_commit = None
        return handler

    def run_with_end(self, lease: Lease, ends: int, run: Callable[[], None]) -> None:
        """Execute something that is to see the lease's new end (seconds since 1970) before it is granted."""
        old, lease.ends = lease.ends, ends
        run()
        lease.ends = old

    def _keep(self, lease: Lease) -> None:
        if lease.key is None and lease.pool is not None:
            self.database.keep(lease)

    # The client has it

    def offer(self, lease: Lease, holder: Holder, ends: int) -> None:
        """Hold the lease back for a client until `ends`. A lease in use stays so, and its next ACK is stored."""
        assert lease.pool is not None, "a fixed address is not held back"
        partner = self.partners[lease.pool.index]
        if lease.state == ACTIVE or partner.paired:
            # A partner's update may make the lease ACTIVE before its client asks for it here.
            lease.rarely().no_reuse = True
        if partner.paired:
            _forget_promise(lease, holder, self._host.now)
        else:
            lease.tstp = 0
        self._hand_over(lease, partner, holder, ends, granted=False)
        if self.followed:
            self._changed(lease, Cause.OFFER)

    def confirm(self, lease: Lease) -> None:
        """Its client is told again what it has."""
        lease.cltt = self._host.now
        if self.followed:
            self._changed(lease, Cause.CONFIRM)

    def grant(self, lease: Lease, holder: Holder, ends: int, seconds: int | None) -> None:
        """Give the lease until `ends`. It is to be stored (`store`) before the reply leaves.

        `seconds` is the time that a server without a partner would give, None for BOOTP.
        """
        assert lease.pool is not None, "a fixed address is not granted"
        partner, now = self.partners[lease.pool.index], self._host.now
        if partner.paired:
            _forget_promise(lease, holder, now)
        promise = partner.promise(lease, seconds, ends - now, now)
        if lease.rare is not None:
            lease.rare.no_reuse = False
        if promise is None:
            lease.tstp = 0
        else:
            lease.tstp = promise.tstp
            lease.rarely().tsfp = promise.tsfp
        self._hand_over(lease, partner, holder, ends, granted=True)
        self.unstored = lease
        if self.followed:
            self._change = self._changed(lease, Cause.GRANT)

    def _hand_over(self, lease: Lease, partner: Partner, holder: Holder, ends: int, *, granted: bool) -> None:
        """Write the client on the lease, and file it anew."""
        now, packet, uid = self._host.now, holder.packet, holder.uid
        hardware = packet.hardware
        if lease.state == ACTIVE and (lease.hardware != hardware or lease.uid != uid):
            self._tell_conflict(lease, uid, hardware)
        # The lists of clients are in order of the old state and times.
        self.database.refile(lease, hardware, uid)
        lease.starts = lease.cltt = now
        lease.ends = ends
        lease.flags = lease.flags & ~NUL_FLAG | holder.flags | (NUL_FLAG if packet.host_name_had_nul else 0)
        name = packet.options.get(HOST_NAME)
        lease.hostname = None if name is None else name.split(b"\0", 1)[0]
        if granted:
            lease.state, lease.next_state = ACTIVE, NEXT_STATE[partner.paired, ACTIVE]
        padding = packet.chaddr[packet.hlen :].rstrip(b"\0")
        rare = lease.rare
        if rare is None and (padding or holder.host is not None or holder.relay):
            rare = lease.rarely()
        if rare is not None:
            rare.host = None if holder.host is None else holder.host.name
            rare.padding = padding
            rare.atsfp = 0
            if not partner.paired:
                # Of a partner that the lease once had.
                rare.tsfp = 0
            if holder.relay is not None:
                rare.agent_options = holder.relay or None
            if rare.variables is None and not rare.no_reuse and rare.is_empty:
                lease.rare = None
        self.database.requeue(lease, partner.due(lease) if partner.paired else ends)
        # A lease of no time at all is not watched: it stays as it is until somebody asks for it.
        if ends != now:
            self._host.watch(lease)

    def _tell_conflict(self, lease: Lease, uid: bytes, hardware: bytes) -> None:
        """Log that a lease in use gets another client's data, by identifier where both have one, else by hardware.

        See docs/behaviour/decisions.md#conflicting-data.
        """
        other = lease.uid != uid if lease.uid and uid else not lease.uid and lease.hardware != hardware
        if other:
            self._host.log(ERROR, f"Lease conflict at {dotted(lease.address)}")

    # The client has it no longer

    def release(self, lease: Lease, packet: Message | None, cause: Cause = Cause.RELEASE) -> None:
        """The client gives the lease back (RELEASE), or may not keep it (REVOKE). An offered lease stays as it is.

        `packet` is its message, None where an operator ends the lease.
        """
        self._begin(lease)
        ends = lease.state in ENDINGS[cause].whence
        if ends:
            self.names.left(lease)
        rare = lease.rare
        if rare is not None:
            handler = rare.on_release
            rare.on_release = rare.on_expiry = None
            if handler is not None:
                self._run(lease, handler, packet)
        if ends:
            self._end(lease, cause, self._host.now)

    def abandon(self, lease: Lease, until: int) -> None:
        """Something else has the address: it is left alone until then (seconds since 1970)."""
        self._begin(lease)
        self.names.left(lease)
        self._end(lease, Cause.ABANDON, until)

    def expire(self, lease: Lease) -> None:
        """The lease's time is over: to the state that follows."""
        self.move(lease, lease.next_state, Cause.EXPIRE)

    def move(self, lease: Lease, state: int, cause: Cause) -> None:
        """Have a lease enter a state by itself, with what goes with it; its times stay."""
        self._begin(lease)
        self._pass(lease, state, cause)

    def _begin(self, lease: Lease) -> None:
        """A lease is about to change: what must hold of it is checked, and how it was remembered."""
        self.database.check_place(lease)
        if self.followed:
            self.remember(lease)

    def _commit(self, lease: Lease, cause: Cause) -> None:
        """A lease has changed: tell it, and store it."""
        if self.followed:
            self._change = self._changed(lease, cause)
        self.store(lease)

    def _pass(self, lease: Lease, state: int, cause: Cause) -> None:
        """The transition to a state, by the table."""
        partner = self.partner_of(lease)
        state = partner.state_after(lease, state)
        runs, loses = TRANSITIONS[partner.paired, lease.state, state]
        if runs is not None:
            self.names.left(lease)
            lease.tstp = lease.ends
            self._run_event(lease, runs)
        self._lose(lease, loses)
        self._enter(lease, partner, state)
        self._commit(lease, cause)

    def _end(self, lease: Lease, cause: Cause, ends: int) -> None:
        """End a lease's use for a cause of ENDINGS; it has ended, or will be free again, at `ends`."""
        ending = ENDINGS[cause]
        partner = self.partner_of(lease)
        state = partner.state_after(lease, ending.paired if partner.paired else ending.alone)
        runs, loses = TRANSITIONS[partner.paired, lease.state, state]
        self._lose(lease, ending.first)
        if runs is not None:
            self._run_event(lease, runs)
        lease.ends = ends
        if lease.state in (ending.tstp_paired if partner.paired else ending.tstp):
            lease.tstp = ends
        self._lose(lease, ending.last)
        self._lose(lease, loses)
        self._enter(lease, partner, state)
        self._commit(lease, cause)

    def _enter(self, lease: Lease, partner: Partner, state: int) -> None:
        """The lease has lost what it loses: put it in its new state, and file it."""
        lease.state, lease.next_state = state, NEXT_STATE[partner.paired, state]
        rare = lease.rare
        if rare is not None:
            rare.atsfp = 0
            rare.no_reuse = rare.unwritten = False
            if rare.is_empty:
                lease.rare = None
        self.database.requeue(lease, partner.due(lease) if partner.paired else lease.ends)
        self._host.watch(lease)

    def _lose(self, lease: Lease, losses: Losses) -> None:
        if losses.name:
            lease.hostname = None
        if losses.client:
            self.database.unfile(lease)
        rare = lease.rare
        if rare is None:
            return
        if losses.charge:
            self.database.charges.take_back(lease)
        if losses.host:
            rare.host = None
        if losses.relay:
            rare.agent_options = None
        if losses.handlers:
            rare.on_expiry = rare.on_release = rare.on_commit = None
        if losses.variables:
            rare.variables = None
        if losses.client:
            rare.padding = b""

    def _run_event(self, lease: Lease, event: Event) -> None:
        """Execute the lease's `on` block for an event, once and without a packet."""
        rare = lease.rare
        if rare is None:
            return
        if event is Event.EXPIRY:
            handler, rare.on_expiry = rare.on_expiry, None
        else:
            handler, rare.on_release = rare.on_release, None
        if handler is not None:
            self._run(lease, handler, None)

    def _run(self, lease: Lease, handler: Handler, packet: Message | None) -> None:
        """Execute what an `on` block holds, among the lease's own variables."""
        rare = lease.rarely()
        if rare.variables is None:
            rare.variables = {}
        handler.run(Context(self._host, self._host.now, packet, lease, None, rare.variables))
        if not rare.variables:
            rare.variables = None

    # An operator writes it

    def write_state(self, lease: Lease, state: int) -> None:
        """Have a lease enter another state; its times stay. A state that time has ended already is left at once."""
        old = lease.state
        self.move(lease, state, Cause.OPERATOR)
        entered = STATE_NAMES[lease.state]
        self._host.log(INFO, f"lease {dotted(lease.address)} state changed from {STATE_NAMES[old]} to {entered}")
        if lease.next_state != lease.state and lease.ends <= self._host.now:
            self.expire(lease)

    def write_end(self, lease: Lease, ends: int) -> None:
        """Write when a lease ends (seconds since 1970): whatever the time, one in use goes to its next state."""
        self._begin(lease)
        old, lease.ends = lease.ends, ends
        self._pass(lease, lease.next_state, Cause.OPERATOR)
        self._host.log(INFO, f"lease {dotted(lease.address)} end changed from {old} to {ends}")

    def write_flags(self, lease: Lease, flags: int) -> None:
        """Write a lease's flags; one in use goes to its next state."""
        self._begin(lease)
        lease.flags = flags
        # A reserved lease stands in a queue of its own, so that it is filed anew in any case.
        self._pass(lease, lease.next_state if lease.state == ACTIVE else lease.state, Cause.OPERATOR)

    def reserve(self, lease: Lease, reserved: bool) -> None:
        """Keep a lease for its client for good, or no longer. Unlike with `write_flags`, one in use stays so."""
        self._begin(lease)
        lease.flags = lease.flags | RESERVED_FLAG if reserved else lease.flags & ~RESERVED_FLAG
        partner = self.partner_of(lease)
        # A reserved lease that is free stands in a queue of its own.
        self.database.requeue(lease, partner.due(lease) if partner.paired else lease.ends)
        self._host.watch(lease)
        self._commit(lease, Cause.OPERATOR)

    def write_variable(self, lease: Lease, name: str, value: bytes | None) -> None:
        """Give a lease's variable a value, or take it away."""
        self._begin(lease)
        rare = lease.rarely()
        variables = dict(rare.variables or {})
        if value is None:
            del variables[name]
        else:
            variables[name] = value
        rare.variables = variables or None
        if rare.is_empty:
            lease.rare = None
        self._commit(lease, Cause.OPERATOR)

    # What DNS has come to hold

    def write_names(self, lease: Lease, values: Mapping[str, bytes | None]) -> None:
        """Write what DNS holds for a lease: variables by name, None for one that says nothing any more.

        The partner is told nothing of it (docs/behaviour/dns-updates.md#with-failover).
        """
        self._begin(lease)
        rare = lease.rarely()
        rare.variables = {**(rare.variables or {}), **values}
        self._commit_untold(lease, Cause.NAME)

    # What a partner says, knows and gets: it is not told of it in turn

    def take_over(self, lease: Lease, said: Binding, why: Cause = Cause.PARTNER, *, retold: bool = False) -> None:
        """Give the lease what its partner says of it. One that has ended there is free here at once.

        `retold`: the partner is to be told the same again, till it acknowledges that; and no less than it has promised.
        """
        self._begin(lease)
        if said.forgets:
            self.names.left(lease)
            self.forget_variables(lease)
        if said.anew:
            lease.hostname = None
        self.database.refile(lease, said.hardware, said.uid)
        lease.starts, lease.ends = said.starts, said.ends
        lease.flags = said.flags | lease.flags & (NUL_FLAG | BROADCAST_FLAG)
        if said.tsfp or said.atsfp:
            lease.rarely()
        if lease.rare is not None:
            lease.rare.tsfp, lease.rare.atsfp = said.tsfp, 0 if retold else said.atsfp
        if retold:
            lease.tstp = max(lease.tstp, said.tsfp)
        ended = said.state in (EXPIRED, RELEASED, RESET)
        self._reach(lease, FREE if ended else said.state, released=said.state == RELEASED)
        if said.state == ACTIVE:
            self.names.given(lease)
        self._commit_untold(lease, why)

    def acknowledge(self, lease: Lease, state: int) -> None:
        """The partner knows what it was told of the lease, which is in `state` from now on."""
        self._begin(lease)
        if lease.tstp:
            lease.rarely()
        if lease.rare is not None:
            lease.rare.tsfp = lease.rare.atsfp = lease.tstp
        if state != lease.state:
            self._reach(lease, state, released=lease.state == RELEASED)
        self._commit_untold(lease, Cause.ACKNOWLEDGE)

    def _reach(self, lease: Lease, state: int, *, released: bool) -> None:
        """Have a lease enter a state that both servers know; `released`: its client gave it back."""
        partner = self.partner_of(lease)
        runs, loses = TRANSITIONS[partner.paired, lease.state, state]
        if runs is not None:
            self.names.left(lease)
            lease.tstp = lease.ends
            self._run_event(lease, Event.RELEASE if released else runs)
        self._lose(lease, loses)
        lease.state = lease.rewind_state = state
        lease.next_state = NEXT_STATE[partner.paired, state]
        if lease.rare is not None and lease.rare.is_empty:
            lease.rare = None
        self.database.requeue(lease, partner.due(lease))
        self._host.watch(lease)

    def mark_told(self, lease: Lease, *, again: bool = False) -> bool:
        """The partner is about to be told of the lease, and must be taken to know it from now on; whether that is new.

        `again`: the record may not be on disk, and is appended in any case.
        """
        if not again and lease.rewind_state == lease.state:
            return False
        lease.rewind_state = lease.state
        self._append(lease)
        return True

    def give(self, lease: Lease, state: int) -> None:
        """Give a free lease to the partner, as `state`, its free state."""
        self._begin(lease)
        partner = self.partner_of(lease)
        self._lose(lease, TRANSITIONS[partner.paired, lease.state, state].loses)
        lease.hostname = None
        lease.starts = lease.tstp = self._host.now
        self._enter(lease, partner, state)
        self._commit_untold(lease, Cause.GIVE)

    def hold(self, lease: Lease) -> None:
        """What is due for the lease, and when, has changed with its partner's state."""
        self.database.requeue(lease, self.partner_of(lease).due(lease))

    def _commit_untold(self, lease: Lease, cause: Cause) -> None:
        """As `_commit`, but that the partner, who knows, does not hear of it."""
        if self.followed:
            self._changed(lease, cause)
        self._append(lease)

    # What follows from a change

    def _changed(self, lease: Lease, cause: Cause) -> Change:
        """Tell what an operation has made of a lease since `remember`."""
        assert self._before is not None, "who changes a followed lease remembers it first"
        assert self._before.address == lease.address, "another lease was remembered than is changed"
        change = Change(self._before, LeaseImage.of(lease), cause)
        self.changes.append(change)
        return change

    def withhold(self, lease: Lease) -> None:
        """A grant that cannot be told to its client is not stored, and the next ACK is no repetition of it."""
        lease.rarely().unwritten = True
        self.unstored = None

    def store(self, lease: Lease) -> None:
        """Append the lease's record to the lease file, and let its partner know."""
        self._append(lease)
        if self.unstored is lease:
            self.unstored = None
            if lease.rare is not None:
                lease.rare.unwritten = False
        change = self._change
        if change is not None:
            self._change = None
            self.partner_of(lease).changed(change)

    def _append(self, lease: Lease) -> None:
        host = self._host
        host.effects.append(Store(self.records.record(lease, host.now)))
        self.appended += 1


def _forget_promise(lease: Lease, holder: Holder, now: int) -> None:
    """The lease goes to another client: what the partner knows of the one before is nothing to him.

    It may promise no more than MCLT until the partner knows of him. Else a server that has lost its disk after such a
    promise would wait for MCLT, and give the address on: what its partner can tell it is the one before.
    """
    rare = lease.rare
    if rare is not None and rare.tsfp > now and not lease.is_of(holder.packet.hardware, holder.uid):
        rare.tsfp = 0
