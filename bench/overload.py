"""More than can be carried: what a server still does at 2, 4 and 8 times its peak, with clients that renew, too.

What perfdhcp had under way when it ended counts as lost, so that a share of the losses is the run's shortness. Both
programs have the machine's cores to themselves and each other: what perfdhcp takes, the server has not.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from . import load
from .measure import scratch
from .peers import Running
from .world import CLIENT_INTERFACE, SERVER_ADDRESS, World

if TYPE_CHECKING:
    from .peers import Peer

TIMES: Final = (2, 4, 8)
# Of the clients' messages asked for, so many are renewals.
_RENEWALS_SHARE: Final = 20
_SECONDS: Final = 12
_EXCHANGES: Final = ("DISCOVER-OFFER", "REQUEST-ACK", "REQUEST-ACK (renewal)")


@dataclass(frozen=True)
class Overload:
    """Exchanges a second that were completed; percent lost of DISCOVERs, REQUESTs and renewals; the longest wait."""

    rate: float
    discovers_lost: float
    requests_lost: float
    renewals_lost: float
    longest_ms: float


def run(world: World, rate: int, clients: int, seconds: int = _SECONDS) -> Overload:
    """One run of perfdhcp that asks for `rate` exchanges a second, and for a twentieth of that in renewals."""
    words = ["perfdhcp", "-4", "-l", CLIENT_INTERFACE, "-r", str(rate), "-f", str(max(1, rate // _RENEWALS_SHARE))]
    words += ["-R", str(clients), "-p", str(seconds), SERVER_ADDRESS]
    done = subprocess.run(
        world.within(world.client, *words), capture_output=True, text=True, check=False, timeout=seconds + 60
    )
    return told(done.stdout)


def told(text: str) -> Overload:
    """What perfdhcp says; an exchange that it says nothing of was lost as a whole."""
    parts = dict(re.findall(r"Statistics for: ([^*]+)\*\*\*(.*?)(?=\*\*\*|$)", text, re.DOTALL))
    found = re.search(r"Rate: ([\d.]+)", text)
    lost = [_number("drops ratio", parts.get(name, ""), 100.0) for name in _EXCHANGES]
    longest = max(_number("max delay", parts.get(name, ""), 0.0) for name in _EXCHANGES)
    return Overload(float(found[1]) if found else 0.0, *lost, longest)


def _number(name: str, text: str, otherwise: float) -> float:
    found = re.search(rf"{name}: ([\d.]+)", text)
    return float(found[1]) if found else otherwise


def figures(peer: Peer, size: int, seconds: int, start: int, limit: int) -> dict[str, float]:
    """`overload/peak`, and for each of TIMES `overload/N/...`: rate, losses in percent, and the longest wait in ms."""
    clients = max(1, size * 9 // 10)
    with scratch() as home, World() as world, Running(world, peer, home, size):
        _, peak = load.search(world, clients, seconds, start, limit)
        figures = {"overload/peak": peak}
        for times in TIMES:
            for name, value in vars(run(world, max(1, int(peak * times)), clients)).items():
                figures[f"overload/{times}/{name}"] = value
    return figures
