"""New files of the verbs: whole or not at all, for their owner's eyes, and never over what was there.

A file is made in a folder of its own beside the place that was asked for, and takes that place when it is whole; what
was there before is moved aside to `NAME.1`, `NAME.2`, ... Refused is the name of the recording that it is made of. What
is made of a recording tells who was where, so that every such file has mode 0600.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..trace import TapeWriteFailed
from ..trace.writer import MODE, move_aside

if TYPE_CHECKING:
    from collections.abc import Iterator


PREFIX: Final = ".making-"


class NotWritten(Exception):
    """The file at `path` could not be written; `why` is the system's text, or what to do."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"cannot write {path}: {why}")
        self.path = path
        self.why = why


class NewFile:
    """A file on its way: to be written at `name`; `moved_to` tells where an older one has gone, None for nowhere."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.moved_to: str | None = None


@contextmanager
def new_file(path: str, source: str | None = None) -> Iterator[NewFile]:
    """A file that takes its place at `path` when the block ends without an error, if anything was written at `name`.

    Raises NotWritten where the system refuses, and where `path` is the recording `source` itself.
    """
    if source is not None and _is_same(path, source):
        raise NotWritten(path, "it is the recording that is read; give the new file another name")
    folder = ""
    try:
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=Path(path).parent) as folder:
            made = NewFile(str(Path(folder) / Path(path).name))
            yield made
            if Path(made.name).exists():
                _install(made, path)
    except TapeWriteFailed as error:
        raise NotWritten(path, os.strerror(error.number)) from error
    except OSError as error:
        # What the block could not read, or write elsewhere, is not about this file.
        if folder and error.filename is not None and PREFIX not in str(error.filename) and error.filename != path:
            raise
        raise NotWritten(path, error.strerror or str(error)) from error


def _is_same(path: str, source: str) -> bool:
    try:
        return Path(path).samefile(source)
    except OSError:
        return False


def _install(made: NewFile, path: str) -> None:
    os.chmod(made.name, MODE)  # noqa: PTH101 - a name, not a path
    made.moved_to = move_aside(path)
    os.rename(made.name, path)  # noqa: PTH104 - as above
