"""The fuzzer, guided by coverage with atheris: `python -m tests.fuzz.run DOOR --seconds N` (`make fuzz`: all doors).

Begins with the seeds in fixtures/fuzz/DOOR and a corpus that grows under .fuzz/DOOR/corpus. What a door raises is kept
in .fuzz/DOOR/found, one file for each place that raises, and the search goes on; libFuzzer itself ends the process at
a hang beyond rescue (30 s) or beyond 1 GiB of memory, and leaves the input there too. Exit status 1 where anything
was found. Afterwards `--minimise` merges what is new into the seeds.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "fixtures" / "fuzz"
WORK = ROOT / ".fuzz"
MEMORY_MIB = 1024
HANG_S = 30
# Instrumented code runs this much slower.
SLOWER = 8
LENGTHS = {"packet": 6000, "configuration": 6000, "leases": 6000, "trace": 12000, "isc": 9000, "pcap": 6000,
           "failover": 2000, "omapi": 4000, "dns": 2000}  # fmt: skip


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("door", choices=sorted(LENGTHS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--child", action="store_true", help="be one process of the search")
    parser.add_argument("--words", default="", help="what libFuzzer tells a process that it starts itself")
    parser.add_argument("--minimise", action="store_true", help="put what is new of the corpus among the seeds")
    return parser.parse_args()


def dictionary(door: str, folder: Path) -> list[str]:
    """The words of the language for libFuzzer to try, in its format."""
    from dhcpd.engine.conf.options import default_registry
    from dhcpd.engine.conf.reading.keywords import IDENTIFIERS

    registry = default_registry()
    words = {str(word) for word in IDENTIFIERS} if door in ("configuration", "leases") else set()
    if door == "configuration":
        words |= {f"{space.name}.{name}" for space in registry.spaces.values() for name in space.by_name}
    path = folder / "words"
    plain = [word for word in sorted(words) if word.isascii() and word.isprintable() and '"' not in word]
    path.write_text("".join(f'"{word}"\n' for word in plain))
    return [f"-dict={path}"] if words else []


class Finds:
    """What was found so far, by the place that raised it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places: set[str] = set()
        self.runs = 0
        self.slowest = 0.0

    def note(self, error: BaseException, data: bytes) -> None:
        frames = [one for one in traceback.extract_tb(error.__traceback__) if "tests/fuzz" not in one.filename]
        place = f"{type(error).__name__} {[(Path(one.filename).name, one.lineno) for one in frames[-2:]]}"
        if place in self.places:
            return
        self.places.add(place)
        name = hashlib.sha1(data, usedforsecurity=False).hexdigest()[:12]
        (self.folder / name).write_bytes(data)
        text = "".join(traceback.format_exception(error))
        (self.folder / f"{name}.txt").write_text(text)
        print(f"FOUND {name}: {place}: {error}", file=sys.stderr, flush=True)


def fuzz(arguments: argparse.Namespace) -> None:
    """What the child does: it never comes back, libFuzzer ends the process."""
    os.environ["FUZZ_LIMIT_S"] = str(SLOWER)
    import atheris

    with atheris.instrument_imports(include=["dhcpd"]):
        from tests.fuzz import doors
    work = WORK / arguments.door
    finds = Finds(work / "found")

    def one(data: bytes) -> None:
        try:
            doors.knock(arguments.door, data)
        except Exception as error:  # noqa: BLE001 - the search goes on
            finds.note(error, data)

    again = work / "again"
    again.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.fuzz.run {arguments.door} --child --words "$*"\n')
    again.chmod(0o755)
    words = [str(again), f"-artifact_prefix={finds.folder}/", f"-timeout={HANG_S}", f"-rss_limit_mb={MEMORY_MIB}",
             f"-max_len={LENGTHS[arguments.door]}", *dictionary(arguments.door, work)]  # fmt: skip
    seeds = str(SEEDS / arguments.door)
    if arguments.words:
        words = [words[0], *arguments.words.split()]
    elif arguments.minimise:
        words += ["-merge=1", seeds, str(work / "corpus")]
    else:
        words += [f"-max_total_time={arguments.seconds}", "-print_final_stats=1", str(work / "corpus"), seeds]
    atheris.Setup(words, one, internal_libfuzzer=True)
    atheris.Fuzz()


def search(door: str, seconds: int, log: Path) -> int:
    """Run children until the time is over: one that met a hang or the limit of memory has ended. Inputs tried."""
    inputs = 0
    until = time.monotonic() + seconds
    while (left := round(until - time.monotonic())) > 0:
        command = [sys.executable, "-m", "tests.fuzz.run", door, "--child", "--seconds", str(left)]
        with log.open("ab") as file:
            subprocess.run(command, cwd=ROOT, stdout=file, stderr=file, check=False)
        tried = re.findall(rb"#(\d+)\t", log.read_bytes())
        done = re.findall(rb"Done (\d+) runs", log.read_bytes())
        if not tried:
            break
        inputs += int(done[-1] if done else tried[-1])
        log.rename(log.with_suffix(f".{int(time.time())}"))
    return inputs


def main() -> None:
    arguments = options()
    work = WORK / arguments.door
    for name in ("corpus", "found"):
        (work / name).mkdir(parents=True, exist_ok=True)
    if arguments.child or arguments.minimise:
        fuzz(arguments)
    began = time.monotonic()
    inputs = search(arguments.door, arguments.seconds, work / "log")
    found = [path for path in (work / "found").iterdir() if path.suffix != ".txt"]
    took = time.monotonic() - began
    print(f"{arguments.door}: {inputs:,} inputs in {took:.0f} s, {len(found)} found", *found, sep="\n  ")
    sys.exit(1 if found or not inputs else 0)


if __name__ == "__main__":
    main()
