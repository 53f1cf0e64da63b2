"""Counters and the state behind them in the text format of Prometheus, which prometheus-client writes.

Names follow Prometheus' conventions: base units, `_total` behind counters. The same metrics come from a server that
runs and from a recording that is played; what only a running server knows (its memory, what was dropped before the
engine) is given by it as further families. Text comes in pieces, since a server with thousands of pools must not write
all of them at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import generate_latest

from ..leasetable import ranges_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from prometheus_client.core import Metric

    from ....engine.machine import Machine
    from ....engine.model.configuration import Pool
    from .counters import Counters, Histogram

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECOND_US: Final = 1_000_000
# Samples in one piece: a millisecond's work.
PIECE_SAMPLES: Final = 100
_POOLS_AT_ONCE: Final = 32
POOL_STATES: Final = ("free", "active", "expired", "abandoned", "backup")


class _One:
    """A registry's collector of one family."""

    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> Iterable[Metric]:
        yield self._family


def pieces(families: Iterable[Metric | None]) -> Iterator[bytes]:
    """The text, a piece after the other; an empty one where only time has gone by."""
    for family in families:
        if family is None:
            yield b""
            continue
        samples, first = family.samples, True
        for at in range(0, max(1, len(samples)), PIECE_SAMPLES):
            family.samples = samples[at : at + PIECE_SAMPLES]
            registry = CollectorRegistry(auto_describe=False)
            registry.register(_One(family))
            text = generate_latest(registry)
            yield text if first else b"".join(one for one in text.splitlines(True) if not one.startswith(b"#"))
            first = False


def families(counters: Counters) -> Iterator[Metric | None]:
    """Everything that events and effects tell, and the state of the machine; None is a pause within a long one."""
    yield from _totals(counters)
    yield _histogram("dhcpd_answer_seconds", "From a message to its answer, with what it waited for the disk.",
                     counters.answers)  # fmt: skip
    yield _histogram("dhcpd_sync_seconds", "From the end of a batch until what its replies promise was on the disk.",
                     counters.syncs)  # fmt: skip
    yield _histogram("dhcpd_lease_file_rewrite_seconds", "How long rewrites of the lease file took.",
                     counters.rewriting)  # fmt: skip
    machine = counters.machine
    build = InfoMetricFamily("dhcpd_build", "The program.")
    build.add_metric([], {"version": counters.version})
    yield build
    if machine.server is not None:
        yield from _state(machine, counters)


def _totals(counters: Counters) -> Iterator[Metric]:
    one = ("type",)
    yield _counter("dhcpd_messages_received", "Messages of clients and relays.", one, counters.received)
    yield _counter("dhcpd_messages_sent", "Messages to clients and relays.", one, counters.sent)
    yield _counter(
        "dhcpd_messages_dropped", "Messages that got no answer though their clients wait for one, by the reason.",
        ("type", "reason"), counters.dropped,
    )  # fmt: skip
    yield _counter("dhcpd_events", "What the engine was told besides messages.", ("event",), counters.events)
    yield _counter("dhcpd_storage_failures", "Failures to write the lease file.", ("operation",), counters.failures)
    yield _counter("dhcpd_streams_opened", "TCP connections of OMAPI and failover.", ("service",), counters.streams)
    yield _counter("dhcpd_commands", "Changes that operators asked for.", ("command", "result"), counters.commands)
    yield _counter("dhcpd_reloads", "Configurations that were read again.", ("result",), counters.reloads)
    for name, text, value in (
        ("dhcpd_lease_records", "Records appended to the lease file.", counters.records),
        ("dhcpd_lease_record_bytes", "Octets appended to the lease file.", counters.record_octets),
        ("dhcpd_lease_file_rewrites", "Rewrites of the lease file that were installed.", counters.rewrites),
        ("dhcpd_pings_sent", "Addresses that were pinged before they were offered.", counters.pings),
        ("dhcpd_pings_answered", "Pings that somebody answered.", counters.ping_replies),
    ):
        yield CounterMetricFamily(name, text, value=value)


def _counter(
    name: str, text: str, labels: Sequence[str], counts: Mapping[str, int] | Mapping[tuple[str, str], int]
) -> Metric:
    made = CounterMetricFamily(name, text, labels=labels)
    for key, value in sorted(counts.items()):
        made.add_metric([key] if isinstance(key, str) else list(key), value)
    return made


