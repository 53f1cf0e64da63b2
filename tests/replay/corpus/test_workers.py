"""Worker processes and ^C, which a terminal sends to all of them at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import multiprocessing.forkserver, sys, pathlib
from dhcpd.replay.corpus.workers import Processes
with Processes(1, "json") as pool:
    server = multiprocessing.forkserver._forkserver._forkserver_pid
    print(pathlib.Path(f"/proc/{server}/status").read_text(), flush=True)
    print("done", pool.submit(len, "four").result())
"""


def test_a_fork_server_that_is_still_importing_is_not_hit_by_an_interrupt() -> None:
    """It would end with a traceback in the middle of the one line that is to be said."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60,
        cwd=Path(__file__).resolve().parents[3], env={**os.environ, "PYTHONPATH": "."},
    )  # fmt: skip
    (blocked,) = [line for line in done.stdout.splitlines() if line.startswith("SigBlk:")]
    assert int(blocked.split()[1], 16) >> (signal.SIGINT - 1) & 1
    assert "done 4" in done.stdout
