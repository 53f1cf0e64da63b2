"""Octets of the failover protocol: the header, the 29 options, and how a stream is cut into messages.

A message is a header of twelve octets (length 2, type 1, payload offset 1, time 4, xid 4) and options (code 2,
length 2, data). The table OPTIONS is the whole knowledge of what an option looks like and in which messages it is
kept; anywhere else an option is gone past unread. What a message means is messages.py's.

Every announced length is a bound that is checked, never a size that is allocated: a stream keeps at most one message
that has not come whole, which is at most MESSAGE_OCTETS_MAX long, and what its reader leaves for later. What breaks a
rule is a ProtocolError with the lines that ISC logs; the caller closes the connection. Nothing here retries or repairs.

Source: docs/behaviour/failover.md#wire-format.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Message types.
POOLREQ: Final = 1
POOLRESP: Final = 2
BNDUPD: Final = 3
BNDACK: Final = 4
CONNECT: Final = 5
CONNECTACK: Final = 6
UPDREQALL: Final = 7
UPDDONE: Final = 8
UPDREQ: Final = 9
STATE: Final = 10
CONTACT: Final = 11
DISCONNECT: Final = 12
KIND_NAMES: Final = {
    POOLREQ: "POOLREQ", POOLRESP: "POOLRESP", BNDUPD: "BNDUPD", BNDACK: "BNDACK", CONNECT: "CONNECT",
    CONNECTACK: "CONNECTACK", UPDREQALL: "UPDREQALL", UPDDONE: "UPDDONE", UPDREQ: "UPDREQ", STATE: "STATE",
    CONTACT: "CONTACT", DISCONNECT: "DISCONNECT",
}  # fmt: skip

HEADER_OCTETS: Final = 12
MESSAGE_OCTETS_MAX: Final = 2048
_HEADER: Final = Struct(">HBBII")
_OPTION: Final = Struct(">HH")
_DIGEST: Final = 17

# How an option's data is read: as octets, or as a number of so many octets.
OCTETS: Final = 0
UINT8: Final = 1
UINT16: Final = 2
UINT32: Final = 4
# Option 9 has a form that nobody speaks, and ends the connection wherever it would be kept.
DDNS: Final = -1

_BINDINGS: Final = (BNDUPD, BNDACK)
_GREETINGS: Final = (CONNECT, CONNECTACK)


class Option(NamedTuple):
    """An option: its name in log lines, the form of its data (octets of a number, or OCTETS), where it is kept."""

    name: str
    form: int
    kept_in: tuple[int, ...]


OPTIONS: Final[dict[int, Option]] = {
    1: Option("addresses-transferred", UINT32, (POOLRESP,)),
    2: Option("assigned-IP-address", UINT32, _BINDINGS),
    3: Option("binding-status", UINT8, _BINDINGS),
    4: Option("client-identifier", OCTETS, _BINDINGS),
    5: Option("client-hardware-address", OCTETS, _BINDINGS),
    6: Option("client-last-transaction-time", UINT32, _BINDINGS),
    7: Option("client-reply-options", OCTETS, _BINDINGS),
    8: Option("client-request-options", OCTETS, _BINDINGS),
    9: Option("DDNS", DDNS, _BINDINGS),
    10: Option("delayed-service", UINT8, ()),
    11: Option("hash-bucket-assignment", OCTETS, (CONNECT,)),
    12: Option("IP-flags", UINT16, _BINDINGS),
    13: Option("lease-expiration-time", UINT32, _BINDINGS),
    14: Option("max-unacked-bndupd", UINT32, _GREETINGS),
    15: Option("MCLT", UINT32, (CONNECT,)),
    16: Option("message", OCTETS, (BNDACK, CONNECTACK, DISCONNECT)),
    17: Option("message-digest", OCTETS, ()),
    18: Option("potential-expiration-time", UINT32, _BINDINGS),
    19: Option("receive-timer", UINT32, _GREETINGS),
    20: Option("protocol-version", UINT8, _GREETINGS),
    21: Option("reject-reason", UINT8, (BNDACK, CONNECTACK, DISCONNECT)),
    22: Option("relationship-name", OCTETS, _GREETINGS),
    23: Option("server-flags", UINT8, (STATE,)),
    24: Option("server-state", UINT8, (STATE,)),
    25: Option("start-time-of-state", UINT32, (STATE, *_BINDINGS)),
    26: Option("TLS-reply", UINT8, (CONNECTACK,)),
    27: Option("TLS-request", UINT8, (CONNECT,)),
    28: Option("vendor-class-identifier", OCTETS, _GREETINGS),
    29: Option("vendor-specific-options", OCTETS, ()),
}
OPTION_MAX: Final = 29
# How each option that is a number begins, and its octets.
_NUMBERS: Final = {code: (_OPTION.pack(code, one.form), one.form) for code, one in OPTIONS.items() if one.form > 0}

Value = int | bytes


class ProtocolError(Exception):
    """The stream is not to be read further. `lines` are ISC's about it, the last one with its reason."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


