"""The machine held to what users stake on it, with hypothesis choosing what clients do.

Whatever comes, nothing raises; an address that was acknowledged to one client is not acknowledged to another before
it ends; a lease that was acknowledged is there after a restart from the lease file; a machine put together from a
snapshot goes on as the one that the snapshot was taken of; and the same events give the same effects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhcpd.disk.configuration import SourceFile
from dhcpd.engine.lease.snapshot import SnapshotError
from dhcpd.engine.machine import Machine
from dhcpd.replay.playing.digest import digest
from dhcpd.replay.showing.decode import options_of
from dhcpd.replay.world.disk import Disk
from dhcpd.replay.world.host import SECOND_US, START_US, Host
from dhcpd.replay.world.messages import message as build
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import events as ev
from dhcpd.trace.effects import ConfigurationRefused, Fatal, Log, Send, Store
from tests.replay.engine_runs import Run as Started

if TYPE_CHECKING:
    from dhcpd.trace.effects import Effect

SERVER = 10 << 24 | 1
NETWORKS = b"""
authoritative;
ddns-update-style none;
min-lease-time 5; default-lease-time 30; max-lease-time 60;
class "limited" { match if substring (hardware, 6, 1) = 03; lease limit 1; }
class "named" { match if exists host-name; option root-path = option host-name; }
shared-network campus {
  subnet 10.0.0.0 netmask 255.255.0.0 {
    pool { deny members of "named"; deny dynamic bootp clients; range 10.0.1.1 10.0.1.3; }
    pool { allow dynamic bootp clients; allow known-clients; range 10.0.2.1 10.0.2.2; dynamic-bootp-lease-length 40; }
    on commit { set holder = pick-first-value (option host-name, "nobody"); }
    on expiry { log (info, concat ("gone: ", holder)); }
  }
  subnet 10.1.0.0 netmask 255.255.255.0 { range 10.1.0.9; }
}
subnet 192.168.7.0 netmask 255.255.255.0 { range 192.168.7.4 192.168.7.5; allow leasequery; }
host known { hardware ethernet 02:00:00:00:00:01; }
host fixed { hardware ethernet 02:00:00:00:00:02; fixed-address 10.0.9.9, 192.168.7.9; }
"""
CONFIGURATIONS = [
    NETWORKS + b"ping-check off;",
    NETWORKS + b"ping-check on; ping-timeout 1;",
    NETWORKS + b"ping-check off; one-lease-per-client on; stash-agent-options on; dhcp-cache-threshold 50;",
    NETWORKS + b"ping-check off; ignore-client-uids on; get-lease-hostnames on; delayed-ack 4;",
]


class World(Host):
    """A machine that serves `configuration`; `effects` are those of every event."""

    def __init__(self, configuration: bytes, leases: bytes = b"", now_us: int = START_US) -> None:
        super().__init__(now_us, Disk(leases))
        self.effects: list[list[Effect]] = []
        files = [SourceFile("c", configuration, "")]
        links = (
            ethernet("eth0", 2, b"\x02\0\0\0\0\xfe", (SERVER, 16)),
            ethernet("eth1", 3, b"\x02\0\0\0\0\xff", (0xC0A80701, 24)),
        )
        self.start(Beginning(files, [leases], links, words=("-pf", "/p", "-p", "67"), seed=b"seed" * 4))
        assert self.machine.serving

    def told(self, event: ev.Event, effects: list[Effect]) -> None:
        assert not any(isinstance(effect, Fatal) for effect in effects), event
        self.effects.append(effects)

    def packet(self, payload: bytes, interface: str = "eth0", source: int = 0) -> list[Effect]:
        """A datagram."""
        return self.tell(ev.Packet(0, 0, interface, source, 68, payload))


def message(kind: int | None, client: int, options: bytes = b"", **fields: int) -> bytes:
    """A client's DHCP message (BOOTP where `kind` is None); `options` are octets, addresses numbers."""
    xid = int.from_bytes(b"xid" + bytes([client]), "big")
    return build(kind, b"\x02\0\0\0\0" + bytes([client]), options, xid=xid, **fields)


