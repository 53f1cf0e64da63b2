"""What every verb of `dhcpd-trace` shares: its argument and options, how a tape is opened, how answers are printed.

Tables and prose go to standard output for people, one JSON object a line for programs (`--json`); complaints go to
standard error in one line, and how far something has come too, on a terminal. No verb is known here. What prints
tables is imported when there is one to print.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import sys
from contextlib import contextmanager
from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import click

from ...disk import opening
from ...disk.output import NotWritten, new_file
from ...trace import DamagedTape, NewerTape, NotATape, TapeError, open_tape
from ..looking.moments import seq_of
from ..playing.seek import EngineFailed, first_us
from ..playing.verdict import Status
from ..showing.statusline import StatusLine
from ..showing.terminal import safe, safe_lines
from ..showing.times import NoMoment, time_us

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    from ...disk.configuration import SourceFile
    from ...trace import Tape

Line = TypeVar("Line", bound=StatusLine)

TAPE: Final = click.argument("trace", type=click.Path(dir_okay=True))
# Of tables that are not for a terminal: nothing is cut.
WIDTH_MAXIMUM: Final = 1000
JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object a line on standard output.")
FROM: Final = click.option(
    "--from", "from_seq", type=click.IntRange(min=1), default=1, metavar="N", help="Begin at event N."
)
TO: Final = click.option("--to", "to_seq", type=click.IntRange(min=1), metavar="N", help="End with event N.")
SINCE: Final = click.option(
    "--since", metavar="TIME", help="Nothing before: 14:05:00, 2026-11-24T14:05:00, +90s (UTC)."
)
UNTIL: Final = click.option("--until", metavar="TIME", help="Nothing after.")
LEASE_FILE: Final = click.option(
    "--lease-file",
    "lease_path",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write the lease file here too, in the place of an older one.",
)
CONFIGURATION_FLAGS: Final = ("-cf", "--configuration")


def output_option(what: str, *, required: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option -o, for `what` is made."""
    return click.option(
        "-o",
        "--output",
        "out",
        required=required,
        metavar="FILE",
        type=click.Path(dir_okay=False),
        help=f"{what} An older file is moved aside.",
    )


@contextmanager
def opened(path: str) -> Iterator[Tape]:
    """The tape; where it cannot be read, or turns out damaged, one line on stderr and the exit status that fits."""
    try:
        with open_tape(path) as tape:
            yield tape
    except NewerTape as error:
        leave(f"{error}; a newer dhcpd reads it", Status.UNJUDGED)
    except NotATape as error:
        from ..isc.format import is_isc_trace  # noqa: PLC0415 - its package plays, and imports the engine

        hint = "; it is a trace of ISC dhcpd: `dhcpd-trace import-isc` reads it" if is_isc_trace(path) else ""
        leave(f"{error}{hint}", Status.DAMAGED)
    except TapeError as error:
        leave(str(error), Status.DAMAGED if isinstance(error, DamagedTape) else Status.UNJUDGED)
    except EngineFailed as error:
        leave(str(error), Status.DIFFERENT)


@contextmanager
def output(path: str | None, source: str | None = None) -> Iterator[str | None]:
    """The name to write a new file under (output.py), None for none; what keeps it from being written ends the verb."""
    if path is None:
        yield None
        return
    try:
        with new_file(path, source) as made:
            yield made.name
    except NotWritten as error:
        leave(str(error), Status.UNJUDGED)
    if made.moved_to is not None:
        complain(f"the older {path} is {made.moved_to} now")


@contextmanager
def watching(line: Callable[[], Line], *, as_json: bool) -> Iterator[Line | None]:
    """A status line for people at a terminal, None for others; it is gone when the block ends."""
    shown = line() if sys.stderr.isatty() and not as_json else None
    try:
        yield shown
    finally:
        if shown is not None:
            shown.clear()


