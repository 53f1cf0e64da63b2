"""A day in an office, and the server that has served it, for docs/questions.md: the same to the octet every time.

    python -m tests.docs.day FOLDER

writes FOLDER/dhcpd.conf, yesterday.conf, new.conf, partner.conf and day.trace, then answers on FOLDER/socket until its
standard input ends. The machine and the socket are the program's, the clock and the packets are this module's.
"""

from __future__ import annotations

import os
import select
import sys
from datetime import datetime, timezone
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from dhcpd.cli import Limits
from dhcpd.recording.recorder import Recorder
from dhcpd.recording.segments import Segments
from dhcpd.replay.looking.figures.counted import counted
from dhcpd.replay.world.messages import message
from dhcpd.trace import TapeWriter, open_tape
from dhcpd.trace import events as ev
from dhcpd.trace.effects import Send, StreamOpen
from tests.dhcpd.admin.office import Office
from tests.replay.engine_runs import Run

YESTERDAY: Final = """\
authoritative;
ping-check false;
default-lease-time 3600;
max-lease-time 86400;
option domain-name "example.org";
option domain-name-servers 10.0.0.2;
failover peer "pair" {
  primary; address 10.0.0.1; port 647; peer address 10.0.0.3; peer port 647;
  max-response-delay 30; max-unacked-updates 10; mclt 600; split 128;
  load balance max seconds 3;
}
class "phones" {
  match if substring (option vendor-class-identifier, 0, 5) = "Phone";
  default-lease-time 7200;
  lease limit 8;
}
shared-network office {
  subnet 10.0.0.0 netmask 255.255.255.0 {
    option routers 10.0.0.1;
    pool { range 10.0.0.10 10.0.0.11; allow members of "phones"; }
    pool { range 10.0.0.5 10.0.0.9; range 10.0.0.20 10.0.0.99; deny members of "phones"; }
  }
}
subnet 10.0.1.0 netmask 255.255.255.0 {
  default-lease-time 86400;
  option routers 10.0.1.1;
  range 10.0.1.20 10.0.1.59;
}
subnet 10.0.2.0 netmask 255.255.255.0 {
  pool { failover peer "pair"; range 10.0.2.10 10.0.2.99; }
}
host printer { hardware ethernet 02:00:00:00:00:63; fixed-address 10.0.0.200; option host-name "printer"; }
"""
WRONG: Final = YESTERDAY.replace("option routers 10.0.1.1;", "option ruoters 10.0.1.254;")
TODAY: Final = YESTERDAY.replace("option routers 10.0.1.1;", "option routers 10.0.1.254;")
NEW: Final = TODAY.replace("range 10.0.1.20 10.0.1.59", "range 10.0.1.24 10.0.1.59") + """\
host camera { hardware ethernet 02:00:00:00:00:64; fixed-address 10.0.0.50; }
"""
PARTNER: Final = """\
failover peer "pair" {
  secondary; address 10.0.0.3; port 647; peer address 10.0.0.1; peer port 647;
  max-response-delay 30; max-unacked-updates 10; load balance max seconds 3;
}
subnet 10.0.2.0 netmask 255.255.255.0 { pool { failover peer "pair"; range 10.0.2.10 10.0.2.99; } }
"""
SERVER: Final = int(IPv4Address("10.0.0.1"))
OFFICE: Final = int(IPv4Address("10.0.0.4"))
GUESTS: Final = int(IPv4Address("10.0.1.1"))
DISCOVER, REQUEST, DECLINE, RELEASE = 1, 3, 4, 7
HOUR_S: Final = 3600
# Who stays all day: the last octet of the hardware address, the name, the address that is asked for.
STAYERS: Final = ((7, "anna", "10.0.0.7"), (8, "bob", "10.0.0.8"), (9, "carla", "10.0.0.9"))
PHONES: Final = (0x31, 0x32)


