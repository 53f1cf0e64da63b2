"""Two ends of a pair held against each other: which message is which, what never came, how far the clocks are apart.

A connection is the same at both ends where its addresses and ports are; of one that began before a recording, messages
must tell. On a connection messages keep their order, so that the n-th that was heard is looked for behind the one
before; a message is the same where all its octets are: time, number and content. What was said and is not found at the
other end never came there, or came when nobody recorded.

The clocks: a message takes some time on its way, never less than none. From the quickest in each direction follow the
difference of the clocks and how far it may be wrong, as NTP has it (RFC 5905 section 8). Each connection has its own,
since clocks are set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .side import NoPair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .side import Connection, Message, Side


class Passage(NamedTuple):
    """A message on its way from side `sender` (0 or 1): `said` and `heard` at the two ends, None where it is not."""

    sender: int
    said: Message | None
    heard: Message | None

    @property
    def message(self) -> Message:
        """The message, at whichever end it is."""
        found = self.said or self.heard
        assert found is not None, "a passage has an end"
        return found


class Skew(NamedTuple):
    """How far the second side's clock is ahead of the first's, in microseconds, give or take `within_us`.

    `measured_both_ways`: false where messages went one way only, so that it is a bound and no measure.
    """

    ahead_us: int
    within_us: int
    measured_both_ways: bool


class Joined(NamedTuple):
    """A connection as both ends have it; one end is None where only one recording has it."""

    ends: tuple[Connection | None, Connection | None]
    passages: tuple[Passage, ...]
    skew: Skew | None


def check_pair(first: Side, second: Side) -> tuple[str, ...]:
    """The relationships whose two ends these are. Raises NoPair."""
    shared = [name for name in first.roles if name in second.roles]
    if not shared:
        text = f"no relationship is in both: {', '.join(first.roles)}; {', '.join(second.roles)}"
        raise NoPair(text)
    opposite = tuple(name for name in shared if first.roles[name] != second.roles[name])
    if not opposite:
        role = "primary" if first.roles[shared[0]] else "secondary"
        text = f"both recordings are of a {role} of {shared[0]}: a pair has one of each"
        raise NoPair(text)
    return opposite


def join(first: Side, second: Side) -> list[Joined]:
    """Every connection of the pair, in the order of the first side, then those that the second has alone."""
    left = list(second.connections)
    found = []
    for connection in first.connections:
        other = next((one for one in left if _same_ends(connection, one)), None)
        if other is None and connection.ends is None:
            other = next((one for one in left if _talks_to(connection, one)), None)
        if other is None:
            other = next((one for one in left if one.ends is None and _talks_to(connection, one)), None)
        if other is not None:
            left.remove(other)
        found.append(_joined(connection, other))
    found += [_joined(None, one) for one in left]
    return found


def _same_ends(one: Connection, other: Connection) -> bool:
    return one.ends is not None and other.ends is not None and one.ends == other.ends[::-1]


def _talks_to(one: Connection, other: Connection) -> bool:
    """Whether a message that one end said is one that the other heard."""
    heard = {message.octets for message in other.heard}
    here = {message.octets for message in one.heard}
    return any(message.octets in heard for message in one.said) or any(
        message.octets in here for message in other.said
    )


def _joined(one: Connection | None, other: Connection | None) -> Joined:
    passages = [
        *_passages(0, one.said if one else [], other.heard if other else []),
        *_passages(1, other.said if other else [], one.heard if one else []),
    ]
    return Joined((one, other), tuple(passages), measure(passages))


def _passages(sender: int, said: list[Message], heard: list[Message]) -> Iterator[Passage]:
    """Both lists in their order, what is the same in both as one."""
    at = 0
    places: dict[bytes, list[int]] = {}
    for place, message in enumerate(said):
        places.setdefault(message.octets, []).append(place)
    for message in heard:
        found = next((one for one in places.get(message.octets, ()) if one >= at), None)
        if found is None:
            yield Passage(sender, None, message)
            continue
        for lost in said[at:found]:
            yield Passage(sender, lost, None)
        yield Passage(sender, said[found], message)
        at = found + 1
    for lost in said[at:]:
        yield Passage(sender, lost, None)


def measure(passages: list[Passage]) -> Skew | None:
    """The difference of the clocks by the quickest message each way, None where none came."""
    quickest: dict[int, int] = {}
    for sender, said, heard in passages:
        if said is not None and heard is not None:
            late = heard.wall_us - said.wall_us
            quickest[sender] = min(quickest.get(sender, late), late)
    if not quickest:
        return None
    if len(quickest) == 1:
        sender, late = quickest.popitem()
        return Skew(late if sender == 0 else -late, 0, measured_both_ways=False)
    there, back = quickest[0], quickest[1]
    return Skew((there - back) // 2, abs(there + back) // 2, measured_both_ways=True)
