"""The sockets of the service: raw frames of each interface, UDP for what the kernel routes, ICMP for pings.

Raw is the normal way, as in ISC dhcpd: a packet socket an interface with a filter, so that
a client without an address can be heard and answered. Where the system does not permit that, and the port is not a
privileged one, or where the interface is the loopback, one plain UDP socket serves all interfaces: good behind a
relay, for tests and demonstrations, not for clients on the wire.

Reading never waits and never raises: a failure is part of what was read. What packets mean is not known here.

See docs/behaviour/packets.md#sockets.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from typing import TYPE_CHECKING, Final, Protocol

from ..backlog import (
    DISCOVER_MARK,
    OPTIONS_AT,
    READS_MAXIMUM,
    STAMP_SPACE,
    Backlog,
    Tally,
    ask_for_stamps,
    came_us,
    fresh_since,
    is_stale,
)
from ..engine.wire.frames import (
    FRAME_OCTETS_MAXIMUM,
    HEADERS_OCTETS,
    Counters,
    bpf_filter,
    build_echo,
    build_frame,
    open_frame,
    parse_echo_reply,
)
from ..engine.wire.text import dotted, relay_text
from ..trace.events import Packet, ReceiveFailed
from .ring import Ring, found_no_room, slots_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from ctypes import Array, c_char

    from ..trace.effects import Send
    from ..trace.events import Event, Link

BATCH_PACKETS_MAXIMUM: Final = 64
PAYLOAD_OCTETS_MINIMUM: Final = 236
_FIRST_UNPRIVILEGED_PORT: Final = 1025
_RECEIVE_BUFFER_OCTETS: Final = 4 << 20
_DATAGRAM_OCTETS_MAXIMUM: Final = 65_535
_LOOPBACK_TYPE: Final = 772

# Of a frame without options in its IP header, as clients send it.
_OPTIONS_AT: Final = HEADERS_OCTETS + OPTIONS_AT

# Numbers of the Linux interface that the socket module does not name.
_SO_ATTACH_FILTER: Final = 26
_SO_RCVBUFFORCE: Final = 33
_ETH_P_ALL: Final = 0x0003
_IP_PKTINFO: Final = 8
_SOL_RAW: Final = 255
_ICMP_FILTER: Final = 1
_PKTINFO: Final = struct.Struct("=i4s4s")
_PKTINFO_SPACE: Final = STAMP_SPACE + socket.CMSG_SPACE(_PKTINFO.size)
_WOULD_WAIT: Final = frozenset({errno.EAGAIN, errno.EINTR})
_ONLY_ECHO_REPLIES: Final = struct.pack("=I", 0xFFFFFFFF ^ 1)
_TAKE_NOTHING: Final = struct.pack("=HBBI", 0x06, 0, 0, 0)
_BROADCAST: Final = 0xFFFFFFFF


class HasFileno(Protocol):
    """Something that epoll can watch."""

    def fileno(self) -> int:
        """Its descriptor."""


class OpenError(Exception):
    """A socket could not be opened. `what`, `name` and `error` are those of the event `ListenFailed`."""

    def __init__(self, what: str, name: str, error: OSError) -> None:
        super().__init__(f"{what} {name}: {error.strerror}")
        self.what = what
        self.name = name
        self.error = error.strerror or str(error)
        self.errno = error.errno


def _attach_filter(made: socket.socket, program: bytes) -> None:
    """SO_ATTACH_FILTER wants a pointer to the program."""
    import ctypes  # noqa: PLC0415 - a test of a configuration opens no socket; see preload.py

    _attach(made, ctypes.create_string_buffer(program, len(program)))


def _attach(made: socket.socket, program: Array[c_char]) -> None:
    """An argument lives as long as the call; in the compiled build a variable ends where it is named last."""
    import ctypes  # noqa: PLC0415 - as above

    address = ctypes.addressof(program)
    made.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program) // 8, address))


def _enlarge_buffer(made: socket.socket) -> None:
    """A burst must find room while a batch is worked on; beyond the system's limit only root may ask for it."""
    try:
        made.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_OCTETS)
    except OSError:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)


