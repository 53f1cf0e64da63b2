"""Giving a lease: the procedure behind OFFER, ACK and dynamic BOOTREPLY, in ISC's order of steps.

What a step refuses ends the procedure with one line in the log; what statements have done to the lease by then stays
done, as in ISC. The choice of the lease came before (find_lease.py, allocate.py), the packet comes after (reply.py).

See docs/behaviour/decisions.md#grant-procedure.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from ....trace.effects import DEBUG, INFO
from ...conf.running import parameters as par
from ...conf.running.scopes import class_scopes, run_scopes
from ...model.change import Cause
from ...model.context import OptionSet
from ...model.lease import ACTIVE, BACKUP, BOOTP_FLAG, EXPIRED, FREE, RELEASED, RESERVED_FLAG, RESET
from ...wire.codes import CLASS_IDENTIFIER, CLIENT_IDENTIFIER, HOST_NAME
from ...wire.packet import OFFER, REQUEST
from ...wire.text import dotted
from ..explain import tell_time, watch_handler, watch_scopes
from ..finding.hosts import dynamic_host
from ..lifecycle import expire_in
from ..plan import Terms
from ..silence import Silence
from .billing import charge
from .lease_name import must_ask_name
from .lease_time import INFINITE, PoolClosedError, bootp_expiry, dhcp_time, requested_time
from .nak import send_nak_for
from .names import update_names
from .reply import answer
from .reuse import reusable
from .step import Grant

if TYPE_CHECKING:
    from ...model.configuration import Handler, Host
    from ...model.context import Bindings, Context
    from ...model.lease import Lease, Rare
    from ..server import Server

BOOTP: Final = 0
_CLASS_VARIABLE: Final = "vendor-class-identifier"
# Named here since looking a member of an enumeration up costs as much as a step does.
_NOT_MADE: Final = Silence.NOT_MADE
_UNHELD: Final = frozenset({FREE, BACKUP, EXPIRED, RELEASED, RESET})


def grant(
    server: Server, context: Context, lease: Lease, kind: int, line: str, hold: int = 0, host: Host | None = None
) -> None:
    """Give `lease` to the client of `context.packet`; `kind` is OFFER, ACK or BOOTP, `line` the request's log line."""
    if (server.offers or server.unnamed) and lease.pool is not None and server.is_pending(lease.address):
        server.silence = Silence.WAITING
        return
    packet = context.packet
    assert packet is not None
    step = Grant(server, context, packet, lease, kind, line, hold)
    if host is not None:
        step.host = host
    if server.leases.followed:
        server.leases.remember(lease)
    if kind != OFFER and lease.ends <= server.now:
        server.leases.drop_handlers(lease)
    context.lease = lease
    if not (_run_scopes(step) and _admit(step) and _decide_time(step)):
        server.silence = Silence.NOT_ADMITTED
        return
    server.silence = _NOT_MADE
    _take_over(step)
    if kind != OFFER and lease.rare is not None and lease.rare.on_commit is not None:
        _commit_handlers(step)
    if step.plan is None or step.plan.terms is None:
        _read_late(step)
    if kind != OFFER and server.ddns.settings.style:
        update_names(step)
    if lease.pool is not None:
        _reuse_or_store(step)
    answer(step)


def _read_late(step: Grant) -> None:
    """The parameters that a fixed address's variables do not reach, where the plan does not have them."""
    if step.lease.pool is None:
        step.context.bindings = {}
    step.terms.read_late(step.context, step.options)


# Scopes, and what is asked between them