ADDRESSES = [10 << 24 | 1 << 8 | n for n in (1, 2, 3, 4)] + [0x0A000201, 0x0A010009, 0xC0A80704, 0xC0A80709, 0]
OPTIONS = st.lists(
    st.one_of(
        st.sampled_from(ADDRESSES).map(lambda address: b"\x32\x04" + address.to_bytes(4, "big")),
        st.just(b"\x36\x04" + SERVER.to_bytes(4, "big")),
        st.integers(0, 2).map(lambda n: b"\x3d\x03\x00id"[:4] + bytes([n])),
        st.sampled_from([b"\x0c\x04anna", b"\x0c\x02b\0", b"\x0c\x00", b"\x37\x04\x01\x03\x0f\x2b"]),
        st.just(b"\x33\x04\xff\xff\xff\xff"),
        st.just(b"\x52\x06\x01\x04abcd"),
        st.just(b"\x52\x06\x05\x04\x0a\x01\x00\x00"),
        st.binary(max_size=4).map(lambda data: bytes([60, len(data)]) + data),
    ),
    max_size=4,
).map(b"".join)
MESSAGES = st.builds(
    message,
    st.sampled_from([1, 1, 1, 3, 3, 3, 4, 7, 8, 10, 99, None]),
    st.integers(1, 5),
    ciaddr=st.sampled_from([0, 0, 0, *ADDRESSES]),
    giaddr=st.sampled_from([0, 0, 0x0A000002, 0x0A010001, 0xC0A80701, 0x01020304]),
    flags=st.sampled_from([0, 0x8000]),
    secs=st.integers(0, 9),
    options=OPTIONS,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("packet"), MESSAGES),
        st.tuples(st.just("exchange"), st.integers(1, 5)),
        st.tuples(st.just("damaged"), st.tuples(MESSAGES, st.integers(0, 300), st.binary(max_size=6))),
        st.tuples(st.just("wait"), st.integers(0, 50)),
        st.tuples(st.just("echo"), st.sampled_from(ADDRESSES)),
        st.tuples(st.just("name"), st.sampled_from(ADDRESSES)),
    ),
    max_size=25,
)


def take(world: World, step: tuple[str, object]) -> None:
    """Do one step."""
    what, value = step
    if what == "packet":
        world.packet(value)  # type: ignore[arg-type]
    elif what == "exchange":
        exchange(world, value)  # type: ignore[arg-type]
    elif what == "damaged":
        payload, at, noise = value  # type: ignore[misc]
        world.packet(payload[:at] + noise + payload[at + len(noise) :])
    elif what == "wait":
        world.wait(float(value))  # type: ignore[call-overload]
    elif what == "echo":
        world.tell(ev.PingReply(0, 0, value))  # type: ignore[arg-type]
    else:
        world.tell(ev.NameAnswer(0, 0, value, "host.example.org"))  # type: ignore[arg-type]


def exchange(world: World, client: int) -> None:
    """DISCOVER, and a REQUEST for what is offered within the ping's second."""
    before = len(world.effects)
    world.packet(message(1, client))
    world.wait(2)
    for sent in [one for effects in world.effects[before:] for one in effects if isinstance(one, Send)]:
        options = b"\x32\x04" + sent.payload[16:20] + b"\x36\x04" + SERVER.to_bytes(4, "big")
        world.packet(message(3, client, options=options))


def test_a_reload_of_a_broken_file_changes_nothing_and_says_so() -> None:
    world = World(CONFIGURATIONS[0])
    exchange(world, 1)
    before = world.machine.snapshot()
    world.tell(ev.ConfigurationFile(0, 0, "c", b"subnet 10.9.0.0 netmask 255.255.0.0 {\n", ""))
    effects = world.tell(ev.ConfigurationEnd(0, 0, "c", reload=True))
    assert {type(effect) for effect in effects[:-1]} == {Log}
    assert effects[-1] == ConfigurationRefused("mistakes")
    # Only that there were so many events more is another.
    assert world.machine.snapshot() | {"events": 0} == before | {"events": 0}
    discover = ev.Packet(0, 0, "eth0", 0, 68, message(1, 1))
    assert world.tell(discover) == Machine.restore(before).apply(discover._replace(wall_us=world.now_us))


@given(st.sampled_from(CONFIGURATIONS), STEPS)
def test_no_address_is_promised_to_two_clients_and_no_promise_is_lost(configuration: bytes, steps: list) -> None:
    world = World(configuration)
    promised: dict[int, tuple[bytes, int]] = {}
    for step in steps:
        seen = len(world.effects)
        take(world, step)
        for effects in world.effects[seen:]:
            for sent in effects:
                acked = isinstance(sent, Send) and options_of(sent.payload).get(53) == b"\x05"
                if acked and sent.payload[16:20] != bytes(4):
                    keep_promise(world, promised, sent.payload)
                elif isinstance(sent, Store):
                    forget_freed(promised, sent.data)
    again = World(configuration, leases=bytes(world.disk.content), now_us=world.now_us)
    assert again.machine.server is not None
    for address, (client, ends) in promised.items():
        if ends > world.now_us // SECOND_US and address not in {0x0A000909, 0xC0A80709}:
            lease = again.machine.server.database.find(address)
            assert lease is not None
            assert lease.hardware == client


