"""`dhcpd-trace`: questions to a recording, for people (tables, progress) and for programs (`--json`).

Each command reads one tape and changes nothing. Exit statuses are those of verdict.Status; a wrong command line is 2
by click's custom, which is why a tape that cannot be read at all says so on stderr in one line.
"""

from __future__ import annotations

import base64
import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..engine.machine import Machine
from ..trace import DamagedTape, Entry, NewerTape, NotATape, TapeError, open_tape
from .describe import answer_line, clock, effect_line, event_line, moment, record_fields
from .explain import as_object, client_test, console_of, find
from .explain import explain as explanations
from .explain import show as show_explanation
from .play import Progress, play, report
from .verdict import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..trace import Tape
    from ..trace.effects import Effect
    from ..trace.events import Event

_TAPE = click.argument("trace", type=click.Path(dir_okay=True))
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line on standard output.")


def main() -> None:
    """The console script."""
    cli(prog_name="dhcpd-trace")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dhcpd")
def cli() -> None:
    """Question the recordings that `dhcpd -tf` makes."""


@contextmanager
def _opened(path: str) -> Iterator[Tape]:
    """The tape, or one line on stderr and the exit status that fits."""
    try:
        with open_tape(path) as tape:
            yield tape
    except NewerTape as error:
        click.echo(f"dhcpd-trace: {error}; a newer dhcpd reads it", err=True)
        sys.exit(Status.UNJUDGED)
    except TapeError as error:
        click.echo(f"dhcpd-trace: {error}", err=True)
        sys.exit(Status.DAMAGED if isinstance(error, NotATape | DamagedTape) else Status.UNJUDGED)


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, separators=(",", ":")))


def plain(value: Any) -> Any:
    """A record as JSON has it: named fields, text for octets that are UTF-8, else {"base64": ...}."""
    if hasattr(value, "_fields"):
        return {name: plain(one) for name, one in zip(value._fields, value, strict=True)}
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return value


