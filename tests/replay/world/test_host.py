"""A machine's host: promises wait for the disk, and a failing disk is told of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dhcpd.disk.configuration import SourceFile
from dhcpd.replay.showing.decode import options_of
from dhcpd.replay.world.disk import OPERATIONS, Disk, DiskError
from dhcpd.replay.world.host import Host
from dhcpd.replay.world.messages import message, option
from dhcpd.replay.world.starting import Beginning, ethernet
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Send, StreamSend

if TYPE_CHECKING:
    from dhcpd.trace.effects import Effect

CONFIGURATION = b"ping-check off; subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.20; }"
HARDWARE = b"\2\0\0\0\0\1"
WANTED = {50: b"\x0a\0\0\x0a"}


class Kept(Host):
    """Keeps what left, what was told, and which streams lost something."""

    def __init__(self, configuration: bytes = CONFIGURATION) -> None:
        super().__init__()
        self.sent: list[Send] = []
        self.events: list[ev.Event] = []
        self.lost: list[int] = []
        wire = ethernet("eth0", 2, b"\2\0\0\0\0\xfe", (0x0A000001, 24))
        self.start(Beginning([SourceFile("dhcpd.conf", configuration, "")], links=[wire], words=("eth0",)))

    def told(self, event: ev.Event, effects: list[Effect]) -> None:
        del effects
        self.events.append(event)

    def send(self, effect: Send) -> None:
        self.sent.append(effect)

    def stream_lost(self, stream: int) -> None:
        self.lost.append(stream)

    def says(self, kind: int) -> None:
        payload = message(kind, HARDWARE, WANTED)
        self.tell(ev.Packet(0, 0, "eth0", 0, 68, payload))


def test_an_acknowledgement_leaves_when_its_lease_is_synced():
    host = Kept()
    host.says(1)
    host.says(3)
    assert [options_of(one.payload)[53] for one in host.sent] == [b"\2", b"\5"]
    assert host.disk.synced == len(host.disk.content)
    assert b"lease 10.0.0.10" in host.disk.content


@pytest.mark.parametrize("operation", ["append", "sync"])
def test_what_could_not_be_stored_is_not_promised(operation: str):
    host = Kept()
    host.says(1)
    host.disk.failing.add(operation)
    host.says(3)
    assert len(host.sent) == 1
    assert host.events[-1][2:4] == (operation, "/var/lib/dhcp/dhcpd.leases")
    host.disk.failing.clear()
    host.says(3)
    assert options_of(host.sent[-1].payload)[53] == b"\5"


def test_a_stream_that_loses_a_promise_is_to_be_closed():
    host = Kept()
    host.promise(StreamSend(2, b"a", durable=True))
    host.promise(StreamSend(2, b"b", durable=True))
    host.disk.failing.add("append")
    host.says(3)
    assert host.lost == [2]


def test_a_run_that_fails_is_told_nothing_more():
    host = Kept(b"subnet {")
    assert (host.ended, host.status, host.failure) == (True, 1, "Configuration file errors encountered -- exiting")
    assert host.tell(ev.Timer(0, 0)) == []
    assert isinstance(host.events[-1], ev.ConfigurationEnd)


def test_a_disk_forgets_what_was_not_synced_and_may_tear_it():
    disk = Disk(b"old;")
    disk.append(b"new-record;")
    whole = bytes(disk.content)
    disk.lose_power(0.5)
    assert disk.content == b"old;new-r"
    assert whole.startswith(disk.content)
    disk.append(b"x")
    disk.sync()
    disk.append(b"yz")
    disk.lose_power()
    assert disk.content == b"old;new-rx"


def test_a_new_lease_file_holds_what_came_meanwhile():
    disk = Disk(b"old")
    disk.begin_rewrite()
    disk.rewrite(b"all")
    disk.append(b"+more")
    assert disk.content == b"old+more"
    assert disk.end_rewrite(install=True)
    assert disk.content == b"all+more"
    assert not disk.end_rewrite(install=True)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_can_fail_and_leaves_the_old_file(operation: str):
    disk = Disk(b"old")
    disk.failing.add(operation)

    def everything() -> None:
        disk.begin_rewrite()
        disk.rewrite(b"new")
        disk.end_rewrite(install=True)
        disk.append(b"more")
        disk.sync()

    with pytest.raises(DiskError) as caught:
        everything()
    assert caught.value.operation == operation
    assert disk.content[:3] in (b"old", b"new")


def test_a_message_is_what_it_was_asked_to_be():
    made = message(1, HARDWARE, {12: b"a" * 300}, xid=7, giaddr=0x0A000002, flags=0x8000, secs=3, hops=1)
    assert made[:12] == bytes([1, 1, 6, 1, 0, 0, 0, 7, 0, 3, 0x80, 0])
    assert made[24:34] == b"\x0a\0\0\2" + HARDWARE
    assert options_of(made) == {53: b"\1", 12: b"a" * 300}
    assert option(61, b"") == b"\x3d\0"
    assert len(message(None, HARDWARE)) == 300
