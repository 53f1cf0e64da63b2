"""`dhcpd-trace import-pcap`: captured clients, told to this server with a configuration of one's own."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from ...disk import opening
from ...trace import TapeWriter
from ...trace.effects import ERROR, Log
from ..capture.importing import Capture, Imported, NotImported
from ..capture.importing import import_pcap as imported
from ..command.console import (
    CONFIGURATION_FLAGS,
    JSON,
    LEASE_FILE,
    address,
    complain,
    configuration_files,
    content_of,
    leave,
    output,
    output_option,
    print_json,
    print_pairs,
    watching,
)
from ..playing.leases import LeaseFileFollower
from ..playing.verdict import Status
from ..showing.statusline import Progress

if TYPE_CHECKING:
    from ...trace.effects import Effect
    from ...trace.events import Event

_PART_OCTETS = 1 << 20
# What goes wrong within so many events keeps the server from starting.
_START_EVENTS = 64


@click.command(name="import-pcap")
@click.argument("capture", type=click.Path(dir_okay=True))
@click.option(*CONFIGURATION_FLAGS, "path", required=True, metavar="FILE", help="The configuration to serve with.")
@output_option("Write the recording here.", required=False)
@click.option("--leases", metavar="FILE", help="A lease file to begin with.")
@LEASE_FILE
@click.option(
    "--address", "server", callback=address, metavar="IP",
    help="The server's address on the captured network. [default: of the first server that answers in the capture]",
)  # fmt: skip
@click.option("--port", type=click.IntRange(1, 65_535), default=67, show_default=True, help="The servers' port.")
@JSON
def import_pcap(
    capture: str,
    *,
    path: str,
    out: str | None,
    leases: str | None,
    lease_path: str | None,
    server: int | None,
    port: int,
    as_json: bool,
) -> None:
    """Tell this server what the clients in a capture (pcap or pcapng) said, and make a recording of it.

    The capture's own server may be any; its answers are compared with ours by kind and address, and counted. Exit
    status 0: imported; 2: the capture is damaged (what is before the damage is imported) or none; 125: it cannot be,
    the configuration has errors for one.
    """
    files = configuration_files(path)
    begin = [] if leases is None else _parts(content_of(leases))
    try:
        with (
            output(out, capture) as name,
            open(opening.read_only(capture, sys.maxsize), "rb") as file,  # noqa: PTH123 - a descriptor
            watching(Progress, as_json=as_json) as progress,
            ExitStack() as stack,
        ):
            sink = _Sink(name, lease_path, progress, stack)
            read = Capture(file, capture, port)
            result = imported(read, files, begin, server or 0, sink.tell, version=version("dhcpd"))
            sink.finish()
    except NotImported as error:
        for line in sink.errors:
            complain(line)
        leave(str(error), Status.DAMAGED if read.error is not None else Status.UNJUDGED)
    except OSError as error:
        leave(f"{error.filename or lease_path}: {error.strerror}", Status.UNJUDGED)
    _print(result, out, as_json=as_json)
    sys.exit(Status.DAMAGED if result.damage else Status.SAME)


def _parts(content: bytes) -> list[bytes]:
    return [content[at : at + _PART_OCTETS] for at in range(0, len(content), _PART_OCTETS)]


class _Sink:
    """Where events and effects go; `errors` are the log lines of a start that fails."""

    def __init__(self, out: str | None, lease_path: str | None, progress: Progress | None, stack: ExitStack) -> None:
        self.errors: list[str] = []
        self._tape = None if out is None else stack.enter_context(TapeWriter.create(out, version=version("dhcpd")))
        self._leases = None if lease_path is None else stack.enter_context(LeaseFileFollower(lease_path))
        self._progress = progress
        self._events = 0

    def tell(self, event: Event, effects: list[Effect]) -> None:
        self._events += 1
        if self._events < _START_EVENTS:
            self.errors += [one.text for one in effects if isinstance(one, Log) and one.level == ERROR]
        if self._tape is not None:
            self._tape.write_effects(self._tape.write_events([event]), [effects])
        if self._leases is not None:
            self._leases.event(event)
            self._leases.effects(effects)
        if self._progress is not None:
            self._progress(self._events, event.wall_us)

    def finish(self) -> None:
        """Let the lease file take its name."""
        if self._leases is not None:
            self._leases.install()


def _print(result: Imported, out: str | None, *, as_json: bool) -> None:
    if as_json:
        print_json({
            "output": out,
            "events": result.events,
            "packets": result.packets,
            "answers": result.answers,
            "same": result.same,
            "passed_over": dict(result.left),
            "damage": result.damage,
        })
        return
    rows = [("written", out)] if out is not None else []
    rows += [("packets", f"{result.packets:,} of clients and relays")]
    rows += [("answers", f"{result.answers:,} in the capture, {result.same:,} of them ours too: kind and address")]
    rows += [("passed over", f"{count:,} {what}") for what, count in result.left]
    print_pairs(rows)
    if result.damage:
        complain(result.damage)
