"""One pass over a recording before anything is changed: whom and what it names, and what its configuration looks at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from ...engine.conf.options import ENUMERATIONS, default_registry
from ...engine.conf.reading.keywords import KEYWORDS
from ...engine.conf.reading.parser import parse
from ...engine.model import syntax
from ...engine.startup import load_configuration, read_command_line
from ...trace import Entry
from ...trace import events as ev
from . import sources, state
from .errors import NotRedacted
from .findings import Findings
from .protocols import dns, guards, messages
from .records import ERROR, EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ...trace import Tape
    from ...trace.events import Event
    from ..playing.resume import Beginning
    from .protocols.streams import Streams


# What a recording may unpack to, so that one of a mebibyte cannot keep anybody busy for hours: well-made ones of one
# client's packets over and over unpack to 62 times their length.
_OCTETS_FREE: Final = 8 << 20
_TIMES_MAX: Final = 64


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
            self.files = self.snapshot["files"] | self.snapshot["new_files"]
            self.main = self.snapshot["configuration"]

    def take(self, event: Event) -> None:
        """Take in an event; those behind the beginning count for nothing."""
        if isinstance(event, ev.ConfigurationFile):
            self.files[event.name] = event.error or event.content
        if isinstance(event, ev.Boot | ev.ConfigurationFile | ev.ConfigurationEnd):
            self.machine.apply(event)
        if isinstance(event, ev.ConfigurationEnd):
            self.main = event.name


def survey(tape: Tape, start: Start, streams: Streams) -> Findings:
    """Everything that is named anywhere in the recording; `streams` gets what came on connections."""
    findings = Findings()
    findings.reserved |= _reserved()
    conditions: dict[tuple[bytes, bool], None] = {}
    leases: list[bytes] = []
    left = _OCTETS_FREE + _TIMES_MAX * Path(tape.path).stat().st_size
    if start.snapshot is not None:
        try:
            state.survey(start.snapshot, findings, streams)
            _survey_standing(start, findings, conditions)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise NotRedacted("its snapshot does not hold a state of this version") from error
    for entry in tape.iterate(from_seq=start.from_seq):
        if not isinstance(entry, Entry):
            continue  # it holds nothing that did not come in with an event
        event = entry.event
        left -= sum(len(field) for field in event if isinstance(field, bytes | str))
        if left < 0:
            raise NotRedacted(f"it unpacks to more than {_TIMES_MAX} times its length, as no server's recording does")
        start.take(event)
        if isinstance(event, ev.ConfigurationEnd):
            _survey_whole(start.files, event.name, findings, conditions)
        streams.take(event)
        if isinstance(event, ev.LeaseFilePart):
            leases.append(event.content)
        else:
            look(event, findings)
    lease_file = b"".join(leases)
    sources.survey(lease_file, findings)
    guards.survey(lease_file, findings)
    streams.survey(findings)
    _survey_configuration(start, findings)
    for text, exact in conditions:
        findings.literal(text, exact=exact)
    return findings


def _survey_standing(start: Start, findings: Findings, conditions: dict[tuple[bytes, bool], None]) -> None:
    """The configuration that a snapshot has in force, and the one that waits to be."""
    assert start.snapshot is not None, "there is nothing in force without one"
    _survey_whole(start.snapshot["files"], start.main, findings, conditions)
    if start.snapshot["candidate"] is not None:
        name, files, _parameters = start.snapshot["candidate"]
        _survey_whole(files, name, findings, conditions)


def _survey_whole(
    files: dict[str, bytes | str], name: str, findings: Findings, conditions: dict[tuple[bytes, bool], None]
) -> None:
    """The keys of a configuration that is, or may come, in force; what it compares with is put to `conditions`.

    Those count when all words are known.
    """
    findings.configuration(load_configuration(files, ev.ConfigurationEnd(0, 0, name, reload=True), []))
    conditions |= dict.fromkeys(_literals(parse(files, name, default_registry()).block, exact=True, compared=False))


def look(event: Event, findings: Findings) -> None:
    """Take what an event names, by the table SURVEYS."""
    take = SURVEYS.get(type(event))
    if take is not None:
        take(event, findings)
    for name, kind in EVENTS[type(event)].items():
        if kind == ERROR and any(getattr(event, name)):
            findings.leave("errors in the system's words")


def octets_of(text: str) -> bytes:
    """A text of a record as octets."""
    return text.encode("utf-8", "surrogatepass")


def _boot(event: ev.Boot, findings: Findings) -> None:
    findings.name(octets_of(event.host_name))
    for value in read_command_line(event.arguments).values.values():
        findings.path(octets_of(value))
    for _name, value in event.environment:
        findings.path(octets_of(value))


def _configuration_file(event: ev.ConfigurationFile, findings: Findings) -> None:
    findings.path(octets_of(event.name))
    sources.survey(event.content, findings)


def _interfaces(event: ev.Interfaces, findings: Findings) -> None:
    for link in event.links:
        findings.hardware_address(link.hardware)
        findings.interface(link.name)


def _resolver(event: ev.DnsOpened, findings: Findings) -> None:
    for line in event.resolv_conf.splitlines():
        word, _, rest = line.strip().partition(b" ")
        if word in {b"search", b"domain"}:
            findings.name(rest)


SURVEYS: Final[Mapping[type, Callable[[Any, Findings], None]]] = {
    ev.Boot: _boot,
    ev.ConfigurationFile: _configuration_file,
    ev.Packet: lambda event, findings: messages.survey(event.payload, findings),
    ev.HostAnswer: lambda event, findings: findings.name(octets_of(event.name), plain=True),
    ev.NameAnswer: lambda event, findings: findings.name(octets_of(event.name)),
    ev.Interfaces: _interfaces,
    ev.DnsOpened: _resolver,
    ev.DnsAnswer: lambda event, findings: dns.survey(event.payload, findings),
    ev.StorageFailed: lambda event, findings: findings.path(octets_of(event.path)),
    ev.Remark: lambda _event, findings: findings.leave("lines that the program logged"),
}


# What of the configuration is text for people or for programs, and stays.
_TELLING: Final[Mapping[type[syntax.Node], str]] = {
    syntax.Class: "names of classes",
    syntax.SharedNetwork: "names of shared networks",
    syntax.FailoverPeer: "names of failover relationships",
    syntax.Log: "texts of log statements",
    syntax.Execute: "commands and arguments of execute statements",
}


def _survey_configuration(start: Start, findings: Findings) -> None:
    """Names that only the whole configuration shows, and what of it stays."""
    configuration = start.machine.configuration
    if configuration is not None:
        for name in [*configuration.host_names, *configuration.zones]:
            findings.name(octets_of(name), plain=True)
    parsed = parse(start.files, start.main, default_registry())
    for node in _nodes(parsed.block):
        if type(node) in _TELLING:
            findings.leave(_TELLING[type(node)])


def _nodes(node: Any) -> Iterator[syntax.Node]:
    """A node and all within it."""
    if isinstance(node, list | tuple):
        for part in node:
            yield from _nodes(part)
    elif isinstance(node, syntax.Node):
        yield node
        for name in node.__dataclass_fields__:
            yield from _nodes(getattr(node, name))


def _literals(node: Any, *, exact: bool, compared: bool) -> Iterator[tuple[bytes, bool]]:
    """(text, whether it stands for itself) of every string in a condition or in the name of a subclass."""
    if isinstance(node, syntax.Expression):
        if node.octets is not None and compared:
            yield node.octets, exact
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
    words = {*KEYWORDS, *registry.spaces, "true", "false", "off", "unlimited", "forever"}
    for _octets, values in ENUMERATIONS.values():
        words |= set(values)
    for space in registry.spaces.values():
        words |= set(space.by_name)
    return {word.encode() for word in words}
