"""Octets of OMAPI: the greeting, messages with their two lists of names and values, and how a stream is cut into them.

Every length that a peer announces is a bound that is checked before anything waits for it: a Reader holds at most
one message that has not come whole, and `limit` octets of it at most (a stranger's limit is smaller than that of a peer
who has shown the key). Names and values stay octets; what a value means is the objects' (objects/), whether a
signature is right is signing.py's. Nothing here retries or repairs: what breaks a rule is a ProtocolError, and the
connection ends.

    greeting   version 4 = 100 | header size 4 = 24
    message    authid 4 | authlen 4 | op 4 | handle 4 | id 4 | rid 4 | what is longer of the peer's header
               message list | object list | signature of authlen octets
    list       (name length 2 | name | value length 4 | value)... | name length 2 = 0

Source: docs/behaviour/omapi.md#wire-protocol. Used by the server (engine/omapi) and the client (dhcpd/dhcpctl).
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

PORT: Final = 7911
VERSION: Final = 100
HEADER_OCTETS: Final = 24
GREETING: Final = Struct(">II").pack(VERSION, HEADER_OCTETS)
GREETING_OCTETS: Final = len(GREETING)
# What a peer may announce for its own header. ISC's accepts any number; ours never has to hold more than this.
HEADER_OCTETS_MAX: Final = 1024
# What is held of one message: of a peer that has not shown a key, and of one that has.
STRANGER_OCTETS_MAX: Final = 64 * 1024
MESSAGE_OCTETS_MAX: Final = 4 * 1024 * 1024
# A list of so many values is no object's; without a bound a message of empty names would cost a hundred times its size.
VALUES_MAX: Final = 4096
NAME_OCTETS_MAX: Final = 0xFFFF

OPEN: Final = 1
REFRESH: Final = 2
UPDATE: Final = 3
NOTIFY: Final = 4
STATUS: Final = 5
DELETE: Final = 6
OP_NAMES: Final = {
    OPEN: "open", REFRESH: "refresh", UPDATE: "update", NOTIFY: "notify", STATUS: "status", DELETE: "delete"
}  # fmt: skip

Values = dict[bytes, bytes]
"""A list: name -> octets, in order. A value of no octets is null. Of a name that comes twice the last value stands at
the place of the first."""

_GREETING: Final = Struct(">II")
_HEADER: Final = Struct(">IIIIII")
_NAME_OCTETS: Final = 2
_LENGTH_OCTETS: Final = 4
_name_length: Final = Struct(">H").unpack_from
_value_length: Final = Struct(">I").unpack_from
_AUTHLEN_AT: Final = 4
_LISTS: Final = 2


class ProtocolError(Exception):
    """The peer broke a rule of the protocol, and the connection ends. `rule` says which, in words for an operator."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class Message(NamedTuple):
    """One message. `authid`, `handle`, `id`, `rid` are 32-bit numbers, `op` a number of OP_NAMES or a stranger's.

    `signature` is what stands behind the lists, `signed` the octets that it covers (empty in a message to be sent:
    signing.py fills both in).
    """

    op: int
    handle: int
    id: int
    rid: int
    message: Values
    object: Values
    authid: int = 0
    signature: bytes = b""
    signed: bytes = b""


def integer(number: int) -> bytes:
    """A number as OMAPI carries it: four octets, cut to 32 bits."""
    return (number & 0xFFFFFFFF).to_bytes(4, "big")


def encode(message: Message, signature_octets: int = 0) -> bytes:
    """The message without its signature; the header announces one of `signature_octets`."""
    head = _HEADER.pack(
        message.authid, signature_octets, message.op, message.handle, message.id & 0xFFFFFFFF, message.rid
    )
    return head + _encode_values(message.message.items()) + _encode_values(message.object.items())


def _encode_values(values: Iterable[tuple[bytes, bytes]]) -> bytes:
    parts: list[bytes] = []
    for name, value in values:
        assert 0 < len(name) <= NAME_OCTETS_MAX, "an empty name would end the list"
        parts += (len(name).to_bytes(_NAME_OCTETS, "big"), name, len(value).to_bytes(_LENGTH_OCTETS, "big"), value)
    parts.append(b"\0\0")
    return b"".join(parts)


def _octets(piece: bytes | bytearray) -> bytes:
    """A piece of what came, to keep: one of bytes is a copy already."""
    return piece if isinstance(piece, bytes) else bytes(piece)


class ReaderRow(NamedTuple):
    """A Reader as a snapshot has it: the octets that came of no whole message yet, and what is known of the peer."""

    held: bytes
    header_octets: int
    greeted: bool
    limit: int


