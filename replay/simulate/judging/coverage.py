"""What a simulation is to have met, and what of that it has not: one that visits nothing finds nothing.

Everything that is met is counted under a name (`Counter`): faults, changes of state, announcements, reject reasons and
whatever a run finds worth a line. The names that must come are made here from the engine's own tables, so that a row
that is added there is missed here until it is met.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....engine.failover.rules.binding import Reason
from ....engine.failover.rules.states import ANNOUNCED, BY_NUMBER, LINK_LOST, STARTUP, State

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

_UNKNOWN: Final = State.UNKNOWN


def fault(kind: str) -> str:
    """A fault was done."""
    return f"fault: {kind}"


def moved(verdict: str) -> str:
    """An endpoint went from one state to another; the words are the engine's (Reason "peer")."""
    return f"state: {verdict}"


def announced(mine: State, partners: int) -> str:
    """An endpoint in a state has heard a state of its partner."""
    found = BY_NUMBER.get(partners)
    return f"announced to {mine.word}: {'none' if found is None else found.word}"


def rejected(reason: int) -> str:
    """Something was refused, for a reason by its number on the wire."""
    return f"refused: {Reason(reason).name.lower().replace('_', '-')}"


def expected(kinds: Iterable[str]) -> list[str]:
    """What must come, in order, with these kinds of faults."""
    heard = [announced(mine, int(other)) for (mine, other), move in ANNOUNCED.items() if move.state or move.what]
    lost = [moved(f"{mine.word} -> {new.word}") for mine, new in LINK_LOST.items() if mine is not _UNKNOWN]
    ends = [f"startup -> {state.word}" for state in State if state not in (STARTUP, _UNKNOWN)]
    said = [rejected(reason) for reason in Reason]
    everything = [*map(fault, kinds), *heard, *lost, *map(moved, [*ends, *_REACHED]), *said]
    return [name for name in everything if name not in CANNOT_COME]


# What the tables have, and no pair of this server can come to; why.
CANNOT_COME: Final[dict[str, str]] = {
    rejected(Reason.INVALID_MCLT): "a CONNECT without MCLT just ends its connection, and is not answered",
}
# Changes of state that no table of announcements has: the end of a request, of a wait, of patience, of a server.
_REACHED: Final = (
    "recover -> recover-wait", "recover -> recover-done", "recover-wait -> recover-done",
    "potential-conflict -> conflict-done", "potential-conflict -> normal",
    "communications-interrupted -> partner-down", "normal -> shutdown", "shutdown -> recover",
)  # fmt: skip


def never_met(met: Counter[str], kinds: Iterable[str]) -> list[str]:
    """What must come and has not."""
    return [name for name in expected(kinds) if not met[name]]
