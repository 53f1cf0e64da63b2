"""What monitoring scrapes: counters of what passed the door, the machine's state, what the program alone knows."""

from __future__ import annotations

import resource
import time
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from ...replay.looking.figures.exposition import CONTENT_TYPE, families, pieces
from ..problems import Problem
from ..routes import Text

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from prometheus_client.core import Metric

    from ...recording.recorder import Recorder
    from ..site import Site

_SECOND_US: Final = 1_000_000
_PAGE_OCTETS: Final = resource.getpagesize()


def metrics(site: Site, _values: Mapping[str, Any]) -> Generator[None, None, Text]:
    """The exposition, written in slices."""
    if site.counters is None:
        raise Problem(503, "nothing has been counted yet")
    found: list[bytes] = []
    for piece in pieces(chain(families(site.counters), program_metrics(site))):
        found.append(piece)
        yield
    return Text(CONTENT_TYPE, b"".join(found))


def program_metrics(site: Site) -> Iterator[Metric]:
    """What no recording tells: the process, the recorder, what was dropped before the engine saw it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    yield CounterMetricFamily(
        "process_cpu_seconds", "Processor time of the server.", value=usage.ru_utime + usage.ru_stime
    )
    yield GaugeMetricFamily("process_start_time_seconds", "When the server began.", value=site.started_us / _SECOND_US)
    yield GaugeMetricFamily("process_resident_memory_bytes", "Memory of the server.", value=_resident_octets())
    yield GaugeMetricFamily("dhcpd_clock_seconds", "The server's clock.", value=time.time())
    yield CounterMetricFamily(
        "dhcpd_overload_dropped", "Requests thrown away unread, which had waited too long or found no room.",
        value=site.overload_dropped(),
    )  # fmt: skip
    if site.recorder is not None:
        yield from _of_recorder(site.recorder)


def _of_recorder(recorder: Recorder) -> Iterator[Metric]:
    yield CounterMetricFamily("dhcpd_recorder_events", "Events that were recorded.", value=recorder.next_event - 1)
    yield GaugeMetricFamily("dhcpd_recorder_file_bytes", "Octets of the file that is written.", value=recorder.octets)
    yield GaugeMetricFamily("dhcpd_recorder_paused", "Whether there is no room to record.", value=recorder.paused)


def _resident_octets() -> int:
    with open("/proc/self/statm", encoding="ascii") as table:  # noqa: PTH123 - a name of the system's
        return int(table.read().split()[1]) * _PAGE_OCTETS
