"""The one door into this package for the program: everything that answering needs, loaded and opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import boot
from ..engine.machine import Machine
from ..engine.model import notices
from ..replay.looking.figures.counters import Counters
from .http.listening import Listener, open_tcp, open_unix
from .http.server import Admin
from .site import Site
from .table import ROUTES

if TYPE_CHECKING:
    from ..door import Door
    from ..run import Run


class OpeningFailed(Exception):
    """A socket for operators cannot be opened; the text says which, why, and what to do."""


def open_admin(run: Run) -> Admin:
    """Listen where the command line says; raises OpeningFailed."""
    machine = run.machine
    assert isinstance(machine, Machine), "the program runs the engine's machine"
    listeners = _listeners(run)
    assert run.settings is not None, "the configuration is settled"
    site = Site(
        machine, run.paths.configuration, run.settings.lease_file, boot.now()[0], lambda: boot.now()[0], run.recorder,
        run.counters, lambda: run.sockets.overload_dropped,
    )  # fmt: skip
    return Admin(site, ROUTES, listeners)


def count(machine: Machine, door: Door) -> Counters:
    """Count everything that passes the door, from the first event on, as a playback of the recording does."""
    counters = Counters(machine)
    door.count_by(counters)
    return counters


def _listeners(run: Run) -> list[Listener]:
    path, address = run.line.values.get("--admin-socket"), run.line.values.get("--metrics-listen")
    made: list[Listener] = []
    try:
        if path is not None:
            made.append(open_unix(path, run.privileges))
        if address is not None:
            made.append(open_tcp(address))
    except (OSError, ValueError) as error:
        for one in made:
            one.close()
        name, value = ("--metrics-listen", address) if made or path is None else ("--admin-socket", path)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise OpeningFailed(notices.ADMIN_CANNOT_LISTEN(place=value, option=name, reason=reason).text) from error
    return made
