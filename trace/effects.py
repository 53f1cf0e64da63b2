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


class DnsOpen(NamedTuple):
    """Let DNS messages leave from each of these addresses, and answer with `DnsOpened`.

    An address is 4 or 16 octets, all zero for any of this host's; one of a family at most. The system draws the source
    ports, each for a few questions: they are on no tape, since nothing hangs on them.
    """

    sources: tuple[bytes, ...]


class DnsSend(NamedTuple):
    """Send a DNS message to `server` (4 or 16 octets); what answers it within `wait_us` comes as `DnsAnswer`.

    The engine draws `query`, which names the question in events, and the id in `payload`; it chooses `tcp` (a
    connection of its own, with the length in front) for what is longer than 512 octets. It also keeps the time: to send
    again is another `DnsSend` of the same number, and when `wait_us` is over the program forgets the query in silence.
    """

    query: int
    server: bytes
    port: int
    tcp: bool
    wait_us: int
    payload: bytes


class StreamListen(NamedTuple):
    """Accept TCP connections at `address` (0: any of this host's) and `port` for `service` (`omapi`, `failover`).

    Each comes as `StreamOpened`. A failure comes as `StreamListenFailed`; to try again is the engine's, on its agenda.
    Asked for before `Serving`, it is carried out with the rights that the program began with.
    """

    service: str
    address: int
    port: int


class StreamListenEnd(NamedTuple):
    """Accept no more where `StreamListen`, whose fields are repeated, asked for it. What was accepted stays."""

    service: str
    address: int
    port: int


class StreamOpen(NamedTuple):
    """Call `address` and `port` from the own address `local` (0: the system's choice), for `service`.

    `stream` is the engine's number, odd and new (see `StreamOpened`, which answers it, or `StreamClosed`).
    """

    stream: int
    service: str
    local: int
    address: int
    port: int


class StreamSend(NamedTuple):
    """Send bytes on a connection, behind those before; dropped where it has ended.

    `durable` as in `Send`: they leave when what was stored before them is synced. Later sends of the stream wait behind
    them, since bytes of a stream do not overtake. Where the storing fails, the stream is closed (`StorageFailed`).
    """

    stream: int
    data: bytes
    durable: bool


class StreamClose(NamedTuple):
    """End a connection; `StreamClosed` follows when it is over, and no data of it is told any more.

    `flush`: deliver first what waits, then close our side and give the peer a few seconds to take it and to close its
    own. Otherwise throw away what waits, and close at once, as a call that does not stand yet is given up either way.
    """

    stream: int
    flush: bool


class Execute(NamedTuple):
    """Run a program without a shell; its end comes back as `Executed` with the number `call`."""

    call: int
    arguments: tuple[bytes, ...]


class Serving(NamedTuple):
    """All is ready, sockets are open: write the pid file, give up privileges, let the parent go. Comes once."""


class Answers(NamedTuple):
    """What follows in this list, up to the next `Answers` or the end, is the answer to event number `event`.

    Without it, effects answer the event that they stand under. An OFFER that waited for a ping stands under the timer,
    and answers the DISCOVER. The number is the event's place in the run, which a machine counts as the tape does: the
    first is 1. Nothing is to be carried out; a recording that has none is not different for it (replay's comparison).
    """

    event: int


class ConfigurationRefused(NamedTuple):
    """A `ConfigurationEnd` with `reload` changed nothing. `why` is a word: `mistakes`.

    Mistakes are in the log, by file and line.
    """

    why: str


class CommandAnswer(NamedTuple):
    """Tell who gave a `Command` what became of it.

    `result` is a word: `done`, `invalid` (the command or an argument), `not-found`, `conflict` (with what is) or
    `failed`. `text` is a sentence about it. `durable` as in `Send`: it leaves when what was stored before it is synced.
    """

    call: int
    result: str
    text: str
    durable: bool


Effect = (
    Send | Store | Log | Wake | Ping | Settings | Listen | Exit | Fatal | RewriteBegin | RewritePart | RewriteEnd
    | Lookup | ReverseLookup | DnsOpen | DnsSend | StreamListen | StreamListenEnd | StreamOpen | StreamSend
    | StreamClose | Execute | Serving | Answers | ConfigurationRefused | CommandAnswer
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
    Serving: 84,
    Answers: 85,
    StreamListenEnd: 86,
    DnsOpen: 87,
    ConfigurationRefused: 88,
    CommandAnswer: 89,
}
