"""A new configuration for a server that serves: read beside the running one, then taken over at once, or not at all.

A reload is one event, `ConfigurationEnd(reload=True)` behind the files. The candidate is read, its global statements
are tried without doing anything, its interfaces are looked for among the links of the start. Any mistake leaves
everything as it was. Host names that are new are asked for first; when they are answered, `change_over` does it in one
step between two events: no packet meets half of either. What only a start can change is named, a line each.

What is kept: leases, offers, charges, declarations of the run, handlers, variables. A lease whose address has no range
any more is put by until it ends (lease/database.py). Nothing here reads a file.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ..trace.effects import ERROR, Fatal, Log
from ..trace.events import ConfigurationEnd
from . import startup
from .agenda import Owner
from .attach import Discovery, discover
from .conf.building.compile import compile_configuration
from .conf.options import default_registry
from .conf.reading.parser import parse
from .lease.database import Database, Layout
from .lease.embedded import Translation
from .lease.file.dates import DateWriter
from .lease.file.reader import load_lease_file
from .model import notices
from .model.configuration import Configuration, dissolve
from .model.lease import NEVER
from .model.syntax import NOWHERE
from .parameters import StartParameters
from .service.generation import Generation, Interface
from .service.server import ServerSettings
from .wire.text import dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..trace.effects import Effect
    from ..trace.events import Interfaces
    from .lease.database import Rebased
    from .model.configuration import Class, ClassRun
    from .model.context import Bindings
    from .service.server import Server
    from .startup import CommandLine, Reading

# So many leases are named.
_SHOWN: Final = 20
# So many lines are said of mistakes: a file that is no configuration has as many as it has octets.
_LINES_MAXIMUM: Final = 60
_EVERY_ADDRESS: Final = b"subnet 0.0.0.0 netmask 0.0.0.0 { range 0.0.0.1 255.255.255.254; }"
UNCHANGED: Final = "nothing has changed."
# Parameters that are settled with the start: the program has opened, or named, what they say. Name in StartParameters,
# and in the manual.
SETTLED: Final[dict[str, str]] = {
    "lease_file": "lease-file-name",
    "pid_file": "pid-file-name",
    "local_port": "local-port",
    "local_address": "local-address",
    "log_facility": "log-facility",
    "sync": "dont-use-fsync",
    "omapi_port": "omapi-port",
    "omapi_key": "omapi-key",
}


@dataclass(frozen=True)
class Candidate:
    """A configuration without mistakes that may be taken over; `files` are what it was read from.

    `layout`: its addresses', where that was made before.
    """

    files: dict[str, bytes | str]
    name: str
    configuration: Configuration
    parameters: StartParameters
    found: Discovery
    layout: Layout | None = None

    def plain(self) -> tuple[str, dict[str, bytes | str], dict[str, Any]]:
        """For a snapshot: what `candidate_from` makes an equal one of."""
        return self.name, dict(self.files), asdict(self.parameters)


class _Rehearsal:
    """The host of the candidate's global statements while they are tried: it looks up, and does nothing."""

    def __init__(self, server: Server, configuration: Configuration) -> None:
        self._server = server
        self.configuration = configuration
        self.global_bindings: Bindings = dict(server.global_bindings)
        self.host_name = server.host_name
        self.now = server.now
        self.fatal_text = ""

    @property
    def class_runs(self) -> Sequence[ClassRun]:
        """Those of the candidate."""
        return self.configuration.class_runs

    def class_named(self, name: str) -> Class | None:
        """The candidate's."""
        return next((one for one in self.configuration.classes if one.name == name), None)

    def spawned(self, _parent: Class, _key: bytes) -> Class | None:
        """None: there is no packet."""
        return None

    def log(self, _level: int, _text: str) -> None:
        """It will be said when it is done."""

    def execute(self, _arguments: tuple[bytes, ...]) -> None:
        """It will be done when the candidate is taken over."""

    def fatal(self, text: str) -> None:
        """`log (fatal, ...)`: a start would end here."""
        self.fatal_text = self.fatal_text or text

    def addresses_of(self, name: str) -> tuple[int, ...] | None:
        """As the server knows them."""
        return self._server.addresses_of(name)