def moment(text: str) -> int:
    """Microseconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()) * 1_000_000  # noqa: UP017


class Day(Run):
    """The run, up to noon of the second day."""

    def __init__(self) -> None:
        super().__init__(YESTERDAY.encode(), now_us=moment("2026-11-23T20:00:00"))
        self.held: dict[int, tuple[int, dict[int, bytes]]] = {}
        self.live_through()

    def stream_open(self, effect: StreamOpen) -> None:
        """The failover partner is not there, and nobody says so."""

    def live_through(self) -> None:
        self.at("20:05:00")
        for number, name, address in STAYERS:
            self.wait(1)
            self.join(number, OFFICE, {12: name.encode(), 50: IPv4Address(address).packed})
        for number in PHONES:
            self.join(number, OFFICE, {12: b"phone-%x" % number, 60: b"Phone 3"})
        for hour in range(16):
            self.hour(hour)
        self.at("12:00:00")

    def hour(self, hour: int) -> None:
        """A new guest, and everybody who stays renews; some hours have more."""
        self.join(0x100 + hour, GUESTS, {12: b"guest-%d" % hour})
        happens = {2: self.go_home, 4: self.find_it_in_use, 6: self.be_refused, 7: self.call_in_vain}
        happens.get(hour, lambda: None)()
        if hour == 12:
            self.reload(WRONG, "08:20:00")
            self.reload(TODAY, "08:21:00")
        if hour == 14:
            self.held.pop(9)
            self.tell(ev.Command(0, 0, 1, "uid 1000, pid 4711", "lease-release", (("address", "10.0.0.9"),)))
            self.tell(ev.Command(0, 0, 2, "uid 1000, pid 4712", "lease-reserve", (("address", "10.0.1.21"),)))
        self.wait(HOUR_S // 2)
        for number in (*[one for one, _, _ in STAYERS], *PHONES):
            if number in self.held:
                address, options = self.held[number]
                self.say(REQUEST, number, 0, options, ciaddr=address)
        self.wait(HOUR_S // 2)

    def go_home(self) -> None:
        """Bob gives his address back."""
        self.say(RELEASE, 8, 0, {54: SERVER.to_bytes(4, "big")}, ciaddr=self.held.pop(8)[0])

    def find_it_in_use(self) -> None:
        """A laptop finds its address in use."""
        address = self.join(0x41, OFFICE, {12: b"laptop"})
        self.say(DECLINE, 0x41, OFFICE, {50: address.to_bytes(4, "big"), 54: SERVER.to_bytes(4, "big")})

    def be_refused(self) -> None:
        """A tablet wants the address that it has at home."""
        self.say(REQUEST, 0x51, OFFICE, {12: b"tablet", 50: IPv4Address("192.168.1.5").packed})

    def call_in_vain(self) -> None:
        """A third phone, where there are addresses for two."""
        self.at("03:12:00")
        for _ in range(3):
            self.say(DISCOVER, 0x33, OFFICE, {12: b"phone-33", 60: b"Phone 3"})
            self.wait(4)

    def reload(self, configuration: str, time: str) -> None:
        self.at(time)
        self.tell(ev.ConfigurationFile(0, 0, "/etc/dhcpd.conf", configuration.encode(), ""))
        self.tell(ev.ConfigurationEnd(0, 0, "/etc/dhcpd.conf", reload=True))

    def at(self, time: str) -> None:
        """Let time go by until then."""
        day = "23" if time >= "20" else "24"
        self.wait((moment(f"2026-11-{day}T{time}") - self.now_us) / 1_000_000)

    def join(self, number: int, relay: int, options: dict[int, bytes]) -> int:
        """DISCOVER and REQUEST; the address."""
        offered = self.say(DISCOVER, number, relay, options)
        chosen = {**options, 50: offered.to_bytes(4, "big"), 54: SERVER.to_bytes(4, "big")}
        given = self.say(REQUEST, number, relay, chosen)
        self.held[number] = given, {code: value for code, value in options.items() if code != 50}
        return given

    def say(self, kind: int, number: int, relay: int, options: dict[int, bytes], ciaddr: int = 0) -> int:
        """A message; the address of the answer, 0 where there is none."""
        self.xid += 1
        self.now_us += 2_000
        made = message(kind, b"\x02\0" + number.to_bytes(4, "big"), {**options, 55: bytes((1, 3, 6, 15, 51))},
                       xid=self.xid, ciaddr=ciaddr, giaddr=relay, hops=int(relay > 0), octets=0)  # fmt: skip
        sent = [one for one in self.tell(ev.Packet(0, 0, "eth0", relay or ciaddr, 67, made)) if isinstance(one, Send)]
        return int.from_bytes(sent[0].payload[16:20], "big") if sent else 0


def main(folder: Path) -> None:
    """Live the day, record it, then answer."""
    for name, text in (("yesterday", YESTERDAY), ("dhcpd", TODAY), ("new", NEW), ("partner", PARTNER)):
        (folder / f"{name}.conf").write_text(text)
    day, path = Day(), str(folder / "day.trace")
    recorder = Recorder(
        TapeWriter.create(path, version="test"), Segments(path), Limits(), lambda _level, _text: None
    )
    for event, effects in day.pairs:
        recorder.write_effects(recorder.write_events([event]), [effects])
    recorder.flush()
    # Files that are too old for a question are told by when they were last written.
    os.utime(path, (day.now_us // 1_000_000,) * 2)
    with open_tape(path) as tape:
        counters = counted(tape)
    office = Office(folder, TODAY.encode(), recorder, day, counters)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not select.select([sys.stdin], [], [], 0)[0]:
        office.turn()
        if not office.admin.busy:
            select.select([sys.stdin, office.admin], [], [], 0.02)
    office.close()
    recorder.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
