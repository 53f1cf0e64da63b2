"""`dhcpd-trace import-pcap`: captured clients, told to this server with a configuration of one's own."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from importlib.metadata import version
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...trace import TapeWriteFailed, TapeWriter
from ...trace.effects import ERROR, Log
from ..capture.importing import Capture, Imported, NotImported
from ..capture.importing import import_pcap as imported
from ..configuration import read_files
from ..console import JSON, complain, leave, print_json, print_pairs
from ..leases import LeaseFileFollower
from ..play import Progress
from ..verdict import Status

if TYPE_CHECKING:
    from ...trace.effects import Effect
    from ...trace.events import Event

_PART_OCTETS = 1 << 20
# What goes wrong within so many events keeps the server from starting.
_START_EVENTS = 64


def _address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int:
    try:
        return 0 if value is None else int(IPv4Address(value))
    except AddressValueError:
        message = f"{value} is no IPv4 address; write it as 10.0.0.1"
        raise click.BadParameter(message) from None


@click.command(name="import-pcap")
@click.argument("capture", type=click.Path(dir_okay=False))
@click.option("-cf", "configuration", required=True, metavar="FILE", help="The configuration to serve with.")
@click.option("-o", "--output", "out", type=click.Path(dir_okay=False), help="Write the recording here.")
@click.option("--leases", type=click.Path(exists=True, dir_okay=False), help="A lease file to begin with.")
@click.option("--lease-file", "lease_path", type=click.Path(dir_okay=False), help="Write the lease file here.")
@click.option(
    "--address", callback=_address, metavar="IP",
    help="The server's address on the captured network. [default: of the first server that answers in the capture]",
)  # fmt: skip
@click.option("--port", type=click.IntRange(1, 65_535), default=67, show_default=True, help="The servers' port.")
@JSON
def import_pcap(
    capture: str,
    *,
    configuration: str,
    out: str | None,
    leases: str | None,
    lease_path: str | None,
    address: int,
    port: int,
    as_json: bool,
) -> None:
    """Tell this server what the clients in a capture (pcap or pcapng) said, and make a recording of it.

    The capture's own server may be any; its answers are compared with ours by kind and address, and counted. Exit
    status 0: imported; 2: the capture is damaged (what is before the damage is imported) or none; 125: it cannot be,
    the configuration has errors for one.
    """
    files = list(read_files(configuration))
    if files[0].error:
        leave(f"{configuration}: {files[0].error}", Status.UNJUDGED)
    begin = [] if leases is None else _parts(Path(leases).read_bytes())
    progress = Progress() if sys.stderr.isatty() and not as_json else None
    try:
        with open(capture, "rb") as file, ExitStack() as stack:  # noqa: PTH123 - a name, not a path
            sink = _Sink(out, lease_path, progress, stack)
            read = Capture(file, capture, port)
            result = imported(read, files, begin, address, sink.tell, version=version("dhcpd"))
            sink.finish()
    except NotImported as error:
        for line in sink.errors:
            complain(line)
        leave(str(error), Status.DAMAGED if read.error is not None else Status.UNJUDGED)
    except TapeWriteFailed as error:
        leave(str(error), Status.UNJUDGED)
    except OSError as error:
        leave(f"{error.filename or lease_path}: {error.strerror}", Status.UNJUDGED)
    if progress is not None:
        progress.clear()
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
