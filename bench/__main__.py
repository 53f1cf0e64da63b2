"""`make bench`: measure ourselves against ISC dhcpd and Kea in one run, print ratios, fill docs/performance.md.

Every figure that is compared was taken on the same machine in the same run; absolute numbers mean little. What is
not installed is skipped with its reason.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from dhcpd.process.build import COMPILED

from . import asking, ddns, door, failover, loading, measure, omapi, overload, pairs, report, starting, verifying
from .peers import PEERS, Peer, missing_tools, of_tree

POOLS = (4096, 65_536, 262_144)
PARTS = (
    "sustained", "pure", "committed", "rich", "idle", "starting", "startup", "trace", "playback", "wide", "hosts",
    "recording", "snapshot", "reload", "omapi", "ddns", "asking", "verify", "loading", "failover", "overload", "pairs",
)  # fmt: skip
Part = Callable[[argparse.Namespace, dict[str, float]], None]
# Where the search for ISC's rate begins, by pool: it falls with the pool's size.
_ISC_START = {4096: 1500, 65_536: 300, 262_144: 4}
_LOADED = (50_000, 250_000, 1_000_000)
_HOSTS = 100_000
_BATCHES = (1, 4, 16, 64)
_COST_RATE = 4000
_COST_ROUNDS = 5
_PAIR_RATE = 1500
# Where nearly every packet is a batch of its own.
_IDLE_RATE, _IDLE_ROUNDS = 500, 5
_SNAPSHOT_LEASES = (250_000, 1_000_000)
_RELOADED = (5_000, 50_000, 250_000)
_RELOAD_RATE = 2000
_RELOAD_S = 6
# Such a configuration takes some seconds to read.
_RELOADED_HOSTS, _RELOADED_SUBNETS = 100_000, 20_000
_RELOAD_LARGE_RATE, _RELOAD_LARGE_S = 500, 60
_OMAPI_HOSTS = 10_000
_ASKED_LEASES = 250_000
_ASKED_RATE = 3000
_ASKED_S = 6
_ASKED_ROUNDS = 4
_OMAPI_CONNECTIONS = 16
_PAIRED_POOL = 65_536
_PAIRED_LEASES = 50_000
_ABSENT_EXCHANGES = 10_000
_OVERLOAD_START = 300
_MIB = 1 << 20
_ISC_LOADED = (50_000,)


def main() -> int:
    """Parse the command line and run the parts asked for; the exit status is 0 where anything was measured."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="the parts to run")
    parser.add_argument("--pools", nargs="+", type=int, default=list(POOLS), help="pool sizes for the rates")
    parser.add_argument("--servers", nargs="+", choices=list(PEERS), default=list(PEERS), help="whom to measure")
    parser.add_argument("--seconds", type=int, default=5, help="length of one run of perfdhcp")
    parser.add_argument("--against", type=Path, metavar="TREE", help="for `pairs` and `playback`: another tree")
    parser.add_argument("--rounds", type=int, default=12, help="for `pairs`: so many of each")
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    asked = parser.parse_args()
    why = missing_tools()
    if why:
        say(f"skipped: {why}")
        return 0
    say(f"our server is the {'compiled' if COMPILED else 'pure'} build")
    figures = measure_all(asked)
    rows = report.rows(figures)
    say(report.table(rows))
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))
    if asked.write:
        build = "compiled build" if COMPILED else "pure build"
        where = f"{build}, {platform.machine()}, Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}"
        parts = "" if asked.only == list(PARTS) else ", ".join(asked.only)
        report.write(rows, f"{where}, at a load of {os.getloadavg()[1]:.0f}", parts)
    return 0


