"""A failure in a folder: the plan, the recordings of the machines, and what was violated.

    plan.json            the run, to be had again with `dhcpd-trace simulate plan.json`
    server-1-2.trace     the recording of server 1 since its second start; each plays alone, as every recording does
    why.txt              the invariant and what it found, and what happened when: faults, starts, changes of state

An older folder of the same name is moved aside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...trace.writer import move_aside
from .faults import FAULTS
from .plan import CLIENT
from .run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from .plan import Plan, Step
    from .run import Outcome


def keep(plan: Plan, folder: Path) -> Outcome:
    """Run a plan with its recordings in a new folder. Raises OSError."""
    if folder.exists():
        move_aside(str(folder))
    folder.mkdir(parents=True, mode=0o700)
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
