"""`dhcpd-trace export`: a recording for other programs."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...trace import TapeError
from ..capture.exporting import export as exported
from ..console import JSON, TAPE, complain, leave, opened, print_json
from ..explain import client_test
from ..play import Progress
from ..verdict import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...trace import Entry, Tape


@click.command()
@TAPE
@click.option("--pcapng", "out", required=True, type=click.Path(dir_okay=False), help="Write a capture for Wireshark.")
@click.option("--client", metavar="MAC|IP|ID", help="Only this client's packets.")
@click.option("--from", "from_seq", type=click.IntRange(min=1), metavar="N", help="Begin at event N.")
@click.option("--to", "to_seq", type=click.IntRange(min=1), metavar="N", help="End with event N.")
@click.option("--reasons/--no-reasons", default=True, help="Say why, by playing the recording, or do not.")
@JSON
def export(
    trace: str, *, out: str, client: str | None, from_seq: int | None, to_seq: int | None, reasons: bool, as_json: bool
) -> None:
    """The packets of a recording as a capture, each with the server's decision as its comment.

    Link-level addresses that a recording does not hold are made up of the IP addresses (02:00:...).
    """
    if Path(out).exists() and Path(out).samefile(trace):
        leave(f"{out} is the recording itself; give the capture another name", Status.UNJUDGED)
    wanted = _filter(client, from_seq or 1, to_seq)
    progress = Progress() if sys.stderr.isatty() and not as_json else None
    with opened(trace) as tape:
        frames = _write(tape, out, wanted, progress, reasons=reasons)
    if progress is not None:
        progress.clear()
    if as_json:
        print_json({"output": out, "frames": frames})
    else:
        click.echo(f"{out}: {frames:,} frames")


def _filter(client: str | None, from_seq: int, to_seq: int | None) -> Callable[[Entry], bool]:
    of_client = client_test(client) if client is not None else lambda _entry: True
    return lambda entry: from_seq <= entry.seq and (to_seq is None or entry.seq <= to_seq) and of_client(entry)


def _write(
    tape: Tape, out: str, wanted: Callable[[Entry], bool], progress: Progress | None, *, reasons: bool
) -> int:
    """The frames, in a file that takes its name when it is whole."""
    part = f"{out}.part"
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            frames = exported(
                tape, file, f"dhcpd-trace {version('dhcpd')}", wanted=wanted, reasons=reasons, watch=progress
            )
        os.replace(part, out)  # noqa: PTH105 - names, not paths
    except TapeError:
        raise
    except OSError as error:
        leave(f"cannot write {out}: {error.strerror}", Status.UNJUDGED)
    except Exception as error:  # noqa: BLE001 - whatever the engine did is the finding
        complain(f"the engine failed, which is a defect of dhcpd: {error!r}; --no-reasons leaves it out")
        sys.exit(Status.DIFFERENT)
    finally:
        Path(part).unlink(missing_ok=True)
    return frames
