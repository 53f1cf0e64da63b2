"""The server as a whole, and its recording."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from ...cli import COMPATIBLE_VERSION
from ...process.build import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...recording.recorder import Recorder
    from ..shapes import Recording, Status
    from ..site import Site

_SECOND_US: Final = 1_000_000


def status(site: Site, _values: Mapping[str, Any]) -> Status:
    """What `dhcpd-admin status` shows."""
    machine, server = site.machine, site.server
    return {
        "version": VERSION,
        "compatible_with": COMPATIBLE_VERSION,
        "pid": os.getpid(),
        "started": site.started_us // _SECOND_US,
        "uptime_s": (site.now_us() - site.started_us) // _SECOND_US,
        "configuration_file": site.configuration,
        "lease_file": site.lease_file,
        "interfaces": list(server.generation.interfaces),
        "networks": len(server.configuration.networks),
        "pools": len(server.configuration.pools),
        "hosts": server.generation.declared.hosts.count,
        "leases": len(server.database),
        "rewriting": machine.rewriting,
        "leaving": machine.leaving,
        "events": machine.events,
        "recording": None if site.recorder is None else recording_object(site.recorder),
    }


def recording(site: Site, _values: Mapping[str, Any]) -> Recording:
    """The recording of the run."""
    return recording_object(site.recording)


def recording_object(recorder: Recorder) -> Recording:
    """A recording as JSON has it."""
    return {
        "file": recorder.path,
        "next_event": recorder.next_event,
        "begun": recorder.begun_us // _SECOND_US,
        "paused": recorder.paused,
        "older_files": recorder.older_files,
    }
