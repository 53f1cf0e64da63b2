"""What operators and the failover partner did to a server, and when: reloads, changes over OMAPI, states of a pair.

A machine is told a recording's events; what is told here of each is found by the data that it has afterwards (the
configuration in force, where endpoints stand) and by its reasons, which it is asked for where OMAPI's octets came.
Requests that changed nothing are not told.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final, NamedTuple

from ...engine.omapi.status import SUCCESS, text_of
from ...trace.effects import ConfigurationRefused, Log, Store
from ...trace.events import ConfigurationEnd, ConfigurationFile, Signal, StreamData, StreamOpened
from ..showing.describe import log_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...engine.machine import Machine
    from ...engine.model.configuration import Configuration
    from ...engine.service.reasons import Reason
    from ...trace import Entry

RELOAD: Final = "reload"
OMAPI: Final = "omapi"
FAILOVER: Final = "failover"
_HANG_UP: Final = 1
_SUCCESS: Final = text_of(SUCCESS)
# Lines of a file beyond which its changes are not counted.
_COMPARED_LINES_MAXIMUM: Final = 20_000


class Operation(NamedTuple):
    """At event `seq`: `kind` is RELOAD, OMAPI or FAILOVER, `who` its origin, `what` what became of it."""

    seq: int
    wall_us: int
    kind: str
    who: str
    what: str


class Operations:
    """Follows a machine on its way. Before an event it is asked `wants_reasons`, behind it `of`."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._configuration: Configuration | None = machine.configuration
        self._files: dict[str, bytes] = {
            name: content for name, content in machine._files.items() if isinstance(content, bytes)
        }
        self._new_files: dict[str, bytes] = {}
        self._asked_by = ""
        self._waits = False
        self._services: dict[int, str] = {}
        self._states = self._standing()

    def wants_reasons(self, entry: Entry) -> bool:
        """Whether the machine is to be asked for its reasons at this event."""
        event = entry.event
        if isinstance(event, StreamOpened):
            self._services[event.stream] = event.service
        return isinstance(event, StreamData) and self._service(event.stream) == OMAPI

    def _service(self, stream: int) -> str:
        """The service of a stream; one that was opened before the recording is the listener's."""
        return self._services.get(stream, OMAPI if self._machine.failover is None else FAILOVER)

    def of(self, entry: Entry, reasons: Sequence[Reason]) -> Iterator[Operation]:
        """What was done at an event that the machine was told just now."""
        event = entry.event
        place = entry.seq, event.wall_us
        if isinstance(event, ConfigurationFile):
            self._new_files[event.name] = event.content
        elif isinstance(event, Signal):
            self._asked_by = "SIGHUP" if event.number == _HANG_UP else self._asked_by
        elif isinstance(event, ConfigurationEnd) and event.reload:
            yield from self._asked(entry)
        configuration = self._machine.configuration
        if configuration is not self._configuration:
            if self._configuration is not None:
                yield Operation(*place, RELOAD, self._asked_by, f"{self._changed()}: in force")
            self._taken_over(configuration)
        if reasons:
            yield from self._written(entry, reasons)
        states = self._standing()
        if states != self._states:
            yield from self._moved(entry, states)
            self._states = states

    # Reloads

    def _asked(self, entry: Entry) -> Iterator[Operation]:
        """A reload that is refused, or waits for the names of hosts; one that is in force is seen by that."""
        place = entry.seq, entry.event.wall_us
        effects = entry.effects or ()
        if any(isinstance(effect, ConfigurationRefused) for effect in effects):
            mistake = next((log_text(one.text) for one in effects if isinstance(one, Log)), "")
            yield Operation(*place, RELOAD, self._asked_by, f"{self._changed()}: not taken over: {mistake}")
            self._new_files = {}
        elif self._machine.configuration is self._configuration:
            yield Operation(*place, RELOAD, self._asked_by, f"{self._changed()}: waits for the names of hosts")

    def _taken_over(self, configuration: Configuration | None) -> None:
        self._configuration = configuration
        self._files, self._new_files = self._new_files or self._files, {}

    def _changed(self) -> str:
        """`/etc/dhcp/dhcpd.conf: 2 lines more, 1 less`."""
        names = sorted({*self._files, *self._new_files})
        told = [_difference(name, self._files.get(name), self._new_files.get(name)) for name in names]
        return "; ".join(filter(None, told)) or "the same files"

    # OMAPI

    def _written(self, entry: Entry, reasons: Sequence[Reason]) -> Iterator[Operation]:
        """Requests at an event at which something was stored: one that is refused may have done its first part."""
        if not any(isinstance(effect, Store) for effect in entry.effects or ()):
            return
        asked = [one for one in reasons if one.step == "object" and not one.subject.startswith("refresh ")]
        writes = [one for one in asked if not one.subject.startswith("open ")] or asked
        for one in writes:
            who, _, names = one.why.partition(", gave ")
            what = f"{one.subject}: {names}" if names else one.subject
            refused = "" if one.verdict == _SUCCESS else f" ({one.verdict})"
            yield Operation(entry.seq, entry.event.wall_us, OMAPI, who, what + refused)

    # Failover

    def _standing(self) -> dict[str, tuple[str, str, str]]:
        """Each relationship's state, why it was entered, and its partner's state."""
        failover = self._machine.failover
        if failover is None:
            return {}
        return {
            name: (one.state.word, one.why, one.partner_state.word) for name, one in failover.endpoints.items()
        }

    def _moved(self, entry: Entry, states: dict[str, tuple[str, str, str]]) -> Iterator[Operation]:
        for name, (mine, why, partner) in states.items():
            before = self._states.get(name, ("", "", ""))
            place = entry.seq, entry.event.wall_us
            if partner != before[2] and before[2]:
                yield Operation(*place, FAILOVER, f"the partner of {name}", f"{before[2]} -> {partner}")
            if mine != before[0]:
                yield Operation(*place, FAILOVER, f"relationship {name}", f"{_arrow(before[0], mine)}: {why}")


def _arrow(before: str, now: str) -> str:
    return f"{before} -> {now}" if before else now


def _difference(name: str, before: bytes | None, now: bytes | None) -> str:
    """What became of a file, empty where it is as it was."""
    if before == now:
        return ""
    if now is None:
        return f"{name}: not included any more"
    if before is None:
        return f"{name}: new"
    old, new = before.splitlines(), now.splitlines()
    if max(len(old), len(new)) > _COMPARED_LINES_MAXIMUM:
        return f"{name}: changed"
    same = sum(block.size for block in SequenceMatcher(None, old, new, autojunk=True).get_matching_blocks())
    made, gone = len(new) - same, len(old) - same
    return f"{name}: {made:,} {'line' if made == 1 else 'lines'} new, {gone:,} gone"

