"""What can be wrong with a tape: every error carries what a program needs, and reads as one line for the operator.

Nothing else leaves this package on bad input: a stranger's file never gives a traceback of msgpack, zlib or struct.
"""

from __future__ import annotations


class TapeError(Exception):
    """Any trouble with a tape."""


class NotATape(TapeError):
    """The file does not begin as a tape does; `why` says what was found instead."""

    def __init__(self, path: str, why: str) -> None:
        """Keep the file's name and what was found in it."""
        super().__init__(f"{path}: not a recording of dhcpd: {why}")
        self.path = path
        self.why = why


class NewerTape(TapeError):
    """The tape holds what this program does not know; `what` is it: `tape format 2`, `record 40 (Name)`."""

    def __init__(self, path: str, what: str) -> None:
        """Keep the file's name, and what is not known."""
        super().__init__(f"{path}: {what} is newer than this program")
        self.path = path
        self.what = what


class CodecMissing(TapeError):
    """The library that the tape's compression needs is not installed; `needed` is its name for pip."""

    def __init__(self, path: str, needed: str) -> None:
        """Keep the file's name, and what is to be installed."""
        super().__init__(f"{path}: compressed with Zstandard, which this Python cannot read: install {needed}")
        self.path = path
        self.needed = needed


class TapeUnreadable(TapeError):
    """The system would not give us the file; `number` is the errno."""

    def __init__(self, path: str, number: int, text: str) -> None:
        """Keep the file's name, errno and its text."""
        super().__init__(f"{path}: {text}")
        self.path = path
        self.number = number


class DamagedTape(TapeError):
    """The bytes at `offset` are not what was written; all up to event `last_good_seq` (0: none) was read."""

    def __init__(self, offset: int, what: str, last_good_seq: int) -> None:
        """Keep the place in the file, the finding, and the number of the last good event."""
        super().__init__(f"tape damaged at byte {offset} ({what}); last good event {last_good_seq}")
        self.offset = offset
        self.what = what
        self.last_good_seq = last_good_seq


class NoBeginning(TapeError):
    """A tape that begins at event `first_seq` cannot be played alone; `why` says what its snapshot lacks."""

    def __init__(self, path: str, first_seq: int, why: str) -> None:
        """Keep the file's name, the number of its first event, and what is wrong."""
        super().__init__(f"{path} begins at event {first_seq:,} and cannot be played alone: {why}")
        self.path = path
        self.first_seq = first_seq
        self.why = why


class TapeWriteFailed(TapeError):
    """The system would not take the bytes: the tape ends at its last whole batch. `operation` is what was tried."""

    def __init__(self, path: str, operation: str, number: int, text: str) -> None:
        """Keep the file's name, the failed operation (`create`, `write`, `sync`), errno and its text."""
        super().__init__(f"{path}: {operation}: {text}")
        self.path = path
        self.operation = operation
        self.number = number


class UnrecordableValue(TapeError):
    """A field holds what msgpack cannot: a fault of the caller, found before anything was written."""


__all__ = [
    "CodecMissing",
    "DamagedTape",
    "NewerTape",
    "NoBeginning",
    "NotATape",
    "TapeError",
    "TapeUnreadable",
    "TapeWriteFailed",
    "UnrecordableValue",
]