def configuration_files(path: str) -> list[SourceFile]:
    """The configuration at `path` with what it includes; one that cannot be read ends the verb."""
    from ...disk.configuration import read_files  # noqa: PLC0415 - brings the parser of configurations

    files = list(read_files(path))
    if files[0].error:
        leave(f"{path}: {files[0].error}", Status.UNJUDGED)
    return files


def content_of(path: str) -> bytes:
    """The octets of a file that the command line names; one that cannot be read ends the verb."""
    try:
        with open(opening.read_only(path), "rb") as file:  # noqa: PTH123 - a descriptor
            # None: nothing comes for now, of what is a file by its name alone.
            return file.read() or b""
    except OSError as error:
        leave(f"{path}: {error.strerror}", Status.UNJUDGED)
    except MemoryError:
        leave(f"{path}: {os.strerror(errno.EFBIG)}", Status.UNJUDGED)


def time_of(tape: Tape, text: str | None, name: str) -> int | None:
    """Microseconds since 1970 of a time in the option `name`. Raises click.BadParameter, TapeError."""
    if text is None:
        return None
    try:
        return time_us(text, first_us(tape))
    except NoMoment:
        message = f"{text!r} is no time; write it as 14:05:00, 2026-11-24T14:05:00 or +90s (UTC)"
        raise click.BadParameter(message, param_hint=name) from None


def seq_of_moment(tape: Tape, text: str, name: str) -> int:
    """The event that a command line's argument `name` means. Raises click.BadParameter, TapeError."""
    try:
        return seq_of(tape, text)
    except NoMoment as error:
        raise click.BadParameter(str(error), param_hint=name) from None


def complain(text: str) -> None:
    """One line on standard error."""
    click.echo(safe(f"dhcpd-trace: {text}"), err=True)


def print_lines(*lines: str) -> None:
    """Lines on standard output, safe for a terminal."""
    click.echo("\n".join(map(safe, lines)))


def leave(text: str, status: int) -> NoReturn:
    """Complain, and end the program with this exit status."""
    complain(text)
    sys.exit(int(status))


def print_json(value: object) -> None:
    """One object on a line."""
    click.echo(json.dumps(value, separators=(",", ":")))


def rich_console() -> Console:
    """Standard output for people: in colours on a terminal; elsewhere so wide that no line is cut or broken.

    Whatever is printed is safe for a terminal (terminal.py).
    """
    from rich.console import Console  # noqa: PLC0415 - not every answer is a table

    class Quiet(Console):
        def on_broken_pipe(self) -> None:
            """Let main() end the program, with the status that all verbs have for this."""
            raise BrokenPipeError

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            """The pieces of text, none of them with a stranger's control characters."""
            for piece in super().render(renderable, options):
                yield piece if piece.control else piece._replace(text=safe_lines(piece.text))

    return Quiet(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH_MAXIMUM)


def print_pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Names and values in two columns."""
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in rows:
        table.add_row(Text(safe(name)), Text(safe(value)))
    rich_console().print(table)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Collection[str] = ()) -> None:
    """A table with a head; columns named in `numbers` stand to the right. Nothing is cut, and many rows cost little."""
    lines = [tuple(map(safe, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    to_the_right = [head in numbers for head in heads]

    def line(cells: Sequence[str]) -> str:
        places = zip(cells, widths, to_the_right, strict=True)
        return "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in places).rstrip()

    click.secho(line(heads), bold=True)
    if lines:
        click.echo("\n".join(map(line, lines)))


def plain(value: Any) -> Any:
    """A record as JSON has it: named fields, text for octets that are UTF-8, else {"base64": ...}."""
    if hasattr(value, "_fields"):
        return {name: plain(one) for name, one in zip(value._fields, value, strict=True)}
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(plain(key)): plain(one) for key, one in value.items()}
    return value


def address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """The callback of an option that takes an IPv4 address: its number. Raises click.BadParameter."""
    if value is None:
        return None
    try:
        return int(IPv4Address(value))
    except AddressValueError:
        message = f"{value} is no IPv4 address; write it as 10.0.0.1"
        raise click.BadParameter(message) from None