def _histogram(name: str, text: str, spans: Histogram) -> Metric:
    below, buckets = 0, []
    for edge, count in zip(spans.edges, spans.counts, strict=False):
        below += count
        buckets.append((f"{edge / _SECOND_US:g}", below))
    buckets.append(("+Inf", sum(spans.counts)))
    made = HistogramMetricFamily(name, text)
    made.add_metric([], buckets, spans.total_us / _SECOND_US)
    return made


def _state(machine: Machine, counters: Counters) -> Iterator[Metric | None]:
    assert machine.server is not None, "who calls has looked"
    database, pools = machine.server.database, machine.server.configuration.pools
    addresses = GaugeMetricFamily("dhcpd_pool_addresses", "Addresses of a pool by state.", labels=(*_POOL, "state"))
    size = GaugeMetricFamily("dhcpd_pool_size", "Addresses of a pool.", labels=_POOL)
    ends = GaugeMetricFamily(
        "dhcpd_pool_exhaustion_seconds", "Until a pool has no free address, if the last hour goes on; +Inf for never.",
        labels=_POOL,
    )  # fmt: skip
    for pool in pools:
        labels, counts = _labels(pool), database.counts(pool)
        used = counts.active + counts.expired + counts.abandoned + counts.backup
        values = (counts.lease_count - used, counts.active, counts.expired, counts.abandoned, counts.backup)
        for state, value in zip(POOL_STATES, values, strict=True):
            addresses.add_metric([*labels, state], value)
        size.add_metric(labels, counts.lease_count)
        seconds = counters.forecast.seconds(pool.index)
        ends.add_metric(labels, float("inf") if seconds is None else seconds)
        if pool.index % _POOLS_AT_ONCE == 0:
            yield None
    yield from (addresses, size, ends)
    yield GaugeMetricFamily("dhcpd_leases", "Addresses that were ever used.", value=len(database))
    yield GaugeMetricFamily(
        "dhcpd_hosts", "Host declarations in force.", value=machine.server.generation.declared.hosts.count
    )
    yield from _names(machine)
    yield from _failover(machine)


_POOL: Final = ("pool", "network", "ranges")
# A label is no place for hundreds of ranges.
_RANGES_CHARACTERS_MAXIMUM: Final = 80


def _labels(pool: Pool) -> list[str]:
    ranges = ranges_text(pool)
    cut = ranges if len(ranges) <= _RANGES_CHARACTERS_MAXIMUM else ranges[: _RANGES_CHARACTERS_MAXIMUM - 3] + "..."
    return [str(pool.index), pool.network.name, cut]


def _names(machine: Machine) -> Iterator[Metric]:
    assert machine.server is not None, "who calls has looked"
    updates = machine.server.ddns.updates
    yield GaugeMetricFamily("dhcpd_dns_updates_running", "Leases whose names are being updated.", value=len(updates))
    yield GaugeMetricFamily("dhcpd_dns_updates_owed", "Names that name servers have missed.", value=len(updates.debts))
    yield CounterMetricFamily(
        "dhcpd_dns_updates_given_up", "Names that were owed and had no room.", value=updates.debts.dropped
    )


def _failover(machine: Machine) -> Iterator[Metric]:
    if machine.failover is None:
        return
    endpoints = machine.failover.endpoints.values()
    state = GaugeMetricFamily(
        "dhcpd_failover_state", "1 for the state that a failover relationship is in.", labels=("peer", "state")
    )
    connected = GaugeMetricFamily("dhcpd_failover_connected", "Whether the partner is connected.", labels=("peer",))
    owed = GaugeMetricFamily(
        "dhcpd_failover_updates_owed", "Lease updates that the partner has not acknowledged.", labels=("peer",)
    )
    for endpoint in endpoints:
        state.add_metric([endpoint.name, endpoint.state.word], 1)
        connected.add_metric([endpoint.name], endpoint.link is not None)
        owed.add_metric([endpoint.name], len(endpoint.updates.unacked) + endpoint.updates.waiting_count)
    yield from (state, connected, owed)


