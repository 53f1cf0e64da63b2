"""Two network namespaces joined by a veth pair, for a server and for the load put on it.

Everything that is made here is removed on exit. It measures nothing.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

SERVER_ADDRESS = "10.0.0.1"
CLIENT_ADDRESS = "10.0.0.2"
SERVER_INTERFACE = "sv0"
CLIENT_INTERFACE = "cl0"


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True)


class World:
    """A context manager; `server` and `client` are the namespaces' names, `target` whom perfdhcp speaks to."""

    target = SERVER_ADDRESS

    def __init__(self, mark: str = "") -> None:
        """Names hold the process id, so that two benchmarks may run at a time; `mark` tells two of one apart."""
        self.server = f"bench{os.getpid()}s{mark}"
        self.client = f"bench{os.getpid()}c{mark}"

    def __enter__(self) -> Self:
        """Make the namespaces, /8 on both ends."""
        for name in (self.server, self.client):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", self.server, "link", "add", SERVER_INTERFACE, "type", "veth",
            "peer", "name", CLIENT_INTERFACE, "netns", self.client)  # fmt: skip
        ends = ((self.server, SERVER_INTERFACE, SERVER_ADDRESS), (self.client, CLIENT_INTERFACE, CLIENT_ADDRESS))
        for name, interface, address in ends:
            _ip("-n", name, "addr", "add", f"{address}/8", "dev", interface)
            _ip("-n", name, "link", "set", interface, "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove them."""
        for name in (self.server, self.client):
            _ip("netns", "del", name, check=False)

    def within(self, namespace: str, *words: str) -> list[str]:
        """The command that runs `words` in a namespace."""
        return ["ip", "netns", "exec", namespace, *words]
