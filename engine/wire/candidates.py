"""Which options a reply may carry, and in which order they are tried.

An order of codes only: values are found later, and a candidate without one is skipped. Without a parameter request
list the order comes from ISC dhcpd's hash buckets; with one, from the client. Pure functions.

See docs/behaviour/packets.md#which-options-a-reply-may-carry, docs/behaviour/packets.md#bucket-order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .codes import AGENT_OPTIONS, CLIENT_IDENTIFIER, FQDN, ROUTERS, SUBNET_MASK, SUBNET_SELECTION, VENDOR_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# ISC keeps a set's options in a hash table of so many buckets, and sends them as the table lies. Clients have been
# tested against that order for decades, and whoever compares replies octet by octet relies on it.
BUCKETS: Final = 17
# ISC's array of candidates: what a longer request list asks for behind it is not sent.
LIST_MAXIMUM: Final = 300

# First in every reply that has them, asked for or not: what the message is, who speaks, the times of the lease, why it
# was refused; 50 and 92 only ever come from a configuration or a LEASEQUERY.
_HEAD: Final = (53, 54, 51, 58, 59, 56, 50, 92)
# What follows for a client that asks for nothing: mask, routers, name servers, host name, FQDN.
_FIXED: Final = (1, 3, 6, 12, 81)


class Criteria(NamedTuple):
    """What decides on candidates besides the set itself.

    `requested`: the parameter request list in force (empty: none). `echo_identifier`: echo-client-id is on. `fqdn`:
    the request carried a decodable option 81. `mask`: it is a DISCOVER or REQUEST. `site`: a site space is in force.
    """

    requested: bytes
    echo_identifier: bool
    fqdn: bool
    mask: bool
    site: bool


def bucket_order(codes: Iterable[int]) -> list[int]:
    """Codes in order of first setting -> ISC's order: by bucket, the newest first within one."""
    buckets: list[list[int]] = [[] for _ in range(BUCKETS)]
    for code in codes:
        buckets[((code & 31) + ((code >> 5) & 31)) % BUCKETS].append(code)
    return [code for bucket in buckets for code in reversed(bucket)]


def candidates(
    criteria: Criteria, present: Sequence[int], site_present: Sequence[int], parents: Sequence[int]
) -> list[int]:
    """The candidate list. `present`: codes set in dhcp (those in force), `site_present`: in the site's space.

    Both are in order of first setting; `parents` are the codes of encapsulating options by number of their space.
    """
    tail = _by_request(criteria, present) if criteria.requested else _by_bucket(present, site_present, parents)
    ordered = list(dict.fromkeys((*_HEAD, *tail)))
    if SUBNET_MASK in ordered and ROUTERS in ordered:
        mask, routers = ordered.index(SUBNET_MASK), ordered.index(ROUTERS)
        # RFC 2132, 3.3: the subnet mask must come before the routers.
        if routers < mask:
            ordered[mask], ordered[routers] = ROUTERS, SUBNET_MASK
    return ordered


def _by_request(criteria: Criteria, present: Sequence[int]) -> list[int]:
    found: list[int] = []
    if SUBNET_SELECTION in present:
        found.append(SUBNET_SELECTION)
    if criteria.echo_identifier:
        found.append(CLIENT_IDENTIFIER)
    # The relay's block is not the client's to ask for: it has a place of its own, behind everything.
    found += [code for code in criteria.requested if code != AGENT_OPTIONS]
    if criteria.fqdn:
        found.append(FQDN)
    # Asked for or not: an address is of little use without its mask.
    if criteria.mask:
        found.append(SUBNET_MASK)
    return found[: LIST_MAXIMUM - len(_HEAD)]


def _by_bucket(present: Sequence[int], site_present: Sequence[int], parents: Sequence[int]) -> list[int]:
    found = [*_FIXED, *bucket_order(present), *bucket_order(site_present), *parents]
    return [*(code for code in found if code != AGENT_OPTIONS), VENDOR_OPTIONS]
