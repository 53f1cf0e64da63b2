"""perfdhcp as the client: one run at a rate, and the search for the highest rate that a server sustains.

What is found lost is to be the server's loss. Where there are two processors perfdhcp works in one thread, which is
not its way there by itself: its sender never rests, so that with a thread more for what comes back three share two
processors, the server has two thirds of one, and replies are dropped behind it, from a socket that perfdhcp had no
time to read. For the same reason it has room for them (room.py).
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass

from . import room
from .world import CLIENT_INTERFACE, World

DROPS_PERCENT_MAX = 1.0
RUNS_MAX = 16
_THREADS = ["-g", "single"] if (os.cpu_count() or 1) <= 2 else []


@dataclass(frozen=True)
class Outcome:
    """What perfdhcp saw: 4-way exchanges a second, the greater of the two drop ratios in percent, the longest wait."""

    rate: float
    drops_percent: float
    longest_ms: float = 0.0

    @property
    def sustained(self) -> bool:
        """Whether fewer than one packet in a hundred was lost."""
        return self.drops_percent < DROPS_PERCENT_MAX


def run(world: World, rate: int, clients: int, seconds: int) -> Outcome:
    """One run of perfdhcp at `rate` exchanges a second with `clients` hardware addresses."""
    return finish(start(world, rate, clients, seconds), seconds)


def start(world: World, rate: int, clients: int, seconds: int, patience_s: int = 0) -> subprocess.Popen[str]:
    """Begin such a run; `finish` waits for its end.

    Whatever is on its way when the time is over counts as lost, unless it comes within `patience_s`, which then count
    for the rate, too.
    """
    patience = ["-W", str(patience_s * 1_000_000)] if patience_s else []
    words = command(world, rate, clients, seconds, *patience)
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def command(world: World, rate: int, clients: int, seconds: int, *more: str) -> list[str]:
    """How perfdhcp is called, with `more` options."""
    words = [*room.before(), "perfdhcp", "-4", *_THREADS, "-l", CLIENT_INTERFACE]
    words += ["-r", str(rate), "-R", str(clients), "-p", str(seconds), *more]
    return world.within(world.client, *words, world.target)


def finish(running: subprocess.Popen[str], seconds: int) -> Outcome:
    """What came of a run of so many seconds. Raises subprocess.TimeoutExpired."""
    said = running.communicate(timeout=seconds + 60)[0]
    found = re.search(r"Rate: ([\d.]+)", said)
    drops = [float(text) for text in re.findall(r"drops ratio: ([\d.]+)", said)]
    waits = [float(text) for text in re.findall(r"max delay: ([\d.]+)", said)]
    if found is None or len(drops) < 2:
        return Outcome(0.0, 100.0)
    return Outcome(float(found[1]), max(drops[:2]), max(waits, default=0.0))


def search(world: World, clients: int, seconds: int, start: int, limit: int) -> tuple[float, float]:
    """(sustained, peak) exchanges a second: up by a third until it drops, then halving the gap to 5 %.

    A rate is too much when it was so twice: what else the machine did in one run is not to end the search. The peak is
    what is still answered when half as much again is asked as was too much. At most RUNS_MAX rates are asked for.
    """
    good, bad, most, peak = 0.0, 0, 0, 0.0
    rate = start
    for _ in range(RUNS_MAX):
        if rate > limit:
            break
        outcome = run(world, rate, clients, seconds)
        if not outcome.sustained:
            outcome = max(outcome, run(world, rate, clients, seconds), key=lambda one: -one.drops_percent)
        most = max(most, rate)
        peak = max(peak, outcome.rate)
        if outcome.sustained:
            good = max(good, outcome.rate)
            if bad and bad - rate < bad * 0.06:
                break
            rate = (rate + bad) // 2 if bad else rate * 4 // 3
        else:
            bad = rate
            lower = int(good) if good else 0
            rate = (lower + bad) // 2
            if bad - lower < max(2, int(bad * 0.06)):
                break
    return good, max(peak, run(world, min(most * 3 // 2, limit), clients, seconds).rate)
