"""Plays a scenario of ../shared/oracle's format to the engine in this process: no network, no root, no waiting.

The machine is told what a program would tell it, at the moments at which ISC dhcpd was told the same when its answer
was recorded; its timers come when it asked for them. What it sends, logs and stores becomes the same record as the
oracle's. With `restoring` the machine is replaced by one made from its snapshot behind every event.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dhcpd.trace import events as ev
from tests.scenarios.messages import Writer, clock
from tests.scenarios.network import Network
from tests.scenarios.process import Process

if TYPE_CHECKING:
    from tests.scenarios.messages import Reply

_SECOND_US: Final = 1_000_000
_SILENCE_US: Final = 60_000
_START_US: Final = 300_000


class NotPlayable(Exception):
    """A step needs a real network or a real process; `command` is what it would run."""

    def __init__(self, command: str) -> None:
        super().__init__(f"needs a real network: {command}")
        self.command = command


class Player:
    """One scenario. `moments` are the recorded ones, as (what, seconds since 1970)."""

    def __init__(self, scenario: dict[str, Any], moments: list[tuple[str, float]], *, restoring: bool = False) -> None:
        self._scenario = scenario
        self._moments = [(what, round(at * _SECOND_US)) for what, at in moments]
        self._restoring = restoring
        self._network = Network(scenario)
        self._writer = Writer()
        self._home = Path()
        self._born_us = self._moments[0][1]
        self._process = Process(scenario, self._network, self._home, restoring=restoring)
        self._process.now_us = self._born_us
        self._status = -15

    def run(self) -> dict[str, Any]:
        """The whole scenario, as the oracle's `run` has it."""
        began = self._born_us + _START_US
        out: dict[str, Any] = {"steps": [], "began": began / _SECOND_US}
        with tempfile.TemporaryDirectory(prefix="scenario.") as name:
            self._home = Path(name)
            (self._home / "dhcpd.leases").write_text(clock(self._scenario.get("leases", ""), self._born_s))
            self._configure(self._scenario)
            self._start()
            for at, step in enumerate(self._scenario.get("step", []), 1):
                out["steps"].append(self._step(step.get("name", str(at)), step))
            self._stop()
            out["leases"] = (self._home / "dhcpd.leases").read_text("utf-8", "replace").splitlines()
        return out | {"exit": self._status, "log": self._process.lines}

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
            self._process.until(self._process.now_us + round(step["sleep"] * _SECOND_US))
        if "restart" in step:
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
            self._process.until(self._next_moment("send"))
            if first:
                self._process.replies.clear()
                first = False
            if where is not None and where[0] in self._process.served:
                self._process.tell(ev.Packet(0, 0, *where, payload))
        end = self._process.now_us + round(step.get("wait", 1.0) * _SECOND_US)
        end = min(end, self._moments[0][1]) if self._moments else end
        enough = step.get("expect", 1)
        while True:
            if self._process.replies and len(self._process.replies) >= enough:
                end = min(end, self._process.replies[max(enough, 1) - 1][0] + _SILENCE_US)
            if not self._process.wake_us or self._process.wake_us > end:
                break
            self._process.until(self._process.wake_us)
        self._process.until(end)
        found = [reply for at_us, reply in self._process.replies if at_us <= end]
        if found:
            self._writer.heard[name] = found[0]
        return found

    # The server

    def _start(self) -> None:
        before = self._process
        process = self._process = Process(self._scenario, self._network, self._home, restoring=self._restoring)
        process.now_us, process.began_us = max(before.now_us, self._next_moment("start")), self._born_us
        process.lines, process.replies = before.lines, before.replies
        process.run()

    def _stop(self) -> None:
        self._process.until(self._next_moment("stop"))
        self._status = self._process.stop()
