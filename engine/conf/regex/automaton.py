"""Whether a regular expression matches somewhere in a text, in time that grows with the text and with nothing else.

The patterns are the operator's, the texts are whatever a client sends. A matcher that tries one way after the other
(Python's `re`) can be kept busy for years by thirty letters; this one is in all places of the pattern at once. The
places are numbered, a set of them is a number, and what follows from a set and an octet is remembered, so that the
usual text costs one look-up an octet. References back to groups are beyond such an automaton, and refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from .syntax import WORD, Again, Assertion, BadPattern, Choice, Group, Node, Octets, Repeat, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable

# A repetition multiplies what it repeats, so a short pattern may mean a million places. What is remembered of them
# hangs on clients' texts, and is forgotten as a whole when it is much.
PLACES_MAX: Final = 20_000
_REMEMBERED_MAX: Final = 2_000
# What stands behind the last octet of a text.
_END: Final = 256
_MATCH: Final = -1
# What stands before a place: nothing, an octet of a word, another.
_BEGIN, _WORD, _OTHER = 0, 1, 2

# The places that a match may have come to, and what stands before the next octet.
_State: TypeAlias = tuple[int, int]

_ASSERTIONS: Final[dict[str, Callable[[int, bool, bool], bool]]] = {
    "begin": lambda before, _ahead, _end: before == _BEGIN,
    "end": lambda _before, _ahead, end: end,
    "word begin": lambda before, ahead, _end: before != _WORD and ahead,
    "word end": lambda before, ahead, _end: before == _WORD and not ahead,
    "word edge": lambda before, ahead, _end: (before == _WORD) != ahead,
    "no word edge": lambda before, ahead, _end: (before == _WORD) == ahead,
}


class Automaton:
    """A pattern, ready to search with. Raises BadPattern where it refers back or has too many places."""

    __slots__ = ("_numbers", "_octets", "_start", "_states", "_steps", "_to", "_where")

    def __init__(self, node: Node) -> None:
        # By place: the octets that lead on (0: none), the assertion that does, and the places that follow.
        self._octets: list[int] = []
        self._where: list[str] = []
        self._to: list[tuple[int, ...]] = []
        match = self._place(0, "", ())
        assert match == 0, "the first place is the last of a match"
        self._start = 1 << self._before(node, match)
        self._forget()

    def _place(self, octets: int, where: str, to: tuple[int, ...]) -> int:
        if len(self._octets) >= PLACES_MAX:
            raise BadPattern(f"more than {PLACES_MAX} places")
        self._octets.append(octets)
        self._where.append(where)
        self._to.append(to)
        return len(self._octets) - 1

    def _before(self, node: Node, then: int) -> int:
        """The place before a part of the pattern, behind which comes the place `then`."""
        if isinstance(node, Octets):
            return self._place(node.mask, "", (then,))
        if isinstance(node, Assertion):
            return self._place(0, node.what, (then,))
        if isinstance(node, Sequence):
            for part in reversed(node.parts):
                then = self._before(part, then)
            return then
        if isinstance(node, Choice):
            return self._place(0, "", tuple([self._before(branch, then) for branch in node.branches]))
        if isinstance(node, Repeat):
            return self._before_repeat(node, then)
        if isinstance(node, Again):
            raise BadPattern("it refers back to a group")
        assert isinstance(node, Group), node
        return self._before(node.body, then)

    def _before_repeat(self, node: Repeat, then: int) -> int:
        if node.most is None:
            loop = self._place(0, "", ())
            self._to[loop] = (self._before(node.body, loop), then)
            then = loop
        else:
            last = then
            # Each further time may be left out, and with it all behind it.
            for _ in range(node.most - node.least):
                then = self._place(0, "", (self._before(node.body, then), last))
        for _ in range(node.least):
            then = self._before(node.body, then)
        return then

    def search(self, text: bytes) -> bool:
        """Whether the pattern matches somewhere in `text`."""
        number = 0
        steps = self._steps
        for octet in (*text, _END):
            following = steps[number].get(octet)
            if following is None:
                following = self._learn(number, octet)
                steps = self._steps
            if following == _MATCH:
                return True
            number = following
        return False

    def _forget(self) -> None:
        """Remember nothing but the state in front of a text."""
        self._states: list[_State] = [(0, _BEGIN)]
        self._numbers: dict[_State, int] = {(0, _BEGIN): 0}
        self._steps: list[dict[int, int]] = [{}]

    def _learn(self, number: int, octet: int) -> int:
        """The number of the state behind an octet, which is remembered."""
        state = self._step(*self._states[number], octet)
        if state is None:
            following = _MATCH
        elif state in self._numbers or len(self._states) < _REMEMBERED_MAX:
            following = self._number(state)
        else:
            self._forget()
            return self._number(state)  # the state that led here is forgotten with the others
        self._steps[number][octet] = following
        return following

    def _number(self, state: _State) -> int:
        number = self._numbers.setdefault(state, len(self._states))
        if number == len(self._states):
            self._states.append(state)
            self._steps.append({})
        return number

    def _step(self, places: int, before: int, octet: int) -> _State | None:
        """The set of places behind an octet, with what stands before them then; None: the pattern has matched."""
        ahead = octet != _END and bool(WORD >> octet & 1)
        reached = self._spread(places | self._start, before, ahead, end=octet == _END)
        if reached & 1:
            return None
        following = 0
        if octet != _END:
            while reached:
                place = reached.bit_length() - 1
                reached ^= 1 << place
                if self._octets[place] >> octet & 1:
                    following |= 1 << self._to[place][0]
        return following, _WORD if ahead else _OTHER

    def _spread(self, places: int, before: int, ahead: bool, *, end: bool) -> int:
        """All places that can be reached without an octet, the given ones among them."""
        waiting, reached = places, 0
        while waiting:
            place = waiting.bit_length() - 1
            waiting ^= 1 << place
            reached |= 1 << place
            where = self._where[place]
            if self._octets[place] or (where and not _ASSERTIONS[where](before, ahead, end)):
                continue
            for following in self._to[place]:
                if not reached >> following & 1:
                    waiting |= 1 << following
        return reached
