"""Spans are those between what the tape's notes say, and quantiles are near the exact ones."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from dhcpd.replay.command.cli import cli
from dhcpd.replay.looking.figures.histogram import Histogram
from dhcpd.replay.looking.figures.intervals import CLIENTS_MAXIMUM, Stopwatch, Times
from dhcpd.trace import Entry, TapeWriter
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Send
from tests.replay.engine_runs import Run
from tests.replay.tapes import packet

if TYPE_CHECKING:
    from pathlib import Path

HANDLED_US, SYNCED_US, LEFT_US, FREE_US = 40, 900, 1_000, 120


@pytest.mark.parametrize("top", [100, 5_000, 40_000_000])
def test_quantiles_are_near_the_exact_ones(top: int) -> None:
    dice = random.Random(top)
    spans = sorted(dice.randrange(top) for _ in range(2_000))
    found = Histogram()
    for span in spans:
        found.add(span)
    for share in (0.5, 0.9, 0.99):
        exact = spans[int(share * len(spans)) - 1]
        assert exact <= found.quantile(share) <= exact * (1 + 1 / 64)
    assert found.quantile(1.0) == found.maximum == spans[-1]


def test_spans_out_of_bounds_are_counted_at_the_bounds() -> None:
    found = Histogram()
    for span in (-5, 1 << 70):
        found.add(span)
    assert found.figures() == {"count": 2, "median": 0, "p90": 1 << 40, "p99": 1 << 40, "max": 1 << 40}


def noted(path: Path, run: Run, *, failing: int = 0) -> str:
    """The run as a program would record it; storing fails for the first `failing` packets with a durable reply."""
    with TapeWriter.create(path, version="test") as tape:
        for event, effects in run.pairs:
            at_us = event.mono_us
            first = tape.write_events([event])
            tape.write_effects(first, [effects], at_us + HANDLED_US)
            if any(isinstance(effect, Send) and effect.durable for effect in effects):
                failing -= 1
                tape.write_stored(first, at_us + SYNCED_US, None if failing >= 0 else at_us + LEFT_US)
    return str(path)


def stats(trace: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    result = CliRunner().invoke(cli, ["stats", trace, "--every", "1m", "--json"])
    assert result.exit_code == 0, result.stderr
    *series, totals = map(json.loads, result.stdout.splitlines())
    return series, totals


def test_stats_tells_the_spans_of_the_notes(tmp_path: Path) -> None:
    run = Run()
    run.serve(20)
    series, totals = stats(noted(tmp_path / "t", run))
    packets = sum(isinstance(event, ev.Packet) for event, _ in run.pairs)
    durable = sum(isinstance(one, Send) and one.durable for _, effects in run.pairs for one in effects)
    assert totals["noted"]
    assert totals["decision_us"] == dict.fromkeys(("median", "p90", "p99", "max"), HANDLED_US) | {"count": packets}
    assert totals["release_us"]["count"] == durable > 20
    assert totals["release_us"]["max"] == LEFT_US
    assert totals["exchanges"] == totals["acquire_us"]["count"] == 20
    # A millisecond between DISCOVER and REQUEST, and the REQUEST's own release.
    assert totals["acquire_us"]["max"] == 1_000 + LEFT_US
    assert sum(one["exchanges"] for one in series) == 20
    assert sum(one["decision_us"]["count"] for one in series) == packets
    assert series[0]["packets_per_s"] == pytest.approx(sum(series[0]["received"].values()) / 60, abs=1e-3)


def test_a_reply_that_never_left_has_no_release(tmp_path: Path) -> None:
    run = Run()
    for client in range(3):
        run.exchange(client)
    _, totals = stats(noted(tmp_path / "t", run, failing=1))
    assert totals["release_us"]["count"] == 2
    assert totals["exchanges"] == 3
    assert totals["acquire_us"]["count"] == 2


def test_a_reply_with_nothing_to_sync_is_free_when_it_is_decided(tmp_path: Path) -> None:
    run = Run()
    address = run.exchange(0)
    again = bytes([50, 4]) + address.to_bytes(4, "big")
    effects = run.packet(0, 3, again)  # young enough to be told again (dhcp-cache-threshold)
    assert any(isinstance(effect, Send) and effect.durable for effect in effects)
    path = tmp_path / "t"
    with TapeWriter.create(path, version="test") as tape:
        for event, done in run.pairs:
            first = tape.write_events([event])
            tape.write_effects(first, [done], event.mono_us + FREE_US)
            if event is not run.pairs[-1][0]:
                tape.write_stored(first, event.mono_us + SYNCED_US, event.mono_us + LEFT_US)
    _, totals = stats(str(path))
    assert totals["release_us"]["count"] == 2
    assert totals["release_us"]["median"] == FREE_US
    assert totals["release_us"]["max"] == LEFT_US


def test_a_recording_without_notes_tells_what_clients_saw(tmp_path: Path) -> None:
    run = Run()
    run.packet(1, 1)
    run.xid -= 1
    run.packet(1, 1)
    run.exchange(0)
    path = tmp_path / "t"
    with TapeWriter.create(path, version="test") as tape:
        for event, effects in run.pairs:
            tape.write_effects(tape.write_events([event]), [effects])
    _, totals = stats(str(path))
    assert not totals["noted"]
    assert totals["decision_us"] is totals["release_us"] is None
    assert totals["acquire_us"] == {"count": 1, "median": 1_000, "p90": 1_000, "p99": 1_000, "max": 1_000}
    assert (totals["retransmissions"], totals["again_us"]["max"]) == (1, 1_000)


def test_a_flood_of_clients_is_not_remembered() -> None:
    watch, times = Stopwatch(), Times()
    one = packet(0)
    for number in range(CLIENTS_MAXIMUM + 100):
        payload = one.payload[:28] + number.to_bytes(6, "big") + one.payload[34:]
        watch.take(Entry(number + 1, one._replace(payload=payload), ()), times)
    assert len(watch._clients) == CLIENTS_MAXIMUM
