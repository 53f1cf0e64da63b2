"""What the engine asks for: every effect, with its fields, and the record id that it has on the tape.

`Machine.apply(event)` returns a list of these, in the order in which they must happen. The program carries them out;
the tape keeps them as expectations, and playback compares. Like events they are tuples that are their own record.
This module holds no behaviour, and never will.
"""

from __future__ import annotations

from typing import Final, NamedTuple

# The levels of syslog that ISC dhcpd uses.
ERROR: Final = 3
INFO: Final = 6
DEBUG: Final = 7


class Send(NamedTuple):
    """Send a datagram.

    `raw`: as an Ethernet frame to `link` on `interface`, from `source`; else through the kernel's UDP socket.
    `durable`: it promises what the `Store`s before it in the same batch say, and must not leave before they are
    synced. A `Log` directly before it tells of it, and is said when it leaves. `marker` names the place for ISC's
    line about a failed send (`dhcp.c:4164`), empty for none. Addresses are 32-bit numbers.
    """

    interface: str
    raw: bool
    destination: int
    port: int
    link: bytes
    source: int
    durable: bool
    marker: str
    payload: bytes


class Store(NamedTuple):
    """Append to the lease file, and sync it before the next `Send` that is `durable` leaves."""

    data: bytes


class Log(NamedTuple):
    """A log line at a level of syslog (ERROR, INFO, DEBUG); `text` without line end."""

    level: int
    text: str


class Wake(NamedTuple):
    """Let a `Timer` come at `at_us` (microseconds since 1970) or soon after; replaces the wish before; 0: none."""

    at_us: int


class Ping(NamedTuple):
    """Send an ICMP echo request to `address`."""

    address: int
    identifier: int


class Settings(NamedTuple):
    """The configuration is accepted: what the program needs of it to go on.

    `log_facility` is the number of the facility, -1 for the default; `test` is `-t`'s or `-T`'s letter or empty.
    """

    lease_file: str
    pid_file: str
    log_facility: int
    local_port: int
    remote_port: int
    local_address: int
    sync: bool
    test: str


class Listen(NamedTuple):
    """Open the sockets of these interfaces (names), the fallback socket and whatever else serves."""

    interfaces: tuple[str, ...]


class Exit(NamedTuple):
    """End the program with this status, after everything before this effect was carried out."""

    status: int


class Fatal(NamedTuple):
    """Log `text`, ISC's trailer for fatal errors, and end with status 1."""

    text: str


class RewriteBegin(NamedTuple):
    """Begin a new lease file `<lease file>.<suffix>`; `RewriteContinue` events will bring its content in slices.

    `Store`s go to the old file meanwhile, and are appended to the new one before it is installed.
    """

    suffix: str


class RewritePart(NamedTuple):
    """A slice of the new lease file."""

    data: bytes


class RewriteEnd(NamedTuple):
    """The new lease file is whole: sync it and, if `install`, put it in the place of the old one, else remove it."""

    install: bool


class Lookup(NamedTuple):
    """Find the addresses of a host name."""

    name: str


class ReverseLookup(NamedTuple):
    """Find the name of an address."""

    address: int


class DnsSend(NamedTuple):
    """Send a DNS message to `server`, and bring back its answer as a `DnsAnswer` with the number `query`."""

    query: int
    server: int
    port: int
    tcp: bool
    timeout_us: int
    payload: bytes


class StreamListen(NamedTuple):
    """Accept TCP connections at `port` for `service`."""

    service: str
    address: int
    port: int


class StreamOpen(NamedTuple):
    """Call `address`; the answer is `StreamOpened` or `StreamClosed` with this number."""

    stream: int
    service: str
    address: int
    port: int


class StreamSend(NamedTuple):
    """Send bytes on a connection."""

    stream: int
    data: bytes


class StreamClose(NamedTuple):
    """Close a connection."""

    stream: int


class Execute(NamedTuple):
    """Run a program without a shell; its end comes back as `Executed` with the number `call`."""

    call: int
    arguments: tuple[bytes, ...]


Effect = (
    Send | Store | Log | Wake | Ping | Settings | Listen | Exit | Fatal | RewriteBegin | RewritePart | RewriteEnd
    | Lookup | ReverseLookup | DnsSend | StreamListen | StreamOpen | StreamSend | StreamClose | Execute
)  # fmt: skip

EFFECT_IDS: Final[dict[type[Effect], int]] = {
    Send: 64,
    Store: 65,
    Log: 66,
    Wake: 67,
    Ping: 68,
    Settings: 69,
    Listen: 70,
    Exit: 71,
    Fatal: 72,
    RewriteBegin: 73,
    RewritePart: 74,
    RewriteEnd: 75,
    Lookup: 76,
    ReverseLookup: 77,
    DnsSend: 78,
    StreamListen: 79,
    StreamOpen: 80,
    StreamSend: 81,
    StreamClose: 82,
    Execute: 83,
}
