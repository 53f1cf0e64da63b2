"""`dhcpd -play`: which kind of trace it is, what is said of the playback on standard error, and the exit status.

The playing is done elsewhere: playing/ for recordings of this server, isc/ for those of ISC dhcpd.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..isc import import_isc, is_isc_trace
from ..playing.play import play_file, report
from ..playing.verdict import Status, Verdict
from ..showing.statusline import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence


def refusal_lines() -> tuple[str, ...]:
    """ISC's words for `-play` without `-lf`; its trailer for fatal errors follows them.

    See docs/behaviour/isc-trace.md#recording-and-playing.
    """
    return (
        "",
        "** You must specify a lease file with -lf.",
        "   Dhcpd will not overwrite your default",
        "   lease file when playing back a trace. **",
    )


def main(trace_path: str, lease_path: str | None, *, quiet: bool = False) -> int:
    """`dhcpd -play`: play, say on stderr what was found, and return the exit status (verdict.Status).

    Without a lease file ISC's refusal is printed. `quiet` (-q) keeps silent, differences included:
    the exit status alone tells.
    """
    if lease_path is None:
        _say(refusal_lines(), quiet=quiet)
        return int(Status.UNJUDGED)
    progress = Progress() if not quiet and sys.stderr.isatty() else None
    verdict = _play_any(trace_path, os.fspath(lease_path), progress)
    if progress is not None:
        progress.clear()
    _say(report(verdict), quiet=quiet)
    return int(verdict.status)


def _play_any(trace_path: str, lease_path: str, progress: Progress | None) -> Verdict:
    """`play_file`, or the import of a trace file that ISC dhcpd recorded."""
    if not is_isc_trace(trace_path):
        return play_file(trace_path, lease_path, watch=progress)
    try:
        return import_isc(trace_path, None, lease_path, watch=progress).verdict
    except OSError as error:
        where = error.filename or lease_path
        return Verdict(Status.UNJUDGED, damage=f"cannot write the lease file {where}: {error.strerror}")


def _say(lines: Sequence[str], *, quiet: bool) -> None:
    if not quiet:
        for line in lines:
            sys.stderr.write(line + "\n")
