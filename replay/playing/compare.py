"""Whether what the engine did is what was recorded, and if not, which effect stands against which.

Equality is asked of whole effect lists, the types included, because it is asked for every event of a tape; fields are
looked at only for the one event that differs. No effect is left out: everything that the engine asks for is compared.
A link (`Answers`) asks for nothing; where the recording has none, as those of before that effect, none is expected.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

from ...trace.effects import Answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...trace.effects import Effect


class Pair(NamedTuple):
    """An expected effect and what stands in its place; None on the side where there is nothing.

    `place` counts from 1 in the expected list, or in the other where nothing was expected. `moved_to`: both are equal
    and this is the place in the other list, out of order; 0 where they are not.
    """

    place: int
    expected: Effect | None
    got: Effect | None
    moved_to: int = 0


# Effects with their places, from 1.
Stretch = list[tuple[int, "Effect"]]


def same(expected: Sequence[Effect], got: Sequence[Effect]) -> bool:
    """Whether both are the same effects in the same order. Tuples of different types are equal to Python, not here."""
    return _equal(expected, got) or (any(map(_is_link, got)) and _equal(expected, _linked_alike(expected, got)))


def _equal(expected: Sequence[Effect], got: Sequence[Effect]) -> bool:
    return tuple(expected) == tuple(got) and list(map(type, expected)) == list(map(type, got))


def _is_link(effect: Effect) -> bool:
    return type(effect) is Answers


def _linked_alike(expected: Sequence[Effect], got: Sequence[Effect]) -> Sequence[Effect]:
    """What was got, without its links where none is expected."""
    if any(map(_is_link, expected)):
        return got
    return [effect for effect in got if not _is_link(effect)]


def differences(expected: Sequence[Effect], got: Sequence[Effect]) -> list[Pair]:
    """The pairs that are not equal or not in order.

    Equal effects in order hold the lists together; of what stands between them, equal ones are paired first, wherever
    they are, then types.
    """
    old, new = list(enumerate(expected, 1)), list(enumerate(_linked_alike(expected, got), 1))
    matched = SequenceMatcher(None, [_key(one) for _, one in old], [_key(one) for _, one in new], autojunk=False)
    stretches = [
        (old[first:last], new[new_first:new_last])
        for tag, first, last, new_first, new_last in matched.get_opcodes()
        if tag != "equal"
    ]
    moved = _take_moved(stretches)
    return [pair for ours, theirs in stretches for pair in _pair(ours, theirs, moved)]


def _take_moved(stretches: list[tuple[Stretch, Stretch]]) -> dict[int, int]:
    """Take what is equal in any two stretches out of the second's; returns the places there by those in the first."""
    moved: dict[int, int] = {}
    for ours, _ in stretches:
        for place, effect in ours:
            for _, theirs in stretches:
                twin = next((one for one in theirs if _key(one[1]) == _key(effect)), None)
                if twin is not None:
                    theirs.remove(twin)
                    moved[place] = twin[0]
                    break
    return moved


def _key(effect: Effect) -> tuple[object, ...]:
    return (type(effect), *effect)


def _pair(expected: Stretch, rest: Stretch, moved: dict[int, int]) -> list[Pair]:
    """Pair what is left of a stretch: the first of the same type on the other side is the counterpart."""
    pairs: list[Pair] = []
    for place, effect in expected:
        if place in moved:
            pairs.append(Pair(place, effect, effect, moved[place]))
            continue
        twin = next((one for one in rest if type(one[1]) is type(effect)), None)
        if twin is not None:
            rest.remove(twin)
        pairs.append(Pair(place, effect, None if twin is None else twin[1]))
    return pairs + [Pair(place, None, effect) for place, effect in rest]
