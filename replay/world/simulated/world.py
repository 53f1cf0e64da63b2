"""Servers, clients and what is between them, in one process and on one clock: to test a configuration, or this server.

    world = World()
    world.server("subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.99; }", eth0="10.0.0.1/24")
    assert world.client("02:00:00:00:00:01").bind().address == "10.0.0.10"

The servers are the real engine; what they run on is not: time jumps from one thing to the next, disks are octets, and
networks do what a test wants (network.py, tcp.py, ../disk.py). One generator of random numbers decides whatever is by
chance, so that a world of the same seed is the same world.
"""

from __future__ import annotations

import os
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from ....disk.configuration import SourceFile, read_files
from ..disk import Disk
from ..host import START_US
from ..starting import Beginning, ethernet
from .client import Client
from .clock import Clock
from .network import Network
from .server import Server
from .tcp import Peer, Tcp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from ....engine.model.spaces import Registry
    from ....trace import events as ev

_SEED_OCTETS: Final = 32
_LINES_TOLD: Final = 8
_SERVER_HARDWARE: Final = 0x02FE_0000_0000
_FIRST_INDEX: Final = 2


class World:
    """A world of `servers` by name, on one clock. Leaving `with World() as world:` stops them, their recordings whole.

    `names`: host name -> its addresses, for dhcpd.conf's names and `get-lease-hostnames`. `dns_servers`: address ->
    what answers DNS messages there, octets to octets or None. `random` is the one generator of everything by chance.
    """

    def __init__(self, seed: int = 0, *, start_us: int = START_US) -> None:
        """Nobody is there yet; `start_us` is the time, in microseconds since 1970."""
        self.random = Random(seed)  # noqa: S311 - to be the same again is what is wanted
        self.clock = Clock(start_us)
        self.network = Network(self.clock, self.random)
        self.tcp = Tcp(self.network, self.clock)
        self.servers: dict[str, Server] = {}
        self.names: dict[str, list[str]] = {}
        self.dns_servers: dict[str, Callable[[bytes], bytes | None]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for server in self.servers.values():
            server.stop()

    def server(
        self,
        configuration: str | Path,
        *,
        name: str = "server",
        leases: str = "",
        words: tuple[str, ...] = (),
        recording: str | Path | None = None,
        **interfaces: str,
    ) -> Server:
        """Start a server: with dhcpd.conf as text, or as the path of a file whose includes are read too.

        `interfaces` are its addresses as `eth0="10.0.0.1/24"`, each on the wire of the same name. `leases` is the text
        of its lease file, `words` are more of the command line. `recording` names a file that `dhcpd-trace` reads. Of
        several servers each has a `name`, and the same name again is the same machine with the same disk.
        Raises NotStarted, with the log, where the configuration is not to be served.
        """
        found = self.servers.get(name)
        if found is None:
            links = self._links(interfaces)
            found = self.servers[name] = Server(self, name, links, Disk(leases.encode()))
            self.network.servers.append(found)
        begin = Beginning(_files(configuration), words=words, host_name=name, seed=self.random.randbytes(_SEED_OCTETS))
        found.boot(begin, None if recording is None else Path(recording))
        return found

    def client(
        self, hardware: str, *, wire: str = "", relay: str = "", options: Mapping[int, bytes] | None = None
    ) -> Client:
        """A client with a hardware address, on a wire: the first server's first where none is named.

        With `relay`, the address of a relay agent, it is on a wire of its own. `options` (by code) are in all messages.
        """
        first = next((wire for server in self.servers.values() for wire in server.wires), "eth0")
        address = int(IPv4Address(relay)) if relay else 0
        made = Client(
            self.network, self.clock, self, bytes.fromhex(hardware.replace(":", "")),
            wire=wire or ("behind " + relay if relay else first), relay=address, options=options,
        )  # fmt: skip
        self.network.clients.append(made)
        return made

    def occupy(self, address: str) -> None:
        """Have somebody who is no client of the servers answer pings at an address."""
        self.network.in_use.add(int(IPv4Address(address)))

    def peer(self, name: str, address: str) -> Peer:
        """A party of the test's own at an address, to speak TCP with servers: OMAPI, failover."""
        return Peer(self.tcp, name, int(IPv4Address(address)))

    def wait(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Let time go by, with all that happens in it."""
        self.clock.wait(seconds + 60 * (minutes + 60 * (hours + 24 * days)))

    # What clients' tests want to know (client.Servers)

    def registry(self, server: str) -> Registry | None:
        """The options that a server's configuration knows."""
        configuration = self.servers[server].machine.configuration
        return None if configuration is None else configuration.registry

    def last_lines(self) -> tuple[str, ...]:
        """The end of the servers' logs."""
        return tuple(line for server in self.servers.values() for line in server.lines[-_LINES_TOLD:])

    def _links(self, interfaces: Mapping[str, str]) -> tuple[ev.Link, ...]:
        made = []
        for index, (name, text) in enumerate(interfaces.items(), _FIRST_INDEX):
            hardware = (_SERVER_HARDWARE + 256 * len(self.servers) + index).to_bytes(6, "big")
            address = IPv4Interface(text)
            made.append(ethernet(name, index, hardware, (int(address.ip), address.network.prefixlen)))
        return tuple(made)


def _files(configuration: str | Path) -> list[SourceFile]:
    if isinstance(configuration, Path):
        return list(read_files(os.fspath(configuration)))
    return [SourceFile("dhcpd.conf", configuration.encode(), "")]
