"""The server's process in a scenario: a machine's host with a real lease file, on the scenario's wires."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING, Any, Final

from dhcpd.disk.configuration import read_files
from dhcpd.disk.lease_file import LeaseFile
from dhcpd.replay.world.disk import Disk
from dhcpd.replay.world.host import Host
from dhcpd.replay.world.starting import Beginning
from dhcpd.trace import effects as ef
from dhcpd.trace import events as ev
from tests.scenarios.messages import Reply
from tests.scenarios.network import UNREACHABLE, Network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LISTEN_US: Final = 50_000
_ECHO_US: Final = 1_000
_NO_RESOLVER: Final = "temporary name server failure"
_LOOPBACK: Final = 0x7F000001
# The lines behind a fatal one, of which the program logs what ISC dhcpd does.
_TRAILER: Final = ("", "exiting.")


class RealDisk(Disk):
    """The lease file that the scenario's commands look at."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._file = LeaseFile(path, durable=False)

    def append(self, data: bytes) -> None:
        self._file.append(data)

    def sync(self) -> None:
        """It need not survive a power failure."""

    def begin_rewrite(self, suffix: str = "") -> None:
        self._file.begin_rewrite(suffix)

    def rewrite(self, data: bytes) -> None:
        self._file.rewrite_part(data)

    def end_rewrite(self, *, install: bool) -> bool:
        return self._file.end_rewrite(install)

    def close(self) -> None:
        self._file.close()


class Process(Host):
    """See the module. `lines` is its log, `replies` what was heard of it, `echoes` answers to pings that are due."""

    def __init__(self, scenario: dict[str, Any], network: Network, home: Path, *, restoring: bool) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.replies: list[tuple[int, Reply]] = []
        self.echoes: list[tuple[int, ev.Event]] = []
        self._scenario = scenario
        self._network = network
        self._home = home
        self._restoring = restoring

    def run(self) -> None:
        """Start; `ended` tells whether that was all."""
        with contextlib.chdir(self._home):
            files = list(read_files("dhcpd.conf"))
        path = str(self._home / "dhcpd.leases")
        self.start(Beginning(
            files, self._found(path), self._network.links(), lease_file=path, words=self._words(), version="test",
            host_name="host", seed=b"seed" * 8,
        ))  # fmt: skip

    def _words(self) -> tuple[str, ...]:
        given = list(self._scenario.get("args", []))
        words = ["-pf", str(self._home / "dhcpd.pid"), *([] if "-p" in given else ["-p", "67"]), *given]
        if not self._scenario.get("no_interface_arguments"):
            words += [link["name"] for link in self._scenario["interface"]]
        return tuple(words)

    def _found(self, path: str) -> Iterator[bytes]:
        """It is opened when the configuration was accepted."""
        if not self.ended:
            self.disk = RealDisk(path)
            yield (self._home / "dhcpd.leases").read_bytes()

    def stop(self) -> int:
        """SIGTERM, where it still runs; the exit status."""
        status = -15 if self.status is None else self.status
        self.tell(ev.End(0, 0, "SIGTERM"))
        self.status = status
        if isinstance(self.disk, RealDisk):
            self.disk.close()
        return status

    def told(self, event: ev.Event, effects: list[ef.Effect]) -> None:
        del effects
        if self._restoring:
            self.machine = self.twin_machine()
        if isinstance(event, ev.Interfaces):
            self.now_us += _LISTEN_US

    def until(self, at_us: int) -> None:
        """Let the time go by, with everything that comes due meanwhile."""
        while self.status is None:
            due = [one for one in (self.wake_us, *(when for when, _ in self.echoes)) if one and one <= at_us]
            if not due:
                break
            self.now_us = max(self.now_us, min(due))
            back = [event for when, event in self.echoes if when <= self.now_us]
            self.echoes = [echo for echo in self.echoes if echo[0] > self.now_us]
            for event in back:
                self.tell(event)
            if 0 < self.wake_us <= self.now_us:
                self.fire()
        self.now_us = max(self.now_us, at_us)

    # What it asks of the world

    def log(self, effect: ef.Log) -> None:
        self.lines.append(effect.text)

    def end(self, effect: ef.Exit | ef.Fatal) -> None:
        super().end(effect)
        if isinstance(effect, ef.Fatal):
            self.lines += [effect.text, *_TRAILER]

    def send(self, effect: ef.Send) -> None:
        reply = self._network.carry(effect)
        if isinstance(reply, Reply):
            self.replies.append((self.now_us, reply))
        elif reply is not None:
            length, marker = len(effect.payload), effect.marker
            unreachable = reply == UNREACHABLE
            self.answer(ev.SendFailed(0, 0, effect.interface, effect.raw, length, marker, reply, unreachable))

    def ping(self, address: int) -> None:
        answered = self._network.answers_ping(address)
        if answered is None:
            self.answer(ev.PingFailed(0, 0, address, UNREACHABLE))
        elif answered:
            self.echoes.append((self.now_us + _ECHO_US, ev.PingReply(0, 0, address)))

    def addresses_of(self, name: str) -> tuple[tuple[int, ...], str]:
        return ((_LOOPBACK,), "") if name.lower() == "localhost" else ((), _NO_RESOLVER)

    def execute(self, arguments: tuple[bytes, ...]) -> tuple[int, str]:
        try:
            done = subprocess.run(arguments, cwd=self._home, check=False, capture_output=True)
        except OSError as error:
            return 127 << 8, error.strerror or ""
        return done.returncode << 8, ""
