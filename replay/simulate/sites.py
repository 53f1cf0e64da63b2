"""Sites that are simulated: servers, the relationships between them, and their configurations.

All servers are on one Ethernet, 10.0.0.0/24, where most clients are; others are behind a relay agent, in 10.1.0.0/24.
Server number n has the address 10.0.0.n. Each relationship has a pool in the one network or the other, or in both.
"""

from __future__ import annotations

from base64 import b64encode
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from .plan import Site

OMAPI_PORT: Final = 7911
FAILOVER_PORT: Final = 647
RELAY: Final = "10.1.0.1"
LAN_FIRST: Final = 10
LAN_NET: Final = "10.0.0.0"
RELAY_NET: Final = "10.1.0.0"
_ROOM: Final = 100
_HOST: Final = 255


NAME_SERVER: Final = "10.0.0.53"
ZONES: Final = ("example.org.", "0.0.10.in-addr.arpa.", "0.1.10.in-addr.arpa.")
KEY: Final = ("names.", b"what both know")
_NO_NAMES: Final = "ddns-update-style none;"
NAMES: Final = "".join((
    f'key {KEY[0]} {{ algorithm hmac-sha256; secret "{b64encode(KEY[1]).decode()}"; }}\n',
    *[f"zone {zone} {{ primary {NAME_SERVER}; key {KEY[0]}; }}\n" for zone in ZONES],
    'ddns-update-style interim; ddns-domainname "example.org";\n',
    'ddns-hostname = binary-to-ascii (16, 8, "-", hardware);\n',
))  # fmt: skip


class Relationship(NamedTuple):
    """Two servers, by their numbers, and whether their pool is among clients of the Ethernet, of the relay, or both."""

    name: str
    primary: int
    secondary: int
    lan: bool
    relayed: bool

    def other(self, number: int) -> int:
        """The partner's number."""
        return self.secondary if number == self.primary else self.primary


# A pair; two servers that are each other's primary; one server that is in two pairs.
SHAPES: Final[dict[str, tuple[Relationship, ...]]] = {
    "pair": (Relationship("fo", 1, 2, lan=True, relayed=True),),
    "crossed": (
        Relationship("fo-a", 1, 2, lan=True, relayed=False),
        Relationship("fo-b", 2, 1, lan=False, relayed=True),
    ),
    "star": (
        Relationship("fo-a", 1, 2, lan=True, relayed=False),
        Relationship("fo-b", 1, 3, lan=False, relayed=True),
    ),
}


def servers(site: Site) -> list[int]:
    """The servers' numbers."""
    return sorted({number for one in SHAPES[site.shape] for number in (one.primary, one.secondary)})


def relationships(site: Site, number: int) -> list[Relationship]:
    """Those of a server."""
    return [one for one in SHAPES[site.shape] if number in (one.primary, one.secondary)]


def owner_of(site: Site, address: int) -> Relationship:
    """The relationship that has an address of a pool."""
    return SHAPES[site.shape][((address & _HOST) - LAN_FIRST) // _ROOM]


def pool_of(site: Site, one: Relationship) -> range:
    """The addresses of a relationship's first pool, as numbers."""
    first = int(IPv4Address(LAN_NET if one.lan else RELAY_NET)) + LAN_FIRST + SHAPES[site.shape].index(one) * _ROOM
    return range(first, first + site.addresses)


def name(number: int) -> str:
    """A server's name."""
    return f"server-{number}"


def configuration(site: Site, number: int, *, longer: int = 0, secret: str = "") -> str:
    """dhcpd.conf of a server. `longer`: so many addresses more in each pool; `secret`: behind relationships' names."""
    names, ping = NAMES if site.names else _NO_NAMES, "true" if site.ping else "false"
    text = (
        f"{names} omapi-port {OMAPI_PORT}; ping-check {ping};\n"
        f"default-lease-time {site.lease_s}; max-lease-time {2 * site.lease_s}; min-lease-time 20;\n"
    )
    own = [(at, one) for at, one in enumerate(SHAPES[site.shape]) if number in (one.primary, one.secondary)]
    text += "".join(_peer(site, one, number, secret) for _at, one in own)
    text += _network("10.0.0", [(at, one) for at, one in own if one.lan], site.addresses + longer, secret)
    relayed = [(at, one) for at, one in own if one.relayed]
    return text + (_network("10.1.0", relayed, site.addresses + longer, secret) if relayed else "")


def _peer(site: Site, one: Relationship, number: int, secret: str) -> str:
    primary = number == one.primary
    role = f"primary; mclt {site.mclt_s}; split {site.split};" if primary else "secondary;"
    down = f"auto-partner-down {site.auto_partner_down_s}; " if site.auto_partner_down_s else ""
    return (
        f'failover peer "{one.name}{secret}" {{ {role} address 10.0.0.{number}; port {FAILOVER_PORT};\n'
        f"  peer address 10.0.0.{one.other(number)}; peer port {FAILOVER_PORT}; {down}\n"
        f"  max-response-delay {site.response_s}; max-unacked-updates {site.unacked};\n"
        f"  load balance max seconds {site.shared_s};\n"
        f"  min-balance {max(site.balance_s // 4, 1)}; max-balance {site.balance_s}; }}\n"
    )


def _network(prefix: str, own: list[tuple[int, Relationship]], addresses: int, secret: str) -> str:
    pools = ""
    for at, one in own:
        low = LAN_FIRST + at * _ROOM
        addressed = f"range {prefix}.{low} {prefix}.{low + addresses - 1};"
        pools += f'  pool {{ failover peer "{one.name}{secret}"; {addressed} }}\n'
    return f"subnet {prefix}.0 netmask 255.255.255.0 {{\n{pools}}}\n"
