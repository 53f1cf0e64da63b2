"""Ask ISC dhcpd: plays scenarios to the real server and keeps its answers beside them as NAME.isc.json.

    record.py [--oracle ../shared/oracle/oracle] [--into FOLDER] [--all] SCENARIO.toml...

What is newer than its scenario is left alone unless `--all` is given. Needs root, iproute2 and isc-dhcp-server: the
oracle makes network namespaces and starts the server in them. It judges nothing; the tests do.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
ISC = ["/usr/sbin/dhcpd", "-4"]


def main() -> int:
    """Record what was asked for; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="+", type=Path)
    parser.add_argument("--oracle", type=Path, default=ROOT / "../shared/oracle/oracle")
    parser.add_argument("--into", type=Path, help="a folder for the answers, where not beside the scenarios")
    parser.add_argument("--all", action="store_true", help="record anew what is there already")
    asked = parser.parse_args()
    oracle = _load(asked.oracle)
    for path in asked.scenario:
        kept = (asked.into or path.parent) / f"{path.stem}.isc.json"
        if asked.all or not kept.exists() or kept.stat().st_mtime < path.stat().st_mtime:
            answers = _ask(oracle, path)
            kept.write_text(json.dumps(_plain(answers), indent=1) + "\n")
            print(f"{path.stem}: {_summary(answers)}", flush=True)
    return 0


def _load(path: Path) -> Any:
    """The oracle, which is a script without a suffix, as a module."""
    sys.path.insert(0, str(path.resolve().parent))
    loader = SourceFileLoader("oracle", str(path))
    spec = spec_from_loader("oracle", loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules["oracle"] = module
    loader.exec_module(module)
    return module


def _ask(oracle: Any, path: Path) -> dict[str, Any]:
    """ISC's answers, and the moments at which it was started, spoken to and stopped, in seconds since 1970."""
    moments: list[tuple[str, float]] = []

    class Talk(oracle.Talk):
        def put(self, world: Any, step: dict[str, Any]) -> None:
            super().put(world, step)
            moments.append(("send", time.time()))

    class Server(oracle.Server):
        def start(self, wait: float = 20.0) -> None:
            moments.append(("start", time.time()))
            super().start(wait)

        def stop(self, how: int = signal.SIGTERM) -> int:
            moments.append(("stop", time.time()))
            return super().stop(how)

    plain, oracle.Server = oracle.Server, Server
    try:
        answers = Talk(oracle.load(str(path)), ISC).run()
    finally:
        oracle.Server = plain
    return {**answers, "moments": moments}


def _plain(answers: dict[str, Any]) -> dict[str, Any]:
    """The answers with the log as lines, so that a change to one shows as one."""
    return {**answers, "log": answers["log"].splitlines(), "leases": answers["leases"].splitlines()}


def _summary(answers: dict[str, Any]) -> str:
    """One word a step, for the eye: the kind of each reply, or a dash."""
    words = []
    for row in answers["steps"]:
        if "replies" in row:
            words.append("+".join(reply["message"] for reply in row["replies"]) or "-")
        elif "output" in row:
            words.append("printed")
    return " ".join(words) + f", exit {answers['exit']}"


if __name__ == "__main__":
    sys.exit(main())
