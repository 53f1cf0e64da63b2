"""Configuration files on a disk as the engine is told of them: dhcpd.conf and what it includes, however deep.

The program reads its own through here when it starts, and the verbs of `dhcpd-trace` read another one that they are
given, so that both see the same files. Nothing is understood here but which files are included. Names hold one octet
a character (latin-1), as all texts for the engine.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from ..engine.conf.reading.parser import includes
from . import opening

if TYPE_CHECKING:
    from collections.abc import Iterator

# Far above any real configuration; keeps a file that includes ever new names from filling the memory.
FILES_MAXIMUM: Final = 10_000
# Ten times what a configuration of a million hosts takes, and half of what a record of a tape holds.
OCTETS_MAXIMUM: Final = 128 << 20


class SourceFile(NamedTuple):
    """A file that was read; `error` is the text of errno where it could not be, else empty."""

    name: str
    content: bytes
    error: str


def read_files(path: str) -> Iterator[SourceFile]:
    """The file at `path` (as the system has it), then each file that is included, once."""
    name = os.fsencode(path).decode("latin-1")
    waiting, seen = [name], {name}
    while waiting and len(seen) < FILES_MAXIMUM:
        file = _read(waiting.pop(0))
        yield file
        found = [] if file.error else includes(file.content)
        fresh = [one for one in dict.fromkeys(found) if one not in seen]
        seen.update(fresh)
        waiting += fresh


def _read(name: str) -> SourceFile:
    try:
        with open(opening.read_only(name.encode("latin-1", "replace")), "rb") as file:  # noqa: PTH123 - a descriptor
            # None: nothing comes for now, of what is a file by its name alone (/proc/kmsg).
            content = file.read(OCTETS_MAXIMUM + 1) or b""
        if len(content) > OCTETS_MAXIMUM:
            return SourceFile(name, b"", os.strerror(errno.EFBIG))
        return SourceFile(name, content, "")
    except (OSError, ValueError) as problem:
        return SourceFile(name, b"", reason(problem))


def reason(problem: OSError | ValueError) -> str:
    """The text of errno; a name with a NUL in it never gets as far as the system."""
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return "No such file or directory"
