"""Host names of the configuration: asked for ahead, kept with their answers, asked again when they are old.

ISC resolves a name when a value is evaluated, and stands still meanwhile; the engine may neither wait nor resolve.
So every name is asked for at the start, the answer is kept as long as ISC would keep it, and an
evaluation sees the last answer.

See docs/behaviour/configuration.md#host-names-in-values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..trace.effects import ERROR, Log, Lookup

if TYPE_CHECKING:
    from ..trace.effects import Effect
    from ..trace.events import HostAnswer

_KEPT_US: Final = 3600 * 1_000_000
_KEPT_AFTER_FAILURE_US: Final = 60 * 1_000_000


class Names:
    """`answers` holds the addresses of each name that has any; `next_us` is when to ask again, 0 for never."""

    __slots__ = ("_again_us", "_outstanding", "answers", "next_us")

    def __init__(self) -> None:
        """No name is known."""
        self.answers: dict[str, tuple[int, ...]] = {}
        self.next_us = 0
        self._outstanding: dict[str, None] = {}
        self._again_us: dict[str, int] = {}

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
        self._again_us[event.name] = event.wall_us + kept_us
        self.next_us = min(self._again_us.values())

    def ask_again(self, now_us: int, effects: list[Effect]) -> None:
        """Ask for every name whose answer is old."""
        if not self.next_us or now_us < self.next_us:
            return
        old = [name for name, at_us in self._again_us.items() if at_us <= now_us]
        for name in old:
            del self._again_us[name]
            effects.append(Lookup(name))
        self._outstanding.update(dict.fromkeys(old))
        self.next_us = min(self._again_us.values(), default=0)

    def snapshot(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "answers": {name: list(addresses) for name, addresses in self.answers.items()},
            "outstanding": list(self._outstanding),
            "again_us": dict(self._again_us),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take over the data of a snapshot."""
        self.answers.update({name: tuple(addresses) for name, addresses in data["answers"].items()})
        self._outstanding = dict.fromkeys(data["outstanding"])
        self._again_us = dict(data["again_us"])
        self.next_us = min(self._again_us.values(), default=0)
