"""`dhcpd-admin convert-kea`: Kea's files in, dhcpd.conf and dhcpd.leases out. It asks no server."""

from __future__ import annotations

import errno
import io
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import click

from ..disk import opening
from ..replay.showing.terminal import safe
from .configuration import convert_configuration
from .leases import NotALeaseFile, convert_leases
from .reading import NotKeas, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .configuration import Left

# Both files are held in memory, and one with a hole may say any size: a million leases are a hundred megabytes.
OCTETS_MAX = 1 << 30
# What every converted configuration should be asked next: by its whole path, since a bare `dhcpd` may be ISC's.
ADVICE = "Next: /opt/dhcpd/bin/dhcpd -t --lint -cf {}"


class _Made(NamedTuple):
    """What a file of Kea's comes to: the text of `target`, what of `source` is not in it, and what is said of it."""

    source: Path
    target: Path
    text: str
    left: Sequence[Left]
    said: str


@click.command("convert-kea", help="Make a dhcpd.conf, and a lease file, of those of Kea's DHCPv4 server.")
@click.argument("configuration", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="KEA-DHCP4.CONF")
@click.argument("leases", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False,
                metavar="[LEASES.CSV]")  # fmt: skip
@click.option("-o", "--output", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path(),
              metavar="FOLDER", help="Where to write dhcpd.conf and dhcpd.leases; here, if not said.")  # fmt: skip
def convert_kea(configuration: Path, leases: Path | None, output: Path) -> None:
    """`dhcpd-admin convert-kea`. The exit status is 1 where something was not carried over.

    Nothing is written before all is read, and of two files none where one cannot be written.
    """
    made = [_of_configuration(configuration, output / "dhcpd.conf")]
    if leases is not None:
        made.append(_of_leases(leases, output / "dhcpd.leases"))
    _write_all(made)
    for one in made:
        _tell(one)
    missing = sum(len(one.left) for one in made)
    if missing:
        were = "statement was" if missing == 1 else "statements were"
        click.echo(f"{missing} {were} not carried over.", err=True)
        raise click.exceptions.Exit(1)


def _of_configuration(source: Path, target: Path) -> _Made:
    try:
        with _opened(source) as file:
            made = convert_configuration(read(file.read()))
    except NotKeas as error:
        raise click.ClickException(f"{source}: {error}") from error
    return _Made(source, target, made.text, made.left, f"is written. {ADVICE.format(target)}")


def _of_leases(source: Path, target: Path) -> _Made:
    try:
        with _opened(source) as file:
            made = convert_leases(file)
    except NotALeaseFile as error:
        raise click.ClickException(f"{source}: {error}") from error
    return _Made(source, target, made.text, made.left, f"is written, with {made.held} leases.")


class _Ending(io.FileIO):
    """A file that ends where nothing comes for now, as from /proc/kmsg, which is a file by its name alone."""

    def readinto(self, buffer: Any, /) -> int:
        """How many octets came."""
        return super().readinto(buffer) or 0

    def readall(self) -> bytes:
        """All that comes."""
        return super().readall() or b""


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """A file of Kea's, as it is; what cannot be read, or has no end, is an error of the command line."""
    try:
        octets = io.BufferedReader(_Ending(opening.read_only(path, OCTETS_MAX)))
        with io.TextIOWrapper(octets, encoding="utf-8", errors="replace", newline="") as file:
            yield file
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    except MemoryError as error:
        raise click.ClickException(f"{path}: {os.strerror(errno.EFBIG)}") from error


def _tell(made: _Made) -> None:
    """Tell what was left, and what is there now."""
    for one in made.left:
        click.echo(f"{made.source}: {safe(one.place)}: {safe(one.why)}", err=True)
    click.echo(f"{made.target} {made.said}")


def _write_all(made: Sequence[_Made]) -> None:
    """All files or none."""
    written: list[Path] = []
    try:
        for one in made:
            _write(one.target, one.text)
            written.append(one.target)
    except click.ClickException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _write(path: Path, text: str) -> None:
    """Nothing that is there is written over, and nothing is left in part."""
    try:
        file = path.open("x", encoding="ascii", errors="backslashreplace")
    except FileExistsError as error:
        raise click.ClickException(f"{path} exists: move it away, or name another folder with -o") from error
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        with file:
            file.write(text)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> click.ClickException:
    return click.ClickException(f"{path}: {error.strerror}: name another folder with -o")
