"""What each verb costs on one file: a process of its own for each, forked from one that has loaded all of them.

    python -m tests.trace.cost_of_verbs FILE VERB WORDS... [-- VERB WORDS...]

Prints a line for each: the verb, its exit status, its processor time in multiples of a fixed loop's (so that a slow
machine is no fault), and the most memory that it had, in MiB.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Final

from dhcpd.replay import verbs
from dhcpd.replay.command.cli import cli

ADDRESS_SPACE_MAXIMUM: Final = 2 << 30
_LOOP: Final = 2_000_000
FAILED: Final = 99


def loop_seconds() -> float:
    """What counting to two millions takes here and now."""
    began = time.process_time()
    count = 0
    while count < _LOOP:
        count += 1
    return time.process_time() - began


def run(path: str, words: list[str], report: int) -> None:
    """Run a verb, and write its line."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_MAXIMUM, ADDRESS_SPACE_MAXIMUM))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    unit = loop_seconds()
    began = time.process_time()
    status: object = 0
    try:
        cli([words[0], path, *words[1:]])
    except SystemExit as end:
        status = end.code
    except BaseException:  # noqa: BLE001 - a traceback is what is looked for
        traceback.print_exc()
        status = FAILED
    loops = (time.process_time() - began) / unit
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) >> 10
    os.write(report, f"{words[0]} {status} {loops:.1f} {peak}\n".encode())
    os._exit(0)


def main() -> None:
    """See the module."""
    for module in pkgutil.iter_modules(verbs.__path__):
        importlib.import_module(f"{verbs.__name__}.{module.name}")
    path, *rest = sys.argv[1:]
    for words in " ".join(rest).split(" -- "):
        child = os.fork()
        if not child:
            run(path, words.split(), os.dup(1))
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
