"""A piece of a recording as a recording of its own: a stretch of events, some clients, or both.

A stretch begins with a snapshot of the state before it, and has the events and the effects as they were recorded: it
is a part of the run. With clients it is another run, which only has their packets: told to the engine anew, with what
it asks for answered in time (gate.py, replayer.py), and with the faults of the original carried over. Streams of OMAPI
are kept, each whole. A failover partner is not there: what it said fits the leases of the whole run only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...trace import Entry, TapeWriter, open_tape, pack_snapshot
from ...trace import events as ev
from ..playing.compare import same
from ..playing.resume import beginning
from ..showing.decode import hardware_of_payload
from ..world.streams import PARTNER
from .faults import Fault
from .gate import Gate
from .replayer import Replayed, Replayer, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...engine.machine import Machine
    from ...trace import Tape


class Piece(NamedTuple):
    """Events `first` to `last` (0: to the end); of packets only those of `clients`, all where that is empty."""

    first: int = 1
    last: int = 0
    clients: frozenset[bytes] = frozenset()


class NothingThere(Exception):
    """The piece holds no event of the recording; the text says which was asked for."""


def write_slice(path: str, out: str, piece: Piece) -> int:
    """Write the piece of the recording at `path` to `out`; returns how many events it has.

    Raises TapeError (damage before the end of the piece, a file that cannot be written), NothingThere.
    """
    with open_tape(path) as tape:
        first = max(piece.first, tape.first_seq)
        machine, snapshot, before_us = _state_before(tape, first)
        entries = _stretch(tape, first, piece.last)
        head = next(entries, None)
        if head is None:
            raise NothingThere(f"{path}: no event from {piece.first:,} to {piece.last or 'the end'}")
        found = _joined(head, entries)
        told = _retold(machine, snapshot, found, piece.clients) if piece.clients else _as_it_was(found)
        with TapeWriter.create(
            out, version=tape.info.writer_version, host=tape.info.host, created_us=head.event.wall_us, first_seq=first
        ) as writer:
            if snapshot is not None:
                place = writer.snapshot_place()._replace(wall_us=before_us)
                writer.append_snapshot(place, pack_snapshot(place, snapshot))
            return fill(writer, told)


def _state_before(tape: Tape, first: int) -> tuple[Machine, dict[str, object] | None, int]:
    """A machine before event `first`, its snapshot (None for a new machine), and the time of the event before."""
    start = beginning(tape, first - 1)
    wall_us = 0 if start.snapshot is None else start.snapshot.wall_us
    for entry in tape.iterate(from_seq=start.from_seq):
        if entry.seq >= first:
            break
        if isinstance(entry, Entry):
            start.machine.apply(entry.event)
            wall_us = entry.event.wall_us
    return start.machine, None if first == 1 else start.machine.snapshot(), wall_us


def _stretch(tape: Tape, first: int, last: int) -> Iterator[Entry]:
    for entry in tape.iterate(from_seq=first):
        if last and entry.seq > last:
            return
        if isinstance(entry, Entry):
            yield entry


def _joined(head: Entry, rest: Iterator[Entry]) -> Iterator[Entry]:
    yield head
    yield from rest


def _as_it_was(entries: Iterator[Entry]) -> Iterator[Replayed]:
    return (Replayed(entry.event, entry.effects, differs=False) for entry in entries)


def _retold(
    machine: Machine, snapshot: dict[str, object] | None, entries: Iterator[Entry], clients: frozenset[bytes]
) -> Iterator[Replayed]:
    """The events without other clients' packets. The whole run is played beside it, to know the faults."""
    whole = machine
    other = type(machine)() if snapshot is None else type(machine).restore(snapshot)
    faults: dict[int, Fault] = {}
    wake_us = int(str(snapshot["wake_us"])) if snapshot is not None else 0
    gate = Gate(other, wake_us, open_end=snapshot is not None, without=PARTNER)
    return Replayer(other, gate, faults, punctual=True).replay(_chosen(whole, entries, clients, faults))


def _chosen(
    whole: Machine, entries: Iterator[Entry], clients: frozenset[bytes], faults: dict[int, Fault]
) -> Iterator[Entry]:
    alive = True
    for entry in entries:
        if alive:
            alive = _note_fault(whole, entry, faults)
        if not isinstance(entry.event, ev.Packet) or hardware_of_payload(entry.event.payload) in clients:
            yield entry


def _note_fault(whole: Machine, entry: Entry, faults: dict[int, Fault]) -> bool:
    """Keep a difference between recording and engine; whether the engine still stands."""
    try:
        got = whole.apply(entry.event)
    except Exception:  # noqa: BLE001 - a crash is what the recording may be about
        return False
    if entry.effects is not None and not same(entry.effects, got):
        faults[entry.seq] = Fault(entry.effects, tuple(got))
    return True
