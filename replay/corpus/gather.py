"""Which files are meant by the names of a command line: recordings as given, folders with all that is in them.

A file that was named is taken as it is, and must be a recording. In a folder the files named `*.trace` and `*.bin` are
looked at, since a folder of recordings holds other things too: those that do not begin as a tape are skipped and
counted, so that none is left out in silence.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ...trace.format import FILE_HEADER_BYTES, MAGIC

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SUFFIXES: Final = frozenset({".trace", ".bin"})


class NothingFound(Exception):
    """A folder without a recording; `path` is its name. A check that checks nothing must not pass."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: no recording in this folder (files named *.trace or *.bin are looked at)")
        self.path = path


class Corpus(NamedTuple):
    """The files to play, in order, each once; `skipped` are files in folders that are no tapes."""

    traces: tuple[str, ...]
    skipped: tuple[str, ...]


def gather(names: Iterable[str]) -> Corpus:
    """The corpus that these files and folders make. Raises NothingFound for a folder without a recording, OSError."""
    traces: dict[str, None] = {}
    skipped: dict[str, None] = {}
    for name in names:
        if not Path(name).is_dir():
            traces[name] = None
            continue
        before = len(traces)
        for path in _inside(Path(name)):
            (traces if is_tape(path) else skipped)[str(path)] = None
        if len(traces) == before:
            raise NothingFound(name)
    return Corpus(tuple(traces), tuple(skipped))


def _inside(folder: Path) -> Iterator[Path]:
    """Files with the suffix of a recording, in the order of their names; what begins with a dot is not entered.

    Links may lead around in a circle, so a folder (device, inode) is looked through once; and as deep as a name can go.
    """
    entered: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        if path.is_dir():
            status = path.stat()
            if (status.st_dev, status.st_ino) not in entered:
                entered.add((status.st_dev, status.st_ino))
                waiting += sorted((one for one in path.iterdir() if not one.name.startswith(".")), reverse=True)
        elif path.suffix in SUFFIXES and path.is_file():
            yield path


def is_tape(path: Path) -> bool:
    """Whether the file begins as a tape of any version does; one that may not be read counts as a tape, to be named."""
    try:
        with path.open("rb") as file:
            return file.read(FILE_HEADER_BYTES).startswith(MAGIC)
    except OSError:
        return True
