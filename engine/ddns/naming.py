"""What an ACK means for DNS: who updates which record, under which name, and what option 81 of the reply says.

A function of what the client and the scopes say and of what the lease stores; nothing is sent or changed. Every way to
no update has its reason (Why), since most questions about dynamic DNS are why a client has no name.

Only the S flag of option 81 counts here, as in ISC dhcpd: the client may want its own A record (S=0), and gets it where
`client-updates` are allowed and its name has a domain. What RFC 4702 says of the N flag is not done.

See docs/behaviour/dns-updates.md#who-updates, docs/behaviour/dns-updates.md#what-is-done-at-an-ack.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from ..wire import fqdn
from .guard import interim_guard, standard_guard
from .records import DHCID, TXT, Names
from .wire.message import BadName, labels_from_text, wire_form

if TYPE_CHECKING:
    from ..model.lease import Lease

# The values of `ddns-update-style`.
NO_STYLE: Final = 0
STANDARD: Final = 3
# The values of `client-updates`, as of every such parameter.
_ALLOW: Final = 1
_IGNORE: Final = 2
# What ISC's buffers hold: host and domain together, a client's whole name, a reverse name.
_PARTS_OCTETS_MAXIMUM: Final = 253
_NAME_OCTETS_MAXIMUM: Final = 255
_TTL_MAXIMUM_S: Final = 3600
_YES: Final = b"\x01"
_NO: Final = b"\x00"
_RCODE: Final = b"\xff"


class Why(StrEnum):
    """The reason of a decision."""

    ADD = "the name is new"
    AGAIN = "the name is as before, and update-optimization is off"
    RESTORED = "the name is as before, and was being removed"
    RENAMED = "the lease has another name"
    RESTYLED = "the lease has a guard of the other style"
    KNOWN = "the name is as before"
    NO_NAME = "there is no host name"
    NO_DOMAIN = "there is no domain name"
    NAMELESS = "the lease has a name, and none is wanted any more"
    FORWARD_OFF = "do-forward-updates is off, and the client does not do its own A record"
    STATIC = "the address is fixed, and update-static-leases is off"
    TOO_LONG = "the name is too long"
    NO_IDENTITY = "no guard can be made of the client's identifier, or of the name"


class Wishes(NamedTuple):
    """What the client and the scopes say. Names are octets of text, None for null.

    `style`: of the guard. `option`: the parts of the client's option 81, None where it sent none. `host` has fallen
    back on the host declaration's name already. `ttl` in seconds. `hardware`, `identifier`: the client's identity.
    """

    style: int
    option: Mapping[int, bytes] | None
    client_updates: int
    forward: bool
    reverse: bool
    optimizes: bool
    replies: bool
    static: bool
    static_updates: bool
    host: bytes | None
    domain: bytes | None
    reverse_domain: bytes | None
    ttl: int
    address: int
    hardware: bytes
    identifier: bytes


class Stored(NamedTuple):
    """What the lease stores: `ddns-fwd-name`, `ddns-client-fqdn`, and whether it has a guard of the other style.

    `going`: it is being removed now, so that DNS may hold it or not.
    """

    forward: bytes
    client: bytes
    other_style: bool
    going: bool = False


class Decision(NamedTuple):
    """What is to be done. `adding`: None for nothing. `removes`: what is stored goes first.

    `sends_reverse`: false where the reverse map is to be stored, though no message adds it. `reply`: the parts of the
    reply's option 81, None for none. `line`: to be logged as an error, or empty.
    """

    why: Why
    adding: Names | None = None
    removes: bool = False
    sends_reverse: bool = True
    reply: dict[int, bytes] | None = None
    line: str = ""


def decide(wishes: Wishes, stored: Stored) -> Decision:
    """What an ACK means for DNS."""
    client_name = _client_name(wishes)
    if client_name is not None:
        if len(client_name) > _NAME_OCTETS_MAXIMUM:
            return Decision(Why.TOO_LONG, line="client provided fqdn: too long")
        return _compared(wishes, stored, client_name, by_client=True)
    if not wishes.forward:
        return Decision(Why.FORWARD_OFF)
    if wishes.static and not wishes.static_updates:
        return Decision(Why.STATIC)
    if wishes.host is None or wishes.domain is None:
        if stored.forward:
            return Decision(Why.NAMELESS, removes=True)
        return Decision(Why.NO_NAME if wishes.host is None else Why.NO_DOMAIN)
    if len(wishes.host) + len(wishes.domain) > _PARTS_OCTETS_MAXIMUM:
        return Decision(Why.TOO_LONG, line="ddns_update: host.domain name too long")
    return _compared(wishes, stored, wishes.host + b"." + wishes.domain, by_client=False)


def is_as_stored(stored: bytes, host: bytes, domain: bytes) -> bool:
    """Whether the name that this server makes of two parts is what a lease stores as `ddns-fwd-name`."""
    return bool(stored) and stored == host + b"." + domain and len(host) + len(domain) <= _PARTS_OCTETS_MAXIMUM


def _client_name(wishes: Wishes) -> bytes | None:
    """The name for which the client looks after its A record; None where the server does."""
    option = wishes.option
    if option is None or wishes.client_updates != _ALLOW or option.get(fqdn.SERVER_UPDATE) == _YES:
        return None
    return option.get(fqdn.FQDN, b"") if option.get(fqdn.DOMAINNAME) else None


def _compared(wishes: Wishes, stored: Stored, name: bytes, *, by_client: bool) -> Decision:
    """What a name means for a lease that may have one."""
    why, removes = Why.ADD, False
    if stored.forward:
        if stored.forward != name:
            why, removes = Why.RENAMED, True
        elif stored.other_style:
            why, removes = Why.RESTYLED, True
        elif stored.going:
            why = Why.RESTORED
        else:
            why = Why.KNOWN if wishes.optimizes else Why.AGAIN
    elif stored.client and stored.client == name:
        why = Why.KNOWN if wishes.optimizes else Why.AGAIN
    reply = _reply(wishes, name, by_client=by_client)
    if why is Why.KNOWN:
        return Decision(why, reply=reply)
    return _addition(wishes, Decision(why, removes=removes, reply=reply), name, by_client=by_client)


def _addition(wishes: Wishes, decision: Decision, name: bytes, *, by_client: bool) -> Decision:
    """The decision with what is to be added."""
    reverse, line = _reverse_name(wishes)
    if by_client:
        adding = Names(name, reverse=reverse, ttl=wishes.ttl)
        return decision._replace(adding=adding, sends_reverse=wishes.reverse, line=line)
    guard = _guard(wishes, name)
    if guard is None:
        return Decision(Why.NO_IDENTITY)
    kind = DHCID if wishes.style == STANDARD else TXT
    if not wishes.reverse:
        reverse = b""
    return decision._replace(adding=Names(name, kind, guard, reverse, wishes.ttl), line=line)


def _guard(wishes: Wishes, name: bytes) -> bytes | None:
    if wishes.style != STANDARD:
        return interim_guard(wishes.hardware, wishes.identifier)
    try:
        return standard_guard(wishes.hardware, wishes.identifier, wire_form(labels_from_text(name)))
    except BadName:
        return None


def is_of(lease: Lease, names: Names) -> bool:
    """Whether the guard beside a name is that of the client that has the lease."""
    if names.guard_type == TXT:
        return names.guard == interim_guard(lease.hardware, lease.uid)
    try:
        name = wire_form(labels_from_text(names.forward))
    except BadName:
        return False
    return names.guard == standard_guard(lease.hardware, lease.uid, name)


def _reverse_name(wishes: Wishes) -> tuple[bytes, str]:
    """The name of the PTR record, empty for none; and a line where it is too long."""
    if wishes.reverse_domain is None:
        return b"", ""
    octets = wishes.address.to_bytes(4, "big")
    name = b"".join(b"%d." % octet for octet in reversed(octets)) + wishes.reverse_domain
    if len(name) > _NAME_OCTETS_MAXIMUM:
        return b"", "ddns_update: Calculated rev domain name too long."
    return name.split(b"\0", 1)[0], ""


def _reply(wishes: Wishes, name: bytes, *, by_client: bool) -> dict[int, bytes] | None:
    """Option 81 of the reply, in parts: what the server has done, or that the client may do it."""
    option = wishes.option
    if option is None or not wishes.replies:
        return None
    by_server = not by_client
    if wishes.client_updates == _IGNORE and option.get(fqdn.SERVER_UPDATE) != _YES:
        # The client is told that it may, though the server does it all the same.
        by_server, name = False, option.get(fqdn.FQDN, b"")
    flag = _YES if by_server else _NO
    return {
        fqdn.ENCODED: option.get(fqdn.ENCODED, _NO),
        fqdn.SERVER_UPDATE: flag,
        fqdn.NO_CLIENT_UPDATE: flag,
        fqdn.RCODE1: _RCODE,
        fqdn.RCODE2: _RCODE,
        fqdn.FQDN: name,
    }


def ttl_of(seconds_left: int) -> int:
    """The TTL of records where `ddns-ttl` says nothing: half of the lease's rest, at most an hour."""
    return min(max(seconds_left, 0) // 2, _TTL_MAXIMUM_S)
