"""The sockets on a real wire, in a namespace of our own: what is heard, what is not, what leaves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="packet sockets and namespaces need root")

WIRE = """
set -e
ip link add a0 type veth peer name b0
ip link set a0 address 02:00:00:00:00:01
ip addr add 10.1.0.1/24 dev a0
ip link set a0 up
ip link set b0 up
ip link set lo up
exec "$0" -c "$1"
"""

# How frames are read where the system has no ring.
WITHOUT_RING = """
from dhcpd.network import sockets as module
def refuse(*_): raise OSError(12, "Cannot allocate memory")
module.Ring = refuse
"""

PRELUDE = """
import errno, socket, struct, time
from dhcpd.engine.wire.frames import build_frame
from dhcpd.network.interfaces import read_links
from dhcpd.network.sockets import OpenError, Sockets
from dhcpd.trace.effects import Send
from dhcpd.trace.events import Packet, ReceiveFailed
[a0] = [link for link in read_links() if link.name == "a0"]
sockets = Sockets()
sockets.open_icmp()
sockets.open([a0], 0, 67)
b0 = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
b0.bind(("b0", 3))
b0.settimeout(2)
def frame(port=67, body=b"\\x01" + bytes(299)):
    return build_frame(b"\\xff" * 6, bytes(5) + b"\\x05", 0, 0xFFFFFFFF, 68, port, body)
def read():
    time.sleep(0.05)
    sockets.wait(0)
    return sockets.read(1, 2)
"""


def run(script):
    for way in ("", WITHOUT_RING):
        command = ["unshare", "-n", "sh", "-c", WIRE, sys.executable, way + PRELUDE + script]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
        assert done.returncode == 0, (way, done.stderr)


def test_only_whole_datagrams_for_our_port_are_heard():
    run("""
b0.send(frame())
b0.send(frame(port=68))
b0.send(frame(body=bytes(100)))
b0.send(frame()[:200])
b0.send(frame()[:12] + b"\\x81\\x00\\x00\\x05" + frame()[12:])
b0.send(frame()[:12] + b"\\x81\\x00\\x00\\x00" + frame()[12:])
packets, echoes = read()
assert packets == [Packet(1, 2, "a0", 0, 68, b"\\x01" + bytes(299))] * 2, packets
assert echoes == []
""")


def test_a_batch_is_bounded_and_damage_is_remarked():
    run("""
for _ in range(100): b0.send(frame())
assert len(read()[0]) == 64
assert len(read()[0]) == 36
assert read()[0] == []
broken = bytearray(frame()); broken[60] ^= 0xFF
for _ in range(10): b0.send(bytes(broken))
assert read()[0] == []
assert any("bad udp checksums" in text for _, text in sockets.lines), sockets.lines
""")


def test_a_ring_is_used_where_there_is_one_and_goes_round():
    run("""
from dhcpd.network import sockets as module
from dhcpd.network.ring import SLOTS_MAXIMUM
assert (sockets.raw["a0"]._ring is None) == (module.Ring.__name__ == "refuse")
said = 0
while said < 2 * SLOTS_MAXIMUM + 10:
    sent = [said + more for more in range(50)]
    for number in sent: b0.send(frame(body=b"\\x01" + bytes(235) + number.to_bytes(4, "big")))
    sockets.wait(1)
    packets = sockets.read(1, 2)[0]
    while len(packets) < 50:
        sockets.wait(1)
        packets += sockets.read(1, 2)[0]
    assert [int.from_bytes(packet.payload[-4:], "big") for packet in packets] == sent
    said += 50
sockets.wait(0)
assert sockets.read(1, 2) == ([], [])
""")


def test_frames_of_a_vlan_are_not_ours_and_a_priority_alone_is_no_vlan():
    run("""
def tagged(number):
    whole = frame()
    return whole[:12] + struct.pack(">HH", 0x8100, number) + whole[12:]
b0.send(tagged(5))
b0.send(tagged(0xE000))
assert len(read()[0]) == 1
assert read()[0] == []
""")


def test_a_checksum_that_is_left_to_the_card_is_not_missed():
    run("""
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"b0")
client.sendto(b"\\x01" + bytes(299), ("255.255.255.255", 67))
assert len(read()[0]) == 1, sockets.lines
""")


def test_of_a_standing_queue_old_discovers_are_dropped_and_requests_kept():
    run("""
def message(kind):
    return b"\\x01" + bytes(239) + b"\\x35\\x01" + bytes([kind]) + bytes(60)
