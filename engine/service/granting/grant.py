"""Giving a lease: the procedure behind OFFER, ACK and dynamic BOOTREPLY, in ISC's order of steps.

What a step refuses ends the procedure with one line in the log; what statements have done to the lease by then stays
done, as in ISC. The choice of the lease came before (find_lease.py, allocate.py), the packet comes after (reply.py).

See docs/behaviour/decisions.md#grant-procedure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....trace.effects import DEBUG, ERROR, INFO
from ...conf.running import parameters as par
from ...conf.running.scopes import class_scopes, run_scopes
from ...model.context import OptionSet
from ...model.lease import ACTIVE, BACKUP, BOOTP_FLAG, EXPIRED, FREE, RELEASED, RESERVED_FLAG, RESET
from ...wire.packet import ACK, OFFER, REQUEST
from ...wire.text import dotted
from ..explain import tell_time, watch_handler, watch_scopes
from ..finding.hosts import CLIENT_IDENTIFIER, dynamic_host
from ..lifecycle import expire_in, lease_has_rare, release
from ..plan import Terms
from .billing import charge, is_charged
from .lease_name import must_ask_name
from .lease_time import INFINITE, PoolClosedError, bootp_expiry, dhcp_expiry, requested_time
from .nak import send_nak_for
from .reply import answer
from .reuse import reusable
from .step import Grant

if TYPE_CHECKING:
    from ...model.configuration import Handler, Host
    from ...model.context import Bindings, Context
    from ...model.lease import Lease
    from ..server import Server

BOOTP: Final = 0
_HOST_NAME: Final = 12
_CLASS_IDENTIFIER: Final = 60
_CLASS_VARIABLE: Final = "vendor-class-identifier"
_UNHELD: Final = frozenset({FREE, BACKUP, EXPIRED, RELEASED, RESET})


def grant(
    server: Server, context: Context, lease: Lease, kind: int, line: str, hold: int = 0, host: Host | None = None
) -> None:
    """Give `lease` to the client of `context.packet`; `kind` is OFFER, ACK or BOOTP, `line` the request's log line."""
    if lease.pool is not None and server.is_deaf(lease.address):
        return
    packet = context.packet
    assert packet is not None
    step = Grant(server, context, packet, lease, kind, line, hold)
    if host is not None:
        step.host = host
    rare = lease.rare
    if rare is not None and lease.ends <= server.now and kind != OFFER:
        rare.on_expiry = rare.on_release = rare.on_commit = None
    context.lease = lease
    if not (_run_scopes(step) and _admit(step) and _knows_name(step) and _decide_time(step)):
        return
    _take_over(step)
    if kind != OFFER:
        _commit_handlers(step)
    if step.plan is None or step.plan.terms is None:
        if lease.pool is None:
            context.bindings = {}
        step.terms.read_late(context, step.options)
    if lease.pool is not None:
        _reuse_or_store(step)
    answer(step)


# Scopes, and what is asked between them


def _run_scopes(step: Grant) -> bool:
    """Run every scope's statements, with the tests that stand between classes and host.

    See docs/behaviour/decisions.md#grant-procedure, steps 4 to 10.
    """
    server, context, packet, lease = step.server, step.context, step.packet, step.lease
    if step.host is None and server.generation.declared.hosts.count:
        step.host = dynamic_host(server, packet)
    subnet = lease.subnet
    assert subnet is not None
    relay = packet.agent if not packet.stashed else None
    if server.reasons is not None:
        scopes = server.generation.plans.scopes(subnet, lease.pool, packet.classes, step.host)
        step.settings, _ = watch_scopes(server, packet, lease, scopes, _variables(lease))
    plan = server.generation.plans.plan(context, subnet, lease.pool, packet.classes, step.host)
    if plan is None or (relay is not None and "agent" in plan.options.spaces):
        return _run_for_packet(step, relay)
    step.plan = plan
    step.options = plan.options
    if relay is not None:
        _own_options(step).spaces["agent"] = dict(relay)
    context.reply = step.options
    if plan.handlers:
        _install(step, plan.handlers)
    if plan.terms is None:
        bindings = context.bindings = _variables(lease)
        step.terms = Terms()
        step.terms.read_before_host(context, step.options)
        step.terms.read_early(context, step.options, bootp=step.kind == BOOTP)
        _keep_variables(step, bindings)
    else:
        step.terms = plan.terms
    return _before_host(step)


