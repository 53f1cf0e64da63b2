"""One HTTP connection, without I/O: octets in, requests and octets out. h11 reads and writes the protocol.

A connection has one request under way at most; what comes behind it waits in the peer's socket. Limits:
HEAD_OCTETS_MAXIMUM for the request line and the headers, BODY_OCTETS_MAXIMUM for a body; both are answered, and end the
connection. A request that a web page made a browser send (it has an Origin) is refused: the socket may be reachable as
http://localhost.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl

import h11

from ..problems import PHRASES, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD_OCTETS_MAXIMUM: Final = 8 << 10
BODY_OCTETS_MAXIMUM: Final = 64 << 10
FIELDS_MAXIMUM: Final = 32
_CONTINUE: Final = 100
_HEAD: Final = b"HEAD"
_JSON: Final = "application/json"


class Request(NamedTuple):
    """A request: what it gives in its query, and in the JSON object of its body, as texts."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, str]


class Connection:
    """The protocol of one peer: octets that came (`receive`), the request that is whole, octets of the answer.

    `closing`: nothing more is read, and when all that waits is sent the connection is over. What a peer may not send
    raises Problem, whose status is the answer.
    """

    __slots__ = ("_bare", "_body", "_head", "_http", "_out", "closing")

    def __init__(self) -> None:
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_OCTETS_MAXIMUM)
        self._head: h11.Request | None = None
        self._bare = False
        self._body = bytearray()
        self._out = bytearray()
        self.closing = False

    @property
    def idle(self) -> bool:
        """Whether no octet of a next request has come, and the last is answered."""
        return self._head is None and self._http.their_state is h11.IDLE and not self._http.trailing_data[0]

    def receive(self, data: bytes) -> None:
        """Octets came; none: the peer will send no more."""
        try:
            self._http.receive_data(data)
        except h11.RemoteProtocolError:
            self.closing = True

    def next_request(self) -> Request | None:
        """The request that is whole now; None where more must come, or the connection is over. Raises Problem."""
        try:
            while not self.closing:
                event = self._http.next_event()
                if isinstance(event, h11.Request):
                    self._head = event
                    self._bare = event.method == _HEAD
                elif isinstance(event, h11.Data):
                    self._collect(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    return self._whole()
                elif isinstance(event, h11.ConnectionClosed):
                    self.closing = True
                elif event is h11.PAUSED or event is h11.NEED_DATA:
                    self._let_it_go_on()
                    return None
        except h11.RemoteProtocolError as error:
            # A frame of h11's holds the error that holds the frame: who sends nonsense, on and on, would have the
            # garbage collector stop the server for long.
            error.__traceback__ = None
            raise Problem(error.error_status_hint, str(error)[:200], "speak HTTP/1.1") from None
        return None

    def _let_it_go_on(self) -> None:
        if self._http.they_are_waiting_for_100_continue:
            self._out += self._http.send(h11.InformationalResponse(status_code=_CONTINUE, headers=[])) or b""

    def _collect(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > BODY_OCTETS_MAXIMUM:
            raise Problem(413, f"the body is longer than {BODY_OCTETS_MAXIMUM} octets")

    def _whole(self) -> Request:
        head, body = self._head, bytes(self._body)
        assert head is not None, "a body has a head"
        self._head = None
        self._body.clear()
        headers = {bytes(name): bytes(value) for name, value in head.headers}
        if b"origin" in headers:
            raise Problem(403, "a web page has made your browser ask this", "ask with dhcpd-admin, or curl")
        target = bytes(head.target).decode("ascii")
        path, _, query = target.partition("?")
        if not path.startswith("/"):
            raise Problem(400, f"no path: {target[:80]!r}", "ask for /v1/status, say")
        # RFC 9110, 9.3.2: as GET, but for the body of the answer.
        method = "GET" if self._bare else bytes(head.method).decode("ascii")
        return Request(method, path, _query(query), _fields(headers.get(b"content-type", b""), body))

    # Answers

    def answer(self, status: int, content_type: str, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Answer the request under way; then the next one may be read, where the connection goes on."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.closing = True
            return
        head = [
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            *headers,
        ]
        if self._http.their_state is not h11.DONE:
            head.append(("Connection", "close"))
        response = h11.Response(status_code=status, headers=head, reason=PHRASES.get(status, "").encode())
        self._out += self._http.send(response) or b""
        if not self._bare:
            self._out += self._http.send(h11.Data(data=body)) or b""
        self._out += self._http.send(h11.EndOfMessage()) or b""
        if self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self._http.start_next_cycle()
            self._bare = False
        else:
            self.closing = True

    @property
    def waiting(self) -> int:
        """How many octets are to be sent."""
        return len(self._out)

    def next_octets(self, count: int) -> bytes:
        """The first of them, at most `count`."""
        return bytes(self._out[:count])

    def sent(self, octets: int) -> None:
        """So many octets of that have been sent."""
        del self._out[:octets]


def _query(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=FIELDS_MAXIMUM)
    except ValueError as error:
        raise Problem(400, f"the query cannot be read: {error}", "write it as name=value&name=value") from error
    return _once(pairs)


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Problem(400, "a parameter is given twice", "give each once")
    return found


def _fields(content_type: bytes, body: bytes) -> dict[str, str]:
    """The members of a JSON object as texts: a request's values have the same forms wherever they stand."""
    if not body:
        return {}
    if content_type.split(b";")[0].strip().lower() != _JSON.encode():
        raise Problem(415, "the body is not application/json", "send a JSON object with Content-Type: application/json")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"the body is no JSON: {str(error)[:200]}", "send a JSON object") from error
    if not isinstance(value, dict) or len(value) > FIELDS_MAXIMUM:
        raise Problem(400, "the body is no JSON object, or one of too many members", "send a JSON object")
    return {name: _as_text(name, one) for name, one in value.items()}


def _as_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        try:
            return str(value)
        except ValueError as error:  # an integer of more digits than Python writes
            raise Problem(400, f"{name[:80]} is too large a number") from error
    raise Problem(400, f"{name[:80]} is neither a text nor a number")
