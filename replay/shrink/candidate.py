"""One recording that is tried: which events of the original it has, and what was changed in them.

A candidate is a few numbers and texts, cheap to hand to another process, which has the original for itself. It is
turned into a tape by telling its events to the engine; one that does not come so far as to serve, where the original
did, is no witness of the same fault, and is not shown to the test.
"""

from __future__ import annotations

import shlex
import signal
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ...trace import Entry, TapeWriter
from ...trace import events as ev
from ...trace.writer import pack_snapshot
from ..playing.verdict import INTERRUPTED
from ..retell.gate import Gate
from ..retell.material import Material, load
from ..retell.replayer import Replayed, Replayer, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

LEASE_FILE_PART_OCTETS: Final = 1 << 20
PLACE: Final = "{}"


class Candidate(NamedTuple):
    """`kept` are places in the original's entries.

    `payloads` replaces those of packets, by place; `files` the contents of configuration files, by name; `leases` the
    lease file that was found, None for the original's.
    """

    kept: tuple[int, ...]
    payloads: tuple[tuple[int, bytes], ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()
    leases: bytes | None = None


class Trial(NamedTuple):
    """A candidate of the recording at `path`, and the command that judges it; None: the engine itself does."""

    path: str
    candidate: Candidate
    command: str | None


def entries_of(material: Material, candidate: Candidate) -> Iterator[Entry]:
    """The candidate's events, changed as it says, with the numbers and effects of the original."""
    payloads, files, leases = dict(candidate.payloads), dict(candidate.files), candidate.leases
    for place in candidate.kept:
        entry = material.entries[place]
        event = entry.event
        if isinstance(event, ev.LeaseFilePart) and leases is not None:
            for part in _parts(leases):
                yield entry._replace(event=event._replace(content=part))
            leases = b""
            continue
        if place in payloads and isinstance(event, ev.Packet):
            event = event._replace(payload=payloads[place])
        elif isinstance(event, ev.ConfigurationFile) and event.name in files:
            event = event._replace(content=files[event.name])
        yield entry._replace(event=event)


def _parts(content: bytes) -> list[bytes]:
    return [content[at : at + LEASE_FILE_PART_OCTETS] for at in range(0, len(content), LEASE_FILE_PART_OCTETS)]


def replayed(material: Material, candidate: Candidate) -> list[Replayed] | None:
    """The events and effects of the candidate's tape; None where its server does not serve and the original's did."""
    machine = material.machine()
    wake_us = 0 if material.snapshot is None else int(material.snapshot["wake_us"])
    gate = Gate(machine, wake_us, open_end=material.snapshot is not None)
    found = list(Replayer(machine, gate, material.faults).replay(entries_of(material, candidate)))
    return found if machine.serving or not material.serving else None


def write_candidate(path: str, material: Material, found: list[Replayed]) -> int:
    """Write the candidate's tape; returns the number of its events. Raises TapeWriteFailed."""
    first = material.first_seq
    created = found[0].event.wall_us if found else 0
    with TapeWriter.create(
        path, version=material.writer_version, host=material.host, created_us=created, first_seq=first
    ) as writer:
        if material.snapshot is not None:
            place = writer.snapshot_place()._replace(seq=first - 1, wall_us=created)
            writer.append_snapshot(place, pack_snapshot(place, material.snapshot))
        return fill(writer, found)


@lru_cache(1)
def _material(path: str) -> Material:
    return load(path)


def passes(trial: Trial) -> bool:
    """Whether the candidate still shows the fault: the command ends with status 0, or playback would differ."""
    material = _material(trial.path)
    found = replayed(material, trial.candidate)
    if found is None:
        return False
    if trial.command is None:
        return any(one.differs for one in found)
    with tempfile.TemporaryDirectory(prefix="dhcpd-shrink-") as folder:
        tape = str(Path(folder) / "candidate.trace")
        write_candidate(tape, material, found)
        return run(trial.command, tape) == 0


def run(command: str, tape: str) -> int:
    """The exit status of the command for a tape, whose name stands for `{}`; what it prints is not shown.

    Raises KeyboardInterrupt where ^C has ended the command, which is no verdict, whoever hears of it first.
    """
    line = command.replace(PLACE, shlex.quote(tape))
    status = subprocess.run(  # noqa: S602 - the user's own command line, for the shell that he wrote it for
        line, shell=True, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ).returncode
    if status in (-signal.SIGINT, INTERRUPTED):
        raise KeyboardInterrupt
    return status
