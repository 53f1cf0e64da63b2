"""A failure in a folder: the plan, the recordings of the machines, and what was violated.

    plan.json            the run, to be had again with `dhcpd-trace simulate plan.json`
    server-1-2.trace     the recording of server 1 since its second start; each plays alone, as every recording does
    why.txt              the invariant and what it found, and what happened when: faults, starts, changes of state

A folder that is there stays as it is: the new one is named `SEED.1`, `SEED.2`, ...
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

from .faults import FAULTS
from .plan import CLIENT
from .run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from .plan import Plan, Step
    from .run import Outcome


def new_folder(within: Path, seed: int) -> Path:
    """A folder for a seed's failure. Raises OSError."""
    within.mkdir(parents=True, exist_ok=True)
    for number in count():
        made = within / (f"{seed}.{number}" if number else str(seed))
        with suppress(FileExistsError):
            made.mkdir(mode=0o700)
            return made
    raise AssertionError("count has no end")


def keep(plan: Plan, folder: Path) -> Outcome:
    """Run a plan with its recordings in a folder. Raises OSError."""
    (folder / "plan.json").write_text(plan.text())
    outcome = Run(plan, folder).carry_out()
    (folder / "why.txt").write_text(_why(plan, outcome))
    return outcome


def _why(plan: Plan, outcome: Outcome) -> str:
    said = "nothing was violated" if outcome.violated is None else str(outcome.violated)
    site = ", ".join(f"{name} {value}" for name, value in plan.site._asdict().items())
    steps = [step for step in plan.steps if step.kind != CLIENT and step.at_us <= outcome.at_us]
    lines = [said, f"{outcome.at_us / 1e6:.3f} s after the beginning, {outcome.events} events; seed {plan.seed}", "",
             f"the site: {site}", f"good again from {plan.length_us / 1e6:.0f} s on; what was done till then:",
             *[f"  {_step(step)}" for step in steps]]  # fmt: skip
    return "\n".join(lines) + "\n"


def _step(step: Step) -> str:
    lasts = f" for {step.for_us / 1e6:.1f} s" if step.for_us else ""
    return f"{step.at_us / 1e6:9.3f} s  {step.kind} server-{step.who}{lasts}: {FAULTS[step.kind].what}"
