"""`dhcpd-trace info`: what a recording is, and where its octets are."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ...trace import DamagedTape, Entry
from ...trace.events import EVENT_IDS, End, Packet
from ..command.console import JSON, TAPE, complain, opened, print_json, print_lines, print_pairs, print_table
from ..command.progress import Reading, reading
from ..looking.contents import Contents, contents
from ..looking.figures.clients import Clients
from ..playing.seek import first_us, last_entry
from ..playing.verdict import Status
from ..showing.decode import hardware_of_payload
from ..showing.describe import moment

if TYPE_CHECKING:
    from ...trace import Tape

READ_WHOLE_OCTETS_MAXIMUM: Final = 2 << 20
_KIND_HEADS: Final = ("record", "records", "raw octets", "in the file", "share")
_EVENT_NAMES: Final = {number: kind.__name__ for kind, number in EVENT_IDS.items()}


class _Summary:
    """What a tape holds. None, in one that was not read whole: not known. `least`: there may be more clients."""

    def __init__(self) -> None:
        self.whole = True
        self.counts: Counter[str] | None = Counter()
        self.effects: int | None = 0
        self.unrecorded: int | None = 0
        self.clients: int | None = 0
        self.least = False
        self.snapshots = 0
        self.events = self.first_us = self.last_us = self.last_seq = 0
        self.damage = self.reason = ""

    def take(self, entry: Entry) -> None:
        self.events += 1
        self.first_us = self.first_us or entry.event.wall_us
        self.last_us, self.last_seq = entry.event.wall_us, entry.seq
        if isinstance(entry.event, End):
            self.reason = entry.event.reason
        if self.counts is not None:
            self.counts[type(entry.event).__name__] += 1
        if entry.effects is None:
            self.unrecorded = None if self.unrecorded is None else self.unrecorded + 1
        elif self.effects is not None:
            self.effects += len(entry.effects)


def _read(tape: Tape, progress: Reading) -> _Summary:
    """Read all of a tape."""
    summary, clients = _Summary(), Clients()
    try:
        for entry in tape.iterate():
            if isinstance(entry, Entry):
                progress.at(entry)
                summary.take(entry)
                if isinstance(entry.event, Packet):
                    clients.add(hardware_of_payload(entry.event.payload))
            else:
                summary.snapshots += 1
    except DamagedTape as error:
        summary.damage = str(error)
    summary.clients = len(clients)
    return summary


def _read_counts(tape: Tape) -> _Summary:
    """What the first segment, the counts behind the last index, and whatever stands behind those tell."""
    summary, tally = _Summary(), tape.tally()
    summary.whole, summary.unrecorded = False, None
    if tally is None:
        summary.counts = summary.effects = summary.clients = None
    else:
        summary.counts = Counter({_EVENT_NAMES.get(key, str(key)): count for key, count in tally.events.items()})
        summary.effects, summary.clients, summary.least = tally.effects, tally.clients, not tape.complete
        for entry in tape.iterate(from_seq=tally.next_seq, resync=True):
            if isinstance(entry, Entry):
                summary.take(entry)
    summary.snapshots = len(tape.index().snapshots)
    summary.first_us = first_us(tape)
    last = last_entry(tape)
    if last is not None:
        summary.last_us, summary.last_seq = last.event.wall_us, last.seq
        summary.reason = last.event.reason if isinstance(last.event, End) else ""
    summary.events = max(0, summary.last_seq - tape.first_seq + 1)
    return summary


@click.command()
@TAPE
@click.option("--full", is_flag=True, help="Read a large file whole, too: damage inside, and every figure exact.")
@JSON
def info(trace: str, *, full: bool, as_json: bool) -> None:
    """What a recording is: who wrote it, when, how many events of which kind, whether it is whole, where octets are.

    Of a file beyond 2 MiB only the index and a sample are read, so that octets by kind are estimates, and damage
    inside is not seen, without --full.
    """
    with opened(trace) as tape, reading(tape, as_json=as_json) as progress:
        whole = full or _is_small(trace) or not tape.index().segments
        summary = _read(tape, progress) if whole else _read_counts(tape)
        torn = tape.torn_bytes
        found = contents(tape, whole=whole, progress=progress.at_seq)
        if as_json:
            print_json(_info_object(tape, summary, found, torn))
        else:
            progress.clear()
            _print_info(tape, summary, found, torn)
    if summary.damage:
        complain(f"{trace}: {summary.damage}")
        sys.exit(Status.DAMAGED)


def _is_small(path: str) -> bool:
    return Path(path).stat().st_size <= READ_WHOLE_OCTETS_MAXIMUM


def _info_object(tape: Tape, summary: _Summary, found: Contents, torn: int) -> dict[str, object]:
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
        "read_whole": summary.whole,
        "counts": summary.counts,
        "effects": summary.effects,
        "unrecorded": summary.unrecorded,
        "clients": summary.clients,
        "clients_at_least": summary.least,
        "octets": {
            "file": found.file,
            "events_and_effects": found.events_and_effects,
            "snapshots": found.snapshots,
            "kinds_exact": found.exact,
            "kinds": [share._asdict() for share in found.kinds],
        },
        "snapshots": summary.snapshots,
        "complete": tape.complete,
        "torn_bytes": torn,
        "damage": summary.damage,
    }


def _end_of(tape: Tape, summary: _Summary, torn: int) -> str:
    if summary.damage:
        return "damaged"
    if summary.reason.startswith("crash"):
        what = summary.reason.partition(": ")[2]
        return f"the program failed ({what}), and not the engine: a playback shows no difference"
    if tape.complete:
        return "whole: the run ended in order"
    left = f", {torn} bytes of a torn record" if torn else ""
    return f"open: the run was killed or is still going{left}"


def _print_info(tape: Tape, summary: _Summary, found: Contents, torn: int) -> None:
    unknown = "not counted (--full)"
    clients = unknown if summary.clients is None else f"{'at least ' if summary.least else ''}{summary.clients:,}"
    print_pairs([
        ("file", str(tape.path)),
        ("written by", f"dhcpd {tape.info.writer_version}, Python {tape.info.python}, on {tape.info.host}"),
        ("created", moment(tape.info.created_us)),
        ("first event", moment(summary.first_us) if summary.events else "none"),
        ("last event", moment(summary.last_us) if summary.events else "none"),
        ("events", f"{summary.events:,}"),
        *((f"  {name}", f"{count:,}") for name, count in sorted((summary.counts or {}).items())),
        ("effects", unknown if summary.effects is None else f"{summary.effects:,}"),
        ("clients", clients),
        ("snapshots", f"{summary.snapshots:,}"),
        ("octets", f"{found.file:,}, of which snapshots {found.snapshots:,}"),
        ("end", _end_of(tape, summary, torn)),
    ])
    if found.kinds:
        print_lines("")
        print_table(_KIND_HEADS, _kind_rows(found), _KIND_HEADS[1:])
    if not found.exact:
        print_lines("Counts and octets by record are estimates from a sample (--full).")


def _kind_rows(found: Contents) -> list[tuple[str, ...]]:
    return [
        (share.kind, f"{share.records:,}", f"{share.raw:,}", f"{share.packed:,}", f"{share.packed / found.file:.1%}")
        for share in found.kinds
    ]
