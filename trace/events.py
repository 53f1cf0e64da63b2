"""What the engine is told: every event, with its fields, and the record id that it has on the tape.

The engine knows nothing that did not come through here (docs/architecture.md#the-four-laws). An event is an immutable
tuple whose first two fields are always the time: `wall_us`, microseconds since 1970-01-01 UTC, and `mono_us`,
microseconds of a clock that never jumps. The rest are bytes, integers, text and tuples of these, so that an event *is*
its record on the tape and no translation stands between the two.

Tuples instead of frozen dataclasses: as immutable, as documented, three times as fast to make, and msgpack packs them
as they are. This module holds no behaviour, and never will.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Boot(NamedTuple):
    """The first event of every tape: what the process is.

    `seed` feeds the machine's own generator; `environment` holds only the variables that dhcpd reads
    (PATH_DHCPD_CONF, PATH_DHCPD_DB, PATH_DHCPD_PID, DHCPD_PORT, TZ), as (name, value) pairs;
    `dhcp_port` is the port of the service `dhcp` in the services database, 67 where there is none.
    """

    wall_us: int
    mono_us: int
    version: str
    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    host_name: str
    process_id: int
    seed: bytes
    dhcp_port: int
    byte_order: str
    utc_offset_s: int


class ConfigurationFile(NamedTuple):
    """dhcpd.conf or a file that it includes; `error` is the text of errno where it could not be read, else empty."""

    wall_us: int
    mono_us: int
    name: str
    content: bytes
    error: str


class ConfigurationEnd(NamedTuple):
    """No more configuration files: `name` is the one to begin with. `reload` asks a running server to change over."""

    wall_us: int
    mono_us: int
    name: str
    reload: bool


class LeaseFilePart(NamedTuple):
    """A piece, at most 1 MiB, of the lease file as it was found at the start."""

    wall_us: int
    mono_us: int
    content: bytes


class LeaseFileEnd(NamedTuple):
    """The lease file is read; `error` is the text of errno where it could not be, else empty."""

    wall_us: int
    mono_us: int
    error: str


class Link(NamedTuple):
    """A network interface of this machine. Not an event: part of `Interfaces`.

    `hardware_type` is the kernel's ARPHRD number; `flags` its IFF bits; `addresses` are (address, prefix length)
    pairs in the system's order, the address as a 32-bit number; `name` is the label (`eth0`, `eth0:1`).
    """

    name: str
    index: int  # type: ignore[assignment]  # the kernel's word; no tuple of links is searched by it
    hardware_type: int
    hardware: bytes
    flags: int
    addresses: tuple[tuple[int, int], ...]


class Interfaces(NamedTuple):
    """The interfaces found, in the system's order; `error` is set where they could not be listed."""

    wall_us: int
    mono_us: int
    links: tuple[Link, ...]
    error: str


class Listening(NamedTuple):
    """All sockets are open, the pid file is written: the server may serve. `plain_udp`: without raw sockets."""

    wall_us: int
    mono_us: int
    plain_udp: bool


class ListenFailed(NamedTuple):
    """A socket could not be opened. `what` is the step (`raw`, `bind`, `index`, `icmp`)."""

    wall_us: int
    mono_us: int
    what: str
    name: str
    error: str


class Packet(NamedTuple):
    """A UDP datagram for the server's port: `payload` is what followed the UDP header.

    `interface` is the name of the interface whose socket it was read from, `source` the IP source address
    (32-bit number), `source_port` the UDP source port.
    """

    wall_us: int
    mono_us: int
    interface: str
    source: int
    source_port: int
    payload: bytes


class Timer(NamedTuple):
    """The moment that the engine asked for with `Wake` has come."""

    wall_us: int
    mono_us: int


class PingReply(NamedTuple):
    """An ICMP echo reply came from `source`."""

    wall_us: int
    mono_us: int
    source: int


class PingFailed(NamedTuple):
    """The ICMP echo request to `address` could not be sent; `error` is empty where there is no ICMP socket."""

    wall_us: int
    mono_us: int
    address: int
    error: str


class HostAnswer(NamedTuple):
    """The addresses of a host name asked for with `Lookup`; `error` is one of resolver's words, or empty."""

    wall_us: int
    mono_us: int
    name: str
    addresses: tuple[int, ...]
    error: str


class NameAnswer(NamedTuple):
    """The name of an address asked for with `ReverseLookup`; empty where there is none."""

    wall_us: int
    mono_us: int
    address: int
    name: str


class DnsOpened(NamedTuple):
    """The sockets that `DnsOpen` asked for are open, or not.

    `errors` holds for each source of the effect an errno name (`EADDRNOTAVAIL`), or nothing where it is open.
    `resolv_conf` is the resolver's configuration file as it stands, empty where there is none.
    """

    wall_us: int
    mono_us: int
    resolv_conf: bytes
    errors: tuple[str, ...]


class DnsAnswer(NamedTuple):
    """A message that answers the `DnsSend` of number `query`, or why there will be none.

    It comes from the address and port asked, with the id asked with, and has the QR bit; nothing else is looked at,
    and one is told for each time that the question was sent. `error` is an errno name (over TCP, and `EAFNOSUPPORT`
    where no socket is open), `end` for a TCP connection that was closed in the middle, `length` for an announced length
    of 0, `crowded` for too many connections at once. That nothing came is never told: time-outs are the engine's.
    """

    wall_us: int
    mono_us: int
    query: int
    payload: bytes
    error: str


class StreamListenFailed(NamedTuple):
    """A `StreamListen`, whose fields are repeated, could not be carried out; `error` is an errno name."""

    wall_us: int
    mono_us: int
    service: str
    address: int
    port: int
    error: str