def say(text: str) -> None:
    """Progress and results go to standard output at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def measure_all(asked: argparse.Namespace) -> dict[str, float]:
    """Run the parts; a part that fails is reported and leaves its figures out."""
    figures: dict[str, float] = {}
    parts: dict[str, Part] = {
        "sustained": _rates,
        "pure": _pure,
        "committed": _committed,
        "rich": _rich,
        "idle": _idle,
        "starting": _starting,
        "startup": _start_up,
        "trace": _trace,
        "playback": _playback,
        "wide": _wide,
        "hosts": _hosts,
        "recording": _recording,
        "snapshot": _snapshot,
        "reload": _reload,
        "omapi": _omapi,
        "ddns": _ddns,
        "asking": _asking,
        "verify": _verify,
        "loading": _loading,
        "failover": _failover,
        "overload": _overload,
        "pairs": _pairs,
    }
    for name in PARTS:
        if name in asked.only:
            _guarded(name, parts[name], asked, figures)
    return figures


def _guarded(name: str, part: Part, asked: argparse.Namespace, figures: dict[str, float]) -> None:
    """Run a part, or a step of one; its failure costs only its own figures."""
    try:
        part(asked, figures)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        say(f"failed: {name}: {error}")


def _rates(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    for size in asked.pools:
        for key in asked.servers:
            peer = PEERS[key]
            if peer.missing:
                say(f"skipped: {peer.name}: {peer.missing}")
                continue
            _guarded(f"{key} {size}", partial(_rate, "sustained", "peak", peer, key, size), asked, figures)


def _rate(
    good_name: str,
    peak_name: str,
    peer: Peer,
    key: str,
    size: int,
    asked: argparse.Namespace,
    figures: dict[str, float],
) -> None:
    start = _ISC_START.get(size, 500) if peer.kind == "isc" else 2000
    good, peak, cost = measure.sustained(peer, size, asked.seconds, start, 40_000)
    figures[f"{good_name}/{size}/{key}"] = good
    figures[f"{peak_name}/{size}/{key}"] = peak
    figures[f"{good_name} cost/{size}/{key}"] = cost
    say(f"{peer.name}, {size} addresses, {good_name}: {good:.0f}/s, {cost:.0f} us an exchange, {peak:.0f}/s peak")


def _pure(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    """The sources as they are, uncompiled, against Kea's server in the same run."""
    size = asked.pools[0]
    kea = [] if PEERS["kea"].missing or f"sustained cost/{size}/kea" in figures else [("kea", PEERS["kea"])]
    for key, peer in (*kea, ("ours-pure", replace(PEERS["ours-tf"], name="dhcpd -tf, pure build", path=""))):
        _guarded(f"{key} {size}", partial(_rate, "sustained", "peak", peer, key, size), asked, figures)


