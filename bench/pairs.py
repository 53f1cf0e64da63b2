"""This tree's server against another tree's, by pairs of runs in turn: has a change made it slower, or larger?

What else a machine does changes from minute to minute by more than a change of the program costs. So both trees are
measured next to each other, in an order that alternates, often; what is told is the median of the ratios of the pairs
beside the medians. The other tree needs its own `.venv` (`make` makes one), and its own `make wheel` for a compiled
build to be held against one.
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from . import measure
from .peers import PEERS, of_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .peers import Peer

SIZE: Final = 4096
LEASES: Final = 50_000
_MIB: Final = 1 << 20
# The figures of one start, as `measure.start_up` has them.
_START: Final = ("start", "memory", "most")


def figures(tree: Path, rate: int, seconds: int, rounds: int, say: Callable[[str], None]) -> dict[str, float]:
    """Medians of both trees, `pairs/WHAT/ours` and `pairs/WHAT/theirs`, and of the pairs' ratios, `pairs/WHAT/ratio`.

    `renewed`, `committed`: microseconds of processor an exchange at `rate` exchanges a second, all recorded; of clients
    that are told again what they have, and with every lease stored. `start`: seconds, `memory`: octets a lease, `most`:
    MiB at most, with a lease file of LEASES leases.
    """
    ours = PEERS["ours-tf"]
    theirs = of_tree(tree)
    found: dict[str, float] = {}
    for what, committed in (("renewed", False), ("committed", True)):
        pair = [replace(peer, committed=committed) for peer in (ours, theirs)]
        costs = measure.processor_costs(pair, SIZE, rate, seconds, rounds)
        found |= _told(what, list(zip(*costs, strict=True)), say)
    for what, pairs in zip(_START, zip(*_starts([ours, theirs], rounds), strict=True), strict=True):
        found |= _told(what, list(pairs), say)
    return found


def _starts(peers: list[Peer], rounds: int) -> list[tuple[tuple[float, ...], ...]]:
    """For each round what `measure.start_up` says of each peer, figure by figure."""
    made: list[tuple[tuple[float, ...], ...]] = []
    for number in range(rounds):
        runs = {peer.program: measure.start_up(peer, LEASES) for peer in (peers if number % 2 else peers[::-1])}
        seconds, each, most = zip(*[runs[peer.program] for peer in peers], strict=True)
        made.append((seconds, each, tuple(octets / _MIB for octets in most)))
    return made


def _told(what: str, pairs: list[tuple[float, ...]], say: Callable[[str], None]) -> dict[str, float]:
    mine, yours = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    say(f"{what}: {mine:,.2f}, the other tree's {yours:,.2f}; median of {len(pairs)} ratios {ratio:.3f}")
    return {f"pairs/{what}/ours": mine, f"pairs/{what}/theirs": yours, f"pairs/{what}/ratio": ratio}
