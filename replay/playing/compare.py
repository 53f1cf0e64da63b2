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

    `place` counts from 1 in the expected list, or in the other where nothing was expected.
    """

    place: int
    expected: Effect | None
    got: Effect | None


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
    """The pairs that are not equal, in order. Equal effects hold the lists together; between them types are paired."""
    pairs: list[Pair] = []
    got = _linked_alike(expected, got)
    for tag, first, last, got_first, got_last in SequenceMatcher(
        None, [_key(one) for one in expected], [_key(one) for one in got], autojunk=False
    ).get_opcodes():
        if tag != "equal":
            pairs += _pair(expected[first:last], got[got_first:got_last], first + 1, got_first + 1)
    return pairs


def _key(effect: Effect) -> tuple[object, ...]:
    return (type(effect), *effect)


def _pair(expected: Sequence[Effect], got: Sequence[Effect], at: int, got_at: int) -> list[Pair]:
    """Pair a stretch without equal effects: the first of the same type on the other side is the counterpart."""
    rest = list(enumerate(got, got_at))
    pairs: list[Pair] = []
    for place, effect in enumerate(expected, at):
        twin = next((one for one in rest if type(one[1]) is type(effect)), None)
        if twin is not None:
            rest.remove(twin)
        pairs.append(Pair(place, effect, None if twin is None else twin[1]))
    return pairs + [Pair(place, None, effect) for place, effect in rest]