def _run_for_packet(step: Grant, relay: dict[int, bytes] | None) -> bool:
    """The scopes' statements for this one packet."""
    context, lease = step.context, step.lease
    subnet, pool = lease.subnet, lease.pool
    assert subnet is not None
    options = step.options = context.reply = OptionSet()
    step.shared = False
    if relay is not None:
        options.spaces["agent"] = dict(relay)
    bindings = context.bindings = _variables(lease)
    terms = step.terms = Terms()
    limit = subnet.scope
    run_scopes(subnet.scope.chain(), context)
    if pool is not None:
        run_scopes(pool.scope.chain(pool.network.scope), context)
        limit = pool.scope
    run_scopes(class_scopes(step.packet.classes, limit), context)
    terms.read_before_host(context, options)
    _keep_variables(step, bindings)
    if context.handlers:
        _install(step, context.handlers)
    if not _before_host(step):
        return False
    if step.host is not None:
        run_scopes(step.host.scope.chain(limit), context)
        if context.handlers:
            _install(step, context.handlers)
    terms.read_early(context, options, bootp=step.kind == BOOTP)
    _keep_variables(step, bindings)
    return True


def _variables(lease: Lease) -> Bindings:
    rare = lease.rare
    return rare.variables if rare is not None and rare.variables is not None else {}


def _keep_variables(step: Grant, bindings: Bindings) -> None:
    if bindings:
        _keep(step)
        step.lease.rarely().variables = bindings


def _keep(step: Grant) -> None:
    """What statements do to a lease stays, even to a lease that was never used and is now refused."""
    if step.lease.key is None and step.lease.pool is not None:
        step.server.database.keep(step.lease)


def _own_options(step: Grant) -> OptionSet:
    """The option set, as one that may be changed."""
    if step.shared:
        step.options = step.context.reply = step.options.copy()
        step.shared = False
    return step.options


def _install(step: Grant, handlers: dict[str, Handler | None]) -> None:
    """What `on` statements have put up, or cleared, on the lease itself."""
    _keep(step)
    rare = step.lease.rarely()
    if "commit" in handlers:
        rare.on_commit = handlers["commit"]
    if "expiry" in handlers:
        rare.on_expiry = handlers["expiry"]
    if "release" in handlers:
        rare.on_release = handlers["release"]


def _before_host(step: Grant) -> bool:
    """One lease for each client, and `min-secs`: whether the client has waited for long enough.

    See docs/behaviour/decisions.md#grant-procedure, steps 7 to 8.
    """
    terms = step.terms
    if step.packet.message_type == REQUEST:
        if terms.one_lease:
            _release_others(step)
    elif step.kind == OFFER and step.packet.secs < terms.min_secs:
        values = f"({terms.min_secs}) is greater than secs field ({step.packet.secs})"
        return step.reject(f"configured min-secs value {values}.  message dropped.")
    return True


def _release_others(step: Grant) -> None:
    """Give up the client's other leases, by what this one says of its client.

    See docs/behaviour/decisions.md#grant-procedure, step 7.
    """
    server, lease, database = step.server, step.lease, step.server.database
    if lease.uid:
        for other in database.by_uid(lease.uid):
            if other is not lease and other.state not in _UNHELD:
                release(server, other, step.packet)
    host = step.attached
    if not lease.uid or (host is not None and not host.uid and step.terms.deny_duplicates):
        for other in database.by_hardware(lease.hardware):
            if other is not lease and other.state not in _UNHELD:
                release(server, other, step.packet)


# Admission and time


