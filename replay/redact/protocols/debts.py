"""The lease variable that says what DNS is owed: its names and guards, in the words that the engine reads them by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....engine.ddns.owed import entries_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ....engine.ddns.records import Names
    from ..findings import Findings

_WORDS: Final = (b" remove ", b" add ")


def survey(text: bytes, findings: Findings) -> None:
    """Take what it names into `findings`; of any other text nothing."""
    if not any(word in text for word in _WORDS):
        return
    for owed in entries_of(0, text):
        for names in (owed.removing, owed.adding):
            if names is not None:
                findings.name(names.forward)
                findings.name(names.reverse)
                findings.identifier(names.guard)


def exchanged(text: bytes, guard: Callable[[bytes], bytes], name: Callable[[bytes], bytes]) -> bytes | None:
    """The variable with pseudonyms; None for what is no such variable. Entries that nobody can read go."""
    if not any(word in text for word in _WORDS):
        return None

    def other(names: Names | None) -> Names | None:
        if names is None:
            return None
        return names._replace(forward=name(names.forward), guard=guard(names.guard), reverse=name(names.reverse))

    found = entries_of(0, text)
    rows = [one._replace(removing=other(one.removing), adding=other(one.adding)) for one in found]
    return text_of(rows) if rows else None