class Frame(NamedTuple):
    """A message as octets show it: type, the sender's clock (seconds since 1970), xid, kept options by code."""

    kind: int
    time: int
    xid: int
    values: dict[int, Value]


def encode(kind: int, time: int, xid: int, options: Iterable[tuple[int, Value]]) -> bytes:
    """A message; `options` are (code, value) in the order in which they stand in it."""
    parts: list[bytes] = []
    for code, value in options:
        if isinstance(value, bytes):
            parts.append(_OPTION.pack(code, len(value)))
            parts.append(value)
        else:
            prefix, size = _NUMBERS[code]
            parts.append(prefix)
            parts.append(value.to_bytes(size, "big"))
    body = b"".join(parts)
    length = HEADER_OCTETS + len(body)
    assert length <= MESSAGE_OCTETS_MAX, "what this server says of a lease fits a message"
    return _HEADER.pack(length, kind, HEADER_OCTETS, time & 0xFFFFFFFF, xid) + body


def decode(message: bytes) -> Frame:
    """The frame of one whole message, whose length was checked. Raises ProtocolError."""
    _length, kind, offset, time, xid = _HEADER.unpack_from(message)
    if len(message) == HEADER_OCTETS:
        return Frame(kind, time, xid, {})
    if offset < HEADER_OCTETS:
        # As many octets as are missing from the header are read twice, at the end, as ISC does.
        message += message[offset - HEADER_OCTETS :]
    return Frame(kind, time, xid, _read_options(kind, message, max(offset, HEADER_OCTETS)))


def _read_options(kind: int, message: bytes, at: int) -> dict[int, Value]:
    values: dict[int, Value] = {}
    for code, data in options_in(kind, message, at):
        option = OPTIONS.get(code)
        if option is not None and kind in option.kept_in:
            values[code] = _read_value(option, code, data, values)
    return values


def options_in(kind: int, message: bytes, at: int = HEADER_OCTETS) -> Iterator[tuple[int, bytes]]:
    """Every option from a place on (code, data), kept or not; raises ProtocolError where it breaks off."""
    end = len(message)
    while at < end:
        if end - at < 2:  # noqa: PLR2004 - the octets of a code
            raise _broken("FAILOVER: message overflow at option code.")
        if kind > DISCONNECT:
            raise _broken(f"FAILOVER: invalid message type: {kind}")
        if end - at < _OPTION.size:
            raise _broken("FAILOVER: message overflow at length.")
        code, length = _OPTION.unpack_from(message, at)
        at += _OPTION.size
        if length > end - at:
            raise _broken("FAILOVER: message overflow at data.")
        yield code, message[at : at + length]
        at += length


def _read_value(option: Option, code: int, data: bytes, values: dict[int, Value]) -> Value:
    if code in values:
        raise _broken(f"FAILOVER: duplicate option {option.name}")
    if option.form == DDNS:
        if data:
            raise _broken(f"FAILOVER: option size ({len(data)}:0), option {option.name}")
        raise _broken(f"FAILOVER: option {option.name}: bad type 5")
    if option.form == OCTETS:
        return data
    if len(data) != option.form:
        raise _broken(f"FAILOVER: option size ({len(data)}:{option.form}), option {option.name}")
    return int.from_bytes(data, "big")


def _broken(line: str) -> ProtocolError:
    return ProtocolError(line, "message length wait: protocol error")


class Splitter:
    """Cuts what a connection brings into messages, and keeps what has not been taken of it."""

    __slots__ = ("_at", "_data")

    def __init__(self, rest: bytes = b"") -> None:
        self._data = rest
        self._at = 0

    @property
    def rest(self) -> bytes:
        """What has come and was not taken: the beginning of a message, and whole ones where somebody has stopped."""
        return self._data[self._at :]

    def keep(self, data: bytes) -> int:
        """Add octets that are taken later; how many wait now."""
        self._data, self._at = self.rest + data, 0
        return len(self._data)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The messages that are whole now, one by one; raises ProtocolError at the place of what is broken.

        Whoever stops has the message that he was given last, and all behind it, again the next time.
        """
        end = self.keep(data)
        while end - self._at >= 2:  # noqa: PLR2004 - the octets of the length
            length = int.from_bytes(self._data[self._at : self._at + 2], "big")
            if not HEADER_OCTETS <= length <= MESSAGE_OCTETS_MAX:
                raise ProtocolError("message length wait: unexpected error")
            if end - self._at < length:
                return
            yield decode(self._data[self._at : self._at + length])
            self._at += length
