"""`dhcpd-trace metrics`: the counters that the server had, from its recording."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..command.console import TAPE, opened
from ..command.progress import reading
from ..looking.figures.counted import counted

if TYPE_CHECKING:
    from ...trace import Tape


@click.command()
@TAPE
def metrics(trace: str) -> None:
    """What the server's /metrics said when the recording ended, in the text format of Prometheus.

    The recording is played for it. Of a file that begins in the middle of a run the counters begin there.
    """
    with opened(trace) as tape:
        _print(tape)


def _print(tape: Tape) -> None:
    from ..looking.figures.exposition import families, pieces  # noqa: PLC0415 - who asks for help needs no exposition

    with reading(tape, as_json=True) as progress:
        counters = counted(tape, progress.at)
    for piece in pieces(families(counters)):
        sys.stdout.write(piece.decode())