def _idle(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    """Processor time an exchange where little comes."""
    peers = {key: PEERS[key] for key in asked.servers if not PEERS[key].missing}
    runs = measure.processor_costs(list(peers.values()), 4096, _IDLE_RATE, asked.seconds, _IDLE_ROUNDS)
    for (key, peer), costs in zip(peers.items(), runs, strict=True):
        figures[f"idle/{key}"] = statistics.median(costs)
        say(f"{peer.name} at {_IDLE_RATE}/s: {figures[f'idle/{key}']:.0f} us an exchange")


def _starting(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    """How soon a server of a plain configuration answers, and what a test of it costs."""
    keys = ("isc", "ours", "ours-tf")
    figures |= starting.figures({key: PEERS[key] for key in keys if key in asked.servers and not PEERS[key].missing})
    for name, value in figures.items():
        if name.startswith("starting/"):
            say(f"{name}: {value:.3f} s")


def _committed(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    """The same with every exchange written and synced: no renewal is answered from the lease as it is."""
    for size in asked.pools[:1]:
        for key in asked.servers:
            peer = replace(PEERS[key], committed=True)
            known = figures.get(f"sustained/{size}/{key}") if peer.kind == "kea" else None
            if known is not None:
                figures[f"committed/{size}/{key}"] = known
            elif not peer.missing:
                step = partial(_rate, "committed", "committed peak", peer, key, size)
                _guarded(f"{key} {size}", step, asked, figures)


def _rich(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    """With a configuration as large sites have it; beside it, at the same time of day, the plain one again."""
    for size in asked.pools[:1]:
        plain = PEERS["ours-tf"]
        for name, peer in (("rich", replace(plain, rich=True)), ("rich-plain", plain)):
            _guarded(name, partial(_rate, name, f"{name} peak", peer, "ours-tf", size), asked, figures)


def _start_up(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    for key in ("isc", "ours"):
        for count in _ISC_LOADED if key == "isc" else _LOADED:
            if key not in asked.servers or PEERS[key].missing:
                continue
            seconds, octets, most = measure.start_up(PEERS[key], count)
            figures[f"start/{count}/{key}"] = seconds
            figures[f"most/{count}/{key}"] = most / _MIB
            figures[f"memory/{count}/{key}"] = octets
            told = f"{seconds:.1f} s to start, {octets:.0f} octets a lease, {most / _MIB:.0f} MiB at most"
            say(f"{PEERS[key].name}, {count} leases: {told}")


def _trace(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    del asked
    figures["trace/ours"] = measure.trace_bytes(PEERS["ours-tf"], 65_536, 2000, 5)
    say(f"trace: {figures['trace/ours']:.0f} octets an exchange")


def _playback(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    peers = {key: Peer(key, key, trace=True) for key in ("isc", "ours") if not Peer(key, key).missing}
    if asked.against is not None:
        peers["theirs"] = of_tree(asked.against)
        say(f"beside it: {peers['theirs'].name}")
    for size, exchanges, rate in ((65_536, 30_000, 500), (256, 30_000, 2000)):
        speeds = measure.playback(peers, size, exchanges, rate)
        for kind, (speed, of_processor) in speeds.items():
            figures[f"playback/{size}/{kind}"] = speed
            figures[f"playback processor/{size}/{kind}"] = of_processor
            say(f"playback, {size} addresses: {kind} {speed:.0f}/s, {of_processor:.0f} a second of processor time")


def _recording(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    """What -tf costs of the processor: beside the engine by batch size, and in the whole server at a fixed rate."""
    with measure.scratch() as home:
        for batch in _BATCHES:
            engine, tape = door.recording_cost(home, 65_536, batch, 20)
            figures[f"door/{batch}/engine"], figures[f"door/{batch}/tape"] = engine, tape
            say(f"in batches of {batch}: {engine:.1f} us an exchange in the engine, {tape:.1f} us more with -tf")
    peers = [PEERS["ours"], PEERS["ours-tf"]]
    runs = measure.processor_costs(peers, 4096, _COST_RATE, asked.seconds, _COST_ROUNDS)
    costs = [statistics.median(of_one) for of_one in runs]
    figures["processor/ours"], figures["processor/ours-tf"] = costs
    say(f"the whole server at {_COST_RATE}/s: {costs[0]:.0f} us an exchange, {costs[1]:.0f} us with -tf")


def _snapshot(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    del asked
    for count in _SNAPSHOT_LEASES:
        with measure.scratch() as home:
            measure.lease_file(home / "leases", count)
            found = door.snapshot_hold_up(home, count, 5)
        figures |= {f"snapshot/{count}/{name}": value for name, value in found.items()}
        say(
            f"snapshot of {count:,} leases: a packet waits {found['wait']:.1f} ms at most: for the fork "
            f"{found['fork']:.1f}, for what was made {found['taken']:.1f}, a batch {found['batch']:.1f} meanwhile, "
            f"{found['behind']:.1f} behind ({found['idle']:.1f} else); its child takes "
            f"{found['work']:.2f} s of a processor, for {found['octets']:,.0f} octets"
        )


def _reload(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    del asked
    for count in _RELOADED:
        with measure.scratch() as home:
            measure.lease_file(home / "leases", count)
            figures[f"reload/{count}"] = found = door.reload_hold_up(home / "leases", count, 5)
        say(f"a reload with {count} leases: packets wait for {found:.0f} ms at most")
        calm, reloaded = measure.reload_waits(PEERS["ours"], count, _RELOAD_RATE, _RELOAD_S)
        figures[f"reload load/{count}"], figures[f"reload calm/{count}"] = reloaded.longest_ms, calm.longest_ms
        say(
            f"  in service, at {_RELOAD_RATE} exchanges a second: a packet waits {reloaded.longest_ms:.0f} ms at most "
            f"({calm.longest_ms:.0f} ms without a reload), {reloaded.drops_percent:.2f} % lost "
            f"({calm.drops_percent:.2f} % without)"
        )
    large = replace(PEERS["ours"], hosts=_RELOADED_HOSTS, subnets=_RELOADED_SUBNETS)
    calm, reloaded = measure.reload_waits(large, 0, _RELOAD_LARGE_RATE, _RELOAD_LARGE_S)
    figures["reload load/large"], figures["reload calm/large"] = reloaded.longest_ms, calm.longest_ms
    say(
        f"a reload with {_RELOADED_HOSTS} hosts and {_RELOADED_SUBNETS} subnets, at {_RELOAD_LARGE_RATE} exchanges a "
        f"second: a packet waits {reloaded.longest_ms:.0f} ms at most ({calm.longest_ms:.0f} ms without a reload), "
        f"{reloaded.drops_percent:.2f} % lost ({calm.drops_percent:.2f} % without)"
    )


def _omapi(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    """Hosts made by OMAPI, against ISC's server."""
    peers = {
        key: replace(PEERS[key], omapi=True)
        for key in ("isc", "ours")
        if key in asked.servers and not PEERS[key].missing
    }
    for name, value in omapi.figures(peers, _OMAPI_HOSTS, _OMAPI_CONNECTIONS).items():
        figures[f"omapi {name}"] = value
        say(f"OMAPI, {_OMAPI_HOSTS} hosts: {name}: {value:.2f}")


def _ddns(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    """A name for every client, against none."""
    figures |= ddns.figures(PEERS["ours"], asked.seconds, say)


def _asking(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    """What questions to the running server cost those who want an address."""
    del asked
    with measure.scratch() as home:
        found = asking.waits(home, _ASKED_LEASES)
    for question, waited in sorted(found.items(), key=lambda one: -one[1]):
        say(f"{question}, {_ASKED_LEASES:,} leases: the longest turn {waited:.2f} ms")
    figures["asking/wait"] = max(found.values())
    costs = asking.shares(_ASKED_RATE, _ASKED_S, _ASKED_ROUNDS)
    figures |= {f"asking/{name}": value for name, value in costs.items()}
    for name, (command, _target, every) in asking.WATCHES.items():
        each, share = costs[f"{name} ms"], costs[name]
        say(f"{name}: {each:.2f} ms, {share:.2f} % of a processor (`{command}` every {every:.0f} s)")
    say(f"both beside {costs['rate']:.0f} exchanges a second: {costs['watched']:+.2f} % to {costs['exchanges']:.0f} %")
    if costs["rate"] < asking.CARRIED * _ASKED_RATE:
        del figures["asking/watched"]
        say(f"the machine did not carry {_ASKED_RATE} exchanges a second: the difference says nothing")


def _wide(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    del asked
    figures["wide/ours"] = measure.wide_range(PEERS["ours"])
    say(f"a range of 16 million addresses starts in {figures['wide/ours']:.2f} s")


def _hosts(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    del asked
    figures["hosts/ours"], figures["hosts memory/ours"] = measure.many_hosts(PEERS["ours"], _HOSTS)
    say(f"{_HOSTS} host declarations: {figures['hosts/ours']:.1f} s to start")


def _verify(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    del asked
    found = verifying.figures()
    figures |= found
    for name, value in found.items():
        say(f"{name}: {value:,.2f}")


def _loading(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    del asked
    found = loading.figures()
    figures |= found
    for name, value in found.items():
        say(f"{name}: {value:.2f} s of processor time")


def _failover(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    """A pair of ours, both recording, against a pair of ISC's; and what failover costs who has none."""
    for key, start in (("isc", 200), ("ours-tf", 1000)):
        if key in asked.servers and not PEERS[key].missing:
            step = partial(_failover_pair, PEERS[key], key, start)
            _guarded(f"failover {key}", step, asked, figures)
    whole, spent = failover.absent_partner(_PAIRED_POOL, _ABSENT_EXCHANGES)
    figures["failover/exchange"], figures["failover/absent"] = whole, spent
    say(f"without a partner: {spent:.2f} us of an exchange of {whole:.0f} us go into asking nobody")


def _failover_pair(peer: Peer, key: str, start: int, asked: argparse.Namespace, figures: dict[str, float]) -> None:
    good, peak = failover.sustained(peer, _PAIRED_POOL, asked.seconds, start, 20_000)
    figures[f"failover/sustained/{key}"], figures[f"failover/peak/{key}"] = good, peak
    say(f"a pair of {peer.name}, {_PAIRED_POOL} addresses: {good:.0f}/s sustained, {peak:.0f}/s peak")
    seconds = failover.resynchronised(peer, _PAIRED_LEASES, _PAIRED_POOL)
    figures[f"failover/resynchronised/{key}"] = seconds
    say(f"a pair of {peer.name}, {_PAIRED_LEASES} leases: {seconds:.1f} s until a lost database is told anew")


def _overload(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    found = overload.figures(PEERS["ours-tf"], 4096, asked.seconds, _OVERLOAD_START, 40_000)
    figures |= found
    for times in overload.TIMES:
        begun, rate, discovers, requests, renewals, longest = (
            found[f"overload/{times}/{name}"]
            for name in ("begun", "rate", "discovers_lost", "requests_lost", "renewals_lost", "longest_ms")
        )
        say(
            f"{times} times the peak of {found['overload/peak']:.0f}/s: {begun:.0f}/s begun, {rate:.0f}/s completed; "
            f"lost: {discovers:.0f} % of DISCOVERs, {requests:.0f} % of REQUESTs, {renewals:.0f} % of renewals; "
            f"the longest answer {longest:.0f} ms"
        )


def _pairs(asked: argparse.Namespace, figures: dict[str, float]) -> None:
    if asked.against is None:
        say("skipped: pairs: no --against TREE")
        return
    if COMPILED and not of_tree(asked.against).path:
        say("skipped: pairs: the other tree is not compiled: make wheel in it, or make bench BUILD=pure")
        return
    figures |= pairs.figures(asked.against, _PAIR_RATE, asked.seconds, asked.rounds, say)


if __name__ == "__main__":
    raise SystemExit(main())
