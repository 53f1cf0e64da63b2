"""More than can be carried: what a server still does at 2, 4 and 8 times its peak, with clients that renew, too.

The server has SHARE of one processor (share.py), so that perfdhcp, which has all the rest, can ask for as much; what it
did ask for is told beside what was asked of it. What it had under way when it ended counts as lost, so that a share of
the losses is the run's shortness.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from . import load
from .measure import scratch
from .peers import Running
from .share import Share
from .world import World

if TYPE_CHECKING:
    from .peers import Peer

TIMES: Final = (2, 4, 8)
# Of one processor, for the server.
SHARE: Final = 0.1
# Of the clients' messages asked for, so many are renewals.
_RENEWALS_SHARE: Final = 20
_SECONDS: Final = 12
# The peak is what is completed of half as much again, once every client has its lease.
_WARM_RUNS: Final = 2
_EXCHANGES: Final = ("DISCOVER-OFFER", "REQUEST-ACK", "REQUEST-ACK (renewal)")


@dataclass(frozen=True)
class Overload:
    """Exchanges a second, begun and completed; percent lost of DISCOVERs, REQUESTs and renewals; the longest wait.

    A renewal that is answered is half an exchange.
    """

    begun: float
    rate: float
    discovers_lost: float
    requests_lost: float
    renewals_lost: float
    longest_ms: float


def run(world: World, rate: int, clients: int, seconds: int = _SECONDS) -> Overload:
    """One run of perfdhcp that asks for `rate` exchanges a second, and for a twentieth of that in renewals."""
    words = load.command(world, rate, clients, seconds, "-f", str(max(1, rate // _RENEWALS_SHARE)))
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds + 60)
    return told(done.stdout, seconds)


def told(text: str, seconds: int) -> Overload:
    """What perfdhcp says; an exchange that it says nothing of was lost as a whole."""
    parts = dict(re.findall(r"Statistics for: ([^*]+)\*\*\*(.*?)(?=\*\*\*|$)", text, re.DOTALL))
    found = re.search(r"Rate: ([\d.]+)", text)
    lost = [_number("drops ratio", parts.get(name, ""), 100.0) for name in _EXCHANGES]
    longest = max(_number("max delay", parts.get(name, ""), 0.0) for name in _EXCHANGES)
    begun = _number("sent packets", parts.get(_EXCHANGES[0], ""), 0.0) / seconds
    renewed = _number("received packets", parts.get(_EXCHANGES[2], ""), 0.0) / seconds
    completed = (float(found[1]) if found else 0.0) + renewed / 2
    discovers, requests, renewals = lost
    return Overload(begun, completed, discovers, requests, renewals, longest)


def _number(name: str, text: str, otherwise: float) -> float:
    found = re.search(rf"{name}: ([\d.]+)", text)
    return float(found[1]) if found else otherwise


def figures(peer: Peer, size: int, seconds: int, start: int, limit: int) -> dict[str, float]:
    """`overload/peak`, and for each of TIMES `overload/N/...`: rates, losses in percent, and the longest wait in ms.

    Raises OSError where the server cannot be given a share.
    """
    clients = max(1, size * 9 // 10)
    with scratch() as home, World() as world, Running(world, peer, home, size) as running, Share(running.pid, SHARE):
        _, peak = load.search(world, clients, seconds, start, limit)
        for _ in range(_WARM_RUNS):
            peak = max(peak, run(world, int(peak * 3 / 2), clients).rate)
        figures = {"overload/peak": peak}
        for times in TIMES:
            for name, value in vars(run(world, max(1, int(peak * times)), clients)).items():
                figures[f"overload/{times}/{name}"] = value
    return figures
