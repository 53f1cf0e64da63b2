"""A run that is to be simulated, as plain data: the site, and what happens in it and when.

Everything by chance was decided when the plan was made (drawing.py), but for how long a datagram takes and which are
lost, which the world draws from the same seed. So a plan is a run; a piece of a plan is a smaller run, and a plan in a
file is a failure to look at again.

Times are microseconds since the beginning of the run, durations microseconds.
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

FORMAT: Final = 1
CLIENT: Final = "client"


class NotAPlan(Exception):
    """The text is not a plan, or one of another version of this program."""


class Site(NamedTuple):
    """Who is there, and how they are configured; times in seconds.

    `shape`: who shares pools with whom, a key of sites.SHAPES. `addresses`: the size of each relationship's pool.
    `clients` is their number, of which every `relayed`th is behind a relay agent (0: none). `skews` are how far the
    servers' clocks are ahead of the world's, in microseconds. `names`: each client has a name in DNS.
    """

    shape: str
    addresses: int
    clients: int
    relayed: int
    lease_s: int
    mclt_s: int
    response_s: int
    unacked: int
    split: int
    balance_s: int
    shared_s: int
    auto_partner_down_s: int
    ping: bool
    skews: tuple[int, ...]
    names: bool = False


class Step(NamedTuple):
    """Something that happens: `kind` is CLIENT or a fault (faults.FAULTS) and `who` a client's or a server's number.

    `draw` is a random number that decides the rest, `for_us` how long a fault lasts that is over by itself.
    """

    at_us: int
    kind: str
    who: int
    for_us: int
    draw: int


class Plan(NamedTuple):
    """A run: what happens until `length_us`, when everything is made good again."""

    seed: int
    site: Site
    length_us: int
    steps: tuple[Step, ...]

    def text(self) -> str:
        """The plan as a JSON text, a step a line."""
        head = {"format": FORMAT, "seed": self.seed, "length_us": self.length_us, "site": self.site._asdict()}
        steps = ",\n".join(json.dumps(step) for step in self.steps)
        return f'{json.dumps(head)[:-1]},\n"steps": [\n{steps}\n]}}\n'

    @classmethod
    def of(cls, text: str) -> Plan:
        """The plan of a text. Raises NotAPlan."""
        try:
            found: dict[str, Any] = json.loads(text)
            if found["format"] != FORMAT:
                raise NotAPlan(f"a plan of format {found['format']}, and not {FORMAT}")
            site = Site(**{**found["site"], "skews": tuple(found["site"]["skews"])})
            steps = tuple([Step(int(at), str(kind), int(who), int(lasts), int(draw))
                           for at, kind, who, lasts, draw in found["steps"]])  # fmt: skip
            return cls(int(found["seed"]), site, int(found["length_us"]), steps)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotAPlan(f"not a plan of a simulation: {error}") from error
