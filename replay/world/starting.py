"""How every run begins: the events from `Boot` to `Listening`, for whoever starts a machine that is no process.

The order is the program's (dhcpd/start.py), which asks the system for what stands here in a record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ...trace import events as ev

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ...disk.configuration import SourceFile
    from ...trace.events import Event

LEASE_FILE: Final = "/var/lib/dhcp/dhcpd.leases"
ETHERNET: Final = 1
_UP_BROADCAST_RUNNING_MULTICAST: Final = 0x1043
_SERVER_PORT: Final = 67


class Beginning(NamedTuple):
    """What a run starts with.

    `files`: the configuration, the main one first. `leases`: the lease file in pieces. `leases` and `links` are asked
    for their items when the configuration was told, so that a generator may look at that. `words` follow those of the
    command line that name the files. `seed` is what the machine's random numbers come from.
    """

    files: Sequence[SourceFile]
    leases: Iterable[bytes] = ()
    links: Iterable[ev.Link] = ()
    lease_file: str = LEASE_FILE
    words: tuple[str, ...] = ()
    version: str = ""
    host_name: str = "localhost"
    seed: bytes = b""
    byte_order: str = "little"
    utc_offset_s: int = 0


def starting(begin: Beginning) -> Iterator[Event]:
    """The events of the start, whose times are to be set. Stop where the machine ends (`Exit`, `Fatal`)."""
    main = begin.files[0].name if begin.files else "dhcpd.conf"
    words = ("-cf", main, "-lf", begin.lease_file, *begin.words)
    order, offset_s = begin.byte_order, begin.utc_offset_s
    yield ev.Boot(0, 0, begin.version, words, (), begin.host_name, 0, begin.seed, _SERVER_PORT, order, offset_s)
    for file in begin.files:
        yield ev.ConfigurationFile(0, 0, *file)
    yield ev.ConfigurationEnd(0, 0, main, reload=False)
    for content in begin.leases:
        yield ev.LeaseFilePart(0, 0, content)
    yield ev.LeaseFileEnd(0, 0, "")
    yield ev.Interfaces(0, 0, tuple(begin.links), "")
    yield ev.Listening(0, 0, plain_udp=False)


def ethernet(name: str, index: int, hardware: bytes, *addresses: tuple[int, int]) -> ev.Link:
    """An Ethernet interface that is up; an address is its number and the length of its network's prefix."""
    return ev.Link(name, index, ETHERNET, hardware, _UP_BROADCAST_RUNNING_MULTICAST, addresses)
