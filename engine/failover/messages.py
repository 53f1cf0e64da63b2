"""The messages of the failover protocol as records, and which option each of their fields travels in.

A record a message: `time` is the sender's clock in seconds since 1970, `xid` its number or the number of the message
that it answers. A field that is None was not in the message, and is not put into one. Times are seconds since 1970,
addresses 32-bit numbers. LAYOUTS is the one place that joins fields to option codes, in the order in which ISC writes
them; the octets are wire.py's, and what follows from a message is decided elsewhere.

Source: docs/behaviour/failover.md#what-each-message-holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from . import wire

if TYPE_CHECKING:
    from .wire import Frame

PROTOCOL_VERSION: Final = 1
# STATE: the sender is starting, and the state is the one that it had.
STARTUP_FLAG: Final = 1
# BNDUPD: the address is reserved for its client; it was given by BOOTP.
RESERVED_IP: Final = 1
BOOTP_IP: Final = 2


class Connect(NamedTuple):
    """The primary's first message. `max_unacked` and `receive_timer` (seconds) bound what the receiver does."""

    time: int
    xid: int
    name: bytes | None = None
    max_unacked: int | None = None
    receive_timer: int | None = None
    vendor: bytes | None = None
    version: int | None = None
    tls: int | None = None
    mclt: int | None = None
    hba: bytes | None = None


class ConnectAck(NamedTuple):
    """The secondary's answer to Connect; with `reject` a refusal, and `message` its text."""

    time: int
    xid: int
    name: bytes | None = None
    max_unacked: int | None = None
    receive_timer: int | None = None
    vendor: bytes | None = None
    version: int | None = None
    tls: int | None = None
    reject: int | None = None
    message: bytes | None = None


class StateMessage(NamedTuple):
    """The sender's endpoint state (rules/states.py), its flags, and since when it is in that state."""

    time: int
    xid: int
    state: int | None = None
    flags: int | None = None
    since: int | None = None


class Contact(NamedTuple):
    """A sign of life."""

    time: int
    xid: int


class PoolRequest(NamedTuple):
    """The sender wants free addresses."""

    time: int
    xid: int


class PoolResponse(NamedTuple):
    """How many addresses go to whoever asked; their BindingUpdates follow."""

    time: int
    xid: int
    given: int | None = None


class UpdateRequest(NamedTuple):
    """Tell me what I have not acknowledged."""

    time: int
    xid: int


class UpdateRequestAll(NamedTuple):
    """Tell me everything."""

    time: int
    xid: int


class UpdateDone(NamedTuple):
    """The request is answered, and every update of it acknowledged."""

    time: int
    xid: int


class Disconnect(NamedTuple):
    """The sender is about to close the connection."""

    time: int
    xid: int
    reject: int | None = None
    message: bytes | None = None


class BindingUpdate(NamedTuple):
    """What the sender knows of an address. `hardware` is type octet and address, `potential` the potential expiry."""

    time: int
    xid: int
    address: int | None = None
    state: int | None = None
    uid: bytes | None = None
    hardware: bytes | None = None
    ends: int | None = None
    potential: int | None = None
    starts: int | None = None
    cltt: int | None = None
    ip_flags: int | None = None


class BindingAck(NamedTuple):
    """The answer to a BindingUpdate, under its xid; with `reject` a refusal."""

    time: int
    xid: int
    address: int | None = None
    reject: int | None = None
    message: bytes | None = None


Message = (
    Connect | ConnectAck | StateMessage | Contact | PoolRequest | PoolResponse | UpdateRequest | UpdateRequestAll
    | UpdateDone | Disconnect | BindingUpdate | BindingAck
)  # fmt: skip

KINDS: Final[dict[type[Message], int]] = {
    PoolRequest: wire.POOLREQ,
    PoolResponse: wire.POOLRESP,
    BindingUpdate: wire.BNDUPD,
    BindingAck: wire.BNDACK,
    Connect: wire.CONNECT,
    ConnectAck: wire.CONNECTACK,
    UpdateRequestAll: wire.UPDREQALL,
    UpdateDone: wire.UPDDONE,
    UpdateRequest: wire.UPDREQ,
    StateMessage: wire.STATE,
    Contact: wire.CONTACT,
    Disconnect: wire.DISCONNECT,
}

# The option codes of a record's fields behind `time` and `xid`, in the order of the fields and of the message.
LAYOUTS: Final[dict[type[Message], tuple[int, ...]]] = {
    PoolRequest: (),
    PoolResponse: (1,),
    BindingUpdate: (2, 3, 4, 5, 13, 18, 25, 6, 12),
    BindingAck: (2, 21, 16),
    Connect: (22, 14, 19, 28, 20, 27, 15, 11),
    ConnectAck: (22, 14, 19, 28, 20, 26, 21, 16),
    UpdateRequestAll: (),
    UpdateDone: (),
    UpdateRequest: (),
    StateMessage: (24, 23, 25),
    Contact: (),
    Disconnect: (21, 16),
}

_RECORDS: Final[dict[int, type[Message]]] = {number: record for record, number in KINDS.items()}


def octets(message: Message) -> bytes:
    """A message as it is sent."""
    record = type(message)
    fields: tuple[Any, ...] = message[2:]
    present = [(code, value) for code, value in zip(LAYOUTS[record], fields, strict=True) if value is not None]
    return wire.encode(KINDS[record], message.time, message.xid, present)


def message_of(frame: Frame) -> Message | None:
    """The record of a frame; None for a type that nobody knows, which is a sign of life and nothing else."""
    record = _RECORDS.get(frame.kind)
    if record is None:
        return None
    get = frame.values.get
    fields: list[Any] = [get(code) for code in LAYOUTS[record]]
    return record(frame.time, frame.xid, *fields)
