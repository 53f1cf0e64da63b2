"""What an ACK does in DNS: what the scopes say of names is evaluated, decided (ddns/naming.py), begun, and answered.

It stands between `on commit` and the record: the update sees what those statements did, and a lease for which messages
begin is not handed back unaltered. Option 81 of the reply tells what was decided, and not what DNS will say to it.

See docs/behaviour/dns-updates.md#what-is-done-at-an-ack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...conf.running import parameters as par
from ...ddns.naming import STANDARD, Stored, Wishes, decide, ttl_of
from ...ddns.records import DHCID, TXT, has_guard, stored_name
from ...wire.text import dotted
from ..reasons import Reason

if TYPE_CHECKING:
    from ...ddns.naming import Decision
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
    wanted = par.flag(context, step.options, par.DDNS_UPDATES, True)
    wishes = _wishes(step, ddns.settings.style) if wanted else None
    context.bindings = bindings
    if wishes is None:
        _explain(step, "none", "ddns-updates is off")
        return
    forward, client = stored_name(lease)
    other = TXT if wishes.style == STANDARD else DHCID
    going = ddns.updates.is_going(lease.address)
    decision = decide(wishes, Stored(forward, client, has_guard(lease, other), going))
    if ddns.acknowledged(lease, decision):
        step.forbidden = True
    _explain(step, _verdict(decision), decision.why)
    if decision.reply is not None:
        step.own_options().spaces[_FQDN] = dict(decision.reply)


def _wishes(step: Grant, style: int) -> Wishes:
    """What the client and its scopes want. Expressions are evaluated here."""
    context, options, packet, lease = step.context, step.options, step.packet, step.lease
    return Wishes(
        style=style,
        option=packet.spaces.get(_FQDN),
        client_updates=par.choice(context, options, par.CLIENT_UPDATES, par.ALLOW),
        forward=par.flag(context, options, par.DO_FORWARD_UPDATES, True),
        reverse=par.flag(context, options, par.DO_REVERSE_UPDATES, True),
        optimizes=lease.pool is not None and par.flag(context, options, par.UPDATE_OPTIMIZATION, True),
        replies=par.flag(context, options, par.FQDN_REPLY, True),
        static=lease.pool is None,
        static_updates=par.flag(context, options, par.UPDATE_STATIC_LEASES, False),
        host=_host_part(step),
        domain=par.value(context, options, par.DDNS_DOMAINNAME),
        reverse_domain=par.value(context, options, par.DDNS_REV_DOMAINNAME),
        ttl=par.number(context, options, par.DDNS_TTL, ttl_of(step.expiry - step.server.now)) or 0,
        address=lease.address,
        hardware=packet.hardware,
        identifier=step.uid,
    )


def _host_part(step: Grant) -> bytes | None:
    """The left part of the name; None for none.

    See docs/behaviour/dns-updates.md#host-part.
    """
    packet = step.packet
    found = par.value(step.context, step.options, par.DDNS_HOSTNAME)
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
