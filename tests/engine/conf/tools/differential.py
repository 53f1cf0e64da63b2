"""Ask ISC's `dhcpd -t` and ours about random configurations, whole and damaged, and show where they differ.

    python -m tests.engine.conf.tools.differential [--count N] [--seed S] [--kind valid|damaged] [--size N] [--show N]
                                                   [--keep FILE.json]

Each difference is made as small as it gets before it is shown. `--keep` appends the small cases, with ISC's answers, to
a file in the format of recorded/checks.json. Needs ISC dhcpd; a case takes about 5 ms.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

from tests.engine.conf.grammar import configuration_text
from tests.engine.conf.tools.asking import CRASHED, NAME, OURS, ask_isc, ask_ours, ask_program
from tests.engine.conf.tools.damage import damaged

TRIES_MAXIMUM = 1500


def differs_as(name: str):
    """A test whether two answers differ in the way of that class."""

    def test(files: dict[str, bytes]) -> bool:
        theirs = ask_isc(files)
        if theirs[0] == CRASHED:
            return False
        ours = ask_ours(files)
        return ours != theirs and first_difference(theirs[1], ours[1]) == name

    return test


def smaller(files: dict[str, bytes], test) -> dict[str, bytes]:
    """A case for which the test still holds, with ever smaller pieces of its main file left out."""
    current = files
    tries = 0
    pieces = re.findall(rb"[^\n]*\n|[^\n]+", current[NAME])
    for pattern in (None, rb"\s*[A-Za-z0-9_.-]+|\s+|."):
        pieces = re.findall(pattern, current[NAME], re.DOTALL) if pattern else pieces
        size = max(len(pieces) // 2, 1)
        while size and tries < TRIES_MAXIMUM:
            at = 0
            while at < len(pieces) and tries < TRIES_MAXIMUM:
                tries += 1
                left = pieces[:at] + pieces[at + size :]
                candidate = current | {NAME: b"".join(left)}
                if test(candidate):
                    current, pieces = candidate, left
                else:
                    at += size
            size //= 2
    return current


def first_difference(theirs: list[str], ours: list[str]) -> str:
    """A class for the difference: the first message that differs, with names and numbers left out."""
    for one, other in zip(theirs + ["-"] * len(ours), ours + ["-"] * len(theirs), strict=False):
        if one != other:
            return re.sub(r"\d+", "N", f"{one} | {other}")[:110]
    return "exit status"


def make(seed: int, kind: str, size: int) -> dict[str, bytes]:
    source = random.Random(seed)
    text = configuration_text(source, source.randint(1, size), interfaces=True, execute=False).encode("latin-1")
    files = {NAME: text}
    return damaged(source, files) if kind == "damaged" else files


def show(files: dict[str, bytes], seed: int) -> None:
    theirs, ours = ask_isc(files), ask_ours(files)
    print(f"--- seed {seed}: ISC {theirs[0]}, ours {ours[0]}")
    for name, content in files.items():
        print(f"[{name}] {content!r}")
        print(content.decode("latin-1"))
    print("ISC:  ", *theirs[1], sep="\n    ")
    print("ours: ", *ours[1], sep="\n    ")


def keep(path: Path, files: dict[str, bytes]) -> None:
    """Append a case to a record, unless it is there."""
    cases = json.loads(path.read_text("ascii")) if path.exists() else []
    status, lines = ask_isc(files)
    case = [{name: content.decode("latin-1") for name, content in files.items()}, status, lines]
    if case not in cases:
        cases.append(case)
    path.write_text("[\n" + ",\n".join(json.dumps(one) for one in cases) + "\n]\n", "ascii")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=("valid", "damaged"), default="damaged")
    parser.add_argument("--size", type=int, default=12)
    parser.add_argument("--show", type=int, default=10, help="differences to show, each of another class")
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    classes: collections.Counter[str] = collections.Counter()
    crashed = refused = shown = 0
    for seed in range(asked.seed, asked.seed + asked.count):
        files = make(seed, asked.kind, asked.size)
        theirs = ask_isc(files)
        if theirs[0] == CRASHED:
            crashed += 1
            continue
        refused += theirs[0]
        ours = ask_ours(files)
        if ours == theirs or ask_program(OURS, files) == theirs:
            continue
        name = first_difference(theirs[1], ours[1])
        classes[name] += 1
        if classes[name] == 1 and shown < asked.show:
            shown += 1
            small = smaller(files, differs_as(name))
            show(small, seed)
            if asked.keep:
                keep(asked.keep, small)
    total = sum(classes.values())
    print(f"{asked.count} configurations: {total} differ; ISC refused {refused} and crashed on {crashed}")
    for name, count in classes.most_common():
        print(f"{count:5}  {name}")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