def read_candidate(
    server: Server,
    line: CommandLine,
    files: dict[str, bytes | str],
    event: ConfigurationEnd,
    interfaces: Interfaces,
    effects: list[Effect],
    ahead: Reading | None = None,
) -> Candidate | None:
    """Read and try a configuration; None, with what is wrong among the effects, where it cannot be taken over.

    `ahead` is used where it is of these files.
    """
    said: list[Effect] = []
    layout: Layout | None = None
    if ahead is not None and ahead.is_of(files, event.name):
        configuration, layout = ahead.configuration, ahead.layout
        said += ahead.effects
    else:
        configuration = startup.load_configuration(files, event, said)
    if configuration is None:
        effects += _mistakes(said, event.name)
        return None
    effects += said
    said = []
    rehearsal = _Rehearsal(server, configuration)
    parameters = startup.settle(rehearsal, line, said)
    found = discover(configuration, interfaces.links, line.interfaces, line.port)
    if parameters is None or rehearsal.fatal_text or found.fatal:
        said += [Fatal(text) for text in (rehearsal.fatal_text, found.fatal) if text]
        effects += _mistakes(said, event.name)
        return None
    return Candidate(files, event.name, configuration, parameters, found, layout)


def fits_run(candidate: Candidate, start: StartParameters, running: Configuration, effects: list[Effect]) -> bool:
    """Whether the candidate keeps what the run cannot do without; says what it does not."""
    return _keeps_key(candidate, start, effects) and _keeps_peers(candidate, running, effects)


def _keeps_key(candidate: Candidate, start: StartParameters, effects: list[Effect]) -> bool:
    """Whether the candidate has the key that OMAPI is served with: without it nobody, or anybody, could ask."""
    key = start.omapi_key
    if start.omapi_port is None or key is None or key.lower() in candidate.configuration.keys:
        return True
    effects += _mistakes([Fatal(notices.RELOAD_OTHER_KEY(key=key).text)], candidate.name)
    return False


def _keeps_peers(candidate: Candidate, running: Configuration, effects: list[Effect]) -> bool:
    """Whether the candidate has the failover relationships of the start: others would need a start of their own."""
    before, after = ({name: replace(peer, place=NOWHERE) for name, peer in one.failover_peers.items()}
                     for one in (running, candidate.configuration))  # fmt: skip
    if before == after:
        return True
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    effects += _mistakes([Fatal(notices.RELOAD_OTHER_PEER(peer=name).text) for name in changed], candidate.name)
    return False


def candidate_from(data: Any, server: Server, line: CommandLine, interfaces: Interfaces) -> Candidate:
    """The candidate of a snapshot. Its parameters are not read again: host names may have got answers since."""
    name, files, parameters = data
    made = read_candidate(server, line, dict(files), ConfigurationEnd(0, 0, name, reload=True), interfaces, [])
    assert made is not None, "a snapshot holds a candidate that was accepted"
    return replace(made, parameters=StartParameters(**parameters))


def _mistakes(said: Iterable[Effect], file: str) -> list[Effect]:
    """What a start would have said before it ended, and that this is no start."""
    lines: list[Effect] = []
    for effect in said:
        if isinstance(effect, Log) and effect.level <= ERROR:
            lines.append(effect)
        elif isinstance(effect, Fatal) and effect.text != startup.CONFIGURATION_ERRORS:
            lines.append(Log(ERROR, effect.text))
    return [*_bounded(lines, file), notices.RELOAD_REFUSED(what=UNCHANGED)]


def _bounded(lines: list[Effect], file: str) -> list[Effect]:
    """The first lines about mistakes, and how many more there are."""
    more = len(lines) - _LINES_MAXIMUM
    if more <= 0:
        return lines
    return [*lines[:_LINES_MAXIMUM], notices.RELOAD_MORE_LINES(lines=more, file=file)]


def settled_lines(before: StartParameters, after: StartParameters) -> list[Effect]:
    """A line for each parameter that the new configuration changes and only a start can."""
    changed = [name for name in SETTLED if getattr(before, name) != getattr(after, name)]
    return [notices.RELOAD_NEEDS_RESTART(what=SETTLED[name]) for name in changed]


def changed_settings(settings: ServerSettings, parameters: StartParameters) -> ServerSettings:
    """The settings with what parameters may change in a run: all but the port that the sockets have."""
    return ServerSettings(
        local_port=settings.local_port,
        remote_port=parameters.remote_port or 0,
        broadcast_address=parameters.broadcast_address or 0,
        abandon_lease_time=parameters.abandon_lease_time,
        delayed_ack=parameters.delayed_ack,
        max_ack_delay_us=parameters.max_ack_delay_us,
        server_id_check=parameters.server_id_check,
        check_secs_byte_order=parameters.check_secs_byte_order,
    )


