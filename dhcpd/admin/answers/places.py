"""Pools, and the failover relationships that share them."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from ...engine.failover.standing import standing
from ...engine.service.explain import entry_text
from ..slices import in_slices
from .declarations import place_text

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from ...engine.failover.endpoint import Endpoint
    from ...engine.model.configuration import Pool
    from ..shapes import Failover, Pools, Relationship
    from ..shapes import Pool as PoolShape
    from ..site import Site


def pools(site: Site, _values: Mapping[str, Any]) -> Generator[None, None, Pools]:
    """All pools, counted by their queues."""
    rows: list[PoolShape] = []
    for pool, pause in in_slices(site.server.configuration.pools):
        rows.append(_pool(site, pool))
        if pause:
            yield
    return {"pools": rows}


def _pool(site: Site, pool: Pool) -> PoolShape:
    counts = site.server.database.counts(pool)
    left_s = None if site.counters is None else site.counters.forecast.seconds_by_days(pool.index)
    used = counts.active + counts.expired + counts.abandoned + counts.backup
    return {
        "pool": pool.index,
        "network": pool.network.name,
        "ranges": [f"{IPv4Address(low)}-{IPv4Address(high)}" for low, high in pool.ranges],
        "place": place_text(pool.place),
        "total": counts.lease_count,
        "free": counts.lease_count - used,
        "active": counts.active,
        "expired": counts.expired,
        "abandoned": counts.abandoned,
        "backup": counts.backup,
        "full_in_s": None if left_s is None else int(left_s),
        "failover_peer": pool.failover_peer,
        "permits": [
            *(f"allow {entry_text(one)}" for one in pool.permits),
            *(f"deny {entry_text(one)}" for one in pool.prohibits),
        ],
    }


def failover(site: Site, _values: Mapping[str, Any]) -> Failover:
    """All failover relationships; none where the configuration has none."""
    partners = site.machine.failover
    found = () if partners is None else partners.endpoints.values()
    return {"relationships": [_relationship(site, endpoint) for endpoint in found]}


def _relationship(site: Site, endpoint: Endpoint) -> Relationship:
    found = standing(endpoint)
    return {
        "name": found.name,
        "role": "primary" if found.primary else "secondary",
        "state": found.state.word,
        "since": found.since,
        "why": found.why,
        "partner_state": found.partner_state.word,
        "partner_since": found.partner_since,
        "connected": found.contact.linked,
        "mclt": found.mclt,
        "unacked_updates": found.updates.unacknowledged,
        "waiting_updates": found.updates.waiting,
        "awaited": [{"what": one.what, "until": one.until} for one in found.awaited],
        "choices": [
            {"what": one.what, "local_state": None if one.state is None else int(one.state)} for one in found.choices
        ],
        "pools": [pool.index for pool in site.server.configuration.pools if pool.failover_peer == endpoint.name],
    }