def at(late_us, mono_us):
    sockets.wait(0)
    return sockets.read(time.time_ns() // 1000 + late_us, mono_us)[0]
kinds = lambda packets: [packet.payload[242] for packet in packets]
for _ in range(64 * 8 + 36): b0.send(frame(body=message(1)))
for _ in range(5): b0.send(frame(body=message(3)))
time.sleep(0.05)
for batch in range(8): assert len(at(500_000, 10_000_000 + batch)) == 64
assert kinds(at(500_000, 11_500_000)) == [3] * 5, "36 DISCOVERs are too old, the REQUESTs are not"
[(level, text)] = sockets.lines
assert text.startswith("36 requests dropped"), text
# The queue was emptied: what comes now may wait as a burst does.
for _ in range(100): b0.send(frame(body=message(1)))
time.sleep(0.05)
assert len(at(900_000, 13_000_000)) == 64
assert len(at(900_000, 13_900_000)) == 36
""")


def test_of_a_standing_queue_that_is_nearly_full_no_discover_is_kept():
    run("""
from dhcpd.network.ring import SLOTS_MAXIMUM
def message(kind):
    return b"\\x01" + bytes(239) + b"\\x35\\x01" + bytes([kind]) + bytes(60)
for _ in range(64 * 8): b0.send(frame(body=message(1)))
for _ in range(SLOTS_MAXIMUM - 64 * 8 - 5): b0.send(frame(body=message(1)))
for _ in range(5): b0.send(frame(body=message(3)))
time.sleep(0.05)
def at(mono_us):
    sockets.wait(0)
    return [packet.payload[242] for packet in sockets.read(time.time_ns() // 1000, mono_us)[0]]
class Standing(type(sockets.raw["a0"].backlog)):
    def begin(self, batch, mono_us): self.standing = True
sockets.raw["a0"].backlog = Standing()
if sockets.raw["a0"]._ring is not None:
    assert at(1) == [3] * 5
else:
    assert at(1) == [1] * 64, "a socket does not tell how full it is"
""")


def test_what_finds_no_room_is_counted_and_told():
    run("""
from dhcpd.network.ring import SLOTS_MAXIMUM
if sockets.raw["a0"]._ring is not None:
    for _ in range(SLOTS_MAXIMUM + 40): b0.send(frame())
    time.sleep(0.05)
    sockets.wait(0)
    sockets.read(1, 20_000_000)
    assert sockets.overload_dropped == 40, sockets.overload_dropped
    [(level, text)] = sockets.lines
    assert text.startswith("40 requests dropped"), text
    sockets.wait(0)
    sockets.read(1, 40_000_000)
    assert sockets.overload_dropped == 40, "the kernel counts from the last answer on"
""")


def test_what_was_dropped_last_is_told_when_it_is_time():
    run("""
sockets.raw["a0"].backlog.dropped = 3
b0.send(frame())
read()
assert [text.split()[0] for _, text in sockets.lines] == ["3"]
sockets.raw["a0"].backlog.dropped = 4
b0.send(frame())
read()
assert len(sockets.lines) == 1, "not yet"
sockets.wait(0)
sockets.read(1, 10_000_003)
assert [text.split()[0] for _, text in sockets.lines] == ["3", "4"]
""")


def test_sending_raw_and_routed():
    run("""
sockets.send(Send("a0", True, 0x0A010009, 68, b"\\x02\\0\\0\\0\\0\\x09", 0x0A010001, True, "", b"reply"))
got = b0.recv(2000)
while got[12:14] != b"\\x08\\x00": got = b0.recv(2000)
assert got[:12] == b"\\x02\\0\\0\\0\\0\\x09" + b"\\x02\\0\\0\\0\\0\\x01"
assert got[14 + 20:14 + 28][:4] == struct.pack(">HH", 67, 68) and got.endswith(b"reply")
try:
    sockets.send(Send("fallback", False, 0xC0000201, 67, b"", 0, True, "", b"reply"))
except OSError as error:
    assert error.errno == errno.ENETUNREACH
else:
    raise AssertionError("there is no route")
""")


def test_own_replies_to_a_relay_are_not_requests_but_a_local_client_s_are():
    run("""
import subprocess
subprocess.run(["ip", "neigh", "add", "10.1.0.7", "lladdr", "02:00:00:00:00:07", "dev", "a0"], check=True)
sockets.send(Send("fallback", False, 0x0A010007, 67, b"", 0, True, "", b"\\x02" + bytes(299)))
assert read()[0] == []
local = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
local.bind(("a0", 0))
local.send(frame())
assert len(read()[0]) == 1
""")


def test_a_link_that_goes_down_and_a_ping():
    run("""
import subprocess
sockets.icmp.send(0x7F000001, 9)
assert read()[1] == [0x7F000001]
subprocess.run(["ip", "link", "set", "a0", "down"], check=True)
assert read()[0] == [ReceiveFailed(1, 2, "a0", "Network is down")]
assert read()[0] == []
subprocess.run(["ip", "link", "set", "a0", "up"], check=True)
for _ in range(500):
    b0.send(frame())
    if read()[0]: break
else:
    raise AssertionError("the link is up, and nothing comes")
""")


def test_without_the_right_to_raw_sockets_a_high_port_is_served_by_udp():
    run("""
import os
other = Sockets()
os.setuid(65534)
try:
    Sockets().open_icmp()
except OpenError as error:
    assert (error.what, error.error) == ("icmp", "Operation not permitted")
try:
    other.open([a0], 0, 67)
except OpenError as error:
    assert (error.what, error.error) == ("raw", "Operation not permitted")
other.open([a0], 0, 1067)
assert other.plain
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(bytes(300), ("10.1.0.1", 1067))
time.sleep(0.05)
other.wait(0)
[packet] = other.read(1, 2)[0]
assert (packet.interface, packet.source, len(packet.payload)) == ("a0", 0x0A010001, 300)
""")