def keep_promise(world: World, promised: dict[int, tuple[bytes, int]], payload: bytes) -> None:
    """Note an ACK; assert that nobody else holds the address."""
    address = int.from_bytes(payload[16:20], "big")
    client = payload[1:2] + payload[28 : 28 + payload[2]]
    now = world.now_us // SECOND_US
    holder = promised.get(address)
    assert holder is None or holder[0] == client or holder[1] <= now
    promised[address] = client, now + int.from_bytes(options_of(payload).get(51, b""), "big")


def forget_freed(promised: dict[int, tuple[bytes, int]], record: bytes) -> None:
    """A record that is not active takes the promise back (release, decline, expiry)."""
    if b"\n  binding state active;" not in record:
        dotted = record.split()[1].decode()
        promised.pop(int.from_bytes(bytes(map(int, dotted.split("."))), "big"), None)


@settings(max_examples=40)
@given(st.sampled_from(CONFIGURATIONS), STEPS, STEPS)
def test_a_machine_restored_from_a_snapshot_goes_on_the_same(configuration: bytes, first: list, second: list) -> None:
    straight = World(configuration)
    for step in first:
        take(straight, step)
    other = straight.restored()
    other.effects = []
    before = len(straight.effects)
    for step in second:
        take(straight, step)
        take(other, step)
    assert other.effects == straight.effects[before:]
    assert other.disk.content == straight.disk.content
    assert msgpack.packb(other.machine.snapshot()) == msgpack.packb(straight.machine.snapshot())


@settings(max_examples=25)
@given(st.sampled_from(CONFIGURATIONS), STEPS)
def test_the_same_events_give_the_same_effects(configuration: bytes, steps: list) -> None:
    one, other = World(configuration), World(configuration)
    for step in steps:
        take(one, step)
        take(other, step)
    assert one.effects == other.effects


@settings(max_examples=150)
@given(st.binary(max_size=600), st.binary(max_size=80))
def test_no_octets_make_it_raise(payload: bytes, options: bytes) -> None:
    world = World(CONFIGURATIONS[0])
    world.packet(payload)
    world.packet(message(1, 1, options=options))
    world.packet(message(3, 1, options=options), source=0x0A000102)


def test_a_snapshot_of_another_version_is_refused() -> None:
    with pytest.raises(SnapshotError):
        Machine.restore({"version": 99})


def test_a_bad_configuration_ends_the_start_with_iscs_words() -> None:
    machine = Machine()
    words = ("-cf", "c", "-lf", "/l", "-pf", "/p", "-p", "67")
    machine.apply(ev.Boot(START_US, 0, "test", words, (), "host", 1, b"", 67, "little-endian", 0))
    machine.apply(ev.ConfigurationFile(START_US, 0, "c", b"subnet 10.0.0.0 {", ""))
    effects = machine.apply(ev.ConfigurationEnd(START_US, 0, "c", False))
    assert effects[-1] == Fatal("Configuration file errors encountered -- exiting")


def test_functions_that_a_lease_holds_are_in_a_snapshot() -> None:
    run = Started(b"""
    authoritative; ping-check off; dhcp-cache-threshold 0;
    subnet 10.0.0.0 netmask 255.255.0.0 {
      range 10.0.1.0 10.0.1.9;
      if not (known or defined(twice)) { define twice (a) { return concat(a, a); } }
      option root-path = concat("/", "x");
      set said = twice("ab");
    }
    """)
    address = run.exchange(1)
    data = msgpack.unpackb(msgpack.packb(run.machine.snapshot()), use_list=False)
    restored = Machine.restore(data)
    assert digest(restored.snapshot()) == digest(run.machine.snapshot())
    event = run.pairs[-1][0]._replace(wall_us=run.now_us + 5_000_000)
    ours = run.machine.apply(event)
    assert restored.apply(event) == ours
    assert any("twice: persistent functions not supported." in str(effect) for effect in ours), address


def test_without_an_icmp_socket_the_server_says_so_and_serves() -> None:
    """As ISC's without CAP_NET_RAW: nothing answers the ping, and it offers all the same."""
    run = Started(b"ping-check on; subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.1 10.0.1.9; }")
    told = run.tell(ev.ListenFailed(*run.now, "icmp", "", "Operation not permitted"))
    assert [effect.text for effect in told if isinstance(effect, Log)] == [
        "unable to create icmp socket: Operation not permitted"
    ]
    run.packet(1, 1)
    run.now_us += 2 * SECOND_US
    assert [type(effect) for effect in run.tell(ev.Timer(*run.now))].count(Send) == 1
