"""One timeline of a pair, on the first side's clock: what was said and whether it came, states, connections.

The second side's times are set back by the difference of the clocks as its connection measured it (matching.py). Each
side keeps its own order, and nothing that follows from a message stands before the message: where the measure is not
fine enough for that, order goes before time. Messages of one event on one connection are one row, unless some of them
came and some did not.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from ..showing.failover import Pieces, failover_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .matching import Joined, Passage
    from .side import Connection, Side

# The kinds of rows, for programs. "lost": said, and not heard though the other end recorded then.
KINDS: Final = ("state", "message", "lost", "unrecorded", "connection")
_FIRST, _SECOND = 0, 1


class Row(NamedTuple):
    """Something at side 0 or 1: `at_us` on the first side's clock, `seq` the event of that side's recording.

    `kind` is one of KINDS. `text` is for people. Of messages, `passages` are they.
    """

    at_us: int
    side: int
    seq: int
    kind: str
    text: str
    passages: tuple[Passage, ...] = ()


class Pair(NamedTuple):
    """Both sides with what they have in common; `relationships` are those whose two ends they are."""

    sides: tuple[Side, Side]
    relationships: tuple[str, ...]
    joined: tuple[Joined, ...]


def ahead_us(pair: Pair, seq: int, side: int) -> int:
    """How far the second clock is ahead, as the last connection measured it that had begun at an event of a side."""
    found = 0
    measured = [one for one in pair.joined if one.skew is not None]
    for number, one in enumerate(measured):
        connection = one.ends[side]
        begun = connection is not None and (connection.opened is None or connection.opened[0] <= seq)
        if one.skew is not None and (not number or begun):
            found = one.skew.ahead_us
    return found


def timeline(pair: Pair) -> list[Row]:
    """Every row, in order."""
    lists = [_rows(pair, side) for side in (_FIRST, _SECOND)]
    needs = [_needs(lists, side) for side in (_FIRST, _SECOND)]
    at, merged = [0, 0], list[Row]()
    while any(at[side] < len(lists[side]) for side in (_FIRST, _SECOND)):
        side = _next(lists, needs, at)
        merged.append(lists[side][at[side]])
        at[side] += 1
    return merged


def _next(lists: list[list[Row]], needs: list[list[int]], at: list[int]) -> int:
    """The side whose row comes next: the earlier one, unless it follows from a message that is still to come."""
    left = [side for side in (_FIRST, _SECOND) if at[side] < len(lists[side])]
    if len(left) == 1:
        return left[0]
    free = [side for side in left if needs[side][at[side]] < at[1 - side]] or left
    return min(free, key=lambda side: (lists[side][at[side]].at_us, side))


def _needs(lists: list[list[Row]], side: int) -> list[int]:
    """For each row of a side the place, in the other side's rows, of the last message that it had heard by then."""
    heard = sorted(
        (passage.heard.seq, place)
        for place, row in enumerate(lists[1 - side])
        for passage in row.passages
        if passage.sender != side and passage.said is not None and passage.heard is not None
    )
    found, place, latest = [], 0, -1
    for row in lists[side]:
        while place < len(heard) and heard[place][0] <= row.seq:
            latest = max(latest, heard[place][1])
            place += 1
        found.append(latest)
    return found


# The rows of one side, in its own order


def _rows(pair: Pair, side: int) -> list[Row]:
    rows = [*_changes(pair, side)]
    for one in pair.joined:
        connection = one.ends[side]
        if connection is not None:
            rows += _of_connection(pair, side, connection)
        ahead = one.skew.ahead_us if one.skew is not None else None
        rows += _of_messages(pair, side, one.passages, ahead)
    rows.sort(key=lambda row: row.seq)
    return rows


def _corrected(pair: Pair, side: int, seq: int, wall_us: int, ahead: int | None = None) -> int:
    if side == _FIRST:
        return wall_us
    return wall_us - (ahead_us(pair, seq, side) if ahead is None else ahead)


def _changes(pair: Pair, side: int) -> Iterator[Row]:
    for one in pair.sides[side].changes:
        at_us = _corrected(pair, side, one.seq, one.wall_us)
        yield Row(at_us, side, one.seq, "state", f"{one.relationship}: {one.old} -> {one.new}: {one.why}")


def _of_connection(pair: Pair, side: int, found: Connection) -> Iterator[Row]:
    way = "called" if found.stream & 1 else "was called"
    if found.opened is not None:
        seq, wall_us = found.opened
        yield Row(_corrected(pair, side, seq, wall_us), side, seq, "connection", f"connection {found.stream}: {way}")
    if found.closed is not None:
        seq, wall_us = found.closed
        how = f": {found.error}" if found.error else ""
        text = f"connection {found.stream}: closed{how}"
        yield Row(_corrected(pair, side, seq, wall_us), side, seq, "connection", text)


def _of_messages(pair: Pair, side: int, passages: tuple[Passage, ...], ahead: int | None) -> Iterator[Row]:
    """What the side said; and what it heard that the other side's recording does not have said."""
    own = [one for one in passages if one.sender == side and one.said is not None]
    for (seq, kind), group in groupby(own, key=lambda one: (_seq(one), _kind(pair, side, one, ahead))):
        yield _row(pair, side, seq, kind, tuple(group), ahead)
    strange = [one for one in passages if one.sender != side and one.said is None]
    for (seq, kind), group in groupby(strange, key=lambda one: (_seq(one), "unrecorded")):
        yield _row(pair, side, seq, kind, tuple(group), ahead)


def _seq(one: Passage) -> int:
    return one.message.seq


def _kind(pair: Pair, side: int, one: Passage, ahead: int | None) -> str:
    """Whether a message was heard; one that the other side could not have recorded is not said to be lost."""
    if one.heard is not None:
        return "message"
    assert one.said is not None, "it has an end"
    other = pair.sides[1 - side]
    there_us = one.said.wall_us + (ahead or 0) * (1 if side == _FIRST else -1)
    return "lost" if other.first_us <= there_us <= other.last_us else "unrecorded"


def _row(pair: Pair, side: int, seq: int, kind: str, group: tuple[Passage, ...], ahead: int | None) -> Row:
    messages = [one.message for one in group]
    words = failover_words(Pieces(b"", [one.octets for one in messages], b"")).removeprefix("failover ")
    other = pair.sides[1 - side].name
    if kind == "unrecorded":
        there = group[0].said is not None
        text = f"to {other}: {words}: nobody recorded there" if there else f"from {other}: {words}: nobody recorded it"
    elif kind == "lost":
        text = f"to {other}: {words}: NEVER CAME"
    else:
        text = f"to {other}: {words}"
    return Row(_corrected(pair, side, seq, messages[0].wall_us, ahead), side, seq, kind, text, group)
