"""perfdhcp as the client: one run at a rate, and the search for the highest rate that a server sustains."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from .world import CLIENT_INTERFACE, SERVER_ADDRESS, World

DROPS_PERCENT_MAX = 1.0
RUNS_MAX = 16


@dataclass(frozen=True)
class Outcome:
    """What perfdhcp saw: 4-way exchanges a second, and the greater of the two drop ratios in percent."""

    rate: float
    drops_percent: float

    @property
    def sustained(self) -> bool:
        """Whether fewer than one packet in a hundred was lost."""
        return self.drops_percent < DROPS_PERCENT_MAX


def run(world: World, rate: int, clients: int, seconds: int) -> Outcome:
    """One run of perfdhcp at `rate` exchanges a second with `clients` hardware addresses."""
    words = ["perfdhcp", "-4", "-l", CLIENT_INTERFACE, "-r", str(rate), "-R", str(clients), "-p", str(seconds)]
    done = subprocess.run(
        world.within(world.client, *words, SERVER_ADDRESS),
        capture_output=True, text=True, timeout=seconds + 60, check=False,
    )  # fmt: skip
    found = re.search(r"Rate: ([\d.]+)", done.stdout)
    drops = [float(text) for text in re.findall(r"drops ratio: ([\d.]+)", done.stdout)]
    if found is None or len(drops) < 2:
        return Outcome(0.0, 100.0)
    return Outcome(float(found[1]), max(drops[:2]))


def search(world: World, clients: int, seconds: int, start: int, limit: int) -> tuple[float, float]:
    """(sustained, peak) exchanges a second: up by a third until it drops, then halving the gap to 5 %.

    The peak is what is still answered when half as much again is asked as was too much. At most RUNS_MAX runs.
    """
    good, bad, most, peak = 0.0, 0, 0, 0.0
    rate = start
    for _ in range(RUNS_MAX):
        if rate > limit:
            break
        outcome = run(world, rate, clients, seconds)
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
