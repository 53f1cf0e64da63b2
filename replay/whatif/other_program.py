"""Which event another program is the first to answer otherwise: found by its exit status alone.

All that is asked of the other program is `-play FILE -lf LEASES` with the exit statuses of verdict.Status, so that
every version that can play can be asked, whatever it prints. A recording's beginning is a recording: the shortest one
that the program does not play to the same ends with the event in question, and bisection finds it. Where the program
names an event, as ours do, that one is tried first.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ...trace import Entry, TapeWriter
from ..playing.verdict import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...trace import Tape

_HINT: Final = re.compile(r"at event ([\d,]+)")
_OUTPUT_MAXIMUM: Final = 65_536


class OtherProgramFailed(Exception):
    """The other program gave no verdict; the text says how it ended and what it printed last."""


class Trial(NamedTuple):
    """How the other program played the events up to `last`: its exit status and what it printed."""

    last: int
    status: int
    output: str


def write_prefix(tape: Tape, path: str, last: int) -> None:
    """The recording up to event `last`, with everything that it says of itself."""
    info = tape.info
    writer = TapeWriter.create(
        path, version=info.writer_version, host=info.host, created_us=info.created_us, first_seq=tape.first_seq
    )
    for entry in tape.iterate():
        if entry.seq > last:
            break
        if not isinstance(entry, Entry):
            writer.write_snapshot(entry.seq, entry.data)
            continue
        first = writer.write_events([entry.event])
        if entry.effects is not None:
            writer.write_effects(first, [entry.effects])
    writer.close()


class OtherProgram:
    """A program that plays. `command` are its words; a run that takes longer than `timeout_s` has failed."""

    def __init__(self, command: Sequence[str], timeout_s: float) -> None:
        self._command = list(command)
        self._timeout_s = timeout_s
        self.runs = 0

    def play(self, tape: Tape, last: int) -> Trial:
        """Have it play the recording up to event `last`; raises OtherProgramFailed where that gives no verdict."""
        self.runs += 1
        with tempfile.TemporaryDirectory(prefix="dhcpd-bisect-") as folder:
            trace, leases = Path(folder) / "trace", Path(folder) / "leases"
            write_prefix(tape, str(trace), last)
            words = [*self._command, "-play", str(trace), "-lf", str(leases)]
            try:
                done = subprocess.run(  # noqa: S603 - the program is the caller's own
                    words, stdin=subprocess.DEVNULL, capture_output=True, timeout=self._timeout_s, check=False
                )
            except subprocess.TimeoutExpired as error:
                raise OtherProgramFailed(f"did not end within {self._timeout_s:g} s") from error
            except OSError as error:
                raise OtherProgramFailed(error.strerror or str(error)) from error
        output = (done.stdout + done.stderr).decode("utf-8", "replace")[-_OUTPUT_MAXIMUM:]
        if done.returncode not in (Status.SAME, Status.DIFFERENT):
            raise OtherProgramFailed(f"ended with status {done.returncode}: {output.strip()[-200:]}")
        return Trial(last, done.returncode, output)


def first_difference(tape: Tape, program: OtherProgram, watch: Callable[[str], None] | None = None) -> Trial | None:
    """The shortest beginning that the program does not play to the same; None where it plays the whole to the same.

    Raises OtherProgramFailed, and what reading a tape raises.
    """
    end = max(entry.seq for entry in tape.iterate())
    bad = program.play(tape, end)
    if bad.status == Status.SAME:
        return None
    good = tape.first_seq - 1
    hint = _HINT.search(bad.output)
    tries = [int(hint[1].replace(",", ""))] if hint else []
    tries += [one - 1 for one in tries]
    while good + 1 < bad.last:
        middle = next((one for one in tries if good < one < bad.last), (good + bad.last) // 2)
        if watch is not None:
            watch(f"between events {good + 1:,} and {bad.last:,}: playing {middle:,}")
        trial = program.play(tape, middle)
        if trial.status == Status.SAME:
            good = middle
        else:
            bad = trial
    return bad
