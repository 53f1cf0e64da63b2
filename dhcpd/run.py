"""What the start hands to the loop: the open things of one run, and the two ways in which a run ends early."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .lookups import Errands
from .network.sockets import Sockets

if TYPE_CHECKING:
    from .cli import CommandLine, Paths
    from .disk.lease_file import LeaseFile
    from .door import Door, Machine
    from .process.daemon import Daemon
    from .process.logging import Logger
    from .process.privileges import Privileges
    from .recording.recorder import Recorder
    from .trace.effects import Settings


class Finish(Exception):
    """The run is over with this exit status; what had to be said is said."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True)
class Station:
    """Everything that is open. `settings` and `lease_file` come with the start; `wake_us` is the engine's last wish.

    `recorder` is there where the run is recorded.
    """

    line: CommandLine
    paths: Paths
    logger: Logger
    machine: Machine
    door: Door
    daemon: Daemon
    privileges: Privileges
    sockets: Sockets = field(default_factory=Sockets)
    errands: Errands = field(default_factory=Errands)
    settings: Settings | None = None
    lease_file: LeaseFile | None = None
    wake_us: int = 0
    recorder: Recorder | None = None

    def fatal(self, text: str) -> Finish:
        """Say why the run cannot go on; what is returned is to be raised."""
        self.logger.fatal(text)
        return Finish(1)
