"""Tapes and machines for tests of playback: small, in memory, with the face of the real ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dhcpd.replay.showing.decode import hardware_of_payload
from dhcpd.trace import Entry, TapeWriter
from dhcpd.trace import effects as fx
from dhcpd.trace import events as ev

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dhcpd.trace import DamagedTape

NOW_US = 1_790_000_000_000_000
ADDRESS = 0x0A000011


def payload(kind: int, client: int = 1, *, op: int = 1, yiaddr: int = 0, lease_s: int = 3600) -> bytes:
    """A DHCP message of the given type from client `client`."""
    header = bytes([op, 1, 6, 0]) + client.to_bytes(4, "big") + bytes(8) + yiaddr.to_bytes(4, "big") + bytes(8)
    header += b"\x02\0\0\0\0" + bytes([client]) + bytes(10 + 64 + 128)
    options = bytes([53, 1, kind, 51, 4]) + lease_s.to_bytes(4, "big") + bytes([12, 4]) + b"host" + b"\xff"
    return header + b"\x63\x82\x53\x63" + options


def packet(at: int, kind: int = 1, client: int = 1) -> ev.Packet:
    return ev.Packet(NOW_US + at, at, "eth0", ADDRESS, 68, payload(kind, client))


def send(kind: int = 2, client: int = 1, lease_s: int = 3600) -> fx.Send:
    answer = payload(kind, client, op=2, yiaddr=ADDRESS, lease_s=lease_s)
    return fx.Send("eth0", True, ADDRESS, 68, b"\x02\0\0\0\0\x01", 0x0A000001, False, "", answer)


@dataclass
class MemoryTape:
    """Entries with the face of dhcpd.trace.Tape; `broken` is raised behind the last."""

    entries: list[Entry]
    torn_bytes: int = 0
    first_seq: int = 1
    broken: DamagedTape | None = None

    def iterate(self, *, from_seq: int = 1) -> Iterator[Entry]:
        yield from (entry for entry in self.entries if entry.seq >= from_seq)
        if self.broken is not None:
            raise self.broken

    def client(self, hardware: bytes, *, from_seq: int = 1) -> Iterator[Entry]:
        for entry in self.iterate(from_seq=from_seq):
            if isinstance(entry.event, ev.Packet) and hardware_of_payload(entry.event.payload) == hardware:
                yield entry


@dataclass
class Script:
    """A machine that answers the n-th event with the n-th list."""

    answers: list[list[fx.Effect]]
    events: list[ev.Event] = field(default_factory=list)

    def apply(self, event: ev.Event) -> list[fx.Effect]:
        self.events.append(event)
        return self.answers[len(self.events) - 1]


def tape_of(*pairs: tuple[ev.Event, list[fx.Effect] | None]) -> MemoryTape:
    return MemoryTape([
        Entry(seq, event, None if effects is None else tuple(effects)) for seq, (event, effects) in enumerate(pairs, 1)
    ])


def record(path: Path, *pairs: tuple[ev.Event, list[fx.Effect]], closed: bool = True, noted: bool = False) -> Path:
    """A real tape of these events, one batch each; `noted` with when each was handled and stored."""
    writer = TapeWriter.create(path, version="0.0.test", host="test", created_us=NOW_US)
    for event, effects in pairs:
        first = writer.write_events([event])
        writer.write_effects(first, [effects], event.mono_us + 50 if noted else None)
        if noted:
            writer.write_stored(first, event.mono_us + 400, event.mono_us + 450)
    writer.flush()
    if closed:
        writer.close()
    return path
