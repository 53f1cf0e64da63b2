"""Small configurations for the tests of leases, made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhcpd.engine.conf.options import default_registry
from dhcpd.engine.lease.file.writer import Rewriter
from dhcpd.engine.model.configuration import Class, Configuration, Pool, Scope, SharedNetwork, Subnet
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


def configuration(*pools: Ranges, classes: tuple[tuple[str, int], ...] = ()) -> Configuration:
    """One network 10.0.0.0/8 with these pools; classes by name and limit."""
    scope = Scope("global", NOWHERE, None)
    made = Configuration(default_registry(), [scope], scope)
    network = SharedNetwork("net", NOWHERE, scope)
    subnet = Subnet(number("10.0.0.0"), number("255.0.0.0"), NOWHERE, scope, network)
    network.subnets.append(subnet)
    made.networks.append(network)
    made.subnets.append(subnet)
    for index, ranges in enumerate(pools):
        numbers = [(number(low), number(high)) for low, high in ranges]
        pool = Pool(network, NOWHERE, scope, index, numbers)
        pool.range_subnets = [subnet] * len(ranges)
        network.pools.append(pool)
        made.pools.append(pool)
    for name, limit in classes:
        made.classes.append(Class(name, NOWHERE, scope, limit=limit))
    return made


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
