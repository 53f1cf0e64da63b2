"""What the start hands to the loop: the open things of one run, and the two ways in which a run ends early."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .lookups import Background
from .network.dns import Dns
from .network.sockets import Sockets
from .network.streams import Streams
from .process.notify import ServiceManager

if TYPE_CHECKING:
    from .admin.http.server import Admin
    from .cli import CommandLine, Paths
    from .disk.lease_file import LeaseFile
    from .door import Door, Machine
    from .process.daemon import Daemon
    from .process.logging import Logger
    from .process.privileges import Privileges
    from .recording.recorder import Recorder
    from .replay.looking.figures.counters import Counters
    from .trace.effects import Settings


class RunEnded(Exception):
    """The run ends early with this exit status; what there was to say has been logged."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True)
class Run:
    """What one run has open. `settings` and `lease_file` come with the start; `wake_us`: when a `Timer` is due.

    `served` names the interfaces, `recorder` is there where the run is recorded, `admin` where operators may ask.
    `counters` count for them. `pid_file` is there once it is written, by its whole name: the folder is another later.
    """

    line: CommandLine
    paths: Paths
    logger: Logger
    machine: Machine
    door: Door
    daemon: Daemon
    privileges: Privileges
    sockets: Sockets = field(default_factory=Sockets)
    streams: Streams = field(default_factory=Streams)
    dns: Dns = field(default_factory=Dns)
    background: Background = field(default_factory=Background)
    manager: ServiceManager = field(default_factory=ServiceManager)
    settings: Settings | None = None
    lease_file: LeaseFile | None = None
    wake_us: int = 0
    served: tuple[str, ...] = ()
    recorder: Recorder | None = None
    admin: Admin | None = None
    counters: Counters | None = None
    pid_file: str = ""

    def serving_status(self) -> str:
        """Where this run serves, in a line for people."""
        return "Serving on " + ", ".join(self.served)

    def fatal(self, text: str) -> RunEnded:
        """Say why the run cannot go on; what is returned is to be raised."""
        self.logger.fatal(text)
        return RunEnded(1)
