"""Dynamic DNS as a part of the server: its settings, its sockets, and the way of an answer to whom it concerns.

It is always there. Where `ddns-update-style` is none it opens no socket, begins nothing and removes nothing.

See docs/behaviour/dns-updates.md#statements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from ...trace.effects import ERROR, DnsOpen
from .discovery import Discovery, resolvers_of
from .naming import NO_STYLE
from .records import STORED
from .rules import Manner
from .updates import PART as UPDATES
from .updates import UpdateHost, Updates
from .wire.questions import QuestionHost, Questions
from .zones import ZoneHost, Zones

if TYPE_CHECKING:
    from ...trace.effects import Effect
    from ...trace.events import DnsAnswer, DnsOpened
    from ..model.lease import Lease
    from .chain import Happened
    from .naming import Decision
    from .wire.questions import Told

_ANY_4: Final = bytes(4)
_ANY_6: Final = bytes(16)
# ISC's numbers for why a socket cannot be opened.
_NUMBERS: Final = {"EADDRNOTAVAIL": 4, "EADDRINUSE": 5, "EACCES": 6, "EPERM": 6}
_UNEXPECTED: Final = 34
# ... and for why /etc/resolv.conf cannot be read.
_UNEXPECTED_TOKEN: Final = 59
_NO_FAMILY: Final = "EAFNOSUPPORT"


class Settings(NamedTuple):
    """What the global scope says, once. `style`: 0 for none. `source4`, `source6`: the sockets' own addresses.

    `retries`: what fails is tried again (`ddns-retry`).
    """

    style: int = NO_STYLE
    manner: Manner = Manner()
    source4: bytes = _ANY_4
    source6: bytes = _ANY_6
    retries: bool = True


class DdnsHost(UpdateHost, QuestionHost, ZoneHost, Protocol):
    """What dynamic DNS needs of the server."""


class Ddns:
    """The machine's one object for dynamic DNS, to which its events come.

    `settings` are those in force. `failure` is ISC's number for why there are no sockets, or 0.
    `asked` is what the event has to ask of the world, which the machine takes behind the event's replies (`flush`);
    `happened` what became of steps at it, in order, which it empties before the next.
    """

    __slots__ = (
        "_began", "_host", "asked", "discovery", "failure", "happened", "questions", "settings", "updates", "zones",
    )  # fmt: skip

    def __init__(self, host: DdnsHost) -> None:
        """Off, until `settle`."""
        self._host = host
        self._began = False
        self.settings = Settings()
        self.failure = 0
        self.questions = Questions(host)
        self.zones = Zones(host)
        self.discovery = Discovery(self.questions, self.zones)
        self.updates = Updates(host, self.questions, self.zones, self.discovery, self.settings.manner)
        self.asked: list[Effect] = self.questions.effects
        self.happened: list[Happened] = self.updates.happened

    def settle(self, settings: Settings) -> None:
        """Settings of the start, or of a reload: sockets are opened anew where their addresses have changed."""
        before, self.settings = self.settings, settings
        self._apply()
        self.zones.forget()
        opened = self.questions.opened or self.failure
        if settings.style and (not before.style if not opened else settings[2:4] != before[2:4]) and self._began:
            self.open()

    def _apply(self) -> None:
        self.updates.manner = self.settings.manner
        self.updates.retries = self.settings.retries

    def open(self) -> None:
        """The server begins to serve, or a reload has turned it on: open the sockets."""
        self._began = True
        if self.settings.style:
            self.asked.append(DnsOpen((self.settings.source4, self.settings.source6)))

    def opened(self, event: DnsOpened) -> None:
        """The sockets are open, or not: without one of a family that address is not to be had, or the host lacks."""
        self.discovery.resolvers, sound = resolvers_of(event.resolv_conf)
        if not sound:
            self._host.log(ERROR, f"irs_resconf_load failed: {_UNEXPECTED_TOKEN}.")
            text = "startup continuing but DDNS support may be affected"
            self._host.log(ERROR, f"Unable to set resolver from resolv.conf; {text}: result {_UNEXPECTED_TOKEN}")
        told = [error for error in event.errors if error and error != _NO_FAMILY]
        if not told and all(event.errors) and event.errors:
            told = [event.errors[0]]
        self.failure = _NUMBERS.get(told[0], _UNEXPECTED) if told else 0
        if self.failure:
            self._complain()
        else:
            self.questions.open()

    def _complain(self) -> None:
        self._host.log(ERROR, f"Unable to create DNS client context: result: {self.failure}")

    # NameKeeper, and what the service asks

    def left(self, lease: Lease) -> None:
        """The client has the lease no longer: its names go."""
        if self.settings.style and self._able():
            self.updates.left(lease)

    def given(self, lease: Lease) -> None:
        """A partner has given the lease: names of its client that were about to go stay."""
        if self.settings.style:
            self.updates.given(lease)

    def lost(self, lease: Lease) -> None:
        """The lease's address has left the configuration: its names go, and should it come back, it has none."""
        if self.settings.style and self._able():
            self.updates.left(lease)
            self._host.leases.forget_names(lease, STORED)

    def acknowledged(self, lease: Lease, decision: Decision) -> bool:
        """An ACK is about to be given: whether messages about it have begun."""
        if decision.line:
            self._host.log(ERROR, decision.line)
        wants = decision.adding is not None or decision.removes
        if wants and not self._able():
            self.updates.cancel(lease.address)
            return False
        return self.updates.acknowledged(lease, decision)

    def _able(self) -> bool:
        if self.failure:
            self._complain()
        return not self.failure

    # Answers and moments

    def answered(self, event: DnsAnswer) -> None:
        """An answer came, or why there is none."""
        self._pass_on(self.questions.answered(event))

    def due(self, number: int) -> None:
        """A question has had no answer for its time."""
        self._pass_on(self.questions.due(number))

    def owed_due(self, number: int) -> None:
        """It is time to try again what is owed."""
        if self.failure or not self.settings.style or not self.settings.retries:
            self.updates.debts.settle(number)
        else:
            self.updates.due(number)

    def take_owed(self) -> None:
        """The lease file was read: what it says is owed is tried again."""
        if self.settings.style:
            self.updates.take_owed()

    def _pass_on(self, told: Told | None) -> None:
        if told is None:
            return
        if told.asker.part == UPDATES:
            self.updates.told(told)
            return
        sought = self.discovery.told(told)
        if sought is not None:
            self.updates.found(sought)

    def flush(self, effects: list[Effect]) -> None:
        """An event is over: what is to be asked goes out behind its replies."""
        effects += self.asked
        self.asked.clear()

    # Snapshots

    def snapshot(self) -> dict[str, Any]:
        """Everything, as plain data."""
        style, manner, *rest = self.settings
        return {
            "settings": (style, list(manner), *rest),
            "began": self._began,
            "failure": self.failure,
            "questions": self.questions.snapshot(),
            "zones": self.zones.snapshot(),
            "discovery": self.discovery.snapshot(),
            "updates": self.updates.snapshot(),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take over a snapshot."""
        style, manner, *rest = data["settings"]
        self.settings = Settings(style, Manner(*manner), *rest)
        self._apply()
        self._began = data["began"]
        self.failure = data["failure"]
        self.questions.restore(data["questions"])
        self.zones.restore(data["zones"])
        self.discovery.restore(data["discovery"])
        self.updates.restore(data["updates"])
