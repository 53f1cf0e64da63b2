"""A server of a simulated site, watched: every event that it takes and everything that it lets out passes here.

What is done about that is `Watch`'s (run.py has the one implementation). A machine that raises, whatever it is, is a
violation like any other; so is one that ends by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..world.simulated.server import Server

if TYPE_CHECKING:
    from ...engine.failover.endpoint import Endpoint
    from ...engine.model.configuration import Pool
    from ...trace import effects as fx
    from ...trace import events as ev
    from ...trace.effects import Effect
    from ...trace.events import Event
    from ..world.disk import Disk
    from ..world.simulated.server import Surroundings


class Watch(Protocol):
    """Who watches servers."""

    def before(self, node: Node, event: Event) -> None:
        """A server is about to take an event."""

    def after(self, node: Node, event: Event, effects: list[Effect]) -> None:
        """A server has taken an event, and nothing of what it wants is done yet."""

    def leaves(self, node: Node, effect: fx.Send) -> None:
        """A reply leaves, stored or not."""

    def says(self, node: Node, effect: fx.StreamSend) -> None:
        """Something leaves on a connection."""


class Node(Server):
    """See the module. `number` names it in the plan; `boots` counts how often it was started."""

    def __init__(
        self, world: Surroundings, watch: Watch, number: int, name: str, links: tuple[ev.Link, ...], disk: Disk
    ) -> None:
        """Not started yet."""
        super().__init__(world, name, links, disk)
        self.number = number
        self.boots = 0
        self._watch = watch

    def endpoint(self, name: str) -> Endpoint | None:
        """Its end of a relationship, None where it does not run."""
        failover = self.machine.failover
        return failover.endpoints.get(name) if failover is not None and self.running else None

    def pools(self, name: str) -> tuple[Pool, ...]:
        """The pools of a relationship, by the configuration of the run that is or was last."""
        failover = self.machine.failover
        return () if failover is None else failover.pools(failover.endpoints[name])

    def _apply(self, event: Event) -> list[Effect]:
        self._watch.before(self, event)
        return super()._apply(event)

    def told(self, event: Event, effects: list[Effect]) -> None:
        """Record it, and have it judged."""
        super().told(event, effects)
        self._watch.after(self, event, effects)

    def send(self, effect: fx.Send) -> None:
        """A reply leaves."""
        self._watch.leaves(self, effect)
        super().send(effect)

    def stream_send(self, effect: fx.StreamSend) -> None:
        """Something leaves on a connection."""
        self._watch.says(self, effect)
        super().stream_send(effect)
