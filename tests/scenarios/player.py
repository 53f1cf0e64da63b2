"""Plays a scenario of ../shared/oracle's format to the engine in this process: no network, no root, no waiting.

The machine is told what a program would tell it, at the moments at which ISC dhcpd was told the same when its answer
was recorded; its timers come when it asked for them. What it sends, logs and stores becomes the same record as the
oracle's. With `restoring` the machine is replaced by one made from its snapshot behind every event.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final, NoReturn

import msgpack

from dhcpd import boot
from dhcpd.disk.lease_file import LeaseFile
from dhcpd.engine.machine import Machine
from dhcpd.trace import effects as ef
from dhcpd.trace import events as ev
from tests.scenarios.messages import Reply, Writer, clock
from tests.scenarios.network import UNREACHABLE, Network

_SECOND_US: Final = 1_000_000
_SILENCE_US: Final = 60_000
_START_US: Final = 300_000
_LISTEN_US: Final = 50_000
_ECHO_US: Final = 1_000
_NO_RESOLVER: Final = "temporary name server failure"
_LOOPBACK: Final = 0x7F000001
# The lines behind a fatal one, of which the program logs what ISC dhcpd does.
_TRAILER: Final = ("", "exiting.")


class NotPlayable(Exception):
    """A step needs a real network or a real process; `command` is what it would run."""

    def __init__(self, command: str) -> None:
        super().__init__(f"needs a real network: {command}")
        self.command = command


class Ended(Exception):
    """The server ended by itself; `status` is its exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit {status}")
        self.status = status


