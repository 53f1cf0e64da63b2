"""The shell's commands: what each checks, in which order, what it says, and on which stream.

A Shell is given its lines, a way to connect, and two streams; it holds one connection and one object, as ISC's. A
connection that is lost stays "connected" until another `connect`, and each request on it says what ISC's library would
say of one: that is how scripts have seen it for twenty years. What people want besides (history, options, exit
status) is around it (terminal.py, __main__.py), so that nothing of it can change what a script reads.

Source: docs/behaviour/omapi.md#omshell.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, Protocol

from ..dhcpctl.errors import ConnectionLost, DhcpctlError
from ..dhcpctl.keys import DEFAULT_ALGORITHM, algorithm_as_sent
from ..dhcpctl.objects import Object, Value, octets_of_name
from ..engine.conf.reading.keywords import EOF
from ..engine.omapi.signing import Key
from ..engine.omapi.status import INVALID_ARGUMENT, NO_MORE, text_of
from ..engine.omapi.wire import PORT
from .language import InvalidValue, Line, NoValue

if TYPE_CHECKING:
    from collections.abc import Callable

PROMPT: Final = "> "
DEFAULT_SERVER: Final = "127.0.0.1"
HELP: Final = """Commands:
  port <server omapi port>
  server <server address>
  key <key name> <key value>
  connect
  disconnect
  new <object-type>
  set <name> = <value>
  create
  open
  update
  unset <name>
  refresh
  remove
"""
_SET_USAGE: Final = "usage: set <name> = <value>"
_PRINTABLE: Final = range(0x20, 0x7F)
# ISC's buffers: printable data is cut at the one, and what would need more than the other is not shown at all.
_SHOWN_TEXT_MAX: Final = 1022
_SHOWN_HEXADECIMAL_OCTETS_MAX: Final = 341
_SIGN_BIT: Final = 1 << 31


class Server(Protocol):
    """What a connection must do: dhcpctl.Client's calls."""

    @property
    def lost(self) -> bool:
        """Whether the connection is over."""

    def open(self, about: Object, *, create: bool = False, exclusive: bool = False) -> None:
        """OPEN."""

    def update(self, about: Object) -> None:
        """UPDATE."""

    def refresh(self, about: Object) -> None:
        """REFRESH."""

    def remove(self, about: Object) -> None:
        """DELETE."""

    def close(self) -> None:
        """End the connection."""


class Asking(NamedTuple):
    """A command that asks the server about the object.

    `usage` is what an extra word is answered with (empty: the word itself), `missing` what is said without an object,
    `failing` what stands before a status, and `gone` the status on a connection that is no more.
    """

    usage: str
    missing: str
    failing: str
    gone: int
    ask: Callable[[Server, Object], None]


_NEW_FIRST: Final = "you must make a new object first!"
ASKING: Final = {
    "open": Asking("", _NEW_FIRST, "can't open object", INVALID_ARGUMENT, lambda server, about: server.open(about)),
    "create": Asking(
        "", _NEW_FIRST, "can't open object", INVALID_ARGUMENT,
        lambda server, about: server.open(about, create=True, exclusive=True),
    ),
    "update": Asking(
        "", "you haven't opened an object yet!", "can't update object", INVALID_ARGUMENT,
        lambda server, about: server.update(about),
    ),
    "refresh": Asking(
        "refresh", "no object.", "can't refresh object", NO_MORE, lambda server, about: server.refresh(about)
    ),
    "remove": Asking(
        "remove", "no object.", "can't destroy object", INVALID_ARGUMENT, lambda server, about: server.remove(about)
    ),
}  # fmt: skip