def _admit(step: Grant) -> bool:
    """Whether the client is let in: known, BOOTP, booting at all, and room in a class with a limit.

    See docs/behaviour/decisions.md#grant-procedure, steps 11 to 14.
    """
    terms, server, lease = step.terms, step.server, step.lease
    if step.host is None and terms.boot_unknown != par.ALLOW:
        return terms.boot_unknown != par.IGNORE and step.reject("unknown client")
    if step.kind == BOOTP and terms.allow_bootp != par.ALLOW:
        return terms.allow_bootp != par.IGNORE and step.reject("bootp disallowed")
    if terms.allow_booting != par.ALLOW:
        return terms.allow_booting != par.IGNORE and step.reject("booting disallowed")
    if lease.pool is not None and (step.packet.classes or is_charged(lease)):
        bill = charge(server, lease, step.packet, offer=step.kind == OFFER)
        if bill.refused_by:
            text = f"lease limit reached in all matching classes (last: '{bill.refused_by}')"
            return step.reject(f"no available billing: {text}")
        step.forbidden = bill.changed
    return True


def _knows_name(step: Grant) -> bool:
    """Whether the name of the address is known, where it is wanted; else the packet waits for it.

    See docs/behaviour/decisions.md#grant-procedure, step 34.
    """
    if not step.terms.get_lease_hostnames:
        return True
    return not must_ask_name(step.server, step.options, step.lease, step.host, step.packet)


def _decide_time(step: Grant) -> bool:
    """Decide how long the lease lasts; False where the pool is closed and the client got its NAK.

    See docs/behaviour/decisions.md#grant-procedure, step 15.
    """
    server, lease, terms = step.server, step.lease, step.terms
    if step.kind == BOOTP:
        step.expiry = bootp_expiry(server, terms)
        step.flags = BOOTP_FLAG
        return True
    requested = requested_time(step.packet, terms)
    if requested == INFINITE and terms.infinite_is_reserved:
        step.flags = RESERVED_FLAG
        server.log(INFO, f"Infinite-leasetime reservation made on {dotted(lease.address)}.")
    try:
        step.expiry = dhcp_expiry(server, lease, terms, requested, commit=step.kind == ACK)
    except PoolClosedError:
        if lease.state != ACTIVE and lease.pool is not None:
            server.database.charges.take_back(lease)
        step.note("NAK", "the pool is not valid at this time")
        send_nak_for(server, step.context, lease.address, lease.subnet)
        return False
    if server.reasons is not None:
        tell_time(server, step.packet, terms, step.settings, requested, step.expiry)
    return True


# The new data


def _take_over(step: Grant) -> None:
    """Take over what the packet says of the client, and see whether it is the lease's.

    See docs/behaviour/decisions.md#grant-procedure, steps 17 to 23.
    """
    packet, lease = step.packet, step.lease
    options = packet.options
    if not step.terms.ignore_client_uids:
        step.uid = options.get(CLIENT_IDENTIFIER, b"")
    step.same_client = (
        step.uid == lease.uid and lease.hardware == packet.hardware and step.attached is step.host
    )
    if options.get(_CLASS_IDENTIFIER):
        bindings = _variables(lease)
        bindings[_CLASS_VARIABLE] = options[_CLASS_IDENTIFIER]
        lease.rarely().variables = bindings
    name = options.get(_HOST_NAME)
    if name is not None and name != lease.hostname:
        step.forbidden = True
    if step.flags & RESERVED_FLAG and not lease.flags & RESERVED_FLAG and lease.pool is not None:
        step.server.log(DEBUG, "Cannot reuse: lease is changing to RESERVED")
        step.forbidden = True