class RawInterface:
    """A packet socket on one interface; reads datagrams for `port`, writes frames. Raises OpenError."""

    __slots__ = ("_counters", "_hardware", "_lines", "_port", "_ring", "_socket", "backlog", "name")

    def __init__(self, link: Link, port: int, counters: Counters, lines: list[tuple[int, str]], slots: int) -> None:
        self.name = link.name
        self.backlog = Backlog()
        self._port = port
        self._hardware = (link.hardware + bytes(6))[:6]
        self._counters = counters
        self._lines = lines
        try:
            # Protocol 0: nothing is heard before the filter stands and bind() names the interface.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        except OSError as error:
            raise OpenError("raw", link.name, error) from error
        self._ring: Ring | None = None
        try:
            self._set_up(link, slots)
        except OSError as error:
            self.close()
            raise OpenError("index", link.name, error) from error

    def _set_up(self, link: Link, slots: int) -> None:
        made = self._socket
        _attach_filter(made, bpf_filter(self._port))
        try:
            self._ring = Ring(made, slots)
        except OSError:
            _enlarge_buffer(made)
            ask_for_stamps(made)
        made.setblocking(False)
        # A label (eth0:1) is no device; the index of its device is known.
        made.bind((socket.if_indextoname(link.index), _ETH_P_ALL))

    def fileno(self) -> int:
        """For epoll."""
        return self._socket.fileno()

    def read(self, room: int, wall_us: int, mono_us: int) -> list[Event]:
        """What waits, at most `room` frames, as events; frames that are bad or nobody's are left out."""
        frames: list[bytes] = []
        failure = self._take(frames, room, wall_us)
        if failure is not None:
            self.backlog.emptied(mono_us)
        found: list[Event] = []
        name, counters, lines, new = self.name, self._counters, self._lines, tuple.__new__
        for frame in frames:
            opened = open_frame(frame, counters, lines)
            if opened is None:
                continue
            source, source_port, payload = opened
            if len(payload) >= PAYLOAD_OCTETS_MINIMUM:
                # Half the time of Packet(...), which an interpreted function makes.
                found.append(new(Packet, (wall_us, mono_us, name, source, source_port, payload)))
        if failure:
            found.append(ReceiveFailed(wall_us, mono_us, name, failure))
        return found

    def _take(self, frames: list[bytes], room: int, wall_us: int) -> str | None:
        """Add what waits to `frames`, up to `room`; of a standing queue what is fresh.

        Why nothing more can be read: empty where there is nothing, None where there may be more.
        """
        if self._ring is not None:
            return self._mapped(self._ring, frames, room, wall_us)
        reads = READS_MAXIMUM if self.backlog.standing else room
        while reads > 0 and len(frames) < room:
            asked = min(reads, room - len(frames))
            taken, failure = self._received(asked)
            reads -= asked
            fresh = [frame for frame, came in taken if not is_stale(frame, HEADERS_OCTETS, came, wall_us)]
            self.backlog.dropped += len(taken) - len(fresh)
            frames += fresh
            if len(taken) < asked:
                return failure
        return None

    def _mapped(self, ring: Ring, frames: list[bytes], room: int, wall_us: int) -> str | None:
        """As `_take`. A ring cannot say that the link went down: where it had nothing, the socket is asked."""
        crowded = ring.crowded
        if crowded:
            self.backlog.dropped += found_no_room(self._socket)
        if self.backlog.standing:
            since_us = fresh_since(wall_us, crowded=crowded)
            found, looked = ring.take_fresh(room, READS_MAXIMUM, DISCOVER_MARK, _OPTIONS_AT, since_us)
            self.backlog.dropped += looked - len(found)
            is_over = looked < READS_MAXIMUM and len(found) < room
        else:
            found = ring.take(room)
            looked = len(found)
            is_over = looked < room
        frames += found
        if looked or not is_over:
            return "" if is_over else None
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return os.strerror(number) if number else ""

    def _received(self, room: int) -> tuple[list[tuple[bytes, int | None]], str]:
        """Frames of the socket, without a ring.

        Only of a standing queue is the stamp worth its price: `recvmsg` asks the kernel for the interface's name at
        every frame.
        """
        taken: list[tuple[bytes, int | None]] = []
        try:
            for _ in range(room):
                if self.backlog.standing:
                    frame, extra, _, _ = self._socket.recvmsg(FRAME_OCTETS_MAXIMUM, STAMP_SPACE)
                    taken.append((frame, came_us(extra)))
                else:
                    taken.append((self._socket.recv(FRAME_OCTETS_MAXIMUM), None))
        except OSError as error:
            return taken, "" if error.errno in _WOULD_WAIT else error.strerror or str(error)
        return taken, ""

    def send(self, effect: Send) -> None:
        """Write one frame; raises OSError."""
        frame = build_frame(
            effect.link, self._hardware, effect.source, effect.destination, self._port, effect.port, effect.payload
        )
        self._socket.send(frame)

    def close(self) -> None:
        """Close the socket."""
        if self._ring is not None:
            self._ring.close()
        self._socket.close()