class Shell:
    """One session. `connect(host, port, key)` makes a connection or raises DhcpctlError.

    `say` and `complain` take text for standard output and standard error, an octet a character. `failed` counts the
    commands that said something was wrong.
    """

    def __init__(
        self,
        connect: Callable[[str, int, Key | None], Server],
        say: Callable[[str], None],
        complain: Callable[[str], None],
        key: Key | None = None,
    ) -> None:
        self.host = DEFAULT_SERVER
        self.port = PORT
        self.algorithm = key.algorithm if key else DEFAULT_ALGORITHM
        self.about: Object | None = None
        self.connected = False
        self.failed = 0
        self._key = (key.name, key.secret) if key else None
        self._connect = connect
        self._server: Server | None = None
        self._say = say
        self._complain = complain

    def prompt(self) -> str:
        """What is printed before a line is read: the object, where there is a connection, and the prompt."""
        return (self._shown() if self.connected else "") + PROMPT

    def do(self, line: bytes) -> None:
        """Do what one line says, of LINE_OCTETS_MAX octets at most, with its line feed."""
        words = Line(line)
        command = words.command()
        if command in ASKING:
            self._ask(words, ASKING[command])
        elif command in self._COMMANDS:
            self._COMMANDS[command](self, words)
        elif command != EOF:
            words.warn(f"unknown token: {words.text()}")
        words.skip_to_semicolon()
        self._report(words)

    def close(self) -> None:
        """End the connection, where there is one."""
        if self._server is not None:
            self._server.close()

    # What is printed

    def _shown(self) -> str:
        if self.about is None:
            return "obj: <null>\n"
        lines = [f"obj: {_octets(self.about.type)}\n"]
        lines += [f"{_octets(name)} = {shown(value)}\n" for name, value in self.about.items()]
        return "".join(lines)

    def _report(self, words: Line) -> None:
        """What the lexer had to say of the line so far."""
        said = words.said()
        if said:
            self.failed += 1
            self._complain(said)

    def _wrong(self, words: Line, text: str) -> None:
        """Something is wrong, which is said on standard output."""
        self._report(words)
        self.failed += 1
        self._say(f"{text}\n")

    # Before a connection

    def _help(self, _words: Line) -> None:
        self._say(HELP)

    def _set_port(self, words: Line) -> None:
        port = words.port()
        if port is None:
            words.skip_to_semicolon()
            self._wrong(words, "usage: port <port>")
            return
        number = _service_port(port) if isinstance(port, str) else port
        if number is None:
            self._wrong(words, f"unknown service name: {words.text()}")
            words.abandon()
            return
        self.port = number
        if not words.is_over():
            self._wrong(words, "usage: port <server>")

    def _set_server(self, words: Line) -> None:
        host = words.server()
        if host is not None:
            self.host = host
        if host is None or not words.is_over():
            self._wrong(words, "usage: server <server>")

    def _set_key(self, words: Line) -> None:
        name = words.name_of_key()
        if name is None:
            self._wrong(words, "usage: key <name> <value>")
            return
        secret = words.secret()
        self._key = (name, secret or b"")
        if secret is not None and not words.is_over():
            self._wrong(words, "usage: key <name> <value>")

    def _set_algorithm(self, words: Line) -> None:
        name = words.name_of_algorithm()
        if name is None:
            self._wrong(words, "missing or invalid algorithm name\nusage: key-algoritm <algorithm name>")
            return
        self.algorithm = name
        if not words.is_over():
            self._wrong(words, f"extra information after {_octets(name)}\nusage: key-algorithm <algorithm name>")

    # The connection

    def _make_connection(self, words: Line) -> None:
        if not words.is_over():
            self._wrong(words, "usage: connect")
            return
        self.close()
        self._server = None
        key = Key(self._key[0], algorithm_as_sent(self.algorithm), self._key[1]) if self._key else None
        try:
            self._server = self._connect(self.host, self.port, key)
        except DhcpctlError as error:
            self.failed += 1
            self._complain(f"dhcpctl_connect: {error.text}\n")
            return
        self.connected = True

    def _end_connection(self, words: Line) -> None:
        if not words.is_over():
            self._wrong(words, "usage: disconnect")
        elif self._server is None:
            self.failed += 1
            self._complain("not connected\n")
        elif self._server.lost:
            self.failed += 1
            self._complain("dhcpctl_disconnect detected invalid arg\ndhcpctl_disconnect: invalid argument\n")
        else:
            self.close()
            self._server, self.connected = None, False

    # The object

    def _new(self, words: Line) -> None:
        kind = words.word()
        if kind is None:
            self._wrong(words, "usage: new <object-type>")
        elif self.about is not None:
            self._wrong(words, "an object is already open.")
        elif not self.connected:
            self._wrong(words, "not connected.")
        else:
            self.about = Object(kind)
            if not words.is_over():
                self._wrong(words, "usage: new <object-type>")

    def _close_object(self, words: Line) -> None:
        if not words.is_over():
            self._wrong(words, "usage: close")
        elif not self.connected:
            self._wrong(words, "not connected.")
        elif self.about is None:
            self._wrong(words, "not open.")
        else:
            self.about = None

    def _object_to_change(self, words: Line) -> Object | None:
        """The object, None where that was complained of."""
        if self.about is not None and self.connected:
            return self.about
        self._wrong(words, "not connected." if self.about is not None else "no open object.")
        return None

    def _set(self, words: Line) -> None:
        name = words.word()
        if name is None:
            self._wrong(words, _SET_USAGE)
            return
        about = self._object_to_change(words)
        if about is None:
            return
        try:
            complete = words.command() == "="
            if complete:
                about[name] = words.value()
                complete = words.ended
        except InvalidValue:
            self._wrong(words, "invalid value.")
            complete = words.ended
        except NoValue:
            complete = False
        if not complete:
            words.skip_to_semicolon()
            self._wrong(words, _SET_USAGE)

    def _unset(self, words: Line) -> None:
        name = words.word()
        if name is None:
            self._wrong(words, "usage: unset <name>")
            return
        about = self._object_to_change(words)
        if about is None:
            return
        if words.is_over():
            about[name] = None
        else:
            self._wrong(words, "usage: unset <name>")

    def _ask(self, words: Line, asking: Asking) -> None:
        if not words.is_over():
            self._wrong(words, f"usage: {asking.usage or words.text()}")
        elif not self.connected:
            self._wrong(words, "not connected.")
        elif self.about is None:
            self._wrong(words, asking.missing)
        elif self._server is None or self._server.lost:
            self._wrong(words, f"{asking.failing}: {text_of(asking.gone)}")
        else:
            self._asked(words, asking, self._server, self.about)

    def _asked(self, words: Line, asking: Asking, server: Server, about: Object) -> None:
        try:
            asking.ask(server, about)
        except (DhcpctlError, ConnectionLost) as error:
            self._wrong(words, f"{asking.failing}: {error.text}")
            return
        if asking is ASKING["remove"]:
            self.about = None

    _COMMANDS: ClassVar[dict[str, Callable[[Shell, Line], None]]] = {
        "help": _help,
        "?": _help,
        "port": _set_port,
        "server": _set_server,
        "key": _set_key,
        "key-algorithm": _set_algorithm,
        "connect": _make_connection,
        "disconnect": _end_connection,
        "new": _new,
        "close": _close_object,
        "set": _set,
        "unset": _unset,
    }


def _service_port(name: str) -> int | None:
    """The port of a service, None for a name that nobody knows."""
    try:
        return socket.getservbyname(name)
    except (OSError, UnicodeError):
        return None


def shown(value: Value) -> str:
    """An attribute's value as the shell prints it, an octet a character."""
    if value is None:
        return "<null>"
    if isinstance(value, int):
        cut = value & 0xFFFFFFFF
        return str(cut - (cut & _SIGN_BIT) * 2)
    if isinstance(value, str):
        return f'"{_octets(value)}"'
    if all(octet in _PRINTABLE for octet in value):
        return f'"{value[:_SHOWN_TEXT_MAX].decode("ascii")}"'
    return value.hex(":") if len(value) <= _SHOWN_HEXADECIMAL_OCTETS_MAX else ""


def _octets(text: str) -> str:
    """Text as the streams take it, an octet a character."""
    return octets_of_name(text).decode("latin-1")


def for_people(text: str) -> str:
    """What the shell says, an octet a character, as a terminal may have it: names of attributes are the server's."""
    from ..replay.showing.terminal import safe_lines  # noqa: PLC0415 - a script does not wait for it

    return safe_lines(text.encode("latin-1").decode("utf-8", "backslashreplace"))
