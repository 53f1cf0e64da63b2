"""A server of a simulated site, watched: every event that it takes and everything that it lets out passes here.

What is done about that is `Watch`'s (run.py has the one implementation). A machine that raises, whatever it is, is a
violation like any other; so is one that ends by itself.
"""

from __future__ import annotations

from functools import partial
from traceback import extract_tb
from typing import TYPE_CHECKING, Final, Protocol

from ...trace import events as ev
from ..world.simulated.server import Server
from .garbling import garbled
from .judging.promises import Violated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ...engine.failover.endpoint import Endpoint
    from ...trace import effects as fx
    from ...trace.effects import Effect
    from ...trace.events import Event
    from ..world.disk import Disk
    from ..world.simulated.server import Surroundings
    from ..world.starting import Beginning


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

    def ended(self, node: Node) -> None:
        """A server has ended, however that came."""


_ENGINE: Final = "/engine/"


class _PowerFails(Exception):
    """In the middle of an event."""


class Node(Server):
    """A Server (world/simulated) that tells a Watch of each event before and after it, and of each reply that leaves.

    `number` names it in the plan; `boots` counts how often it was started. `fails_in`: behind so many more stores and
    messages the power goes, None for never.
    """

    def __init__(
        self, world: Surroundings, watch: Watch, number: int, name: str, links: tuple[ev.Link, ...], disk: Disk
    ) -> None:
        """Not started yet."""
        super().__init__(world, name, links, disk)
        self.number = number
        self.boots = 0
        # Its relationships have other names than its partners', or its pools so many more addresses.
        self.renamed = False
        # Parts of what it says are missing when they arrive (garbling.py).
        self.garbled = False
        self.longer = 0
        # The power fails behind so many things done (None: it does not), and this part of what is not safe stays.
        self.fails_in: int | None = None
        self.fails_with = 0.0
        # So long after a slice of a rewrite the next one comes; 0: at once.
        self.slice_us = 0
        self._slices = False
        # How late the name server answers now, in microseconds.
        self.names_late_us: Callable[[], int] = lambda: 0
        self._watch = watch

    def endpoint(self, name: str) -> Endpoint | None:
        """Its end of a relationship, None where it does not run."""
        failover = self.machine.failover
        return failover.endpoints.get(name) if failover is not None and self.running else None

    def boot(self, begin: Beginning, recording: Path | None = None) -> None:
        """Start."""
        self.boots += 1
        self.fails_in, self._slices, self.longer = None, False, 0
        super().boot(begin, recording)
        self.slices_at_once = not self.slice_us

    def tell(self, event: Event) -> list[Effect]:
        """Have an event come; the power may fail in the middle of it, and the server may end."""
        try:
            effects = super().tell(event)
        except _PowerFails:
            self.lose_power(self.fails_with)
            self._watch.ended(self)
            return []
        if self.ended and self.running and self.machine.serving:
            self.kill()
            self._watch.ended(self)
        if self.slice_us and not self._slices and self.running and self.machine.rewriting:
            self._slices = True
            self._world.clock.after(self.slice_us, partial(self._go_on, self.machine))
        return effects

    def _go_on(self, machine: object) -> None:
        if machine is self.machine and self.running:
            self._slices = False
            if self.machine.rewriting:
                self.tell(ev.RewriteContinue(0, 0))

    def _apply(self, event: Event) -> list[Effect]:
        self._watch.before(self, event)
        try:
            return super()._apply(event)
        except Exception as error:
            if any(_ENGINE in frame.filename for frame in extract_tb(error.__traceback__)):
                place = extract_tb(error.__traceback__)[-1]
                where = f"{place.filename.rpartition('/')[2]}:{place.lineno}"
                what = f"{self.name} raises {error!r} at {where} for a {type(event).__name__}"
                raise Violated("engine", what) from error
            raise

    def _may_fail(self) -> None:
        if self.fails_in is not None:
            self.fails_in -= 1
            if self.fails_in < 0:
                self.fails_in = None
                raise _PowerFails

    def store(self, effect: fx.Store) -> None:
        """Append; behind it the power may fail."""
        super().store(effect)
        self._may_fail()

    def _ask(self, server: Callable[[bytes], bytes | None], effect: fx.DnsSend, where: str) -> None:
        """The name server does at once what it is told, and takes its time to say so."""
        payload = server(effect.payload)
        self._world.clock.after(self.names_late_us(), partial(super()._ask, lambda _octets: payload, effect, where))

    def _leave(self, effect: fx.Send | fx.StreamSend) -> None:
        self._may_fail()
        super()._leave(effect)

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
        super().stream_send(garbled(effect) if self.garbled else effect)
