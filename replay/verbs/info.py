"""`dhcpd-trace info`: what a recording is."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ...trace import DamagedTape, Entry
from ..console import JSON, TAPE, complain, opened, print_json, print_pairs
from ..describe import moment
from ..seek import first_us
from ..verdict import Status

if TYPE_CHECKING:
    from ...trace import Tape

READ_WHOLE_OCTETS_MAXIMUM: Final = 2 << 20


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


class _Glance(_Summary):
    """What the index, the first and the last segment tell; `counts` and `effects` are not known."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        index = tape.index()
        self.first_us = first_us(tape)
        for entry in tape.iterate(from_seq=index.segments[-1].first_seq, resync=True):
            if isinstance(entry, Entry):
                self.last_seq, self.last_us = entry.seq, entry.event.wall_us
        self.events = max(0, self.last_seq - tape.first_seq + 1)
        self.snapshots = len(index.snapshots)


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


@click.command()
@TAPE
@click.option("--full", is_flag=True, help="Read a large file whole, too: exact counts by kind, and damage inside.")
@JSON
def info(trace: str, *, full: bool, as_json: bool) -> None:
    """What a recording is: who wrote it, when, how many events of which kind, and whether it is whole.

    A file beyond 2 MiB is not read whole, so that counts by kind, and damage inside, want --full.
    """
    with opened(trace) as tape:
        summary = _summarise(tape) if full or _is_small(trace) or not tape.index().segments else _Glance(tape)
        if as_json:
            print_json(_info_object(tape, summary))
        else:
            _print_info(tape, summary)
    if summary.damage:
        complain(f"{trace}: {summary.damage}")
        sys.exit(Status.DAMAGED)


def _is_small(path: str) -> bool:
    return Path(path).stat().st_size <= READ_WHOLE_OCTETS_MAXIMUM


def _octets(tape: Tape) -> dict[str, int]:
    """Where the file's octets are, as far as the index tells."""
    index = tape.index()
    size = Path(tape.path).stat().st_size
    starts = sorted([*(entry.offset for entry in index.segments), *(entry.offset for entry in index.snapshots), size])
    ends = dict(pairwise(starts))
    return {
        "file": size,
        "events_and_effects": sum(ends.get(entry.offset, 0) - entry.offset for entry in index.segments),
        "snapshots": sum(ends.get(entry.offset, 0) - entry.offset for entry in index.snapshots),
    }


def _client_count(tape: Tape) -> int | None:
    """How many clients the index tells apart, by checksums of two octets: too few beyond thousands. None: unknown."""
    found: set[bytes] = set()
    for entry in tape.index().segments:
        if entry.clients is None:
            return None
        found.update(entry.clients[at : at + 2] for at in range(0, len(entry.clients), 2))
    return len(found)


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
        "first_seq": tape.first_seq,
        "read_whole": not isinstance(summary, _Glance),
        "counts": None if isinstance(summary, _Glance) else summary.counts,
        "effects": None if isinstance(summary, _Glance) else summary.effects,
        "unrecorded": None if isinstance(summary, _Glance) else summary.unrecorded,
        "clients": _client_count(tape),
        "octets": _octets(tape),
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
    clients, octets = _client_count(tape), _octets(tape)
    glance = isinstance(summary, _Glance)
    print_pairs([
        ("file", str(tape.path)),
        ("written by", f"dhcpd {tape.info.writer_version}, Python {tape.info.python}, on {tape.info.host}"),
        ("created", moment(tape.info.created_us)),
        ("first event", moment(summary.first_us) if summary.events else "none"),
        ("last event", moment(summary.last_us) if summary.events else "none"),
        ("events", f"{summary.events:,}"),
        *((f"  {name}", f"{count:,}") for name, count in sorted(summary.counts.items())),
        ("effects", "not counted (--full)" if glance else f"{summary.effects:,}"),
        ("clients", "not known: the file has no index" if clients is None else f"{clients:,}"),
        ("snapshots", f"{summary.snapshots:,}"),
        ("octets", f"{octets['file']:,}, of which snapshots {octets['snapshots']:,}"),
        ("end", _end_of(tape, summary)),
    ])
