"""`dhcpd-trace info`: what a recording is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ...trace import DamagedTape, Entry
from ..console import JSON, TAPE, complain, opened, print_json, print_pairs
from ..describe import moment
from ..verdict import Status

if TYPE_CHECKING:
    from ...trace import Tape


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


@click.command()
@TAPE
@JSON
def info(trace: str, *, as_json: bool) -> None:
    """What a recording is: who wrote it, when, how many events of which kind, and whether it is whole."""
    with opened(trace) as tape:
        summary = _summarise(tape)
        if as_json:
            print_json(_info_object(tape, summary))
        else:
            _print_info(tape, summary)
    if summary.damage:
        complain(f"{trace}: {summary.damage}")
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
    print_pairs([
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
    ])
