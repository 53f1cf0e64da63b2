"""How soon a server answers, and what a test of a plain configuration costs: starts of each in turn.

What counts is the first answer that a client gets, which shows what a server leaves to its first packet. The client
stands ready in its namespace (bench/first_answer.py) and asks again every five milliseconds. Times are medians, from
the moment before `ip netns exec`, whose own two or three milliseconds are in them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from .measure import scratch
from .peers import ROOT, Running
from .world import CLIENT_INTERFACE, World

if TYPE_CHECKING:
    from .peers import Peer

ROUNDS: Final = 11
_SIZE: Final = 4096
_PATIENCE_S: Final = 60


def figures(peers: dict[str, Peer]) -> dict[str, float]:
    """Seconds by `starting/WHAT/KEY`.

    `answer`: until the first answer; `processor`: what its process had taken by then; `test`: processor time of `-t`.
    """
    found: dict[str, list[float]] = {}
    for number in range(ROUNDS + 1):
        for key, peer in peers.items():
            answer, processor = _first_answer(peer)
            once = {"answer": answer, "processor": processor, "test": _test(peer)}
            if number:  # the first writes bytecode, and fills the system's caches
                for what, seconds in once.items():
                    found.setdefault(f"starting/{what}/{key}", []).append(seconds)
    return {name: statistics.median(values) for name, values in found.items()}


def _first_answer(peer: Peer) -> tuple[float, float]:
    """Seconds from a start to the first answer, and of the server's processor until then."""
    with scratch() as home, World() as world:
        words = world.within(world.client, sys.executable, str(ROOT / "bench/first_answer.py"), CLIENT_INTERFACE)
        client = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert client.stdout is not None
        client.stdout.readline()
        begun = time.monotonic()
        with Running(world, peer, home, _SIZE) as running:
            told, _ = client.communicate(timeout=_PATIENCE_S)
            return float(told) - begun, running.processor_seconds()


def _test(peer: Peer) -> float:
    """Seconds of processor time that a test of the configuration takes."""
    with scratch() as home:
        command = [*peer.command(home, _SIZE)[:-1], "-t"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=peer.environment(), cwd=home)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime + usage.ru_stime
