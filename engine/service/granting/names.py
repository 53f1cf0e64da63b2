"""What an ACK does in DNS: what the scopes say of names is evaluated, decided (ddns/naming.py), begun, and answered.

It stands between `on commit` and the record: the update sees what those statements did, and a lease for which messages
begin is not handed back unaltered. Option 81 of the reply tells what was decided, and not what DNS will say to it.

See docs/behaviour/dns-updates.md#what-is-done-at-an-ack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...ddns.naming import STANDARD, Stored, Why, Wishes, decide, is_as_stored, ttl_of
from ...ddns.records import DHCID, TXT, has_guard, stored_name
from ...wire.text import dotted
from ..plan import NameTerms
from ..reasons import Reason

if TYPE_CHECKING:
    from ...ddns.naming import Decision
    from ...model.configuration import Value
    from ...model.context import Context
    from .step import Grant

_FQDN: Final = "fqdn"


def update_names(step: Grant) -> None:
    """Decide what DNS is to hold for the lease, begin it, and put option 81 into the reply; where there is a style."""
    ddns = step.server.ddns
    context, lease = step.context, step.lease
    bindings = context.bindings
    if lease.pool is not None and step.host is not None:
        # What names are made of sees the host that the client is, as `on commit` does.
        step.server.leases.attach(lease, step.host.name)
    rare = lease.rare
    if lease.pool is not None:
        context.bindings = rare.variables if rare is not None and rare.variables is not None else {}
    terms = _terms(step)
    if not terms.updates:
        context.bindings = bindings
        _explain(step, "none", "ddns-updates is off")
        return
    style = ddns.settings.style
    other = TXT if style == STANDARD else DHCID
    host, domain = _host_part(step, terms), _value(context, terms.domain)
    if _is_known(step, terms, host, domain, other) and ddns.updates.is_idle(lease.address):
        context.bindings = bindings
        _explain(step, "none", Why.KNOWN)
        return
    wishes = _wishes(step, terms, style, host, domain)
    context.bindings = bindings
    forward, client = stored_name(lease)
    going = ddns.updates.is_going(lease.address)
    decision = decide(wishes, Stored(forward, client, has_guard(lease, other), going))
    if ddns.acknowledged(lease, decision):
        step.forbidden = True
    _explain(step, _verdict(decision), decision.why)
    if decision.reply is not None:
        step.own_options().spaces[_FQDN] = dict(decision.reply)


def _terms(step: Grant) -> NameTerms:
    """Those of the plan, unless the packet's own statements may have changed them."""
    plan = step.plan
    if plan is None or step.handled:
        return NameTerms(step.context, step.options)
    if plan.names is not None:
        return plan.names
    made = NameTerms(step.context, step.options)
    if made.constant:
        plan.names = made
    return made


def _value(context: Context, found: Value | None) -> bytes | None:
    return found(context) if callable(found) else found


def _is_known(step: Grant, terms: NameTerms, host: bytes | None, domain: bytes | None, other: int) -> bool:
    """Whether `decide` would find nothing to do, as for nearly everybody who comes again: a short cut to that.

    Who sends option 81 is told what was decided, and takes the long way.
    """
    lease = step.lease
    if lease.pool is None or not (terms.forward and terms.optimizes) or host is None or domain is None:
        return False
    if _FQDN in step.packet.spaces or callable(terms.reverse_domain):
        return False
    return is_as_stored(stored_name(lease)[0], host, domain) and not has_guard(lease, other)


def _wishes(step: Grant, terms: NameTerms, style: int, host: bytes | None, domain: bytes | None) -> Wishes:
    """What the client and its scopes want. Expressions are evaluated here."""
    packet, lease = step.packet, step.lease
    ttl = terms.ttl
    return Wishes(
        style=style,
        option=packet.spaces.get(_FQDN),
        client_updates=terms.client_updates,
        forward=terms.forward,
        reverse=terms.reverse,
        optimizes=lease.pool is not None and terms.optimizes,
        replies=terms.replies,
        static=lease.pool is None,
        static_updates=terms.static_updates,
        host=host,
        domain=domain,
        reverse_domain=_value(step.context, terms.reverse_domain),
        ttl=ttl_of(step.expiry - step.server.now) if ttl is None else ttl,
        address=lease.address,
        hardware=packet.hardware,
        identifier=step.uid,
    )


def _host_part(step: Grant, terms: NameTerms) -> bytes | None:
    """The left part of the name; None for none.

    See docs/behaviour/dns-updates.md#host-part.
    """
    packet = step.packet
    found = _value(step.context, terms.host)
    if found is not None:
        # One octet is left of an option of NULs; it is empty, and yet a name.
        return found.rstrip(b"\0") if packet.host_name_had_nul else found
    host = step.host
    if host is not None and step.terms.use_host_names:
        return host.name.encode("latin-1", "replace")
    return None


def _verdict(decision: Decision) -> str:
    """The decision in a word, or the name."""
    if decision.adding is not None:
        return decision.adding.forward.decode("utf-8", "backslashreplace")
    return "removed" if decision.removes else "none"


def _explain(step: Grant, verdict: str, why: str) -> None:
    if step.server.reasons is not None:
        step.server.reasons.append(Reason("dns", dotted(step.lease.address), verdict, why))
