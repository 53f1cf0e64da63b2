"""The protocol of one connection, without input or output: requests become octets, octets become answers.

What an answer must be to count, and what else it is:

    greeted     the server's greeting has been read; before that nothing is asked
    its rid     the id of a request that is outstanding; ids count up from the first, and are never 0
    its authid  the request's; an answer that is not signed where the request was, or badly, is a stranger's
    UPDATE      the object as it is now: values, handle, no attribute changed any more. Without a value: 0x60003
    STATUS      a code, and the server's words; the object stays as it is here, what was changed stays changed

What breaks a rule ends the connection, as ISC's library does it: whoever sent it is not the server that was
connected to. Each state and what leads out of it stands in TRANSITIONS. Time limits are whoever's who waits (client.py,
trio_client.py), the choice of the first id, too.

Source: docs/behaviour/omapi.md#the-calls-of-dhcpctl, #authentication.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from ..engine.omapi.signing import Key, is_signed_by, sign
from ..engine.omapi.status import CONNECTION_RESET, INVALID_ARGUMENT, NO_MORE, SUCCESS, UNEXPECTED_ERROR
from ..engine.omapi.wire import (
    DELETE,
    GREETING,
    MESSAGE_OCTETS_MAX,
    OPEN,
    REFRESH,
    STATUS,
    UPDATE,
    Message,
    ProtocolError,
    Reader,
    Values,
    integer,
)
from .objects import Object, octets_of_name, text_of_octets

if TYPE_CHECKING:
    from collections.abc import Callable

_INTEGER_OCTETS: Final = 4
_ID_MODULUS: Final = 1 << 32


class State(Enum):
    """Where a connection stands."""

    GREETING = "the server has not greeted yet"
    PROVING = "the key is being opened"
    READY = "requests may be sent"
    LOST = "the connection is over"


class Step(Enum):
    """What leads from one state to another."""

    GREETED = "the greeting came, and there is no key"
    GREETED_WITH_KEY = "the greeting came, and there is a key to be opened"
    PROVED = "the server took the key"
    BROKEN = "a rule was broken, the key refused, or the stream ended"


TRANSITIONS: Final = {
    (State.GREETING, Step.GREETED): State.READY,
    (State.GREETING, Step.GREETED_WITH_KEY): State.PROVING,
    (State.GREETING, Step.BROKEN): State.LOST,
    (State.PROVING, Step.PROVED): State.READY,
    (State.PROVING, Step.BROKEN): State.LOST,
    (State.READY, Step.BROKEN): State.LOST,
    (State.LOST, Step.BROKEN): State.LOST,
}


class Request:
    """A request that was sent. `code` is None while it is outstanding, then the status; `message`: the server's words.

    `op` is a number of engine.omapi.wire.OP_NAMES. `lost`: the connection ended before the answer came.
    """

    __slots__ = ("_callback", "authid", "code", "id", "lost", "message", "object", "op")

    def __init__(self, op: int, about: Object, ident: int, authid: int) -> None:
        self.op = op
        self.object = about
        self.id = ident
        self.authid = authid
        self.code: int | None = None
        self.message = ""
        self.lost = False
        self._callback: Callable[[Request], None] | None = None

    def end(self, code: int, message: str = "") -> None:
        """The request has ended."""
        assert self.code is None, "a request ends once"
        self.code, self.message = code, message
        if self._callback is not None:
            self._callback(self)

    def then(self, callback: Callable[[Request], None]) -> None:
        """Have `callback` called with the request when it has ended: at once, where it has."""
        self._callback = callback
        if self.code is not None:
            callback(self)


class Session:
    """One connection, from its first octet on. `failure` is the status that ended it, None while it lives.

    `first_id` is where the ids of requests begin; a random one keeps an old connection's answers from fitting.
    """

    def __init__(self, key: Key | None = None, first_id: int = 1) -> None:
        self.state = State.GREETING
        self.failure: int | None = None
        self._key = key
        self._authid = 0
        self._next_id = first_id % _ID_MODULUS
        self._reader = Reader(MESSAGE_OCTETS_MAX)
        self._outstanding: dict[int, Request] = {}
        self._output = bytearray(GREETING)

    def open(self, about: Object, *, create: bool = False, update: bool = False, exclusive: bool = False) -> Request:
        """Ask for the object that its changed attributes name; `create` it, or `update` it with all of them."""
        flags = {b"create": create, b"update": update, b"exclusive": exclusive}
        values = {name: integer(1) for name, wanted in flags.items() if wanted}
        return self._ask(OPEN, about, values | {b"type": octets_of_name(about.type)}, about.changed(), 0)

    def update(self, about: Object) -> Request:
        """Have the server take the object's changed attributes."""
        return self._ask(UPDATE, about, {}, about.changed(), about.handle)

    def refresh(self, about: Object) -> Request:
        """Ask for the object's values as they are now."""
        return self._ask(REFRESH, about, {}, {}, about.handle)

    def remove(self, about: Object) -> Request:
        """Have the server delete the object."""
        return self._ask(DELETE, about, {}, {}, about.handle)

    def take_output(self) -> bytes:
        """The octets to send now, each once."""
        made = bytes(self._output)
        self._output.clear()
        return made

    def receive(self, data: bytes) -> None:
        """Octets came; none at all mean that the stream ended. Requests that are answered by them have ended then."""
        if not data:
            self.lose()
        if self.state is State.LOST:
            return
        self._reader.feed(data)
        try:
            self._read()
        except ProtocolError:
            self.lose()

    def lose(self, code: int = CONNECTION_RESET) -> None:
        """The connection is over, and so is every request that is outstanding."""
        if self.state is State.LOST:
            return
        self.failure = NO_MORE if self.state is not State.READY and code == CONNECTION_RESET else code
        self._step(Step.BROKEN)
        self._output.clear()
        ended, self._outstanding = self._outstanding, {}
        for request in ended.values():
            request.lost = True
            request.end(CONNECTION_RESET)

    def _step(self, step: Step) -> None:
        self.state = TRANSITIONS[self.state, step]

    def _ask(self, op: int, about: Object, message: Values, values: Values, handle: int) -> Request:
        assert self.state in (State.PROVING, State.READY), f"nothing can be asked: {self.state.value}"
        request = Request(op, about, self._take_id(), self._authid)
        self._outstanding[request.id] = request
        asked = Message(op, handle, request.id, 0, message, values, authid=self._authid)
        self._output += sign(asked, self._key if self._authid else None)
        return request

    def _take_id(self) -> int:
        """The next id that no outstanding request has; 0 would be no answer's rid."""
        while not self._next_id or self._next_id in self._outstanding:
            self._next_id = (self._next_id + 1) % _ID_MODULUS
        taken = self._next_id
        self._next_id = (taken + 1) % _ID_MODULUS
        return taken

    def _read(self) -> None:
        while self.state is not State.LOST:
            message = self._reader.next_message()
            if self.state is State.GREETING and self._reader.greeted:
                self._begin()
            if message is None:
                return
            self._answer(message)

    def _begin(self) -> None:
        """The greeting came: open the key, where there is one."""
        if self._key is None:
            self._step(Step.GREETED)
            return
        self._step(Step.GREETED_WITH_KEY)
        about = Object("authenticator", {"name": self._key.name, "algorithm": self._key.algorithm})
        self.open(about).then(self._key_answered)

    def _key_answered(self, request: Request) -> None:
        if self.state is State.LOST:
            return
        if request.code or not request.object.handle:
            self.lose(request.code or NO_MORE)
            return
        self._authid = request.object.handle
        self._step(Step.PROVED)

    def _answer(self, message: Message) -> None:
        request = self._outstanding.get(message.rid)
        if request is None or not self._is_from_the_server(message, request):
            self.lose()
            return
        del self._outstanding[request.id]
        if message.op == UPDATE:
            self._updated(request, message)
        else:
            self._told(request, message)

    def _is_from_the_server(self, message: Message, request: Request) -> bool:
        if message.op not in (UPDATE, STATUS) or message.authid != request.authid:
            return False
        return not message.authid or (self._key is not None and is_signed_by(message, self._key))

    def _updated(self, request: Request, message: Message) -> None:
        """The object as it is now. ISC's library takes one without any value for a mistake."""
        opening_key = self.state is State.PROVING
        if message.object or opening_key:
            request.object.take(message.object, message.handle)
        request.end(SUCCESS if message.object or opening_key else INVALID_ARGUMENT)

    def _told(self, request: Request, message: Message) -> None:
        result = message.message.get(b"result", b"")
        code = int.from_bytes(result, "big") if len(result) == _INTEGER_OCTETS else UNEXPECTED_ERROR
        request.end(code, text_of_octets(message.message.get(b"message", b"")))
