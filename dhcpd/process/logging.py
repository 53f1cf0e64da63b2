"""Where log lines go: to syslog, and to standard error as long as ISC dhcpd would send them there.

The lines come ready from the engine and go out verbatim: log parsers know ISC's words. The sender to `/dev/log` is
our own, since the standard library's adds a NUL and opens the socket when it likes, and syslog(3) waits for a reader
that has stopped reading. Ours never waits: what the reader cannot take is kept for a while, then dropped and counted.

With `--log-json` standard error gets one JSON object a line, by structlog, for the whole life of the process; of our
own lines (engine/model/notices.py) it has the id. Floods of those are folded (folding.py).
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from ..engine.model.notices import LOG_LINES_DROPPED, Said
from ..trace.effects import DEBUG, ERROR, INFO
from .folding import Folding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structlog.processors import JSONRenderer

LINE_OCTETS_MAXIMUM: Final = 1023
LOG_DAEMON: Final = 3
_DEV_LOG: Final = "/dev/log"
_WAITING_LINES_MAXIMUM: Final = 10_000
_RECONNECT_S: Final = 1.0
_STDERR: Final = 2
_NOTHING: Final[Mapping[str, object]] = {}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# The first line and the form are ISC's, since log parsers cut here; the advice is ours.
TRAILER: Final = (
    "",
    "If you think you have received this message due to a bug rather",
    "than a configuration issue please read the section on reporting",
    "bugs in the README file of dhcpd before reporting it.  A recording",
    "of the run, made with the option -tf, shows a bug to others:",
    "dhcpd -play repeats it.",
    "",
    "exiting.",
)


class Syslog:
    """A sender of lines to `/dev/log`. `facility` is the number of a facility (0-23).

    `dropped`: so many lines were dropped since `take_dropped` last told.
    """

    __slots__ = ("_ident", "_retry_at", "_second", "_socket", "_stamp", "_waiting", "dropped", "facility")

    def __init__(self, ident: str) -> None:
        self.facility = LOG_DAEMON
        self._ident = ident
        self._socket: socket.socket | None = None
        self._waiting: deque[bytes] = deque()
        self.dropped = 0
        self._retry_at = 0.0
        self._second = -1
        self._stamp = ""
        self._connect()

    def is_deaf(self) -> bool:
        """Whether nobody listens, and it is not time to look again."""
        return self._socket is None and time.monotonic() < self._retry_at

    def line(self, level: int, text: bytes) -> None:
        """Send a line, or keep it for the next time."""
        if self.is_deaf():
            return
        head = f"<{self.facility << 3 | level}>{self._time()} {self._ident}[{os.getpid()}]: "
        self._waiting.append(head.encode("latin-1", "replace") + text)
        self._send_waiting()

    def _time(self) -> str:
        """RFC 3164's time, made once a second."""
        second = int(time.time())
        if second != self._second:
            now = time.localtime(second)
            self._second = second
            self._stamp = f"{_MONTHS[now.tm_mon - 1]} {now.tm_mday:2d} {time.strftime('%H:%M:%S', now)}"
        return self._stamp

    def _send_waiting(self) -> None:
        waiting = self._waiting
        while waiting:
            if self._socket is None and not self._connect():
                waiting.clear()
                return
            try:
                self._socket.send(waiting[0])  # type: ignore[union-attr]
            except BlockingIOError:
                self._bound()
                return
            except OSError:
                self._close()
                if time.monotonic() < self._retry_at or not self._connect():
                    waiting.clear()
                    return
            else:
                waiting.popleft()

    def _bound(self) -> None:
        """The reader sleeps: keep so much and no more."""
        while len(self._waiting) > _WAITING_LINES_MAXIMUM:
            self._waiting.popleft()
            self.dropped += 1

    def take_dropped(self) -> int:
        """How many lines were dropped since they were last told; 0, and they stay counted, while lines still wait."""
        if self._waiting:
            return 0
        dropped, self.dropped = self.dropped, 0
        return dropped

    def _connect(self) -> bool:
        self._retry_at = time.monotonic() + _RECONNECT_S
        made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            made.connect(_DEV_LOG)
        except OSError:
            made.close()
            return False
        made.setblocking(False)
        self._socket = made
        return True

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


