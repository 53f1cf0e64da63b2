"""A failover pair: what it sustains, how long a lost database takes to come back, and what its absence costs.

Two servers of one kind on a bridge, with the clients' namespace; the pair's link is the same wire. Each of ours
records. A pair is measured when both have come to NORMAL and are quiet. Nothing here knows how a pair works: what is
waited for is what lease files say of the states.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Self, cast

from dhcpd.door import Door
from dhcpd.engine.model.partner import NO_PARTNER

from . import load, measure
from .door import Side, started
from .peers import PAIR_ADDRESSES, Running
from .world import CLIENT_ADDRESS, CLIENT_INTERFACE, SERVER_INTERFACE, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dhcpd.engine.model.partner import Partner

    from .peers import Peer

_EVERYBODY: Final = "all"
_WAIT_S: Final = 900.0
_QUIET_S: Final = 3.0
_LOOK_S: Final = 0.1
_STATE = re.compile(rb"my state ([a-z-]+)")
_TAIL_OCTETS: Final = 1 << 22
_TOLD: Final = frozenset({"recover-wait", "recover-done", "normal"})
_QUESTIONS: Final = ("refuses", "leaves_to_other", "may_regain", "may_reallocate", "is_others", "shorten", "promise",
                     "state_after", "due", "changed")  # fmt: skip
_CALLS: Final = 100_000


class PairWorld(World):
    """The clients' namespace with a bridge, and a namespace for each server."""

    target = _EVERYBODY

    def __init__(self) -> None:
        """As of one server, whose namespace is the primary's."""
        super().__init__()
        self.servers = {"primary": self.server, "secondary": f"{self.server}b"}

    def __enter__(self) -> Self:
        """Make them."""
        for name in (self.client, *self.servers.values()):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", self.client, "link", "add", CLIENT_INTERFACE, "type", "bridge")
        _ip("-n", self.client, "addr", "add", f"{CLIENT_ADDRESS}/8", "dev", CLIENT_INTERFACE)
        _ip("-n", self.client, "link", "set", CLIENT_INTERFACE, "up")
        for role, name in self.servers.items():
            _ip("-n", name, "link", "add", SERVER_INTERFACE, "type", "veth", "peer", "name", role, "netns", self.client)
            _ip("-n", name, "addr", "add", f"{PAIR_ADDRESSES[role]}/8", "dev", SERVER_INTERFACE)
            _ip("-n", name, "link", "set", SERVER_INTERFACE, "up")
            _ip("-n", self.client, "link", "set", role, "master", CLIENT_INTERFACE)
            _ip("-n", self.client, "link", "set", role, "up")
        return self

    def __exit__(self, *_exception: object) -> None:
        """Remove them."""
        for name in (self.client, *self.servers.values()):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def state_record() -> str:
    """What a lease file says of a pair that has been in order for an hour."""
    since = measure.date(time.time() - 3600)
    return f'failover peer "fo" state {{\n  my state normal at {since};\n  partner state normal at {since};\n}}\n'


class Half:
    """One server of a pair; its files stay, whether it runs or not."""

    def __init__(self, world: PairWorld, peer: Peer, home: Path, role: str, size: int) -> None:
        """It is not started yet, and has no leases."""
        self.home = home / role
        self.home.mkdir()
        self.leases = self.home / "dhcpd.leases"
        self.leases.write_text(state_record())
        self._started: Running | None = None
        self._made = partial(Running, world, replace(peer, failover=role), self.home, size)
        self._namespace = world.servers[role]

    def start(self) -> Running:
        """Start it. Raises RuntimeError, TimeoutError."""
        (self.home / "dhcpd.pid").unlink(missing_ok=True)
        running = self._made()
        running.namespace = self._namespace
        self._started = running.__enter__()
        return running

    def stop(self) -> None:
        """End it, where it runs."""
        if self._started is not None:
            self._started.__exit__()
            self._started = None

    def state(self) -> str:
        """What its lease file says last of its state, empty for nothing."""
        if not self.leases.exists():
            return ""
        with self.leases.open("rb") as file:
            file.seek(max(0, self.leases.stat().st_size - _TAIL_OCTETS))
            found = _STATE.findall(file.read())
        return found[-1].decode() if found else ""


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    """Wait for something. Raises TimeoutError."""
    until = time.monotonic() + _WAIT_S
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"not in {_WAIT_S:.0f} s: {what}")
        time.sleep(_LOOK_S)


