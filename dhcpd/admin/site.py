"""What the routes ask of the running server: its machine's state, its recording, its clock. They change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine.machine import Machine
    from ..engine.service.server import Server
    from ..recording.recorder import Recorder
    from ..replay.looking.figures.counters import Counters


@dataclass(slots=True)
class Site:
    """What answers are made of, read-only. `configuration` and `lease_file` are paths.

    `started_us` is when the program began (microseconds since 1970).
    `recorder` is None where the run is not recorded. `now_us` tells microseconds since 1970. `counters` count what
    passes the door; `overload_dropped` tells how many requests never came so far.
    """

    machine: Machine
    configuration: str
    lease_file: str
    started_us: int
    now_us: Callable[[], int]
    recorder: Recorder | None = None
    counters: Counters | None = None
    overload_dropped: Callable[[], int] = int

    @property
    def server(self) -> Server:
        """The service of the machine."""
        assert self.machine.server is not None, "questions are answered while the machine serves"
        return self.machine.server

    @property
    def recording(self) -> Recorder:
        """The recording; raises Problem 409 where there is none."""
        if self.recorder is None:
            raise Problem(409, "this run is not recorded", "start dhcpd with -tf FILE --trace-max-size 256M")
        return self.recorder
