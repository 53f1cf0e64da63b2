"""Whatever comes, on whatever configuration: no exception, no address of two clients, no promise lost, played back.

DHCPD_PROPERTIES=N runs N random histories that are new each time, instead of the same few (docs/testing.md).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.trace import events as ev
from tests.engine.service.desk import dotted, mac, message
from tests.properties.configurations import configurations
from tests.properties.world import World
from tests.replay.tapes import record

EXAMPLES = int(os.environ.get("DHCPD_PROPERTIES", "0"))
ADDRESSES = st.sampled_from([f"10.{net}.0.{host}" for net in (77, 78) for host in (10, 11, 12, 15, 100)] + ["10.9.9.9"])
MORE = st.sampled_from([
    {}, {82: b"\1\1c\2\1r"}, {82: b"\1\1d\5\4\x0a\x4e\0\0"}, {60: b"v"}, {60: b"\0"}, {118: b"\x0a\x4e\0\0"},
    {55: b"\1\3\6\x33\x3a\x52"}, {57: b"\2\x40"}, {52: b"\3"}, {81: b"\1\0\0a.b"}, {43: b"\1\5ab"}, {61: b""},
    {50: b"\x0a"},
])  # fmt: skip
FIELDS = st.fixed_dictionaries({}, optional={
    "requested": ADDRESSES, "ciaddr": ADDRESSES, "giaddr": st.sampled_from(["10.77.0.1", "10.78.0.1", "10.9.0.1"]),
    "uid": st.sampled_from([b"\1x", b"\1y", b"\1z"]), "name": st.sampled_from([b"a", b"b\0", b'"', b"\xff"]),
    "time": st.sampled_from([0, 4, 50, 5000, 0xFFFFFFFF]), "flags": st.sampled_from([0x8000]),
    "secs": st.sampled_from([1, 9]), "options": MORE,
})  # fmt: skip
CLIENTS = st.integers(1, 12)
MESSAGES = st.builds(
    lambda kind, client, fields: message(kind, mac(client), **fields),
    st.sampled_from([0, 1, 1, 3, 3, 3, 3, 4, 7, 7, 8, 10, 13, 99]), CLIENTS, FIELDS,
)  # fmt: skip
DAMAGED = st.builds(
    lambda payload, at, noise: payload[:at] + noise + payload[at + len(noise) :],
    MESSAGES, st.integers(0, 300), st.binary(min_size=1, max_size=6),
)  # fmt: skip
PACKETS = st.one_of(MESSAGES, MESSAGES, DAMAGED)
STEPS = st.one_of(
    st.tuples(st.just("packet"), PACKETS, st.sampled_from(["eth0", "eth1"])),
    st.tuples(
        st.just("bind"), CLIENTS, st.sampled_from([{}, {"uid": b"\1x"}, {"name": b"a"}, {"giaddr": "10.78.0.1"}]),
    ),
    st.tuples(st.just("bind"), CLIENTS, st.just({})),
    st.tuples(st.just("wait"), st.sampled_from([0.3, 1.1, 4, 19, 45, 130, 3700])),
    st.tuples(st.just("steal"), CLIENTS, st.integers(0, 9), st.sampled_from(["requested", "ciaddr"])),
    st.tuples(st.just("echo"), ADDRESSES),
    st.tuples(st.just("name"), ADDRESSES),
    st.tuples(st.just("failing"), st.sampled_from(["append", "sync", "", ""])),
    st.tuples(st.just("unsent")),
    st.tuples(st.just("slices"), st.integers(1, 9)),
    st.tuples(st.just("split")),
    st.tuples(st.just("restart")),
    st.tuples(st.just("kill"), PACKETS, st.floats(0, 1)),
    st.tuples(st.just("change")),
)


def take(world: World, step: tuple, other: bytes) -> None:  # noqa: C901 - a list of steps
    what, *values = step
    if what == "packet":
        world.packet(*values)
    elif what == "bind":
        bind(world, *values)
    elif what == "steal":
        steal(world, *values)
    elif what == "echo":
        world.tell(ev.PingReply(0, 0, int.from_bytes(bytes(map(int, values[0].split("."))), "big")))
    elif what == "name":
        address = int.from_bytes(bytes(map(int, values[0].split("."))), "big")
        world.tell(ev.NameAnswer(0, 0, address, "host.example.org"))
    elif what == "failing":
        world.disk.failing = {*values[:1]} - {""}
    elif what == "unsent":
        world.tell(ev.SendFailed(0, 0, "eth0", True, 300, "dhcp.c:4164", "Network is down", False))
    elif what == "kill":
        world.die(*values)
        world.restart(world.configuration)
    elif what == "restart":
        world.restart(world.configuration)
    elif what == "change":
        world.restart(other)
    else:
        getattr(world, what)(*values)


def bind(world: World, client: int, fields: dict) -> None:
    """DISCOVER, and a REQUEST for what is offered within three seconds, as far as it is."""
    world.offers = []
    world.packet(message(1, mac(client), **fields))
    world.wait(3)
    for offer in world.offers[:1]:
        address = dotted(int.from_bytes(offer.payload[16:20], "big"))
        world.packet(message(3, mac(client), requested=address, **fields))


def steal(world: World, client: int, which: int, field: str) -> None:
    """A REQUEST for an address that was promised, by whoever."""
    if world.promises:
        address = sorted(world.promises)[which % len(world.promises)]
        world.packet(message(3, mac(client), **{field: dotted(address), "giaddr": dotted(address & ~0xFF | 1)}))


@given(configurations(), configurations(), st.lists(STEPS, min_size=5, max_size=40))
@settings(max_examples=EXAMPLES or 60, derandomize=not EXAMPLES, deadline=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
def test_any_history_on_any_configuration(configuration: bytes, other: bytes, steps: list) -> None:
    world = World(configuration)
    for step in steps:
        take(world, step, other)
    world.disk.failing.clear()
    world.slices(1000)
    with tempfile.TemporaryDirectory() as folder:
        trace = record(Path(folder) / "trace", *world.pairs)
        verdict = play_file(str(trace), str(Path(folder) / "leases"))
        assert verdict.status is Status.SAME, verdict
        # What the disk refused stands in the played file alone (a notice of the verdict says so).
        assert world.lost == bool(verdict.notices)
        assert world.lost or (Path(folder) / "leases").read_bytes() == world.disk.content
