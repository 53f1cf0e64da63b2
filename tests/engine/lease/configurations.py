"""Small configurations for the tests of leases, made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.lease.file.writer import Rewriter
from dhcpd.engine.model.configuration import (
    Class,
    Configuration,
    Pool,
    Scope,
    SharedNetwork,
    Subnet,
    complete,
)
from dhcpd.engine.model.peers import FailoverPeer
from dhcpd.engine.model.syntax import NOWHERE

if TYPE_CHECKING:
    from dhcpd.engine.lease.database import Database

Ranges = list[tuple[str, str]]


def number(text: str) -> int:
    """An address as a 32-bit number."""
    value = 0
    for part in text.split("."):
        value = value << 8 | int(part)
    return value


def configuration(
    *pools: Ranges,
    classes: tuple[tuple[str, int], ...] = (),
    peer: str | None = None,
    lease_id_hex: bool = False,
    local_times: bool = False,
) -> Configuration:
    """One network 10.0.0.0/8 with these pools, all of them of `peer`; classes by name and limit."""
    scope = Scope("global", NOWHERE, None)
    network = SharedNetwork("net", NOWHERE, scope)
    subnet = Subnet(number("10.0.0.0"), number("255.0.0.0"), NOWHERE, scope, network)
    made = []
    for index, ranges in enumerate(pools):
        numbers = tuple((number(low), number(high)) for low, high in ranges)
        inside = (subnet,) * len(ranges)
        made.append(Pool(network, NOWHERE, scope, index, numbers, failover_peer=peer, range_subnets=inside))
    complete(network, subnets=(subnet,), pools=tuple(made))
    return Configuration(
        registry=default_registry(),
        scopes=(scope,),
        global_scope=scope,
        networks=(network,),
        subnets=(subnet,),
        pools=tuple(made),
        classes=tuple(Class(name, NOWHERE, scope, limit=limit) for name, limit in classes),
        failover_peers={} if peer is None else {peer: FailoverPeer(peer, NOWHERE)},
        lease_id_hex=lease_id_hex,
        local_times=local_times,
    )


def conf_text(*pools: Ranges) -> str:
    """The same configuration for ISC's server. Two pools at most: they must not look alike, or it would merge them."""
    blocks: list[str] = []
    for index, ranges in enumerate(pools):
        text = " ".join(f"range {low} {high};" for low, high in ranges)
        blocks.append(f"pool {{ {('deny', 'allow')[index]} unknown-clients; {text} }}")
    return f"subnet 10.0.0.0 netmask 255.0.0.0 {{ {' '.join(blocks)} }}\n"


def written(database: Database, now: int = 0) -> tuple[bytes, list[str]]:
    """The rewritten file and its summary."""
    rewriter = Rewriter(database, database.configuration, 0, now)
    pieces: list[bytes] = []
    while (piece := rewriter.next_slice()) is not None:
        pieces.append(piece)
    return b"".join(pieces), rewriter.summary()
