"""The updates of one lease as plain data: what is removed, what is added then, and which step is under way."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from .records import Names
from .rules import Step, Verdict


class Happened(NamedTuple):
    """What became of one step, for who asks why a client has a name or none.

    `name` is what was added or removed, at `address` (a number). `result`: a word of wire/result.py, empty where
    nothing was asked; `server` the one that said it, 4 or 16 octets. `verdict`: what it came to.
    """

    address: int
    step: Step
    name: bytes
    verdict: Verdict
    result: str = ""
    server: bytes = b""


_CHAIN: Final = (
    "active", "adding", "address", "body", "forward_added", "forward_gone", "owed", "question", "refused",
    "removing", "reverse_added", "reverse_gone", "sends_reverse", "spoilt", "static", "step", "verdict", "word",
    "zone",
)  # fmt: skip


class Chain:
    """The messages of one lease, strictly one after another.

    `removing` comes first, then `adding`; either may be None. `static`: the address is fixed, and nothing is stored.
    `active`: the lease stays its client's while it is removed. `spoilt`: the old name could not be removed, and no new
    one is added. `sends_reverse`: whether a message adds the reverse map. `step` is under way as question number
    `question`, in `zone`; `body` is its message, kept where the zone's server is still sought.

    What has been done so far: `forward_gone`, `reverse_gone`, `forward_added`, `reverse_added`. `refused`: the name
    cannot be had, and is not owed. `verdict` and `word` are the last failure's; `owed` is the number of the entry
    (owed.py) that this chain pays, 0 for none.
    """

    __slots__ = _CHAIN

    def __init__(self, address: int, removing: Names | None, adding: Names | None, *, static: bool = False) -> None:
        """Nothing is under way yet."""
        self.address = address
        self.removing = removing
        self.adding = adding
        self.static = static
        self.active = False
        self.spoilt = False
        self.sends_reverse = True
        self.step = Step.ADD_1
        self.question = 0
        self.body = b""
        self.zone = ""
        self.forward_gone = self.reverse_gone = self.forward_added = self.reverse_added = self.refused = False
        self.verdict = ""
        self.word = ""
        self.owed = 0

    @property
    def still_to_remove(self) -> Names | None:
        """What of `removing` has not gone; None for nothing."""
        names = self.removing
        if names is None:
            return None
        if self.forward_gone:
            names = names._replace(forward=b"", guard=b"")
        if self.reverse_gone:
            names = names._replace(reverse=b"")
        return names if names.guard or names.reverse else None

    @property
    def still_to_add(self) -> Names | None:
        """`adding`, where not all of it has come to be; None for nothing, or where it cannot be had."""
        names = self.adding
        if names is None or self.refused or self.static:
            return None
        forward = self.forward_added or not names.guard
        reverse = self.reverse_added or not names.reverse or not self.sends_reverse
        return None if forward and reverse else names

    def plain(self) -> dict[str, Any]:
        """For a snapshot."""
        made: dict[str, Any] = {name: getattr(self, name) for name in _CHAIN}
        made["step"] = self.step.value
        for name in ("removing", "adding"):
            made[name] = None if made[name] is None else list(made[name])
        return made


def chain_from(data: Any) -> Chain:
    """The chain of a snapshot."""
    made = Chain(data["address"], None, None)
    values = dict(data)
    made.step = Step(values.pop("step"))
    removing, adding = values.pop("removing"), values.pop("adding")
    made.removing = None if removing is None else Names(*removing)
    made.adding = None if adding is None else Names(*adding)
    for name, value in values.items():
        setattr(made, name, value)
    return made
