"""The admin server over a machine of a test, on a real socket, in one thread: the test does what the loop does."""

from __future__ import annotations

import json
import select
import socket
import time
from typing import TYPE_CHECKING, Any

import h11

from dhcpd.admin.http.listening import open_unix
from dhcpd.admin.http.server import Admin
from dhcpd.admin.site import Site
from dhcpd.admin.table import ROUTES
from dhcpd.process.privileges import Privileges
from dhcpd.replay.looking.figures.counters import Counters
from dhcpd.trace import events as ev
from dhcpd.trace.effects import CommandAnswer
from tests.replay.engine_runs import CONFIGURATION, Run

if TYPE_CHECKING:
    from pathlib import Path

    from dhcpd.recording.recorder import Recorder
    from dhcpd.trace.effects import Effect

PATIENCE_S = 60.0


class Office:
    """See the module. `commands` are those that the machine was told."""

    def __init__(
        self, folder: Path, configuration: bytes = CONFIGURATION, recorder: Recorder | None = None,
        run: Run | None = None, counters: Counters | None = None,
    ) -> None:
        self.run = Run(configuration) if run is None else run
        self.path = str(folder / "socket")
        self.configuration = configuration
        self.commands: list[ev.Command] = []
        self.disk_fails = False
        self.longest_us = 0
        machine = self.run.machine
        site = Site(
            machine, "/etc/dhcpd.conf", "/leases", self.run.now_us, lambda: self.run.now_us, recorder,
            Counters(machine) if counters is None else counters,
        )  # fmt: skip
        self.admin = Admin(site, ROUTES, [open_unix(self.path, Privileges())])
        self.admin.reload_by(self.reload)
        self.reloads: list[bytes] = []

    def reload(self) -> None:
        """What the loop's thread brings: here at the next turn."""
        self.reloads.append(self.configuration)

    def turn(self) -> None:
        """A turn of the loop."""
        begun = time.perf_counter_ns()
        self.admin.turn()
        self.longest_us = max(self.longest_us, (time.perf_counter_ns() - begun) // 1000)
        events: list[ev.Event] = self.admin.take()
        for content in self.reloads:
            events += [
                ev.ConfigurationFile(0, 0, "/etc/dhcpd.conf", content, ""),
                ev.ConfigurationEnd(0, 0, "/etc/dhcpd.conf", reload=True),
            ]
        self.reloads.clear()
        for event in events:
            effects = self.run.tell(event)
            if isinstance(event, ev.Command):
                self.commands.append(event)
            self._carry_out(event, effects)

    def _carry_out(self, event: ev.Event, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, CommandAnswer) and effect.durable and self.disk_fails:
                self.admin.failed(effect.call)
            elif isinstance(effect, CommandAnswer):
                self.admin.answered(effect)
        self.admin.heard([event], [effects])

    def connect(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.connect(self.path)
        made.setblocking(False)
        return made

    def send(self, peer: socket.socket, data: bytes) -> bytes:
        """Send octets while turns go by; what came back until it was all taken, or the connection ended."""
        got = b""
        until = time.monotonic() + PATIENCE_S
        while data:
            assert time.monotonic() < until, "nobody takes it"
            try:
                data = data[peer.send(data) :]
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                break
            self.turn()
            got += self.receive(peer) or b""
        return got

    def receive(self, peer: socket.socket) -> bytes | None:
        """What is there; None where the connection has ended."""
        try:
            return peer.recv(1 << 20) or None
        except BlockingIOError:
            return b""
        except ConnectionResetError:
            return None

    def settle(self, peer: socket.socket) -> bytes:
        """Turns until nothing is left to do; what came back."""
        got = b""
        quiet = 0
        while quiet < 3:
            self.turn()
            data = self.receive(peer)
            if data is None:
                break
            got += data
            busy = self.admin.busy or self.waiting or bool(select.select([self.admin], [], [], 0)[0])
            quiet = quiet + 1 if not data and not busy else 0
            if self.waiting:
                select.select([self.admin], [], [], 0.01)
        return got

    @property
    def waiting(self) -> bool:
        return any(peer.waits_for is not None for peer in self.admin._peers.values())

    def ask(self, method: str, target: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        """A request on a connection of its own: status, headers, body."""
        peer = self.connect()
        try:
            return self.ask_on(peer, method, target, body, **headers)
        finally:
            peer.close()
            self.turn()

    def ask_on(
        self, peer: socket.socket, method: str, target: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        http = h11.Connection(h11.CLIENT)
        data = b"" if body is None else json.dumps(body).encode()
        head = [("Host", "localhost"), *((name.replace("_", "-"), value) for name, value in headers.items())]
        if data:
            head += [("Content-Type", "application/json"), ("Content-Length", str(len(data)))]
        out = http.send(h11.Request(method=method, target=target, headers=head))
        out += http.send(h11.Data(data=data)) if data else b""
        out += http.send(h11.EndOfMessage())
        early = self.send(peer, out)
        if early:
            http.receive_data(early)
        return self._read(http, peer)

    def _read(self, http: h11.Connection, peer: socket.socket) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = 0, {}, b""
        until = time.monotonic() + PATIENCE_S
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                assert time.monotonic() < until, "no answer came"
                self.turn()
                data = self.receive(peer)
                if data != b"":
                    http.receive_data(data or b"")
            elif isinstance(event, h11.Response):
                status, headers = event.status_code, {k.decode(): v.decode() for k, v in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
            else:
                assert isinstance(event, h11.EndOfMessage), event
                return status, headers, body

    def get(self, target: str) -> Any:
        """The JSON of a GET that succeeds."""
        status, _headers, body = self.ask("GET", target)
        assert status == 200, body
        return json.loads(body)

    def close(self) -> None:
        self.admin.close()
