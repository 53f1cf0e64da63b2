"""Where two configurations diverge: the first event whose effects are others, with the reasons of both sides.

The new configuration is driven as in a what-if, and each step is held against the recording: packets, records, log
lines, pings, programs. The start is left out, which tells of the files themselves, and so are the timers asked for
and rewrites of the lease file. Everything behind the first difference may be its consequence, and is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...trace import effects as fx
from ...trace import events as ev
from ..looking.explain import explain
from ..playing.compare import same
from ..playing.verdict import Difference
from ..showing.decode import client_of, hardware_of
from .driver import Driver

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...disk.configuration import SourceFile
    from ...engine.service.reasons import Reason
    from ...trace import Tape
    from ...trace.effects import Effect
    from .driver import Applied, Step

_LEFT_OUT: Final = (fx.Wake, fx.RewriteBegin, fx.RewritePart, fx.RewriteEnd)


class Divergence(NamedTuple):
    """The first event that is answered otherwise: the effects, and why on each side.

    `told` says what the new server was told that the recording does not have (`its own timer`, ...).
    """

    difference: Difference
    recorded_reasons: tuple[Reason, ...]
    new_reasons: tuple[Reason, ...]
    told: tuple[str, ...]


def find_divergence(
    tape: Tape,
    files: Sequence[SourceFile],
    leases: bytes | None = None,
    *,
    watch: Callable[[int, int], None] | None = None,
) -> Divergence | None:
    """The first event at which the recording and the configuration `files` part; None where they never do.

    Raises Refused (driver.py), EngineFailed (playing/seek.py), and what reading a tape raises.
    """
    found = _first(Driver(files, leases), tape, watch)
    if found is None:
        return None
    decided = _decided_at(tape, found)
    again = Driver(files, leases, explain_from=decided)
    told: list[Applied] = []
    for step in again.steps(tape):
        if step.seq in (decided, found.seq):
            told += step.applied
        if step.seq == found.seq:
            break
    got = tuple(effect for one in found.applied for effect in one.effects)
    client = client_of(found.event, found.recorded, got)
    return Divergence(
        Difference(found.seq, found.event, _counted(found.recorded), _counted(got), client),
        tuple(reason for one in explain(tape, {decided, found.seq}) for reason in one.reasons),
        tuple(reason for one in told for reason in one.reasons),
        tuple(one.why for one in found.applied if one.why),
    )


def _decided_at(tape: Tape, step: Step) -> int:
    """The number of the event that was decided about: an offer that waited for a ping was decided on before."""
    got = [effect for one in step.applied for effect in one.effects]
    hardware = hardware_of(step.event, step.recorded, got)
    if isinstance(step.event, ev.Packet) or not hardware:
        return step.seq
    decided = step.seq
    for entry in tape.client(hardware):
        if entry.seq >= step.seq:
            break
        decided = entry.seq
    return decided


def _first(driver: Driver, tape: Tape, watch: Callable[[int, int], None] | None) -> Step | None:
    serving = tape.first_seq > 1
    for number, step in enumerate(driver.steps(tape)):
        if watch is not None and not number % 512:
            watch(step.seq, step.event.wall_us)
        if serving and _parts(step):
            return step
        serving = serving or isinstance(step.event, ev.Listening)
    return None


def _parts(step: Step) -> bool:
    if isinstance(step.event, ev.RewriteContinue):
        return False
    got = [effect for one in step.applied for effect in one.effects]
    return not same(_counted(step.recorded), _counted(got))


def _counted(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    return tuple(effect for effect in effects if not isinstance(effect, _LEFT_OUT))


def reason_lines(divergence: Divergence) -> list[str]:
    """The reasons that only one side has: `-` the recorded configuration's, `+` the other's."""
    sides = divergence.recorded_reasons, divergence.new_reasons
    keys = [{_key(reason) for reason in side} for side in sides]
    lines = [_line("-", one) for one in sides[0] if _key(one) not in keys[1]]
    return lines + [_line("+", one) for one in sides[1] if _key(one) not in keys[0]]


def _key(reason: Reason) -> tuple[str, ...]:
    """What two reasons are compared by: not where a statement stands, which is elsewhere in another file."""
    return reason.step, reason.subject, reason.verdict, reason.why


def _line(sign: str, reason: Reason) -> str:
    words = [
        reason.step,
        reason.subject,
        reason.verdict,
        reason.why,
        "" if reason.place is None else f"({reason.place})",
    ]
    return f"  {sign} " + "  ".join(word for word in words if word)


def reason_objects(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    """Reasons as JSON has them."""
    return [{**one._asdict(), "place": None if one.place is None else str(one.place)} for one in reasons]
