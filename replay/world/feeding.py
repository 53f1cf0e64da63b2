"""A new machine fed from something that is no tape: it is started, its timers come, what it asks for is answered.

For who makes a run of what others recorded (isc/, capture/). What those do not hold is made up plainly: no host names,
programs that end with 0, a disk that never fails, nobody who takes a call or answers a DNS message. A subclass says
what becomes of packets sent and addresses pinged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...trace import events as ev
from .host import Host
from .starting import ethernet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ...trace.effects import Effect
    from ...trace.events import Event
    from .starting import Beginning

_TIMERS_AT_ONCE_MAX: Final = 10_000
_HOST_LENGTH: Final = 24
_NO_NAME: Final = "host names, which the file does not hold"


class Feeder(Host):
    """Feeds a machine. `keep` is called with each event and its effects; `left` counts what cannot be played."""

    def __init__(self, pass_on: Callable[[Event, list[Effect]], None], version: str) -> None:
        """`pass_on` gets each event with its effects; `version` is the writing program's, for the Boot event."""
        super().__init__()
        self.events = 0
        self.left: dict[str, int] = {}
        self.last: Event = ev.End(0, 0, "")
        self._pass_on = pass_on
        self._version = version

    def begin(self, begin: Beginning, links: Iterable[tuple[str, int, bytes]], at_us: int) -> None:
        """All that comes before the first packet. Links are (name, address, type and hardware)."""
        self.now_us = self.began_us = at_us
        self.start(begin._replace(links=self._links(links), version=self._version))

    def _links(self, links: Iterable[tuple[str, int, bytes]]) -> Iterator[ev.Link]:
        """The length of a link's network is that of the subnet declared for its address."""
        configuration = self.machine.configuration
        for index, (name, address, hardware) in enumerate(links, 1):
            subnet = None if configuration is None else configuration.find_subnet(address)
            length = _HOST_LENGTH if subnet is None else subnet.prefix_length
            yield ethernet(name, index, hardware[1:], (address, length))._replace(hardware_type=hardware[0])

    def stamp(self) -> tuple[int, int]:
        """A microsecond after what was told before."""
        self.now_us += 1
        return super().stamp()

    def told(self, event: Event, effects: list[Effect]) -> None:
        """Pass on what happened."""
        self.events += 1
        self.last = event
        self._pass_on(event, effects)

    def until(self, at_us: int) -> None:
        """Let the timers come that are due before this moment."""
        for _ in range(_TIMERS_AT_ONCE_MAX):
            if not self.wake_us or self.wake_us >= at_us or self.ended:
                break
            self.fire()

    def finish(self, reason: str) -> None:
        """The last event."""
        self.tell(ev.End(0, 0, reason))

    def leave(self, what: str) -> None:
        """Count something that is not played."""
        self.left[what] = self.left.get(what, 0) + 1

    def addresses_of(self, name: str) -> tuple[tuple[int, ...], str]:
        """No name is known."""
        self.leave(_NO_NAME)
        return super().addresses_of(name)
