"""A plan from a seed: a site, its clients' acts, and what befalls it.

The generator is Python's, whose numbers for a seed are the same in every version. Runs are short and eventful: leases
of minutes in small pools, so that addresses are wanted by others as soon as they may be had.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from .faults import FAULTS, SECOND_US
from .plan import CLIENT, Plan, Site, Step
from .sites import SHAPES, servers

if TYPE_CHECKING:
    from collections.abc import Collection

_DRAW: Final = 1 << 48
# The first of it without faults, so that a pair is one before it is hurt, as a rule.
_PEACE_S: Final = 40
_LENGTH_S: Final = (300, 1200)
_CLIENT_EVERY_S: Final = (4, 20)
# The part of all runs in which clients have names in DNS, and how often its server fails.
_NAMED: Final = 0.15
_NAMES_FAIL_EVERY_S: Final = (60, 300)
_BESIDE_NAMES: Final = frozenset({
    "deaf", "lossy", "reset", "stalled", "refused", "reordered", "garbled", "rewrite",
    "bad-rewrite", "reload",
})  # fmt: skip
# The part of all runs in which operators do what nobody may, and do it often: there are many pairs of states.
_WILD: Final = 0.1
_WILD_WEIGHT: Final = 40
_FAULT_EVERY_S: Final = (40, 200)
_WILD_EVERY_S: Final = (8, 25)


def plan(seed: int, kinds: Collection[str] = tuple(FAULTS)) -> Plan:
    """The plan of a seed, with these kinds of faults."""
    random = Random(seed)  # noqa: S311 - to be the same again is what is wanted
    site = _site(random)
    length_us = random.randint(*_LENGTH_S) * SECOND_US
    steps = [*_acts(random, site, length_us), *_faults(random, site, length_us, kinds)]
    return _with_names(Plan(seed, site, length_us, tuple(sorted(steps))), kinds)


def _with_names(plan: Plan, kinds: Collection[str]) -> Plan:
    """The plan with names in DNS, where it is one of those; the draws of all others are as if there were none.

    Servers forget nothing there, and clocks are right: what one was about to say to DNS when it ended is lost
    (judging/naming.py).
    """
    random = Random(f"{plan.seed} names")  # noqa: S311 - to be the same again is what is wanted
    if random.random() >= _NAMED:
        return plan
    names = sorted(kind for kind in kinds if FAULTS[kind].names)
    count = int(plan.length_us / SECOND_US / random.uniform(*_NAMES_FAIL_EVERY_S)) if names else 0
    steps = [step for step in plan.steps if step.kind == CLIENT or step.kind in _BESIDE_NAMES]
    for name in random.choices(names, k=count) if names else ():
        lasts_us = int(random.random() ** 2 * FAULTS[name].longest_s * SECOND_US)
        at_us = random.randint(_PEACE_S * SECOND_US, plan.length_us)
        steps.append(Step(at_us, name, 0, lasts_us, random.randrange(_DRAW)))
    return plan._replace(site=plan.site._replace(names=True), steps=tuple(sorted(steps)))


def _site(random: Random) -> Site:
    shape = random.choice((*SHAPES, "pair"))
    lease_s = random.choice((60, 120, 300, 900))
    addresses = random.choice((3, 6, 10, 20, 40))
    return Site(
        shape=shape,
        addresses=addresses,
        clients=max(3, random.randint(addresses // 2, addresses * 2)),
        relayed=random.choice((0, 2, 3)),
        lease_s=lease_s,
        mclt_s=random.choice((30, 60, 120)),
        response_s=random.choice((10, 20, 40)),
        unacked=random.choice((1, 3, 10, 100)),
        split=random.choice((0, 64, 128, 128, 200, 256)),
        balance_s=random.choice((20, 60, 200)),
        shared_s=random.choice((0, 3, 10)),
        auto_partner_down_s=random.choice((0, 0, 0, 0, 90)),
        ping=random.random() < 0.15,  # noqa: PLR2004 - seldom: each ping costs events
        skews=(0,) * 3,
    )


def _acts(random: Random, site: Site, length_us: int) -> list[Step]:
    every_s = random.uniform(*_CLIENT_EVERY_S)
    count = int(length_us / SECOND_US / every_s)
    return [
        Step(random.randrange(length_us), CLIENT, random.randrange(site.clients), 0, random.randrange(_DRAW))
        for _ in range(count)
    ]


def _faults(random: Random, site: Site, length_us: int, kinds: Collection[str]) -> list[Step]:
    wild = random.random() < _WILD
    kinds = [kind for kind in kinds if not FAULTS[kind].names]
    names = sorted(kind for kind in kinds if wild or not FAULTS[kind].wild) or sorted(kinds)
    if not names:
        return []
    weights = [FAULTS[name].weight * (_WILD_WEIGHT if FAULTS[name].wild else 1) for name in names]
    numbers = servers(site)
    count = int(length_us / SECOND_US / random.uniform(*(_WILD_EVERY_S if wild else _FAULT_EVERY_S)))
    found = []
    for name in random.choices(names, weights, k=count):
        lasts_us = int(random.random() ** 2 * FAULTS[name].longest_s * SECOND_US)
        at_us = random.randint(_PEACE_S * SECOND_US, length_us)
        found.append(Step(at_us, name, random.choice(numbers), lasts_us, random.randrange(_DRAW)))
    return found