def _run_scopes(step: Grant) -> bool:
    """Run every scope's statements, with the tests that stand between classes and host.

    See docs/behaviour/decisions.md#grant-procedure, steps 4 to 10.
    """
    server, context, packet = step.server, step.context, step.packet
    lease, generation = step.lease, server.generation
    if step.host is None and generation.declared.hosts.count:
        step.host = dynamic_host(server, packet)
    subnet = lease.subnet
    assert subnet is not None
    if server.reasons is not None:
        scopes = generation.plans.scopes(subnet, lease.pool, packet.classes, step.host)
        step.settings, _ = watch_scopes(server, packet, lease, scopes, _variables(lease))
    plan = generation.plans.plan(context, subnet, lease.pool, packet.classes, step.host)
    relay = step.relay_options
    if plan is None or (relay is not None and "agent" in plan.options.spaces):
        return _run_for_packet(step)
    step.plan = plan
    step.options = context.reply = plan.options
    if relay is not None:
        step.own_options().spaces["agent"] = dict(relay)
    if plan.handlers:
        _install(step, plan.handlers)
    terms = plan.terms
    if terms is None:
        bindings = context.bindings = _variables(lease)
        terms = Terms()
        terms.read_before_host(context, step.options)
        terms.read_early(context, step.options, bootp=step.kind == BOOTP)
        _keep_variables(step, bindings)
    step.terms = terms
    return not (terms.one_lease or terms.min_secs) or _before_host(step)


def _run_for_packet(step: Grant) -> bool:
    """The scopes' statements for this one packet."""
    context, lease = step.context, step.lease
    subnet, pool = lease.subnet, lease.pool
    assert subnet is not None
    options = step.options = context.reply = OptionSet()
    step.shared = False
    if step.relay_options is not None:
        options.spaces["agent"] = dict(step.relay_options)
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
        step.server.leases.set_variables(step.lease, bindings)


def _install(step: Grant, handlers: dict[str, Handler | None]) -> None:
    """What `on` statements have put up, or cleared, on the lease itself."""
    step.server.leases.install(step.lease, handlers)


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
                server.leases.release(other, step.packet, Cause.REVOKE)
    host = step.attached
    if not lease.uid or (host is not None and not host.uid and step.terms.deny_duplicates):
        for other in database.by_hardware(lease.hardware):
            if other is not lease and other.state not in _UNHELD:
                server.leases.release(other, step.packet, Cause.REVOKE)


# Admission and time


def _admit(step: Grant) -> bool:
    """Whether the client is let in: known, BOOTP, booting at all, and room in a class with a limit.

    Then whether the name of the address is known, where it is wanted; else the packet waits for it.

    See docs/behaviour/decisions.md#grant-procedure, steps 11 to 14, 34.
    """
    terms, packet, lease = step.terms, step.packet, step.lease
    if not terms.admits_all and not _is_let_in(step):
        return False
    rare = lease.rare
    if lease.pool is not None and (packet.classes or (rare is not None and rare.billing is not None)):
        bill = charge(step.server, lease, packet, offer=step.kind == OFFER)
        if bill.refused_by:
            text = f"lease limit reached in all matching classes (last: '{bill.refused_by}')"
            return step.reject(f"no available billing: {text}")
        step.forbidden = bill.changed
    return not terms.get_lease_hostnames or not must_ask_name(step.server, step.options, lease, step.host, packet)


def _is_let_in(step: Grant) -> bool:
    terms = step.terms
    if step.host is None and terms.boot_unknown != par.ALLOW:
        return terms.boot_unknown != par.IGNORE and step.reject("unknown client")
    if step.kind == BOOTP and terms.allow_bootp != par.ALLOW:
        return terms.allow_bootp != par.IGNORE and step.reject("bootp disallowed")
    if terms.allow_booting != par.ALLOW:
        return terms.allow_booting != par.IGNORE and step.reject("booting disallowed")
    return True


