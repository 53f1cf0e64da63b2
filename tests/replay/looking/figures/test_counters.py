"""Counters: what they count, that a recording played gives those of the run, and that Prometheus can read them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from dhcpd.door import Door
from dhcpd.engine.machine import Machine
from dhcpd.engine.service.silence import Silence
from dhcpd.replay.looking.figures.counted import counted
from dhcpd.replay.looking.figures.counters import OTHER, TYPES, Counters, Histogram, message_type
from dhcpd.replay.looking.figures.exposition import families, pieces
from dhcpd.replay.looking.figures.forecast import HOUR_US, LOOK_US, Forecast
from dhcpd.replay.world.messages import message
from dhcpd.trace import TapeWriter, open_tape
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Send, Store
from tests.replay.engine_runs import CONFIGURATION, SERVER, Run

MONITORING = Path(__file__).resolve().parents[4] / "packaging" / "monitoring"


def text_of(counters: Counters) -> str:
    return b"".join(pieces(families(counters))).decode()


def counting(run: Run) -> Counters:
    """A machine of its own that counts a run's events."""
    counters = Counters(Machine())
    for event, _effects in run.pairs:
        counters.apply(event)
        counters.handled(event.mono_us + 700)
    return counters


def test_a_run_is_counted() -> None:
    run = Run()
    run.serve(60)
    counters = counting(run)
    assert counters.received == {"discover": 60, "request": 84, "release": 9, "inform": 6, "decline": 5}
    assert counters.sent == {"offer": 60, "ack": 86, "nak": 4}
    assert sum(counters.dropped.values()) == 0
    assert counters.events["Timer"] == 1


def relayed(kind: int, client: int, relay: int, options: bytes = b"") -> ev.Packet:
    made = message(kind, b"\2\0\0\0\0" + bytes([client]), options, xid=client, giaddr=relay, hops=1, octets=0)
    return ev.Packet(1_790_000_000_000_000, 0, "eth0", relay, 67, made)


@pytest.mark.parametrize(
    ("configuration", "packet", "why"),
    [
        (CONFIGURATION, relayed(1, 1, 0xC0000201), Silence.UNKNOWN_NETWORK),
        (CONFIGURATION, relayed(3, 1, SERVER + 1, bytes([50, 4, 10, 0, 99, 0])), Silence.UNKNOWN_LEASE),
        (CONFIGURATION + b"subnet 10.9.0.0 netmask 255.255.0.0 { }", relayed(1, 1, 0x0A090001), Silence.NO_FREE_LEASE),
        (b"deny unknown-clients;" + CONFIGURATION, relayed(1, 1, SERVER + 1), Silence.NOT_ADMITTED),
        (b"deny booting;" + CONFIGURATION, relayed(1, 1, SERVER + 1), Silence.NOT_ADMITTED),
        (b"not authoritative;" + CONFIGURATION.replace(b"authoritative;", b""),
         relayed(3, 1, SERVER + 1, bytes([50, 4, 192, 0, 2, 1])), Silence.NOT_AUTHORITATIVE),
        (CONFIGURATION, relayed(10, 1, SERVER + 1), Silence.REFUSED),
        (CONFIGURATION, relayed(8, 1, 0), Silence.REFUSED),
    ],
)  # fmt: skip
def test_a_message_without_an_answer_has_its_reason(configuration: bytes, packet: ev.Packet, why: str) -> None:
    counters = Counters(Run(configuration).machine)
    counters.apply(packet)
    ((_kind, reason),) = counters.dropped
    assert reason == why


def test_an_offer_that_waits_for_its_ping_is_no_silence() -> None:
    run = Run(CONFIGURATION.replace(b"ping-check false", b"ping-check true"))
    counters = Counters(run.machine)
    counters.apply(relayed(1, 1, SERVER + 1))
    assert (sum(counters.dropped.values()), counters.pings) == (0, 1)
    counters.apply(relayed(1, 1, SERVER + 1))
    assert counters.dropped == {("discover", Silence.WAITING): 1}


@given(st.binary(max_size=300) | st.binary(max_size=40).map(lambda tail: bytes(236) + b"\x63\x82\x53\x63" + tail))
def test_every_datagram_has_a_type(payload: bytes) -> None:
    assert message_type(payload) in {*TYPES, OTHER}


@pytest.mark.parametrize("kind", range(1, 14))
def test_a_type_is_found_wherever_it_stands(kind: int) -> None:
    first = message(kind, b"\2\0\0\0\0\1", octets=0)
    late = first[:240] + b"\0" + bytes([12, 1, 65]) + first[240:]
    assert message_type(first) == message_type(late) == TYPES[kind]


def test_spans_fall_into_their_buckets() -> None:
    spans = Histogram((10, 100))
    for us in (0, 10, 11, 100, 101, -5):
        spans.add(us)
    assert (spans.counts, spans.total_us) == ([3, 2, 1], 222)


def test_a_pool_that_fills_has_a_forecast_and_one_that_does_not_has_none() -> None:
    run = Run()
    counters = Counters(run.machine)
    first = run.pairs[-1][0].wall_us
    for minute in range(4):
        for client in range(100 * minute, 100 * (minute + 1)):
            run.exchange(client)
        counters.forecast.look(run.machine, first + minute * LOOK_US)
    odd, wide = counters.forecast.seconds(0), counters.forecast.seconds(1)
    assert wide is not None
    free = run.machine.server.database.counts(run.machine.configuration.pools[1]).free
    assert wide == pytest.approx(free / 100 * 60, rel=0.05)
    assert odd is None or odd >= 0
    run.now_us += 10_000_000_000
    run.tell(ev.Timer(*run.now))
    counters.forecast.look(run.machine, first + 5 * LOOK_US)
    assert counters.forecast.seconds(1) is None


