"""One pass over a recording before anything is changed: whom and what it names, and what its configuration looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ...engine.conf.options import default_registry
from ...engine.conf.reading.keywords import KEYWORDS
from ...engine.conf.reading.parser import parse
from ...engine.model import syntax
from ...trace import Entry
from ...trace import events as ev
from . import messages, sources, state
from .errors import NotRedacted
from .findings import Findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...trace import Tape
    from ...trace.events import Event
    from ..playing.resume import Beginning


class Start:
    """The original machine, led through the beginning: what its configuration says is needed before anything else."""

    def __init__(self, begin: Beginning) -> None:
        self.machine = begin.machine
        self.files: dict[str, bytes | str] = {}
        self.main = ""
        self.from_seq = begin.from_seq
        self.snapshot: dict[str, Any] | None = None
        if begin.snapshot is not None:
            self.snapshot = cast("dict[str, Any]", begin.snapshot.data)
            self.files = dict(self.snapshot["files"])
            self.main = self.snapshot["configuration"]

    def take(self, event: Event) -> None:
        """Take in an event; those behind the beginning count for nothing."""
        if isinstance(event, ev.ConfigurationFile):
            self.files[event.name] = event.error or event.content
        if isinstance(event, ev.Boot | ev.ConfigurationFile | ev.ConfigurationEnd):
            self.machine.apply(event)
        if isinstance(event, ev.ConfigurationEnd):
            self.main = event.name


def survey(tape: Tape, start: Start) -> Findings:
    """Everything that is named anywhere in the recording."""
    findings = Findings()
    findings.reserved |= _reserved()
    leases: list[bytes] = []
    if start.snapshot is not None:
        try:
            state.survey(start.snapshot, findings)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise NotRedacted("its snapshot does not hold a state of this version") from error
    for entry in tape.iterate(from_seq=start.from_seq):
        if not isinstance(entry, Entry):
            continue  # it holds nothing that did not come in with an event
        event = entry.event
        start.take(event)
        if isinstance(event, ev.LeaseFilePart):
            leases.append(event.content)
        elif isinstance(event, ev.ConfigurationFile):
            sources.survey(event.content, findings)
        else:
            _survey_event(event, findings)
    sources.survey(b"".join(leases), findings)
    _survey_configuration(start, findings)
    return findings


def _survey_event(event: Event, findings: Findings) -> None:
    if isinstance(event, ev.Packet):
        messages.survey(event.payload, findings)
    elif isinstance(event, ev.Boot):
        findings.name(event.host_name.encode("utf-8", "surrogatepass"))
    elif isinstance(event, ev.HostAnswer | ev.NameAnswer):
        findings.name(event.name.encode("utf-8", "surrogatepass"))
    elif isinstance(event, ev.Interfaces):
        for link in event.links:
            findings.hardware_address(link.hardware)
            findings.reserved.add(link.name.lower().encode("utf-8", "surrogatepass"))


def _survey_configuration(start: Start, findings: Findings) -> None:
    """Names that only the whole configuration shows, and what its conditions compare with."""
    configuration = start.machine.configuration
    if configuration is not None:
        for name in [*configuration.host_names, *configuration.zones]:
            findings.name(name.encode("utf-8", "surrogatepass"))
    parsed = parse(start.files, start.main, default_registry())
    for text, exact in _literals(parsed.block, exact=True, compared=False):
        findings.literal(text, exact=exact)


def _literals(node: Any, *, exact: bool, compared: bool) -> Iterator[tuple[bytes, bool]]:
    """(text, whether it stands for itself) of every string in a condition or in the name of a subclass."""
    if isinstance(node, syntax.Expression):
        if node.kind == "data" and compared:
            yield bytes(node.arguments[0]), exact  # type: ignore[call-overload]  # syntax.KINDS: octets
        inside = compared or syntax.KINDS[node.kind][0] == "boolean"
        for argument in node.arguments:
            yield from _literals(argument, exact=exact and "regex" not in node.kind, compared=inside)
    elif isinstance(node, list | tuple):
        for part in node:
            yield from _literals(part, exact=exact, compared=compared)
    elif isinstance(node, syntax.Node):
        for name in node.__dataclass_fields__:
            yield from _literals(getattr(node, name), exact=exact, compared=isinstance(node, syntax.Switch))


def _reserved() -> set[bytes]:
    """The language's own words, which are left alone where they stand without quotation marks."""
    registry = default_registry()
    words = {*KEYWORDS, *registry.spaces}
    for space in registry.spaces.values():
        words |= set(space.by_name)
    return {word.encode() for word in words}