class UdpSocket:
    """The kernel's UDP: ISC's fallback socket, or with `plain` the only one, that reads too. Raises OpenError."""

    __slots__ = ("_names", "_plain", "_socket", "backlog")

    def __init__(self, address: int, port: int, *, plain: Sequence[Link] = ()) -> None:
        self.backlog = Backlog()
        self._plain = bool(plain)
        self._names = {link.index: link.name for link in reversed(plain)}
        self._socket = made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if plain:
                _enlarge_buffer(made)
                ask_for_stamps(made)
                made.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
                made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            else:
                # The packet sockets hear everything already: let the kernel throw this copy away.
                _attach_filter(made, _TAKE_NOTHING)
            made.setblocking(False)
            made.bind((dotted(address), port))
        except OSError as error:
            made.close()
            raise OpenError("bind", "fallback", error) from error

    def fileno(self) -> int:
        """For epoll."""
        return self._socket.fileno()

    def read(self, room: int, wall_us: int, mono_us: int) -> list[Event]:
        """What waits, at most `room` datagrams, as events, of the interfaces that are served."""
        found: list[Event] = []
        standing = self.backlog.standing
        for _ in range(READS_MAXIMUM if standing else room):
            if len(found) >= room:
                break
            try:
                payload, extra, _, where = self._socket.recvmsg(_DATAGRAM_OCTETS_MAXIMUM, _PKTINFO_SPACE)
            except OSError as error:
                self.backlog.emptied(mono_us)
                if error.errno not in _WOULD_WAIT:
                    found.append(ReceiveFailed(wall_us, mono_us, "fallback", error.strerror or str(error)))
                break
            if standing and is_stale(payload, 0, came_us(extra), wall_us):
                self.backlog.dropped += 1
                continue
            known = extra and extra[-1][0] == socket.IPPROTO_IP
            name = self._names.get(_PKTINFO.unpack_from(extra[-1][2])[0]) if known else None
            if name is not None and len(payload) >= PAYLOAD_OCTETS_MINIMUM:
                source = int.from_bytes(socket.inet_aton(where[0]), "big")
                found.append(Packet(wall_us, mono_us, name, source, where[1], payload))
        return found

    def send(self, effect: Send) -> None:
        """Send one datagram; in plain mode a broadcast leaves by the interface that is meant. Raises OSError."""
        where = (relay_text(effect.destination), effect.port)
        if self._plain and effect.raw and effect.destination == _BROADCAST:
            index = next((index for index, name in self._names.items() if name == effect.interface), 0)
            info = _PKTINFO.pack(index, bytes(4), bytes(4))
            self._socket.sendmsg([effect.payload], [(socket.IPPROTO_IP, _IP_PKTINFO, info)], 0, where)
        else:
            self._socket.sendto(effect.payload, where)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class IcmpSocket:
    """Echo requests out, echo replies in. Raises OpenError."""

    __slots__ = ("_socket",)

    def __init__(self) -> None:
        try:
            made = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_ICMP)
        except OSError as error:
            raise OpenError("icmp", "", error) from error
        made.setsockopt(_SOL_RAW, _ICMP_FILTER, _ONLY_ECHO_REPLIES)
        made.setblocking(False)
        self._socket = made

    def fileno(self) -> int:
        """For epoll."""
        return self._socket.fileno()

    def send(self, address: int, identifier: int) -> None:
        """Send an echo request; raises OSError."""
        self._socket.sendto(build_echo(identifier), (dotted(address), 0))

    def read(self, room: int) -> list[int]:
        """The addresses that echo replies came from, at most `room`."""
        found: list[int] = []
        for _ in range(room):
            try:
                packet = self._socket.recv(FRAME_OCTETS_MAXIMUM)
            except OSError:
                break
            source = parse_echo_reply(packet)
            if source is not None:
                found.append(source)
        return found

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class Sockets:
    """All of them, and the one wait for any of them, for whoever is watched, and for `wake`.

    `lines` collects what is to be said of damaged frames and of dropped ones, as (level, text); `overload_dropped`
    counts the latter.
    """

    __slots__ = (
        "_batch", "_counters", "_epoll", "_readers", "_ready", "_tally", "_wake", "_watched", "icmp", "lines",
        "overload_dropped", "plain", "raw", "udp",
    )  # fmt: skip

    def __init__(self) -> None:
        self.raw: dict[str, RawInterface] = {}
        self.udp: UdpSocket | None = None
        self.icmp: IcmpSocket | None = None
        self.plain = False
        self.lines: list[tuple[int, str]] = []
        self.overload_dropped = 0
        self._batch = 0
        self._counters = Counters()
        self._tally = Tally()
        self._readers: dict[int, RawInterface | UdpSocket] = {}
        self._epoll = select.epoll()
        self._ready: list[tuple[int, int]] = []
        self._watched: dict[int, Callable[[], None]] = {}
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake, select.EPOLLIN)

    def open_icmp(self) -> None:
        """Open the socket for pings; raises OpenError."""
        self.icmp = IcmpSocket()
        self._epoll.register(self.icmp.fileno(), select.EPOLLIN)

    def open(self, links: Sequence[Link], address: int, port: int) -> None:
        """Open what serves `links`, raw where that is possible; raises OpenError."""
        if any(link.hardware_type == _LOOPBACK_TYPE for link in links):
            self.plain = True
        else:
            self._open_raw(links, port)
        self.udp = UdpSocket(address, port, plain=links if self.plain else ())
        if self.plain:
            self._register(self.udp)

    def _open_raw(self, links: Sequence[Link], port: int) -> None:
        try:
            for link in links:
                self.raw[link.name] = RawInterface(link, port, self._counters, self.lines, slots_for(len(links)))
        except OpenError as error:
            self._close_raw()
            if error.errno != errno.EPERM or port < _FIRST_UNPRIVILEGED_PORT:
                raise
            self.plain = True
        for reader in self.raw.values():
            self._register(reader)

    def _register(self, reader: RawInterface | UdpSocket) -> None:
        self._readers[reader.fileno()] = reader
        self._epoll.register(reader.fileno(), select.EPOLLIN)

    def _close_raw(self) -> None:
        for reader in self.raw.values():
            reader.close()
        self.raw.clear()

    def wake(self) -> None:
        """End the wait, or the next one; from any thread."""
        os.eventfd_write(self._wake, 1)

    def wait(self, seconds: float) -> bool:
        """Wait until anything is readable, at most so long; whether anything is. The next `read` reads it."""
        self._ready = self._epoll.poll(seconds)
        return bool(self._ready)

    def read(self, wall_us: int, mono_us: int) -> tuple[list[Event], list[int]]:
        """A batch of what the last `wait` has found: datagrams (fairly of every interface), sources of echo replies."""
        packets: list[Event] = []
        echoes: list[int] = []
        ready, self._ready = self._ready, []
        room = max(1, BATCH_PACKETS_MAXIMUM // max(1, len(ready)))
        self._batch += 1
        for fd, _ in ready:
            reader = self._readers.get(fd)
            if reader is not None:
                reader.backlog.begin(self._batch, mono_us)
                packets += reader.read(room, wall_us, mono_us)
                self._tally.add(reader.backlog.dropped)
                self.overload_dropped += reader.backlog.dropped
                reader.backlog.dropped = 0
            elif fd == self._wake:
                os.eventfd_read(fd)
            elif fd in self._watched:
                self._watched[fd]()
            elif self.icmp is not None and fd == self.icmp.fileno():
                echoes += self.icmp.read(room)
        said = self._tally.told(mono_us)
        if said is not None:
            self.lines.append(said)
        return packets, echoes

    def send(self, effect: Send) -> None:
        """Send a datagram the way it asks for; raises OSError."""
        raw = self.raw.get(effect.interface) if effect.raw else None
        if raw is not None:
            raw.send(effect)
        elif self.udp is not None:
            self.udp.send(effect)

    def watch(self, other: HasFileno, look: Callable[[], None]) -> None:
        """Have the wait end, too, when `other` is readable; `read` then calls `look`."""
        self._epoll.register(other.fileno(), select.EPOLLIN)
        self._watched[other.fileno()] = look

    def unwatch(self, other: HasFileno) -> None:
        """Watch no more what is still open."""
        self._epoll.unregister(other.fileno())
        del self._watched[other.fileno()]

    def close(self) -> None:
        """Close everything."""
        self._close_raw()
        for one in (self.udp, self.icmp, self._epoll):
            if one is not None:
                one.close()
        os.close(self._wake)
