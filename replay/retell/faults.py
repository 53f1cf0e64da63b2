"""A difference between a recording and the engine, carried over to a run in which the engine answers otherwise.

A recording whose effects are not the engine's (an older version made it, or a defect) must keep that fault when its
events are told again, and no other must come in. What is carried over is the difference itself: the field, the header's
octets, the option that had another value. An option that the reply does not have any more is not put back for its
value's sake, so that what the fault hangs on stays in the recording too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ...engine.wire.packet import COOKIE, FIXED_OCTETS
from ..playing.compare import Pair, differences
from .payload import assemble, options_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...trace.effects import Effect

_OPTIONS_AT: Final = FIXED_OCTETS + len(COOKIE)


class Fault(NamedTuple):
    """What was recorded for an event, and what the engine did about it in the same run."""

    recorded: tuple[Effect, ...]
    engine: tuple[Effect, ...]


def carried_over(fault: Fault, now: Sequence[Effect]) -> tuple[Effect, ...]:
    """The effects `now` of the engine, with the fault's differences made in them."""
    if tuple(now) == fault.engine:
        return fault.recorded
    made = list(now)
    taken: set[int] = set()
    for pair in differences(fault.recorded, fault.engine):
        _carry(pair, made, taken)
    return tuple(made)


def _carry(pair: Pair, made: list[Effect], taken: set[int]) -> None:
    if pair.got is None:
        assert pair.expected is not None, "a pair has a side"
        made.insert(min(pair.place - 1, len(made)), pair.expected)
        return
    kind = type(pair.got)
    place = next((at for at, one in enumerate(made) if type(one) is kind and at not in taken), None)
    if place is None:
        return
    if pair.expected is None:
        del made[place]
        return
    taken.add(place)
    made[place] = _with_difference(made[place], pair.got, pair.expected)


def _with_difference(now: Any, engine: Any, recorded: Any) -> Any:
    """The effect `now` with the fields that differ between the other two, which are of its type."""
    changed = {}
    for name in now._fields:
        old, new = getattr(engine, name), getattr(recorded, name)
        if old != new:
            changed[name] = _payload(getattr(now, name), old, new) if name == "payload" else new
    return now._replace(**changed)


def _payload(now: bytes, engine: bytes, recorded: bytes) -> bytes:
    """The message `now` with the octets of the header and the options that differ between the other two."""
    areas = [options_in(one) for one in (now, engine, recorded)]
    if any(area is None for area in areas):
        return recorded
    mine, old, new = (dict(area or ()) for area in areas)
    header = bytes(
        theirs if theirs != ours else octet
        for octet, ours, theirs in zip(now[:_OPTIONS_AT], engine[:_OPTIONS_AT], recorded[:_OPTIONS_AT], strict=True)
    )
    for code, value in new.items():
        if code not in old or (old[code] != value and code in mine):
            mine[code] = value
    for code in old:
        if code not in new:
            mine.pop(code, None)
    return assemble(header, mine.items(), len(now))