def test_the_forecast_by_days_takes_no_morning_for_a_trend() -> None:
    free = [0]
    database = SimpleNamespace(counts=lambda _pool: SimpleNamespace(free=free[0]))
    server = SimpleNamespace(database=database, configuration=SimpleNamespace(pools=["pool"]))
    machine: Any = SimpleNamespace(server=server, serving=True)
    forecast = Forecast()
    for hour in range(3 * 24 + 12):
        # By day a hundred more are away than at night; each day takes ten for good.
        free[0] = 500 - 10 * (hour // 24) - 100 * (8 <= hour % 24 < 20)
        forecast.look(machine, hour * HOUR_US)
    assert forecast.seconds_by_days(0) == pytest.approx(free[0] / 10 * 86_400, rel=0.01)
    assert forecast.seconds_by_days(1) is None


def test_a_recording_played_gives_the_counters_of_the_run(tmp_path: Path) -> None:
    run = Run()
    run.serve(40)
    machine = Machine()
    counters = Counters(machine)
    now = [0]
    tape = TapeWriter.create(str(tmp_path / "trace"), version="test")
    door = Door(machine, tape, lambda _level, _text: None, lambda: now[0])
    door.count_by(counters)
    events = [event for event, _effects in run.pairs]
    for at in range(0, len(events), 5):
        batch = events[at : at + 5]
        now[0] = batch[-1].mono_us + 1_234
        door.pass_in(batch)
        if at % 15 == 0:
            now[0] += 4_000
            door.stored(at + len(batch), now[0] - 1_000, failed=at % 45 == 0)
    door.close()
    with open_tape(str(tmp_path / "trace")) as played:
        again = counted(played)
    assert text_of(again) == text_of(counters)
    assert sum(counters.answers.counts) > 40
    # Every third batch is synced, with what the two before it have stored; of these every third fails.
    assert counters.syncs.total_us / sum(counters.syncs.counts) >= 3_000


def test_who_does_not_record_counts_alike() -> None:
    run = Run()
    run.serve(20)
    texts = []
    for tape in (False, True):
        machine = Machine()
        counters = Counters(machine)
        door = Door(machine, None, lambda _level, _text: None, lambda: 10**12) if not tape else None
        for number, (event, _effects) in enumerate(run.pairs, 1):
            if door is not None:
                door.count_by(counters)
                door.pass_in([event])
                door.stored(number, 10**12, failed=False)
            else:
                counters.apply(event)
                counters.handled(10**12)
                counters.stored(number, 10**12, 10**12)
        texts.append(text_of(counters))
    assert texts[0] == texts[1]


def test_the_exposition_is_read_by_prometheus_own_parser() -> None:
    pools = "".join(f"pool {{ range 10.0.{one}.1 10.0.{one}.9; default-lease-time {one}; }}\n" for one in range(1, 250))
    run = Run(f"authoritative; subnet 10.0.0.0 netmask 255.255.0.0 {{ {pools} }}".encode())
    found = [*pieces(families(Counters(run.machine)))]
    assert len(found) > 20, "pools are not written all at once"
    text = b"".join(found).decode()
    parsed = {one.name: one for one in text_string_to_metric_families(text)}
    assert len(parsed["dhcpd_pool_size"].samples) == 249
    assert text.count("# TYPE dhcpd_pool_addresses ") == 1
    assert all(name.startswith(("dhcpd_", "process_")) for name in parsed)


def known_metrics() -> set[str]:
    """Every series name that the server gives, with what only the program gives and failover has."""
    run = Run()
    run.serve(5)
    found = [family for family in families(counting(run)) if family is not None]
    names = {sample.name for family in found for sample in family.samples}
    names |= {family.name + "_total" for family in found if family.type == "counter"}
    source = (MONITORING.parents[1] / "dhcpd/admin/answers/metrics.py").read_text()
    source += (MONITORING.parents[1] / "replay/looking/figures/exposition.py").read_text()
    for kind, name in re.findall(r'(Counter|Gauge)MetricFamily\(\s*"(\w+)"', source):
        names.add(f"{name}_total" if kind == "Counter" else name)
    return names


def expressions(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["expr"]] if "expr" in value else []
        return own + [one for inner in value.values() for one in expressions(inner)]
    return [one for inner in value for one in expressions(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("name", ["alerts.yml", "grafana.json"])
def test_rules_and_dashboard_ask_for_metrics_that_there_are(name: str) -> None:
    text = (MONITORING / name).read_text()
    asked = expressions(json.loads(text) if name.endswith(".json") else yaml.safe_load(text))
    assert len(asked) > 10
    named = {one for expression in asked for one in re.findall(r"\b(?:dhcpd|process)_\w+", expression)}
    assert named <= known_metrics(), named - known_metrics()


def test_records_that_no_reply_waits_for_tell_nothing_of_the_disk() -> None:
    """A lease that was given back, or is over, is stored when that is convenient."""
    run = Run()
    run.serve(1)
    counters = Counters(Machine())
    stored = promised = 0
    for event, effects in run.pairs:
        counters.apply(event)
        counters.handled(event.mono_us)
        counters.stored(counters.machine.events, event.mono_us + 50_000, event.mono_us + 50_000)
        if isinstance(event, ev.Packet | ev.Timer):
            stored += any(isinstance(one, Store) for one in effects)
            promised += any(isinstance(one, Send) and one.durable for one in effects)
            assert sum(counters.syncs.counts) == promised
    assert 0 < promised < stored
