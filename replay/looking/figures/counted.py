"""A recording's counters: the ones of the server that runs (counters.py), told the tape's events and notes of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....trace import Entry, Handled, Stored
from ...playing.resume import beginning
from ...playing.seek import engine_at
from .counters import Counters

if TYPE_CHECKING:
    from collections.abc import Callable

    from ....trace import Tape


def counted(tape: Tape, progress: Callable[[Entry], None] | None = None) -> Counters:
    """Play a tape and count. Raises DamagedTape, EngineFailed."""
    machine, from_seq, _snapshot = beginning(tape)
    counters = Counters(machine)
    for found in tape.iterate_noted(from_seq=from_seq):
        if isinstance(found, Entry):
            if progress is not None:
                progress(found)
            with engine_at(found.seq):
                counters.apply(found.event)
        elif isinstance(found, Handled):
            counters.handled(found.mono_us)
        elif isinstance(found, Stored):
            counters.stored(found.seq, found.synced_us, found.left_us)
    return counters
