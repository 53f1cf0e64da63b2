"""What takes long and must not hold the loop up: looking up names, running programs (`execute`), reading files.

All of it is done in a few threads; each job brings back events, which the loop stamps when they pass the door.
"""

from __future__ import annotations

import os
import signal
import socket
from collections import deque
from typing import TYPE_CHECKING, Final

from .trace.effects import Execute, Lookup, ReverseLookup
from .trace.events import Executed, HostAnswer, NameAnswer

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future, ThreadPoolExecutor

    from .trace.events import Event

_THREADS_MAXIMUM: Final = 16
_NOT_EXECUTED_STATUS: Final = 127 << 8

# ISC's words for what a resolver says (docs/behaviour/configuration.md#host-names-in-values).
_UNKNOWN: Final = "host unknown."
_RESOLVER_WORDS: Final = {
    socket.EAI_NONAME: _UNKNOWN,
    socket.EAI_NODATA: "no A record associated with address",
    socket.EAI_AGAIN: "temporary name server failure",
    socket.EAI_FAIL: "name server failed",
}


def look_up(effect: Lookup) -> HostAnswer:
    """Resolve a host name to its IPv4 addresses."""
    try:
        answers = socket.getaddrinfo(effect.name, None, socket.AF_INET, socket.SOCK_DGRAM)
    except socket.gaierror as error:
        return HostAnswer(0, 0, effect.name, (), _RESOLVER_WORDS.get(error.args[0], _UNKNOWN))
    except (OSError, UnicodeError):
        return HostAnswer(0, 0, effect.name, (), _UNKNOWN)
    texts = dict.fromkeys(str(answer[4][0]) for answer in answers)
    addresses = tuple(int.from_bytes(socket.inet_aton(text), "big") for text in texts)
    return HostAnswer(0, 0, effect.name, addresses, "")


def look_up_name(effect: ReverseLookup) -> NameAnswer:
    """Find the name of an address; empty where it has none."""
    text = socket.inet_ntoa(effect.address.to_bytes(4, "big"))
    try:
        name = socket.gethostbyaddr(text)[0]
    except (OSError, UnicodeError):
        name = ""
    return NameAnswer(0, 0, effect.address, name)


def execute(effect: Execute) -> Executed:
    """Run a program with the server's environment, and wait for it."""
    try:
        pid = os.posix_spawnp(
            effect.arguments[0], effect.arguments, os.environ, setsigdef=(signal.SIGPIPE,), setsigmask=()
        )
    except (OSError, ValueError, IndexError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return Executed(0, 0, effect.call, _NOT_EXECUTED_STATUS, reason or "Invalid argument")
    return Executed(0, 0, effect.call, os.waitpid(pid, 0)[1], "")


class Background:
    """Jobs in threads of their own. `returned`: the events of each that is done, of which the loop is notified."""

    __slots__ = ("_begun", "_notify", "_pool", "returned")

    def __init__(self) -> None:
        self.returned: deque[list[Event]] = deque()
        self._begun: dict[Future[list[Event]], None] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._notify: Callable[[], None] = lambda: None

    def notify_by(self, notify: Callable[[], None]) -> None:
        """Call `notify` from now on when a job is done; from its thread."""
        self._notify = notify

    def run(self, effect: Lookup | ReverseLookup | Execute) -> None:
        """Carry the effect out in a thread."""
        self.begin(lambda: [_carry_out(effect)])

    def begin(self, job: Callable[[], list[Event]]) -> None:
        """Do a job in a thread; the events that it brings back come together."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - a test has no jobs; see preload.py

            self._pool = ThreadPoolExecutor(_THREADS_MAXIMUM, thread_name_prefix="background")
        made: Future[list[Event]] = self._pool.submit(job)
        self._begun[made] = None
        made.add_done_callback(self._returned)

    def _returned(self, done: Future[list[Event]]) -> None:
        self.returned.append(done.result())
        self._notify()

    def wait_for_all(self) -> list[Event]:
        """Wait until all jobs are done; their events in the order in which they were begun."""
        events = [event for job in self._begun for event in job.result()]
        self._begun.clear()
        self.returned.clear()
        return events

    def take(self) -> list[Event]:
        """The events of the jobs that are done since the last call."""
        events = [event for _ in range(len(self.returned)) for event in self.returned.popleft()]
        if events:
            self._begun = {job: None for job in self._begun if not job.done()}
        return events


def _carry_out(effect: Lookup | ReverseLookup | Execute) -> Event:
    if isinstance(effect, Lookup):
        return look_up(effect)
    if isinstance(effect, ReverseLookup):
        return look_up_name(effect)
    return execute(effect)
