"""From the first event to `Server starting service.`: configuration, lease file, interfaces, sockets.

Answers what each step of the start says and asks for, in ISC's order and words. Every step is
an event; nothing is read here that an event did not bring. Serving is machine.py's.

See docs/behaviour/start.md#the-start-in-order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..trace.effects import ERROR, INFO, Effect, Fatal, Listen, Log, Lookup, Settings
from ..trace.events import Boot, ConfigurationEnd
from .attach import Discovery, discover, listening_lines
from .conf.building.compile import compile_configuration
from .conf.options import default_registry
from .conf.reading.parser import parse
from .lease.database import Layout
from .model.configuration import Configuration
from .model.context import Context, OptionSet
from .parameters import BROADCAST, ParameterError, StartParameters, read_start_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..trace.events import Interfaces, LeaseFileEnd, ListenFailed

_PIECE_STATEMENTS: Final = 1_000
CONFIGURATION_ERRORS: Final = "Configuration file errors encountered -- exiting"

_VALUE_WORDS: Final = frozenset({"-cf", "-lf", "-pf", "-p", "-s"})


@dataclass
class CommandLine:
    """What of the command line matters here; the program has filled in every default (docs/architecture.md)."""

    values: dict[str, str] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    interfaces: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        """The server's UDP port."""
        return int(self.values.get("-p", "67"))

    @property
    def test(self) -> str:
        """`T` for -T (which wins), `t` for -t, else empty."""
        if "-T" in self.flags:
            return "T"
        return "t" if "-t" in self.flags else ""

    @property
    def broadcast(self) -> int:
        """The address of -s as a number, else 255.255.255.255."""
        text = self.values.get("-s")
        if text is None:
            return BROADCAST
        value = 0
        for part in text.split("."):
            value = value << 8 | int(part) & 255
        return value


def read_command_line(words: tuple[str, ...]) -> CommandLine:
    """Sort the normalised words of `Boot.arguments`."""
    line = CommandLine()
    rest: Iterator[str] = iter(words)
    for word in rest:
        if word in _VALUE_WORDS:
            line.values[word] = next(rest, "")
        elif word.startswith("-"):
            line.flags.append(word)
        else:
            line.interfaces.append(word)
    return line


def boot_from(data: Sequence[Any]) -> Boot:
    """The event that a snapshot keeps as plain data."""
    boot = Boot(*data)
    environment = tuple((name, value) for name, value in boot.environment)
    return boot._replace(arguments=tuple(boot.arguments), environment=environment)


@dataclass(frozen=True)
class Reading:
    """What the file `name`, with those that it includes, comes to: `effects` says what is wrong with it.

    It follows from the files alone, so that it may be made before the event that brings them. To be used once.
    """

    files: dict[str, bytes | str]
    name: str
    effects: tuple[Effect, ...]
    configuration: Configuration | None
    layout: Layout | None

    def is_of(self, files: dict[str, bytes | str], name: str) -> bool:
        """Whether these are the files that were read."""
        return self.name == name and self.files == files


def read_ahead(files: dict[str, bytes | str], name: str) -> Reading:
    """Read the files of a reload that is to come."""
    effects: list[Effect] = []
    configuration = load_configuration(files, ConfigurationEnd(0, 0, name, reload=True), effects)
    layout = None if configuration is None else Layout.of(configuration)
    return Reading(files, name, tuple(effects), configuration, layout)


def load_configuration(
    files: dict[str, bytes | str], event: ConfigurationEnd, effects: list[Effect], named: Sequence[str] = ()
) -> Configuration | None:
    """Parse and compile; on refusal the reasons and `Fatal` are among the effects.

    `named` are the interfaces of the command line.
    """
    registry = default_registry()
    parsed = parse(files, event.name, registry, named)
    effects += [Log(level, text) for level, text in parsed.lines]
    if parsed.fatal is not None:
        effects.append(Fatal(parsed.fatal))
        return None
    if parsed.failed:
        effects.append(Fatal(CONFIGURATION_ERRORS))
        return None
    configuration = compile_configuration(parsed.block, registry, parsed.requested_interfaces)
    # In pieces, between which another thread may go on: the tree of a large site takes a while to let go.
    while parsed.block:
        del parsed.block[-_PIECE_STATEMENTS:]
    return configuration


def run_global_scope(server: Any, bindings: dict[str, Any]) -> tuple[OptionSet, Context]:
    """Execute the global statements without a packet, as ISC does at the start."""
    options = OptionSet()
    context = Context(server, server.now, None, None, options, bindings)
    server.configuration.global_scope.run(context)
    return options, context


def settle(server: Any, line: CommandLine, effects: list[Effect]) -> StartParameters | None:
    """Read the start parameters, say where the files are, check failover; None when that ends the server."""
    options, context = run_global_scope(server, server.global_bindings)
    try:
        parameters = read_start_parameters(options, context)
    except ParameterError as error:
        effects.append(Fatal(str(error)))
        return None
    key = parameters.omapi_key
    if key is not None and key.lower() not in server.configuration.keys:
        effects.append(Fatal(f"OMAPI key {key}: not found"))
        return None
    _complete(parameters, line)
    effects += [Log(level, text) for level, text in _file_lines(parameters, line)]
    if not _failover_is_sane(server.configuration, effects):
        return None
    effects.append(_settings(parameters, line))
    return parameters


