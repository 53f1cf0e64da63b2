"""Random configurations of the whole language, with lease files, given to a whole machine, and packets made of them.

Nothing may be raised, nothing may grow without end, a restored machine must do the same, and the run must play back.
What a server of ours cannot know of the configuration (whether it starts, who gets what) is not judged here: that is
compared with ISC's server elsewhere. DHCPD_PROPERTIES=N runs N new ones (docs/testing.md).
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

import msgpack
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpd.disk.configuration import SourceFile
from dhcpd.engine.machine import Machine
from dhcpd.replay.playing.play import play_file
from dhcpd.replay.playing.verdict import Status
from dhcpd.replay.world.host import Host
from dhcpd.replay.world.starting import Beginning
from dhcpd.trace import events as ev
from tests.engine.conf.grammar import configuration_text
from tests.engine.service.desk import dotted, message
from tests.properties.lease_files import LeaseFile
from tests.replay.tapes import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dhcpd.trace.effects import Effect, Execute

EXAMPLES: Final = int(os.environ.get("DHCPD_PROPERTIES", "0"))
OPTION: Final = re.compile(r"option (?:dhcp\.)?([\w-]+)")


class Told(Host):
    """A machine of a configuration, with a clock; `twin` is a restored machine that is told the same."""

    def __init__(self, text: bytes, links: tuple[ev.Link, ...], random: Random) -> None:
        """`random` writes the lease file."""
        super().__init__()
        self.twin: Machine | None = None
        self.pairs: list[tuple[ev.Event, list[Effect]]] = []
        words = ("-pf", "/p", "-p", "67")
        files = [SourceFile("c", text, "")]
        self.start(Beginning(files, self._leases(random), links, words=words, seed=b"seed" * 4))

    def _leases(self, random: Random) -> Iterator[bytes]:
        """What speaks of the configuration, when that was read."""
        configuration = self.machine.configuration
        if configuration is not None and not self.ended:
            yield LeaseFile(random, configuration).text()

    def told(self, event: ev.Event, effects: list[Effect]) -> None:
        self.pairs.append((event, effects))
        if self.twin is not None:
            assert self.twin.apply(event) == effects

    def run_program(self, effect: Execute) -> None:
        self.answer(ev.Executed(0, 0, effect.call, effect.call % 3, ""))

    def addresses_of(self, name: str) -> tuple[tuple[int, ...], str]:
        del name
        return (0x0A000009,), ""

    def reload(self, random: Random, text: str) -> None:
        """Another configuration, the same one, or none."""
        other = configuration_text(random, random.randrange(30), interfaces=False, execute=True)
        new = random.choice((text, other, other, other + "\nsubnet", text.replace("range", "# range")))
        self.tell(ev.ConfigurationFile(0, 0, "c", new.encode("latin-1"), ""))
        self.tell(ev.ConfigurationEnd(0, 0, "c", reload=True))

    def split(self) -> None:
        """From now on a machine restored from a snapshot is told the same."""
        packed = msgpack.packb(self.machine.snapshot())
        self.twin = Machine.restore(msgpack.unpackb(packed, strict_map_key=False))
        assert msgpack.packb(self.twin.snapshot()) == packed

    def check(self) -> None:
        """What clients can make grow stays below what the configuration has of it."""
        server = self.machine.server
        assert server is not None
        assert len(server.offers) + len(server.unnamed) <= len(server.database) + 1
        assert not server.names
        assert len(server.latched) <= len(server.configuration.pools)


class Words:
    """What a configuration mentions: addresses of its subnets and pools, clients of its hosts, keys, option codes."""

    def __init__(self, text: str, machine: Machine, random: Random) -> None:
        configuration = machine.configuration
        assert configuration is not None
        self.random = random
        self.addresses = [0x0A000008, 0xFFFFFFFF, 1]
        self.relays = ["0.0.0.0", "0.0.0.0"]
        for subnet in configuration.subnets:
            self.addresses += [subnet.number, subnet.number + 1, subnet.number | ~subnet.netmask & 0xFFFFFFFF]
            self.relays.append(dotted(subnet.number + 1))
        for pool in configuration.pools:
            for low, high in pool.ranges:
                self.addresses += [low, high]
        self.hardware = [bytes((1, 2, 0, 0, 0, 0, number)) for number in range(4)]
        self.hardware += [host.hardware for host in configuration.hosts if 1 < len(host.hardware) <= 17]
        self.identifiers = [b"\1x", b"", *[host.uid for host in configuration.hosts]]
        self.keys = [key for one in configuration.classes for key in one.subclasses]
        known = configuration.registry.spaces["dhcp"].by_name
        mentioned = {known[name].code for name in OPTION.findall(text.lower()) if name in known}
        self.codes = sorted(mentioned | {12, 55, 60, 61, 77, 82, 93, 118})

    def payload(self) -> bytes:
        """One message, sometimes damaged."""
        random = self.random
        hardware = random.choice(self.hardware)
        more: dict[str, Any] = {"giaddr": random.choice(self.relays), "htype": hardware[0]}
        for name in ("requested", "ciaddr"):
            if random.random() < 0.3:
                more[name] = dotted(random.choice(self.addresses) & 0xFFFFFFFF)
        if random.random() < 0.3:
            more["uid"] = random.choice(self.identifiers)[:255]
        more["options"] = {code: self._value() for code in random.sample(self.codes, min(3, len(self.codes)))}
        more["options"].update({55: bytes(random.sample(range(1, 255), 40))} if random.random() < 0.5 else {})
        more["flags"], more["secs"] = random.choice((0, 0x8000)), random.choice((0, 9))
        payload = message(random.choice((0, 1, 1, 1, 3, 3, 3, 4, 7, 8, 10, 13)), hardware[1:], **more)
        if random.random() < 0.15:
            at = random.randrange(len(payload))
            payload = payload[:at] + random.randbytes(random.randrange(1, 6)) + payload[at + 3 :]
        return payload

    def _value(self) -> bytes:
        random = self.random
        if self.keys and random.random() < 0.5:
            return random.choice(self.keys)[:255]
        return random.choice((b"a", b"\1\3abc", b"\2\4\0\0\0\1", random.randbytes(random.randrange(1, 40)), b"x" * 250))


def links_of(random: Random) -> tuple[ev.Link, ...]:
    """Interfaces in the first two networks of the grammar."""
    bits = random.choice((24, 16))
    return tuple(
        ev.Link(f"eth{at}", 2 + at, 1, b"\2\0\0\0\0" + bytes([0xF0 + at]), 3, ((0x0A000001 + (at << 16), bits),))
        for at in range(2)
    )


def live(told: Told, text: str, random: Random, steps: int) -> None:
    """Packets, time, echo replies and names, with a restored twin from somewhere on."""
    words = Words(text, told.machine, random)
    split_at = random.randrange(steps)
    for step in range(steps):
        if told.ended:
            return
        if step == split_at:
            told.split()
        chance = random.random()
        address = random.choice(words.addresses) & 0xFFFFFFFF
        if chance < 0.7:
            payload = words.payload()
            source = int.from_bytes(payload[24:28], "big")
            port = 67 if source else 68
            told.tell(ev.Packet(0, 0, f"eth{random.randrange(2)}", source, port, payload))
        elif chance < 0.8:
            told.tell(ev.PingReply(0, 0, address))
        elif chance < 0.84:
            told.reload(random, text)
        elif chance < 0.88:
            told.tell(ev.NameAnswer(0, 0, address, random.choice(("", "host.example.org"))))
        else:
            told.wait(random.choice((0.4, 1.1, 6, 130, 90_000)))
        told.check()


def run(seed: int, size: int, folder: Path) -> bool:
    """One configuration with one history; whether it came to serve."""
    random = Random(seed)
    text = configuration_text(random, size, interfaces=random.random() < 0.3, execute=True)
    told = Told(text.encode("latin-1"), links_of(random), random)
    if told.machine.serving and not told.ended:
        live(told, text, random, 15)
    trace = record(folder / "trace", *told.pairs)
    verdict = play_file(str(trace), str(folder / "leases"))
    assert verdict.status is Status.SAME, verdict
    return told.machine.serving


@given(st.integers(0, 1 << 48), st.integers(0, 40))
@settings(max_examples=EXAMPLES or 60, derandomize=not EXAMPLES, deadline=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
def test_any_packet_on_any_configuration_of_the_language(seed: int, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(seed, size, Path(folder))


def test_most_of_the_configurations_serve(tmp_path: Path) -> None:
    served = 0
    for seed in range(10):
        folder = tmp_path / str(seed)
        folder.mkdir()
        served += run(seed, 20, folder)
    assert served > 3
