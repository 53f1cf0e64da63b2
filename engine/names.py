"""Host names of the configuration: asked for ahead, kept with their answers, asked again when they are old.

ISC resolves a name when a value is evaluated, and stands still meanwhile; the engine may neither wait nor resolve.
So every name is asked for at the start, the answer is kept as long as ISC would keep it, and an
evaluation sees the last answer.

See docs/behaviour/configuration.md#host-names-in-values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..trace.effects import ERROR, Log, Lookup
from .agenda import Owner

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ..trace.effects import Effect
    from ..trace.events import HostAnswer
    from .agenda import Agenda

# As long as ISC keeps an answer and a failure, whatever the TTL says: its resolver does not tell it.
_KEPT_US: Final = 3600 * 1_000_000
_KEPT_AFTER_FAILURE_US: Final = 60 * 1_000_000


class Names:
    """`answers` holds the addresses of each name that has any."""

    __slots__ = ("_agenda", "_outstanding", "answers")

    def __init__(self, agenda: Agenda) -> None:
        """No name is known."""
        self.answers: dict[str, tuple[int, ...]] = {}
        self._agenda = agenda
        self._outstanding: dict[str, None] = {}

    @property
    def all_answered(self) -> bool:
        """Whether no question is open."""
        return not self._outstanding

    def ask(self, names: list[str]) -> None:
        """Note that these names were asked for."""
        self._outstanding.update(dict.fromkeys(names))

    def answer(self, event: HostAnswer, effects: list[Effect]) -> None:
        """Keep an answer; a failure is logged in ISC's words and forgets what was known."""
        self._outstanding.pop(event.name, None)
        kept_us = _KEPT_US
        if event.error:
            effects.append(Log(ERROR, f"{event.name}: {event.error}"))
            self.answers.pop(event.name, None)
            kept_us = _KEPT_AFTER_FAILURE_US
        else:
            self.answers[event.name] = event.addresses
        self._agenda.set(Owner.LOOKUP, event.name, event.wall_us + kept_us)

    def ask_again(self, name: str, effects: list[Effect]) -> None:
        """Ask for a name whose answer is old."""
        self._outstanding[name] = None
        effects.append(Lookup(name))

    def keep(self, names: Collection[str]) -> None:
        """Forget what is known of all other names, and ask for them no more."""
        for name in [one for one in self._known() if one not in names]:
            self.answers.pop(name, None)
            self._outstanding.pop(name, None)
            self._agenda.cancel(Owner.LOOKUP, name)

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Those of the names that were never asked for, or are forgotten."""
        known = set(self._known())
        return [name for name in names if name not in known]

    def _known(self) -> list[str]:
        return [*map(str, self._agenda.keys(Owner.LOOKUP)), *self._outstanding]

    def snapshot(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "answers": {name: list(addresses) for name, addresses in self.answers.items()},
            "outstanding": list(self._outstanding),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take over the data of a snapshot."""
        self.answers.update({name: tuple(addresses) for name, addresses in data["answers"].items()})
        self._outstanding = dict.fromkeys(data["outstanding"])
