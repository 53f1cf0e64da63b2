"""Requests to the admin socket: one connection each, over a Unix socket or to a URL (an `ssh -L` to the socket, say).

What comes back is bounded in size and time; whatever goes wrong is an AskError, with what to do about it.
"""

from __future__ import annotations

import json
import re
import socket
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import h11

DEFAULT_SOCKET: Final = "/run/dhcpd/admin.sock"
ANSWER_OCTETS_MAXIMUM: Final = 256 << 20
READ_OCTETS: Final = 1 << 16
CONNECT_S: Final = 10.0
ANSWER_S: Final = 300.0
_OK: Final = 300
_HTTP_PORT: Final = 80


class AskError(Exception):
    """No answer, or a refusal: `text` says what is wrong, `advice` what to do; `status` is HTTP's, 0 without one."""

    def __init__(self, text: str, advice: str = "", status: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.advice = advice
        self.status = status


class Client:
    """Asks at a Unix socket, or at `url` (`http://HOST:PORT`). Raises AskError for a URL that is none."""

    def __init__(self, path: str = DEFAULT_SOCKET, url: str | None = None) -> None:
        self._path = path
        self._host, self._port = ("localhost", 0) if url is None else _host_and_port(url)
        self._remote = url is not None

    def ask(self, method: str, path: str, query: dict[str, str] | None = None, body: Any = None) -> Any:
        """The JSON that answers; raises AskError."""
        return json.loads(self.octets(method, path, query, body))

    def octets(self, method: str, path: str, query: dict[str, str] | None = None, body: Any = None) -> bytes:
        """The octets that answer; raises AskError."""
        target = f"{path}?{urlencode(query)}" if query else path
        data = b"" if body is None else json.dumps(body).encode()
        try:
            with self._connect() as peer:
                peer.sendall(_request(method, target, self._host, data))
                status, answer = _read(peer)
        except TimeoutError as error:
            raise AskError("the server does not answer", "look at its log; it may be stopped or overloaded") from error
        except (OSError, h11.ProtocolError) as error:
            raise AskError(f"the connection broke: {error}", "try again, and look at the server's log") from error
        if status >= _OK:
            raise _refusal(status, answer)
        return answer

    def _connect(self) -> socket.socket:
        made = socket.socket(socket.AF_INET if self._remote else socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(CONNECT_S)
        try:
            made.connect((self._host, self._port) if self._remote else self._path)
        except OSError as error:
            made.close()
            text = f"cannot connect to {self._where}: {error.strerror or error}"
            raise AskError(text, self._advice(error)) from error
        made.settimeout(ANSWER_S)
        return made

    @property
    def _where(self) -> str:
        return f"{self._host}:{self._port}" if self._remote else self._path

    def _advice(self, error: OSError) -> str:
        if isinstance(error, PermissionError):
            return "be root, or a member of the group that the socket belongs to"
        if self._remote:
            return "is the tunnel there? ssh -L 8067:/run/dhcpd/admin.sock HOST, then --url http://localhost:8067"
        return f"does dhcpd run with --admin-socket {self._path}? Another path is given by --socket, or $DHCPD_ADMIN"


def _host_and_port(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme != "http" or not parts.hostname:
        raise AskError(f"{url} is no URL of an admin socket", "write it as http://localhost:8067")
    return parts.hostname, port or _HTTP_PORT


def _request(method: str, target: str, host: str, body: bytes) -> bytes:
    http = h11.Connection(h11.CLIENT)
    headers = [("Host", host), ("Connection", "close")]
    if body:
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    octets = http.send(h11.Request(method=method, target=target, headers=headers)) or b""
    if body:
        octets += http.send(h11.Data(data=body)) or b""
    return octets + (http.send(h11.EndOfMessage()) or b"")


def _read(peer: socket.socket) -> tuple[int, bytes]:
    http = h11.Connection(h11.CLIENT)
    http.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    http.send(h11.EndOfMessage())
    status, body = 0, bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(peer.recv(READ_OCTETS))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > ANSWER_OCTETS_MAXIMUM:
                raise AskError(f"the answer is longer than {ANSWER_OCTETS_MAXIMUM >> 20} MiB", "ask for less")
        elif isinstance(event, h11.EndOfMessage):
            return status, bytes(body)


def _refusal(status: int, answer: bytes) -> AskError:
    try:
        said = json.loads(answer)
        # Who types commands is told of commands.
        advice = re.sub(r"GET /v1/(classes|hosts|leases|pools)", r"`dhcpd-admin \1`", str(said.get("advice", "")))
        return AskError(str(said["detail"]), advice, status)
    except (ValueError, KeyError, TypeError, AttributeError):
        return AskError(f"the answer is HTTP {status}, and not a dhcpd's", "is it a dhcpd that listens there?", status)