def _complete(parameters: StartParameters, line: CommandLine) -> None:
    """The command line fills what the configuration left open; `local-port` does not move the remote port."""
    parameters.lease_file = parameters.lease_file or line.values.get("-lf", "")
    parameters.pid_file = parameters.pid_file or line.values.get("-pf", "")
    parameters.local_port = line.port if parameters.local_port is None else parameters.local_port
    parameters.remote_port = line.port + 1 if parameters.remote_port is None else parameters.remote_port
    if parameters.broadcast_address is None:
        parameters.broadcast_address = line.broadcast


def _file_lines(parameters: StartParameters, line: CommandLine) -> list[tuple[int, str]]:
    lines: list[tuple[int, str]] = []
    if "-q" not in line.flags:
        lines += [
            (INFO, f"Config file: {line.values.get('-cf', '')}"),
            (INFO, f"Database file: {parameters.lease_file}"),
            (INFO, f"PID file: {parameters.pid_file}"),
        ]
    if not parameters.sync:
        lines.append((ERROR, "Not using fsync() to flush lease writes"))
    if parameters.server_id_check:
        lines.append((INFO, "Setting server-id-check true"))
    return lines


def _settings(parameters: StartParameters, line: CommandLine) -> Settings:
    return Settings(
        lease_file=parameters.lease_file or "",
        pid_file=parameters.pid_file or "",
        log_facility=parameters.log_facility,
        local_port=parameters.local_port or 0,
        remote_port=parameters.remote_port or 0,
        local_address=parameters.local_address,
        sync=parameters.sync,
        test=line.test,
    )


def _failover_is_sane(configuration: Configuration, effects: list[Effect]) -> bool:
    """Every failover peer must be named in a pool (docs/behaviour/configuration.md#after-parsing)."""
    referred = {pool.failover_peer for pool in configuration.pools if pool.failover_referenced}
    idle = [name for name in configuration.failover_peers if name not in referred]
    for name, peer in reversed(list(configuration.failover_peers.items())):
        if name in idle:
            text = (
                f"ERROR: Failover peer, {name}, has no referring pools. "
                "You must refer to each peer in at least one pool declaration."
            )
            effects.append(Log(ERROR, text))
        if not peer.load_balance_max_seconds:
            text = f"load balancing will be disabled for failover peer, {name}, because its load balance max secs is 0"
            effects.append(Log(ERROR, f"WARNING: {text}"))
    if idle:
        effects.append(Fatal("Failover configuration sanity check failed"))
    return not idle


def ask_for_names(names: Iterable[str], effects: list[Effect]) -> list[str]:
    """Ask for host names ahead of their use: the engine never waits for an answer. Returns each name once."""
    wanted = list(dict.fromkeys(names))
    effects += [Lookup(name) for name in wanted]
    return wanted


def lease_file_missing(path: str, event: LeaseFileEnd, effects: list[Effect]) -> None:
    """The lease file could not be read: ISC refuses to start, and so must we (an empty file is fine)."""
    if event.error == "Is a directory":
        effects.append(Fatal(f"Can't read in {path}: {event.error}"))
        return
    effects += [
        Log(ERROR, f"Can't open lease database {path}: {event.error} --"),
        Log(ERROR, "  check for failed database rewrite attempt!"),
        Log(ERROR, "Please read the dhcpd.leases manual page if you"),
        Fatal("don't know what to do about this."),
    ]


def find_interfaces(
    configuration: Configuration, event: Interfaces, line: CommandLine, effects: list[Effect]
) -> Discovery | None:
    """Choose the interfaces; None (and `Fatal`) when the server cannot serve any."""
    if event.error:
        effects.append(Fatal("Can't get list of interfaces."))
        return None
    found = discover(configuration, event.links, line.interfaces, line.port)
    effects += [Log(level, text) for level, text in found.warnings]
    if not found.fatal:
        return found
    effects += listening(found, line, plain_udp=False)
    effects.append(Fatal(found.fatal))
    return None


def listen(found: Discovery) -> Listen:
    """Ask for the sockets, in ISC's order."""
    return Listen(tuple(attachment.name for attachment in found.served))


def listening(found: Discovery, line: CommandLine, *, plain_udp: bool) -> list[Effect]:
    """The lines about every requested interface, those that are served and those that are not."""
    lines: list[Effect] = []
    quiet = "-q" in line.flags
    for level, text, attachment in found.lines:
        if attachment is None:
            lines.append(Log(level, text))
        elif not quiet:
            lines += [Log(INFO, one) for one in listening_lines(attachment, plain_udp=plain_udp)]
    return lines


def listen_failed(event: ListenFailed, effects: list[Effect]) -> None:
    """A socket could not be opened: fatal, but for those that the server can do without."""
    texts: dict[str, list[Effect]] = {
        "icmp": [Log(ERROR, f"unable to create icmp socket: {event.error}")],
        "pid": [Log(ERROR, f"Can't create PID file {event.name}: {event.error}.")],
        "raw": [Fatal(f"Open a socket for LPF: {event.error}")],
        "index": [Fatal(f"Failed to get interface index: {event.error}")],
        "bind": [
            Log(ERROR, f"Can't bind to dhcp address: {event.error}"),
            Log(ERROR, "Please make sure there is no other dhcp server"),
            Log(ERROR, "running and that there's no entry for dhcp or"),
            Log(ERROR, "bootp in /etc/inetd.conf.   Also make sure you"),
            Log(ERROR, "are not running HP JetAdmin software, which"),
            Fatal("includes a bootp server."),
        ],
    }
    effects += texts.get(event.what, [Fatal(f"{event.what} {event.name}: {event.error}")])