def _decide_time(step: Grant) -> bool:
    """Decide how long the lease lasts; False where the pool is closed and the client got its NAK.

    See docs/behaviour/decisions.md#grant-procedure, step 15.
    """
    server, lease, terms = step.server, step.lease, step.terms
    step.uid = b"" if terms.ignore_client_uids else step.packet.options.get(CLIENT_IDENTIFIER, b"")
    if step.kind == BOOTP:
        step.seconds, step.expiry = None, bootp_expiry(server, terms)
        step.flags = BOOTP_FLAG
        return True
    requested = requested_time(step.packet, terms)
    if requested == INFINITE and terms.infinite_is_reserved:
        step.flags = RESERVED_FLAG
        server.log(INFO, f"Infinite-leasetime reservation made on {dotted(lease.address)}.")
    try:
        step.seconds, step.expiry = dhcp_time(server, lease, terms, requested, step)
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
    step.same_client = (
        step.uid == lease.uid and lease.hardware == packet.hardware and step.attached is step.host
    )
    if options.get(CLASS_IDENTIFIER):
        bindings = _variables(lease)
        bindings[_CLASS_VARIABLE] = options[CLASS_IDENTIFIER]
        step.server.leases.set_variables(lease, bindings)
    name = options.get(HOST_NAME)
    if name is not None and name != lease.hostname:
        step.forbidden = True
    if step.flags & RESERVED_FLAG and not lease.flags & RESERVED_FLAG and lease.pool is not None:
        step.server.log(DEBUG, "Cannot reuse: lease is changing to RESERVED")
        step.forbidden = True


def _commit_handlers(step: Grant) -> None:
    """Run `on commit`, once, which sees the new end of the lease, and the host that its client is.

    See docs/behaviour/decisions.md#grant-procedure, step 24.
    """
    server, lease, context = step.server, step.lease, step.context
    handler = server.leases.take_on_commit(lease)
    if step.host is not None:
        server.leases.attach(lease, step.host.name)
    context.handlers.clear()
    bindings = context.bindings = _variables(lease)
    context.reply = step.own_options()
    step.handled = True
    run = partial(handler.run, context)
    if server.reasons is not None:
        run = partial(watch_handler, step.settings, handler, step.options, run)
    server.leases.run_with_end(lease, step.expiry, run)
    _keep_variables(step, bindings)
    if context.handlers:
        _install(step, context.handlers)


def _reuse_or_store(step: Grant) -> None:
    """Confirm a lease that is young enough as it is, or write the new data on it.

    See docs/behaviour/decisions.md#grant-procedure, step 26.
    """
    lease, server = step.lease, step.server
    nothing_new = lease.state == ACTIVE and step.same_client and not step.forbidden
    if nothing_new and lease.rare is not None:
        nothing_new = not _is_in_memory_alone(lease.rare, step.kind)
    if nothing_new and reusable(server, lease, step.terms.cache_percent):
        step.reused = True
        step.expiry = lease.ends
        server.leases.confirm(lease)
        step.note("unchanged", "its time is young enough to be told again (dhcp-cache-threshold)")
        return
    if step.relay_options is not None:
        step.relay = _to_remember(step, step.relay_options)
    if step.kind == OFFER:
        server.leases.offer(lease, step, step.hold)
    else:
        server.leases.grant(lease, step, step.expiry, step.seconds)
    if lease.ends < server.now and lease.next_state != lease.state and lease.pool is not None:
        expire_in(server, lease.pool)


def _is_in_memory_alone(rare: Rare, kind: int) -> bool:
    """Whether a lease has what its record lacks, so that its client must not be told of it without a new one."""
    return rare.no_reuse or (rare.unwritten and kind != OFFER)


def _to_remember(step: Grant, relay: dict[int, bytes]) -> tuple[tuple[int, bytes], ...] | None:
    """Of the relay's options those that a lease in use remembers; None where those that it knows stay."""
    if not step.terms.stash_agent:
        return None
    if step.kind == OFFER and step.lease.state != ACTIVE:
        return None
    # What the configuration has put in the place of the relay's is no memory to ISC, and is not kept.
    sent = step.options.spaces.get("agent", relay)
    return tuple([(code, data) for code, data in relay.items() if sent.get(code) is data])