class StreamOpened(NamedTuple):
    """A TCP connection stands: one that `StreamOpen` asked for, or one that a listener accepted.

    `stream` numbers it for the run, and never comes again. The engine numbers its calls 1, 3, 5, ...; the program what
    it accepts 2, 4, 6, ...: the two never meet, and an odd number is a call of ours (so does HTTP/2, RFC 9113 5.1.1).
    `service` is that of the listener or of the call; `local` and `peer` are both ends' IP addresses (32-bit numbers).
    """

    wall_us: int
    mono_us: int
    stream: int
    service: str
    local: int
    local_port: int
    peer: int
    peer_port: int


class StreamData(NamedTuple):
    """Bytes came on a connection: at least one, at most 64 KiB, cut anywhere."""

    wall_us: int
    mono_us: int
    stream: int
    data: bytes


class StreamHalfClosed(NamedTuple):
    """The peer will send no more (its FIN came); what we send still reaches it, until `StreamClose`."""

    wall_us: int
    mono_us: int
    stream: int


class StreamClosed(NamedTuple):
    """A connection is gone, or could not be made: the last event of its number, and each number has exactly one.

    `error` is empty where both ends closed, or the engine discarded it; an errno name where the system says why
    (`ECONNRESET`, `ECONNREFUSED`); `storage` where a durable send was thrown away, since the lease file could not be
    written; `backlog` where the peer takes so little that more waits than may; `linger` where it did not take what was
    left in time; `crowded` where it had to make room for another. Where something durable waits, it is told when that
    is stored, or refused.
    What had passed the door before the engine's `StreamClose` is still told, and to be ignored.
    """

    wall_us: int
    mono_us: int
    stream: int
    error: str


class Executed(NamedTuple):
    """A program asked for with `Execute` ended; `status` is the raw wait status, `error` set if it never ran."""

    wall_us: int
    mono_us: int
    call: int
    status: int
    error: str


class StorageFailed(NamedTuple):
    """The lease file could not be written. `operation`: `append`, `sync`, `create`, `write`, `backup`, `install`.

    The program has thrown away every durable `Send` and `StreamSend` that belonged to the failed write. A stream with a
    hole is no stream: each that lost bytes is closed, and its `StreamClosed` with the error `storage` follows. With the
    operation `lost` all was written, but another file or none is at `path`: a rewrite is wanted, for which such sends
    wait.
    """

    wall_us: int
    mono_us: int
    operation: str
    path: str
    error: str


class RewriteContinue(NamedTuple):
    """There is time for the next slice of a rewrite of the lease file."""

    wall_us: int
    mono_us: int


class RewriteInstalled(NamedTuple):
    """The rewritten lease file is synced and has taken its place."""

    wall_us: int
    mono_us: int


class Signal(NamedTuple):
    """A signal that the program handles arrived."""

    wall_us: int
    mono_us: int
    number: int


class SendFailed(NamedTuple):
    """A `Send` failed; the fields repeat those of the effect, `marker` included."""

    wall_us: int
    mono_us: int
    interface: str
    raw: bool
    length: int
    marker: str
    error: str
    unreachable: bool


class ReceiveFailed(NamedTuple):
    """Reading from an interface failed."""

    wall_us: int
    mono_us: int
    interface: str
    error: str


class Remark(NamedTuple):
    """A line that the program itself logged (dropped frames, a socket opened anew), kept for the reader of the tape."""

    wall_us: int
    mono_us: int
    level: int
    text: str


class Command(NamedTuple):
    """An operator wants something done, over the control socket. `call` numbers commands for the run.

    `who` is the process that asked, as the kernel knows it (`uid 0, pid 812`), empty where it does not. `name` is one
    of engine/commands.py (`lease-release`); `arguments` are (name, value) pairs of text: addresses as dotted quads, and
    octets in hexadecimal with colons.
    """

    wall_us: int
    mono_us: int
    call: int
    who: str
    name: str
    arguments: tuple[tuple[str, str], ...]


class End(NamedTuple):
    """The run ended. A tape without it was cut short.

    `reason`: the signal's name, `exit` where the engine asked for it, `start` before it served, or `crash: ` and the
    program's failure, which no playback shows.
    """

    wall_us: int
    mono_us: int
    reason: str


Event = (
    Boot | ConfigurationFile | ConfigurationEnd | LeaseFilePart | LeaseFileEnd | Interfaces | Listening | ListenFailed
    | Packet | Timer | PingReply | PingFailed | HostAnswer | NameAnswer | DnsOpened | DnsAnswer | StreamListenFailed
    | StreamOpened | StreamData | StreamHalfClosed | StreamClosed | Executed | StorageFailed | RewriteContinue
    | RewriteInstalled | Signal | SendFailed | ReceiveFailed | Remark | Command | End
)  # fmt: skip

# Record ids are for ever: a number is never given to another record. 1-63 events, 64-127 effects, 128- the tape's own.
EVENT_IDS: Final[dict[type[Event], int]] = {
    Boot: 1,
    ConfigurationFile: 2,
    ConfigurationEnd: 3,
    LeaseFilePart: 4,
    LeaseFileEnd: 5,
    Interfaces: 6,
    Listening: 7,
    ListenFailed: 8,
    Packet: 9,
    Timer: 10,
    PingReply: 11,
    PingFailed: 12,
    HostAnswer: 13,
    NameAnswer: 14,
    DnsAnswer: 15,
    StreamOpened: 16,
    StreamData: 17,
    StreamClosed: 18,
    Executed: 19,
    StorageFailed: 20,
    RewriteContinue: 21,
    RewriteInstalled: 22,
    Signal: 23,
    SendFailed: 24,
    ReceiveFailed: 25,
    Remark: 26,
    End: 27,
    StreamHalfClosed: 28,
    StreamListenFailed: 29,
    DnsOpened: 30,
    Command: 31,
}