def _commit_handlers(step: Grant) -> None:
    """Run `on commit`, once, which sees the new end of the lease; then dynamic DNS.

    See docs/behaviour/decisions.md#grant-procedure, steps 24 to 25.
    """
    server, lease, context = step.server, step.lease, step.context
    rare = lease.rare
    if rare is not None and rare.on_commit is not None:
        handler, rare.on_commit = rare.on_commit, None
        old_ends, lease.ends = lease.ends, step.expiry
        context.handlers.clear()
        bindings = context.bindings = _variables(lease)
        context.reply = _own_options(step)
        if server.reasons is None:
            handler.run(context)
        else:
            watch_handler(step.settings, handler, step.options, lambda: handler.run(context))
        lease.ends = old_ends
        _keep_variables(step, bindings)
        if context.handlers:
            _install(step, context.handlers)
    if server.ddns is not None and server.ddns.granted(context, lease):
        step.forbidden = True


def _reuse_or_store(step: Grant) -> None:
    """Answer from a lease that is young enough, or store the new data on it.

    See docs/behaviour/decisions.md#grant-procedure, step 26.
    """
    lease, server = step.lease, step.server
    rare = lease.rare
    if lease.state == ACTIVE:
        refused = step.forbidden or (rare is not None and rare.no_reuse)
        if not refused and step.same_client and reusable(server, lease, step.terms.cache_threshold):
            step.reused = True
            step.expiry = lease.ends
            lease.cltt = server.now
            step.note("unchanged", "its time is young enough to be told again (dhcp-cache-threshold)")
            return
        if step.kind == OFFER:
            lease.rarely().no_reuse = True
        elif rare is not None:
            rare.no_reuse = False
    _store(step)


def _store(step: Grant) -> None:
    """The new data on the lease, in memory; the record is written by reply.py, behind the request's line."""
    lease, server, packet = step.lease, step.server, step.packet
    now = server.now
    if lease.state == ACTIVE and _conflicts(lease, step.uid, packet.hardware):
        server.log(ERROR, f"Lease conflict at {dotted(lease.address)}")
    server.database.refile(lease, packet.hardware, step.uid)
    lease.starts = lease.cltt = now
    if server.failover is None:
        lease.tstp = 0
    lease.flags |= step.flags
    name = packet.options.get(_HOST_NAME)
    lease.hostname = None if name is None else name.split(b"\0", 1)[0]
    if step.kind == OFFER:
        lease.ends = step.hold
    else:
        lease.ends = step.expiry
        lease.state, lease.next_state = ACTIVE, FREE
        if server.failover is not None and lease.pool is not None and lease.pool.failover_peer is not None:
            lease.next_state = server.failover.next_state(lease)
    _store_rare(step)
    server.database.requeue(lease)
    if lease.ends != now:
        server.watch(lease)
    if lease.ends < now and lease.next_state != lease.state and lease.pool is not None:
        expire_in(server, lease.pool)


def _store_rare(step: Grant) -> None:
    """Host, relay options, what stood behind the hardware address; `rare` goes where nothing is left in it."""
    lease, packet = step.lease, step.packet
    if step.host is not None:
        lease.rarely().host = step.host.name
    elif lease.rare is not None:
        lease.rare.host = None
    relay = packet.agent
    if relay is not None and not packet.stashed and lease.state == ACTIVE and step.terms.stash_agent:
        # What the configuration has put in the place of the relay's is no memory to ISC, and is not kept.
        sent = step.options.spaces.get("agent", relay)
        kept = tuple((code, data) for code, data in relay.items() if sent.get(code) is data)
        lease.rarely().agent_options = kept or None
    padding = packet.chaddr[packet.hlen :].rstrip(b"\x00")
    if padding:
        lease.rarely().padding = padding
    elif lease.rare is not None:
        lease.rare.padding = b""
    if lease.rare is not None:
        lease.rare.atsfp = 0
    if lease.rare is not None and not lease_has_rare(lease):
        lease.rare = None


def _conflicts(lease: Lease, uid: bytes, hardware: bytes) -> bool:
    """Whether an active lease is about to get another client's data (docs/behaviour/decisions.md#conflicting-data)."""
    if lease.uid and uid:
        return lease.uid != uid
    return not lease.uid and lease.hardware != hardware
