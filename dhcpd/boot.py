"""What the engine is told before it serves: the process, the configuration with its includes, the lease file.

Reads files and the environment and makes events of them; it understands none of it, and has the engine read what a
reload brings before the event does. Texts for the engine hold one
octet a character (latin-1), so that any file name and any line comes back out as it went in.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

from .disk import opening
from .disk.configuration import read_files, reason
from .engine import startup
from .process.build import VERSION
from .trace.events import Boot, ConfigurationEnd, ConfigurationFile, Interfaces, LeaseFileEnd, LeaseFilePart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .cli import CommandLine, Paths
    from .engine.startup import Reading
    from .trace.events import Event, Link

# What a piece costs in memory for a moment, as it is and packed for a recording, the process keeps.
LEASE_FILE_PART_OCTETS: Final = 1 << 16
_SEED_OCTETS: Final = 32
_DHCP_PORT: Final = 67
_VARIABLES: Final = ("PATH_DHCPD_CONF", "PATH_DHCPD_DB", "PATH_DHCPD_PID", "DHCPD_PORT", "TZ")


def now() -> tuple[int, int]:
    """The two readings that every event begins with: microseconds since 1970, and of a clock that never jumps."""
    return time.time_ns() // 1000, time.monotonic_ns() // 1000


def octets_as_text(text: str) -> str:
    """A word of the command line or the environment as the engine wants it: one character an octet."""
    return os.fsencode(text).decode("latin-1")


def text_as_octets(text: str) -> bytes:
    """The octets of a path that the engine gave, as the system wants it: undoes `octets_as_text`."""
    return text.encode("latin-1", "replace")


def default_port() -> int:
    """The port of the service `dhcp` over udp, or 67."""
    try:
        return socket.getservbyname("dhcp", "udp")
    except OSError:
        return _DHCP_PORT


def boot(line: CommandLine, paths: Paths, port: int, broadcast: str | None) -> Boot:
    """The first event. `port` is that of the service; `broadcast` the address of -s in dotted form, None without."""
    words = ["-cf", paths.configuration, "-lf", paths.lease_file, "-pf", paths.pid_file, "-p", str(port)]
    words += [word for word in ("-q", "-t", "-T", "--no-pid") if word in line]
    if broadcast is not None:
        words += ["-s", broadcast]
    words += line.interfaces
    variables = [(name, octets_as_text(os.environ[name])) for name in _VARIABLES if name in os.environ]
    return Boot(
        *now(),
        version=VERSION,
        arguments=tuple(octets_as_text(word) for word in words),
        environment=tuple(variables),
        host_name=octets_as_text(socket.gethostname()),
        process_id=os.getpid(),
        seed=os.urandom(_SEED_OCTETS),
        dhcp_port=default_port(),
        byte_order=sys.byteorder,
        utc_offset_s=time.localtime().tm_gmtoff,
    )


def broadcast_address(name: str) -> str:
    """The address of -s; a name that does not resolve is silently 255.255.255.255, as in ISC dhcpd."""
    try:
        return socket.gethostbyname(name)
    except (OSError, UnicodeError):
        return "255.255.255.255"


def configuration(path: str, *, reload: bool = False) -> Iterator[Event]:
    """dhcpd.conf, every file that it includes, however deep, and the end of them."""
    for file in read_files(path):
        yield ConfigurationFile(*now(), name=file.name, content=file.content, error=file.error)
    yield ConfigurationEnd(*now(), name=octets_as_text(path), reload=reload)


def read_ahead(events: Sequence[Event]) -> Reading:
    """What the files of a reload come to, for the machine to take when their events pass."""
    files = {one.name: one.error or one.content for one in events if isinstance(one, ConfigurationFile)}
    end = events[-1]
    assert isinstance(end, ConfigurationEnd), "it stands behind the files"
    return startup.read_ahead(files, end.name)


def lease_file(path: bytes) -> Iterator[Event]:
    """The lease file in pieces, then its end."""
    error = ""
    try:
        fd = opening.read_only(path)
        try:
            while part := os.read(fd, LEASE_FILE_PART_OCTETS):
                yield LeaseFilePart(*now(), content=part)
        finally:
            os.close(fd)
    except OSError as problem:
        error = reason(problem)
    yield LeaseFileEnd(*now(), error=error)


def interfaces(links: tuple[Link, ...], error: str) -> Interfaces:
    """The event that tells of the interfaces."""
    return Interfaces(*now(), links=links, error=error)