class _Summary:
    """What one pass over a tape counts."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.effects = self.unrecorded = self.snapshots = 0
        self.events = self.first_us = self.last_us = self.last_seq = 0
        self.damage = ""

    def take(self, entry: Entry) -> None:
        name = type(entry.event).__name__
        self.counts[name] = self.counts.get(name, 0) + 1
        self.events += 1
        self.first_us = self.first_us or entry.event.wall_us
        self.last_us = entry.event.wall_us
        self.last_seq = entry.seq
        if entry.effects is None:
            self.unrecorded += 1
        else:
            self.effects += len(entry.effects)


def _summarise(tape: Tape) -> _Summary:
    summary = _Summary()
    try:
        for entry in tape.iterate():
            if isinstance(entry, Entry):
                summary.take(entry)
            else:
                summary.snapshots += 1
    except DamagedTape as error:
        summary.damage = str(error)
    return summary


@cli.command()
@_TAPE
@_JSON
def info(trace: str, *, as_json: bool) -> None:
    """What a recording is: who wrote it, when, how many events of which kind, and whether it is whole."""
    with _opened(trace) as tape:
        summary = _summarise(tape)
        if as_json:
            _print_json(_info_object(tape, summary))
        else:
            _print_info(tape, summary)
    if summary.damage:
        click.echo(f"dhcpd-trace: {trace}: {summary.damage}", err=True)
        sys.exit(Status.DAMAGED)


def _info_object(tape: Tape, summary: _Summary) -> dict[str, object]:
    return {
        "path": str(tape.path),
        "writer_version": tape.info.writer_version,
        "host": tape.info.host,
        "python": tape.info.python,
        "created_us": tape.info.created_us,
        "first_us": summary.first_us,
        "last_us": summary.last_us,
        "events": summary.events,
        "last_seq": summary.last_seq,
        "counts": summary.counts,
        "effects": summary.effects,
        "unrecorded": summary.unrecorded,
        "snapshots": summary.snapshots,
        "complete": tape.complete,
        "torn_bytes": tape.torn_bytes,
        "damage": summary.damage,
    }


def _end_of(tape: Tape, summary: _Summary) -> str:
    if summary.damage:
        return "damaged"
    if tape.complete:
        return "whole: the run ended in order"
    torn = f", {tape.torn_bytes} bytes of a torn record" if tape.torn_bytes else ""
    return f"open: the run was killed or is still going{torn}"


def _print_info(tape: Tape, summary: _Summary) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    rows = [
        ("file", str(tape.path)),
        ("written by", f"dhcpd {tape.info.writer_version}, Python {tape.info.python}, on {tape.info.host}"),
        ("created", moment(tape.info.created_us)),
        ("first event", moment(summary.first_us) if summary.events else "none"),
        ("last event", moment(summary.last_us) if summary.events else "none"),
        ("events", f"{summary.events:,}"),
        *((f"  {name}", f"{count:,}") for name, count in sorted(summary.counts.items())),
        ("effects", f"{summary.effects:,}"),
        ("snapshots", f"{summary.snapshots:,}"),
        ("end", _end_of(tape, summary)),
    ]
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    Console(highlight=False, soft_wrap=True).print(table)


def _hardware(_context: click.Context, _parameter: click.Parameter, value: str | None) -> bytes | None:
    if value is None:
        return None
    try:
        octets = bytes(int(part, 16) for part in value.replace("-", ":").split(":"))
    except ValueError:
        octets = b""
    if not octets:
        message = f"{value} is no hardware address; write it as 00:11:22:33:44:55"
        raise click.BadParameter(message)
    return octets


@cli.command()
@_TAPE
@click.option("--client", callback=_hardware, metavar="HARDWARE", help="Only this client's packets.")
@click.option("--from", "from_seq", type=click.IntRange(min=1), default=1, metavar="N", help="Begin at event N.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Show at most N events.")
@click.option("--kind", metavar="NAME", help="Only events of this kind (Packet, Timer, ...).")
@click.option("--full", is_flag=True, help="Every field; packets decoded option by option.")
@_JSON
def show(
    trace: str, *, client: bytes | None, from_seq: int, count: int | None, kind: str | None, full: bool, as_json: bool
) -> None:
    """The events of a recording, and what the server did about each."""
    printer = _show_json if as_json else _show_full if full else _show_line
    with _opened(trace) as tape:
        shown = 0
        entries = tape.iterate(from_seq=from_seq) if client is None else tape.client(client, from_seq=from_seq)
        for entry in entries:
            if not isinstance(entry, Entry) or (kind and type(entry.event).__name__.lower() != kind.lower()):
                continue
            printer(entry.seq, entry.event, entry.effects)
            shown += 1
            if shown == count:
                break


def _show_line(seq: int, event: Event, effects: tuple[Effect, ...] | None) -> None:
    answer = "(not recorded)" if effects is None else answer_line(effects)
    click.echo(f"{seq:>8}  {clock(event.wall_us)}  {event_line(event)} -> {answer}")


def _show_full(seq: int, event: Event, effects: tuple[Effect, ...] | None) -> None:
    click.echo(f"event {seq}: {event_line(event)}")
    for field in record_fields(event):
        click.echo(f"    {field.name:<28} {_indented(field.value)}")
    for effect in effects or ():
        click.echo(f"  effect: {effect_line(effect)}")
        for field in record_fields(effect):
            click.echo(f"    {field.name:<28} {_indented(field.value)}")
    if effects is None:
        click.echo("  effects: not recorded")
    click.echo("")


def _indented(text: str) -> str:
    return text.replace("\n", "\n" + " " * 33)


def _show_json(seq: int, event: Event, effects: tuple[Effect, ...] | None) -> None:
    _print_json({
        "seq": seq,
        "event": type(event).__name__,
        "fields": plain(event),
        "effects": None
        if effects is None
        else [{"effect": type(effect).__name__, "fields": plain(effect)} for effect in effects],
    })


@cli.command()
@_TAPE
@click.option("--client", metavar="MAC|IP|ID", help="This client's packets: by hardware, address or client identifier.")
@click.option("--event", "seq", type=click.IntRange(min=1), metavar="N", help="This event.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Explain at most N events.")
@_JSON
def explain(trace: str, *, client: str | None, seq: int | None, count: int | None, as_json: bool) -> None:
    """Why the server did what it did: network, classes, pools, leases, times, and the statement of each option.

    The events are played up to the one in question. Exit status 1: the recording has other effects for it.
    """
    if (client is None) == (seq is None):
        message = "say which events: either --client or --event"
        raise click.UsageError(message)
    with _opened(trace) as tape:
        status = _explain(tape, client, seq, count, as_json=as_json)
    sys.exit(int(status))


def _explain(tape: Tape, client: str | None, seq: int | None, count: int | None, *, as_json: bool) -> Status:
    wanted = client_test(client) if client is not None else lambda entry: entry.seq == seq
    found = find(tape, wanted, 1 if seq is not None else count)
    if not found:
        what = f"packet of client {client}" if client is not None else f"event {seq}"
        click.echo(f"dhcpd-trace: {tape.path}: no {what}", err=True)
        return Status.UNJUDGED
    console = console_of()
    status = Status.SAME
    try:
        for one in explanations(tape, found):
            if as_json:
                _print_json(as_object(one))
            else:
                show_explanation(console, one)
            if one.differs:
                status = Status.DIFFERENT
    except TapeError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the engine did is the finding
        click.echo(f"dhcpd-trace: the engine failed, which is a defect of dhcpd: {error!r}", err=True)
        return Status.DIFFERENT
    return status


@cli.command()
@_TAPE
@click.option("--lease-file", "lease_path", type=click.Path(dir_okay=False), help="Write the lease file here too.")
@click.option(
    "--from", "from_seq", type=click.IntRange(min=1), metavar="N", help="Begin at the last snapshot before event N."
)
@_JSON
def verify(trace: str, *, lease_path: str | None, from_seq: int | None, as_json: bool) -> None:
    """Play a recording and compare every effect; exit status 0 the same, 1 different, 2 damaged, 125 not judged."""
    if from_seq is not None and lease_path is not None:
        message = "--lease-file needs the whole run; leave out --from"
        raise click.UsageError(message)
    progress = Progress() if sys.stderr.isatty() and not as_json else None
    with _opened(trace) as tape:
        verdict = _verify(tape, lease_path, from_seq, progress)
    if progress is not None:
        progress.clear()
    if as_json:
        _print_json(_verdict_object(verdict))
    else:
        click.echo("\n".join(report(verdict)))
    sys.exit(int(verdict.status))


def _verify(tape: Tape, lease_path: str | None, from_seq: int | None, progress: Progress | None) -> Verdict:
    snapshot = None if from_seq is None else tape.snapshot(from_seq - 1)
    try:
        if snapshot is None:
            return play(tape, lease_path, watch=progress)
        data = cast("dict[str, Any]", snapshot.data)
        return play(tape, None, lambda: Machine.restore(data), watch=progress, from_seq=snapshot.seq + 1)
    except OSError as error:
        return Verdict(Status.UNJUDGED, damage=f"cannot write the lease file {lease_path}: {error.strerror}")


def _verdict_object(verdict: Verdict) -> dict[str, object]:
    difference = verdict.difference
    return {
        "status": verdict.status.name.lower(),
        "exit_status": int(verdict.status),
        "events": verdict.events,
        "effects": verdict.effects,
        "unrecorded": verdict.unrecorded,
        "differences": 0 if difference is None else 1,
        "difference": None
        if difference is None
        else {
            "seq": difference.seq,
            "event": type(difference.event).__name__,
            "wall_us": difference.event.wall_us,
            "client": difference.client,
            "failure": difference.failure,
            "expected": [{"effect": type(one).__name__, "fields": plain(one)} for one in difference.expected],
            "got": [{"effect": type(one).__name__, "fields": plain(one)} for one in difference.got],
        },
        "damage": verdict.damage,
        "notices": list(verdict.notices),
    }
