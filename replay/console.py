"""What every verb of `dhcpd-trace` shares: its argument and options, how a tape is opened, how answers are printed.

Tables and prose go to standard output for people, one JSON object a line for programs (`--json`); complaints go to
standard error in one line. No verb is known here.
"""

from __future__ import annotations

import base64
import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..trace import DamagedTape, NewerTape, NotATape, TapeError, open_tape
from .moments import NoMoment, seq_of
from .seek import EngineFailed
from .verdict import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from ..trace import Tape

TAPE: Final = click.argument("trace", type=click.Path(dir_okay=True))
# Of tables that are not for a terminal: nothing is cut.
WIDTH_MAXIMUM: Final = 1000
JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object a line on standard output.")


@contextmanager
def opened(path: str) -> Iterator[Tape]:
    """The tape; where it cannot be read, or turns out damaged, one line on stderr and the exit status that fits."""
    try:
        with open_tape(path) as tape:
            yield tape
    except NewerTape as error:
        leave(f"{error}; a newer dhcpd reads it", Status.UNJUDGED)
    except TapeError as error:
        leave(str(error), Status.DAMAGED if isinstance(error, NotATape | DamagedTape) else Status.UNJUDGED)
    except EngineFailed as error:
        leave(str(error), Status.DIFFERENT)


def seq_of_moment(tape: Tape, text: str, name: str) -> int:
    """The event that a command line's argument `name` means. Raises click.BadParameter, TapeError."""
    try:
        return seq_of(tape, text)
    except NoMoment as error:
        raise click.BadParameter(str(error), param_hint=name) from None


def complain(text: str) -> None:
    """One line on standard error."""
    click.echo(f"dhcpd-trace: {text}", err=True)


def leave(text: str, status: int) -> NoReturn:
    """Complain, and end the program with this exit status."""
    complain(text)
    sys.exit(int(status))


def print_json(value: object) -> None:
    """One object on a line."""
    click.echo(json.dumps(value, separators=(",", ":")))


def print_pairs(rows: Iterable[tuple[str, str]]) -> None:
    """Names and values in two columns."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    Console(highlight=False, soft_wrap=True).print(table)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Collection[str] = ()) -> None:
    """A table with a head; columns named in `numbers` stand to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, justify="right" if head in numbers else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    width = None if sys.stdout.isatty() else WIDTH_MAXIMUM
    with_room = Console(highlight=False, soft_wrap=True, width=width)
    with_room.print(table)


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
    return value


def hardware(_context: click.Context, _parameter: click.Parameter, value: str | None) -> bytes | None:
    """The callback of an option that takes a hardware address: its octets. Raises click.BadParameter."""
    if value is None:
        return None
    try:
        octets = bytes(int(part, 16) for part in value.replace("-", ":").split(":"))
    except ValueError:
        octets = b""
    if not octets:
        message = f"{value} is no hardware address; write it as 00:11:22:33:44:55"
        raise click.BadParameter(message)
    return octets
