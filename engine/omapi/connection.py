"""One OMAPI connection: its place in the protocol, what its peer may do, and the octets either way.

No object is known here.

    stage      on                      next       what is done
    GREETING   the peer's greeting     OPEN       its messages are read (ours was sent when it came)
    GREETING   a wrong greeting        CLOSING    closed at once
    OPEN       a message               OPEN       answered (requests.py)
    OPEN       a broken rule           CLOSING    closed at once, what waits to be sent is thrown away
    OPEN       the peer sends no more  CLOSING    what was asked is answered, then closed
    CLOSING    anything                CLOSING    ignored: the end was asked for, and comes

A connection counts its own messages from a drawn number. A key that was opened on it is usable on it alone, and a
message that carries its signature makes its peer known: only then may a message be larger than a stranger's.

Source: docs/behaviour/omapi.md#wire-protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from .signing import sign
from .status import SUCCESS
from .wire import MESSAGE_OCTETS_MAX, STATUS, STRANGER_OCTETS_MAX, UPDATE, Message, Reader, ReaderRow, integer

if TYPE_CHECKING:
    from .signing import Key
    from .wire import Values


class Stage(StrEnum):
    """Where a connection is in the protocol: what each stage takes and leads to is the table above."""

    GREETING = "greeting"
    OPEN = "open"
    CLOSING = "closing"


class Reply(NamedTuple):
    """An answer: its octets, and the status code that it stands for."""

    octets: bytes
    code: int


class ConnectionRow(NamedTuple):
    """A connection as a snapshot has it; `stage` is a Stage's value."""

    stream: int
    peer: tuple[int, int]
    stage: str
    finishing: bool
    reader: ReaderRow
    keys: Sequence[int]
    last_id: int

    @classmethod
    def of(cls, fields: Sequence[Any]) -> ConnectionRow:
        """The row of plain data."""
        row = cls(*fields)
        return row._replace(peer=(row.peer[0], row.peer[1]), reader=ReaderRow(*row.reader))


class Connection:
    """One peer's connection, by the machine's stream number: octets that came, messages that are whole, octets to send.

    Raises ProtocolError where a rule is broken; then it is to be closed, and what waits thrown away.

    `keys`: the handles of the authenticators that were opened on it. `peer` is (address, port). `finishing`: the peer
    sends no more.
    """

    __slots__ = ("_last_id", "finishing", "keys", "peer", "reader", "stage", "stream")

    def __init__(self, stream: int, peer: tuple[int, int], first_id: int) -> None:
        """A connection that was accepted just now."""
        self.stream = stream
        self.peer = peer
        self.stage = Stage.GREETING
        self.reader = Reader()
        self.keys: list[int] = []
        self.finishing = False
        self._last_id = first_id

    def next_request(self) -> Message | None:
        """The next message that is whole; raises ProtocolError."""
        if self.stage is Stage.CLOSING:
            return None
        message = self.reader.next_message()
        if self.reader.greeted:
            self.stage = Stage.OPEN
        return message

    @property
    def trusted(self) -> bool:
        """Whether the peer has signed a message with a key."""
        return self.reader.limit > STRANGER_OCTETS_MAX

    def trust(self) -> None:
        """The peer has signed a message with a key."""
        self.reader.limit = MESSAGE_OCTETS_MAX

    def status(self, request: Message, code: int, text: str = "", key: Key | None = None) -> Reply:
        """A STATUS that answers `request`."""
        values: Values = {b"result": integer(code)}
        if text:
            values[b"message"] = text.encode("latin-1")
        return Reply(self._answer(request, STATUS, 0, values, {}, key), code)

    def update(self, request: Message, handle: int, values: Values, key: Key | None = None) -> Reply:
        """An UPDATE that answers `request` with an object."""
        return Reply(self._answer(request, UPDATE, handle, {}, values, key), SUCCESS)

    def _answer(
        self, request: Message, op: int, handle: int, message: Values, values: Values, key: Key | None
    ) -> bytes:
        self._last_id = own_id = (self._last_id + 1) & 0xFFFFFFFF
        signed_by = 0 if key is None else request.authid
        return sign(Message(op, handle, own_id, request.id, message, values, signed_by), key)

    def snapshot(self) -> ConnectionRow:
        """The state as plain data."""
        stage, reader = self.stage.value, self.reader.snapshot()
        return ConnectionRow(self.stream, self.peer, stage, self.finishing, reader, list(self.keys), self._last_id)

    @classmethod
    def restore(cls, row: ConnectionRow) -> Connection:
        """The connection that such a row was made of."""
        made = cls(row.stream, row.peer, row.last_id)
        made.stage = Stage(row.stage)
        made.reader.restore(row.reader)
        made.finishing = row.finishing
        made.keys = list(row.keys)
        return made
