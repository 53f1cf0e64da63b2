"""The control object's shutdown: its steps, one after the other on the agenda, until the process ends with status 0.

    step          what is done on entering it                  goes on when                       at the latest after
    LISTENERS     accept no more; close what is quiet          no OMAPI connection is left        1 s
    CONNECTIONS   close every connection, delivering           none is left                       5 s
    DROP          close what is left by force                  none is left                       1 s
    DHCP          serve no more clients; tell the partners     every partner knows                5 s
    DONE          record it, take the pid file away, exit 0

The manual promises the sequence and at most 25 seconds; ISC 4.4.3 serves no socket any more from its first moment on
(docs/differences.md). Who asked gets no answer: its connection's end is one.

Source: docs/behaviour/omapi.md#what-this-server-does.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from ...trace.effects import Exit
from ..agenda import Owner

if TYPE_CHECKING:
    from collections.abc import Callable

    from .server import Omapi, OmapiHost

_SECOND_US: Final = 1_000_000


class Step(StrEnum):
    """A step of the shutdown, in its order; what is done in it, and how long at most, is the table above."""

    LISTENERS = "listeners"
    CONNECTIONS = "connections"
    DROP = "drop"
    DHCP = "dhcp"
    DONE = "done"


class Plan(NamedTuple):
    """A step: for how long it waits, and which comes next."""

    wait_us: int
    next: Step


PLAN: Final[dict[Step, Plan]] = {
    Step.LISTENERS: Plan(0, Step.CONNECTIONS),
    Step.CONNECTIONS: Plan(5 * _SECOND_US, Step.DROP),
    Step.DROP: Plan(1 * _SECOND_US, Step.DHCP),
    Step.DHCP: Plan(5 * _SECOND_US, Step.DONE),
}


class Partners(Protocol):
    """The failover relationships, as far as a shutdown asks."""

    def begin_shutdown(self) -> None:
        """Tell each partner that this server goes."""

    def partners_know(self) -> bool:
        """Whether nothing need be waited for."""

    def end_shutdown(self) -> None:
        """Record the state in which this server will start again."""


class Shutdown:
    """The one shutdown of a run. `step` is the one that it is in, None while none was asked for.

    `partners` are asked whether they know, None without failover. It cannot be taken back.
    """

    __slots__ = ("_host", "_omapi", "_stop_serving", "partners", "step")

    def __init__(self, host: OmapiHost, omapi: Omapi, stop_serving: Callable[[], None]) -> None:
        """`stop_serving` has the machine ignore DHCP from now on."""
        self._host = host
        self._omapi = omapi
        self._stop_serving = stop_serving
        self.partners: Partners | None = None
        self.step: Step | None = None

    def begin(self) -> None:
        """The control object was told to; a second time changes nothing."""
        if self.step is None:
            self._enter(Step.LISTENERS)

    def _enter(self, step: Step) -> None:
        self.step = step
        _ENTRIES[step](self)
        plan = PLAN.get(step)
        if plan is not None:
            # At least a microsecond, so that what was asked for can be carried out first.
            self._host.agenda.set(Owner.SHUTDOWN, 0, self._host.now_us + max(plan.wait_us, 1))

    def due(self) -> None:
        """The step has waited long enough."""
        assert self.step is not None, "a moment is entered by a step"
        self._enter(PLAN[self.step].next)

    def look(self) -> None:
        """Something has happened: go on where the step has reached its goal."""
        if self.step in (Step.CONNECTIONS, Step.DROP) and not self._omapi.connections:
            self._host.agenda.cancel(Owner.SHUTDOWN, 0)
            self._enter(Step.DHCP)
        if self.step is Step.DHCP and (self.partners is None or self.partners.partners_know()):
            self._host.agenda.cancel(Owner.SHUTDOWN, 0)
            self._enter(Step.DONE)

    def _end_listening(self) -> None:
        self._omapi.end_listening()

    def _close(self) -> None:
        self._omapi.close_all(flush=True)

    def _drop(self) -> None:
        self._omapi.close_all(flush=False)

    def _leave_dhcp(self) -> None:
        self._stop_serving()
        if self.partners is not None:
            self.partners.begin_shutdown()

    def _end(self) -> None:
        if self.partners is not None:
            self.partners.end_shutdown()
        self._host.effects.append(Exit(0))


_ENTRIES: Final[dict[Step, Callable[[Shutdown], None]]] = {
    Step.LISTENERS: Shutdown._end_listening,
    Step.CONNECTIONS: Shutdown._close,
    Step.DROP: Shutdown._drop,
    Step.DHCP: Shutdown._leave_dhcp,
    Step.DONE: Shutdown._end,
}
