"""One pass over a recording before anything is changed: whom and what it names, and what its configuration looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from ...engine.conf.options import default_registry
from ...engine.conf.reading.keywords import KEYWORDS
from ...engine.conf.reading.parser import parse
from ...engine.model import syntax
from ...engine.wire.packet import TYPE_NAMES
from ...trace import Entry
from ...trace import events as ev
from . import messages, sources, state
from .errors import NotRedacted
from .findings import Findings
from .pseudonyms import PIECE

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

# What the server says of its own accord in log lines: a client that bears such a name is not told by it.
_SAID: Final = frozenset(
    {name.lower().encode("ascii") for name in (*TYPE_NAMES.values(), "BOOTREQUEST", "BOOTREPLY")}
    | set(
        b"dhcpd abandoned abandoning added address addresses authorized available before billing bound class classes "
        b"client commit declined different duplicate dynamic error execute failed file forged found free from giaddr "
        b"group groups hardware have hosts ignored incoming interface invalid lease leases limit listening load "
        b"matching memory missing network none offer offered only option packet parse peer ping pool reached receive "
        b"reject released relay remove removed reply request reuse running scope sending server service shared socket "
        b"spawning starting static subnet subnets time timeout unable unavailable unknown using with wrong wrote"
        .split()
    )
)


def survey(tape: Tape, start: Start) -> Findings:
    """Everything that is named anywhere in the recording."""
    findings = Findings()
    findings.reserved |= _reserved()
    server = start.machine.server
    interfaces = [] if server is None else list(server.generation.interfaces)
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
            if isinstance(event, ev.Interfaces):
                interfaces += [link.name for link in event.links]
    sources.survey(b"".join(leases), findings)
    _survey_configuration(start, findings)
    pieces = PIECE.findall(" ".join(interfaces).lower().encode("utf-8", "surrogatepass"))
    findings.give_up(_SAID.union(pieces))
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
