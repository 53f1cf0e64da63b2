"""The log's line about each verdict, in ISC's words: scripts read them. A name is always shown in one line.

See docs/behaviour/dns-updates.md#all-log-lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...trace.effects import ERROR, INFO
from ..wire.text import dotted
from .rules import Verdict
from .wire.message import until_nul

if TYPE_CHECKING:
    from .records import Names

# Octets that would begin a line of their own in the log, or move a terminal's cursor.
_UNSPEAKABLE: Final = {code: f"\\{code:03o}" for code in (0x0A, 0x0D, 0x1B)}

# What is logged; `word` is the result's, and the verdict's own text its reason. Verdicts without a row say nothing:
# ISC dhcpd has no line for a forward removal that failed.
LINES: Final[dict[Verdict, tuple[int, str]]] = {
    Verdict.ADDED_FORWARD: (INFO, "Added new forward map from {forward} to {address}"),
    Verdict.ADDED_REVERSE: (INFO, "Added reverse map from {reverse} to {forward}"),
    Verdict.NOT_ADDED: (ERROR, "Unable to add forward map from {forward} to {address}: {word}"),
    Verdict.REFUSED_FORWARD: (ERROR, "Forward map from {forward} to {address} FAILED: {word}"),
    Verdict.NOT_MINE: (ERROR, "Forward map from {forward} to {address} FAILED: {verdict}"),
    Verdict.OTHERS: (ERROR, "Forward map from {forward} to {address} FAILED: {verdict}"),
    Verdict.STATIC: (ERROR, "Forward map from {forward} to {address} FAILED: {verdict}"),
    Verdict.OTHER_PROTOCOL: (ERROR, "Forward map from {forward} to {address} FAILED: {verdict}"),
    Verdict.REVERSE_NOT_ADDED: (ERROR, "Unable to add reverse map from {reverse} to {forward}: {word}"),
    Verdict.REMOVED_ADDRESS: (INFO, "Removed forward map from {forward} to {address}"),
    Verdict.REMOVED_REVERSE: (INFO, "Removed reverse map on {reverse}"),
    Verdict.REVERSE_NOT_REMOVED: (ERROR, "Can't remove reverse map on {reverse}: {word}"),
}


def line_of(verdict: Verdict, names: Names, address: int, word: str) -> tuple[int, str] | None:
    """Level and text; None where nothing is logged."""
    found = LINES.get(verdict)
    if found is None:
        return None
    level, text = found
    return level, text.format(
        forward=shown(names.forward), reverse=shown(names.reverse), address=dotted(address), word=word, verdict=verdict
    )


def shown(name: bytes) -> str:
    """A name in a log line, in one line."""
    return until_nul(name).decode("latin-1").translate(_UNSPEAKABLE)