def interface_lines(served: Sequence[str], found: Discovery) -> list[Effect]:
    """A line for each interface that would be served now, and for each that has no network any more."""
    now = [one.name for one in found.served]
    lines: list[Effect] = [notices.RELOAD_NEW_INTERFACE(name=name) for name in now if name not in served]
    lines += [notices.RELOAD_LOST_INTERFACE(name=name) for name in served if name not in now]
    return lines


def interfaces_of(served: Sequence[str], event: Interfaces, found: Discovery) -> dict[str, Interface]:
    """The interfaces whose sockets are open, each with the network that a configuration gives it."""
    networks = {one.name: one.network for one in found.served}
    made: dict[str, Interface] = {}
    for name in served:
        links = [link for link in event.links if link.name == name]
        address = next((link.addresses[0][0] for link in links if link.addresses), 0)
        made[name] = Interface(name, links[-1].hardware if links else b"", address, networks.get(name))
    return made


def change_over(
    server: Server, candidate: Candidate, interfaces: dict[str, Interface], log: Callable[[int, str], None]
) -> None:
    """Put the candidate in force, with everything that the run has learned, and say what that meant."""
    before = server.configuration
    outcome = server.database.rebase(candidate.configuration, server.now, candidate.layout)
    generation = Generation(server.database.declared, server.utc_offset_s, log)
    server.leases.rebase(before.pools, generation.records)
    generation.interfaces = interfaces
    server.generation = generation
    Translation(generation.declared, server.database.charges).translate_variables(server.global_bindings)
    _settle_pools(server, before)
    for address in outcome.orphans:
        if server.offers.pop(address, None) is not None:
            server.agenda.cancel(Owner.PING, address)
    server.effects += _outcome_lines(candidate, outcome)
    server.settings = changed_settings(server.settings, candidate.parameters)
    server.ddns.settle(candidate.parameters.ddns)
    for lease in outcome.lost:
        server.ddns.lost(lease)
    dissolve(before)


def against(configuration: Configuration, leases: list[bytes], name: str, now: int) -> list[str]:
    """What taking over `configuration` would mean for the leases of a file, given in pieces, in lines.

    `now` is in seconds since 1970. The file is read as that of a server that has every address, and rebased as a
    running server's leases are.
    """
    registry = default_registry()
    everything = parse({"all": _EVERY_ADDRESS}, "all", registry)
    database = Database(compile_configuration(everything.block, registry))
    load_lease_file(leases, database, database.configuration, lambda _level, _text: None, name, now)
    used = len(database)
    lost = database.rebase(configuration, now).orphans
    if not lost:
        return [f"{name}: of its {used} leases none that is in use would lose its range."]
    shown = [f"  {dotted(address)} until {_moment(database.orphans[address].ends)}" for address in lost[:_SHOWN]]
    if len(lost) > _SHOWN:
        shown.append(f"  and {len(lost) - _SHOWN} more")
    return [f"{name}: {len(lost)} of its {used} leases are in use and would have no range any more:", *shown]


def _moment(second: int) -> str:
    """A date as in the lease file, without the day of the week."""
    return "their release" if second >= NEVER else DateWriter(local=False, utc_offset_s=0).text(second)[2:-1] + " UTC"


def _settle_pools(server: Server, before: Configuration) -> None:
    """Pools are told by their number, which a new configuration gives anew: timers, and thresholds that were passed."""
    agenda, database = server.agenda, server.database
    for pool in before.pools:
        agenda.cancel(Owner.POOL, pool.index)
    for pool in server.configuration.pools:
        due = database.next_due(pool, server.leases.partners[pool.index].untimed)
        if due is not None:
            agenda.set(Owner.POOL, pool.index, server.moment_us(due))
    latched, server.latched = server.latched, {}
    for index, low_mark in latched.items():
        ranges = before.pools[index].ranges
        found = server.configuration.find_pool(ranges[0][0]) if ranges else None
        if found is not None:
            server.latched[found.index] = low_mark


def _outcome_lines(candidate: Candidate, outcome: Rebased) -> list[Effect]:
    lines: list[Effect] = [notices.RELOAD_IN_FORCE(file=candidate.name, leases=outcome.leases)]
    if outcome.back:
        lines.append(notices.RELOAD_LEASES_BACK(leases=len(outcome.back)))
    if outcome.orphans:
        lines.append(notices.RELOAD_LEASES_HOMELESS(leases=len(outcome.orphans)))
    return lines