_LEVEL_NAMES: Final = {ERROR: "error", INFO: "info", DEBUG: "debug"}


def _json_renderer() -> JSONRenderer:
    from structlog.processors import JSONRenderer  # noqa: PLC0415 - a tenth of the start, for who asks for JSON

    return JSONRenderer(ensure_ascii=False, sort_keys=False)


class Logger:
    """The program's log. `to_stderr` says whether lines go to standard error too; `json` in which form."""

    __slots__ = ("_folding", "_json", "_lines", "_render", "_syslog", "_unheard", "buffered", "to_stderr")

    def __init__(self, ident: str, *, json: bool = False) -> None:
        self.to_stderr = _is_open(_STDERR)
        self.buffered = False
        self._syslog = Syslog(ident)
        self._folding = Folding()
        self._lines: list[bytes] = []
        # Nobody listens, and until `flush` nobody looks again: the loop flushes behind each turn.
        self._unheard = False
        self._json = json
        self._render = _json_renderer() if json else None

    @property
    def facility(self) -> int:
        """The facility that lines go to, as syslog(3) writes it: eight times its number."""
        return self._syslog.facility << 3

    @facility.setter
    def facility(self, value: int) -> None:
        self._syslog.facility = value >> 3

    def line(self, level: int, text: str, known: Mapping[str, object] = _NOTHING) -> None:
        """Log one line, if it is not one of a flood; text is cut where ISC's buffer ends. `known` is for JSON alone."""
        if type(text) is Said:
            self._unfold()
            if not self._folding.admits(text):
                return
            known = {"id": text.notice.id}
        if self._unheard:
            return
        if not self.to_stderr and self._syslog.is_deaf():
            self._unheard = self.buffered
            return
        octets = text.encode("latin-1", "surrogateescape") if text.isascii() else _octets(text)
        if len(octets) > LINE_OCTETS_MAXIMUM:
            octets = octets[:LINE_OCTETS_MAXIMUM]
        self._syslog.line(level, octets)
        if self.to_stderr:
            self._lines.append(self._as_json(level, octets, known) if self._json else octets)
            if not self.buffered:
                self.flush()

    @property
    def due_us(self) -> int:
        """When `flush` has a flood to sum up, in monotonic microseconds; 0 for never."""
        return int(self._folding.due_s * 1_000_000)

    def _unfold(self, *, at_once: bool = False) -> None:
        for folded in self._folding.take(at_once=at_once):
            notice = folded.said.notice
            self.line(notice.level, folded.text, {"id": notice.id, "more": folded.more})

    def syslog_only(self, level: int, text: str) -> None:
        """Log a line that standard error has had already."""
        self._syslog.line(level, _octets(text))

    def _as_json(self, level: int, octets: bytes, known: Mapping[str, object]) -> bytes:
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        entry = {
            "timestamp": f"{stamp}.{nanoseconds // 1000:06d}Z",
            "level": _LEVEL_NAMES.get(level, str(level)),
            **known,
            "event": octets.decode("utf-8", "backslashreplace"),
        }
        assert self._render is not None, "only with --log-json"
        made = self._render(None, "", entry)
        return made.encode() if isinstance(made, str) else made

    def flush(self, *, at_end: bool = False) -> None:
        """Sum up the floods that are over, or all; hand standard error what is kept for it.

        How many lines syslog did not take is said to it when it takes some again.
        """
        if self._folding.due_s or at_end:
            self._unfold(at_once=at_end)
        self._unheard = False
        lines = self._lines
        if lines:
            self._lines = []
            with contextlib.suppress(OSError):  # nobody reads any more: ISC does not mind either
                _write_all(_STDERR, b"\n".join(lines) + b"\n")
        dropped = self._syslog.dropped and self._syslog.take_dropped()
        if dropped:
            said = LOG_LINES_DROPPED(count=dropped)
            self._syslog.line(said.level, said.text.encode())

    def fatal(self, text: str) -> None:
        """Log a fatal text with what ISC says behind every one; ending the process is the caller's."""
        for line in (text, *TRAILER):
            self.line(ERROR, line)
        self.flush()


def _octets(text: str) -> bytes:
    """Texts of the engine hold one octet a character; a few of our own (paths) may be real text."""
    try:
        return text.encode("latin-1", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, memoryview(data)[written:])