class Reader:
    """What a peer sends, cut into its greeting and its messages.

    `limit` is how many octets one message may have; the owner raises it when the peer has shown its key. `greeted` is
    true once the peer's greeting was read. Raises ProtocolError from `next_message` at what no peer may send.

    Of a message that is not whole, the values that are whole are read once: `_lists` are its lists so far, the last one
    open, and `_at` is where the next value begins. A message that comes an octet at a time costs no more than another.
    What comes in one piece is left as it came, and cut without another copy.
    """

    __slots__ = ("_at", "_data", "_header_octets", "_lists", "greeted", "limit")

    def __init__(self, limit: int = STRANGER_OCTETS_MAX) -> None:
        self.limit = limit
        self.greeted = False
        self._data: bytes | bytearray = b""
        self._header_octets = HEADER_OCTETS
        self._lists: list[Values] = []
        self._at = 0

    def feed(self, data: bytes) -> None:
        """More octets came."""
        if not self._data:
            self._data = data
        elif isinstance(self._data, bytearray):
            self._data += data
        else:
            self._data = bytearray(self._data + data)

    def _let_go(self, octets: int) -> None:
        """Forget what was read."""
        if isinstance(self._data, bytearray):
            del self._data[:octets]
        else:
            self._data = self._data[octets:]

    @property
    def held_octets(self) -> int:
        """How much is kept of what is not whole."""
        return len(self._data)

    def next_message(self) -> Message | None:
        """The next message that is whole, None where more octets are needed. The greeting is read on the way."""
        if not self.greeted and not self._read_greeting():
            return None
        if not self._lists:
            if len(self._data) < self._header_octets:
                return None
            self._lists, self._at = [{}], self._header_octets
        authlen: int = _HEADER.unpack_from(self._data)[1]
        while len(self._lists) <= _LISTS:
            if not self._read_list(authlen):
                return None
        if self._at + authlen > len(self._data):
            return None
        return self._take(authlen)

    def _read_greeting(self) -> bool:
        if len(self._data) < GREETING_OCTETS:
            return False
        version, header_octets = _GREETING.unpack_from(self._data)
        if version != VERSION:
            raise ProtocolError(f"protocol version {version}, not {VERSION}")
        if not HEADER_OCTETS <= header_octets <= HEADER_OCTETS_MAX:
            raise ProtocolError(f"a header of {header_octets} octets")
        self._let_go(GREETING_OCTETS)
        self.greeted = True
        self._header_octets = header_octets
        return True

    def _read_list(self, authlen: int) -> bool:
        """Read what has come of the open list; its end opens the next. False where that has not come.

        Whatever is announced must leave the message within its limit, also what has not come.
        """
        data, values, at = self._data, self._lists[-1], self._at
        held, room = len(data), self.limit - authlen
        while True:
            self._at = at
            needed = name_at = at + _NAME_OCTETS
            if name_at <= held:
                name_octets: int = _name_length(data, at)[0]
                if not name_octets and name_at <= room:
                    self._lists.append({})
                    self._at = name_at
                    return True
                length_at = name_at + name_octets
                needed = at = length_at + _LENGTH_OCTETS
                if at <= held:
                    needed = at = at + _value_length(data, length_at)[0]
            if needed > room:
                raise ProtocolError(f"a message of more than {self.limit} octets")
            if needed > held:
                return False
            values[_octets(data[name_at:length_at])] = _octets(data[length_at + _LENGTH_OCTETS : at])
            if len(values) > VALUES_MAX:
                raise ProtocolError(f"more than {VALUES_MAX} values in a list")

    def _take(self, authlen: int) -> Message:
        """The message whose lists are read and whose signature has come; its octets are let go."""
        data, at = self._data, self._at
        authid, _, op, handle, ident, rid = _HEADER.unpack_from(data)
        # The octets by which a peer's header is longer than ours are not covered by its signature.
        signed = b""
        if authlen and self._header_octets == HEADER_OCTETS:
            signed = _octets(data[:at])[_AUTHLEN_AT:]
        elif authlen:
            signed = _octets(data[_AUTHLEN_AT:HEADER_OCTETS] + data[self._header_octets : at])
        signature = _octets(data[at : at + authlen])
        message = Message(op, handle, ident, rid, self._lists[0], self._lists[1], authid, signature, signed)
        self._let_go(at + authlen)
        self._lists = []
        return message

    def snapshot(self) -> ReaderRow:
        """The state as plain data. Values that were read of a message that is not whole are read again."""
        return ReaderRow(bytes(self._data), self._header_octets, self.greeted, self.limit)

    def restore(self, row: ReaderRow) -> None:
        """Take over a snapshot."""
        self._data = bytearray(row.held)
        self._header_octets, self.greeted, self.limit = row.header_octets, row.greeted, row.limit
        self._lists = []
