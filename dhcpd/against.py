"""What taking over a configuration would change for those that an earlier one serves: `dhcpd -t --against FILE`.

A lease file tells which leases would lose their range (engine/reloading.py); the configuration that runs tells who
would get other values. Values are compared as they stand in force, scope by scope (effective.py), so that one that
only moves to another scope is no change. What conditions and handlers would do with a message is not tried here: that
is `dhcpd-trace whatif`'s, with the messages of a recording.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from . import effective

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .engine.model.configuration import Configuration

# A lease file has neither: its leases name no subnet.
_OF_CONFIGURATIONS: Final = re.compile(rb"^[ \t]*(?:subnet|shared-network|include)\b", re.MULTILINE | re.IGNORECASE)
# What stands between the subnet and the ranges in a pool's title.
_POOL: Final = ", pool of "
# Who is named of many with one change.
_SHOWN: Final = 3


class Change(NamedTuple):
    """Statements that are in force no more, and those that come into force, as text."""

    gone: tuple[str, ...]
    new: tuple[str, ...]


def is_configuration(content: bytes) -> bool:
    """Whether a file is a dhcpd.conf, else a lease file."""
    return _OF_CONFIGURATIONS.search(content) is not None


def changed(before: Configuration, after: Configuration) -> Iterator[str]:
    """Who would get other values, who is new and who is gone, in lines; those with one change together."""
    old, new = _values(before), _values(after)
    now = _counterparts(old, new)
    changes: dict[Change, list[str]] = {}
    for title, other in now.items():
        if old[title] != new[other] or title != other:
            change = Change(_without(old[title], new[other]), _without(new[other], old[title]))
            changes.setdefault(change, []).append(title if title == other else f"{title}, now {_ranges(other)}")
    for change, titles in changes.items():
        yield _named(titles)
        yield from (f"  - {line}" for text in change.gone for line in text.split("\n"))
        yield from (f"  + {line}" for text in change.new for line in text.split("\n"))
    for word, titles in (
        ("no more", [title for title in old if title not in now]),
        ("new", [title for title in new if title not in now.values()]),
    ):
        if titles:
            yield f"{word}: {_named(titles)}"


def _counterparts(old: Iterable[str], new: Iterable[str]) -> dict[str, str]:
    """Whose place who has now: one of the same title, else the next pool of the same subnet whose ranges are new."""
    known = set(old)
    fresh = [title for title in new if title not in known]
    found: dict[str, str] = {}
    left = set(new)
    for title in old:
        if title in left:
            found[title] = title
            continue
        subnet, pool, _ranges = title.partition(_POOL)
        other = next((one for one in fresh if pool and one.startswith(subnet + pool)), None)
        if other is not None:
            fresh.remove(other)
            found[title] = other
    return found


def _ranges(title: str) -> str:
    """The ranges in the title of a pool."""
    return title.partition(_POOL)[2]


def _values(configuration: Configuration) -> dict[str, tuple[str, ...]]:
    """What each pool, subnet, class and host gets. Of several with one title the last counts."""
    return {
        one.title: tuple([statement.text for statement in effective.in_force(one.scopes)])
        for one in effective.everybody(configuration)
    }


def _without(these: tuple[str, ...], those: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([one for one in these if one not in those])


def _named(titles: list[str]) -> str:
    more = len(titles) - _SHOWN
    return "; ".join(titles[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