class Player:
    """One scenario. `moments` are the recorded ones, as (what, seconds since 1970)."""

    def __init__(self, scenario: dict[str, Any], moments: list[tuple[str, float]], *, restoring: bool = False) -> None:
        self._scenario = scenario
        self._moments = [(what, round(at * _SECOND_US)) for what, at in moments]
        self._restoring = restoring
        self._network = Network(scenario)
        self._writer = Writer()
        self._machine = Machine()
        self._home = Path()
        self._file: LeaseFile | None = None
        self._log: list[str] = []
        self._replies: list[tuple[int, Reply]] = []
        self._errands: list[tuple[int, ev.Event]] = []
        self._sent = b""
        self._now_us = self._born_us = self._moments[0][1]
        self._wake_us = 0
        self._running = False
        self._status = -15
        self._served: tuple[str, ...] = ()

    def run(self) -> dict[str, Any]:
        """The whole scenario, as the oracle's `run` has it."""
        began = self._now_us + _START_US
        out: dict[str, Any] = {"steps": [], "began": began / _SECOND_US}
        with tempfile.TemporaryDirectory(prefix="scenario.") as name:
            self._home = Path(name)
            (self._home / "dhcpd.leases").write_text(clock(self._scenario.get("leases", ""), self._born_s))
            self._configure(self._scenario)
            self._start()
            for at, step in enumerate(self._scenario.get("step", []), 1):
                out["steps"].append(self._step(step.get("name", str(at)), step))
            self._until(self._next_moment("stop"))
            self._stop()
            out["leases"] = (self._home / "dhcpd.leases").read_text("utf-8", "replace").splitlines()
        return out | {"exit": self._status, "log": self._log}

    @property
    def _born_s(self) -> int:
        return self._born_us // _SECOND_US

    def _configure(self, texts: dict[str, Any]) -> None:
        if "conf" in texts:
            (self._home / "dhcpd.conf").write_text(clock(texts["conf"], self._born_s), newline="")
        for name, text in texts.get("files", {}).items():
            (self._home / name).write_text(clock(text, self._born_s), newline="")

    def _next_moment(self, what: str) -> int:
        """When the next `what` was in the recorded run."""
        kind, at_us = self._moments.pop(0)
        assert kind == what, f"the recording has {kind} where the scenario has {what}: record it anew"
        return at_us

    # Steps

    def _step(self, name: str, step: dict[str, Any]) -> dict[str, Any]:
        row: dict[str, Any] = {"step": name}
        if "sleep" in step:
            self._until(self._now_us + round(step["sleep"] * _SECOND_US))
        if "restart" in step:
            self._until(self._next_moment("stop"))
            self._stop()
            self._configure(step)
            self._start()
        for key in ("run", "run_client"):
            if key in step:
                row["output"] = row.get("output", "") + self._command(key, step)
        if "send" in step:
            row["replies"] = [reply.view() for reply in self._exchange(name, step)]
        return row

    def _command(self, key: str, step: dict[str, Any]) -> str:
        command = step[key]
        if key == "run_client":
            if not self._network.client_command(command):
                raise NotPlayable(command)
            return ""
        done = subprocess.run(
            ["sh", "-c", command],
            input=step.get("input", ""),
            capture_output=True,
            text=True,
            cwd=self._home,
            check=False,
        )
        return done.stdout

    def _exchange(self, name: str, step: dict[str, Any]) -> list[Reply]:
        """Send, and hear what comes until enough came and it was quiet, or the time is over."""
        send, first = step["send"], True
        for _ in range(step.get("times", 1)):
            payload = self._writer.message(send)
            where = self._network.arrival(send, self._writer.resolve)
            self._until(self._next_moment("send"))
            if first:
                self._replies.clear()
                first = False
            if where is not None and where[0] in self._served:
                self._feed(ev.Packet(self._now_us, 0, *where, payload))
        end = self._now_us + round(step.get("wait", 1.0) * _SECOND_US)
        end = min(end, self._moments[0][1]) if self._moments else end
        enough = step.get("expect", 1)
        while True:
            if self._replies and len(self._replies) >= enough:
                end = min(end, self._replies[max(enough, 1) - 1][0] + _SILENCE_US)
            if not self._wake_us or self._wake_us > end:
                break
            self._until(self._wake_us)
        self._until(end)
        found = [reply for at_us, reply in self._replies if at_us <= end]
        if found:
            self._writer.heard[name] = found[0]
        return found

    # The program's part

    def _start(self) -> None:
        at_us = self._next_moment("start")
        self._now_us = max(self._now_us, at_us)
        self._machine, self._wake_us, self._running, self._errands = Machine(), 0, True, []
        try:
            self._start_up()
        except Ended as ended:
            self._running = False
            self._status = ended.status

    def _start_up(self) -> None:
        self._feed(self._boot())
        with contextlib.chdir(self._home):
            events = list(boot.configuration("dhcpd.conf"))
        for event in events:
            self._feed(event)
        self._file = LeaseFile(self._leases, durable=False)
        for event in boot.lease_file(self._leases.encode()):
            self._feed(event)
        self._feed(ev.Interfaces(0, 0, self._network.links(), ""))
        self._now_us += _LISTEN_US
        self._feed(ev.Listening(0, 0, plain_udp=False))

    @property
    def _leases(self) -> str:
        return str(self._home / "dhcpd.leases")

    def _boot(self) -> ev.Boot:
        scenario = self._scenario
        given, words = list(scenario.get("args", [])), ["-cf", "dhcpd.conf", "-lf", self._leases]
        words += ["-pf", str(self._home / "dhcpd.pid")]
        words += [] if "-p" in given else ["-p", "67"]
        words += given
        if not scenario.get("no_interface_arguments"):
            words += [link["name"] for link in scenario["interface"]]
        return ev.Boot(0, 0, "test", tuple(words), (), "host", 1, b"seed" * 8, 67, "little", 0)

    def _stop(self) -> None:
        if self._running:
            self._feed(ev.End(0, 0, "SIGTERM"))
            self._status = -15
        self._running = False
        if self._file is not None:
            self._file.close()

    def _until(self, at_us: int) -> None:
        """Let the time go by, with everything that comes due meanwhile."""
        while self._running:
            due = [one for one in (self._wake_us, *(when for when, _ in self._errands)) if one and one <= at_us]
            if not due:
                break
            self._now_us = max(self._now_us, min(due))
            back = [errand for errand in self._errands if errand[0] <= self._now_us]
            self._errands = [errand for errand in self._errands if errand[0] > self._now_us]
            for _, event in back:
                self._feed(event)
            if self._wake_us and self._wake_us <= self._now_us:
                self._wake_us = 0
                self._feed(ev.Timer(0, 0))
        self._now_us = max(self._now_us, at_us)

    def _feed(self, event: ev.Event) -> None:
        """Tell the machine, and do what it asks for, with what follows from that."""
        if not self._running:
            return
        waiting: list[ev.Event] = [event]
        while waiting:
            stamped = waiting.pop(0)._replace(wall_us=self._now_us, mono_us=self._now_us - self._born_us)
            for effect in self._machine.apply(stamped):
                waiting += self._do(effect)
            if self._machine.rewriting and not waiting:
                waiting.append(ev.RewriteContinue(0, 0))
            if self._restoring:
                self._machine = Machine.restore(msgpack.unpackb(msgpack.packb(self._machine.snapshot())))

    def _do(self, effect: ef.Effect) -> list[ev.Event]:
        """Carry one effect out; returns the events that follow at once."""
        file = self._file
        match effect:
            case ef.Log():
                self._log.append(effect.text)
            case ef.Wake():
                self._wake_us = effect.at_us
            case ef.Send():
                return self._send(effect)
            case ef.Ping():
                return self._ping(effect)
            case ef.Listen():
                self._served = effect.interfaces
            case ef.Lookup():
                known = effect.name.lower() == "localhost"
                return [ev.HostAnswer(0, 0, effect.name, (_LOOPBACK,) if known else (), "" if known else _NO_RESOLVER)]
            case ef.ReverseLookup():
                return [ev.NameAnswer(0, 0, effect.address, "")]
            case ef.Execute():
                return [self._execute(effect)]
            case ef.Fatal() | ef.Exit():
                self._end(effect)
            case _:
                assert file is not None or isinstance(effect, ef.Settings)
                return self._store(file, effect) if file is not None else []
        return []

    def _end(self, effect: ef.Fatal | ef.Exit) -> NoReturn:
        if isinstance(effect, ef.Exit):
            raise Ended(effect.status)
        self._log += [effect.text, *_TRAILER]
        raise Ended(1)

    def _store(self, file: LeaseFile, effect: ef.Effect) -> list[ev.Event]:
        match effect:
            case ef.Store():
                file.append(effect.data)
            case ef.RewriteBegin():
                file.begin_rewrite(effect.suffix)
            case ef.RewritePart():
                file.rewrite_part(effect.data)
            case ef.RewriteEnd() if file.end_rewrite(effect.install):
                return [ev.RewriteInstalled(0, 0)]
        return []

    def _send(self, effect: ef.Send) -> list[ev.Event]:
        reply = self._network.carry(effect)
        if isinstance(reply, Reply):
            self._replies.append((self._now_us, reply))
        elif reply is not None:
            length, marker = len(effect.payload), effect.marker
            return [ev.SendFailed(0, 0, effect.interface, effect.raw, length, marker, reply, reply == UNREACHABLE)]
        return []

    def _ping(self, effect: ef.Ping) -> list[ev.Event]:
        answered = self._network.answers_ping(effect.address)
        if answered is None:
            return [ev.PingFailed(0, 0, effect.address, UNREACHABLE)]
        if answered:
            self._errands.append((self._now_us + _ECHO_US, ev.PingReply(0, 0, effect.address)))
        return []

    def _execute(self, effect: ef.Execute) -> ev.Event:
        try:
            done = subprocess.run(effect.arguments, cwd=self._home, check=False, capture_output=True)
        except OSError as error:
            return ev.Executed(0, 0, effect.call, 127 << 8, error.strerror or "")
        return ev.Executed(0, 0, effect.call, done.returncode << 8, "")