@contextlib.contextmanager
def pair_of(peer: Peer, size: int, leases: int = 0) -> Iterator[tuple[PairWorld, Half, Half]]:
    """Two servers of a kind in NORMAL, quiet, with so many active leases."""
    with measure.scratch() as home, PairWorld() as world:
        halves = [Half(world, peer, home, role, size) for role in PAIR_ADDRESSES]
        if leases:
            measure.lease_file(home / "leases", leases, paired=True)
            for half in halves:
                half.leases.write_text((home / "leases").read_text() + state_record())
        try:
            for half in halves:
                half.start()
            primary, secondary = halves
            wait_until("both in normal", lambda: primary.state() == secondary.state() == "normal")
            _wait_for_quiet(halves)
            yield world, primary, secondary
        finally:
            for half in halves:
                half.stop()


def _wait_for_quiet(halves: list[Half]) -> None:
    """The pools are halved, and everything is told: no lease file grows any more."""
    until = time.monotonic() + _WAIT_S
    sizes, since = [0], time.monotonic()
    while time.monotonic() - since < _QUIET_S:
        now = [half.leases.stat().st_size for half in halves]
        if now != sizes:
            sizes, since = now, time.monotonic()
        if since > until:
            raise TimeoutError("the pair was never quiet")
        time.sleep(_LOOK_S)


def sustained(peer: Peer, size: int, seconds: int, start: int, limit: int) -> tuple[float, float]:
    """(sustained, peak) 4-way exchanges a second of a pair with a pool of `size` addresses, as `measure.sustained`."""
    with pair_of(peer, size) as (world, _primary, _secondary):
        return load.search(world, max(1, size * 9 // 10), seconds, start, limit)


def resynchronised(peer: Peer, leases: int, size: int) -> float:
    """Seconds from the start of a secondary that has lost its database until its partner has told it everything."""
    with pair_of(peer, size, leases) as (_world, _primary, secondary):
        secondary.stop()
        secondary.leases.write_text("")
        begun = time.monotonic()
        secondary.start()
        wait_until("everything is told", lambda: secondary.state() in _TOLD)
        return time.monotonic() - begun


# A server without a partner


class _Counting:
    """An absent partner that counts what it is asked, and keeps what was asked last."""

    def __init__(self) -> None:
        self.asked = dict.fromkeys(_QUESTIONS, 0)
        self.given: dict[str, tuple[object, ...]] = {}

    def __getattr__(self, name: str) -> object:
        answer = getattr(NO_PARTNER, name)
        if name not in self.asked:
            return answer

        def ask(*given: object) -> object:
            self.asked[name] += 1
            self.given[name] = given
            return answer(*given)

        return ask


def absent_partner(size: int, exchanges: int) -> tuple[float, float]:
    """(microseconds of processor an exchange in the engine, those of them for questions to an absent partner).

    Every exchange is stored. The questions are counted, and each is timed by itself.
    """
    machine, counting = started(size, committed=True), _Counting()
    assert machine.server is not None, "it has a configuration"
    leases = machine.server.leases
    leases.partners = [cast("Partner", counting)] * len(leases.partners)
    Side(Door(machine, None, _say_nothing)).serve(range(exchanges), 1)
    plain = Side(Door(started(size, committed=True), None, _say_nothing))
    plain.serve(range(exchanges), 1)
    spent = sum(counting.asked[name] / exchanges * _question_us(name, given) for name, given in counting.given.items())
    return plain.seconds / plain.exchanges * 1e6, spent


def _question_us(name: str, given: tuple[object, ...]) -> float:
    """How long a question to nobody takes."""
    ask = getattr(NO_PARTNER, name)
    begun = time.process_time()
    for _ in range(_CALLS):
        ask(*given)
    return (time.process_time() - begun) / _CALLS * 1e6


def _say_nothing(_level: int, _text: str) -> None:
    """Log nothing: nobody reads the log of a measurement."""
