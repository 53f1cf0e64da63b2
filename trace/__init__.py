"""The tape: what an event and an effect are (events.py, effects.py), and the file that they are kept in.

It writes while the server runs, and reads what is whole, growing, torn or damaged; docs/trace-format.md is its format.
It decides nothing, and knows nothing of DHCP but where a message keeps the client's address.
"""

from .errors import (
    CodecMissing,
    DamagedTape,
    NewerTape,
    NoBeginning,
    NotATape,
    TapeError,
    TapeUnreadable,
    TapeWriteFailed,
    UnrecordableValue,
)
from .index import Index, IndexEntry, Tallied
from .player import Entry, Found, Handled, SnapshotEntry, Stored
from .reader import Damage, Tape, TapeInfo, open_tape
from .writer import SnapshotPlace, TapeWriter, pack_snapshot

__all__ = [
    "CodecMissing",
    "Damage",
    "DamagedTape",
    "Entry",
    "Found",
    "Handled",
    "Index",
    "IndexEntry",
    "NewerTape",
    "NoBeginning",
    "NotATape",
    "SnapshotEntry",
    "SnapshotPlace",
    "Stored",
    "Tallied",
    "Tape",
    "TapeError",
    "TapeInfo",
    "TapeUnreadable",
    "TapeWriteFailed",
    "TapeWriter",
    "UnrecordableValue",
    "open_tape",
    "pack_snapshot",
]
