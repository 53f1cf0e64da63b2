"""The command line, as ISC dhcpd takes and refuses it.

Two passes over the words: the first looks for a few of them anywhere, even where they are another option's value; the
second is strict. That `-cf --version` prints the version is therefore no mistake. Nothing is opened or printed here;
what is wrong comes out as a CommandError, and the caller says it.

The options that ISC has not: `--log-json`, `--against`, `--peer`, `--lint`, `--dump-config`, those that cut a recording
into segments, `--trace-...`, and where the running server is asked, `--admin-socket` and `--metrics-listen`.

See docs/behaviour/start.md#options-of-the-command-line.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from . import quantities
from .engine.model import notices
from .process.build import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# Scripts that ask ISC dhcpd for its version compare this; lease files and clients see the same behaviour.
COMPATIBLE_VERSION: Final = "isc-dhcpd-4.4.3-P1"
CONFIGURATION_FILE: Final = "/etc/dhcp/dhcpd.conf"
LEASE_FILE: Final = "/var/lib/dhcp/dhcpd.leases"
PID_FILE: Final = "/var/run/dhcpd.pid"

_PORT_MAXIMUM: Final = 65_535
_INTERFACE_NAME_OCTETS_MAXIMUM: Final = 15
_DECIMAL: Final = re.compile(r"\s*[+-]?[0-9]+", re.ASCII)

_USAGE: Final = """Usage: {0} [-p <UDP port #>] [-f] [-d] [-q] [-t|-T]
             [-4|-6] [-cf config-file] [-lf lease-file]
             [-user user] [-group group] [-chroot dir]
             [-tf trace-output-file]
             [--trace-max-size size] [--trace-keep time] [--trace-total size]
             [--against file] [--peer config-file] [--lint] [--dump-config what]
             [--admin-socket path] [--metrics-listen address:port] [--log-json]
             [-play trace-input-file]
             [-pf pid-file] [--no-pid] [-s server]
             [if0 [...ifN]]
       {0} {{--version|--help|-h}}"""

# Every option with the value that it takes, and what it does, in the order of the usage: the manual and the shells'
# completions are made of it, too.
OPTIONS: Final = {
    "-p PORT": "Serve UDP port PORT instead of 67; replies to clients go to the port after it.",
    "-f": "Stay in the foreground.",
    "-d": "Stay in the foreground, and log to standard error too.",
    "-q": "Say nothing on standard error at the start.",
    "-t": "Test the configuration, and end: status 0 where it has no mistake.",
    "-T": "Test the configuration and the lease file, and end.",
    "-4": "Serve DHCPv4, as always.",
    "-6": "Refused: this server has no DHCPv6.",
    "-cf FILE": "The configuration, instead of /etc/dhcp/dhcpd.conf.",
    "-lf FILE": "The lease file, instead of /var/lib/dhcp/dhcpd.leases. It must exist. In playback: the file to write.",
    "-user USER": "Become USER when the sockets are open.",
    "-group GROUP": "Become GROUP when the sockets are open.",
    "-chroot DIRECTORY": "Make DIRECTORY the root directory when the configuration is read.",
    "-tf FILE": "Record the run in FILE, from which -play and dhcpd-trace(1) repeat and explain it.",
    "--trace-max-size SIZE": "Begin a new file of the recording when this one has SIZE octets (64M, 1G).",
    "--trace-keep TIME": "Remove files of the recording that are older than TIME (24h, 7d).",
    "--trace-total SIZE": "Remove the oldest files of the recording when all together have more than SIZE octets.",
    "--against FILE": "With -t: how many leases of FILE would lose their range if this configuration were taken over.",
    "--peer FILE": "With -t: whether FILE, the configuration of the failover partner, fits; status 1 where not.",
    "--lint": "With -t: tell what is accepted and may be regretted; status 2 where there is any.",
    "--dump-config WHAT": "With -t: print what an address, subnet, host or class gets, with the place of each value.",
    "--admin-socket FILE": "Let dhcpd-admin ask and change the running server at this Unix socket, of mode 0660.",
    "--metrics-listen ADDRESS:PORT": "Answer GET /metrics there, for Prometheus, and nothing else.",
    "-play FILE": "Play a recording, compare everything with it, and write the lease file that -lf names.",
    "-pf FILE": "The pid file, instead of /var/run/dhcpd.pid.",
    "--no-pid": "Write no pid file, and look for no other server.",
    "-s SERVER": "Send replies to this address instead of the broadcast address.",
    "--log-json": "Log to standard error as JSON, an object a line, for as long as the server runs.",
    "--version": "Print the version of ISC dhcpd that tools look for, and in a second line this server's own.",
    "--help": "Print the usage.",
}

_FOREGROUND_WORDS: Final = frozenset({"-f", "-d", "-t", "-T", "-play"})


class CommandError(ValueError):
    """The command line is refused with this line; `usage` says whether banner and usage text go with it."""

    def __init__(self, text: str, *, usage: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.usage = usage


@dataclass(slots=True)
class CommandLine:
    """What the command line asks for; None and empty where it says nothing.

    `flags` holds the words without value that were given: -f -d -q -t -T -4 -6 --no-pid --log-json --lint. `notes` are
    lines to log before the banner, `against` the files of `--against`, which may come more than once.
    """

    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    interfaces: list[str] = field(default_factory=list)
    port: int | None = None
    against: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __contains__(self, word: str) -> bool:
        return word in self.flags

    @property
    def testing(self) -> bool:
        """Whether only the configuration, or the lease file too, is to be tested."""
        return "-t" in self.flags or "-T" in self.flags


# What is read of the value, by option.
_RECORDING: Final[dict[str, Callable[[str], int]]] = {
    "--trace-max-size": quantities.octets,
    "--trace-keep": quantities.seconds,
    "--trace-total": quantities.octets,
}
_DECIDING: Final = frozenset({"--version", "--help"})
_FLAGS: Final = frozenset(option for option in OPTIONS if " " not in option) - _DECIDING
_VALUES: Final = frozenset(option.partition(" ")[0] for option in OPTIONS if " " in option)
# Where the running server listens for questions.
ADMIN_WORDS: Final = ("--admin-socket", "--metrics-listen")


def version() -> str:
    """What `--version` prints, without line end: the line that tools look for, then who it is that speaks so."""
    return f"{COMPATIBLE_VERSION}\ndhcpd {VERSION}"


def usage(program: str) -> str:
    """The usage text, without line end."""
    return _USAGE.format(program)


def first_pass(words: Sequence[str]) -> tuple[str, bool]:
    """(`--version` or `--help` where one of them decides everything, else empty; whether to stay in the foreground)."""
    foreground = False
    for word in words:
        if word in _FOREGROUND_WORDS:
            foreground = True
        elif word == "--version":
            return word, foreground
        elif word in ("--help", "-h"):
            return "--help", foreground
    return "", foreground


def second_pass(words: Sequence[str]) -> CommandLine:
    """Sort the words; raises CommandError at the first that is wrong."""
    line = CommandLine()
    rest = iter(words)
    for word in rest:
        if word in _FLAGS:
            _set_flag(line, word)
        elif word in _VALUES:
            _set_value(line, word, rest)
        elif word.startswith("-"):
            raise CommandError(f"Unknown command {word}", usage=True)
        else:
            _add_interface(line, word)
    for word in ("--against", "--peer", "--lint", "--dump-config"):
        if (word in line.values or word in line) and "-t" not in line:
            raise CommandError(notices.TEST_OPTION_ALONE(option=word).text)
    return line


def _set_flag(line: CommandLine, word: str) -> None:
    line.flags.add(word)
    if "-4" in line.flags and "-6" in line.flags:
        raise CommandError("Server cannot run in both IPv4 and IPv6 mode at the same time.")


def _set_value(line: CommandLine, word: str, rest: Iterator[str]) -> None:
    value = next(rest, None)
    # ISC's own options take whatever stands behind them.
    if value is None or (word.startswith("--") and (value in _FLAGS or value in _VALUES)):
        raise CommandError(f"No argument for command: {word} ", usage=True)
    line.values[word] = value
    if word == "--against":
        line.against.append(value)
    if word == "-p":
        line.port = port_number(value)
        line.notes.append(f"binding to user-specified port {line.port}")


def _add_interface(line: CommandLine, name: str) -> None:
    octets = len(os.fsencode(name))
    if octets > _INTERFACE_NAME_OCTETS_MAXIMUM:
        raise CommandError(f"{name}: interface name too long (is {octets})")
    line.interfaces.append(name)


def port_number(text: str) -> int:
    """A UDP port as -p and DHCPD_PORT give it; raises CommandError in ISC's words."""
    if not _DECIMAL.fullmatch(text):
        raise CommandError(f"Invalid port number specification: {text}")
    port = int(text)
    if not 1 <= port <= _PORT_MAXIMUM:
        raise CommandError("Port number specified is out of range (1-65535).")
    return port


def recording_limits(line: CommandLine) -> Limits:
    """What the options `--trace-...` say; raises CommandError where they make no sense."""
    found: dict[str, int] = {}
    for word, read in _RECORDING.items():
        text = line.values.get(word)
        if text is None:
            continue
        if "-tf" not in line.values:
            raise CommandError(notices.RECORDING_OPTION_ALONE(option=word).text)
        try:
            found[word] = read(text)
        except ValueError as error:
            raise CommandError(notices.BAD_QUANTITY(option=word, value=text, problem=error).text) from error
    size, keep, total = (found.get(word, 0) for word in _RECORDING)
    if found and not size:
        raise CommandError(notices.SEGMENT_OPTION_ALONE(option=next(iter(found))).text)
    if 0 < total < size:
        raise CommandError(notices.TRACE_TOTAL_TOO_SMALL().text)
    return Limits(size, keep, total)


@dataclass(slots=True, frozen=True)
class Limits:
    """How a recording is cut: `--trace-max-size` and `--trace-total` in octets, `--trace-keep` in seconds; 0: not."""

    segment_octets: int = 0
    keep_s: int = 0
    total_octets: int = 0


@dataclass(slots=True, frozen=True)
class Paths:
    """The files of this run. `lease_file_given`: the lease file was named by -lf or PATH_DHCPD_DB."""

    configuration: str
    lease_file: str
    pid_file: str
    lease_file_given: bool


def find_paths(line: CommandLine, environment: Mapping[str, str]) -> Paths:
    """Command line over environment over default; a relative lease file must exist (else CommandError).

    In playback the lease file is to be written, and need not exist.

    An empty name is a name as any other: a script whose variable is not set gets an error, and no other files.
    """

    def pick(word: str, variable: str) -> str | None:
        return line.values.get(word, environment.get(variable))

    def pick_or(word: str, variable: str, default: str) -> str:
        found = pick(word, variable)
        return default if found is None else found

    lease_file = pick("-lf", "PATH_DHCPD_DB")
    return Paths(
        pick_or("-cf", "PATH_DHCPD_CONF", CONFIGURATION_FILE),
        LEASE_FILE if lease_file is None else _absolute(lease_file, exists="-play" not in line.values),
        pick_or("-pf", "PATH_DHCPD_PID", PID_FILE),
        lease_file is not None,
    )


def _absolute(path: str, *, exists: bool) -> str:
    if path.startswith("/"):
        return path
    if not path:  # Python's realpath takes it for the current directory
        raise CommandError("Failed to get realpath for : No such file or directory")
    if not exists:
        return os.path.abspath(path)  # noqa: PTH100 - what is to be made is made under this name
    try:
        return os.path.realpath(path, strict=True)
    except OSError as error:
        raise CommandError(f"Failed to get realpath for {path}: {error.strerror}") from error
