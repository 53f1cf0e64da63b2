"""An ISC trace played by our machine, into a recording of our own and a lease file, with a verdict on the packets.

The verdict is that of a playback (verdict.py): the same where every packet that ISC's server sent was sent by ours,
octet for octet, and no other. The recording that is written holds our effects, so that it plays without a difference
whatever ISC did.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...trace import TapeWriter
from ...trace import effects as ef
from ..playing.leases import LeaseFileFollower
from ..playing.verdict import Difference, Status, Verdict
from ..showing.decode import client_of
from .drive import Drive, Source
from .format import NewerIscTrace, open_regular, read
from .records import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...trace.effects import Effect
    from ...trace.events import Event

_XID: Final = slice(4, 8)


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import: packets that ISC `sent`, those the `same`, `missing`, `extra`; what was `left` out."""

    verdict: Verdict
    sent: int = 0
    same: int = 0
    missing: int = 0
    extra: int = 0
    left: tuple[tuple[str, int], ...] = ()


def import_isc(
    path: str,
    out: str | None,
    lease_path: str | None,
    *,
    version: str = "",
    watch: Callable[[int, int], None] | None = None,
) -> Imported:
    """Play the ISC trace at `path`; write the recording to `out` and the lease file to `lease_path` where given.

    Raises TapeWriteFailed, and OSError where the lease file cannot be written. What is wrong with the trace is a
    verdict. `watch` is called with (number, wall_us) of each event.
    """
    try:
        with open_regular(path) as file, ExitStack() as stack:
            follower = None if lease_path is None else stack.enter_context(LeaseFileFollower(lease_path))
            sink = _Sink(follower, watch)
            reader = Reader()
            source = Source(map(reader.read, read(file, path)))
            first = source.next()
            if source.error is not None:
                return _unread(source.error)
            if first is not None:
                source.put_back(first)
            sink.tape = None if out is None else stack.enter_context(TapeWriter.create(out, version=version))
            drive = Drive(sink.tell, version)
            drive.run(source, lambda: reader.byte_order)
            if follower is not None:
                follower.install()
    except OSError as error:
        if error.filename not in (path, None):
            raise
        return Imported(Verdict(Status.UNJUDGED, damage=f"{path}: {error.strerror}"))
    return _imported(drive, sink, "" if source.error is None else str(source.error))


class _Sink:
    """Where events and effects go."""

    def __init__(self, follower: LeaseFileFollower | None, watch: Callable[[int, int], None] | None) -> None:
        self.tape: TapeWriter | None = None
        self.effects = 0
        self.events = 0
        self._follower = follower
        self._watch = watch

    def tell(self, event: Event, effects: list[Effect]) -> None:
        self.events += 1
        self.effects += len(effects)
        if self.tape is not None:
            self.tape.write_effects(self.tape.write_events([event]), [effects])
        if self._follower is not None:
            self._follower.event(event)
            self._follower.effects(effects)
        if self._watch is not None:
            self._watch(self.events, event.wall_us)


def _unread(error: Exception) -> Imported:
    """Nothing could be read, or nothing behind the header."""
    status = Status.UNJUDGED if isinstance(error, NewerIscTrace) else Status.DAMAGED
    return Imported(Verdict(status, damage=str(error)))


def _imported(drive: Drive, sink: _Sink, damage: str) -> Imported:
    difference = _difference(drive)
    damage = damage or "; ".join(drive.gaps)
    status = Status.SAME
    if difference is not None:
        status = Status.DIFFERENT
    elif damage:
        status = Status.DAMAGED
    notices = [f"{drive.same:,} of the {drive.sent:,} packets that ISC dhcpd sent came again"]
    notices += [f"not played: {what} ({count:,})" for what, count in sorted(drive.left.items())]
    if damage and difference is not None:
        notices.append(damage)
    verdict = Verdict(
        status, sink.events, sink.effects, 0, sink.events, difference=difference, damage=damage, notices=tuple(notices)
    )
    left = tuple(sorted(drive.left.items()))
    return Imported(verdict, drive.sent, drive.same, len(drive.missing), len(drive.extra), left)


def _difference(drive: Drive) -> Difference | None:
    """The first packet that only one of the two sent, beside the other's for the same question where there is one."""
    missing, extra = drive.missing[:1], drive.extra[:1]
    if not missing and not extra:
        return None
    if missing and (not extra or missing[0][0] <= extra[0][0]):
        seq, event, record = missing[0]
        wanted = ef.Send("", False, record.destination, record.port, b"", 0, False, "", record.payload)
        beside = [one for _seq, _event, one in drive.extra if one.payload[_XID] == record.payload[_XID]][:1]
        expected = (beside[0]._replace(payload=record.payload),) if beside else (wanted,)
        return Difference(seq, event, expected, tuple(beside), client_of(event, expected))
    seq, event, effect = extra[0]
    return Difference(seq, event, (), (effect,), client_of(event, (effect,)))
