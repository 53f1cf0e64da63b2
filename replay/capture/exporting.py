"""A recording as a capture file: the packets that came and went, with the server's decisions as their comments.

What a tape does not hold of a frame is made up plainly: a client's own hardware address stands as the sender's where
it spoke for itself, else one that is made of the IP address (02:00 and its four octets); what the server had the
kernel address goes to such an address too. The payloads are the recorded ones, octet for octet.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, Final

from ...engine.wire.frames import build_echo, build_frame
from ...trace import Entry
from ...trace import effects as fx
from ...trace import events as ev
from ..playing.compare import same
from ..playing.resume import beginning
from ..playing.seek import engine_at
from ..showing.decode import hardware_of_payload
from ..showing.describe import answer_line, event_line, log_text
from .pcapng import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...engine.machine import Machine
    from ...engine.service.reasons import Reason
    from ...trace import Tape

_BROADCAST: Final = 0xFFFFFFFF
# In a stranger's recording may stand numbers and lengths that no packet has: the former are cut to their octets.
_PORT: Final = 0xFFFF
_PAYLOAD_OCTETS_MAXIMUM: Final = 65_507
_EVERYBODY: Final = b"\xff" * 6
_SERVER_PORT: Final = 67
_GIADDR: Final = slice(24, 28)
_HARDWARE_OCTETS: Final = 6
_ICMP: Final = 1
_ECHO_REPLY: Final = 0
# Steps that every packet has many of: they are in `explain`, and would hide the others here.
_LEFT_OUT: Final = frozenset({"parameter"})


class Exporter:
    """Writes the frames of events. `machine` gives reasons where it is not None: it must be told every event."""

    def __init__(self, file: BinaryIO, program: str, machine: Machine | None) -> None:
        self._writer = Writer(file, program)
        self._machine = machine
        self._numbers: dict[str, int] = {}
        self._links: dict[str, ev.Link] = {}
        self._port = _SERVER_PORT
        self.frames = 0
        if machine is not None and machine.server is not None:
            for name, one in machine.server.generation.interfaces.items():
                self._links[name] = ev.Link(name, 0, 1, one.hardware[1:], 0, ((one.address, 0),))

    def take(self, entry: Entry, *, wanted: bool) -> None:
        """Pass on an event, and write its frames if they are wanted."""
        event, effects = entry.event, entry.effects
        reasons, differs = self._reasons(entry)
        if isinstance(event, ev.Interfaces):
            self._links = {link.name: link for link in event.links}
        for effect in effects or ():
            if isinstance(effect, fx.Settings):
                self._port = effect.local_port & _PORT or _SERVER_PORT
        if not wanted:
            return
        if isinstance(event, ev.Packet):
            self._packet(event, self._comment(entry, reasons, differs=differs))
        elif isinstance(event, ev.PingReply):
            self._ping(event.wall_us, event.source, f"event {entry.seq}: {event_line(event)}", reply=True)
        for effect in effects or ():
            if isinstance(effect, fx.Send):
                self._send(event.wall_us, effect, f"event {entry.seq}: sent for {event_line(event)}")
            elif isinstance(effect, fx.Ping):
                self._ping(event.wall_us, effect.address, f"event {entry.seq}: is the address free?", reply=False)

    def _reasons(self, entry: Entry) -> tuple[Sequence[Reason], bool]:
        """The reasons of the machine for an event, and whether its effects are others than those recorded."""
        machine = self._machine
        if machine is None:
            return (), False
        with engine_at(entry.seq):
            if not isinstance(entry.event, ev.Packet):
                machine.apply(entry.event)
                return (), False
            effects, reasons = machine.explain(entry.event)
        return reasons, entry.effects is not None and not same(entry.effects, effects)

    def _comment(self, entry: Entry, reasons: Sequence[Reason], *, differs: bool) -> str:
        effects = entry.effects
        answer = "(not recorded)" if effects is None else answer_line(effects)
        lines = [f"event {entry.seq}: {event_line(entry.event)} -> {answer}"]
        lines += [f"log: {log_text(effect.text)}" for effect in effects or () if isinstance(effect, fx.Log)]
        if differs:
            return "\n".join([*lines, "This version decides otherwise: see `dhcpd-trace verify`."])
        for step, subject, verdict, why, place in reasons:
            if step not in _LEFT_OUT:
                behind = f" ({why})" if why else ""
                lines.append(f"{step}: {subject}: {verdict}{behind}{f' at {place}' if place else ''}")
        return "\n".join(lines)

    # Frames

    def _packet(self, event: ev.Packet, comment: str) -> None:
        link = self._links.get(event.interface)
        direct = event.payload[_GIADDR] in (bytes(4), b"")
        hardware = hardware_of_payload(event.payload)
        sender = hardware if direct and len(hardware) == _HARDWARE_OCTETS else _made_up(event.source)
        to_all = not event.source or link is None
        destination = _BROADCAST if to_all else _address(link)
        target = _EVERYBODY if to_all else _hardware(link)
        if len(event.payload) > _PAYLOAD_OCTETS_MAXIMUM:
            return
        ports = event.source_port & _PORT, self._port
        frame = build_frame(target, sender, event.source & _BROADCAST, destination, *ports, event.payload)
        self._frame(event.interface, event.wall_us, frame, comment, inbound=True)

    def _send(self, wall_us: int, effect: fx.Send, comment: str) -> None:
        link = self._links.get(effect.interface)
        source = effect.source or _address(link)
        target = effect.link if len(effect.link) == _HARDWARE_OCTETS else _made_up(effect.destination)
        if effect.destination == _BROADCAST:
            target = _EVERYBODY
        if len(effect.payload) > _PAYLOAD_OCTETS_MAXIMUM:
            return
        ports, destination = (self._port, effect.port & _PORT), effect.destination & _BROADCAST
        frame = build_frame(target, _hardware(link), source & _BROADCAST, destination, *ports, effect.payload)
        self._frame(effect.interface or "fallback", wall_us, frame, comment, inbound=False)

    def _ping(self, wall_us: int, address: int, comment: str, *, reply: bool) -> None:
        link = next(iter(self._links.values()), None)
        address &= _BROADCAST
        ours, theirs = (_address(link), _hardware(link)), (address, _made_up(address))
        (source, sender), (destination, target) = (theirs, ours) if reply else (ours, theirs)
        echo = build_echo(0)
        if reply:
            echo = struct.pack(">BBHHH", _ECHO_REPLY, 0, 0xFFFF, 0, 0) + echo[8:]
        name = link.name if link is not None else "fallback"
        frame = target + sender + b"\x08\x00" + _ip_header(source, destination, len(echo)) + echo
        self._frame(name, wall_us, frame, comment, inbound=reply)

    def _frame(self, interface: str, wall_us: int, frame: bytes, comment: str, *, inbound: bool) -> None:
        number = self._numbers.get(interface)
        if number is None:
            number = self._numbers[interface] = self._writer.interface(interface)
        self._writer.packet(number, wall_us, frame, comment, inbound=inbound)
        self.frames += 1


def _made_up(address: int) -> bytes:
    return b"\x02\0" + (address & _BROADCAST).to_bytes(4, "big")


def _hardware(link: ev.Link | None) -> bytes:
    return link.hardware if link is not None and len(link.hardware) == _HARDWARE_OCTETS else b"\x02\0\0\0\0\0"


def _address(link: ev.Link | None) -> int:
    return link.addresses[0][0] & _BROADCAST if link is not None and link.addresses else 0


def _ip_header(source: int, destination: int, octets: int) -> bytes:
    """An IPv4 header for ICMP, with its checksum."""
    head = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + octets, 0, 0, 64, _ICMP, 0, source, destination)
    return head[:10] + struct.pack(">H", (0xFFFF - int.from_bytes(head, "big") % 0xFFFF) % 0xFFFF) + head[12:]


def export(
    tape: Tape,
    file: BinaryIO,
    program: str,
    *,
    wanted: Callable[[Entry], bool],
    reasons: bool = True,
    watch: Callable[[int, int], None] | None = None,
) -> int:
    """Write the frames of the events that are `wanted` to `file`; returns how many frames.

    With `reasons` the events are played, and comments say why. Raises DamagedTape, NoBeginning, OSError, EngineFailed.
    """
    start = beginning(tape) if reasons else None
    exporter = Exporter(file, program, None if start is None else start.machine)
    for entry in tape.iterate(from_seq=1 if start is None else start.from_seq):
        if isinstance(entry, Entry):
            exporter.take(entry, wanted=wanted(entry))
            if watch is not None:
                watch(entry.seq, entry.event.wall_us)
    return exporter.frames
